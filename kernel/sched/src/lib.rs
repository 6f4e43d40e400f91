//! Run queues, scheduling policy, and the scheduler itself.
//!
//! * [`policy`], [`queue`], [`timers`]: fairness, a CPU's queue, deadlines, as plain data without clock or CPU;
//!   tested by simulation on the host.
//! * [`Entity`]: what the scheduler knows of a thread. The task crate embeds it first in its own struct.
//! * the rest drives the machine: switching, waking over CPUs, idling, and [`osv_sync::park::Scheduler`] for the
//!   locks and wait queues of the whole kernel.
//!
//! Invariants: only a CPU itself touches its run queue, with interrupts off; a thread is queued at most once, by
//! whoever turned it from parked to running; a thread whose registers are still on a CPU is queued only there.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod cpu;
mod entity;
mod machine;
pub mod policy;
pub mod queue;
pub mod timers;

pub use cpu::{online, online_mask};
pub use entity::{Entity, Ops};

use alloc::sync::Arc;
use core::ptr::NonNull;
use osv_base::Instant;
use osv_sync::NoIrq;
use osv_sync::park::{Scheduler, Unpark, Woken};

/// The scheduler, as locks and wait queues see it.
#[derive(Debug)]
struct Threads;

impl Scheduler for Threads {
    fn current(&self) -> Arc<dyn Unpark> {
        let me = cpu::current();
        (me.ops.share)(me)
    }
    fn park(&self, deadline: Option<Instant>, interruptible: bool) -> Woken {
        let me = cpu::current();
        let interrupted = || interruptible && me.interrupted() && (me.ops.confirm)(me);
        if interrupted() {
            return Woken::Interrupted;
        }
        if cpu::park(deadline, interruptible) {
            Woken::TimedOut
        } else if interrupted() {
            Woken::Interrupted
        } else {
            Woken::Unparked
        }
    }
    fn yield_now(&self) {
        yield_now();
    }
    fn now(&self) -> Instant {
        machine::now()
    }
    fn cpus(&self) -> usize {
        online()
    }
}

/// Makes the calling boot context the idle thread `idle` of its CPU, and registers the scheduler. Afterwards threads
/// may be started; they run when the boot context calls [`leave_boot_context`]. Until then interrupts stay off.
///
/// # Safety
/// Once for each CPU, in its boot context, before anything on it sleeps. `idle` was prepared with a stack and a
/// function that ends in [`idle_loop`].
pub unsafe fn bring_up(idle: &'static Entity) {
    // SAFETY: passed on to the caller; a static reference lives forever.
    unsafe { cpu::bring_up(NonNull::from(idle)) };
    osv_sync::park::register(&Threads);
}

/// What a CPU's boot context ends in, interrupts off: the idle thread goes on, on its own stack.
pub fn leave_boot_context() -> ! {
    cpu::leave_boot_context()
}

/// What an idle thread does after [`started`].
pub fn idle_loop() -> ! {
    cpu::idle_loop()
}

/// Starts a thread that was prepared; at most once for each.
pub fn start(entity: &Entity) {
    cpu::unparked(entity);
}

/// What the first function of a new thread calls first: ends the switch that brought it there and turns interrupts
/// on.
pub fn started() {
    let irq = NoIrq::enter();
    cpu::finish_switch(&irq);
    drop(irq);
    osv_hw::cpu::enable_interrupts();
}

/// Wakes a thread, as [`Unpark::unpark`] does.
pub fn unpark(entity: &Entity) {
    cpu::unparked(entity);
}

/// Makes a thread notice the `exit_work` that the caller has set: ends an interruptible sleep, and interrupts it if
/// it runs on another CPU.
pub fn interrupt(entity: &Entity) {
    cpu::interrupt(entity);
}

/// The running thread.
pub fn current() -> &'static Entity {
    cpu::current()
}

/// Nanoseconds that the running thread has run since [`Entity::ran_ns`] was last brought up to date.
pub fn running_ns() -> u64 {
    cpu::running_ns()
}

/// Lets others run first.
#[inline]
pub fn yield_now() {
    let irq = NoIrq::enter();
    cpu::switch_away(cpu::Why::Yield, &irq);
}

/// The CPU's timer fired: the `timer` upcall. Interrupts are off.
pub fn timer_fired() {
    cpu::timer_fired();
}

/// A preemption point: runs another thread if one has a better claim. The `preempt` upcall, and the exit path when
/// `need_resched` is set.
pub fn preempt() {
    let irq = NoIrq::enter();
    cpu::switch_away(cpu::Why::Preempt, &irq);
}

/// Ends the running thread. Its owner's `release` is called once it has left its stack.
pub fn exit() -> ! {
    let irq = NoIrq::enter();
    cpu::current().parking.end();
    cpu::switch_away(cpu::Why::Exit, &irq);
    unreachable!("a dead thread was scheduled")
}

/// Whether threads that ended wait for the reaper.
pub fn has_dead() -> bool {
    cpu::has_dead()
}

/// What the reaper thread does for ever: calls `release` for threads that ended.
pub fn reap() -> ! {
    cpu::become_reaper();
    loop {
        if !cpu::bury() {
            cpu::park(None, false);
        }
    }
}
