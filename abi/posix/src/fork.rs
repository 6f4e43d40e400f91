//! fork and its handlers. The child has one thread, and must find every lock of libc's free and what they guard whole:
//! so the forking thread takes them all, in the order in which they nest, and gives them back on both sides.
//!
//! Streams are the exception, as in glibc: a thread may hold one for as long as a terminal is silent. The child makes
//! those free that other threads held, and keeps those that its own thread held.
//!
//! A process that never had a second thread takes none of this: nobody else can hold a lock, and a signal handler that
//! forks in the middle of malloc must not wait for what it interrupted. `_Fork` promises the same of every process, and
//! its child may not call what needs those locks.

use crate::gate::{self, Sysno};
use crate::lock::Lock;
use crate::{hooks, locale, malloc, musl, netdb, random, start, tcb, thread};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;
use osv_abi::errno::Errno;

type Handler = Option<unsafe extern "C" fn()>;

struct AtFork {
    prepare: Handler,
    parent: Handler,
    child: Handler,
    object: *mut c_void,
    /// Rises with each registration.
    number: u64,
    /// The one registered before.
    next: *mut AtFork,
}

static HANDLERS: Lock = Lock::new();
/// Newest first.
static mut NEWEST: *mut AtFork = null_mut();
static mut REGISTERED: u64 = 0;

unsafe fn register(prepare: Handler, parent: Handler, child: Handler, object: *mut c_void) -> c_int {
    // SAFETY: the entry is new; the list is changed under its lock.
    unsafe {
        let entry: *mut AtFork = malloc::malloc(size_of::<AtFork>()).cast();
        if entry.is_null() {
            return Errno::ENOMEM.get();
        }
        let _guard = HANDLERS.guard();
        REGISTERED += 1;
        entry.write(AtFork { prepare, parent, child, object, number: REGISTERED, next: NEWEST });
        NEWEST = entry;
    }
    0
}

/// Forgets the handlers of an object that is being unloaded.
///
/// # Safety
/// The object's code runs no more.
pub unsafe fn forget(object: *mut c_void) {
    let _guard = HANDLERS.guard();
    // SAFETY: under the lock; what is taken out of the list is nobody else's.
    unsafe {
        let mut at = &raw mut NEWEST;
        while !(*at).is_null() {
            let entry = *at;
            if (*entry).object == object {
                *at = (*entry).next;
                malloc::free(entry.cast());
            } else {
                at = &raw mut (*entry).next;
            }
        }
    }
}

/// The entry with the largest number below `bound`, or with the least from it on; and its number.
unsafe fn neighbour(bound: u64, below: bool) -> Option<(&'static AtFork, u64)> {
    let mut found = None;
    // SAFETY: the caller holds the lock.
    unsafe {
        let mut at = NEWEST;
        while let Some(entry) = at.as_ref() {
            if below && entry.number < bound {
                return Some((entry, entry.number));
            }
            if !below && entry.number >= bound {
                found = Some((entry, entry.number));
            }
            at = entry.next;
        }
    }
    found
}

/// Runs the handlers before a fork, newest first; gives the number behind the last that took part. No lock is held while
/// one runs: it may load a library that registers others.
unsafe fn prepare() -> u64 {
    // SAFETY: the list is read under its lock; handlers are the program's.
    unsafe {
        let end = {
            let _guard = HANDLERS.guard();
            REGISTERED + 1
        };
        let mut bound = end;
        loop {
            let handler = {
                let _guard = HANDLERS.guard();
                let Some((entry, number)) = neighbour(bound, true) else { return end };
                bound = number;
                entry.prepare
            };
            if let Some(handler) = handler {
                handler();
            }
        }
    }
}

/// Runs those that took part, oldest first.
unsafe fn afterwards(end: u64, which: fn(&AtFork) -> Handler) {
    let mut bound = 0;
    // SAFETY: as in `prepare`.
    unsafe {
        loop {
            let handler = {
                let _guard = HANDLERS.guard();
                let Some((entry, number)) = neighbour(bound, false).filter(|found| found.1 < end) else {
                    return;
                };
                bound = number + 1;
                which(entry)
            };
            if let Some(handler) = handler {
                handler();
            }
        }
    }
}

/// Locks under which others are taken: musl's, the list of threads, the allocator's.
fn outer() -> [&'static Lock; 5] {
    [&HANDLERS, &netdb::LOCK, &locale::LOCK, &random::LOCK, &thread::keys::LOCK]
}

/// fork; `whole`: the child may go on as any program.
unsafe fn fork_process(whole: bool) -> isize {
    // SAFETY: every lock is taken in the order in which it may nest, and released by this thread on both sides.
    unsafe {
        let threaded = (*musl::libc()).threaded != 0;
        let (whole, alone) = (whole && threaded, !threaded);
        if whole {
            outer().iter().for_each(|lock| lock.lock());
            musl::lock_for_fork();
        }
        // libc's own signals stay open until the list is ours: who holds it may wait for this thread's answer.
        let mask = crate::signal::block_program();
        if whole {
            start::LOCK.lock();
        }
        thread::list::lock();
        crate::signal::block_all();
        if let Some(hooks) = hooks::get() {
            (hooks.fork)(0);
        }
        if whole {
            thread::stacks::lock_cache();
            malloc::lock_for_fork();
        }
        let this = tcb::current();
        let parent = (*this).tid.load(Relaxed);
        let result = gate::trap(Sysno::fork as usize, []);
        if whole {
            malloc::unlock_after_fork();
            thread::stacks::unlock_cache();
        }
        if result == 0 {
            (*this).tid.store(gate::call(Sysno::gettid, []) as i32, Relaxed);
            (*this).robust.offset = 0;
            (*this).robust.pending = null_mut();
            thread::list::only_this();
            let libc = musl::libc();
            (*libc).threads_minus_1 = 0;
            (*libc).need_locks = if (*libc).threaded != 0 { -1 } else { 0 };
        }
        if let Some(hooks) = hooks::get() {
            (hooks.fork)(if result == 0 { 2 } else { 1 });
        }
        thread::list::unlock();
        if whole {
            start::LOCK.unlock();
        }
        crate::signal::restore_mask(mask);
        if whole {
            musl::unlock_after_fork(result == 0);
            for lock in outer().iter().rev() {
                lock.unlock();
            }
        }
        if result == 0 && (whole || alone) {
            musl::free_streams(parent, (*this).tid.load(Relaxed));
        }
        result
    }
}

posix! {
    fn fork() -> c_int {
        let end = prepare();
        let result = fork_process(true);
        afterwards(end, if result == 0 { |entry| entry.child } else { |entry| entry.parent });
        crate::errno::ret(result) as c_int
    }
    fn _Fork() -> c_int {
        crate::errno::ret(fork_process(false)) as c_int
    }
    fn __register_atfork(prepare: Handler, parent: Handler, child: Handler, object: *mut c_void) -> c_int {
        register(prepare, parent, child, object)
    }
    fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int {
        register(prepare, parent, child, null_mut())
    }
}

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
