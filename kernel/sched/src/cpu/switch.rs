//! From one thread to another.

use super::{
    BUSY, CPUS, Cpu, IDLE, Local, MAX_CPUS, ONLINE, current, dead, enqueue, online, push_to, this_cpu,
};
use crate::entity::Entity;
use crate::machine;
use crate::policy;
use core::mem;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use core::time::Duration;
use osv_base::Instant;
use osv_hw::percpu;
use osv_sync::NoIrq;

/// How often a busy CPU looks whether another has much less to do.
const BALANCE_EVERY: Duration = Duration::from_millis(10);

/// Why a thread stops running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// It sleeps; its state says so, and only who wakes it may queue it.
    Park,
    /// It lets others go first.
    Yield,
    /// Others have a better claim.
    Preempt,
    /// It is over.
    Exit,
}

/// Stops the running thread and runs another, or the same if there is none better. Returns when it runs again,
/// perhaps on another CPU.
pub(crate) fn switch_away(why: Why, irq: &NoIrq) {
    let (cpu, index) = this_cpu(irq);
    percpu::head().need_resched.store(0, Ordering::Relaxed);
    let prev = current();
    let prev_ptr = NonNull::from(prev);
    let now = machine::now();
    // SAFETY: this CPU, interrupts off; the reference ends before the switch.
    let local = unsafe { cpu.local(irq) };
    let was_idle = local.is_idle(prev);
    if !was_idle {
        prev.charge(now.since(local.started).as_nanos() as u64);
        prev.running_since.store(now.0, Ordering::Relaxed);
    }
    let vruntime = prev.vruntime.load(Ordering::Relaxed);
    local.raise_floor(cpu, (!was_idle).then_some(vruntime));
    cpu.wakes.take_all(|entity| {
        local.admit(entity, now, index);
    });
    let allowed = prev.affinity() & ONLINE.load(Ordering::Relaxed);
    let banished = allowed != 0 && allowed & (1 << index) == 0;
    match why {
        _ if was_idle => {}
        Why::Yield | Why::Preempt if banished => {
            local.leaves(prev, now);
            local.banished = true;
        }
        Why::Park => {
            local.leaves(prev, now);
            prev.voluntary.store(prev.voluntary.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        Why::Yield => {
            let behind = local.queue.least().map_or(vruntime, |least| policy::later(vruntime, least));
            prev.vruntime.store(behind, Ordering::Relaxed);
            local.queue.push(prev_ptr, behind);
        }
        Why::Preempt => local.queue.push(prev_ptr, vruntime),
        Why::Exit => {}
    }
    let next_ptr = match (local.queue.pop(), local.idle) {
        (Some((next, _)), _) => next,
        (None, Some(idle)) => idle,
        // Every CPU has an idle thread before it runs others.
        (None, None) => return,
    };
    // SAFETY: what was in the queue is alive, and idle threads live forever.
    let next = unsafe { next_ptr.as_ref() };
    if online() > 1 {
        share(cpu, local, prev_ptr, now);
    }
    cpu.waiting.store(local.queue.len() as u32, Ordering::Relaxed);
    local.started = now;
    next.running_since.store(now.0, Ordering::Relaxed);
    if !local.queue.is_empty() {
        local.slice_end = now + policy::slice(local.queue.len());
        local.arm(local.slice_end);
    }
    if next_ptr == prev_ptr {
        return;
    }
    if was_idle {
        IDLE.fetch_and(!(1 << index), Ordering::SeqCst);
        cpu.idleness.store(BUSY, Ordering::SeqCst);
    } else if why == Why::Preempt {
        prev.involuntary.store(prev.involuntary.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
    next.cpu.store(index as u32, Ordering::Relaxed);
    next.on_cpu.store(true, Ordering::Relaxed);
    local.leaving = Some(prev_ptr);
    (next.ops.activate)(next);
    // SAFETY: interrupts are off; `prev` is the running thread; `next` is on no other CPU, because only the CPU
    // that had it last could queue it before its registers were saved. Both are alive: `prev` at least until
    // `finish_switch` on the other side.
    unsafe {
        osv_hw::context::switch(prev.context.get(), next.context.get(), &raw const next.head);
    }
    finish_switch(irq);
}

/// The second half of a switch, on the stack of the thread that runs now.
pub(crate) fn finish_switch(irq: &NoIrq) {
    let (cpu, _) = this_cpu(irq);
    // SAFETY: this CPU, interrupts off, ends with the next statement.
    let local = unsafe { cpu.local(irq) };
    let (prev_ptr, banished) = (local.leaving.take(), mem::take(&mut local.banished));
    let Some(prev_ptr) = prev_ptr else { return };
    // SAFETY: it cannot have gone before its `on_cpu` is cleared.
    let prev = unsafe { prev_ptr.as_ref() };
    let is_dead = prev.is_dead();
    // From here on another CPU may run it, and its thread may end, unless it is dead: then it is ours to bury.
    prev.on_cpu.store(false, Ordering::SeqCst);
    if banished {
        enqueue(prev_ptr);
    }
    if is_dead {
        dead::leave(prev_ptr);
    }
}

/// Gives waiting threads to CPUs that asked, or that have much less to do.
fn share(cpu: &Cpu, local: &mut Local, prev: NonNull<Entity>, now: Instant) {
    let mut asking =
        if cpu.requests.load(Ordering::Relaxed) == 0 { 0 } else { cpu.requests.swap(0, Ordering::SeqCst) };
    if asking == 0 && local.queue.len() > 1 && now.since(local.balanced) >= BALANCE_EVERY {
        local.balanced = now;
        let me = percpu::cpu_index();
        let lightest = (0..MAX_CPUS)
            .filter(|&c| c != me && ONLINE.load(Ordering::Relaxed) & (1 << c) != 0)
            .min_by_key(|&c| CPUS[c].waiting.load(Ordering::Relaxed));
        if let Some(other) = lightest
            && (CPUS[other].waiting.load(Ordering::Relaxed) as usize) + 2 <= local.queue.len()
        {
            asking |= 1 << other;
        }
    }
    while asking != 0 {
        let other = asking.trailing_zeros() as usize;
        asking &= asking - 1;
        let given = local.queue.pop_for_other(|&entity| {
            // SAFETY: threads in the queue are alive. The one that is leaving still has its registers here.
            entity != prev && unsafe { entity.as_ref() }.affinity() & (1 << other) != 0
        });
        let Some((entity, _)) = given else { continue };
        // SAFETY: taken from the queue: it is alive and nobody else's.
        let e = unsafe { entity.as_ref() };
        local.leaves(e, now);
        push_to(other, entity, false);
    }
}
