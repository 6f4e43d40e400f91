//! One record for each frame: how many hold it, and a word for its holder. A chunk's records (8 KiB) are made when
//! the chunk is born, so memory that is never used costs nothing but address space.

use super::Use;
use super::zone::CHUNK_FRAMES;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// What is known of a frame.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Record {
    /// Holders; 0 when free. [`IMMORTAL`] and above: not counted.
    pub(crate) refs: AtomicU32,
    /// Belongs to the holder: slabs count objects in use, page tables count entries.
    pub(crate) count: AtomicU32,
    /// Belongs to the holder.
    pub(crate) link: AtomicU64,
}

/// Reference counts from here on are not counted: frames that the allocator does not own.
pub(crate) const IMMORTAL: u32 = 1 << 31;

/// The records of all chunks.
#[derive(Debug)]
pub(crate) struct Records {
    records: *const Record,
    /// 0: not born; else 1 + its use.
    born: &'static [AtomicU8],
}

// SAFETY: the pointer is to memory that lives for ever and is only read through shared references to atomics.
unsafe impl Sync for Records {}
// SAFETY: as above.
unsafe impl Send for Records {}

impl Records {
    /// Records for `born.len()` chunks, none of them born.
    ///
    /// # Safety
    /// `records` points to that many chunks' records of memory, which belongs to the caller for ever and which
    /// nothing else uses. It need not be initialised. `born` is all zero.
    pub(super) const unsafe fn new(records: *const Record, born: &'static [AtomicU8]) -> Records {
        Records { records, born }
    }

    /// Makes the records of a chunk: nobody holds its frames, and those that never become the zone's are immortal
    /// until then (the zone hands out a frame with `refs` set).
    pub(super) fn birth(&self, chunk: u32, what: Use) {
        assert!((chunk as usize) < self.born.len());
        if self.born[chunk as usize].load(Ordering::Acquire) != 0 {
            return;
        }
        for i in 0..CHUNK_FRAMES as usize {
            let record =
                Record { refs: AtomicU32::new(IMMORTAL), count: AtomicU32::new(0), link: AtomicU64::new(0) };
            // SAFETY: in bounds (asserted), and nobody refers to an unborn chunk's records.
            unsafe { self.records.cast_mut().add((chunk * CHUNK_FRAMES) as usize + i).write(record) };
        }
        self.born[chunk as usize].store(1 + what as u8, Ordering::Release);
    }

    /// Notes what a born chunk is for.
    pub(super) fn set_use(&self, chunk: u32, what: Use) {
        self.born[chunk as usize].store(1 + what as u8, Ordering::Release);
    }

    /// What a frame's chunk is for.
    #[inline]
    pub(super) fn use_of(&self, frame: u32) -> Use {
        match self.born.get((frame / CHUNK_FRAMES) as usize).map(|b| b.load(Ordering::Relaxed)) {
            Some(2) => Use::User,
            _ => Use::Kernel,
        }
    }

    /// The record of a frame, by its number from the zone's first chunk; `None` where no frame was ever handed out.
    #[inline]
    pub(crate) fn get(&self, frame: u32) -> Option<&'static Record> {
        let born = self.born.get((frame / CHUNK_FRAMES) as usize)?;
        if born.load(Ordering::Acquire) == 0 {
            return None;
        }
        // SAFETY: a born chunk's records are initialised, in bounds, and live for ever.
        Some(unsafe { &*self.records.add(frame as usize) })
    }
}
