//! The linker's own memory: bump allocation over anonymous mappings, so that it works before libc does and does not
//! depend on the program's malloc. What is freed is not used again, except the last block when it grows.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use osv_posix::gate::{self, Sysno};
use osv_posix::lock::Lock;

struct Heap {
    lock: Lock,
    span: UnsafeCell<(usize, usize)>,
}

// SAFETY: `span` is touched under `lock` alone.
unsafe impl Sync for Heap {}

const CHUNK: usize = 256 << 10;

#[global_allocator]
static HEAP: Heap = Heap { lock: Lock::new(), span: UnsafeCell::new((0, 0)) };

/// Anonymous memory, zeroed; null when there is none.
pub fn map(len: usize) -> *mut u8 {
    // SAFETY: a new private mapping disturbs nothing.
    match unsafe { gate::try_call(Sysno::mmap, [0, len, 3, 0x22, usize::MAX, 0]) } {
        Ok(at) => core::ptr::with_exposed_provenance_mut(at),
        Err(_) => core::ptr::null_mut(),
    }
}

// SAFETY: blocks are disjoint pieces of mappings that stay.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _guard = self.lock.guard();
        // SAFETY: under the lock.
        let span = unsafe { &mut *self.span.get() };
        loop {
            let at = (span.0 + layout.align() - 1) & !(layout.align() - 1);
            if let Some(end) = at.checked_add(layout.size()).filter(|end| span.0 != 0 && *end <= span.1) {
                span.0 = end;
                return core::ptr::with_exposed_provenance_mut(at);
            }
            let Some(len) = layout.size().checked_add(layout.align() + CHUNK) else {
                return core::ptr::null_mut();
            };
            let chunk = map(len & !4095);
            if chunk.is_null() {
                return chunk;
            }
            *span = (chunk.expose_provenance(), chunk.addr() + (len & !4095));
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let _guard = self.lock.guard();
        // SAFETY: under the lock.
        let span = unsafe { &mut *self.span.get() };
        if block.addr() + layout.size() == span.0 {
            span.0 = block.addr();
        }
    }
}
