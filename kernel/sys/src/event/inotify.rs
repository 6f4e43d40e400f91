//! inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2).

use crate::cx::Cx;
use crate::file::Path;
use alloc::sync::Arc;
use osv_abi::Errno;
use osv_abi::arg::{CStrPtr, Fd, Flags, Int, UInt};
use osv_abi::uapi::event::inotify as i;
use osv_abi::uapi::file::open as o;
use osv_base::Res;
use osv_event::Inotify;
use osv_vfs::context::MAY_READ;
use osv_vfs::{OpenFile, ops};

/// inotify_init(2)
pub fn inotify_init(cx: &mut Cx<'_>) -> Res<Fd> {
    inotify_init1(cx, Flags(0))
}

/// inotify_init1(2)
pub fn inotify_init1(cx: &mut Cx<'_>, flags: Flags) -> Res<Fd> {
    if flags.0 & !(o::NONBLOCK | o::CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    cx.install_new(Inotify::new(), flags.0 & o::NONBLOCK, flags.0 & o::CLOEXEC != 0)
}

fn instance(open: &Arc<OpenFile>) -> Result<&Inotify, Errno> {
    open.file().as_any().downcast_ref().ok_or(Errno::EINVAL)
}

/// inotify_add_watch(2)
pub fn inotify_add_watch(cx: &mut Cx<'_>, fd: Fd, path: CStrPtr, mask: UInt) -> Res<i32> {
    let mask = mask.0;
    if mask & !i::KNOWN != 0 || mask == 0 {
        return Err(Errno::EINVAL.into());
    }
    let open = cx.file(fd)?;
    if mask & (i::MASK_ADD | i::MASK_CREATE) == i::MASK_ADD | i::MASK_CREATE {
        return Err(Errno::EINVAL.into());
    }
    let instance = instance(&open)?;
    let path = Path::read(cx, path)?;
    let creds = cx.creds();
    let entry = ops::find(&cx.start(Fd::CWD, &path, &creds)?, &path, mask & i::DONT_FOLLOW == 0)?;
    if mask & i::ONLYDIR != 0 && !entry.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    creds.may(&entry.inode().attr(), MAY_READ)?;
    Ok(instance.add(&entry, mask)?)
}

/// inotify_rm_watch(2)
pub fn inotify_rm_watch(cx: &mut Cx<'_>, fd: Fd, wd: Int) -> Res<()> {
    let open = cx.file(fd)?;
    Ok(instance(&open)?.remove(wd.0)?)
}
