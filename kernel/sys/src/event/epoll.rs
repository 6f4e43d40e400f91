//! epoll(7).

use super::{deadline, deadline_ms, masked};
use crate::cx::Cx;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::arg::{EpollEvent, Fd, Flags, In, Int, Size, Timespec, UserAddr};
use osv_abi::uapi::event::epoll;
use osv_abi::uapi::file::open as o;
use osv_abi::{Errno, UserMemory};
use osv_base::{Instant, Res};
use osv_event::Epoll;
use osv_vfs::OpenFile;
use zerocopy::IntoBytes;

/// epoll_create(2)
pub fn epoll_create(cx: &mut Cx<'_>, size: Int) -> Res<Fd> {
    if size.0 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    epoll_create1(cx, Flags(0))
}

/// epoll_create1(2)
pub fn epoll_create1(cx: &mut Cx<'_>, flags: Flags) -> Res<Fd> {
    if flags.0 & !epoll::CLOEXEC != 0 {
        return Err(Errno::EINVAL.into());
    }
    cx.install_new(Epoll::new(), o::RDWR, flags.0 & epoll::CLOEXEC != 0)
}

/// The instance behind a descriptor: EINVAL for another file.
fn instance(open: &OpenFile) -> Result<&Epoll, Errno> {
    open.file().as_any().downcast_ref::<Epoll>().ok_or(Errno::EINVAL)
}

/// epoll_ctl(2)
pub fn epoll_ctl(cx: &mut Cx<'_>, epfd: Fd, operation: Int, fd: Fd, event: In<EpollEvent>) -> Res<()> {
    let event = match operation.0 {
        epoll::CTL_DEL => EpollEvent::default(),
        _ => event.read(cx)?,
    };
    let open = cx.file(epfd)?;
    let watched = cx.file(fd)?;
    if watched.file().readiness().is_none() {
        return Err(Errno::EPERM.into());
    }
    let epoll = instance(&open)?;
    if Arc::ptr_eq(open.file(), watched.file()) {
        return Err(Errno::EINVAL.into());
    }
    match operation.0 {
        epoll::CTL_ADD => epoll.add(fd.0, &watched, event),
        epoll::CTL_MOD => epoll.modify(fd.0, &watched, event),
        epoll::CTL_DEL => epoll.delete(fd.0, &watched),
        _ => Err(Errno::EINVAL.into()),
    }
}

fn wait(cx: &Cx<'_>, epfd: Fd, to: UserAddr, max: Int, deadline: Option<Instant>) -> Res<usize> {
    let open = cx.file(epfd)?;
    if max.0 <= 0 || max.0 > epoll::MAX_EVENTS {
        return Err(Errno::EINVAL.into());
    }
    let max = max.0 as usize;
    if !to.range_ok(max * size_of::<EpollEvent>()) {
        return Err(Errno::EFAULT.into());
    }
    let epoll = instance(&open)?;
    let mut events = Vec::new();
    epoll.wait(max, deadline, &mut events)?;
    cx.write_bytes(to, events.as_slice().as_bytes())?;
    Ok(events.len())
}

/// epoll_wait(2)
pub fn epoll_wait(cx: &mut Cx<'_>, epfd: Fd, events: UserAddr, max: Int, timeout: Int) -> Res<usize> {
    super::not_restarted(wait(cx, epfd, events, max, deadline_ms(timeout.0)))
}

/// epoll_pwait(2)
pub fn epoll_pwait(
    cx: &mut Cx<'_>,
    epfd: Fd,
    events: UserAddr,
    max: Int,
    timeout: Int,
    mask: In<u64>,
    size: Size,
) -> Res<usize> {
    let deadline = deadline_ms(timeout.0);
    masked(cx, mask, size, |cx| wait(cx, epfd, events, max, deadline))
}

/// epoll_pwait2(2)
pub fn epoll_pwait2(
    cx: &mut Cx<'_>,
    epfd: Fd,
    events: UserAddr,
    max: Int,
    timeout: In<Timespec>,
    mask: In<u64>,
    size: Size,
) -> Res<usize> {
    let timeout = timeout.read_opt(cx)?.map(Timespec::duration).transpose()?;
    let deadline = deadline(timeout);
    masked(cx, mask, size, |cx| wait(cx, epfd, events, max, deadline))
}
