//! A thread's heap: a queue of spans for each class, and the stack of blocks that other threads gave back.

use super::chunk::{self, Span};
use super::{Block, classes};
use crate::errno;
use crate::lock::Lock;
use crate::tcb;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};
use osv_abi::errno::Errno;

/// A heap; one thread's, or parked.
pub struct Heap {
    /// The head of each class's queue: a span that may have free blocks, or [`NONE`].
    pub current: [*mut Span; classes::COUNT],
    /// Blocks of this heap that other threads freed.
    remote: AtomicPtr<Block>,
    /// The next parked heap.
    parked: *mut Heap,
}

/// How much of a span is put on its free list at a time, so that pages are touched as they are needed.
const CARVE: usize = 4096;

/// Guards the list of parked heaps and the making of new ones.
pub static LOCK: Lock = Lock::new();
static mut PARKED: *mut Heap = null_mut();
static mut NONE: Span = Span::EMPTY;

impl Heap {
    /// Gives back a block from another thread.
    ///
    /// # Safety
    /// The block is of this heap and not used any more.
    pub unsafe fn push_remote(&self, block: *mut Block) {
        let mut head = self.remote.load(Ordering::Relaxed);
        loop {
            // SAFETY: the block is ours until it is on the stack.
            unsafe { (*block).next = head };
            match self.remote.compare_exchange_weak(head, block, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

/// A block of `class` when the current span has none, or the thread has no heap yet.
///
/// # Safety
/// `heap` is the calling thread's, or null.
#[cold]
pub unsafe fn refill(heap: *mut Heap, class: usize) -> *mut u8 {
    // SAFETY: the heap is the thread's own; spans in its queues are too.
    unsafe {
        let heap = if heap.is_null() { adopt() } else { heap };
        if heap.is_null() {
            errno::set(Errno::ENOMEM);
            return null_mut();
        }
        drain(heap);
        loop {
            let mut span = (*heap).current[class];
            if span == &raw mut NONE {
                span = chunk::take_blocks(heap, class);
                if span.is_null() {
                    errno::set(Errno::ENOMEM);
                    return null_mut();
                }
                enqueue(heap, span);
            }
            if (*span).free.is_null() {
                carve(span);
            }
            let block = (*span).free;
            if !block.is_null() {
                (*span).free = (*block).next;
                (*span).used += 1;
                return block.cast();
            }
            dequeue(heap, span);
            (*span).full = true;
        }
    }
}

/// What is left to do after a block of the thread's own was freed: the span was full, or is empty now.
///
/// # Safety
/// `heap` is the calling thread's and `span` one of its spans.
#[cold]
pub unsafe fn after_free(heap: *mut Heap, span: *mut Span) {
    // SAFETY: the caller's promise.
    unsafe {
        if (*span).full {
            (*span).full = false;
            enqueue_behind(heap, span);
        }
        // The last span of a class stays, so that a lone malloc and free in turn don't take the lock.
        let alone = (*span).next.is_null() && (*span).prev.is_null();
        if (*span).used == 0 && !alone {
            dequeue(heap, span);
            chunk::give(span);
        }
    }
}

/// Frees what other threads gave back.
unsafe fn drain(heap: *mut Heap) {
    // SAFETY: the heap is the thread's own; the stack's blocks are of its spans and nobody's any more.
    unsafe {
        if (*heap).remote.load(Ordering::Relaxed).is_null() {
            return;
        }
        let mut block = (*heap).remote.swap(null_mut(), Ordering::Acquire);
        while !block.is_null() {
            let next = (*block).next;
            let span = chunk::Chunk::span_of(block.cast());
            (*block).next = (*span).free;
            (*span).free = block;
            (*span).used -= 1;
            if (*span).full || (*span).used == 0 {
                after_free(heap, span);
            }
            block = next;
        }
    }
}

/// Puts the next few blocks of a span on its free list, lowest first.
unsafe fn carve(span: *mut Span) {
    // SAFETY: the span is the thread's own; blocks from `carved` on were never handed out.
    unsafe {
        let size = (*span).block_size;
        let left = (*span).capacity - (*span).carved;
        let count = left.min((CARVE / size).max(1) as u32);
        for index in (0..count).rev() {
            let block = (*span).start.add(((*span).carved + index) as usize * size).cast::<Block>();
            (*block).next = (*span).free;
            (*span).free = block;
        }
        (*span).carved += count;
    }
}

/// Puts a span at the head of its class's queue.
unsafe fn enqueue(heap: *mut Heap, span: *mut Span) {
    // SAFETY: the span is the thread's own and in no queue.
    unsafe {
        let head = &mut (*heap).current[usize::from((*span).class)];
        (*span).prev = null_mut();
        (*span).next = if *head == &raw mut NONE { null_mut() } else { *head };
        if !(*span).next.is_null() {
            (*(*span).next).prev = span;
        }
        *head = span;
    }
}

/// Puts a span second in its class's queue, so that the current one goes on.
unsafe fn enqueue_behind(heap: *mut Heap, span: *mut Span) {
    // SAFETY: the span is the thread's own and in no queue.
    unsafe {
        let head = (*heap).current[usize::from((*span).class)];
        if head == &raw mut NONE {
            return enqueue(heap, span);
        }
        (*span).prev = head;
        (*span).next = (*head).next;
        if !(*span).next.is_null() {
            (*(*span).next).prev = span;
        }
        (*head).next = span;
    }
}

/// Takes a span out of its class's queue.
unsafe fn dequeue(heap: *mut Heap, span: *mut Span) {
    // SAFETY: the span is in the queue.
    unsafe {
        let (next, prev) = ((*span).next, (*span).prev);
        if prev.is_null() {
            (*heap).current[usize::from((*span).class)] = if next.is_null() { &raw mut NONE } else { next };
        } else {
            (*prev).next = next;
        }
        if !next.is_null() {
            (*next).prev = prev;
        }
        (*span).next = null_mut();
        (*span).prev = null_mut();
    }
}

/// Gives the calling thread a heap: a parked one, or a new one.
unsafe fn adopt() -> *mut Heap {
    let _guard = LOCK.guard();
    // SAFETY: under the lock; a parked heap is nobody's.
    unsafe {
        let mut heap = PARKED;
        if heap.is_null() {
            heap = make();
            if heap.is_null() {
                return heap;
            }
        } else {
            PARKED = (*heap).parked;
        }
        (*tcb::current()).heap = heap.cast();
        heap
    }
}

/// Carves a new heap from a slice that is never given back.
unsafe fn make() -> *mut Heap {
    const PER_SLICE: usize = chunk::SLICE_SIZE / size_of::<Heap>();
    static mut SLICE: (*mut Heap, usize) = (null_mut(), PER_SLICE);
    // SAFETY: under the lock, says the caller.
    unsafe {
        if SLICE.1 == PER_SLICE {
            let fresh = chunk::take_single(chunk::SLICE_SIZE);
            if fresh.is_null() {
                return null_mut();
            }
            SLICE = (fresh.cast(), 0);
        }
        let heap = SLICE.0.add(SLICE.1);
        SLICE.1 += 1;
        heap.write(Heap {
            current: [&raw mut NONE; classes::COUNT],
            remote: AtomicPtr::new(null_mut()),
            parked: null_mut(),
        });
        heap
    }
}

/// Parks a heap: empty spans go back, the rest waits for the next thread.
///
/// # Safety
/// The heap was the calling thread's, which uses it no more.
pub unsafe fn park(heap: *mut Heap) {
    // SAFETY: the caller's promise.
    unsafe {
        drain(heap);
        for class in 0..classes::COUNT {
            let span = (*heap).current[class];
            if (*span).used == 0 && span != &raw mut NONE {
                dequeue(heap, span);
                chunk::give(span);
            }
        }
        let _guard = LOCK.guard();
        (*heap).parked = PARKED;
        PARKED = heap;
    }
}
