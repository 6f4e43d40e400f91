//! Frames in a row.

use super::{Frame, Use, direct, memory};
use crate::{OutOfMemory, pressure};
use core::ops::Range;
use core::sync::atomic::Ordering;
use osv_base::{PAGE_SIZE, Pages, PhysAddr};

/// Frames in a row with one holder: device rings, large heap blocks, 2 MiB pages.
#[derive(Debug)]
pub struct Run {
    first: u32,
    count: u32,
}

impl Run {
    /// `pages` frames in a row, the first at a multiple of `align` bytes (a power of two). Contents are whatever
    /// they were. At most 2 MiB comes quickly.
    pub fn alloc(pages: Pages, align: usize, what: Use) -> Result<Run, OutOfMemory> {
        let memory = memory();
        let count = u32::try_from(pages.0).ok().filter(|c| *c > 0).ok_or(OutOfMemory)?;
        let align = u32::try_from(align.div_ceil(PAGE_SIZE)).map_err(|_| OutOfMemory)?.next_power_of_two();
        let keep = if what == Use::User { memory.reserve.load(Ordering::Relaxed) } else { 0 };
        let take = || {
            let mut zone = memory.zone.lock();
            if zone.free() < keep + count as usize {
                return None;
            }
            let first = zone.take_run(count, align, what);
            super::note_free(&zone);
            first
        };
        let first = match take() {
            Some(first) => first,
            None => {
                super::CACHES.drain(&memory.zone);
                match take() {
                    Some(first) => first,
                    None if pressure::reclaim(pages.0.max(super::RECLAIMED)) => {
                        super::CACHES.drain(&memory.zone);
                        take().ok_or(OutOfMemory)?
                    }
                    None => return Err(OutOfMemory),
                }
            }
        };
        for frame in first..first + count {
            if let Some(record) = memory.records.get(frame) {
                record.refs.store(1, Ordering::Relaxed);
                record.count.store(0, Ordering::Relaxed);
            }
        }
        Ok(Run { first: first + memory.base, count })
    }

    /// As [`Run::alloc`], of zeros.
    pub fn zeroed(pages: Pages, align: usize, what: Use) -> Result<Run, OutOfMemory> {
        let run = Run::alloc(pages, align, what)?;
        for page in 0..run.count {
            // SAFETY: just allocated, so held alone.
            unsafe { direct::zero_frame(PhysAddr(u64::from(run.first + page) * PAGE_SIZE as u64)) };
        }
        Ok(run)
    }

    /// Address of the first byte.
    pub fn phys(&self) -> PhysAddr {
        PhysAddr(u64::from(self.first) * PAGE_SIZE as u64)
    }

    /// How many.
    pub fn pages(&self) -> Pages {
        Pages(self.count as usize)
    }

    /// A pointer to the first byte, in the direct map.
    pub fn pointer(&self) -> *mut u8 {
        direct::pointer(self.phys())
    }

    /// Gives the run up: each frame is then held once, by whoever keeps the address, and ends by
    /// [`Frame::from_phys`] or [`Run::from_phys`].
    pub fn into_phys(self) -> PhysAddr {
        core::mem::ManuallyDrop::new(self).phys()
    }

    /// Takes over what [`Run::into_phys`] gave up.
    ///
    /// # Safety
    /// The frames are held once each, by the caller.
    pub unsafe fn from_phys(phys: PhysAddr, pages: Pages) -> Run {
        Run { first: phys.page() as u32, count: pages.0 as u32 }
    }

    /// Gives up one count of each of `pages` frames from `phys` on, others of which may be held elsewhere.
    ///
    /// # Safety
    /// The caller holds a count of each, and forgets it.
    pub(crate) unsafe fn release_shared(phys: PhysAddr, pages: Pages) {
        let memory = memory();
        let first = (phys.page() as u32).wrapping_sub(memory.base);
        let mut freed = 0;
        for frame in first..first + pages.0 as u32 {
            if memory.records.get(frame).is_some_and(|r| r.refs.load(Ordering::Acquire) == 1) {
                freed += 1;
            }
        }
        if freed == pages.0 {
            // Held by nobody else, so by nobody new: all at once.
            // SAFETY: as the caller promises.
            drop(unsafe { Run::from_phys(phys, pages) });
        } else {
            for page in 0..pages.0 as u64 {
                // SAFETY: as the caller promises.
                drop(unsafe { Frame::from_phys(phys.offset(page * PAGE_SIZE as u64)) });
            }
        }
    }

    /// Copies in at `offset`; `false`, and nothing done, when it does not fit.
    pub fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let Some(range) = self.within(offset, from.len()) else { return false };
        // SAFETY: within the run, which is held alone.
        unsafe { self.pointer().add(range.start).copy_from(from.as_ptr(), from.len()) };
        true
    }

    /// Copies a frame in, as the run's page number `page`; `false`, and nothing done, when the run ends before.
    ///
    /// # Safety
    /// The caller holds the frame at `from`, for the call.
    pub(crate) unsafe fn copy_frame_in(&self, page: usize, from: PhysAddr) -> bool {
        let Some(range) = self.within(page * PAGE_SIZE, PAGE_SIZE) else { return false };
        // SAFETY: within the run, which is held alone; the caller holds the other frame.
        unsafe { direct::copy_frame(from, self.phys().offset(range.start as u64)) };
        true
    }

    /// Copies out from `offset`; `false`, and nothing done, when the run ends before.
    pub fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(range) = self.within(offset, to.len()) else { return false };
        // SAFETY: within the run, which is held alone.
        unsafe { self.pointer().add(range.start).copy_to(to.as_mut_ptr(), to.len()) };
        true
    }

    fn within(&self, offset: usize, len: usize) -> Option<Range<usize>> {
        let end = offset.checked_add(len)?;
        (end <= self.pages().bytes()).then_some(offset..end)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let memory = memory();
        let first = self.first - memory.base;
        for frame in first..first + self.count {
            if let Some(record) = memory.records.get(frame) {
                record.refs.store(0, Ordering::Relaxed);
            }
        }
        let mut zone = memory.zone.lock();
        zone.give(first..first + self.count);
        super::note_free(&zone);
    }
}
