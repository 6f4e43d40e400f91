//! Cleanup handlers: musl's records and glibc's jump buffers, in one list.
//!
//! glibc's C macro `pthread_cleanup_push` makes a jump buffer and registers it; an ending thread jumps there, the
//! program's code calls the handler and comes back by `__pthread_unwind_next`.

use crate::tcb::{self, Tcb};
use core::ffi::{c_int, c_void};

/// musl's `struct __ptcb`.
#[repr(C)]
#[derive(Debug)]
pub struct Record {
    routine: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
    next: *mut c_void,
}

/// glibc's `__pthread_unwind_buf_t`.
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    jump: [usize; 8],
    mask_saved: c_int,
    /// The list's next element.
    next: *mut c_void,
    private: [usize; 3],
}

/// Marks a list element as a [`Buffer`].
const BUFFER: usize = 1;

unsafe extern "C" {
    fn longjmp(buffer: *mut c_void, value: c_int) -> !;
}

/// Runs the handlers, innermost first; a jump buffer takes over and comes back by `__pthread_unwind_next`.
///
/// # Safety
/// `this` is the calling thread's block; the thread ends.
pub unsafe fn run_all(this: *mut Tcb) {
    // SAFETY: the list's elements live on this thread's stack, above this frame.
    unsafe {
        while !(*this).cleanup.is_null() {
            let element = (*this).cleanup;
            if element.addr() & BUFFER != 0 {
                let buffer: *mut Buffer = element.byte_sub(BUFFER).cast();
                (*this).cleanup = (*buffer).next;
                longjmp(buffer.cast(), 1);
            }
            let record: *mut Record = element.cast();
            (*this).cleanup = (*record).next;
            ((*record).routine)((*record).argument);
        }
    }
}

posix! {
    fn _pthread_cleanup_push(record: *mut Record, routine: unsafe extern "C" fn(*mut c_void), argument: *mut c_void) {
        let this = tcb::current();
        record.write(Record { routine, argument, next: (*this).cleanup });
        (*this).cleanup = record.cast();
    }
    fn _pthread_cleanup_pop(record: *mut Record, run: c_int) {
        (*tcb::current()).cleanup = (*record).next;
        if run != 0 {
            ((*record).routine)((*record).argument);
        }
    }
    fn __pthread_register_cancel(buffer: *mut Buffer) {
        let this = tcb::current();
        (*buffer).next = (*this).cleanup;
        (*this).cleanup = buffer.byte_add(BUFFER).cast();
    }
    fn __pthread_unregister_cancel(buffer: *mut Buffer) {
        (*tcb::current()).cleanup = (*buffer).next;
    }
    fn __pthread_unwind_next(_buffer: *mut Buffer) -> ! {
        super::end((*tcb::current()).result)
    }
}
