//! Walking the chain of frame pointers.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

static FAULT: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Remembers where a fault happened, so that the walk starts there.
pub(crate) fn note_fault(rip: u64, rbp: u64) {
    FAULT[0].store(rip, Relaxed);
    FAULT[1].store(rbp, Relaxed);
}

/// Calls `visit` with the address of each caller, innermost first: of the noted fault, or of this function.
pub fn walk(mut visit: impl FnMut(u64)) {
    let mut rbp: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack, preserves_flags)) };
    let (rip, fault_rbp) = (FAULT[0].load(Relaxed), FAULT[1].load(Relaxed));
    if rip != 0 {
        visit(rip);
        rbp = fault_rbp;
    }
    for _ in 0..64 {
        // Kernel stacks lie in the upper half below the last page, and a chain only rises.
        if rbp < crate::layout::DIRECT_MAP || rbp & 7 != 0 || rbp > u64::MAX - 16 {
            return;
        }
        let at: *const u64 = core::ptr::with_exposed_provenance(rbp as usize);
        // SAFETY: frame pointers are forced, so this is a saved rbp and a return address; a wild value faults, which
        // ends in a nested panic that does not walk.
        let (next, caller) = unsafe { (at.read(), at.add(1).read()) };
        if caller == 0 {
            return;
        }
        visit(caller);
        if next <= rbp {
            return;
        }
        rbp = next;
    }
}
