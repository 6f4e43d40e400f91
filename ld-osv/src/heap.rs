//! The linker's own memory, so that it works before libc does and does not depend on the program's malloc.
//!
//! Small blocks are cut from anonymous mappings and, when freed, kept in a list for their size, a power of two. A
//! large block is a mapping of its own.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{null_mut, with_exposed_provenance_mut};
use osv_posix::gate::{self, Sysno};
use osv_posix::lock::Lock;

/// Sizes of small blocks: 16 bytes to 64 KiB.
const CLASSES: usize = 13;
const LEAST: usize = 16;
const MOST: usize = LEAST << (CLASSES - 1);
const CHUNK: usize = 256 << 10;
const PAGE: usize = 4096;

struct Blocks {
    /// First free block of each size; each holds the address of the next.
    free: [*mut u8; CLASSES],
    /// What is left of the last chunk.
    from: usize,
    to: usize,
}

struct Heap {
    lock: Lock,
    blocks: UnsafeCell<Blocks>,
}

// SAFETY: `blocks` is touched under `lock` alone.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap {
    lock: Lock::new(),
    blocks: UnsafeCell::new(Blocks { free: [null_mut(); CLASSES], from: 0, to: 0 }),
};

/// Anonymous memory, zeroed; null when there is none.
pub fn map(len: usize) -> *mut u8 {
    // SAFETY: a new private mapping disturbs nothing.
    match unsafe { gate::try_call(Sysno::mmap, [0, len, 3, 0x22, usize::MAX, 0]) } {
        Ok(at) => with_exposed_provenance_mut(at),
        Err(_) => null_mut(),
    }
}

/// Takes the heap's lock, so that a fork's child finds the heap whole.
pub fn lock_for_fork() {
    HEAP.lock.lock();
}

/// Releases it on both sides.
///
/// # Safety
/// This thread, or the one it is the copy of, took it.
pub unsafe fn unlock_after_fork() {
    // SAFETY: the caller's promise.
    unsafe { HEAP.lock.unlock() };
}

/// The class of blocks that serves a layout; `None` for a mapping of its own.
fn class(layout: Layout) -> Option<usize> {
    let size = layout.size().max(layout.align()).max(LEAST).checked_next_power_of_two()?;
    (size <= MOST).then(|| (size / LEAST).trailing_zeros() as usize)
}

impl Blocks {
    unsafe fn take(&mut self, class: usize) -> *mut u8 {
        let free = self.free[class];
        if !free.is_null() {
            // SAFETY: a free block holds the next one's address.
            self.free[class] = unsafe { free.cast::<*mut u8>().read() };
            return free;
        }
        // Blocks are aligned to their size, which is a power of two.
        let size = LEAST << class;
        let mut at = self.from.next_multiple_of(size);
        if self.from == 0 || at + size > self.to {
            let chunk = map(CHUNK);
            if chunk.is_null() {
                return chunk;
            }
            self.from = chunk.expose_provenance();
            self.to = self.from + CHUNK;
            at = self.from.next_multiple_of(size);
        }
        self.from = at + size;
        with_exposed_provenance_mut(at)
    }
}

// SAFETY: blocks are disjoint pieces of mappings, aligned to a power of two that is at least the layout's alignment.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class(layout) else {
            return match layout.size().checked_next_multiple_of(PAGE) {
                Some(size) if layout.align() <= PAGE => map(size),
                _ => null_mut(),
            };
        };
        let _guard = self.lock.guard();
        // SAFETY: under the lock.
        unsafe { (*self.blocks.get()).take(class) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(class) = class(layout) else {
            // SAFETY: a mapping that `alloc` made for this block alone.
            unsafe { gate::call(Sysno::munmap, [block.addr(), layout.size().next_multiple_of(PAGE)]) };
            return;
        };
        let _guard = self.lock.guard();
        // SAFETY: under the lock; the block is free and large enough for an address.
        unsafe {
            let blocks = &mut *self.blocks.get();
            block.cast::<*mut u8>().write(blocks.free[class]);
            blocks.free[class] = block;
        }
    }
}
