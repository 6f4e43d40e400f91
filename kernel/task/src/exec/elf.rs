//! What an ELF file asks to be loaded: read from untrusted bytes, checked, and turned into a plan of mappings.
//!
//! Nothing here reads files or maps memory; every number is checked before it is used.

use alloc::vec::Vec;
use core::ops::Range;
use goblin::container::Endian;
use goblin::container::{Container, Ctx};
use goblin::elf::header::{EM_X86_64, ET_DYN, ET_EXEC, SIZEOF_IDENT};
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_PHDR};
use goblin::elf::{Elf, ProgramHeader};
use osv_abi::Errno;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::Prot;

const PAGE: u64 = 4096;
/// Bytes of an ELF-64 file header.
pub const HEADER: usize = 64;
/// Bytes of an ELF-64 program header.
pub const PROGRAM_HEADER: usize = 56;
/// Most program headers (64 KiB of them, as Linux).
const MOST_HEADERS: usize = 65_536 / PROGRAM_HEADER;
/// Longest interpreter path.
const PATH_MAX: u64 = 4096;

/// What the file header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Where the program headers lie in the file.
    pub table: u64,
    /// How many there are.
    pub count: usize,
    /// Where it starts, as linked.
    pub entry: u64,
    /// Whether it may be loaded anywhere.
    pub relocatable: bool,
}

/// Reads the first bytes of a file: ENOEXEC when it is not a program for this machine.
pub fn header(bytes: &[u8]) -> Result<Header, Errno> {
    let ident = bytes.get(..SIZEOF_IDENT).ok_or(Errno::ENOEXEC)?;
    // Magic, 64 bits, little-endian.
    if !ident.starts_with(b"\x7fELF\x02\x01") || bytes.len() < HEADER {
        return Err(Errno::ENOEXEC);
    }
    let header = Elf::parse_header(bytes).map_err(|_| Errno::ENOEXEC)?;
    let count = usize::from(header.e_phnum);
    let relocatable = match header.e_type {
        ET_EXEC => false,
        ET_DYN => true,
        _ => return Err(Errno::ENOEXEC),
    };
    if header.e_machine != EM_X86_64
        || usize::from(header.e_phentsize) != PROGRAM_HEADER
        || count == 0
        || count > MOST_HEADERS
        || header.e_phoff.checked_add((count * PROGRAM_HEADER) as u64).is_none()
    {
        return Err(Errno::ENOEXEC);
    }
    Ok(Header { table: header.e_phoff, count, entry: header.e_entry, relocatable })
}

/// A range of the program, at addresses as linked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Where it lies; whole pages.
    pub pages: Range<u64>,
    /// Offset in the file of the first page that comes from it.
    pub offset: u64,
    /// End of what comes from the file, to the byte; the start of `pages` when nothing does.
    pub file_end: u64,
    /// What may be done.
    pub prot: Prot,
}

/// What to map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// In rising order, disjoint.
    pub segments: Vec<Segment>,
    /// From the first segment to the last, whole pages.
    pub span: Range<u64>,
    /// Largest alignment that a segment asks for.
    pub align: u64,
    /// Where the path of the interpreter lies in the file.
    pub interpreter: Option<Range<u64>>,
    /// Where it starts, as linked.
    pub entry: u64,
    /// Address of the program headers, as linked; 0 when they are not loaded.
    pub headers: u64,
    /// How many program headers there are.
    pub header_count: usize,
    /// Whether it may be loaded anywhere.
    pub relocatable: bool,
    /// Whether it wants its stack executable.
    pub executable_stack: bool,
}

fn prot(flags: u32) -> Prot {
    let mut prot = Prot::empty();
    prot.set(Prot::READ, flags & PF_R != 0);
    prot.set(Prot::WRITE, flags & PF_W != 0);
    prot.set(Prot::EXEC, flags & PF_X != 0);
    prot
}

fn segment(header: &ProgramHeader) -> Result<Option<Segment>, Errno> {
    let bad = Errno::EINVAL;
    if header.p_memsz == 0 {
        return Ok(None);
    }
    let end = header.p_vaddr.checked_add(header.p_memsz).filter(|end| *end <= USER_END).ok_or(bad)?;
    let file_end = header.p_vaddr.checked_add(header.p_filesz).ok_or(bad)?;
    header.p_offset.checked_add(header.p_filesz).filter(|end| *end <= i64::MAX as u64).ok_or(bad)?;
    if header.p_filesz > header.p_memsz
        || header.p_filesz > 0 && header.p_vaddr % PAGE != header.p_offset % PAGE
    {
        return Err(bad);
    }
    let start = header.p_vaddr & !(PAGE - 1);
    let from_file = header.p_filesz > 0;
    Ok(Some(Segment {
        pages: start..end.next_multiple_of(PAGE),
        offset: if from_file { header.p_offset & !(PAGE - 1) } else { 0 },
        file_end: if from_file { file_end } else { start },
        prot: prot(header.p_flags),
    }))
}

/// Reads the program headers: `table` holds exactly those that `header` announces.
pub fn plan(header: &Header, table: &[u8]) -> Result<Plan, Errno> {
    let ctx = Ctx::new(Container::Big, Endian::Little);
    let headers = ProgramHeader::parse(table, 0, header.count, ctx).map_err(|_| Errno::ENOEXEC)?;
    let mut plan = Plan {
        segments: Vec::new(),
        span: 0..0,
        align: PAGE,
        interpreter: None,
        entry: header.entry,
        headers: 0,
        header_count: header.count,
        relocatable: header.relocatable,
        executable_stack: false,
    };
    for ph in &headers {
        match ph.p_type {
            PT_LOAD => {
                if let Some(segment) = segment(ph)? {
                    if plan.segments.last().is_some_and(|last| last.pages.end > segment.pages.start) {
                        // Rising and disjoint, as the specification says; sharing a page is not disjoint.
                        return Err(Errno::ENOEXEC);
                    }
                    let covers = ph.p_offset..ph.p_offset.saturating_add(ph.p_filesz);
                    if plan.headers == 0 && covers.contains(&header.table) {
                        plan.headers = ph.p_vaddr.wrapping_add(header.table - ph.p_offset);
                    }
                    if ph.p_align.is_power_of_two() {
                        plan.align = plan.align.max(ph.p_align.min(1 << 30));
                    }
                    plan.segments.push(segment);
                }
            }
            PT_PHDR => {}
            PT_INTERP if plan.interpreter.is_none() => {
                let end = ph.p_offset.checked_add(ph.p_filesz).ok_or(Errno::ENOEXEC)?;
                if ph.p_filesz < 2 || ph.p_filesz > PATH_MAX {
                    return Err(Errno::ENOEXEC);
                }
                plan.interpreter = Some(ph.p_offset..end);
            }
            PT_GNU_STACK => plan.executable_stack = ph.p_flags & PF_X != 0,
            _ => {}
        }
    }
    let (Some(first), Some(last)) = (plan.segments.first(), plan.segments.last()) else {
        return Err(Errno::ENOEXEC);
    };
    plan.span = first.pages.start..last.pages.end;
    Ok(plan)
}

#[cfg(test)]
mod tests;
