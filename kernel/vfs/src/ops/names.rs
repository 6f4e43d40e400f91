//! Names that come and go: mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2).

use super::{Slot, make_in, may_change_dir, may_remove};
use crate::entry::Entry;
use crate::inode::{Inode, Kind, LINK_MAX, NAME_MAX};
use crate::mount::MountPoint;
use crate::notify;
use crate::path::{From, Last};
use alloc::sync::Arc;
use osv_abi::uapi::event::inotify;
use osv_base::{Errno, Res};

/// Makes a directory (mkdir(2)).
pub fn mkdir(from: &From<'_>, path: &[u8], bits: u32, umask: u32) -> Res<()> {
    let slot = Slot::find(from, path)?;
    let name = slot.name(Errno::EEXIST)?;
    make_in(slot.dir(), name, Kind::Directory, bits & 0o1777 & !umask, 0, b"", from.creds).map(drop)
}

/// Makes a file, device node, named pipe or socket (mknod(2)); returns its entry, for bind(2).
pub fn mknod(from: &From<'_>, path: &[u8], kind: Kind, bits: u32, umask: u32, rdev: u64) -> Res<Arc<Entry>> {
    match kind {
        Kind::Directory | Kind::Symlink => return Err(Errno::EPERM.into()),
        Kind::CharDevice | Kind::BlockDevice if !from.creds.is_root() => return Err(Errno::EPERM.into()),
        _ => {}
    }
    let slot = Slot::find(from, path)?;
    let name = slot.name(Errno::EEXIST)?;
    slot.no_directory(name)?;
    make_in(slot.dir(), name, kind, bits & 0o7777 & !umask, rdev, b"", from.creds)
}

/// Makes a symbolic link to `target` (symlink(2)).
pub fn symlink(from: &From<'_>, target: &[u8], path: &[u8]) -> Res<()> {
    if target.is_empty() {
        return Err(Errno::ENOENT.into());
    }
    if target.len() > LINK_MAX {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let slot = Slot::find(from, path)?;
    let name = slot.name(Errno::EEXIST)?;
    slot.no_directory(name)?;
    make_in(slot.dir(), name, Kind::Symlink, 0o777, 0, target, from.creds).map(drop)
}

/// Gives the file that `entry` names one more name: EXDEV when that would be by way of another mount (link(2)).
pub fn link_entry(entry: &Arc<Entry>, to: &From<'_>, path: &[u8]) -> Res<()> {
    link_checked(entry.inode(), Some(entry.mount()), to, path)
}

/// As [`link_entry`], for a file that was not reached by a name.
pub fn link(inode: &Arc<dyn Inode>, to: &From<'_>, path: &[u8]) -> Res<()> {
    link_checked(inode, None, to, path)
}

fn link_checked(
    inode: &Arc<dyn Inode>,
    mount: Option<&Arc<MountPoint>>,
    to: &From<'_>,
    path: &[u8],
) -> Res<()> {
    let slot = Slot::find(to, path)?;
    let name = slot.name(Errno::EEXIST)?;
    slot.no_directory(name)?;
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let dir = slot.dir();
    let _changing = dir.change();
    match dir.lookup_locked(name) {
        Ok(_) => return Err(Errno::EEXIST.into()),
        Err(fail) if fail == Errno::ENOENT.into() => {}
        Err(fail) => return Err(fail),
    }
    let same_mount = mount.is_none_or(|mount| Arc::ptr_eq(mount, dir.mount()));
    if !same_mount || inode.fs().dev() != dir.inode().fs().dev() {
        return Err(Errno::EXDEV.into());
    }
    may_change_dir(dir, to.creds)?;
    if inode.kind() == Kind::Directory {
        return Err(Errno::EPERM.into());
    }
    dir.inode().link(name, inode)?;
    dir.adopt(name, inode.clone());
    notify::on_itself(inode, inotify::ATTRIB);
    notify::in_directory(dir, inotify::CREATE, 0, name, inode.kind());
    Ok(())
}

/// Removes a name (unlink(2)).
pub fn unlink(from: &From<'_>, path: &[u8]) -> Res<()> {
    let slot = Slot::find(from, path)?;
    let name = slot.name(Errno::EISDIR)?;
    let dir = slot.dir();
    let _changing = dir.change();
    let victim = dir.lookup_locked(name)?;
    if slot.has_trailing_slash() {
        return Err(if victim.is_dir() { Errno::EISDIR } else { Errno::ENOTDIR }.into());
    }
    may_remove(dir, &victim, from.creds)?;
    if victim.is_dir() {
        return Err(Errno::EISDIR.into());
    }
    if victim.is_mount_root() {
        return Err(Errno::EBUSY.into());
    }
    dir.inode().unlink(name)?;
    dir.forget(name);
    notify::on_itself(victim.inode(), inotify::ATTRIB);
    notify::in_directory(dir, inotify::DELETE, 0, name, victim.kind());
    notify::removed(&victim, 1);
    Ok(())
}

/// Removes an empty directory (rmdir(2)).
pub fn rmdir(from: &From<'_>, path: &[u8]) -> Res<()> {
    let slot = Slot::find(from, path)?;
    let name = match &slot.last {
        Last::Name(range) => slot.walk.name(range),
        Last::Up => return Err(Errno::ENOTEMPTY.into()),
        Last::Here if path.iter().all(|&b| b == b'/') => return Err(Errno::EBUSY.into()),
        Last::Here => return Err(Errno::EINVAL.into()),
    };
    let dir = slot.dir();
    let _changing = dir.change();
    let victim = dir.lookup_locked(name)?;
    if victim.is_mount_root() {
        return Err(Errno::EBUSY.into());
    }
    may_remove(dir, &victim, from.creds)?;
    if !victim.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    let _victim_changing = victim.change();
    dir.inode().rmdir(name)?;
    dir.forget(name);
    notify::removed(&victim, 1);
    notify::in_directory(dir, inotify::DELETE, 0, name, Kind::Directory);
    Ok(())
}
