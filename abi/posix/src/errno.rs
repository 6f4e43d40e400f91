//! errno and the two faces of a result.

use crate::tcb;
use core::ffi::c_int;
use osv_abi::errno::Errno;

/// Sets the calling thread's errno.
#[inline]
pub fn set(error: Errno) {
    set_raw(error.get());
}

/// Sets the calling thread's errno to a number that is known to be one, or to zero.
#[inline]
pub fn set_raw(value: c_int) {
    // SAFETY: the thread's own block; only the thread itself touches its errno.
    unsafe { (*tcb::current()).errno = value };
}

/// The calling thread's errno.
#[inline]
pub fn get() -> c_int {
    // SAFETY: the thread's own block.
    unsafe { (*tcb::current()).errno }
}

/// A system call's return value as libc returns it: -1 with errno set for `-errno`.
#[inline]
pub fn ret(value: isize) -> isize {
    match Errno::from_ret(value) {
        Ok(value) => value as isize,
        Err(error) => fail(error),
    }
}

/// Sets errno and gives the -1 that goes with it.
#[cold]
pub fn fail(error: Errno) -> isize {
    set(error);
    -1
}

/// 0 or the error's number: what pthread functions return.
#[inline]
pub fn code(result: Result<(), Errno>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => error.get(),
    }
}

posix! {
    fn __errno_location() -> *mut c_int {
        &raw mut (*tcb::current()).errno
    }
    // The name by which musl's own code asks.
    fn ___errno_location() -> *mut c_int {
        &raw mut (*tcb::current()).errno
    }
    fn __h_errno_location() -> *mut c_int {
        &raw mut (*tcb::current()).h_errno
    }
}
