//! Frames' contents, through the direct map: the only place that turns a physical address into a pointer.
//!
//! No reference to a frame's bytes outlives a call except [`super::Frame::bytes`]; the application may write a
//! mapped frame at any time, so code here moves raw bytes and derives nothing from them.

use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::{PAGE_SIZE, PhysAddr};

static OFFSET: AtomicU64 = AtomicU64::new(0);

/// Sets the distance from physical addresses to the direct map.
pub(super) fn set_offset(offset: u64) {
    OFFSET.store(offset, Ordering::Release);
}

/// Where `phys` is seen in the direct map.
#[inline(always)]
pub fn address(phys: PhysAddr) -> usize {
    phys.0.wrapping_add(OFFSET.load(Ordering::Relaxed)) as usize
}

/// The physical address that the direct map shows at `address`.
#[inline(always)]
pub fn physical(address: usize) -> PhysAddr {
    PhysAddr((address as u64).wrapping_sub(OFFSET.load(Ordering::Relaxed)))
}

/// A pointer to `phys` in the direct map.
#[inline(always)]
pub fn pointer(phys: PhysAddr) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(address(phys))
}

/// Zeroes a frame.
///
/// # Safety
/// The frame is RAM that the caller holds alone.
#[inline]
pub(super) unsafe fn zero_frame(phys: PhysAddr) {
    let to = pointer(phys);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: 4 KiB at `to` are the caller's; a frame is aligned to its size, so each store is aligned. SSE2 is part
    // of the target. Written out, because a loop of stores becomes `rep stos`, whose start costs more than it saves
    // and which counts as thousands of instructions where instructions are the clock.
    unsafe {
        core::arch::asm!(
            "xorps {zero}, {zero}",
            "2:",
            "movaps [{at}], {zero}",
            "movaps [{at} + 16], {zero}",
            "movaps [{at} + 32], {zero}",
            "movaps [{at} + 48], {zero}",
            "movaps [{at} + 64], {zero}",
            "movaps [{at} + 80], {zero}",
            "movaps [{at} + 96], {zero}",
            "movaps [{at} + 112], {zero}",
            "movaps [{at} + 128], {zero}",
            "movaps [{at} + 144], {zero}",
            "movaps [{at} + 160], {zero}",
            "movaps [{at} + 176], {zero}",
            "movaps [{at} + 192], {zero}",
            "movaps [{at} + 208], {zero}",
            "movaps [{at} + 224], {zero}",
            "movaps [{at} + 240], {zero}",
            "add {at}, 256",
            "cmp {at}, {end}",
            "jne 2b",
            at = inout(reg) to => _,
            end = in(reg) to.add(PAGE_SIZE),
            zero = out(xmm_reg) _,
            options(nostack),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: 4 KiB at `to` are the caller's.
    unsafe {
        to.write_bytes(0, PAGE_SIZE)
    };
}

/// Copies a whole frame.
///
/// # Safety
/// Both are RAM; the caller holds `to` alone and `from` for as long as the call takes; they differ.
#[inline]
pub(super) unsafe fn copy_frame(from: PhysAddr, to: PhysAddr) {
    let (from, to) = (pointer(from), pointer(to));
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as the caller promises; frames are aligned. Written out for the reason that `zero_frame` gives.
    unsafe {
        core::arch::asm!(
            "2:",
            "movaps {a}, [{from}]",
            "movaps {b}, [{from} + 16]",
            "movaps {c}, [{from} + 32]",
            "movaps {d}, [{from} + 48]",
            "movaps [{to}], {a}",
            "movaps [{to} + 16], {b}",
            "movaps [{to} + 32], {c}",
            "movaps [{to} + 48], {d}",
            "add {from}, 64",
            "add {to}, 64",
            "cmp {to}, {end}",
            "jne 2b",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            end = in(reg) to.add(PAGE_SIZE),
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: as the caller promises.
    unsafe {
        to.copy_from_nonoverlapping(from, PAGE_SIZE)
    };
}
