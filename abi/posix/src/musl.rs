//! The state of musl's C code that threads and start-up must keep in step.

use core::ffi::{c_char, c_int, c_void};

/// musl's `struct __libc`.
#[repr(C)]
#[derive(Debug)]
pub struct Libc {
    /// Not zero: threads are possible at all.
    pub can_do_threads: c_char,
    /// Not zero once a thread was made.
    pub threaded: c_char,
    /// AT_SECURE.
    pub secure: c_char,
    /// Not zero while there is more than one thread: musl's own locks work only then.
    pub need_locks: c_char,
    /// Threads besides the first.
    pub threads_minus_1: c_int,
    /// The auxiliary vector.
    pub auxv: *const usize,
    /// musl's linker's; unused.
    pub tls: [usize; 4],
    /// The page size.
    pub page_size: usize,
}

#[cfg(feature = "object")]
unsafe extern "C" {
    #[link_name = "__libc"]
    static mut LIBC: Libc;
    #[link_name = "__environ"]
    static mut ENVIRON: *mut *mut c_char;
    fn __ofl_lock() -> *mut *mut c_void;
    fn __ofl_unlock();
    #[link_name = "__stdin_used"]
    static mut STDIN_USED: *mut c_void;
    #[link_name = "__stdout_used"]
    static mut STDOUT_USED: *mut c_void;
    #[link_name = "__stderr_used"]
    static mut STDERR_USED: *mut c_void;
    // This name picks the archive's member that closes streams; `__stdio_exit` also names an empty one.
    fn __stdio_exit_needed();
}

#[cfg(not(feature = "object"))]
static mut LIBC: Libc = Libc {
    can_do_threads: 1,
    threaded: 0,
    secure: 0,
    need_locks: 0,
    threads_minus_1: 0,
    auxv: core::ptr::null(),
    tls: [0; 4],
    page_size: 4096,
};

#[cfg(not(feature = "object"))]
static mut ENVIRON: *mut *mut c_char = core::ptr::null_mut();

/// musl's state.
pub fn libc() -> *mut Libc {
    &raw mut LIBC
}

/// musl's global locale, which follows in the same struct.
pub fn global_locale() -> *mut c_void {
    libc().wrapping_add(1).cast()
}

const _: () = assert!(size_of::<Libc>() == 56);

/// The variable `environ`, wherever a COPY put it.
pub fn environ() -> *mut *mut *mut c_char {
    &raw mut ENVIRON
}

/// Flushes and closes what stdio has open, at exit.
///
/// # Safety
/// The process ends.
pub unsafe fn close_stdio() {
    #[cfg(feature = "object")]
    // SAFETY: the caller's promise.
    unsafe {
        __stdio_exit_needed();
    }
}

/// Before the first new thread: streams that had no lock because they needed none get one.
///
/// # Safety
/// Called by the only thread.
pub unsafe fn begin_threads() {
    // SAFETY: single thread; a FILE's lock is at byte 140 in musl 1.2.3 (src/internal/stdio_impl.h), its next at 112.
    unsafe {
        #[cfg(feature = "object")]
        {
            const LOCK_AT: usize = 140;
            const NEXT_AT: usize = 112;
            let enable = |file: *mut c_void| {
                if !file.is_null() {
                    let lock: *mut c_int = file.byte_add(LOCK_AT).cast();
                    if lock.read() < 0 {
                        lock.write(0);
                    }
                }
            };
            let mut file = *__ofl_lock();
            while !file.is_null() {
                enable(file);
                file = *file.byte_add(NEXT_AT).cast();
            }
            __ofl_unlock();
            enable(STDIN_USED);
            enable(STDOUT_USED);
            enable(STDERR_USED);
        }
        (*libc()).threaded = 1;
    }
}
