//! A pool of equal buffers with a lock-free free list, so that a buffer can be dropped anywhere, in an interrupt
//! too.
//!
//! The free list is a stack of indices; its head carries a tag that grows with each change (no ABA), and the
//! links lie outside the buffers, where no device can reach them.

use super::Region;
use crate::platform::Platform;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use osv_base::{PAGE_SIZE, PhysAddr};

/// End of the free list.
const NONE: u32 = u32::MAX;
/// Buffers smaller than this share a region, so that the pool needs no large contiguous memory.
const REGION_BYTES: usize = 16 * PAGE_SIZE;

/// Equal buffers that devices may reach.
pub struct Pool {
    regions: Vec<Region>,
    slot_len: usize,
    per_region: usize,
    /// tag << 32 | index
    head: AtomicU64,
    next: Box<[AtomicU32]>,
    free: AtomicU32,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} of {} free, {} bytes each)", self.free(), self.next.len(), self.slot_len)
    }
}

impl Pool {
    /// `slots` buffers of `slot_len` bytes each (rounded up to 64).
    pub fn new(platform: &'static dyn Platform, slots: usize, slot_len: usize) -> Option<Arc<Pool>> {
        let slot_len = slot_len.max(1).checked_next_multiple_of(64)?;
        let per_region = (REGION_BYTES / slot_len).clamp(1, slots.max(1));
        let region_len = per_region.checked_mul(slot_len)?;
        let count = u32::try_from(slots).ok().filter(|&count| count != NONE)?;
        let regions = (0..slots.div_ceil(per_region)).map(|_| Region::new(platform, region_len));
        let regions = regions.collect::<Option<Vec<_>>>()?;
        let next = (0..count).map(|i| AtomicU32::new(if i + 1 == count { NONE } else { i + 1 })).collect();
        let head = AtomicU64::new(if count == 0 { NONE.into() } else { 0 });
        Some(Arc::new(Pool { regions, slot_len, per_region, head, next, free: AtomicU32::new(count) }))
    }

    /// Takes a buffer; `None` when all are out.
    pub fn take(self: &Arc<Self>) -> Option<Slot> {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let index = low(head);
            let next = self.next.get(index as usize)?.load(Ordering::Relaxed);
            match self.head.compare_exchange_weak(
                head,
                retag(head, next),
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    self.free.fetch_sub(1, Ordering::Relaxed);
                    return Some(Slot { pool: Arc::clone(self), index });
                }
                Err(now) => head = now,
            }
        }
    }

    fn put(&self, index: u32) {
        let Some(link) = self.next.get(index as usize) else { return };
        // Counted first: a taker that is quick would otherwise let the count wrap.
        self.free.fetch_add(1, Ordering::Relaxed);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            link.store(low(head), Ordering::Relaxed);
            match self.head.compare_exchange_weak(
                head,
                retag(head, index),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Buffers in the pool, as of some moment ago.
    pub fn free(&self) -> usize {
        self.free.load(Ordering::Relaxed) as usize
    }

    /// Buffers in all.
    pub fn slots(&self) -> usize {
        self.next.len()
    }

    /// Bytes in a buffer.
    pub fn slot_len(&self) -> usize {
        self.slot_len
    }

    fn place(&self, index: u32) -> (&Region, usize) {
        let index = index as usize;
        (&self.regions[index / self.per_region], index % self.per_region * self.slot_len)
    }
}

fn low(head: u64) -> u32 {
    (head & 0xffff_ffff) as u32
}

fn retag(head: u64, index: u32) -> u64 {
    ((head >> 32).wrapping_add(1) << 32) | u64::from(index)
}

/// One buffer of a [`Pool`], which it goes back to when dropped.
pub struct Slot {
    pool: Arc<Pool>,
    index: u32,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.index)
    }
}

impl Slot {
    /// Where the device finds it.
    pub fn phys(&self) -> PhysAddr {
        let (region, offset) = self.pool.place(self.index);
        region.phys(offset)
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.pool.slot_len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The buffer.
    pub fn bytes(&self) -> &[u8] {
        let (region, offset) = self.pool.place(self.index);
        // SAFETY: an index is out in at most one `Slot`, so nobody writes while this borrow lasts; the device
        // does not have the buffer, or the driver would not look (see the module's text).
        unsafe { region.bytes(offset, self.pool.slot_len).as_ref() }
    }

    /// The buffer.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let (region, offset) = self.pool.place(self.index);
        // SAFETY: as for `bytes`, and the borrow is exclusive.
        unsafe { region.bytes(offset, self.pool.slot_len).as_mut() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.pool.put(self.index);
    }
}
