//! The state of musl's C code that threads and start-up must keep in step.

use core::ffi::{c_char, c_int, c_void};
#[cfg(feature = "object")]
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

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
    fn __lock(lock: *const AtomicI32);
    fn __unlock(lock: *const AtomicI32);
    fn __aio_atfork(phase: c_int);
    static mut __gettext_lockptr: *const AtomicI32;
    static mut __timezone_lockptr: *const AtomicI32;
    static mut __sem_open_lockptr: *const AtomicI32;
    static mut __syslog_lockptr: *const AtomicI32;
    static mut __locale_lockptr: *const AtomicI32;
    static mut __stdio_ofl_lockptr: *const AtomicI32;
    static __abort_lock: AtomicI32;
}

/// musl's own locks, in the order in which a fork takes them.
#[cfg(feature = "object")]
fn locks() -> [*const AtomicI32; 7] {
    // SAFETY: constants of the C objects; the last is the lock itself.
    unsafe {
        [
            __gettext_lockptr,
            __timezone_lockptr,
            __sem_open_lockptr,
            __syslog_lockptr,
            __locale_lockptr,
            &raw const __abort_lock,
            __stdio_ofl_lockptr,
        ]
    }
}

/// Takes musl's own locks.
///
/// # Safety
/// The caller holds none of them.
pub unsafe fn lock_for_fork() {
    #[cfg(feature = "object")]
    // SAFETY: the caller's promise.
    unsafe {
        __aio_atfork(-1);
        for lock in locks() {
            __lock(lock);
        }
    }
}

/// Gives them back; in the child nobody else waits for them.
///
/// # Safety
/// The calling thread, or the one it is the copy of, took them.
pub unsafe fn unlock_after_fork(in_child: bool) {
    let _ = in_child;
    #[cfg(feature = "object")]
    // SAFETY: the caller's promise.
    unsafe {
        for lock in locks() {
            if in_child {
                (*lock).store(0, Relaxed);
            } else {
                __unlock(lock);
            }
        }
        __aio_atfork(c_int::from(in_child));
    }
}

/// In the child of a fork: streams that other threads held are free, and those that its own thread held stay so, under
/// its new number.
///
/// # Safety
/// The child's only thread.
pub unsafe fn free_streams(parent: i32, child: i32) {
    let _ = (parent, child);
    #[cfg(feature = "object")]
    // SAFETY: nobody else is there.
    unsafe {
        const MAYBE_WAITERS: i32 = 0x4000_0000;
        for_each_stream(|file| {
            let lock = &*file.byte_add(LOCK_AT).cast::<AtomicI32>();
            match lock.load(Relaxed) {
                // It needs no lock yet.
                value if value < 0 => {}
                value if value & !MAYBE_WAITERS == parent => lock.store(child, Relaxed),
                _ => lock.store(0, Relaxed),
            }
        });
    }
}

/// A FILE's lock in musl 1.2.3 (src/internal/stdio_impl.h).
#[cfg(feature = "object")]
const LOCK_AT: usize = 140;
/// The next of the open FILEs.
#[cfg(feature = "object")]
const NEXT_AT: usize = 112;

/// # Safety
/// No other thread changes the list of streams meanwhile.
#[cfg(feature = "object")]
unsafe fn for_each_stream(mut body: impl FnMut(*mut c_void)) {
    // SAFETY: the list's entries are whole; the caller keeps others away.
    unsafe {
        // The lock is a no-op for the only thread; its name leads to the list's head.
        let mut file = *__ofl_lock();
        while !file.is_null() {
            body(file);
            file = *file.byte_add(NEXT_AT).cast();
        }
        __ofl_unlock();
        for standard in [STDIN_USED, STDOUT_USED, STDERR_USED] {
            if !standard.is_null() {
                body(standard);
            }
        }
    }
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
    // SAFETY: single thread.
    unsafe {
        #[cfg(feature = "object")]
        for_each_stream(|file| {
            let lock: *mut c_int = file.byte_add(LOCK_AT).cast();
            if lock.read() < 0 {
                lock.write(0);
            }
        });
        (*libc()).threaded = 1;
    }
}
