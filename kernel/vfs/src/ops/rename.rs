//! rename(2).

use super::{Slot, may_change_dir, may_remove};
use crate::entry::Entry;
use crate::inode::NAME_MAX;
use crate::notify;
use crate::path::From;
use alloc::sync::Arc;
use osv_abi::uapi::event::inotify;
use osv_base::{Errno, Res};
use osv_sync::Mutex;

/// Renames that change two directories come one after the other, so that no directory ends up below itself.
static RENAMING: Mutex<()> = Mutex::new(());

/// What renameat2(2) does about what is in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renaming {
    /// It is replaced.
    Replace,
    /// EEXIST (RENAME_NOREPLACE).
    NoReplace,
    /// Both change places (RENAME_EXCHANGE).
    Exchange,
}

/// Tells of a move.
#[cold]
fn told(dir: &Arc<Entry>, name: &[u8], to_dir: &Arc<Entry>, to_name: &[u8], moved: &Arc<Entry>) {
    let cookie = notify::cookie();
    notify::in_directory(dir, inotify::MOVED_FROM, cookie, name, moved.kind());
    notify::in_directory(to_dir, inotify::MOVED_TO, cookie, to_name, moved.kind());
    notify::on_itself(moved.inode(), inotify::MOVE_SELF);
}

/// Gives a file another name (rename(2)).
pub fn rename(from: &From<'_>, path: &[u8], to: &From<'_>, to_path: &[u8], how: Renaming) -> Res<()> {
    let (old, new) = (Slot::find(from, path)?, Slot::find(to, to_path)?);
    let _renaming = RENAMING.lock();
    let (name, to_name) = (old.name(Errno::EBUSY)?, new.name(Errno::EBUSY)?);
    if to_name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let (dir, to_dir) = (old.dir(), new.dir());
    if !Arc::ptr_eq(dir.mount(), to_dir.mount()) {
        return Err(Errno::EXDEV.into());
    }
    // Two directories are only ever locked together here, or parent before child.
    let (first, second) = if to_dir.contains(dir) { (to_dir, dir) } else { (dir, to_dir) };
    let _first = first.change();
    let _second = (!first.is_same_dir(second)).then(|| second.change());
    let source = dir.lookup_locked(name)?;
    let target = match to_dir.lookup_locked(to_name) {
        Ok(target) => Some(target),
        Err(fail) if fail == Errno::ENOENT.into() => None,
        Err(fail) => return Err(fail),
    };
    if target.is_some() && how == Renaming::NoReplace {
        return Err(Errno::EEXIST.into());
    }
    if target.is_none() && how == Renaming::Exchange {
        return Err(Errno::ENOENT.into());
    }
    if to_dir.is_removed() {
        return Err(Errno::ENOENT.into());
    }
    let exchange = how == Renaming::Exchange;
    let target_is_dir = target.as_ref().is_some_and(|t| t.is_dir());
    if !source.is_dir() && (old.has_trailing_slash() || !exchange && new.has_trailing_slash()) {
        return Err(Errno::ENOTDIR.into());
    }
    if source.contains(to_dir) {
        return Err(Errno::EINVAL.into());
    }
    if let Some(target) = &target
        && target.contains(dir)
    {
        return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY }.into());
    }
    may_remove(dir, &source, from.creds)?;
    match &target {
        Some(target) => may_remove(to_dir, target, to.creds)?,
        None => may_change_dir(to_dir, to.creds)?,
    }
    if source.is_mount_root() || target.as_ref().is_some_and(|t| t.is_mount_root()) {
        return Err(Errno::EBUSY.into());
    }
    if let Some(target) = &target {
        if target.inode().attr().ino == source.inode().attr().ino {
            return Ok(());
        }
        if !exchange && source.is_dir() && !target_is_dir {
            return Err(Errno::ENOTDIR.into());
        }
        if !exchange && !source.is_dir() && target_is_dir {
            return Err(Errno::EISDIR.into());
        }
    }
    dir.inode().rename(name, to_dir.inode(), to_name, exchange)?;
    Entry::moved(dir, name, to_dir, to_name, exchange);
    if notify::any() {
        told(dir, name, to_dir, to_name, &source);
        match &target {
            Some(target) if exchange => told(to_dir, to_name, dir, name, target),
            Some(target) => {
                notify::on_itself(target.inode(), inotify::ATTRIB);
                notify::removed(target, 1);
            }
            None => {}
        }
    }
    Ok(())
}
