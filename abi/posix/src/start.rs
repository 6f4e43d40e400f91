//! The program's end: atexit and its kin, destructors of C++ thread-locals, exit; and fork, which must find every
//! lock free in the child.

use crate::gate::{self, Sysno};
use crate::lock::Lock;
use crate::malloc::slots;
use crate::tcb;
use crate::{hooks, malloc, musl, thread};
use core::ffi::{c_int, c_void};
use core::ptr::{null_mut, with_exposed_provenance};
use core::sync::atomic::Ordering::Relaxed;
use osv_abi::errno::Errno;

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

static LOCK: Lock = Lock::new();
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

type ForkHandler = Option<unsafe extern "C" fn()>;

struct AtFork {
    prepare: ForkHandler,
    parent: ForkHandler,
    child: ForkHandler,
    object: *mut c_void,
    next: *mut AtFork,
    prev: *mut AtFork,
}

static FORK_LOCK: Lock = Lock::new();
/// Newest first.
static mut AT_FORK: *mut AtFork = null_mut();

unsafe fn register_fork(
    prepare: ForkHandler,
    parent: ForkHandler,
    child: ForkHandler,
    object: *mut c_void,
) -> c_int {
    // SAFETY: the entry is new; the list is changed under its lock.
    unsafe {
        let entry: *mut AtFork = malloc::malloc(size_of::<AtFork>()).cast();
        if entry.is_null() {
            return Errno::ENOMEM.get();
        }
        let _guard = FORK_LOCK.guard();
        entry.write(AtFork { prepare, parent, child, object, next: AT_FORK, prev: null_mut() });
        if !AT_FORK.is_null() {
            (*AT_FORK).prev = entry;
        }
        AT_FORK = entry;
    }
    0
}

/// Forgets the fork handlers of an object that is being unloaded.
unsafe fn forget_fork(object: *mut c_void) {
    let _guard = FORK_LOCK.guard();
    // SAFETY: under the lock; what is taken out of the list is nobody else's.
    unsafe {
        let mut at = AT_FORK;
        while !at.is_null() {
            let next = (*at).next;
            if (*at).object == object {
                match (*at).prev {
                    prev if prev.is_null() => AT_FORK = next,
                    prev => (*prev).next = next,
                }
                if !next.is_null() {
                    (*next).prev = (*at).prev;
                }
                malloc::free(at.cast());
            }
            at = next;
        }
    }
}

/// Runs the fork handlers: newest first before, oldest first afterwards.
unsafe fn run_fork(which: impl Fn(&AtFork) -> ForkHandler, newest_first: bool) {
    // SAFETY: the fork holds the list's lock.
    unsafe {
        let mut at = AT_FORK;
        if !newest_first {
            while !at.is_null() && !(*at).next.is_null() {
                at = (*at).next;
            }
        }
        while !at.is_null() {
            if let Some(handler) = which(&*at) {
                handler();
            }
            at = if newest_first { (*at).next } else { (*at).prev };
        }
    }
}

/// fork with or without the handlers.
unsafe fn fork_process(handlers: bool) -> isize {
    // SAFETY: every lock is taken in the order in which it may nest, and released by this thread on both sides.
    unsafe {
        if handlers {
            FORK_LOCK.lock();
            run_fork(|entry| entry.prepare, true);
        }
        // libc's own signals stay open until the list is ours: who holds it may wait for this thread's answer.
        let mask = crate::signal::block_program();
        LOCK.lock();
        thread::list::lock();
        crate::signal::block_all();
        if let Some(hooks) = hooks::get() {
            (hooks.fork)(0);
        }
        thread::create::lock_cache();
        malloc::lock_for_fork();
        let result = gate::trap(Sysno::fork as usize, []);
        malloc::unlock_after_fork();
        thread::create::unlock_cache();
        if result == 0 {
            let this = tcb::current();
            (*this).tid.store(gate::call(Sysno::gettid, []) as i32, Relaxed);
            (*this).robust.offset = 0;
            thread::list::only_this();
            let libc = musl::libc();
            (*libc).threads_minus_1 = 0;
            (*libc).need_locks = if (*libc).threaded != 0 { -1 } else { 0 };
        }
        if let Some(hooks) = hooks::get() {
            (hooks.fork)(if result == 0 { 2 } else { 1 });
        }
        thread::list::unlock();
        LOCK.unlock();
        crate::signal::restore_mask(mask);
        if handlers {
            run_fork(|entry| if result == 0 { entry.child } else { entry.parent }, false);
            FORK_LOCK.unlock();
        }
        result
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
            forget_fork(object);
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
    fn fork() -> c_int {
        crate::errno::ret(fork_process(true)) as c_int
    }
    fn _Fork() -> c_int {
        crate::errno::ret(fork_process(false)) as c_int
    }
    fn __register_atfork(prepare: ForkHandler, parent: ForkHandler, child: ForkHandler, object: *mut c_void) -> c_int {
        register_fork(prepare, parent, child, object)
    }
    fn pthread_atfork(prepare: ForkHandler, parent: ForkHandler, child: ForkHandler) -> c_int {
        register_fork(prepare, parent, child, null_mut())
    }
}

static mut EXIT_STATUS: c_int = 0;

/// vfork(2): the child runs on the parent's stack, so nothing may be pushed between the call and its two returns.
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_vfork")]
pub unsafe extern "C" fn vfork() -> c_int {
    core::arch::naked_asm!(
        "pop rdx",
        "mov eax, 58",
        "syscall",
        "push rdx",
        "mov rdi, rax",
        "jmp {ret}",
        ret = sym vfork_result,
    )
}

extern "C" fn vfork_result(result: isize) -> c_int {
    crate::errno::ret(result) as c_int
}
