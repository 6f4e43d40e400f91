//! Deadlines of threads that wait, and a CPU's timer.

use super::{CPUS, current, enqueue, this_cpu};
use crate::entity::Entity;
use crate::machine;
use crate::timers::Placed;
use alloc::vec::Vec;
use core::mem;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use osv_base::Instant;
use osv_hw::percpu;
use osv_sync::NoIrq;

/// An entity in the deadlines of a CPU.
pub(super) struct Deadline(NonNull<Entity>);

// SAFETY: entities are Sync, and one that has a deadline set is alive.
unsafe impl Send for Deadline {}

impl Placed for Deadline {
    fn set_place(&self, place: Option<usize>) {
        // SAFETY: an entity stays alive while it has a deadline.
        unsafe { self.0.as_ref() }.timer_place.store(place.unwrap_or(usize::MAX), Ordering::Relaxed);
    }
    fn place(&self) -> Option<usize> {
        // SAFETY: as above.
        let place = unsafe { self.0.as_ref() }.timer_place.load(Ordering::Relaxed);
        (place != usize::MAX).then_some(place)
    }
}

pub(super) fn set_deadline(me: &Entity, deadline: Instant) {
    let mut spare: Vec<(Instant, Deadline)> = Vec::new();
    let mut old = Vec::new();
    loop {
        let irq = NoIrq::enter();
        let (cpu, index) = this_cpu(&irq);
        let mut timers = cpu.timers.lock();
        if timers.is_full() {
            let room = (2 * timers.len()).max(64);
            if spare.capacity() < room {
                drop(timers);
                drop(irq);
                // Storage is got with interrupts on and no lock held.
                spare = Vec::with_capacity(room);
                continue;
            }
            // The old storage is freed when the function is left, without the lock.
            old = timers.grow_into(mem::take(&mut spare));
        }
        me.timer_cpu.store(index as u32, Ordering::Relaxed);
        let first = timers.insert(deadline, Deadline(NonNull::from(me)));
        drop(timers);
        if first {
            // SAFETY: this CPU, interrupts off, for this statement only.
            unsafe { cpu.local(&irq) }.arm(deadline);
        }
        drop(irq);
        drop(old);
        return;
    }
}

pub(super) fn clear_deadline(me: &Entity) {
    let cpu = &CPUS[me.timer_cpu.load(Ordering::Relaxed) as usize];
    let mut timers = cpu.timers.lock();
    let place = me.timer_place.load(Ordering::Relaxed);
    if place != usize::MAX {
        timers.remove(place);
    }
}

/// The CPU's timer fired. Interrupts are off.
pub(crate) fn timer_fired() {
    let irq = NoIrq::enter();
    let (cpu, _) = this_cpu(&irq);
    let now = machine::now();
    // SAFETY: this CPU, interrupts off, for this statement only.
    unsafe { cpu.local(&irq) }.armed = Instant::FOREVER;
    loop {
        let mut timers = cpu.timers.lock();
        let Some(Deadline(entity)) = timers.pop_due(now) else {
            let earliest = timers.earliest();
            drop(timers);
            // SAFETY: as above; ends with the block.
            let local = unsafe { cpu.local(&irq) };
            if let Some(deadline) = earliest {
                local.arm(deadline);
            }
            if !local.queue.is_empty() && !local.is_idle(current()) {
                if now >= local.slice_end {
                    percpu::set_need_resched();
                } else {
                    local.arm(local.slice_end);
                }
            }
            return;
        };
        // SAFETY: a thread removes its deadline under this lock before it goes on, so it is alive.
        let e = unsafe { entity.as_ref() };
        e.timed_out.store(true, Ordering::SeqCst);
        let ours = e.parking.wake_if_parked();
        drop(timers);
        if ours {
            enqueue(entity);
        }
    }
}
