//! Chunks, slices and spans: the part under the global lock.

use super::{Block, heap::Heap};
use crate::gate::{self, Sysno};
use crate::lock::Lock;
use core::ptr::{null_mut, with_exposed_provenance_mut};

/// A chunk's size and alignment.
pub const CHUNK_SIZE: usize = 4 << 20;
/// A slice's size.
pub const SLICE_SIZE: usize = 64 << 10;
/// The largest block that is a span of its own rather than a mapping of its own.
pub const LARGEST_SPAN: usize = 1 << 20;

const SLICES: usize = CHUNK_SIZE / SLICE_SIZE;
/// Free slices that keep their memory; above that, all free slices are purged.
const DIRTY_LIMIT: u32 = 256;

/// Guards everything here except what a span's owner does with its blocks.
pub static LOCK: Lock = Lock::new();

/// What a run of slices is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Nothing.
    Free,
    /// Blocks of one class, owned by a heap.
    Blocks,
    /// One block.
    Single,
    /// The header of a mapping of its own.
    Huge,
}

/// Describes a run of slices; lies in the chunk's header, at the index of its first slice.
pub struct Span {
    /// Free blocks, the owner's alone.
    pub free: *mut Block,
    /// Blocks handed out, those on a remote stack included.
    pub used: u32,
    /// Blocks that were ever on the free list.
    pub carved: u32,
    /// Blocks that fit.
    pub capacity: u32,
    /// No longer in its heap's queue, as it had no free block.
    pub full: bool,
    pub kind: Kind,
    /// The class of its blocks.
    pub class: u8,
    slices: u8,
    /// How many slices before this one the span begins.
    back: u8,
    pub block_size: usize,
    pub start: *mut u8,
    /// The owner; null unless `kind` is [`Kind::Blocks`].
    pub heap: *mut Heap,
    pub next: *mut Span,
    pub prev: *mut Span,
}

impl Span {
    /// A span that never has a block: what a heap without spans has for current.
    pub const EMPTY: Span = Span {
        free: null_mut(),
        used: 0,
        carved: 0,
        capacity: 0,
        full: false,
        kind: Kind::Free,
        class: 0,
        slices: 0,
        back: 0,
        block_size: 0,
        start: null_mut(),
        heap: null_mut(),
        next: null_mut(),
        prev: null_mut(),
    };
}

/// A chunk's header, in its first slice.
pub struct Chunk {
    /// Slices that no span has.
    free: u64,
    /// Those of them that may hold memory.
    dirty: u64,
    next: *mut Chunk,
    prev: *mut Chunk,
    spans: [Span; SLICES],
}

const _: () = assert!(size_of::<Chunk>() <= SLICE_SIZE && SLICES == 64);

/// All chunks that have a free slice, and the sums over all chunks.
struct Pool {
    first: *mut Chunk,
    chunks: usize,
    free_slices: usize,
    dirty_slices: u32,
    /// Where the next chunk may well fit.
    hint: usize,
}

static mut POOL: Pool = Pool { first: null_mut(), chunks: 0, free_slices: 0, dirty_slices: 0, hint: 0 };

impl Chunk {
    /// The span that holds the block at `address`.
    ///
    /// # Safety
    /// `address` is inside a chunk or behind a huge mapping's header.
    #[inline(always)]
    pub unsafe fn span_of(address: *mut u8) -> *mut Span {
        let offset = address.addr() & (CHUNK_SIZE - 1);
        // SAFETY: the caller's promise: the header is at the chunk's start, `back` stays inside its array.
        unsafe {
            let chunk = address.byte_sub(offset).cast::<Chunk>();
            let span = (&raw mut (*chunk).spans).cast::<Span>().add(offset / SLICE_SIZE);
            span.sub(usize::from((*span).back))
        }
    }

    unsafe fn of(span: *mut Span) -> *mut Chunk {
        span.map_addr(|address| address & !(CHUNK_SIZE - 1)).cast()
    }
}

/// Reserves `size` bytes at a multiple of the chunk size; null when the kernel has none.
pub fn map_aligned(size: usize, alignment: usize, protection: usize, hint: usize) -> *mut u8 {
    const PRIVATE_ANONYMOUS: usize = 0x22;
    let map = |address: usize, size: usize| {
        // SAFETY: a new private mapping disturbs nobody.
        unsafe { gate::try_call(Sysno::mmap, [address, size, protection, PRIVATE_ANONYMOUS, usize::MAX, 0]) }
    };
    let unmap = |address: usize, size: usize| {
        if size > 0 {
            // SAFETY: part of the mapping just made, which nobody else knows.
            unsafe { gate::call(Sysno::munmap, [address, size]) };
        }
    };
    let Ok(at) = map(hint, size) else { return null_mut() };
    if at.is_multiple_of(alignment) {
        return with_exposed_provenance_mut(at);
    }
    unmap(at, size);
    let Some(padded) = size.checked_add(alignment) else { return null_mut() };
    let Ok(at) = map(0, padded) else { return null_mut() };
    let aligned = at.next_multiple_of(alignment);
    unmap(at, aligned - at);
    unmap(aligned + size, at + padded - (aligned + size));
    with_exposed_provenance_mut(aligned)
}

/// A span of blocks of `class` for `heap`; null when there is no memory.
pub fn take_blocks(heap: *mut Heap, class: usize) -> *mut Span {
    let block_size = super::classes::size(class);
    let slices = if block_size <= 8 << 10 { 1 } else { 8 };
    let _guard = LOCK.guard();
    // SAFETY: under the lock; the span is new and nobody else's.
    unsafe {
        let span = take(slices);
        if !span.is_null() {
            (*span).kind = Kind::Blocks;
            (*span).heap = heap;
            (*span).class = class as u8;
            (*span).block_size = block_size;
            (*span).capacity = (slices * SLICE_SIZE / block_size) as u32;
        }
        span
    }
}

/// One block of `size` bytes as a span of its own; null when there is no memory.
pub fn take_single(size: usize) -> *mut u8 {
    let slices = size.div_ceil(SLICE_SIZE);
    let _guard = LOCK.guard();
    // SAFETY: under the lock; the span is new and nobody else's.
    unsafe {
        let span = take(slices);
        if span.is_null() {
            return null_mut();
        }
        (*span).kind = Kind::Single;
        (*span).heap = null_mut();
        (*span).block_size = slices * SLICE_SIZE;
        (*span).start
    }
}

/// Gives back a span that [`take_single`] gave.
///
/// # Safety
/// The block is not used any more.
pub unsafe fn give_single(span: *mut Span) {
    // SAFETY: the caller's promise.
    unsafe { give(span) };
}

/// Gives back a span none of whose blocks is in use.
///
/// # Safety
/// The span is in no queue.
pub unsafe fn give(span: *mut Span) {
    let _guard = LOCK.guard();
    // SAFETY: under the lock; the caller's promise.
    unsafe {
        let chunk = Chunk::of(span);
        let first = span.offset_from_unsigned((&raw mut (*chunk).spans).cast());
        let slices = usize::from((*span).slices);
        for slice in 0..slices {
            *span.add(slice) = Span::EMPTY;
        }
        let mask = run(slices) << first;
        if (*chunk).free == 0 {
            link(chunk);
        }
        (*chunk).free |= mask;
        (*chunk).dirty |= mask;
        let pool = &mut *(&raw mut POOL);
        pool.free_slices += slices;
        pool.dirty_slices += slices as u32;
        if (*chunk).free == !1 && pool.free_slices > 2 * SLICES {
            unlink(chunk);
            pool.chunks -= 1;
            pool.free_slices -= SLICES - 1;
            pool.dirty_slices -= (*chunk).dirty.count_ones();
            gate::call(Sysno::munmap, [chunk.addr(), CHUNK_SIZE]);
        } else if pool.dirty_slices > DIRTY_LIMIT {
            purge_locked();
        }
    }
}

/// Gives the memory of free slices back to the kernel; how many there were.
pub fn purge() -> usize {
    let _guard = LOCK.guard();
    // SAFETY: under the lock.
    unsafe { purge_locked() }
}

/// Bytes in chunks, and bytes of them in free slices.
pub fn totals() -> (usize, usize) {
    let _guard = LOCK.guard();
    // SAFETY: under the lock.
    let pool = unsafe { &*(&raw const POOL) };
    (pool.chunks * CHUNK_SIZE, pool.free_slices * SLICE_SIZE)
}

const fn run(slices: usize) -> u64 {
    (1 << slices) - 1
}

unsafe fn purge_locked() -> usize {
    const MADV_DONTNEED: usize = 4;
    let mut purged = 0;
    // SAFETY: under the lock, says the caller; free slices hold nothing.
    unsafe {
        let pool = &mut *(&raw mut POOL);
        let mut chunk = pool.first;
        while !chunk.is_null() {
            while (*chunk).dirty != 0 {
                let first = (*chunk).dirty.trailing_zeros() as usize;
                let slices = ((*chunk).dirty >> first).trailing_ones() as usize;
                let address = chunk.addr() + first * SLICE_SIZE;
                gate::call(Sysno::madvise, [address, slices * SLICE_SIZE, MADV_DONTNEED]);
                (*chunk).dirty &= !(run(slices) << first);
                purged += slices;
            }
            chunk = (*chunk).next;
        }
        pool.dirty_slices = 0;
    }
    purged
}

/// The first run of `slices` free slices, in any chunk, or in a new one.
unsafe fn take(slices: usize) -> *mut Span {
    // SAFETY: under the lock, says the caller.
    unsafe {
        let pool = &mut *(&raw mut POOL);
        let mut chunk = pool.first;
        let first = loop {
            if chunk.is_null() {
                chunk = grow();
                if chunk.is_null() {
                    return null_mut();
                }
            }
            if let Some(first) = find((*chunk).free, slices) {
                break first;
            }
            chunk = (*chunk).next;
        };
        let mask = run(slices) << first;
        pool.free_slices -= slices;
        pool.dirty_slices -= ((*chunk).dirty & mask).count_ones();
        (*chunk).free &= !mask;
        (*chunk).dirty &= !mask;
        if (*chunk).free == 0 {
            unlink(chunk);
        }
        let span = (&raw mut (*chunk).spans).cast::<Span>().add(first);
        for slice in 1..slices {
            (*span.add(slice)).back = slice as u8;
        }
        *span = Span::EMPTY;
        (*span).slices = slices as u8;
        (*span).start = chunk.cast::<u8>().add(first * SLICE_SIZE);
        span
    }
}

/// The lowest bit where `length` ones in a row begin.
fn find(bits: u64, length: usize) -> Option<usize> {
    let mut starts = bits;
    let mut have = 1;
    while have < length && starts != 0 {
        let step = have.min(length - have);
        starts &= starts >> step;
        have += step;
    }
    (starts != 0).then(|| starts.trailing_zeros() as usize)
}

unsafe fn grow() -> *mut Chunk {
    const READ_WRITE: usize = 3;
    // SAFETY: under the lock, says the caller; the chunk is new, zeroed and ours.
    unsafe {
        let pool = &mut *(&raw mut POOL);
        let chunk: *mut Chunk = map_aligned(CHUNK_SIZE, CHUNK_SIZE, READ_WRITE, pool.hint).cast();
        if chunk.is_null() {
            return chunk;
        }
        pool.hint = chunk.addr() - CHUNK_SIZE;
        pool.chunks += 1;
        pool.free_slices += SLICES - 1;
        // The header's own slice is never free; all-zero is what every span begins as.
        (*chunk).free = !1;
        link(chunk);
        chunk
    }
}

unsafe fn link(chunk: *mut Chunk) {
    // SAFETY: under the lock, says the caller; the chunk is in no list.
    unsafe {
        let pool = &mut *(&raw mut POOL);
        (*chunk).prev = null_mut();
        (*chunk).next = pool.first;
        if !pool.first.is_null() {
            (*pool.first).prev = chunk;
        }
        pool.first = chunk;
    }
}

unsafe fn unlink(chunk: *mut Chunk) {
    // SAFETY: under the lock, says the caller; the chunk is in the list.
    unsafe {
        if (*chunk).prev.is_null() {
            (*(&raw mut POOL)).first = (*chunk).next;
        } else {
            (*(*chunk).prev).next = (*chunk).next;
        }
        if !(*chunk).next.is_null() {
            (*(*chunk).next).prev = (*chunk).prev;
        }
    }
}

/// Marks a huge mapping whose block begins `lead` bytes behind its start, so that [`Chunk::span_of`] finds the mark.
///
/// # Safety
/// `header` is the chunk-aligned start of a new mapping of at least a page, and of `lead` bytes.
pub unsafe fn mark_huge(header: *mut u8, lead: usize) {
    // SAFETY: the caller's promise; the spans up to that of a lead of half a chunk lie in the first page.
    unsafe {
        let spans = &mut (*header.cast::<Chunk>()).spans;
        spans[0].kind = Kind::Huge;
        if lead < CHUNK_SIZE {
            spans[lead / SLICE_SIZE].back = (lead / SLICE_SIZE) as u8;
        }
    }
}
