//! Operations by path: open, make, remove, rename. Each takes a [`From`]: where the path starts and on whose
//! behalf, and returns what the man page says.

use crate::context::{Creds, MAY_EXEC, MAY_READ, MAY_WRITE};
use crate::device;
use crate::directory::Directory;
use crate::entry::Entry;
use crate::file::{File, OpenFile};
use crate::inode::{Inode, Kind, LINK_MAX, NAME_MAX, NewNode, SetAttr, Time};
use crate::path::{From, Jump, Last, Target, Walk};
use alloc::sync::Arc;
use core::any::Any;
use osv_abi::uapi::file::{mode, open as o};
use osv_base::{Errno, Res};
use osv_sync::Mutex;

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
    if entry.inode().fs().read_only() { Err(Errno::EROFS.into()) } else { Ok(()) }
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

/// What open(2) is asked for.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// O_*.
    pub flags: u32,
    /// Permission bits of a new file, before the umask.
    pub mode: u32,
    /// The process's umask.
    pub umask: u32,
}

/// Opens a file (open(2)).
pub fn open(from: &From<'_>, path: &[u8], how: How) -> Res<OpenFile> {
    let flags = how.flags;
    if flags & o::PATH != 0 {
        let entry = match find_target(from, path, flags & o::NOFOLLOW == 0)? {
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
    let mut walk = Walk::new(from, path)?;
    loop {
        let range = match walk.to_last()? {
            Last::Name(range) => range,
            last => {
                if last == Last::Up {
                    walk.up();
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
        return open_entry(&found, how, from.creds, false);
    }
}

fn continue_at(dir: &Arc<Entry>, walk: &Walk<'_>, range: &core::ops::Range<usize>) -> Res<Arc<Entry>> {
    dir.lookup(walk.name(range))
}

/// A file reached through /proc/self/fd: the same one again. Its inode, where it has one, opens anew.
fn reopen(file: Arc<dyn File>, flags: u32) -> Res<Arc<dyn File>> {
    match file.inode() {
        Some(inode) => inode.open(flags),
        None => Ok(file),
    }
}

fn create_file(dir: &Arc<Entry>, name: &[u8], how: How, creds: &Creds) -> Res<Arc<Entry>> {
    make_in(dir, name, Kind::Regular, how.mode & 0o7777 & !how.umask, 0, b"", creds)
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
    Ok(dir.adopt(name, inode))
}

fn open_unnamed(from: &From<'_>, path: &[u8], how: How) -> Res<OpenFile> {
    if how.flags & o::ACCMODE == o::RDONLY {
        return Err(Errno::EINVAL.into());
    }
    let dir = find(from, path, true)?;
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
    }
    Ok(OpenFile::with_entry(file, flags, entry.clone()))
}

/// What an O_PATH descriptor refers to: nothing can be done with it.
struct PathOnly;

impl File for PathOnly {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

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
    if slot.has_trailing_slash() {
        return Err(Errno::ENOENT.into());
    }
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
    if slot.has_trailing_slash() {
        return Err(Errno::ENOENT.into());
    }
    make_in(slot.dir(), name, Kind::Symlink, 0o777, 0, target, from.creds).map(drop)
}

/// Gives `inode` one more name (link(2)).
pub fn link(inode: &Arc<dyn Inode>, to: &From<'_>, path: &[u8]) -> Res<()> {
    let slot = Slot::find(to, path)?;
    let name = slot.name(Errno::EEXIST)?;
    if slot.has_trailing_slash() {
        return Err(Errno::ENOENT.into());
    }
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
    if inode.fs().dev() != dir.inode().fs().dev() {
        return Err(Errno::EXDEV.into());
    }
    may_change_dir(dir, to.creds)?;
    if inode.kind() == Kind::Directory {
        return Err(Errno::EPERM.into());
    }
    dir.inode().link(name, inode)?;
    dir.adopt(name, inode.clone());
    Ok(())
}

fn may_remove(dir: &Arc<Entry>, victim: &Arc<Entry>, creds: &Creds) -> Res<()> {
    may_change_dir(dir, creds)?;
    if creds.is_root() {
        return Ok(());
    }
    creds.may_remove(&dir.inode().attr(), &victim.inode().attr())
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
    dir.inode().unlink(name)?;
    dir.forget(name);
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
    Ok(())
}

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

/// Gives a file another name (rename(2)).
pub fn rename(from: &From<'_>, path: &[u8], to: &From<'_>, to_path: &[u8], how: Renaming) -> Res<()> {
    let (old, new) = (Slot::find(from, path)?, Slot::find(to, to_path)?);
    let _renaming = RENAMING.lock();
    let (name, to_name) = (old.name(Errno::EBUSY)?, new.name(Errno::EBUSY)?);
    if to_name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let (dir, to_dir) = (old.dir(), new.dir());
    if dir.inode().fs().dev() != to_dir.inode().fs().dev() {
        return Err(Errno::EXDEV.into());
    }
    // Two directories are only ever locked together here, or parent before child.
    let (first, second) = if to_dir.contains(dir) { (to_dir, dir) } else { (dir, to_dir) };
    let _first = first.change();
    let _second = (!Arc::ptr_eq(first, second)).then(|| second.change());
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
    Ok(())
}

/// Changes the permission bits (chmod(2)).
pub fn chmod(inode: &Arc<dyn Inode>, bits: u32, creds: &Creds, now: Time) -> Res<()> {
    writable_fs(inode)?;
    let attr = inode.attr();
    creds.owns(&attr)?;
    let mut bits = bits & 0o7777;
    if !creds.is_root() && !creds.in_group(attr.gid) {
        bits &= !mode::ISGID;
    }
    inode.set_attr(&SetAttr { mode: Some(bits), now, ..SetAttr::default() })
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
    inode.set_attr(&SetAttr { uid, gid, mode: clears.then_some(cleared), now, ..SetAttr::default() })
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
    inode.set_attr(&SetAttr { atime, mtime, now, ..SetAttr::default() })
}

/// Sets the length of a file (truncate(2)).
pub fn truncate(inode: &Arc<dyn Inode>, len: u64, creds: &Creds) -> Res<()> {
    match inode.kind() {
        Kind::Regular => {}
        Kind::Directory => return Err(Errno::EISDIR.into()),
        _ => return Err(Errno::EINVAL.into()),
    }
    if !creds.is_root() {
        creds.may(&inode.attr(), MAY_WRITE)?;
    }
    writable_fs(inode)?;
    inode.truncate(len)
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
