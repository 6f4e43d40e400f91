//! Entries that were taken out or narrowed, until every CPU has forgotten them (law 8).

use crate::cpu::CpuSet;
use crate::frame::{Frame, Run};
use crate::mmu::{self, Entry, Size};
use core::mem::MaybeUninit;
use core::ops::Range;
use osv_base::{Pages, PhysAddr};

const BATCH: usize = 128;
/// Its ends are to be drawn towards what comes.
const NOTHING: Range<u64> = Range { start: u64::MAX, end: 0 };

/// Collects frames; they are freed only after the shootdown. Dropped or finished, it flushes.
pub(super) struct Gather<'a> {
    cpus: &'a CpuSet,
    /// Physical addresses; bit 0 set for 2 MiB.
    /// Not zeroed beforehand: that would cost more than most calls do.
    frames: [MaybeUninit<u64>; BATCH],
    len: usize,
    range: Range<u64>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(cpus: &'a CpuSet) -> Self {
        Gather { cpus, frames: [const { MaybeUninit::uninit() }; BATCH], len: 0, range: NOTHING }
    }

    /// The entry at `at` allows less from now on.
    #[inline]
    pub(super) fn narrowed(&mut self, at: u64, size: Size) {
        self.range.start = self.range.start.min(at);
        self.range.end = self.range.end.max(at + size.bytes());
    }

    /// The entry at `at` goes, and with it its count of the frame. When the batch is full the earlier ones are shot
    /// down and freed first; the present one may be out of the tables already or not.
    #[inline]
    pub(super) fn removed(&mut self, at: u64, entry: Entry) {
        if self.len == BATCH {
            self.flush();
        }
        self.frames[self.len].write(entry.phys.0 | u64::from(entry.size == Size::Huge));
        self.len += 1;
        self.narrowed(at, entry.size);
    }

    /// Shoots down what was collected, then frees. Called without spin locks.
    pub(super) fn flush(&mut self) {
        if self.range.start < self.range.end {
            mmu::mmu().shoot_down(self.cpus, self.range.clone());
            self.range = NOTHING;
        }
        for raw in &self.frames[..self.len] {
            // SAFETY: `removed` wrote the first `len`.
            let raw = unsafe { raw.assume_init() };
            release(PhysAddr(raw & !1), if raw & 1 != 0 { Size::Huge } else { Size::Small });
        }
        self.len = 0;
    }
}

impl Drop for Gather<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Gives up the counts that an entry held.
fn release(phys: PhysAddr, size: Size) {
    match size {
        // SAFETY: the entry held one count of the frame, and it is gone.
        Size::Small => drop(unsafe { Frame::from_phys(phys) }),
        Size::Huge => {
            // SAFETY: the entry held one count of each of the 512 frames, and it is gone.
            unsafe { Run::release_shared(phys, Pages(Size::Huge.frames())) }
        }
    }
}
