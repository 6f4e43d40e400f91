//! What upper crates register with the entry code: functions for faults, ticks, preemption and the exit path.
//!
//! One table, registered once by bring-up before the first thread runs. Until then a fault is a panic and
//! interrupts only count.

use crate::gate::{Frame, InterruptFrame};
use spin::Once;

/// What a page fault wanted to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// A page was there but forbade the access.
    pub protection: bool,
    /// A write.
    pub write: bool,
    /// An instruction fetch.
    pub execute: bool,
}

/// The upper crates' functions.
#[derive(Clone, Copy)]
pub struct Upcalls {
    /// A fault at `addr` in the lower half, by the application or by a copy on its behalf. Runs on the thread's
    /// kernel stack with interrupts as they were, in the thread's context; may sleep. `true`: the access may be
    /// retried. `false`: a copy is cut short, an application gets [`Upcalls::app_fault`].
    pub page_fault: fn(addr: u64, access: Access, frame: &mut InterruptFrame) -> bool,
    /// The application did what it may not (see [`InterruptFrame::vector`], `error`, `cr2`): deliver the signal.
    /// Changes to the frame's registers take effect; [`Upcalls::before_return_to_app`] follows.
    pub app_fault: fn(frame: &mut InterruptFrame),
    /// The CPU's one-shot timer fired. Interrupts are off; must not block.
    pub timer: fn(),
    /// Another CPU sent [`crate::smp::reschedule`] here. Interrupts are off; must not block. The handler has set
    /// `need_resched` already.
    pub reschedule_ipi: fn(),
    /// `need_resched` is set, preemption is allowed and an interrupt is about to return: schedule. Entered and left
    /// with interrupts off.
    pub preempt: fn(),
    /// An interrupt or fault is about to return to the application and the thread's `exit_work` is not zero.
    /// Interrupts are on; may sleep, change the frame's registers, or never return.
    pub before_return_to_app: fn(frame: &mut InterruptFrame),
    /// A system call with result `ret` is about to return and `exit_work` or `need_resched` is not zero. Interrupts
    /// are on. All of the frame's registers are filled in and may be changed. Gives the result to return with;
    /// `exit_work` is looked at again afterwards. May never return.
    pub exit_to_app: fn(frame: &mut Frame, ret: isize) -> isize,
}

static UPCALLS: Once<Upcalls> = Once::new();

/// Registers the functions. The first registration stays.
pub fn register(upcalls: Upcalls) {
    UPCALLS.call_once(|| upcalls);
}

/// The registered functions.
pub(crate) fn get() -> Option<&'static Upcalls> {
    UPCALLS.get()
}
