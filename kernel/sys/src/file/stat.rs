//! stat(2) and kin, and what changes attributes.

use super::Path;
use super::open::only;
use crate::cx::Cx;
use alloc::sync::Arc;
use osv_abi::Errno;
use osv_abi::arg::{CStrPtr, Fd, Flags, In, Mode, Out, UInt};
use osv_abi::uapi::file::{
    STATX_ATTR_MOUNT_ROOT, STATX_BASIC_STATS, STATX_MNT_ID, STATX_RESERVED, Stat, Statfs, Statx, StatxTime,
    at, major, minor, mount as ms,
};
use osv_abi::uapi::time::{Timespec, Timeval};
use osv_base::Res;
use osv_vfs::inode::FsStat;
use osv_vfs::mount::MountPoint;
use osv_vfs::path::Target;
use osv_vfs::{Attr, Creds, Entry, Inode, Time, clock, ops};

fn timespec(time: Time) -> Timespec {
    Timespec { sec: time.0.div_euclid(1_000_000_000), nsec: time.0.rem_euclid(1_000_000_000) }
}

fn stat_of(attr: &Attr) -> Stat {
    Stat {
        dev: attr.dev,
        ino: attr.ino,
        nlink: attr.nlink.into(),
        mode: attr.mode,
        uid: attr.uid,
        gid: attr.gid,
        rdev: attr.rdev,
        size: attr.size as i64,
        blksize: if attr.blksize == 0 { 4096 } else { attr.blksize.into() },
        blocks: attr.blocks as i64,
        atime: timespec(attr.atime),
        mtime: timespec(attr.mtime),
        ctime: timespec(attr.ctime),
        ..Stat::default()
    }
}

fn statx_of(attr: &Attr) -> Statx {
    let time = |time| {
        let Timespec { sec, nsec } = timespec(time);
        StatxTime { sec, nsec: nsec as u32, pad: 0 }
    };
    Statx {
        mask: STATX_BASIC_STATS,
        blksize: if attr.blksize == 0 { 4096 } else { attr.blksize },
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        mode: attr.mode as u16,
        ino: attr.ino,
        size: attr.size,
        blocks: attr.blocks,
        atime: time(attr.atime),
        ctime: time(attr.ctime),
        mtime: time(attr.mtime),
        rdev_major: major(attr.rdev),
        rdev_minor: minor(attr.rdev),
        dev_major: major(attr.dev),
        dev_minor: minor(attr.dev),
        ..Statx::default()
    }
}

/// What a path, or with AT_EMPTY_PATH a descriptor, shows.
fn attr_at(cx: &Cx<'_>, dir: Fd, path: CStrPtr, flags: u32) -> Res<Attr> {
    attr_and_entry_at(cx, dir, path, flags).map(|(attr, _)| attr)
}

/// As [`attr_at`], with the entry that it is found by.
fn attr_and_entry_at(cx: &Cx<'_>, dir: Fd, path: CStrPtr, flags: u32) -> Res<(Attr, Option<Arc<Entry>>)> {
    let of_entry = |entry: Arc<Entry>| (entry.inode().attr(), Some(entry));
    // NULL is an empty path with AT_EMPTY_PATH since Linux 6.11.
    let path =
        if path.0.is_null() && flags & at::EMPTY_PATH != 0 { None } else { Some(Path::read(cx, path)?) };
    let path = path.as_deref().unwrap_or(b"");
    if path.is_empty() && flags & at::EMPTY_PATH != 0 {
        if dir == Fd::CWD {
            return Ok(of_entry(cx.fs().cwd()));
        }
        let open = cx.description(dir)?;
        return Ok((open.attr(), open.entry().cloned()));
    }
    let creds = cx.creds();
    match ops::find_target(&cx.start(dir, path, &creds)?, path, flags & at::SYMLINK_NOFOLLOW == 0)? {
        Target::Entry(entry) => Ok(of_entry(entry)),
        Target::File(file) => Ok((file.inode().map_or_else(|| file.attr(), |inode| inode.attr()), None)),
    }
}

/// An inode, and by which entry it was reached if by any.
pub(super) struct Reached {
    pub(super) inode: Arc<dyn Inode>,
    pub(super) entry: Option<Arc<Entry>>,
}

impl Reached {
    /// The inode, to be changed: EROFS where its mount says that nothing is.
    pub(super) fn changeable(self) -> Res<Arc<dyn Inode>> {
        match self.entry {
            Some(entry) if entry.is_read_only() => Err(Errno::EROFS.into()),
            _ => Ok(self.inode),
        }
    }
}

/// What a path, or with AT_EMPTY_PATH a descriptor, names.
pub(super) fn reach(cx: &Cx<'_>, dir: Fd, path: CStrPtr, flags: u32) -> Res<Reached> {
    let path = Path::read(cx, path)?;
    let of_entry = |entry: Arc<Entry>| Reached { inode: entry.inode().clone(), entry: Some(entry) };
    if path.is_empty() && flags & at::EMPTY_PATH != 0 {
        if dir == Fd::CWD {
            return Ok(of_entry(cx.fs().cwd()));
        }
        return reach_fd(cx, dir);
    }
    let creds = cx.creds();
    let target = ops::find_target(&cx.start(dir, &path, &creds)?, &path, flags & at::SYMLINK_NOFOLLOW == 0)?;
    match target {
        Target::Entry(entry) => Ok(of_entry(entry)),
        Target::File(file) => Ok(Reached { inode: file.inode().ok_or(Errno::ENOENT)?, entry: None }),
    }
}

/// What a descriptor refers to; files without an inode cannot be changed: EOPNOTSUPP.
pub(super) fn reach_fd(cx: &Cx<'_>, fd: Fd) -> Res<Reached> {
    let open = cx.description(fd)?;
    Ok(Reached { inode: open.inode().ok_or(Errno::EOPNOTSUPP)?, entry: open.entry().cloned() })
}

/// stat(2)
pub fn stat(cx: &mut Cx<'_>, path: CStrPtr, to: Out<Stat>) -> Res<()> {
    Ok(to.write(cx, &stat_of(&attr_at(cx, Fd::CWD, path, 0)?))?)
}

/// lstat(2)
pub fn lstat(cx: &mut Cx<'_>, path: CStrPtr, to: Out<Stat>) -> Res<()> {
    Ok(to.write(cx, &stat_of(&attr_at(cx, Fd::CWD, path, at::SYMLINK_NOFOLLOW)?))?)
}

/// fstat(2)
pub fn fstat(cx: &mut Cx<'_>, fd: Fd, to: Out<Stat>) -> Res<()> {
    Ok(to.write(cx, &stat_of(&cx.description(fd)?.attr()))?)
}

/// fstatat(2)
pub fn newfstatat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, to: Out<Stat>, flags: Flags) -> Res<()> {
    let known = at::SYMLINK_NOFOLLOW | at::NO_AUTOMOUNT | at::EMPTY_PATH | at::STATX_SYNC_TYPE;
    let flags = only(flags, known)?;
    Ok(to.write(cx, &stat_of(&attr_at(cx, dir, path, flags)?))?)
}

/// statx(2): always all the basic fields.
pub fn statx(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, flags: Flags, mask: UInt, to: Out<Statx>) -> Res<()> {
    let known = at::SYMLINK_NOFOLLOW | at::NO_AUTOMOUNT | at::EMPTY_PATH | at::STATX_SYNC_TYPE;
    let flags = only(flags, known)?;
    if mask.0 & STATX_RESERVED != 0 || flags & at::STATX_SYNC_TYPE == at::STATX_SYNC_TYPE {
        return Err(Errno::EINVAL.into());
    }
    let (attr, entry) = attr_and_entry_at(cx, dir, path, flags)?;
    let mut statx = statx_of(&attr);
    if let Some(entry) = entry {
        statx.mask |= STATX_MNT_ID;
        statx.mnt_id = entry.mount().id;
        statx.attributes_mask = STATX_ATTR_MOUNT_ROOT;
        let is_root = entry.is_mount_root() || Arc::ptr_eq(&entry.parent(), &entry);
        statx.attributes = if is_root { STATX_ATTR_MOUNT_ROOT } else { 0 };
    }
    Ok(to.write(cx, &statx)?)
}

/// ST_* of statfs(2) for the flags of a mount; ST_VALID is always set.
fn st_flags(mount: Option<&MountPoint>, read_only: bool) -> i64 {
    let mut flags = 0x20 | i64::from(read_only);
    let Some(mount) = mount else { return flags };
    for (flag, shown) in [
        (ms::RDONLY, 1),
        (ms::NOSUID, 2),
        (ms::NODEV, 4),
        (ms::NOEXEC, 8),
        (ms::NOATIME, 0x400),
        (ms::NODIRATIME, 0x800),
        (ms::NOSYMFOLLOW, 0x2000),
    ] {
        flags |= if mount.has(flag) { shown } else { 0 };
    }
    flags | if mount.has(ms::NOATIME | ms::STRICTATIME) { 0 } else { 0x1000 }
}

fn statfs_of(reached: &Reached) -> Statfs {
    let fs = reached.inode.fs();
    let mount = reached.entry.as_ref().map(|entry| &**entry.mount());
    let FsStat { magic, block_size, blocks, free, files, files_free } = fs.stat();
    let dev = fs.dev();
    Statfs {
        kind: magic.into(),
        bsize: block_size.into(),
        blocks,
        bfree: free,
        bavail: free,
        files,
        ffree: files_free,
        fsid: [dev as u32 as i32, (dev >> 32) as u32 as i32],
        namelen: 255,
        frsize: block_size.into(),
        flags: st_flags(mount, fs.read_only()),
        ..Statfs::default()
    }
}

/// statfs(2)
pub fn statfs(cx: &mut Cx<'_>, path: CStrPtr, to: Out<Statfs>) -> Res<()> {
    let reached = reach(cx, Fd::CWD, path, 0)?;
    Ok(to.write(cx, &statfs_of(&reached))?)
}

/// fstatfs(2): a file without a file system is on pipefs, sockfs or the like.
pub fn fstatfs(cx: &mut Cx<'_>, fd: Fd, to: Out<Statfs>) -> Res<()> {
    cx.description(fd)?;
    let stat = match reach_fd(cx, fd) {
        Ok(reached) => statfs_of(&reached),
        Err(_) => Statfs {
            kind: 0x0904_1934,
            bsize: 4096,
            frsize: 4096,
            namelen: 255,
            flags: 0x20,
            ..Statfs::default()
        },
    };
    Ok(to.write(cx, &stat)?)
}

/// chmod(2)
pub fn chmod(cx: &mut Cx<'_>, path: CStrPtr, mode: Mode) -> Res<()> {
    fchmodat(cx, Fd::CWD, path, mode)
}

/// fchmod(2)
pub fn fchmod(cx: &mut Cx<'_>, fd: Fd, mode: Mode) -> Res<()> {
    cx.file(fd)?;
    ops::chmod(&reach_fd(cx, fd)?.changeable()?, mode.0, &cx.creds(), clock::now())
}

/// fchmodat(2): the call has no flags.
pub fn fchmodat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, mode: Mode) -> Res<()> {
    fchmodat2(cx, dir, path, mode, Flags(0))
}

/// fchmodat2(2)
pub fn fchmodat2(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, mode: Mode, flags: Flags) -> Res<()> {
    let flags = only(flags, at::SYMLINK_NOFOLLOW | at::EMPTY_PATH)?;
    let inode = reach(cx, dir, path, flags)?.changeable()?;
    if inode.kind() == osv_vfs::Kind::Symlink {
        return Err(Errno::EOPNOTSUPP.into());
    }
    ops::chmod(&inode, mode.0, &cx.creds(), clock::now())
}

/// An owner; all ones leaves it as it is.
fn owner(id: UInt) -> Option<u32> {
    (id.0 != u32::MAX).then_some(id.0)
}

/// chown(2)
pub fn chown(cx: &mut Cx<'_>, path: CStrPtr, uid: UInt, gid: UInt) -> Res<()> {
    fchownat(cx, Fd::CWD, path, uid, gid, Flags(0))
}

/// lchown(2)
pub fn lchown(cx: &mut Cx<'_>, path: CStrPtr, uid: UInt, gid: UInt) -> Res<()> {
    fchownat(cx, Fd::CWD, path, uid, gid, Flags(at::SYMLINK_NOFOLLOW))
}

/// fchown(2)
pub fn fchown(cx: &mut Cx<'_>, fd: Fd, uid: UInt, gid: UInt) -> Res<()> {
    cx.file(fd)?;
    ops::chown(&reach_fd(cx, fd)?.changeable()?, owner(uid), owner(gid), &cx.creds(), clock::now())
}

/// fchownat(2)
pub fn fchownat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, uid: UInt, gid: UInt, flags: Flags) -> Res<()> {
    let flags = only(flags, at::SYMLINK_NOFOLLOW | at::EMPTY_PATH)?;
    ops::chown(&reach(cx, dir, path, flags)?.changeable()?, owner(uid), owner(gid), &cx.creds(), clock::now())
}

const UTIME_NOW: i64 = 0x3fff_ffff;
const UTIME_OMIT: i64 = 0x3fff_fffe;

fn stamp(time: Timespec, now: Time) -> Result<Option<Time>, Errno> {
    match time.nsec {
        UTIME_NOW => Ok(Some(now)),
        UTIME_OMIT => Ok(None),
        0..=999_999_999 => Ok(Some(Time(time.sec.saturating_mul(1_000_000_000).saturating_add(time.nsec)))),
        _ => Err(Errno::EINVAL),
    }
}

fn set_times(inode: &Arc<dyn Inode>, times: Option<[Timespec; 2]>, creds: &Creds) -> Res<()> {
    let now = clock::now();
    let to_now = times.is_none_or(|times| times.iter().all(|time| time.nsec == UTIME_NOW));
    let (atime, mtime) = match times {
        None => (Some(now), Some(now)),
        Some([atime, mtime]) => (stamp(atime, now)?, stamp(mtime, now)?),
    };
    if atime.is_none() && mtime.is_none() {
        return Ok(());
    }
    ops::set_times(inode, atime, mtime, to_now, creds, now)
}

/// utimensat(2): without a path, the descriptor itself.
pub fn utimensat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, times: In<[Timespec; 2]>, flags: Flags) -> Res<()> {
    let times = times.read_opt(cx)?;
    let flags = only(flags, at::SYMLINK_NOFOLLOW | at::EMPTY_PATH)?;
    let inode = if path.0.is_null() && dir != Fd::CWD {
        if flags & at::SYMLINK_NOFOLLOW != 0 {
            return Err(Errno::EINVAL.into());
        }
        cx.file(dir)?;
        reach_fd(cx, dir)?.changeable()?
    } else {
        reach(cx, dir, path, flags)?.changeable()?
    };
    set_times(&inode, times, &cx.creds())
}

fn of_timevals(times: Option<[Timeval; 2]>) -> Result<Option<[Timespec; 2]>, Errno> {
    let Some(times) = times else { return Ok(None) };
    if times.iter().any(|time| !(0..1_000_000).contains(&time.usec)) {
        return Err(Errno::EINVAL);
    }
    Ok(Some(times.map(|time| Timespec { sec: time.sec, nsec: time.usec * 1000 })))
}

/// utimes(2)
pub fn utimes(cx: &mut Cx<'_>, path: CStrPtr, times: In<[Timeval; 2]>) -> Res<()> {
    futimesat(cx, Fd::CWD, path, times)
}

/// futimesat(2)
pub fn futimesat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, times: In<[Timeval; 2]>) -> Res<()> {
    let times = of_timevals(times.read_opt(cx)?)?;
    let of_fd = path.0.is_null() && dir != Fd::CWD;
    let reached = if of_fd { reach_fd(cx, dir)? } else { reach(cx, dir, path, 0)? };
    let inode = reached.changeable()?;
    set_times(&inode, times, &cx.creds())
}

/// utime(2)
pub fn utime(cx: &mut Cx<'_>, path: CStrPtr, times: In<[i64; 2]>) -> Res<()> {
    let times = times.read_opt(cx)?.map(|times| times.map(|sec| Timespec { sec, nsec: 0 }));
    let inode = reach(cx, Fd::CWD, path, 0)?.changeable()?;
    set_times(&inode, times, &cx.creds())
}
