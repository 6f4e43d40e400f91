//! pipe(2), eventfd(2), timerfd_create(2).

use crate::cx::Cx;
use alloc::sync::Arc;
use core::time::Duration;
use osv_abi::Errno;
use osv_abi::arg::{Fd, Flags, In, Int, Out, UInt};
use osv_abi::uapi::event::{eventfd, timerfd};
use osv_abi::uapi::file::open as o;
use osv_abi::uapi::time::{Itimerspec, Timespec};
use osv_base::{Instant, Res};
use osv_event::{EventFd, TimerFd};
use osv_sync::park;
use osv_vfs::{FdFlags, OpenFile, clock};

/// pipe(2)
pub fn pipe(cx: &mut Cx<'_>, fds: Out<[i32; 2]>) -> Res<()> {
    pipe2(cx, fds, Flags(0))
}

/// pipe2(2)
pub fn pipe2(cx: &mut Cx<'_>, fds: Out<[i32; 2]>, flags: Flags) -> Res<()> {
    if flags.0 & !(o::CLOEXEC | o::NONBLOCK | o::DIRECT) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let [reads, writes] = osv_event::pipe::pipe(flags.0 & o::DIRECT != 0);
    let status = flags.0 & o::NONBLOCK;
    let ends = [
        Arc::new(OpenFile::new(reads, o::RDONLY | status)),
        // Packet mode is seen where they are made.
        Arc::new(OpenFile::new(writes, o::WRONLY | status | flags.0 & o::DIRECT)),
    ];
    let process = cx.process();
    let cloexec = flags.0 & o::CLOEXEC != 0;
    let pair = process.fds().insert_pair(ends, FdFlags { cloexec }, cx.nofile_limit())?;
    let written = fds.write(cx, &pair);
    if written.is_err() {
        for fd in pair {
            drop(process.fds().close(fd));
        }
    }
    Ok(written?)
}

/// eventfd(2), the call without flags.
pub fn eventfd(cx: &mut Cx<'_>, initial: UInt) -> Res<Fd> {
    eventfd2(cx, initial, Flags(0))
}

/// eventfd(2)
pub fn eventfd2(cx: &mut Cx<'_>, initial: UInt, flags: Flags) -> Res<Fd> {
    if flags.0 & !(eventfd::SEMAPHORE | eventfd::NONBLOCK | eventfd::CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let file = EventFd::new(initial.0, flags.0 & eventfd::SEMAPHORE != 0);
    let status = o::RDWR | if flags.0 & eventfd::NONBLOCK != 0 { o::NONBLOCK } else { 0 };
    cx.install_new(Arc::new(file), status, flags.0 & eventfd::CLOEXEC != 0)
}

const CLOCK_REALTIME: i32 = 0;
const CLOCK_MONOTONIC: i32 = 1;
const CLOCK_BOOTTIME: i32 = 7;
const CLOCK_REALTIME_ALARM: i32 = 8;
const CLOCK_BOOTTIME_ALARM: i32 = 9;

/// timerfd_create(2)
pub fn timerfd_create(cx: &mut Cx<'_>, clock: Int, flags: Flags) -> Res<Fd> {
    let wall = match clock.0 {
        CLOCK_REALTIME | CLOCK_REALTIME_ALARM => true,
        CLOCK_MONOTONIC | CLOCK_BOOTTIME | CLOCK_BOOTTIME_ALARM => false,
        _ => return Err(Errno::EINVAL.into()),
    };
    if flags.0 & !(timerfd::NONBLOCK | timerfd::CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let status = o::RDWR | if flags.0 & timerfd::NONBLOCK != 0 { o::NONBLOCK } else { 0 };
    cx.install_new(Arc::new(TimerFd::new(wall)), status, flags.0 & timerfd::CLOEXEC != 0)
}

fn timer(open: &OpenFile) -> Result<&TimerFd, Errno> {
    open.file().as_any().downcast_ref::<TimerFd>().ok_or(Errno::EINVAL)
}

/// timerfd_settime(2): TFD_TIMER_CANCEL_ON_SET is taken; the wall clock is never set.
pub fn timerfd_settime(
    cx: &mut Cx<'_>,
    fd: Fd,
    flags: Flags,
    new: In<Itimerspec>,
    old: Out<Itimerspec>,
) -> Res<()> {
    let spec = new.read(cx)?;
    if flags.0 & !(timerfd::TIMER_ABSTIME | timerfd::TIMER_CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let (value, interval) = (spec.value.duration()?, spec.interval.duration()?);
    let open = cx.file(fd)?;
    let timer = timer(&open)?;
    let next = if value.is_zero() {
        None
    } else if flags.0 & timerfd::TIMER_ABSTIME == 0 {
        Some(park::now().after(value))
    } else if timer.is_wall() {
        let wall = Duration::from_nanos(u64::try_from(clock::now().0).unwrap_or(0));
        Some(park::now().after(value.saturating_sub(wall)))
    } else {
        Some(Instant::ZERO.after(value))
    };
    let before = timer.set(next, interval);
    Ok(old.write_opt(cx, &itimerspec(before))?)
}

fn itimerspec((value, interval): (Duration, Duration)) -> Itimerspec {
    Itimerspec { interval: Timespec::from(interval), value: Timespec::from(value) }
}

/// timerfd_gettime(2)
pub fn timerfd_gettime(cx: &mut Cx<'_>, fd: Fd, current: Out<Itimerspec>) -> Res<()> {
    let open = cx.file(fd)?;
    Ok(current.write(cx, &itimerspec(timer(&open)?.get()))?)
}
