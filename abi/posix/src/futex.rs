//! The futex system call, typed.

use crate::gate::{self, Sysno};
use core::sync::atomic::AtomicU32;
use osv_abi::errno::Errno;

/// A point in time or a span of it, as the kernel reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timespec {
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds, below a milliard in a valid one.
    pub nanoseconds: i64,
}

impl Timespec {
    /// Whether the nanoseconds are in range.
    pub fn is_valid(&self) -> bool {
        (0..1_000_000_000).contains(&self.nanoseconds)
    }
}

/// Whether a word is this process's alone: the operation's flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(usize);

/// The word is this process's alone.
pub const PRIVATE: Scope = Scope(128);
/// The word may lie in memory shared with other processes.
pub const SHARED: Scope = Scope(0);

impl Scope {
    /// From a pthread object's process-shared attribute.
    #[inline]
    pub fn shared(shared: bool) -> Scope {
        if shared { SHARED } else { PRIVATE }
    }
}

/// Turns that a contender spins before it sleeps: none where the holder cannot run meanwhile.
pub fn spins() -> usize {
    const TURNS: usize = 100;
    if crate::time::page_cpus() == 1 { 0 } else { TURNS }
}

const WAIT: usize = 0;
const WAKE: usize = 1;
const WAIT_BITSET: usize = 9;
const CLOCK_REALTIME: usize = 256;
const ALL_BITS: usize = u32::MAX as usize;

/// Sleeps while the word is `expected`; may return early, for no reason.
#[inline]
pub fn wait(word: &AtomicU32, expected: u32, scope: Scope) {
    // SAFETY: the kernel only reads the word.
    unsafe { gate::call(Sysno::futex, [address(word), WAIT | scope.0, expected as usize, 0]) };
}

/// Sleeps while the word is `expected`, at most for this long; may return early, for no reason.
pub fn wait_for(word: &AtomicU32, expected: u32, scope: Scope, time: &Timespec) {
    let time = core::ptr::from_ref(time).addr();
    // SAFETY: the kernel only reads the word and the time.
    unsafe { gate::call(Sysno::futex, [address(word), WAIT | scope.0, expected as usize, time]) };
}

/// Sleeps while the word is `expected`, at most until the deadline of the clock.
///
/// # Errors
/// ETIMEDOUT when the deadline passed, EINTR on a signal, EAGAIN when the word was another, EINVAL for a bad deadline
/// or clock.
pub fn wait_until(
    word: &AtomicU32,
    expected: u32,
    scope: Scope,
    clock: i32,
    deadline: Option<&Timespec>,
) -> Result<(), Errno> {
    let (flag, deadline) = deadline_arguments(clock, deadline)?;
    let arguments = [address(word), WAIT_BITSET | scope.0 | flag, expected as usize, deadline, 0, ALL_BITS];
    // SAFETY: the kernel only reads the word and the deadline.
    unsafe { gate::try_call(Sysno::futex, arguments) }.map(drop)
}

/// As [`wait_until`], as a cancellation point: does not return from a cancelled wait.
///
/// # Errors
/// As [`wait_until`].
pub fn wait_until_cancellable(
    word: &AtomicU32,
    expected: u32,
    scope: Scope,
    clock: i32,
    deadline: Option<&Timespec>,
) -> Result<(), Errno> {
    let (flag, deadline) = deadline_arguments(clock, deadline)?;
    let arguments = [address(word), WAIT_BITSET | scope.0 | flag, expected as usize, deadline, 0, ALL_BITS];
    // SAFETY: the kernel only reads the word and the deadline.
    Errno::from_ret(unsafe { crate::cancel::call(Sysno::futex, arguments) }).map(drop)
}

fn deadline_arguments(clock: i32, deadline: Option<&Timespec>) -> Result<(usize, usize), Errno> {
    let flag = match clock {
        0 => CLOCK_REALTIME,
        1 => 0,
        _ => return Err(Errno::EINVAL),
    };
    match deadline {
        None => Ok((flag, 0)),
        Some(deadline) if !deadline.is_valid() => Err(Errno::EINVAL),
        Some(deadline) if deadline.seconds < 0 => Err(Errno::ETIMEDOUT),
        Some(deadline) => Ok((flag, core::ptr::from_ref(deadline).addr())),
    }
}

/// Wakes up to `count` sleepers.
#[inline]
pub fn wake(word: &AtomicU32, count: u32, scope: Scope) {
    wake_address(address(word), count, scope);
}

/// As [`wake`], for a word that may be gone by now: an unlocked mutex's memory may have been freed by the next owner.
#[inline]
pub fn wake_address(word: usize, count: u32, scope: Scope) {
    // SAFETY: the kernel does not read the word on a wake.
    unsafe { gate::call(Sysno::futex, [word, WAKE | scope.0, count as usize]) };
}

fn address(word: &AtomicU32) -> usize {
    word.as_ptr().expose_provenance()
}
