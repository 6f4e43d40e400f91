//! Opens libraries through the gate, mapped whole and read-only for the planner.

use alloc::vec::Vec;
use osv_abi::errno::Errno;
use osv_link::Error;
use osv_link::world::{File, Files};
use osv_posix::gate::{self, Sysno};

/// The real file system.
#[derive(Debug)]
pub struct Disk;

const O_CLOEXEC: usize = 0o2_000_000;
const AT_EMPTY_PATH: usize = 0x1000;

impl Files<'static> for Disk {
    fn open(&mut self, path: &[u8]) -> Result<Option<File<'static>>, Error> {
        let mut text: Vec<u8> = path.into();
        text.push(0);
        // SAFETY: the path ends with a zero byte.
        let opened = unsafe {
            gate::try_call(Sysno::openat, [-100isize as usize, text.as_ptr().addr(), O_CLOEXEC, 0])
        };
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ELOOP | Errno::ENAMETOOLONG) => {
                return Ok(None);
            }
            Err(errno) => return Err(Error::Io(errno.get())),
        };
        let file = read(fd);
        if file.is_err() {
            // SAFETY: the descriptor is ours.
            unsafe { gate::call(Sysno::close, [fd]) };
        }
        file.map(Some)
    }

    fn close(&mut self, file: File<'static>) {
        // SAFETY: the mapping and the descriptor are this file's; the planner keeps no slice of a file it gives back.
        unsafe {
            if !file.bytes.is_empty() {
                gate::call(Sysno::munmap, [file.bytes.as_ptr().addr(), file.bytes.len()]);
            }
            gate::call(Sysno::close, [file.handle as usize]);
        }
    }

    fn list(&mut self, folder: &[u8]) -> Vec<Vec<u8>> {
        const O_DIRECTORY: usize = 0o200_000;
        let mut path: Vec<u8> = folder.into();
        path.push(0);
        let mut names = Vec::new();
        let mut buffer = alloc::vec![0u8; 4096];
        // SAFETY: the path ends with a zero byte, the buffer is as long as said.
        unsafe {
            let arguments = [-100isize as usize, path.as_ptr().addr(), O_CLOEXEC | O_DIRECTORY, 0];
            let Ok(fd) = gate::try_call(Sysno::openat, arguments) else { return names };
            while let Ok(filled @ 1..) =
                gate::try_call(Sysno::getdents64, [fd, buffer.as_mut_ptr().expose_provenance(), buffer.len()])
            {
                entries(buffer.get(..filled).unwrap_or(&[]), &mut names);
            }
            gate::call(Sysno::close, [fd]);
        }
        names
    }

    fn absolute(&mut self, path: &[u8]) -> Vec<u8> {
        if path.starts_with(b"/") {
            return path.into();
        }
        let mut text = alloc::vec![0u8; 4096];
        // SAFETY: the buffer is as long as said.
        let len =
            unsafe { gate::try_call(Sysno::getcwd, [text.as_mut_ptr().expose_provenance(), text.len()]) };
        text.truncate(len.map_or(0, |len| len.saturating_sub(1)));
        text.push(b'/');
        text.extend_from_slice(path);
        text
    }
}

/// Adds the names of `struct linux_dirent64` records.
fn entries(mut records: &[u8], names: &mut Vec<Vec<u8>>) {
    const NAME_AT: usize = 19;
    while let Some(len) = osv_link::elf::u16_at(records, 16) {
        let Some((record, rest)) = records.split_at_checked(usize::from(len).max(NAME_AT)) else { return };
        if let Some(name) = osv_link::elf::str_at(record, NAME_AT) {
            names.push(name.into());
        }
        records = rest;
    }
}

/// The text of a symbolic link, or of the kernel's name for a file.
pub fn read_link(path: &core::ffi::CStr) -> Option<Vec<u8>> {
    let mut text = alloc::vec![0u8; 4096];
    // SAFETY: the buffer is as long as said.
    let len = unsafe {
        gate::try_call(
            Sysno::readlink,
            [path.as_ptr().addr(), text.as_mut_ptr().expose_provenance(), text.len()],
        )
    };
    text.truncate(len.ok()?);
    text.starts_with(b"/").then_some(text)
}

fn read(fd: usize) -> Result<File<'static>, Error> {
    let mut stat = [0u64; 18];
    let errno = |errno: Errno| Error::Io(errno.get());
    // SAFETY: the buffer has the size of struct stat.
    unsafe {
        gate::try_call(
            Sysno::newfstatat,
            [fd, c"".as_ptr().addr(), stat.as_mut_ptr().expose_provenance(), AT_EMPTY_PATH],
        )
    }
    .map_err(errno)?;
    if (stat[3] as u32) & 0o170_000 != 0o100_000 {
        return Err(Error::NotElf);
    }
    let len = stat[6] as usize;
    let bytes: &'static [u8] = if len == 0 {
        &[]
    } else {
        // SAFETY: a new private mapping; nobody truncates a library in use, or the program would fault anyway.
        unsafe {
            let at = gate::try_call(Sysno::mmap, [0, len, 1, 2, fd, 0]).map_err(errno)?;
            core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at), len)
        }
    };
    Ok(File { bytes, identity: (stat[0], stat[1]), handle: fd as i32 })
}
