//! adjtimex(2), clock_adjtime(2).
//!
//! The wall clock can be stepped, not bent: an offset takes effect at once, and another rate is refused. What is only
//! noted for others to read (errors, status, the offset of TAI) is kept.

use super::set_wall_clock;
use crate::cx::Cx;
use core::time::Duration;
use osv_abi::Errno;
use osv_abi::arg::{InOut, Int};
use osv_abi::uapi::time::{Timeval, Timex, clock, timex as t};
use osv_base::Res;
use osv_hw::clock as machine;
use osv_sync::Mutex;

/// What is kept between calls.
#[derive(Clone, Copy, Debug)]
struct Kept {
    maxerror: i64,
    esterror: i64,
    status: i32,
    constant: i64,
    tai: i32,
}

/// Nobody has said how far the clock is off: the most that can be said, and a clock that is not synchronised.
static KEPT: Mutex<Kept> = Mutex::new(Kept {
    maxerror: t::PHASE_LIMIT,
    esterror: t::PHASE_LIMIT,
    status: t::STA_UNSYNC,
    constant: 2,
    tai: 0,
});

/// How far TAI is ahead of UTC, in seconds.
pub(super) fn tai_offset() -> i32 {
    KEPT.lock().tai
}

/// Moves the wall clock by a number of nanoseconds.
fn step(cx: &Cx<'_>, by: i64) -> Res<()> {
    let now = i64::try_from(machine::realtime_ns()).unwrap_or(i64::MAX);
    let to = now.checked_add(by).and_then(|to| u64::try_from(to).ok()).ok_or(Errno::EINVAL)?;
    set_wall_clock(cx, Duration::from_nanos(to))
}

/// Nanoseconds of a sum of seconds and a part that is never negative.
fn nanos(time: Timeval, is_nanos: bool) -> Result<i64, Errno> {
    let (limit, scale) = if is_nanos { (1_000_000_000, 1) } else { (1_000_000, 1000) };
    if !(0..limit).contains(&time.usec) {
        return Err(Errno::EINVAL);
    }
    let seconds = time.sec.checked_mul(1_000_000_000).ok_or(Errno::EINVAL)?;
    seconds.checked_add(time.usec * scale).ok_or(Errno::EINVAL)
}

fn adjust(cx: &Cx<'_>, asked: &Timex) -> Res<()> {
    let modes = asked.modes;
    let privileged = cx.process().credentials().is_privileged();
    if modes & t::ADJTIME != 0 {
        // adjtime(3): one offset, or to be told what is left of it.
        if modes & t::OFFSET == 0 {
            return Err(Errno::EINVAL.into());
        }
        if modes & t::OFFSET_READONLY == 0 {
            if !privileged {
                return Err(Errno::EPERM.into());
            }
            step(cx, asked.offset.checked_mul(1000).ok_or(Errno::EINVAL)?)?;
        }
        return Ok(());
    }
    if modes != 0 && !privileged {
        return Err(Errno::EPERM.into());
    }
    if modes & t::TICK != 0 && !(9_000..=11_000).contains(&asked.tick) {
        return Err(Errno::EINVAL.into());
    }
    let mut offset = 0;
    if modes & t::SETOFFSET != 0 {
        offset = nanos(asked.time, modes & t::NANO != 0)?;
    }
    let bends =
        modes & t::TICK != 0 && asked.tick != t::TICK_US || modes & t::FREQUENCY != 0 && asked.freq != 0;
    if bends {
        return Err(Errno::EOPNOTSUPP.into());
    }
    if modes & t::SETOFFSET != 0 {
        step(cx, offset)?;
    }
    let mut kept = KEPT.lock();
    if modes & t::STATUS != 0 {
        kept.status = kept.status & t::STA_READONLY | asked.status & !t::STA_READONLY;
    }
    if modes & t::NANO != 0 {
        kept.status |= t::STA_NANO;
    }
    if modes & t::MICRO != 0 {
        kept.status &= !t::STA_NANO;
    }
    if modes & t::MAXERROR != 0 {
        kept.maxerror = asked.maxerror.clamp(0, t::PHASE_LIMIT);
    }
    if modes & t::ESTERROR != 0 {
        kept.esterror = asked.esterror.clamp(0, t::PHASE_LIMIT);
    }
    if modes & t::TIMECONST != 0 {
        let constant = asked.constant.clamp(0, 10);
        kept.constant = if kept.status & t::STA_NANO == 0 { (constant + 4).min(10) } else { constant };
    }
    if modes & t::TAI != 0 && (0..=100_000).contains(&asked.constant) {
        kept.tai = asked.constant as i32;
    }
    let in_nanos = kept.status & t::STA_NANO != 0;
    let is_locked = kept.status & t::STA_PLL != 0;
    drop(kept);
    if modes & t::OFFSET != 0 && is_locked {
        let limit = if in_nanos { 500_000_000 } else { 500_000 };
        step(cx, asked.offset.clamp(-limit, limit) * if in_nanos { 1 } else { 1000 })?;
    }
    Ok(())
}

/// adjtimex(2): gives the state of the clock.
pub fn adjtimex(cx: &mut Cx<'_>, buf: InOut<Timex>) -> Res<i32> {
    let asked = buf.read(cx)?;
    adjust(cx, &asked)?;
    let kept = *KEPT.lock();
    let now = Duration::from_nanos(machine::realtime_ns());
    let part = if kept.status & t::STA_NANO != 0 { now.subsec_nanos() } else { now.subsec_micros() };
    let shown = Timex {
        modes: asked.modes,
        offset: 0,
        freq: 0,
        maxerror: kept.maxerror,
        esterror: kept.esterror,
        status: kept.status,
        constant: kept.constant,
        precision: 1,
        tolerance: t::TOLERANCE,
        time: Timeval { sec: now.as_secs() as i64, usec: part.into() },
        tick: t::TICK_US,
        tai: kept.tai,
        ..Timex::default()
    };
    buf.write(cx, &shown)?;
    let unsynchronised = kept.status & (t::STA_UNSYNC | t::STA_CLOCKERR) != 0;
    Ok(if unsynchronised { t::TIME_ERROR } else { t::TIME_OK })
}

/// clock_adjtime(2): of the wall clock.
pub fn clock_adjtime(cx: &mut Cx<'_>, id: Int, buf: InOut<Timex>) -> Res<i32> {
    buf.read(cx)?;
    match id.0 {
        clock::REALTIME => adjtimex(cx, buf),
        id if id < 0 => Err(Errno::EINVAL.into()),
        clock::MONOTONIC..=clock::TAI => Err(Errno::EOPNOTSUPP.into()),
        _ => Err(Errno::EINVAL.into()),
    }
}
