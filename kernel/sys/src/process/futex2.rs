//! futex_waitv(2), futex_wake(2), futex_wait(2), futex_requeue(2): futexes whose flags say what they are.

use super::futex::{key, realtime_instant};
use crate::cx::Cx;
use alloc::vec::Vec;
use osv_abi::arg::{Flags, In, Int, Timespec, UInt, ULong};
use osv_abi::uapi::process::{FutexWaitv, futex2};
use osv_abi::uapi::time::clock;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Instant, Res};
use osv_task::futex::{self as table, Word};
use zerocopy::IntoBytes;

/// Whether it is shared: EINVAL for flags that are not known, or another size than 32 bits.
fn is_shared(flags: u32) -> Result<bool, Errno> {
    if flags & !(futex2::SIZE | futex2::PRIVATE) != 0 || flags & futex2::SIZE != futex2::U32 {
        return Err(Errno::EINVAL);
    }
    Ok(flags & futex2::PRIVATE == 0)
}

/// A value of a futex of 32 bits: EINVAL.
fn value(value: u64) -> Result<u32, Errno> {
    u32::try_from(value).map_err(|_| Errno::EINVAL)
}

/// An absolute time of one of two clocks.
fn deadline(cx: &Cx<'_>, timeout: In<Timespec>, id: Int) -> Res<Option<Instant>> {
    if timeout.is_null() {
        return Ok(None);
    }
    if !matches!(id.0, clock::REALTIME | clock::MONOTONIC) {
        return Err(Errno::EINVAL.into());
    }
    let time = timeout.read(cx)?.duration()?;
    Ok(Some(if id.0 == clock::REALTIME {
        realtime_instant(time)
    } else {
        Instant(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }))
}

/// Copies in `count` waiters: EFAULT, EINVAL.
fn words(cx: &Cx<'_>, waiters: UserAddr, count: usize) -> Res<Vec<(Word, bool)>> {
    let mut given = alloc::vec![FutexWaitv::default(); count];
    cx.read_bytes(waiters, given.as_mut_slice().as_mut_bytes())?;
    let mut words = Vec::with_capacity(count);
    for waiter in &given {
        if waiter.reserved != 0 {
            return Err(Errno::EINVAL.into());
        }
        let shared = is_shared(waiter.flags)?;
        let addr = UserAddr(waiter.uaddr);
        words.push((addr, value(waiter.val)?, shared));
    }
    // What they mean is looked at when all are known to be right.
    let word = |(addr, expected, shared)| Ok((Word { key: key(cx, addr, shared)?, addr, expected }, shared));
    words.into_iter().map(word).collect()
}

/// futex_waitv(2)
pub fn futex_waitv(
    cx: &mut Cx<'_>,
    waiters: UserAddr,
    count: UInt,
    flags: Flags,
    timeout: In<Timespec>,
    clock: Int,
) -> Res<usize> {
    if flags.0 != 0 || !(1..=futex2::WAITV_MAX).contains(&count.0) || waiters.is_null() {
        return Err(Errno::EINVAL.into());
    }
    let deadline = deadline(cx, timeout, clock)?;
    let words: Vec<Word> = words(cx, waiters, count.0 as usize)?.into_iter().map(|(word, _)| word).collect();
    table::wait_any(&words, deadline)
}

/// futex_wake(2)
pub fn futex_wake(cx: &mut Cx<'_>, word: UserAddr, mask: ULong, count: Int, flags: Flags) -> Res<u32> {
    let shared = is_shared(flags.0)?;
    let bits = value(mask.0)?;
    if bits == 0 {
        return Err(Errno::EINVAL.into());
    }
    let key = key(cx, word, shared)?;
    // As Linux: none is none, and fewer than none is one.
    match u32::try_from(count.0) {
        Ok(0) => Ok(0),
        Ok(count) => table::wake(key, count, bits),
        Err(_) => table::wake(key, 1, bits),
    }
}

/// futex_wait(2)
pub fn futex_wait(
    cx: &mut Cx<'_>,
    word: UserAddr,
    expected: ULong,
    mask: ULong,
    flags: Flags,
    timeout: In<Timespec>,
    clock: Int,
) -> Res<()> {
    let shared = is_shared(flags.0)?;
    let (expected, bits) = (value(expected.0)?, value(mask.0)?);
    let deadline = deadline(cx, timeout, clock)?;
    if bits == 0 {
        return Err(Errno::EINVAL.into());
    }
    table::wait(key(cx, word, shared)?, word, expected, bits, deadline)
}

/// futex_requeue(2): from the first of two to the second.
pub fn futex_requeue(cx: &mut Cx<'_>, waiters: UserAddr, flags: Flags, wake: Int, requeue: Int) -> Res<u32> {
    if flags.0 != 0 || waiters.is_null() {
        return Err(Errno::EINVAL.into());
    }
    let words = words(cx, waiters, 2)?;
    let (Ok(wake), Ok(requeue)) = (u32::try_from(wake.0), u32::try_from(requeue.0)) else {
        return Err(Errno::EINVAL.into());
    };
    let [(from, _), (to, _)] = words[..] else { return Err(Errno::EINVAL.into()) };
    table::requeue(from.key, to.key, wake, requeue, from.addr, Some(from.expected))
}
