//! open(2), dup(2) and kin: what makes descriptors.

use super::Path;
use super::io::closed;
use crate::cx::Cx;
use alloc::sync::Arc;
use osv_abi::Errno;
use osv_abi::arg::{CStrPtr, Fd, Flags, InBuf, Int, Mode, UInt};
use osv_abi::uapi::event::memfd;
use osv_abi::uapi::file::{at, mount as ms, open as o};
use osv_base::Res;
use osv_vfs::context::{MAY_EXEC, MAY_WRITE};
use osv_vfs::ops::{self, How};
use osv_vfs::path::Resolve;
use osv_vfs::{Entry, FdFlags, Kind};
use zerocopy::FromBytes;

const KNOWN: u32 = o::STATUS | o::CREAT | o::EXCL | o::NOCTTY | o::TRUNC | o::CLOEXEC | o::TMPFILE;

/// open(2)
pub fn open(cx: &mut Cx<'_>, path: CStrPtr, flags: Flags, mode: Mode) -> Res<Fd> {
    openat(cx, Fd::CWD, path, flags, mode)
}

/// creat(2)
pub fn creat(cx: &mut Cx<'_>, path: CStrPtr, mode: Mode) -> Res<Fd> {
    openat(cx, Fd::CWD, path, Flags(o::CREAT | o::WRONLY | o::TRUNC), mode)
}

/// openat(2): flags that Linux does not know are ignored, as it does.
pub fn openat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, flags: Flags, mode: Mode) -> Res<Fd> {
    open_within(cx, dir, path, flags, mode, Resolve::default())
}

fn open_within(
    cx: &mut Cx<'_>,
    dir: Fd,
    path: CStrPtr,
    flags: Flags,
    mode: Mode,
    resolve: Resolve,
) -> Res<Fd> {
    let mut flags = flags.0 & KNOWN;
    let makes = flags & o::CREAT != 0 || flags & o::TMPFILE == o::TMPFILE;
    if flags & o::TMPFILE & !o::DIRECTORY != 0 && flags & o::DIRECTORY == 0 {
        return Err(Errno::EINVAL.into());
    }
    if flags & o::PATH != 0 {
        flags &= o::PATH | o::DIRECTORY | o::NOFOLLOW | o::CLOEXEC;
    } else if flags & o::CREAT != 0 && flags & o::DIRECTORY != 0 && flags & o::TMPFILE != o::TMPFILE {
        return Err(Errno::EINVAL.into());
    }
    let path = Path::read(cx, path)?;
    let creds = cx.creds();
    let mut start = cx.start(dir, &path, &creds)?;
    if resolve.0 & Resolve::IN_ROOT != 0 {
        // An absolute path starts there as well.
        start.dir = cx.directory(dir)?;
    }
    let how = How { flags, mode: if makes { mode.0 } else { 0 }, umask: cx.fs().umask(), resolve };
    let open = ops::open(&start, &path, how)?;
    // x86-64 is always O_LARGEFILE.
    open.set_status(o::LARGEFILE, if flags & o::PATH != 0 { 0 } else { o::LARGEFILE });
    cx.install(open, flags & o::CLOEXEC != 0)
}

/// Only what needs no waiting for a disk: here all of it, but for what changes something.
const RESOLVE_CACHED: u64 = 32;
const RESOLVE_KNOWN: u64 = Resolve::NO_XDEV
    | Resolve::NO_MAGICLINKS
    | Resolve::NO_SYMLINKS
    | Resolve::BENEATH
    | Resolve::IN_ROOT
    | RESOLVE_CACHED;

/// openat2(2)
pub fn openat2(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, how: InBuf) -> Res<Fd> {
    if how.len < 24 {
        return Err(Errno::EINVAL.into());
    }
    if how.len > osv_base::PAGE_SIZE {
        return Err(Errno::E2BIG.into());
    }
    let mut words = [0u8; 24];
    osv_abi::UserMemory::read_bytes(cx, how.addr, &mut words)?;
    // What a later version adds must be zero.
    let mut rest = alloc::vec![0; how.len - words.len()];
    osv_abi::UserMemory::read_bytes(cx, how.addr.add(words.len()), &mut rest)?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Errno::E2BIG.into());
    }
    let [flags, mode, resolve] = <[u64; 3]>::read_from_bytes(&words).map_err(|_| Errno::EINVAL)?;
    let flags = u32::try_from(flags).map_err(|_| Errno::EINVAL)?;
    if flags & !KNOWN != 0 || mode & !0o7777 != 0 || resolve & !RESOLVE_KNOWN != 0 {
        return Err(Errno::EINVAL.into());
    }
    if flags & (o::CREAT | o::TMPFILE & !o::DIRECTORY) == 0 && mode != 0 {
        return Err(Errno::EINVAL.into());
    }
    let confined = Resolve::BENEATH | Resolve::IN_ROOT;
    if resolve & confined == confined {
        return Err(Errno::EINVAL.into());
    }
    if resolve & RESOLVE_CACHED != 0 && flags & (o::TRUNC | o::CREAT | o::TMPFILE & !o::DIRECTORY) != 0 {
        return Err(Errno::EAGAIN.into());
    }
    open_within(cx, dir, path, Flags(flags), Mode(mode as u32), Resolve(resolve))
}

/// dup(2)
pub fn dup(cx: &mut Cx<'_>, fd: Fd) -> Res<Fd> {
    let open = cx.description(fd)?;
    cx.install_from(open, false, 0)
}

/// dup2(2)
pub fn dup2(cx: &mut Cx<'_>, old: Fd, new: Fd) -> Res<Fd> {
    let open = cx.description(old)?;
    if old == new {
        return Ok(new);
    }
    replace(cx, open, new, false)
}

/// dup3(2)
pub fn dup3(cx: &mut Cx<'_>, old: Fd, new: Fd, flags: Flags) -> Res<Fd> {
    if flags.0 & !o::CLOEXEC != 0 || old == new {
        return Err(Errno::EINVAL.into());
    }
    let open = cx.description(old)?;
    replace(cx, open, new, flags.0 & o::CLOEXEC != 0)
}

fn replace(cx: &Cx<'_>, open: Arc<osv_vfs::OpenFile>, new: Fd, cloexec: bool) -> Res<Fd> {
    let process = cx.process();
    let old = process.fds().replace(new.0, open, FdFlags { cloexec }, cx.nofile_limit())?;
    if let Some(old) = old {
        closed(cx, &old);
    }
    Ok(new)
}

const CLOSE_RANGE_UNSHARE: u32 = 2;
const CLOSE_RANGE_CLOEXEC: u32 = 4;

/// close_range(2): the table is a process's own already, so there is nothing to unshare.
pub fn close_range(cx: &mut Cx<'_>, first: UInt, last: UInt, flags: Flags) -> Res<()> {
    if flags.0 & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 || first.0 > last.0 {
        return Err(Errno::EINVAL.into());
    }
    if flags.0 & CLOSE_RANGE_CLOEXEC != 0 {
        cx.process().fds().set_cloexec_range(first.0, last.0);
        return Ok(());
    }
    for open in cx.process().fds().close_range(first.0, last.0) {
        closed(cx, &open);
    }
    Ok(())
}

/// memfd_create(2)
pub fn memfd_create(cx: &mut Cx<'_>, name: CStrPtr, flags: Flags) -> Res<Fd> {
    let known = memfd::CLOEXEC | memfd::ALLOW_SEALING | memfd::NOEXEC_SEAL | memfd::EXEC;
    if flags.0 & memfd::HUGETLB != 0 || flags.0 & !known != 0 {
        return Err(Errno::EINVAL.into());
    }
    let mut buf = [0; 250];
    name.read(cx, &mut buf)
        .map_err(|errno| if errno == Errno::ENAMETOOLONG { Errno::EINVAL } else { errno })?;
    let file = osv_fs::ram::memfd(if flags.0 & memfd::NOEXEC_SEAL != 0 { 0o666 } else { 0o777 });
    if flags.0 & (memfd::ALLOW_SEALING | memfd::NOEXEC_SEAL) == 0 {
        file.add_seals(memfd::SEAL_SEAL)?;
    }
    cx.install_new(file, o::RDWR | o::LARGEFILE, flags.0 & memfd::CLOEXEC != 0)
}

/// chdir(2)
pub fn chdir(cx: &mut Cx<'_>, path: CStrPtr) -> Res<()> {
    let path = Path::read(cx, path)?;
    let creds = cx.creds();
    let entry = ops::find(&cx.start(Fd::CWD, &path, &creds)?, &path, true)?;
    enter(cx, &entry)?;
    cx.fs().set_cwd(entry);
    Ok(())
}

/// fchdir(2)
pub fn fchdir(cx: &mut Cx<'_>, fd: Fd) -> Res<()> {
    let entry = cx.description(fd)?.entry().cloned().ok_or(Errno::ENOTDIR)?;
    enter(cx, &entry)?;
    cx.fs().set_cwd(entry);
    Ok(())
}

/// chroot(2)
pub fn chroot(cx: &mut Cx<'_>, path: CStrPtr) -> Res<()> {
    let path = Path::read(cx, path)?;
    let creds = cx.creds();
    let entry = ops::find(&cx.start(Fd::CWD, &path, &creds)?, &path, true)?;
    enter(cx, &entry)?;
    if !creds.is_root() {
        return Err(Errno::EPERM.into());
    }
    cx.fs().set_root(entry);
    Ok(())
}

fn enter(cx: &Cx<'_>, entry: &Arc<Entry>) -> Res<()> {
    if !entry.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    ops::access(entry.inode(), MAY_EXEC, &cx.creds())
}

/// umask(2)
pub fn umask(cx: &mut Cx<'_>, mask: Mode) -> Res<u32> {
    Ok(cx.fs().set_umask(mask.0))
}

/// Whether `flags` has only bits of `known`: EINVAL.
pub(super) fn only(flags: Flags, known: u32) -> Result<u32, Errno> {
    if flags.0 & !known == 0 { Ok(flags.0) } else { Err(Errno::EINVAL) }
}

/// access(2)
pub fn access(cx: &mut Cx<'_>, path: CStrPtr, mode: Int) -> Res<()> {
    faccessat2(cx, Fd::CWD, path, mode, Flags(0))
}

/// faccessat(2): the call has no flags.
pub fn faccessat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, mode: Int) -> Res<()> {
    faccessat2(cx, dir, path, mode, Flags(0))
}

/// faccessat2(2)
pub fn faccessat2(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, mode: Int, flags: Flags) -> Res<()> {
    if mode.0 & !7 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let flags = only(flags, at::EACCESS | at::SYMLINK_NOFOLLOW | at::EMPTY_PATH)?;
    let creds = cx.creds();
    let reached = super::stat::reach(cx, dir, path, flags)?;
    let wanted = mode.0 as u32;
    if let Some(entry) = &reached.entry {
        let special =
            matches!(entry.kind(), Kind::CharDevice | Kind::BlockDevice | Kind::Fifo | Kind::Socket);
        if wanted & MAY_WRITE != 0 && entry.is_read_only() && !special {
            return Err(Errno::EROFS.into());
        }
        if wanted & MAY_EXEC != 0 && entry.kind() == Kind::Regular && entry.mount().has(ms::NOEXEC) {
            return Err(Errno::EACCES.into());
        }
    }
    ops::access(&reached.inode, wanted, &creds)
}
