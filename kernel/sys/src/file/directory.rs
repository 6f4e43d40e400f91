//! getdents64(2) and its elder.

use crate::cx::Cx;
use alloc::vec::Vec;
use osv_abi::arg::{Fd, OutBuf};
use osv_abi::uapi::event::inotify;
use osv_abi::uapi::file::{DIRENT_NAME, DIRENT64_NAME};
use osv_abi::{Errno, UserMemory};
use osv_base::Res;
use osv_vfs::directory::Directory;
use osv_vfs::inode::DirEntry;
use osv_vfs::notify;

/// Most that one call lists.
const LISTING_MAX: usize = 64 << 10;

/// Lists into the application's buffer; `put` appends one entry's record, or says that it does not fit.
fn list(cx: &Cx<'_>, fd: Fd, buf: OutBuf, put: fn(&mut Vec<u8>, usize, &DirEntry<'_>) -> bool) -> Res<usize> {
    let open = cx.file(fd)?;
    let dir = open.file().as_any().downcast_ref::<Directory>().ok_or(Errno::ENOTDIR)?;
    // Linux takes an unsigned int, and for negative what is too large for an int.
    let room = usize::try_from(buf.len as u32 as i32).unwrap_or(0).min(LISTING_MAX);
    let start = *open.offset().lock();
    let (mut records, mut next, mut found) = (Vec::new(), start, false);
    dir.list(start, &mut |entry| {
        found = true;
        let fits = put(&mut records, room, &entry);
        if fits {
            next = entry.next;
        }
        fits
    })?;
    if records.is_empty() && found {
        return Err(Errno::EINVAL.into());
    }
    cx.write_bytes(buf.addr, &records)?;
    *open.offset().lock() = next;
    if let Some(entry) = open.entry() {
        notify::on_entry(entry, inotify::ACCESS);
    }
    Ok(records.len())
}

/// getdents64(2)
pub fn getdents64(cx: &mut Cx<'_>, fd: Fd, buf: OutBuf) -> Res<usize> {
    list(cx, fd, buf, |records, room, entry| {
        let len = (DIRENT64_NAME + entry.name.len() + 1).next_multiple_of(8);
        if records.len() + len > room {
            return false;
        }
        let end = records.len() + len;
        records.extend_from_slice(&entry.ino.to_ne_bytes());
        records.extend_from_slice(&entry.next.to_ne_bytes());
        records.extend_from_slice(&(len as u16).to_ne_bytes());
        records.push(entry.kind.dirent_type());
        records.extend_from_slice(entry.name);
        records.resize(end, 0);
        true
    })
}

/// getdents(2): the type is the record's last byte.
pub fn getdents(cx: &mut Cx<'_>, fd: Fd, buf: OutBuf) -> Res<usize> {
    list(cx, fd, buf, |records, room, entry| {
        let len = (DIRENT_NAME + entry.name.len() + 2).next_multiple_of(8);
        if records.len() + len > room {
            return false;
        }
        let end = records.len() + len;
        records.extend_from_slice(&entry.ino.to_ne_bytes());
        records.extend_from_slice(&entry.next.to_ne_bytes());
        records.extend_from_slice(&(len as u16).to_ne_bytes());
        records.extend_from_slice(entry.name);
        records.resize(end - 1, 0);
        records.push(entry.kind.dirent_type());
        true
    })
}
