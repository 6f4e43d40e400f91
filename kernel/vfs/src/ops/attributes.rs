//! What is changed of an inode, and who may: chmod(2), chown(2), utimensat(2), truncate(2), access(2).

use crate::context::{Creds, MAY_WRITE};
use crate::entry::Entry;
use crate::inode::{Inode, Kind, SetAttr, Time};
use crate::notify;
use crate::text::Writing;
use alloc::sync::Arc;
use osv_abi::uapi::event::inotify;
use osv_abi::uapi::file::mode;
use osv_base::{Errno, Res};

/// Changes the permission bits (chmod(2)).
pub fn chmod(inode: &Arc<dyn Inode>, bits: u32, creds: &Creds, now: Time) -> Res<()> {
    writable_fs(inode)?;
    let attr = inode.attr();
    creds.owns(&attr)?;
    let mut bits = bits & 0o7777;
    if !creds.is_root() && !creds.in_group(attr.gid) {
        bits &= !mode::ISGID;
    }
    inode.set_attr(&SetAttr { mode: Some(bits), now, ..SetAttr::default() })?;
    notify::on_inode(inode, inotify::ATTRIB);
    Ok(())
}

/// Changes owner and group; `None` leaves one as it is (chown(2)).
pub fn chown(
    inode: &Arc<dyn Inode>,
    uid: Option<u32>,
    gid: Option<u32>,
    creds: &Creds,
    now: Time,
) -> Res<()> {
    writable_fs(inode)?;
    let attr = inode.attr();
    if !creds.is_root() {
        let same_user = uid.is_none_or(|uid| uid == attr.uid && creds.uid == attr.uid);
        let own_group =
            gid.is_none_or(|gid| creds.uid == attr.uid && (gid == attr.gid || creds.in_group(gid)));
        if !same_user || !own_group {
            return Err(Errno::EPERM.into());
        }
    }
    // Set-id bits of programs don't survive a change of owner.
    let clears = inode.kind() != Kind::Directory && attr.mode & (mode::ISUID | mode::ISGID) != 0;
    let group_exec = attr.mode & 0o010 != 0;
    let cleared = attr.mode & 0o7777 & !mode::ISUID & if group_exec { !mode::ISGID } else { !0 };
    inode.set_attr(&SetAttr { uid, gid, mode: clears.then_some(cleared), now, ..SetAttr::default() })?;
    notify::on_inode(inode, inotify::ATTRIB);
    Ok(())
}

/// Sets time stamps; `None` leaves one as it is (utimensat(2)). `to_now` says that the caller gave no times.
pub fn set_times(
    inode: &Arc<dyn Inode>,
    atime: Option<Time>,
    mtime: Option<Time>,
    to_now: bool,
    creds: &Creds,
    now: Time,
) -> Res<()> {
    writable_fs(inode)?;
    let attr = inode.attr();
    if creds.owns(&attr).is_err() {
        if !to_now {
            return Err(Errno::EPERM.into());
        }
        creds.may(&attr, MAY_WRITE)?;
    }
    inode.set_attr(&SetAttr { atime, mtime, now, ..SetAttr::default() })?;
    // As Linux: both are an attribute, one alone is what would have set it.
    let mask = match (atime, mtime) {
        (Some(_), None) => inotify::ACCESS,
        (None, Some(_)) => inotify::MODIFY,
        _ => inotify::ATTRIB,
    };
    notify::on_inode(inode, mask);
    Ok(())
}

/// Sets the length of a file (truncate(2)).
pub fn truncate(entry: &Arc<Entry>, len: u64, creds: &Creds) -> Res<()> {
    let inode = entry.inode();
    match inode.kind() {
        Kind::Regular => {}
        Kind::Directory => return Err(Errno::EISDIR.into()),
        _ => return Err(Errno::EINVAL.into()),
    }
    if !creds.is_root() {
        creds.may(&inode.attr(), MAY_WRITE)?;
    }
    writable_fs(inode)?;
    let _writing = Writing::begin(entry)?;
    inode.truncate(len)?;
    notify::on_inode(inode, inotify::MODIFY);
    Ok(())
}

/// Whether `creds` may use a file as `wanted` (MAY_*) says (access(2)).
pub fn access(inode: &Arc<dyn Inode>, wanted: u32, creds: &Creds) -> Res<()> {
    if wanted & MAY_WRITE != 0 && matches!(inode.kind(), Kind::Regular | Kind::Directory | Kind::Symlink) {
        writable_fs(inode)?;
    }
    if wanted == 0 { Ok(()) } else { creds.may(&inode.attr(), wanted) }
}

fn writable_fs(inode: &Arc<dyn Inode>) -> Res<()> {
    if inode.fs().read_only() { Err(Errno::EROFS.into()) } else { Ok(()) }
}
