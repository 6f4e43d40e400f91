//! An executable file: found, read, mapped; and the scripts that name one.

use super::{Caller, PAGE, elf};
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::Errno;
use osv_abi::uapi::file::{mount::NOEXEC, open as o};
use osv_abi::uapi::memory::{MapFlags, Prot};
use osv_base::Res;
use osv_base::io::SliceSink;
use osv_mm::pager::Pager;
use osv_mm::space::{AddressSpace, Object};
use osv_vfs::context::{Creds, MAY_EXEC};
use osv_vfs::entry::Entry;
use osv_vfs::file::{At, Io, OpenFile};
use osv_vfs::ops::{self, How};
use osv_vfs::path::From;
use osv_vfs::text::Running;

/// Most scripts that are each other's interpreters, as on Linux.
const SCRIPT_DEPTH: usize = 5;
/// Longest first line of a script.
const SCRIPT_LINE: usize = 256;

/// An executable file, open.
pub(super) struct Binary {
    open: OpenFile,
    pub(super) running: Running,
    pager: Option<Arc<dyn Pager>>,
}

impl Binary {
    pub(super) fn open(
        caller: &Caller<'_>,
        dir: Option<&Arc<Entry>>,
        path: &[u8],
        follow: bool,
        creds: &Creds,
    ) -> Res<Binary> {
        let root = caller.fs.root();
        let dir = if path.first() == Some(&b'/') {
            root.clone()
        } else {
            dir.cloned().unwrap_or_else(|| caller.fs.cwd())
        };
        let from = From { root, dir, creds };
        let entry = ops::find(&from, path, follow)?;
        Binary::of(&entry, creds)
    }

    pub(super) fn of(entry: &Arc<Entry>, creds: &Creds) -> Res<Binary> {
        match entry.kind() {
            osv_vfs::Kind::Regular => {}
            osv_vfs::Kind::Symlink => return Err(Errno::ELOOP.into()),
            _ => return Err(Errno::EACCES.into()),
        }
        if entry.mount().has(NOEXEC) {
            return Err(Errno::EACCES.into());
        }
        ops::access(entry.inode(), MAY_EXEC, creds)?;
        // Read as the kernel reads: a program need not be readable to be run.
        let how = How { flags: o::RDONLY, mode: 0, umask: 0, resolve: Default::default() };
        let running = Running::begin(entry)?;
        let open = ops::open_entry(entry, how, &Creds::root(), false)?;
        let pager = open.pager();
        Ok(Binary { open, running, pager })
    }

    fn read(&self, offset: u64, to: &mut [u8]) -> Res<usize> {
        let mut sink = SliceSink::new(to);
        let mut done = 0;
        loop {
            let n = self.open.file().read(At::Offset(offset + done as u64), &mut sink, Io::default())?;
            if n == 0 {
                return Ok(done);
            }
            done += n;
        }
    }

    pub(super) fn read_exact(&self, offset: u64, len: usize) -> Res<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| Errno::ENOMEM)?;
        bytes.resize(len, 0);
        if self.read(offset, &mut bytes)? == len { Ok(bytes) } else { Err(Errno::ENOEXEC.into()) }
    }

    pub(super) fn plan(&self) -> Res<elf::Plan> {
        let mut first = [0; elf::HEADER];
        let got = self.read(0, &mut first)?;
        let header = elf::header(&first[..got])?;
        let table = self.read_exact(header.table, header.count * elf::PROGRAM_HEADER)?;
        Ok(elf::plan(&header, &table)?)
    }
}

/// Maps a plan into `space`; gives the distance from addresses as linked to those as loaded. `near`: where a
/// relocatable program goes; anywhere for `None`.
pub(super) fn map(space: &AddressSpace, binary: &Binary, plan: &elf::Plan, near: Option<u64>) -> Res<u64> {
    let span = plan.span.end - plan.span.start;
    let base = if !plan.relocatable {
        plan.span.start
    } else if let Some(near) = near {
        near.checked_next_multiple_of(plan.align).ok_or(Errno::ENOMEM)?
    } else {
        // Room for the alignment; what is not used goes back.
        let room = span.checked_add(plan.align - PAGE).ok_or(Errno::ENOMEM)?;
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::NORESERVE;
        let at = space.map(0, room, Prot::empty(), flags, None)?;
        let base = at.next_multiple_of(plan.align);
        for (start, end) in [(at, base), (base + span, at + room)] {
            if start < end {
                space.unmap(start, end - start)?;
            }
        }
        base
    };
    let bias = base.wrapping_sub(plan.span.start);
    for segment in &plan.segments {
        map_segment(space, binary, segment, bias)?;
    }
    Ok(bias)
}

fn map_segment(space: &AddressSpace, binary: &Binary, segment: &elf::Segment, bias: u64) -> Res<()> {
    let start = segment.pages.start.wrapping_add(bias);
    let end = segment.pages.end.wrapping_add(bias);
    let file_end = segment.file_end.wrapping_add(bias);
    let file_pages = file_end.next_multiple_of(PAGE);
    let fixed = MapFlags::PRIVATE | MapFlags::FIXED;
    if file_end > start {
        let pager = binary.pager.clone().ok_or(Errno::ENOEXEC)?;
        let max_prot = Prot::READ | Prot::WRITE | Prot::EXEC;
        let object = Object { pager, offset: segment.offset, max_prot };
        space.map(start, file_pages - start, segment.prot, fixed, Some(object))?;
        if file_end < file_pages && end >= file_pages && segment.prot.contains(Prot::WRITE) {
            // The rest of the last page is .bss, not what follows in the file.
            let zeros = [0; PAGE as usize];
            space.write_all(file_end, &zeros[..(file_pages - file_end) as usize])?;
        }
    }
    let anonymous = file_pages.max(start);
    if end > anonymous {
        space.map(anonymous, end - anonymous, segment.prot, fixed | MapFlags::ANONYMOUS, None)?;
    }
    Ok(())
}

/// Follows `#!` lines: gives the program to load, and makes `args` those that it gets.
pub(super) fn resolve_script(
    caller: &Caller<'_>,
    mut binary: Binary,
    path: &[u8],
    args: &mut Vec<Vec<u8>>,
    creds: &Creds,
) -> Res<Binary> {
    let mut script = path.to_vec();
    for _ in 0..=SCRIPT_DEPTH {
        let mut line = [0; SCRIPT_LINE];
        let got = binary.read(0, &mut line)?;
        let Some(text) = line[..got].strip_prefix(b"#!") else { return Ok(binary) };
        let text = match text.iter().position(|&b| b == b'\n') {
            Some(end) => &text[..end],
            None if got < SCRIPT_LINE => text,
            None => return Err(Errno::ENOEXEC.into()),
        };
        let text = text.trim_ascii();
        let end = text.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(text.len());
        let (interpreter, option) = (text[..end].to_vec(), text[end..].trim_ascii());
        if interpreter.is_empty() {
            return Err(Errno::ENOEXEC.into());
        }
        let mut front = Vec::new();
        front.push(interpreter.clone());
        if !option.is_empty() {
            front.push(option.to_vec());
        }
        front.push(core::mem::take(&mut script));
        args.splice(..1.min(args.len()), front);
        binary = Binary::open(caller, None, &interpreter, true, creds)?;
        script = interpreter;
    }
    Err(Errno::ELOOP.into())
}
