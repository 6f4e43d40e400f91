//! open(2).

use super::{make_in, may_change_dir, may_write, owner_in};
use crate::context::{Creds, MAY_READ, MAY_WRITE};
use crate::device;
use crate::directory::Directory;
use crate::entry::Entry;
use crate::file::{File, OpenFile};
use crate::inode::{Kind, NewNode};
use crate::leases;
use crate::notify;
use crate::path::{From, Jump, Last, Resolve, Target, Walk};
use crate::text::Writing;
use alloc::sync::Arc;
use core::any::Any;
use osv_abi::uapi::event::inotify;
use osv_abi::uapi::file::{mount as ms, open as o};
use osv_base::{Errno, Res};

/// What open(2) is asked for.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// O_*.
    pub flags: u32,
    /// Permission bits of a new file, before the umask.
    pub mode: u32,
    /// The process's umask.
    pub umask: u32,
    /// What the walk to it may not do.
    pub resolve: Resolve,
}

/// Opens a file (open(2)).
pub fn open(from: &From<'_>, path: &[u8], how: How) -> Res<OpenFile> {
    let flags = how.flags;
    if flags & o::PATH != 0 {
        let entry = match Walk::within(from, path, how.resolve)?.to_end(flags & o::NOFOLLOW == 0)? {
            Target::Entry(entry) => entry,
            Target::File(file) => return Ok(OpenFile::new(file, flags & (o::PATH | o::NOFOLLOW))),
        };
        if flags & o::DIRECTORY != 0 && !entry.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        let status = flags & (o::PATH | o::DIRECTORY | o::NOFOLLOW);
        return Ok(OpenFile::with_entry(Arc::new(PathOnly), status, entry));
    }
    if flags & o::TMPFILE == o::TMPFILE {
        return open_unnamed(from, path, how);
    }
    let follow = flags & (o::NOFOLLOW) == 0 && flags & (o::CREAT | o::EXCL) != o::CREAT | o::EXCL;
    let mut walk = Walk::within(from, path, how.resolve)?;
    loop {
        let range = match walk.to_last()? {
            Last::Name(range) => range,
            last => {
                if last == Last::Up {
                    walk.up()?;
                }
                if flags & o::CREAT != 0 {
                    return Err(Errno::EISDIR.into());
                }
                return open_entry(walk.at(), how, from.creds, false);
            }
        };
        let slash = walk.has_trailing_slash(&range);
        if slash && flags & o::CREAT != 0 {
            return Err(Errno::EISDIR.into());
        }
        let dir = walk.at().clone();
        let found = match dir.lookup(walk.name(&range)) {
            Err(fail) if fail == Errno::ENOENT.into() && flags & o::CREAT != 0 => {
                match create_file(&dir, walk.name(&range), how, from.creds) {
                    // Somebody else made it meanwhile.
                    Err(fail) if fail == Errno::EEXIST.into() && flags & o::EXCL == 0 => {
                        continue_at(&dir, &walk, &range)?
                    }
                    Err(fail) => return Err(fail),
                    Ok(entry) => return open_entry(&entry, how, from.creds, true),
                }
            }
            other => other?,
        };
        if found.kind() == Kind::Symlink && (follow || slash) {
            match walk.follow(&found)? {
                Jump::Walked if walk.arrived() => return open_entry(walk.at(), how, from.creds, false),
                Jump::Walked => continue,
                Jump::File(file) => return Ok(OpenFile::new(reopen(file, flags)?, flags)),
            }
        }
        if flags & o::CREAT != 0 && flags & o::EXCL != 0 {
            return Err(Errno::EEXIST.into());
        }
        if slash && !found.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        walk.may_go(&found)?;
        return open_entry(&found, how, from.creds, false);
    }
}

fn continue_at(dir: &Arc<Entry>, walk: &Walk<'_>, range: &core::ops::Range<usize>) -> Res<Arc<Entry>> {
    dir.lookup(walk.name(range))
}

/// A file reached through /proc/self/fd: the same one again. Its inode, where it has one, opens anew.
fn reopen(file: Arc<dyn File>, flags: u32) -> Res<Arc<dyn File>> {
    let Some(inode) = file.inode() else { return Ok(file) };
    let opened = inode.clone().open(flags)?;
    if flags & o::TRUNC != 0 && inode.kind() == Kind::Regular {
        inode.truncate(0)?;
    }
    Ok(opened)
}

fn create_file(dir: &Arc<Entry>, name: &[u8], how: How, creds: &Creds) -> Res<Arc<Entry>> {
    make_in(dir, name, Kind::Regular, how.mode & 0o7777 & !how.umask, 0, b"", creds)
}

fn open_unnamed(from: &From<'_>, path: &[u8], how: How) -> Res<OpenFile> {
    if how.flags & o::ACCMODE == o::RDONLY {
        return Err(Errno::EINVAL.into());
    }
    let dir = Walk::within(from, path, how.resolve)?.to_end(true)?.entry()?;
    if !dir.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    may_change_dir(&dir, from.creds)?;
    let bits = how.mode & 0o7777 & !how.umask;
    let (gid, bits) = owner_in(&dir, Kind::Regular, bits, from.creds);
    let new = NewNode { kind: Kind::Regular, mode: bits, uid: from.creds.uid, gid, rdev: 0, target: b"" };
    let file = dir.inode().create_unnamed(&new)?.open(how.flags)?;
    Ok(OpenFile::new(file, how.flags))
}

/// Opens an entry that was found, or just `created`: then permissions don't apply.
pub fn open_entry(entry: &Arc<Entry>, how: How, creds: &Creds, created: bool) -> Res<OpenFile> {
    let flags = how.flags;
    let writes = matches!(flags & o::ACCMODE, o::WRONLY | o::RDWR) || flags & o::TRUNC != 0;
    let kind = entry.kind();
    match kind {
        Kind::Symlink => return Err(Errno::ELOOP.into()),
        Kind::Directory if writes || flags & o::CREAT != 0 => return Err(Errno::EISDIR.into()),
        Kind::Directory => {}
        _ if flags & o::DIRECTORY != 0 => return Err(Errno::ENOTDIR.into()),
        Kind::Socket => return Err(Errno::ENXIO.into()),
        _ => {}
    }
    let inode = entry.inode();
    if matches!(kind, Kind::CharDevice | Kind::BlockDevice) && entry.mount().has(ms::NODEV) {
        return Err(Errno::EACCES.into());
    }
    if !created {
        if !creds.is_root() {
            let reads = matches!(flags & o::ACCMODE, o::RDONLY | o::RDWR);
            let wanted = if reads { MAY_READ } else { 0 } | if writes { MAY_WRITE } else { 0 };
            let attr = inode.attr();
            creds.may(&attr, wanted)?;
            if flags & o::NOATIME != 0 {
                creds.owns(&attr)?;
            }
        }
        if writes && matches!(kind, Kind::Regular) {
            may_write(entry)?;
        }
    }
    if kind == Kind::Regular && !created && leases::any() {
        leases::give_way(notify::id_of(inode), writes, flags & o::NONBLOCK != 0)?;
    }
    let writing = if writes && kind == Kind::Regular { Some(Writing::begin(entry)?) } else { None };
    let file: Arc<dyn File> = match kind {
        Kind::Directory => Arc::new(Directory::new(entry.clone())),
        Kind::Regular => inode.clone().open(flags)?,
        Kind::Fifo => {
            let attr = inode.attr();
            device::open_fifo(attr.dev, attr.ino, flags)?
        }
        Kind::CharDevice | Kind::BlockDevice => match inode.clone().open(flags) {
            Err(fail) if fail == Errno::ENXIO.into() => device::open(inode.attr().rdev, flags)?,
            other => other?,
        },
        Kind::Symlink | Kind::Socket => return Err(Errno::ENXIO.into()),
    };
    if flags & o::TRUNC != 0 && !created && kind == Kind::Regular {
        inode.truncate(0)?;
        notify::on_entry(entry, inotify::OPEN);
        notify::on_entry(entry, inotify::MODIFY);
    } else {
        notify::on_entry(entry, inotify::OPEN);
    }
    let mut open = OpenFile::with_entry(file, flags, entry.clone());
    if let Some(writing) = writing.filter(|_| flags & o::ACCMODE != o::RDONLY) {
        open.set_writing(writing);
    }
    Ok(open)
}

/// What an O_PATH descriptor refers to: nothing can be done with it.
struct PathOnly;

impl File for PathOnly {
    fn as_any(&self) -> &dyn Any {
        self
    }
}
