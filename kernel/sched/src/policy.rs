//! Who runs next and for how long: fairness by decayed run time, in integers.
//!
//! Every thread has a *virtual run time*: nanoseconds that it ran, scaled by its weight. A queue runs the thread
//! that has least. Virtual run times mean something only relative to others of the same queue, so a queue keeps a
//! floor that never falls, and a thread that leaves takes its distance from the floor along. What a thread ran more
//! than its share is forgotten by half for each [`HALF_LIFE`] that it sleeps, and what the others ran meanwhile earns
//! it a small lead, so that a thread that mostly waits runs soon after it wakes, ahead of one that only computes.
//!
//! This module is arithmetic on plain values; it knows no clock, no queue and no CPU.

use core::time::Duration;

/// All threads that want to run do so once within this time, while they are few.
pub const LATENCY: Duration = Duration::from_millis(12);
/// Shortest slice, however many want to run.
pub const GRANULARITY: Duration = Duration::from_micros(1_500);
/// By how much a woken thread must be ahead of the running one to preempt it.
pub const WAKEUP_GRANULARITY: Duration = Duration::from_micros(500);
/// How long a thread runs at least before one that was woken preempts it: who wakes several, or is about to wait for an
/// answer, gets that far without being interrupted by each.
pub const STINT: Duration = Duration::from_micros(500);
/// Largest lead that sleeping earns.
pub const SLEEP_LEAD: Duration = Duration::from_millis(3);
/// A sleeper's excess is halved in this time.
pub const HALF_LIFE: Duration = Duration::from_millis(10);

/// The weight of nice 0.
pub const WEIGHT_NORMAL: u32 = 1024;

/// The weight of a thread that runs when no other wants to, nearly.
pub const WEIGHT_IDLE: u32 = 3;

/// How long a thread may run while `waiting` others want to.
pub fn slice(waiting: usize) -> Duration {
    (LATENCY / u32::try_from(waiting.saturating_add(1)).unwrap_or(u32::MAX)).max(GRANULARITY)
}

/// The weight of a nice value from -20 to 19: a step is a factor of about 1.25.
pub const fn weight(nice: i32) -> u32 {
    let mut weight = WEIGHT_NORMAL as u64 * 1024;
    let mut n = nice;
    while n > 0 && n < 20 {
        weight = weight * 4 / 5;
        n -= 1;
    }
    while n < 0 && n >= -20 {
        weight = weight * 5 / 4;
        n += 1;
    }
    let weight = weight / 1024;
    if weight < 15 { 15 } else { weight as u32 }
}

/// Run time `ran` of a thread of weight `weight`, as virtual run time.
pub fn scaled(ran_ns: u64, weight: u32) -> u64 {
    if weight == WEIGHT_NORMAL {
        ran_ns
    } else {
        ran_ns.saturating_mul(WEIGHT_NORMAL.into()) / u64::from(weight.max(1))
    }
}

/// What a thread takes along when it leaves a queue whose floor is `floor`.
pub fn lag(vruntime: u64, floor: u64) -> i64 {
    vruntime.wrapping_sub(floor).cast_signed()
}

/// The virtual run time with which a thread enters a queue whose floor is `floor`: it left another, or the same, with
/// `lag`, slept for `slept`, and that queue's floor rose by `progress` meanwhile.
///
/// The lead is what the others ran and not the time that went by: sleepers that together use up the CPU would else
/// gain faster than they spend, and keep out for good those that only compute.
pub fn woken(floor: u64, lag: i64, slept: Duration, progress: u64) -> u64 {
    let halvings = slept.as_nanos() / HALF_LIFE.as_nanos();
    let kept = if halvings >= 63 { 0 } else { lag / (1i64 << halvings) };
    let lead = i64::try_from(progress).unwrap_or(i64::MAX);
    let entered = kept.saturating_sub(lead).max(-(SLEEP_LEAD.as_nanos() as i64));
    floor.wrapping_add(entered.cast_unsigned())
}

/// Whether `a` is before `b`: virtual run times may wrap.
pub fn before(a: u64, b: u64) -> bool {
    lag(a, b) < 0
}

/// The later of two.
pub fn later(a: u64, b: u64) -> u64 {
    if before(a, b) { b } else { a }
}

/// When a thread that just woke with `woken` preempts one that has got to `running` and runs for `stint` already; `None`:
/// not for its virtual run time.
pub fn preempts_in(woken: u64, running: u64, stint: Duration) -> Option<Duration> {
    before(woken.wrapping_add(WAKEUP_GRANULARITY.as_nanos() as u64), running)
        .then(|| STINT.saturating_sub(stint))
}

#[cfg(test)]
mod tests;
