//! The program's end: atexit and its kin, destructors of C++ thread-locals, exit.

use crate::gate::{self, Sysno};
use crate::lock::Lock;
use crate::malloc::slots;
use crate::tcb;
use crate::{hooks, malloc, musl, thread};
use core::ffi::{c_int, c_void};
use core::ptr::{null_mut, with_exposed_provenance};
use core::sync::atomic::Ordering::Relaxed;

/// What the kernel's auxiliary vector says, as far as the libc half needs it.
///
/// # Safety
/// Called once by ld-osv, on the initial thread, with fs set and the hooks registered, before any constructor; `auxv`
/// is the kernel's vector on the initial stack.
pub unsafe fn init(auxv: *const usize) {
    const AT_SECURE: usize = 23;
    const AT_SYSINFO_EHDR: usize = 33;
    const AT_OSV_SHARED: usize = osv_abi::shared::AT_OSV_SHARED as usize;
    // SAFETY: the caller's promise; the vector ends with a zero type.
    unsafe {
        let (mut secure, mut vdso, mut page) = (0, 0, 0);
        let mut at = auxv;
        while *at != 0 {
            match *at {
                AT_SECURE => secure = *at.add(1),
                AT_SYSINFO_EHDR => vdso = *at.add(1),
                AT_OSV_SHARED => page = *at.add(1),
                _ => {}
            }
            at = at.add(2);
        }
        let libc = musl::libc();
        (*libc).auxv = auxv;
        (*libc).page_size = 4096;
        (*libc).secure = i8::from(secure != 0);
        thread::init_main(at.cast_mut().cast());
        crate::time::init(with_exposed_provenance(page), with_exposed_provenance(vdso));
        crate::string::init();
    }
}

type Handler = unsafe extern "C" fn(*mut c_void);

/// A function to call at exit, or when its object is unloaded.
struct AtExit {
    function: Handler,
    argument: *mut c_void,
    object: *mut c_void,
    next: *mut AtExit,
}

pub(crate) static LOCK: Lock = Lock::new();
static mut AT_EXIT: *mut AtExit = null_mut();
static mut AT_QUICK_EXIT: *mut AtExit = null_mut();

unsafe fn register(
    list: *mut *mut AtExit,
    function: Handler,
    argument: *mut c_void,
    object: *mut c_void,
) -> c_int {
    // SAFETY: the entry is new; the list is changed under its lock.
    unsafe {
        let entry: *mut AtExit = malloc::malloc(size_of::<AtExit>()).cast();
        if entry.is_null() {
            return -1;
        }
        let _guard = LOCK.guard();
        entry.write(AtExit { function, argument, object, next: *list });
        *list = entry;
    }
    0
}

/// Calls and forgets the functions of `object`, or all, newest first; they may register more.
unsafe fn run(list: *mut *mut AtExit, object: *mut c_void) {
    loop {
        // SAFETY: the list is changed under its lock, which is not held while a function runs.
        unsafe {
            let entry = {
                let _guard = LOCK.guard();
                let mut at = list;
                while !(*at).is_null() && !object.is_null() && (**at).object != object {
                    at = &raw mut (**at).next;
                }
                let entry = *at;
                if entry.is_null() {
                    return;
                }
                *at = (*entry).next;
                entry
            };
            ((*entry).function)((*entry).argument);
            malloc::free(entry.cast());
        }
    }
}

/// Runs the destructors of the calling thread's C++ thread-locals.
pub fn run_thread_destructors() {
    // SAFETY: the list is the thread's own.
    unsafe {
        let this = tcb::current();
        while !(*this).dtors.is_null() {
            let entry: *mut AtExit = (*this).dtors.cast();
            (*this).dtors = (*entry).next.cast();
            ((*entry).function)((*entry).argument);
            malloc::free(entry.cast());
        }
    }
}

/// Ends the program: what was registered, the objects' finalisers, stdio, the process.
pub fn finish(status: c_int) -> ! {
    static ENDING: core::sync::atomic::AtomicI32 = core::sync::atomic::AtomicI32::new(0);
    let me = crate::signal::own_tid();
    if let Err(other) = ENDING.compare_exchange(0, me, Relaxed, Relaxed)
        && other != me
    {
        // Another thread is ending the program.
        loop {
            // SAFETY: sleeps until the process is gone.
            unsafe { gate::call(Sysno::pause, []) };
        }
    }
    run_thread_destructors();
    // SAFETY: the program ends here.
    unsafe {
        run(&raw mut AT_EXIT, null_mut());
        if let Some(hooks) = hooks::get() {
            (hooks.finish)();
        }
        musl::close_stdio();
    }
    exit_now(status)
}

fn exit_now(status: c_int) -> ! {
    loop {
        // SAFETY: the process ends.
        unsafe { gate::call(Sysno::exit_group, [status as usize]) };
    }
}

posix! {
    fn __cxa_atexit(function: Handler, argument: *mut c_void, object: *mut c_void) -> c_int {
        register(&raw mut AT_EXIT, function, argument, object)
    }
    fn atexit(function: unsafe extern "C" fn()) -> c_int {
        // A function that takes nothing does not mind an argument in a register.
        register(&raw mut AT_EXIT, core::mem::transmute::<unsafe extern "C" fn(), Handler>(function), null_mut(), null_mut())
    }
    fn on_exit(function: unsafe extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int {
        let pair: *mut (unsafe extern "C" fn(c_int, *mut c_void), *mut c_void) = slots::malloc(16).cast();
        if pair.is_null() {
            return -1;
        }
        pair.write((function, argument));
        unsafe extern "C" fn call(pair: *mut c_void) {
            // SAFETY: the pair that on_exit made.
            unsafe {
                let (function, argument) =
                    *pair.cast::<(unsafe extern "C" fn(c_int, *mut c_void), *mut c_void)>();
                function(*(&raw const EXIT_STATUS), argument);
            }
        }
        register(&raw mut AT_EXIT, call, pair.cast(), null_mut())
    }
    fn __cxa_at_quick_exit(function: Handler, object: *mut c_void) -> c_int {
        register(&raw mut AT_QUICK_EXIT, function, null_mut(), object)
    }
    fn at_quick_exit(function: Handler) -> c_int {
        register(&raw mut AT_QUICK_EXIT, function, null_mut(), null_mut())
    }
    fn __cxa_finalize(object: *mut c_void) {
        run(&raw mut AT_EXIT, object);
        if !object.is_null() {
            crate::fork::forget(object);
        }
    }
    fn __cxa_thread_atexit_impl(function: Handler, argument: *mut c_void, object: *mut c_void) -> c_int {
        let entry: *mut AtExit = malloc::malloc(size_of::<AtExit>()).cast();
        if entry.is_null() {
            return -1;
        }
        if let Some(hooks) = hooks::get() {
            (hooks.hold)(object.addr());
        }
        let this = tcb::current();
        entry.write(AtExit { function, argument, object, next: (*this).dtors.cast() });
        (*this).dtors = entry.cast();
        0
    }
    fn exit(status: c_int) -> ! {
        *(&raw mut EXIT_STATUS) = status;
        finish(status)
    }
    fn _exit(status: c_int) -> ! {
        exit_now(status)
    }
    fn _Exit(status: c_int) -> ! {
        exit_now(status)
    }
    fn quick_exit(status: c_int) -> ! {
        run(&raw mut AT_QUICK_EXIT, null_mut());
        exit_now(status)
    }
}

static mut EXIT_STATUS: c_int = 0;
