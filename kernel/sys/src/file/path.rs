//! Names: making, removing, moving and following them.

use super::Path;
use super::open::only;
use crate::cx::Cx;
use osv_abi::arg::{CStrPtr, Fd, Flags, Mode, OutBuf, UInt};
use osv_abi::uapi::file::at;
use osv_abi::{Errno, UserMemory};
use osv_base::Res;
use osv_vfs::ops::{self, Renaming};
use osv_vfs::{Kind, path::Target};

/// mkdir(2)
pub fn mkdir(cx: &mut Cx<'_>, path: CStrPtr, mode: Mode) -> Res<()> {
    mkdirat(cx, Fd::CWD, path, mode)
}

/// mkdirat(2)
pub fn mkdirat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, mode: Mode) -> Res<()> {
    let path = Path::read(cx, path)?;
    let creds = cx.creds();
    ops::mkdir(&cx.start(dir, &path, &creds)?, &path, mode.0, cx.fs().umask())
}

/// mknod(2)
pub fn mknod(cx: &mut Cx<'_>, path: CStrPtr, mode: Mode, dev: UInt) -> Res<()> {
    mknodat(cx, Fd::CWD, path, mode, dev)
}

/// mknodat(2)
pub fn mknodat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, mode: Mode, dev: UInt) -> Res<()> {
    let kind = match mode.0 & osv_abi::uapi::file::mode::IFMT {
        0 => Kind::Regular,
        _ => Kind::of_mode(mode.0).ok_or(Errno::EINVAL)?,
    };
    match kind {
        Kind::Directory => return Err(Errno::EPERM.into()),
        Kind::Symlink => return Err(Errno::EINVAL.into()),
        _ => {}
    }
    let path = Path::read(cx, path)?;
    let creds = cx.creds();
    let start = cx.start(dir, &path, &creds)?;
    ops::mknod(&start, &path, kind, mode.0, cx.fs().umask(), dev.0.into())?;
    Ok(())
}

/// rmdir(2)
pub fn rmdir(cx: &mut Cx<'_>, path: CStrPtr) -> Res<()> {
    unlinkat(cx, Fd::CWD, path, Flags(at::REMOVEDIR))
}

/// unlink(2)
pub fn unlink(cx: &mut Cx<'_>, path: CStrPtr) -> Res<()> {
    unlinkat(cx, Fd::CWD, path, Flags(0))
}

/// unlinkat(2)
pub fn unlinkat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, flags: Flags) -> Res<()> {
    let flags = only(flags, at::REMOVEDIR)?;
    let path = Path::read(cx, path)?;
    let creds = cx.creds();
    let start = cx.start(dir, &path, &creds)?;
    if flags == 0 { ops::unlink(&start, &path) } else { ops::rmdir(&start, &path) }
}

/// link(2)
pub fn link(cx: &mut Cx<'_>, old: CStrPtr, new: CStrPtr) -> Res<()> {
    linkat(cx, Fd::CWD, old, Fd::CWD, new, Flags(0))
}

/// linkat(2)
pub fn linkat(
    cx: &mut Cx<'_>,
    old_dir: Fd,
    old: CStrPtr,
    new_dir: Fd,
    new: CStrPtr,
    flags: Flags,
) -> Res<()> {
    let flags = only(flags, at::SYMLINK_FOLLOW | at::EMPTY_PATH)?;
    let (old, new) = (Path::read(cx, old)?, Path::read(cx, new)?);
    let creds = cx.creds();
    let inode = if old.is_empty() && flags & at::EMPTY_PATH != 0 {
        cx.description(old_dir)?.inode().ok_or(Errno::ENOENT)?
    } else {
        match ops::find_target(&cx.start(old_dir, &old, &creds)?, &old, flags & at::SYMLINK_FOLLOW != 0)? {
            Target::Entry(entry) => {
                return ops::link_entry(&entry, &cx.start(new_dir, &new, &creds)?, &new);
            }
            Target::File(file) => file.inode().ok_or(Errno::EXDEV)?,
        }
    };
    ops::link(&inode, &cx.start(new_dir, &new, &creds)?, &new)
}

/// symlink(2)
pub fn symlink(cx: &mut Cx<'_>, target: CStrPtr, path: CStrPtr) -> Res<()> {
    symlinkat(cx, target, Fd::CWD, path)
}

/// symlinkat(2)
pub fn symlinkat(cx: &mut Cx<'_>, target: CStrPtr, dir: Fd, path: CStrPtr) -> Res<()> {
    let (target, path) = (Path::read(cx, target)?, Path::read(cx, path)?);
    let creds = cx.creds();
    ops::symlink(&cx.start(dir, &path, &creds)?, &target, &path)
}

/// readlink(2)
pub fn readlink(cx: &mut Cx<'_>, path: CStrPtr, buf: OutBuf) -> Res<usize> {
    readlinkat(cx, Fd::CWD, path, buf)
}

/// readlinkat(2): an empty path is the link that the descriptor was opened on with O_PATH and O_NOFOLLOW.
pub fn readlinkat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, buf: OutBuf) -> Res<usize> {
    if buf.len == 0 || buf.len as isize as i32 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    let path = Path::read(cx, path)?;
    let creds = cx.creds();
    let entry = if path.is_empty() && dir != Fd::CWD {
        let entry = cx.description(dir)?.entry().cloned().ok_or(Errno::ENOENT)?;
        if entry.kind() != Kind::Symlink {
            return Err(Errno::ENOENT.into());
        }
        entry
    } else {
        ops::find(&cx.start(dir, &path, &creds)?, &path, false)?
    };
    let target = entry.inode().read_link()?;
    let len = target.len().min(buf.len);
    cx.write_bytes(buf.addr, &target[..len])?;
    Ok(len)
}

/// rename(2)
pub fn rename(cx: &mut Cx<'_>, old: CStrPtr, new: CStrPtr) -> Res<()> {
    renameat2(cx, Fd::CWD, old, Fd::CWD, new, Flags(0))
}

/// renameat(2)
pub fn renameat(cx: &mut Cx<'_>, old_dir: Fd, old: CStrPtr, new_dir: Fd, new: CStrPtr) -> Res<()> {
    renameat2(cx, old_dir, old, new_dir, new, Flags(0))
}

/// renameat2(2), without RENAME_WHITEOUT.
pub fn renameat2(
    cx: &mut Cx<'_>,
    old_dir: Fd,
    old: CStrPtr,
    new_dir: Fd,
    new: CStrPtr,
    flags: Flags,
) -> Res<()> {
    let how = match flags.0 {
        0 => Renaming::Replace,
        1 => Renaming::NoReplace,
        2 => Renaming::Exchange,
        _ => return Err(Errno::EINVAL.into()),
    };
    let (old, new) = (Path::read(cx, old)?, Path::read(cx, new)?);
    let creds = cx.creds();
    ops::rename(&cx.start(old_dir, &old, &creds)?, &old, &cx.start(new_dir, &new, &creds)?, &new, how)
}

/// getcwd(2): the length with the NUL.
pub fn getcwd(cx: &mut Cx<'_>, buf: OutBuf) -> Res<usize> {
    let cwd = cx.fs().cwd();
    if cwd.is_removed() {
        return Err(Errno::ENOENT.into());
    }
    let mut path = match cwd.path_from(&cx.fs().root()) {
        Some(path) => path,
        None => [b"(unreachable)".as_slice(), &cwd.path()].concat(),
    };
    path.push(0);
    if path.len() > buf.len {
        return Err(Errno::ERANGE.into());
    }
    cx.write_bytes(buf.addr, &path)?;
    Ok(path.len())
}
