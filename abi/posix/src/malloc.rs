//! The malloc family: a heap for each thread, without a lock on the way of small blocks.
//!
//! Memory comes in *chunks* of 4 MiB, aligned to their size, so that a block's address gives its chunk. A chunk is cut
//! into 64 *slices* of 64 KiB; the first holds the chunk's header, which describes the others. A *span* is a run of
//! slices with blocks of one size; it belongs to one thread's *heap*. A thread takes blocks from, and gives its own
//! blocks back to, the free list of a span without any atomic operation. A block of another thread's heap goes onto
//! that heap's `remote` stack, which the owner drains when its free lists run dry. What needs the one global lock is
//! rare: taking a span from a chunk, giving it back, chunks themselves. Above 1 MiB a block is a mapping of its own.
//!
//! When a thread ends, its heap is parked with all its spans, and the next new thread takes it over; so a heap never
//! vanishes under a block that still points to it.
//!
//! Two faces: the functions of this module are the allocator, which the rows name. [`slots`] is what libc itself
//! calls, the definition that won the program's scope: a program that brings jemalloc frees with it what strdup gave.

mod chunk;
mod classes;
mod heap;
mod huge;
pub mod slots;

#[cfg(test)]
mod tests;

use crate::errno;
use crate::tcb;
use chunk::{CHUNK_SIZE, Chunk, Kind, SLICE_SIZE, Span};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;
use heap::Heap;
use osv_abi::errno::Errno;

/// What every block is aligned to.
pub const ALIGNMENT: usize = 16;

/// A free block: its first word links it to the next.
struct Block {
    next: *mut Block,
}

/// The calling thread's heap, if it has one yet.
#[inline(always)]
fn current_heap() -> *mut Heap {
    // SAFETY: the thread's own block.
    unsafe { (*tcb::current()).heap.cast() }
}

#[inline(always)]
unsafe fn allocate(size: usize) -> *mut u8 {
    if size <= classes::LARGEST {
        let class = classes::of(size);
        let heap = current_heap();
        if !heap.is_null() {
            // SAFETY: the heap is this thread's, its current spans are valid or the empty one.
            unsafe {
                let span = (*heap).current[class];
                let block = (*span).free;
                if !block.is_null() {
                    (*span).free = (*block).next;
                    (*span).used += 1;
                    return block.cast();
                }
            }
        }
        // SAFETY: as above; the slow path finds or makes the heap.
        return unsafe { heap::refill(heap, class) };
    }
    // SAFETY: no promises needed.
    unsafe { allocate_large(size, ALIGNMENT) }
}

#[cold]
unsafe fn allocate_large(size: usize, alignment: usize) -> *mut u8 {
    let in_span = size <= chunk::LARGEST_SPAN && size < MMAP_THRESHOLD.load(Relaxed);
    let block = if in_span && alignment <= SLICE_SIZE {
        chunk::take_single(size)
    } else {
        huge::allocate(size, alignment)
    };
    if block.is_null() {
        errno::set(Errno::ENOMEM);
    }
    block
}

/// Gives a block back.
///
/// # Safety
/// `address` came from this allocator and is not used any more.
#[inline(always)]
unsafe fn release(address: *mut u8) {
    // SAFETY: the caller's promise makes the chunk and its span valid.
    unsafe {
        if address.addr() & (CHUNK_SIZE - 1) == 0 {
            return huge::release_registered(address);
        }
        let span = Chunk::span_of(address);
        let heap = current_heap();
        if (*span).heap == heap && !heap.is_null() {
            let block = address.cast::<Block>();
            (*block).next = (*span).free;
            (*span).free = block;
            (*span).used -= 1;
            if (*span).full || (*span).used == 0 {
                heap::after_free(heap, span);
            }
            return;
        }
        release_elsewhere(span, address);
    }
}

#[cold]
unsafe fn release_elsewhere(span: *mut Span, address: *mut u8) {
    // SAFETY: as for `release`.
    unsafe {
        match (*span).kind {
            Kind::Blocks => (*(*span).heap).push_remote(address.cast()),
            Kind::Single => chunk::give_single(span),
            Kind::Huge => huge::release(address),
            Kind::Free => invalid("free(): this address is not a block in use"),
        }
    }
}

/// How many bytes a block has room for.
///
/// # Safety
/// As for [`release`].
unsafe fn usable(address: *mut u8) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        if address.addr() & (CHUNK_SIZE - 1) == 0 {
            return huge::usable_registered(address);
        }
        let span = Chunk::span_of(address);
        match (*span).kind {
            Kind::Huge => huge::usable(address),
            _ => (*span).block_size,
        }
    }
}

/// Ends the program: its heap is broken.
#[cold]
fn invalid(what: &str) -> ! {
    crate::report::fatal(what)
}

/// Parks the calling thread's heap for the next thread to take over.
///
/// # Safety
/// The thread allocates no more.
pub unsafe fn thread_ends() {
    // SAFETY: the thread's own block; the heap is not used after it is parked.
    unsafe {
        let block = tcb::current();
        let heap: *mut Heap = (*block).heap.cast();
        (*block).heap = null_mut();
        if !heap.is_null() {
            heap::park(heap);
        }
    }
}

/// Takes the allocator's global lock: before fork.
pub fn lock_for_fork() {
    heap::LOCK.lock();
    chunk::LOCK.lock();
    huge::LOCK.lock();
}

/// Releases what [`lock_for_fork`] took.
///
/// # Safety
/// The caller, or the thread whose copy it is after a fork, took them.
pub unsafe fn unlock_after_fork() {
    // SAFETY: the caller's promise.
    unsafe {
        huge::LOCK.unlock();
        chunk::LOCK.unlock();
        heap::LOCK.unlock();
    }
}

/// malloc(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { allocate(size).cast() }
}

/// free(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn free(address: *mut c_void) {
    if !address.is_null() {
        // SAFETY: the caller's contract.
        unsafe { release(address.cast()) };
    }
}

/// calloc(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    let Some(total) = count.checked_mul(size) else {
        errno::set(Errno::ENOMEM);
        return null_mut();
    };
    // SAFETY: the block has room for `total` bytes; a mapping of its own is zero already.
    unsafe {
        let block = allocate(total);
        if !block.is_null() && total <= chunk::LARGEST_SPAN {
            block.write_bytes(0, total);
        }
        block.cast()
    }
}

/// realloc(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn realloc(address: *mut c_void, size: usize) -> *mut c_void {
    let old: *mut u8 = address.cast();
    // SAFETY: the caller's contract; old and new block are disjoint.
    unsafe {
        if old.is_null() {
            return malloc(size);
        }
        if size == 0 {
            release(old);
            return null_mut();
        }
        let room = usable(old);
        if size <= room && size >= room / 2 {
            return address;
        }
        if room > chunk::LARGEST_SPAN
            && size > chunk::LARGEST_SPAN
            && let Some(moved) = huge::resize(old, size)
        {
            return moved.cast();
        }
        let new = allocate(size);
        if !new.is_null() {
            new.copy_from_nonoverlapping(old, room.min(size));
            release(old);
        }
        new.cast()
    }
}

/// reallocarray(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn reallocarray(address: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's contract.
        Some(total) => unsafe { realloc(address, total) },
        None => {
            errno::set(Errno::ENOMEM);
            null_mut()
        }
    }
}

/// An aligned block; `alignment` is a power of two.
unsafe fn allocate_aligned(alignment: usize, size: usize) -> *mut u8 {
    if alignment <= ALIGNMENT {
        // SAFETY: any size will do.
        return unsafe { allocate(size) };
    }
    // Spans begin at multiples of a slice, so a block size that is a multiple of the alignment is all it takes.
    if alignment <= SLICE_SIZE
        && let Some(class) = classes::aligned(size, alignment)
    {
        // SAFETY: the class's own size.
        return unsafe { allocate(classes::size(class)) };
    }
    // SAFETY: any size will do.
    unsafe { allocate_large(size, alignment) }
}

/// memalign(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    let Some(alignment) = alignment.checked_next_power_of_two() else {
        errno::set(Errno::EINVAL);
        return null_mut();
    };
    // SAFETY: a power of two.
    unsafe { allocate_aligned(alignment, size).cast() }
}

/// aligned_alloc(3): as in glibc, any size goes with any alignment.
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    if !alignment.is_power_of_two() {
        errno::set(Errno::EINVAL);
        return null_mut();
    }
    // SAFETY: a power of two.
    unsafe { allocate_aligned(alignment, size).cast() }
}

/// posix_memalign(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn posix_memalign(result: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || alignment < size_of::<usize>() {
        return Errno::EINVAL.get();
    }
    let before = errno::get();
    // SAFETY: a power of two; the caller gave a place for the result.
    unsafe {
        let block = allocate_aligned(alignment, size);
        errno::set_raw(before);
        if block.is_null() {
            return Errno::ENOMEM.get();
        }
        result.write(block.cast());
    }
    0
}

/// valloc(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn valloc(size: usize) -> *mut c_void {
    // SAFETY: a power of two.
    unsafe { allocate_aligned(4096, size).cast() }
}

/// pvalloc(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn pvalloc(size: usize) -> *mut c_void {
    match size.checked_next_multiple_of(4096) {
        // SAFETY: a power of two.
        Some(size) => unsafe { allocate_aligned(4096, size.max(4096)).cast() },
        None => {
            errno::set(Errno::ENOMEM);
            null_mut()
        }
    }
}

/// malloc_usable_size(3).
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn malloc_usable_size(address: *mut c_void) -> usize {
    if address.is_null() {
        return 0;
    }
    // SAFETY: the caller's contract.
    unsafe { usable(address.cast()) }
}

/// malloc_trim(3): gives empty slices' memory back to the kernel.
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn malloc_trim(_keep: usize) -> c_int {
    c_int::from(chunk::purge() > 0)
}

/// From this size on a block is a mapping of its own, whatever else fits: M_MMAP_THRESHOLD.
static MMAP_THRESHOLD: AtomicUsize = AtomicUsize::new(usize::MAX);

/// mallopt(3): M_MMAP_THRESHOLD is kept, as far as a block is too large for the classes. The parameters that only tune
/// glibc's own allocator are taken and change nothing; those that would change what a program sees are refused.
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn mallopt(parameter: c_int, value: c_int) -> c_int {
    const M_MXFAST: c_int = 1;
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_TOP_PAD: c_int = -2;
    const M_MMAP_THRESHOLD: c_int = -3;
    const M_ARENA_TEST: c_int = -7;
    const M_ARENA_MAX: c_int = -8;
    /// glibc: 80 times the size of a size_t, over 4.
    const FAST_MAX: c_int = 160;
    let taken = match parameter {
        M_MXFAST => (0..=FAST_MAX).contains(&value),
        M_TRIM_THRESHOLD | M_TOP_PAD => true,
        M_MMAP_THRESHOLD => {
            // A negative one is beyond all sizes.
            MMAP_THRESHOLD.store(usize::try_from(value).unwrap_or(usize::MAX), Relaxed);
            true
        }
        M_ARENA_TEST | M_ARENA_MAX => value > 0,
        _ => false,
    };
    // glibc's documentation: 1 on success, 0 on error.
    c_int::from(taken)
}

/// What mallinfo2(3) fills in.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Mallinfo2 {
    arena: usize,
    ordblks: usize,
    smblks: usize,
    hblks: usize,
    hblkhd: usize,
    usmblks: usize,
    fsmblks: usize,
    uordblks: usize,
    fordblks: usize,
    keepcost: usize,
}

/// What mallinfo(3) fills in.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Mallinfo {
    fields: [c_int; 10],
}

/// mallinfo2(3): sizes in spans; blocks inside a span are not told apart.
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn mallinfo2() -> Mallinfo2 {
    let (mapped, free) = chunk::totals();
    let (blocks, bytes) = huge::totals();
    Mallinfo2 {
        arena: mapped,
        hblks: blocks,
        hblkhd: bytes,
        uordblks: mapped - free,
        fordblks: free,
        ..Mallinfo2::default()
    }
}

/// mallinfo(3): as mallinfo2, in ints that wrap.
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn mallinfo() -> Mallinfo {
    // SAFETY: takes nothing.
    let wide = unsafe { mallinfo2() };
    let mut fields = [0; 10];
    fields[0] = wide.arena as c_int;
    fields[3] = wide.hblks as c_int;
    fields[4] = wide.hblkhd as c_int;
    fields[7] = wide.uordblks as c_int;
    fields[8] = wide.fordblks as c_int;
    Mallinfo { fields }
}
