//! Operations by path: open, make, remove, rename. Each takes a [`From`]: where the path starts and on whose
//! behalf, and returns what the man page says.

mod attributes;
mod names;
mod open;
mod rename;

pub use attributes::{access, chmod, chown, set_times, truncate};
pub use names::{link, link_entry, mkdir, mknod, rmdir, symlink, unlink};
pub use open::{How, open, open_entry};
pub use rename::{Renaming, rename};

use crate::context::{Creds, MAY_EXEC, MAY_WRITE};
use crate::entry::Entry;
use crate::inode::{Kind, NAME_MAX, NewNode};
use crate::notify;
use crate::path::{From, Last, Target, Walk};
use alloc::sync::Arc;
use osv_abi::uapi::event::inotify;
use osv_abi::uapi::file::mode;
use osv_base::{Errno, Res};

/// The name that an operation is about: in `dir`, not looked up yet.
struct Slot<'a> {
    walk: Walk<'a>,
    last: Last,
}

impl<'a> Slot<'a> {
    fn find(from: &From<'a>, path: &'a [u8]) -> Res<Self> {
        let mut walk = Walk::new(from, path)?;
        let last = walk.to_last()?;
        Ok(Slot { walk, last })
    }
    fn dir(&self) -> &Arc<Entry> {
        self.walk.at()
    }
    /// The name, or `otherwise` for `.`, `..` and `/`.
    fn name(&self, otherwise: Errno) -> Res<&[u8]> {
        match &self.last {
            Last::Name(range) => Ok(self.walk.name(range)),
            _ => Err(otherwise.into()),
        }
    }
    /// For what makes no directory: a slash behind `name` is EEXIST where there is something, else ENOENT.
    fn no_directory(&self, name: &[u8]) -> Res<()> {
        if self.has_trailing_slash() {
            self.dir().lookup(name)?;
            return Err(Errno::EEXIST.into());
        }
        Ok(())
    }
    fn has_trailing_slash(&self) -> bool {
        matches!(&self.last, Last::Name(range) if self.walk.has_trailing_slash(range))
    }
}

/// The entry that `path` names.
pub fn find(from: &From<'_>, path: &[u8], follow: bool) -> Res<Arc<Entry>> {
    Walk::new(from, path)?.to_end(follow)?.entry()
}

/// What `path` names, which may have no entry (a pipe, by way of /proc/self/fd).
pub fn find_target(from: &From<'_>, path: &[u8], follow: bool) -> Res<Target> {
    Walk::new(from, path)?.to_end(follow)
}

fn may_write(entry: &Arc<Entry>) -> Res<()> {
    if entry.is_read_only() { Err(Errno::EROFS.into()) } else { Ok(()) }
}

fn may_change_dir(dir: &Arc<Entry>, creds: &Creds) -> Res<()> {
    may_write(dir)?;
    if creds.is_root() {
        return Ok(());
    }
    creds.may(&dir.inode().attr(), MAY_WRITE | MAY_EXEC)
}

/// Group and mode of what is made in `dir`: a set-group-id directory passes its group on.
fn owner_in(dir: &Arc<Entry>, kind: Kind, bits: u32, creds: &Creds) -> (u32, u32) {
    let attr = dir.inode().attr();
    if attr.mode & mode::ISGID == 0 {
        return (creds.gid, bits);
    }
    (attr.gid, if kind == Kind::Directory { bits | mode::ISGID } else { bits })
}

fn make_in(
    dir: &Arc<Entry>,
    name: &[u8],
    kind: Kind,
    bits: u32,
    rdev: u64,
    target: &[u8],
    creds: &Creds,
) -> Res<Arc<Entry>> {
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let _changing = dir.change();
    match dir.lookup_locked(name) {
        Ok(_) => return Err(Errno::EEXIST.into()),
        Err(fail) if fail == Errno::ENOENT.into() => {}
        Err(fail) => return Err(fail),
    }
    if dir.is_removed() {
        return Err(Errno::ENOENT.into());
    }
    may_change_dir(dir, creds)?;
    let (gid, bits) = owner_in(dir, kind, bits, creds);
    let new = NewNode { kind, mode: bits, uid: creds.uid, gid, rdev, target };
    let inode = dir.inode().create(name, &new)?;
    let made = dir.adopt(name, inode);
    notify::in_directory(dir, inotify::CREATE, 0, name, kind);
    Ok(made)
}

fn may_remove(dir: &Arc<Entry>, victim: &Arc<Entry>, creds: &Creds) -> Res<()> {
    may_change_dir(dir, creds)?;
    if creds.is_root() {
        return Ok(());
    }
    creds.may_remove(&dir.inode().attr(), &victim.inode().attr())
}
