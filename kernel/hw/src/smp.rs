//! The other CPUs: starting them, and asking them for something.

#[cfg(osv_guest)]
use crate::boot::memory::{MemoryMap, PhysRange};
#[cfg(osv_guest)]
use core::ops::Range;
#[cfg(osv_guest)]
use core::sync::atomic::{AtomicU64, Ordering};

#[cfg(osv_guest)]
static TRAMPOLINE: AtomicU64 = AtomicU64::new(0);

/// Keeps a page below 1 MiB for starting CPUs.
#[cfg(osv_guest)]
pub(crate) fn reserve_trampoline(free: &mut MemoryMap) {
    if let Some(page) = free.take(4096, 4096, PhysRange::new(0x1000, 0xa_0000)) {
        TRAMPOLINE.store(page.0, Ordering::Relaxed);
    }
}

/// Makes CPU `cpu` take an interrupt after which it looks at `need_resched`.
pub fn reschedule(cpu: usize) {
    let _ = cpu;
}

/// See [`osv_mm::mmu::Mmu::shoot_down`].
#[cfg(osv_guest)]
pub(crate) fn shoot_down(_cpus: u64, range: Range<u64>) {
    crate::paging::flush_range(&range);
}

#[cfg(osv_guest)]
pub(crate) fn nmi() {}

#[cfg(osv_guest)]
#[unsafe(no_mangle)]
extern "C" fn osv_ap_start(_cpu: usize) -> ! {
    crate::cpu::halt_forever()
}
