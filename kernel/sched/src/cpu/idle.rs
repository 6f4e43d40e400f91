//! What a CPU does before the first thread, and when there is none to run.

use super::switch::{Why, switch_away};
use super::{
    BUSY, CPUS, Cpu, HALTED, IDLE, MAX_CPUS, ONLINE, ONLINE_COUNT, POLLING, QUEUE_ROOM, current, online,
    this_cpu,
};
use crate::entity::Entity;
use crate::machine;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use core::time::Duration;
use osv_hw::context::Context;
use osv_hw::percpu;
use osv_sync::NoIrq;

/// How long an idle CPU looks for work before it halts, where another CPU could give it some.
const IDLE_POLL: Duration = Duration::from_micros(10);

/// Makes the calling context, a CPU's boot stack, its idle thread `idle`, and the CPU one that runs threads.
///
/// # Safety
/// Once for each CPU, in its boot context, before anything on it sleeps. `idle` lives forever.
pub(crate) unsafe fn bring_up(idle: NonNull<Entity>) {
    let irq = NoIrq::enter();
    let (cpu, index) = this_cpu(&irq);
    // SAFETY: the caller promises that it lives.
    let e = unsafe { idle.as_ref() };
    e.parking.start();
    e.on_cpu.store(true, Ordering::Relaxed);
    e.cpu.store(index as u32, Ordering::Relaxed);
    {
        // SAFETY: this CPU, interrupts off, ends with the block.
        let local = unsafe { cpu.local(&irq) };
        local.queue.reserve(QUEUE_ROOM);
        local.idle = Some(idle);
        local.started = machine::now();
    }
    let head = percpu::head();
    // Its stack is empty but for the frame that says "no application" until `leave_boot_context` goes there.
    head.kernel_stack_top.store(e.head.kernel_stack_top.load(Ordering::Relaxed), Ordering::Relaxed);
    head.current.store(idle.as_ptr().expose_provenance(), Ordering::Release);
    ONLINE.fetch_or(1 << index, Ordering::SeqCst);
    ONLINE_COUNT.fetch_add(1, Ordering::SeqCst);
}

/// Goes from the boot stack to the idle thread's own, for good. Interrupts are off.
pub(crate) fn leave_boot_context() -> ! {
    let _irq = NoIrq::enter();
    let idle = current();
    let mut boot = Context::empty();
    // SAFETY: interrupts are off; the idle thread was prepared and has not run on its stack; nobody comes back to
    // the boot context.
    unsafe { osv_hw::context::switch(&raw mut boot, idle.context.get(), &raw const idle.head) };
    unreachable!("the boot context was left for good")
}

/// What a CPU's idle thread does.
pub(crate) fn idle_loop() -> ! {
    loop {
        let irq = NoIrq::enter();
        let (cpu, index) = this_cpu(&irq);
        cpu.idleness.store(POLLING, Ordering::SeqCst);
        IDLE.fetch_or(1 << index, Ordering::SeqCst);
        drop(irq);
        if online() > 1 {
            ask_for_work(index);
            let until = machine::now() + IDLE_POLL;
            while !has_work(cpu) && machine::now() < until {
                core::hint::spin_loop();
            }
        }
        let irq = NoIrq::enter();
        cpu.idleness.store(HALTED, Ordering::SeqCst);
        if !has_work(cpu) {
            machine::wait_for_interrupt();
        }
        cpu.idleness.store(BUSY, Ordering::SeqCst);
        switch_away(Why::Preempt, &irq);
        drop(irq);
    }
}

fn has_work(cpu: &Cpu) -> bool {
    !cpu.wakes.is_empty()
        || cpu.waiting.load(Ordering::Relaxed) != 0
        || percpu::head().need_resched.load(Ordering::Relaxed) != 0
}

/// Tells the CPU with the longest queue that this one would take a thread.
fn ask_for_work(here: usize) {
    let busiest = (0..MAX_CPUS)
        .filter(|&c| c != here && ONLINE.load(Ordering::Relaxed) & (1 << c) != 0)
        .max_by_key(|&c| CPUS[c].waiting.load(Ordering::Relaxed));
    if let Some(busiest) = busiest
        && CPUS[busiest].waiting.load(Ordering::Relaxed) > 0
        && CPUS[busiest].requests.fetch_or(1 << here, Ordering::SeqCst) == 0
    {
        machine::kick(busiest);
    }
}
