//! Which address space each CPU has loaded.
//!
//! Idle and kernel threads borrow whatever is loaded, so that a CPU that idles between two requests keeps its
//! translations. A process that ends makes the others let go ([`evict`]) before its tables are freed.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use osv_hw::paging;
use osv_hw::percpu::{self, MAX_CPUS};
use osv_mm::space::AddressSpace;
use osv_sync::NoIrq;

static LOADED: [AtomicPtr<AddressSpace>; MAX_CPUS] = [const { AtomicPtr::new(ptr::null_mut()) }; MAX_CPUS];
/// CPUs that are asked to let go of a borrowed address space, bit n for CPU n.
static EVICTED: AtomicU64 = AtomicU64::new(0);

/// Loads `space` on this CPU, or keeps what is loaded for `None`. Interrupts are off.
#[inline]
pub(crate) fn switch_to(space: Option<NonNull<AddressSpace>>) {
    let Some(next) = space else { return };
    let cpu = percpu::cpu_index();
    let old = LOADED[cpu].load(Ordering::Relaxed);
    if old == next.as_ptr() {
        return;
    }
    // SAFETY: a thread keeps its address space alive while it runs; `evict` keeps a borrowed one from going away.
    let (next_space, old_space) = unsafe { (next.as_ref(), old.as_ref()) };
    next_space.cpus().insert(cpu);
    // SAFETY: an address space's tables have the kernel's upper half, and live as said above.
    unsafe { paging::activate(next_space.root()) };
    LOADED[cpu].store(next.as_ptr(), Ordering::Relaxed);
    if let Some(old_space) = old_space {
        old_space.cpus().remove(cpu);
    }
}

/// Loads the kernel's own tables on this CPU. Interrupts are off.
pub(crate) fn leave() {
    let cpu = percpu::cpu_index();
    let old = LOADED[cpu].load(Ordering::Relaxed);
    // SAFETY: as in `switch_to`.
    if let Some(old_space) = unsafe { old.as_ref() } {
        // SAFETY: the kernel's own tables live forever.
        unsafe { paging::activate(paging::root()) };
        LOADED[cpu].store(ptr::null_mut(), Ordering::Relaxed);
        old_space.cpus().remove(cpu);
    }
}

/// The part of the reschedule interrupt: lets go of a borrowed address space when asked to. Interrupts are off.
pub(crate) fn on_reschedule() {
    let bit = 1 << percpu::cpu_index();
    if EVICTED.load(Ordering::SeqCst) & bit != 0 {
        EVICTED.fetch_and(!bit, Ordering::SeqCst);
        if crate::current().space().is_none() {
            leave();
        }
    }
}

/// Makes every CPU let go of `space`, which no thread uses any more. This CPU must have done so.
pub(crate) fn evict(space: &AddressSpace) {
    loop {
        let irq = NoIrq::enter();
        let here = percpu::cpu_index();
        let others = space.cpus().bits() & !(1 << here);
        if space.cpus().contains(here) {
            // An idle or kernel thread's loan on the CPU that we were moved to meanwhile.
            leave();
        }
        drop(irq);
        if others == 0 {
            return;
        }
        EVICTED.fetch_or(others, Ordering::SeqCst);
        for cpu in 0..MAX_CPUS {
            if others & (1 << cpu) != 0 {
                osv_hw::smp::reschedule(cpu);
            }
        }
        osv_sched::yield_now();
    }
}
