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
    // SAFETY: 4 KiB at `to` are the caller's; the frame is aligned to its size, so each store is aligned. SSE2 is
    // part of the target.
    unsafe {
        use core::arch::x86_64::{__m128i, _mm_setzero_si128, _mm_store_si128};
        let zero = _mm_setzero_si128();
        let mut at = to.cast::<__m128i>();
        let end = to.add(PAGE_SIZE).cast::<__m128i>();
        while at != end {
            // Sixteen stores a turn: a third of the instructions of a plain loop.
            _mm_store_si128(at, zero);
            _mm_store_si128(at.add(1), zero);
            _mm_store_si128(at.add(2), zero);
            _mm_store_si128(at.add(3), zero);
            _mm_store_si128(at.add(4), zero);
            _mm_store_si128(at.add(5), zero);
            _mm_store_si128(at.add(6), zero);
            _mm_store_si128(at.add(7), zero);
            _mm_store_si128(at.add(8), zero);
            _mm_store_si128(at.add(9), zero);
            _mm_store_si128(at.add(10), zero);
            _mm_store_si128(at.add(11), zero);
            _mm_store_si128(at.add(12), zero);
            _mm_store_si128(at.add(13), zero);
            _mm_store_si128(at.add(14), zero);
            _mm_store_si128(at.add(15), zero);
            at = at.add(16);
        }
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
    // SAFETY: as the caller promises; frames are aligned.
    unsafe {
        use core::arch::x86_64::{__m128i, _mm_load_si128, _mm_store_si128};
        let (mut from, mut to) = (from.cast::<__m128i>(), to.cast::<__m128i>());
        let end = to.byte_add(PAGE_SIZE);
        while to != end {
            let (a, b, c, d) = (
                _mm_load_si128(from),
                _mm_load_si128(from.add(1)),
                _mm_load_si128(from.add(2)),
                _mm_load_si128(from.add(3)),
            );
            _mm_store_si128(to, a);
            _mm_store_si128(to.add(1), b);
            _mm_store_si128(to.add(2), c);
            _mm_store_si128(to.add(3), d);
            (from, to) = (from.add(4), to.add(4));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: as the caller promises.
    unsafe {
        to.copy_from_nonoverlapping(from, PAGE_SIZE)
    };
}
