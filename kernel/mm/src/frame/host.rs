//! Physical memory on a host: an arena of zeroed memory, most of which is never touched.

use osv_base::PhysAddr;
use std::alloc::{Layout, alloc_zeroed};
use std::sync::Once;

/// Bytes of RAM that tests see.
const ARENA: usize = 1 << 30;
/// Where it seems to start.
const START: u64 = 16 << 20;

/// Hands the arena over, once.
pub(super) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Aligned by hand: an allocator that is asked for alignment zeroes, and so touches, all of it.
        let layout = Layout::from_size_align(ARENA + (2 << 20), 16).expect("a valid layout");
        // SAFETY: the layout is not empty. The arena is never freed.
        let at = unsafe { alloc_zeroed(layout) };
        assert!(!at.is_null(), "the host has memory for the test arena");
        let at = at.wrapping_add(at.align_offset(2 << 20));
        let offset = (at.expose_provenance() as u64).wrapping_sub(START);
        // Two ranges with a hole, odd ends.
        let ranges = [
            PhysAddr(START + 0x3000)..PhysAddr(START + (5 << 20) + 0x7000),
            PhysAddr(START + (6 << 20))..PhysAddr(START + ARENA as u64 - 0x1000),
        ];
        // SAFETY: the arena is ours, and `offset` maps START to its first byte.
        unsafe { super::init(&ranges, offset) };
    });
}
