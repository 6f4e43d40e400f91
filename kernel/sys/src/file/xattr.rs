//! setxattr(2), getxattr(2), listxattr(2), removexattr(2): by path, by symbolic link, by descriptor.

use super::open::only;
use super::stat::{Reached, reach, reach_fd};
use crate::cx::Cx;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::arg::{CStrPtr, Fd, Flags, In, Size};
use osv_abi::uapi::event::inotify;
use osv_abi::uapi::file::{at, xattr as x};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{PAGE_SIZE, Res};
use osv_vfs::xattr::{self, Replace};
use osv_vfs::{Inode, notify};

/// A name: ERANGE when it is empty or too long.
fn read_name(cx: &Cx<'_>, name: CStrPtr) -> Result<Vec<u8>, Errno> {
    let mut buf = [0; xattr::NAME_MAX + 1];
    match name.read(cx, &mut buf) {
        Ok(b"") | Err(Errno::ENAMETOOLONG) => Err(Errno::ERANGE),
        Ok(name) => Ok(name.to_vec()),
        Err(errno) => Err(errno),
    }
}

/// Gives `bytes` to a caller whose room is `size`, or tells their number to one who asks with none.
fn give(cx: &mut Cx<'_>, bytes: &[u8], to: UserAddr, size: usize) -> Res<usize> {
    if size > 0 {
        if bytes.len() > size {
            return Err(Errno::ERANGE.into());
        }
        cx.write_bytes(to, bytes)?;
    }
    Ok(bytes.len())
}

fn by_fd(cx: &Cx<'_>, fd: Fd) -> Res<Reached> {
    cx.file(fd)?;
    reach_fd(cx, fd)
}

fn set(
    cx: &mut Cx<'_>,
    find: impl FnOnce(&Cx<'_>) -> Res<Reached>,
    name: CStrPtr,
    value: UserAddr,
    size: Size,
    flags: Flags,
) -> Res<()> {
    let how = match flags.0 {
        0 => Replace::Any,
        x::CREATE => Replace::Create,
        x::REPLACE => Replace::Replace,
        both if both == x::CREATE | x::REPLACE => Replace::Replace,
        _ => return Err(Errno::EINVAL.into()),
    };
    let name = read_name(cx, name)?;
    if size.0 > xattr::SIZE_MAX {
        return Err(Errno::E2BIG.into());
    }
    let mut bytes = alloc::vec![0; size.0];
    cx.read_bytes(value, &mut bytes)?;
    let inode = find(cx)?.changeable()?;
    xattr::set(&*inode, &name, bytes, how, &cx.creds())?;
    notify::on_inode(&inode, inotify::ATTRIB);
    Ok(())
}

fn get(
    cx: &mut Cx<'_>,
    find: impl FnOnce(&Cx<'_>) -> Res<Reached>,
    name: CStrPtr,
    value: UserAddr,
    size: Size,
) -> Res<usize> {
    let name = read_name(cx, name)?;
    let bytes = xattr::get(&*find(cx)?.inode, &name, &cx.creds())?;
    give(cx, &bytes, value, size.0)
}

fn remove(cx: &Cx<'_>, inode: &Arc<dyn Inode>, name: &[u8]) -> Res<()> {
    xattr::remove(&**inode, name, &cx.creds())?;
    notify::on_inode(inode, inotify::ATTRIB);
    Ok(())
}

fn list(cx: &mut Cx<'_>, inode: &dyn Inode, to: UserAddr, size: Size) -> Res<usize> {
    let names = xattr::list(inode, &cx.creds())?;
    give(cx, &names, to, size.0)
}

macro_rules! calls {
    ($($find:expr => $set:ident $get:ident $list:ident $remove:ident ($target:ident: $ty:ty);)*) => { $(
        #[doc = concat!(stringify!($set), "(2)")]
        pub fn $set(
            cx: &mut Cx<'_>,
            $target: $ty,
            name: CStrPtr,
            value: UserAddr,
            size: Size,
            flags: Flags,
        ) -> Res<()> {
            set(cx, |cx| $find(cx, $target), name, value, size, flags)
        }
        #[doc = concat!(stringify!($get), "(2)")]
        pub fn $get(
            cx: &mut Cx<'_>,
            $target: $ty,
            name: CStrPtr,
            value: UserAddr,
            size: Size,
        ) -> Res<usize> {
            get(cx, |cx| $find(cx, $target), name, value, size)
        }
        #[doc = concat!(stringify!($list), "(2)")]
        pub fn $list(cx: &mut Cx<'_>, $target: $ty, to: UserAddr, size: Size) -> Res<usize> {
            let inode = $find(cx, $target)?.inode;
            list(cx, &*inode, to, size)
        }
        #[doc = concat!(stringify!($remove), "(2)")]
        pub fn $remove(cx: &mut Cx<'_>, $target: $ty, name: CStrPtr) -> Res<()> {
            let name = read_name(cx, name)?;
            let inode = $find(cx, $target)?.changeable()?;
            remove(cx, &inode, &name)
        }
    )* };
}

fn followed(cx: &Cx<'_>, path: CStrPtr) -> Res<Reached> {
    reach(cx, Fd::CWD, path, 0)
}

fn itself(cx: &Cx<'_>, path: CStrPtr) -> Res<Reached> {
    reach(cx, Fd::CWD, path, at::SYMLINK_NOFOLLOW)
}

/// The inode that the calls with a directory and flags mean: EINVAL for flags that are not known.
fn at_place(cx: &Cx<'_>, dir: Fd, path: CStrPtr, flags: Flags) -> Res<Reached> {
    reach(cx, dir, path, only(flags, at::SYMLINK_NOFOLLOW | at::EMPTY_PATH)?)
}

/// `struct xattr_args`, of which later versions may be longer: EINVAL, E2BIG.
fn read_args(cx: &Cx<'_>, from: UserAddr, size: Size) -> Res<x::Args> {
    let known = size_of::<x::Args>();
    if size.0 < known {
        return Err(Errno::EINVAL.into());
    }
    if size.0 > PAGE_SIZE {
        return Err(Errno::E2BIG.into());
    }
    let args = In::at(from).read(cx)?;
    let mut rest = alloc::vec![0; size.0 - known];
    cx.read_bytes(from.add(known), &mut rest)?;
    if rest.iter().any(|&byte| byte != 0) { Err(Errno::E2BIG.into()) } else { Ok(args) }
}

/// setxattrat(2)
pub fn setxattrat(
    cx: &mut Cx<'_>,
    dir: Fd,
    path: CStrPtr,
    flags: Flags,
    name: CStrPtr,
    args: UserAddr,
    size: Size,
) -> Res<()> {
    let args = read_args(cx, args, size)?;
    only(flags, at::SYMLINK_NOFOLLOW | at::EMPTY_PATH)?;
    let (value, len) = (UserAddr(args.value), Size(args.size as usize));
    set(cx, |cx| at_place(cx, dir, path, flags), name, value, len, Flags(args.flags))
}

/// getxattrat(2)
pub fn getxattrat(
    cx: &mut Cx<'_>,
    dir: Fd,
    path: CStrPtr,
    flags: Flags,
    name: CStrPtr,
    args: UserAddr,
    size: Size,
) -> Res<usize> {
    let args = read_args(cx, args, size)?;
    if args.flags != 0 {
        return Err(Errno::EINVAL.into());
    }
    only(flags, at::SYMLINK_NOFOLLOW | at::EMPTY_PATH)?;
    let (value, len) = (UserAddr(args.value), Size(args.size as usize));
    get(cx, |cx| at_place(cx, dir, path, flags), name, value, len)
}

/// listxattrat(2)
pub fn listxattrat(
    cx: &mut Cx<'_>,
    dir: Fd,
    path: CStrPtr,
    flags: Flags,
    to: UserAddr,
    size: Size,
) -> Res<usize> {
    let inode = at_place(cx, dir, path, flags)?.inode;
    list(cx, &*inode, to, size)
}

/// removexattrat(2)
pub fn removexattrat(cx: &mut Cx<'_>, dir: Fd, path: CStrPtr, flags: Flags, name: CStrPtr) -> Res<()> {
    only(flags, at::SYMLINK_NOFOLLOW | at::EMPTY_PATH)?;
    let name = read_name(cx, name)?;
    let inode = at_place(cx, dir, path, flags)?.changeable()?;
    remove(cx, &inode, &name)
}

calls! {
    followed => setxattr getxattr listxattr removexattr (path: CStrPtr);
    itself => lsetxattr lgetxattr llistxattr lremovexattr (path: CStrPtr);
    by_fd => fsetxattr fgetxattr flistxattr fremovexattr (fd: Fd);
}
