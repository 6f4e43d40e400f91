//! What the scheduler needs of the machine.

use osv_base::Instant;

/// CLOCK_MONOTONIC.
#[inline]
pub(crate) fn now() -> Instant {
    osv_hw::clock::now()
}

/// Fires the `timer` upcall on this CPU at `deadline`, or soon when that is past; replaces what was set before.
#[inline]
pub(crate) fn arm_timer(deadline: Instant) {
    osv_hw::clock::set_timer(deadline);
}

/// Makes CPU `cpu` look at what it should run.
pub(crate) fn kick(cpu: usize) {
    osv_hw::smp::reschedule(cpu);
}

/// Lets interrupts in and waits for one; nothing can come between the two. Interrupts are off before and after.
pub(crate) fn wait_for_interrupt() {
    osv_hw::cpu::enable_and_halt();
    osv_hw::cpu::disable_interrupts();
}
