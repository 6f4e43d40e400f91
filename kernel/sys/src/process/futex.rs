//! futex(2).

use crate::cx::Cx;
use core::time::Duration;
use osv_abi::arg::{In, Int, Size, UInt};
use osv_abi::uapi::process::RobustListHead;
use osv_abi::uapi::process::futex as f;
use osv_abi::uapi::time::Timespec;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Instant, Res};
use osv_task::futex::{self as table, Key, WakeOp};

/// What FUTEX_WAIT and its kin wait until: the timeout read from `at`, relative or of one of two clocks.
fn deadline(cx: &Cx<'_>, at: UserAddr, absolute: bool, realtime: bool) -> Res<Option<Instant>> {
    if at.is_null() {
        return Ok(None);
    }
    let time = In::<Timespec>::at(at).read(cx)?.duration()?;
    Ok(Some(if !absolute {
        osv_hw::clock::now().after(time)
    } else if realtime {
        realtime_instant(time)
    } else {
        Instant(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }))
}

/// The monotonic time at which the wall clock shows `time`. A clock that is set afterwards does not move it.
pub(crate) fn realtime_instant(time: Duration) -> Instant {
    let now = osv_hw::clock::now();
    let wall = Duration::from_nanos(osv_hw::clock::realtime_ns());
    now.after(time.saturating_sub(wall))
}

pub(super) fn key(cx: &Cx<'_>, addr: UserAddr, shared: bool) -> Res<Key> {
    // As Linux: a misaligned address is EINVAL, wherever it lies.
    if addr.0 & 3 != 0 {
        return Err(Errno::EINVAL.into());
    }
    if !addr.range_ok(4) {
        return Err(Errno::EFAULT.into());
    }
    if shared {
        // Its name is that of the memory behind it, which must be there.
        let mut word = [0; 4];
        cx.read_bytes(addr, &mut word)?;
    }
    cx.space()?.futex_key(addr.0, shared)
}

/// futex(2). Priority inheritance (LOCK_PI and kin) is ENOSYS, which makes libcs say that they lack it.
pub fn futex(
    cx: &mut Cx<'_>,
    word: UserAddr,
    op: UInt,
    value: UInt,
    timeout: UserAddr,
    other: UserAddr,
    value3: UInt,
) -> Res<u32> {
    let command = op.0 & !(f::PRIVATE_FLAG | f::CLOCK_REALTIME);
    let shared = op.0 & f::PRIVATE_FLAG == 0;
    let realtime = op.0 & f::CLOCK_REALTIME != 0;
    if realtime && !matches!(command, f::WAIT | f::WAIT_BITSET | f::WAIT_REQUEUE_PI | f::LOCK_PI2) {
        return Err(Errno::ENOSYS.into());
    }
    // The fourth argument is a number where it is not a timeout.
    let count2 = timeout.0 as u32;
    match command {
        f::WAIT => {
            let until = deadline(cx, timeout, false, realtime)?;
            table::wait(key(cx, word, shared)?, word, value.0, f::BITSET_MATCH_ANY, until).map(|()| 0)
        }
        f::WAIT_BITSET => {
            let until = deadline(cx, timeout, true, realtime)?;
            table::wait(key(cx, word, shared)?, word, value.0, value3.0, until).map(|()| 0)
        }
        f::WAKE => table::wake(key(cx, word, shared)?, at_least_one(value.0), f::BITSET_MATCH_ANY),
        f::WAKE_BITSET => table::wake(key(cx, word, shared)?, at_least_one(value.0), value3.0),
        f::REQUEUE | f::CMP_REQUEUE => {
            if value.0.cast_signed() < 0 || count2.cast_signed() < 0 {
                return Err(Errno::EINVAL.into());
            }
            let expected = (command == f::CMP_REQUEUE).then_some(value3.0);
            let (from, to) = (key(cx, word, shared)?, key(cx, other, shared)?);
            table::requeue(from, to, value.0, count2, word, expected)
        }
        f::WAKE_OP => {
            let decoded = WakeOp::decode(value3.0)?;
            let (first, second) = (key(cx, word, shared)?, key(cx, other, shared)?);
            table::wake_op(first, second, other, value.0, count2, decoded)
        }
        _ => Err(Errno::ENOSYS.into()),
    }
}

/// As Linux: a count of 0 wakes one.
fn at_least_one(count: u32) -> u32 {
    count.max(1)
}

/// set_robust_list(2).
pub fn set_robust_list(_cx: &mut Cx<'_>, head: UserAddr, len: Size) -> Res<()> {
    if len.0 != size_of::<RobustListHead>() {
        return Err(Errno::EINVAL.into());
    }
    osv_task::current().own().robust_list.set(head.0);
    Ok(())
}

/// get_robust_list(2): the caller's own.
pub fn get_robust_list(
    cx: &mut Cx<'_>,
    tid: Int,
    head: osv_abi::arg::Out<u64>,
    len: osv_abi::arg::Out<u64>,
) -> Res<()> {
    if tid.0 != 0 && tid.0.cast_unsigned() != cx.thread().tid() {
        return Err(if osv_task::registry::thread(tid.0.cast_unsigned()).is_some() {
            Errno::EPERM
        } else {
            Errno::ESRCH
        }
        .into());
    }
    len.write(cx, &(size_of::<RobustListHead>() as u64))?;
    Ok(head.write(cx, &osv_task::current().own().robust_list.get())?)
}
