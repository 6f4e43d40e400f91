//! Clocks and timers.

mod adjust;

pub use adjust::*;

use crate::cx::Cx;
use crate::process::realtime_instant;
use core::time::Duration;
use osv_abi::Errno;
use osv_abi::arg::{Flags, In, Int, Out, UInt};
use osv_abi::uapi::time::*;
use osv_base::{Fail, Instant, Res};
use osv_hw::clock as machine;
use osv_sync::park::{self, Woken};
use osv_task::itimer::{Counted, Interval, IntervalTimer, Notify};

/// When a relative timeout ends: EINVAL for a time that is none.
pub(crate) fn timeout_instant(timeout: Timespec) -> Result<Instant, Errno> {
    Ok(machine::now().after(timeout.duration()?))
}

/// What a clock shows.
fn read_clock(cx: &Cx<'_>, id: i32) -> Result<Duration, Errno> {
    let nanos = match id {
        clock::REALTIME | clock::REALTIME_COARSE | clock::REALTIME_ALARM => machine::realtime_ns(),
        clock::TAI => {
            let ahead = i64::from(tai_offset()) * 1_000_000_000;
            machine::realtime_ns().saturating_add_signed(ahead)
        }
        clock::MONOTONIC
        | clock::MONOTONIC_RAW
        | clock::MONOTONIC_COARSE
        | clock::BOOTTIME
        | clock::BOOTTIME_ALARM => machine::now().0,
        clock::PROCESS_CPUTIME_ID => cx.process().ran_ns(),
        clock::THREAD_CPUTIME_ID => cx.thread().entity.ran_ns() + osv_task::thread::running_ns(),
        id if id < 0 => return cpu_clock(cx, id),
        _ => return Err(Errno::EINVAL),
    };
    Ok(Duration::from_nanos(nanos))
}

/// A clock that clock_getcpuclockid(3) or pthread_getcpuclockid(3) made: `~pid << 3 | kind`, bit 2 for threads.
fn cpu_clock(cx: &Cx<'_>, id: i32) -> Result<Duration, Errno> {
    let target = (!(id >> 3)).cast_unsigned();
    // 3 would be a descriptor of a clock device.
    if id & 3 == 3 {
        return Err(Errno::EINVAL);
    }
    let nanos = if id & 4 != 0 {
        let thread = match target {
            0 => return read_clock(cx, clock::THREAD_CPUTIME_ID),
            tid => osv_task::registry::thread(tid).ok_or(Errno::EINVAL)?,
        };
        if thread.process().pid() != cx.process().pid() {
            return Err(Errno::EINVAL);
        }
        thread.entity.ran_ns_now()
    } else {
        match target {
            0 => return read_clock(cx, clock::PROCESS_CPUTIME_ID),
            pid => osv_task::registry::process(pid).ok_or(Errno::EINVAL)?.ran_ns(),
        }
    };
    Ok(Duration::from_nanos(nanos))
}

/// clock_gettime(2).
pub fn clock_gettime(cx: &mut Cx<'_>, id: Int, time: Out<Timespec>) -> Res<()> {
    let now = read_clock(cx, id.0)?;
    Ok(time.write(cx, &now.into())?)
}

/// clock_getres(2).
pub fn clock_getres(cx: &mut Cx<'_>, id: Int, resolution: Out<Timespec>) -> Res<()> {
    read_clock(cx, id.0)?;
    Ok(resolution.write_opt(cx, &Timespec { sec: 0, nsec: 1 })?)
}

/// Sets the wall clock.
fn set_wall_clock(cx: &Cx<'_>, time: Duration) -> Res<()> {
    if !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    machine::set_realtime_ns(u64::try_from(time.as_nanos()).map_err(|_| Errno::EINVAL)?);
    osv_task::shared_page::refresh();
    Ok(())
}

/// clock_settime(2).
pub fn clock_settime(cx: &mut Cx<'_>, id: Int, time: In<Timespec>) -> Res<()> {
    if id.0 != clock::REALTIME {
        return Err(Errno::EINVAL.into());
    }
    let time = time.read(cx)?.duration()?;
    set_wall_clock(cx, time)
}

/// gettimeofday(2).
pub fn gettimeofday(cx: &mut Cx<'_>, time: Out<Timeval>, zone: Out<Timezone>) -> Res<()> {
    let now = Duration::from_nanos(machine::realtime_ns());
    time.write_opt(cx, &now.into())?;
    Ok(zone.write_opt(cx, &Timezone::default())?)
}

/// settimeofday(2); a time zone is accepted and forgotten.
pub fn settimeofday(cx: &mut Cx<'_>, time: In<Timeval>, zone: In<Timezone>) -> Res<()> {
    zone.read_opt(cx)?;
    match time.read_opt(cx)? {
        Some(time) => {
            let time = time.duration()?;
            set_wall_clock(cx, time)
        }
        None => Ok(()),
    }
}

/// time(2).
pub fn time(cx: &mut Cx<'_>, time: Out<i64>) -> Res<i64> {
    let seconds = (machine::realtime_ns() / 1_000_000_000) as i64;
    time.write_opt(cx, &seconds)?;
    Ok(seconds)
}

/// Ticks of times(2) in a second.
const TICK_NS: u64 = 10_000_000;

/// times(2).
pub fn times(cx: &mut Cx<'_>, buf: Out<Tms>) -> Res<u64> {
    let ticks = |nanos: u64| (nanos / TICK_NS) as i64;
    let process = cx.process();
    let usage = Tms {
        utime: ticks(process.ran_ns()),
        cutime: ticks(process.children_usage().ran_ns),
        ..Tms::default()
    };
    buf.write_opt(cx, &usage)?;
    Ok(machine::now().0 / TICK_NS)
}

/// Sleeps until `deadline`; interrupted, writes what is left. Should nothing handle what interrupted it, the call is
/// made again, and goes on with the deadline that it had.
fn sleep(cx: &Cx<'_>, deadline: Instant, remaining: Option<Out<Timespec>>) -> Res<()> {
    let current = osv_task::current();
    let deadline = current.own().sleep_until.take().unwrap_or(deadline);
    loop {
        match park::scheduler().park(Some(deadline), true) {
            Woken::TimedOut => return Ok(()),
            Woken::Unparked if machine::now() >= deadline => return Ok(()),
            Woken::Unparked => {}
            Woken::Interrupted => break,
        }
    }
    if let Some(remaining) = remaining {
        remaining.write_opt(cx, &deadline.since(machine::now()).into())?;
    }
    current.own().sleep_until.set(Some(deadline));
    Err(Fail::Interrupted)
}

/// nanosleep(2).
pub fn nanosleep(cx: &mut Cx<'_>, request: In<Timespec>, remaining: Out<Timespec>) -> Res<()> {
    let deadline = timeout_instant(request.read(cx)?)?;
    sleep(cx, deadline, Some(remaining))
}

/// clock_nanosleep(2).
pub fn clock_nanosleep(
    cx: &mut Cx<'_>,
    id: Int,
    flags: Flags,
    request: In<Timespec>,
    remaining: Out<Timespec>,
) -> Res<()> {
    let realtime = match id.0 {
        clock::REALTIME | clock::TAI | clock::REALTIME_ALARM => true,
        clock::MONOTONIC | clock::BOOTTIME | clock::BOOTTIME_ALARM => false,
        clock::MONOTONIC_RAW
        | clock::REALTIME_COARSE
        | clock::MONOTONIC_COARSE
        | clock::PROCESS_CPUTIME_ID
        | clock::THREAD_CPUTIME_ID => return Err(Errno::EOPNOTSUPP.into()),
        // Clocks of other processes: the time is read before they are looked for.
        negative if negative < 0 => {
            request.read(cx)?;
            return Err(Errno::EINVAL.into());
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    let time = request.read(cx)?.duration()?;
    if flags.0 & TIMER_ABSTIME == 0 {
        return sleep(cx, machine::now().after(time), Some(remaining));
    }
    let deadline = if realtime {
        realtime_instant(time)
    } else {
        Instant(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    };
    sleep(cx, deadline, None)
}

/// Which of the three timers of setitimer(2): EINVAL.
fn interval(which: i32) -> Result<Interval, Errno> {
    Ok(match which {
        0 => Interval::Real,
        1 => Interval::Virtual,
        2 => Interval::Prof,
        _ => return Err(Errno::EINVAL),
    })
}

fn itimerval((left, interval): (Duration, Duration)) -> Itimerval {
    Itimerval { interval: interval.into(), value: left.into() }
}

/// getitimer(2).
pub fn getitimer(cx: &mut Cx<'_>, which: Int, current: Out<Itimerval>) -> Res<()> {
    let which = interval(which.0)?;
    let state = cx.process().timers.interval_if_any(which).map(|timer| timer.get()).unwrap_or_default();
    Ok(current.write(cx, &itimerval(state))?)
}

fn set_interval(cx: &Cx<'_>, which: Interval, value: Duration, period: Duration) -> (Duration, Duration) {
    let timer = cx.process().timers.interval(cx.process(), which);
    let first = (!value.is_zero()).then(|| timer.now().after(value));
    timer.set(first, period)
}

/// setitimer(2).
pub fn setitimer(cx: &mut Cx<'_>, which: Int, new: In<Itimerval>, old: Out<Itimerval>) -> Res<()> {
    let new = new.read_opt(cx)?.unwrap_or_default();
    let which = interval(which.0)?;
    let (value, period) = (new.value.duration()?, new.interval.duration()?);
    let before = set_interval(cx, which, value, period);
    Ok(old.write_opt(cx, &itimerval(before))?)
}

/// alarm(2).
pub fn alarm(cx: &mut Cx<'_>, seconds: UInt) -> Res<u64> {
    let (left, _) = set_interval(cx, Interval::Real, Duration::from_secs(seconds.0.into()), Duration::ZERO);
    // Rounded to the nearest second, but never down to "none".
    let rounded = left.as_secs() + u64::from(left.subsec_nanos() >= 500_000_000);
    Ok(if left.is_zero() { 0 } else { rounded.max(1) })
}

/// timer_create(2).
pub fn timer_create(cx: &mut Cx<'_>, id: Int, event: In<Sigevent>, timer: Out<i32>) -> Res<()> {
    use osv_abi::uapi::signal::sig;
    let event = event.read_opt(cx)?;
    let counted = match id.0 {
        clock::REALTIME | clock::MONOTONIC | clock::BOOTTIME | clock::TAI => Counted::Machine,
        clock::REALTIME_ALARM | clock::BOOTTIME_ALARM => Counted::Machine,
        clock::PROCESS_CPUTIME_ID => Counted::Process(cx.process().pid()),
        clock::THREAD_CPUTIME_ID => Counted::Thread(cx.thread().tid()),
        id if id < 0 => counted_by(cx, id)?,
        _ => return Err(Errno::EINVAL.into()),
    };
    let signal = |event: &Sigevent| match u32::try_from(event.signo) {
        Ok(signo @ 1..=sig::MAX) => Ok(signo),
        _ => Err(Errno::EINVAL),
    };
    let process = cx.process();
    let number = match event {
        None => process
            .timers
            .create(process, id.0, counted, |number| Notify::Process(sig::ALRM, number as u64))?,
        Some(event) => {
            let notify = match event.notify {
                SIGEV_NONE => Notify::None,
                SIGEV_SIGNAL | SIGEV_THREAD => Notify::Process(signal(&event)?, event.value),
                SIGEV_THREAD_ID => {
                    let tid = event.tid.cast_unsigned();
                    let thread = osv_task::registry::thread(tid).ok_or(Errno::EINVAL)?;
                    if thread.process().pid() != process.pid() {
                        return Err(Errno::EINVAL.into());
                    }
                    Notify::Thread(tid, signal(&event)?, event.value)
                }
                _ => return Err(Errno::EINVAL.into()),
            };
            process.timers.create(process, id.0, counted, |_| notify)?
        }
    };
    if let Err(errno) = timer.write(cx, &number) {
        let _ = cx.process().timers.delete(number);
        return Err(errno.into());
    }
    Ok(())
}

fn itimerspec((left, interval): (Duration, Duration)) -> Itimerspec {
    Itimerspec { interval: interval.into(), value: left.into() }
}

/// Whose time a clock counts that clock_getcpuclockid(3) or pthread_getcpuclockid(3) made.
fn counted_by(cx: &Cx<'_>, id: i32) -> Result<Counted, Errno> {
    cpu_clock(cx, id)?;
    let target = (!(id >> 3)).cast_unsigned();
    Ok(match (id & 4 != 0, target) {
        (true, 0) => Counted::Thread(cx.thread().tid()),
        (true, tid) => Counted::Thread(tid),
        (false, 0) => Counted::Process(cx.process().pid()),
        (false, pid) => Counted::Process(pid),
    })
}

fn first_expiry(timer: &IntervalTimer, value: Duration, absolute: bool) -> Option<Instant> {
    if value.is_zero() {
        return None;
    }
    Some(if !absolute {
        timer.now().after(value)
    } else if matches!(timer.clock, clock::REALTIME | clock::REALTIME_ALARM | clock::TAI) {
        realtime_instant(value)
    } else {
        Instant(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
    })
}

/// timer_settime(2).
pub fn timer_settime(
    cx: &mut Cx<'_>,
    id: Int,
    flags: Flags,
    new: In<Itimerspec>,
    old: Out<Itimerspec>,
) -> Res<()> {
    let new = if new.is_null() { return Err(Errno::EINVAL.into()) } else { new.read(cx)? };
    let (value, interval) = (new.value.duration()?, new.interval.duration()?);
    let timer = cx.process().timers.get(id.0)?;
    let before = timer.set(first_expiry(&timer, value, flags.0 & TIMER_ABSTIME != 0), interval);
    Ok(old.write_opt(cx, &itimerspec(before))?)
}

/// timer_gettime(2).
pub fn timer_gettime(cx: &mut Cx<'_>, id: Int, current: Out<Itimerspec>) -> Res<()> {
    let state = cx.process().timers.get(id.0)?.get();
    Ok(current.write(cx, &itimerspec(state))?)
}

/// timer_getoverrun(2).
pub fn timer_getoverrun(cx: &mut Cx<'_>, id: Int) -> Res<i32> {
    Ok(cx.process().timers.get(id.0)?.overruns())
}

/// timer_delete(2).
pub fn timer_delete(cx: &mut Cx<'_>, id: Int) -> Res<()> {
    Ok(cx.process().timers.delete(id.0)?)
}
