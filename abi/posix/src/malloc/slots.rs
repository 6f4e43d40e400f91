//! The malloc family as libc itself calls it: through slots which the linker's commit fills with the definitions that
//! won the program's scope. musl's C code comes here by the names `__osv_malloc` and so on.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// One function for each name that libc uses.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slots {
    /// malloc(3).
    pub malloc: unsafe extern "C" fn(usize) -> *mut c_void,
    /// free(3).
    pub free: unsafe extern "C" fn(*mut c_void),
    /// calloc(3).
    pub calloc: unsafe extern "C" fn(usize, usize) -> *mut c_void,
    /// realloc(3).
    pub realloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    /// memalign(3).
    pub memalign: unsafe extern "C" fn(usize, usize) -> *mut c_void,
}

/// Begins as this crate's own allocator.
static mut SLOTS: Slots = Slots {
    malloc: super::malloc,
    free: super::free,
    calloc: super::calloc,
    realloc: super::realloc,
    memalign: super::memalign,
};

/// Fills the slots. A block that an earlier filling gave must not be freed through a later one, so this happens before
/// the program's first instruction.
///
/// # Safety
/// No other thread runs; the functions keep malloc(3)'s contract together.
pub unsafe fn fill(slots: Slots) {
    // SAFETY: single thread, says the caller.
    unsafe { *(&raw mut SLOTS) = slots };
}

#[inline(always)]
fn slots() -> &'static Slots {
    // SAFETY: written only before there are threads.
    unsafe { &*(&raw const SLOTS) }
}

posix! {
    fn malloc(size: usize) -> *mut c_void {
        (slots().malloc)(size)
    }
    fn free(address: *mut c_void) {
        (slots().free)(address)
    }
    fn calloc(count: usize, size: usize) -> *mut c_void {
        (slots().calloc)(count, size)
    }
    fn realloc(address: *mut c_void, size: usize) -> *mut c_void {
        (slots().realloc)(address, size)
    }
    fn reallocarray(address: *mut c_void, count: usize, size: usize) -> *mut c_void {
        match count.checked_mul(size) {
            Some(total) => (slots().realloc)(address, total),
            None => {
                crate::errno::set(osv_abi::Errno::ENOMEM);
                null_mut()
            }
        }
    }
    fn memalign(alignment: usize, size: usize) -> *mut c_void {
        (slots().memalign)(alignment, size)
    }
    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
        (slots().memalign)(alignment, size)
    }
    fn __libc_malloc(size: usize) -> *mut c_void {
        (slots().malloc)(size)
    }
    fn __libc_free(address: *mut c_void) {
        (slots().free)(address)
    }
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void {
        (slots().calloc)(count, size)
    }
    fn __libc_realloc(address: *mut c_void, size: usize) -> *mut c_void {
        (slots().realloc)(address, size)
    }
    fn posix_memalign(result: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
        let block = (slots().memalign)(alignment, size);
        if block.is_null() {
            return osv_abi::Errno::ENOMEM.get();
        }
        result.write(block);
        0
    }
}
