//! Blocks above 1 MiB: a mapping each, with a header page in front.
//!
//! The mapping begins at a multiple of the chunk size, so that the block's address leads to the header as it does for
//! a chunk. A block that must itself begin at such a multiple cannot: it is found in a list instead.

use super::chunk::{CHUNK_SIZE, map_aligned, mark_huge};
use crate::gate::{self, Sysno};
use crate::lock::Lock;
use core::ptr::null_mut;

const PAGE: usize = 4096;
const READ_WRITE: usize = 3;

/// Guards the list and the sums.
pub static LOCK: Lock = Lock::new();

static mut REGISTERED: *mut Header = null_mut();
static mut TOTALS: (usize, usize) = (0, 0);

/// At the end of a mapping's header page.
struct Header {
    /// The whole mapping's start and length.
    base: *mut u8,
    length: usize,
    /// The block.
    block: *mut u8,
    /// The next block that is only found in the list.
    next: *mut Header,
}

const HEADER_AT: usize = PAGE - size_of::<Header>();

/// A zeroed block of `size` bytes; null when there is no memory.
pub fn allocate(size: usize, alignment: usize) -> *mut u8 {
    let lead = alignment.max(PAGE);
    let Some(length) = size.checked_next_multiple_of(PAGE).and_then(|size| size.checked_add(lead)) else {
        return null_mut();
    };
    if length > isize::MAX as usize {
        return null_mut();
    }
    let base = map_aligned(length, alignment.max(CHUNK_SIZE), READ_WRITE, 0);
    if base.is_null() {
        return base;
    }
    // SAFETY: a new mapping of a header page and more.
    unsafe {
        mark_huge(base, lead);
        let block = base.add(lead);
        let header = base.add(HEADER_AT).cast::<Header>();
        header.write(Header { base, length, block, next: null_mut() });
        let _guard = LOCK.guard();
        if lead >= CHUNK_SIZE {
            (*header).next = REGISTERED;
            REGISTERED = header;
        }
        account(1, length as isize);
        block
    }
}

unsafe fn header_of(block: *mut u8) -> *mut Header {
    block.map_addr(|address| (address & !(CHUNK_SIZE - 1)) + HEADER_AT).cast()
}

/// # Safety
/// `block` came from [`allocate`] and its address is no multiple of the chunk size.
pub unsafe fn usable(block: *mut u8) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let header = header_of(block);
        (*header).length - block.offset_from_unsigned((*header).base)
    }
}

/// # Safety
/// As for [`usable`]; the block is not used any more.
pub unsafe fn release(block: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { unmap(header_of(block)) };
}

/// # Safety
/// `block` came from [`allocate`] with an alignment of a chunk or more.
pub unsafe fn usable_registered(block: *mut u8) -> usize {
    let _guard = LOCK.guard();
    // SAFETY: under the lock.
    unsafe {
        let header = *position(block);
        (*header).length - block.offset_from_unsigned((*header).base)
    }
}

/// # Safety
/// As for [`usable_registered`]; the block is not used any more.
pub unsafe fn release_registered(block: *mut u8) {
    // SAFETY: under the lock while the list is changed.
    unsafe {
        let header = {
            let _guard = LOCK.guard();
            let position = position(block);
            let header = *position;
            *position = (*header).next;
            header
        };
        unmap(header);
    }
}

unsafe fn position(block: *mut u8) -> *mut *mut Header {
    // SAFETY: under the lock, says the caller.
    unsafe {
        let mut position = &raw mut REGISTERED;
        while !(*position).is_null() {
            if (**position).block == block {
                return position;
            }
            position = &raw mut (**position).next;
        }
    }
    super::invalid("free(): this address is not a block in use")
}

unsafe fn unmap(header: *mut Header) {
    // SAFETY: the caller says that nobody uses the mapping any more.
    unsafe {
        let (base, length) = ((*header).base, (*header).length);
        {
            let _guard = LOCK.guard();
            account(-1, -(length as isize));
        }
        gate::call(Sysno::munmap, [base.addr(), length]);
    }
}

/// Grows or shrinks a block by moving its pages; `None` when that does not work out.
///
/// # Safety
/// As for [`usable`].
pub unsafe fn resize(block: *mut u8, size: usize) -> Option<*mut u8> {
    const MAYMOVE_FIXED: usize = 3;
    if block.addr() & (CHUNK_SIZE - 1) != PAGE {
        return None;
    }
    let length = size.checked_next_multiple_of(PAGE)?.checked_add(PAGE)?;
    // SAFETY: the mapping is the block's own; the new place is reserved before the pages move there.
    unsafe {
        let header = header_of(block);
        let (base, old) = ((*header).base, (*header).length);
        let moved = match gate::try_call(Sysno::mremap, [base.addr(), old, length, 0]) {
            Ok(_) => base,
            Err(_) => {
                let place = map_aligned(length, CHUNK_SIZE, 0, 0);
                if place.is_null() {
                    return None;
                }
                let to = [base.addr(), old, length, MAYMOVE_FIXED, place.addr()];
                if gate::try_call(Sysno::mremap, to).is_err() {
                    gate::call(Sysno::munmap, [place.addr(), length]);
                    return None;
                }
                place
            }
        };
        let block = moved.add(PAGE);
        moved.add(HEADER_AT).cast::<Header>().write(Header { base: moved, length, block, next: null_mut() });
        let _guard = LOCK.guard();
        account(0, length as isize - old as isize);
        Some(block)
    }
}

unsafe fn account(blocks: isize, bytes: isize) {
    // SAFETY: under the lock, says the caller.
    unsafe {
        let totals = &mut *(&raw mut TOTALS);
        totals.0 = totals.0.wrapping_add_signed(blocks);
        totals.1 = totals.1.wrapping_add_signed(bytes);
    }
}

/// Blocks and their bytes.
pub fn totals() -> (usize, usize) {
    let _guard = LOCK.guard();
    // SAFETY: under the lock.
    unsafe { TOTALS }
}
