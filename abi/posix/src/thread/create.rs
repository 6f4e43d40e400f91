//! Making, ending and joining threads.
//!
//! A thread's mapping holds, from low to high: guard, stack, the area that the linker lays out (vector, static TLS,
//! block). The kernel clears `exited` in the block when the thread has left its stack for good: joiners sleep on that
//! word, and a mapping is used again, or unmapped, only after it. So no thread ever unmaps the stack it stands on.

use super::stacks::{PAGE, place, recycle};
use super::{keys, list, lock_identity, unlock_identity};
use crate::futex::{self, Timespec};
use crate::gate::{self, Sysno};
use crate::tcb::{self, Tcb};
use crate::{errno, hooks, malloc, musl, signal};
use core::ffi::{c_int, c_void};
use core::mem::zeroed;
use core::ptr::{null_mut, with_exposed_provenance_mut};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicU32, AtomicUsize};
use osv_abi::errno::Errno;

const JOINABLE: u32 = 0;
const DETACHED: u32 = 1;
const ENDING: u32 = 2;

/// `pthread_attr_t`, as musl's attribute functions fill it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Attr {
    pub(super) stack_size: usize,
    pub(super) guard_size: usize,
    /// The stack's upper end; 0: a mapping of its own.
    pub(super) stack_top: usize,
    pub(super) detached: c_int,
    pub(super) explicit_scheduling: c_int,
    pub(super) policy: c_int,
    pub(super) priority: c_int,
    /// CPUs 0 to 63 that the thread may run on; 0: all.
    pub(super) affinity: u64,
    unused: usize,
}

/// Stack size of threads whose attributes name none.
static DEFAULT_STACK: AtomicUsize = AtomicUsize::new(8 << 20);

type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// `clone` for a thread: the child goes on in `begin` on its own stack, which must be aligned to 16 bytes.
#[unsafe(naked)]
unsafe extern "C" fn clone_thread(
    flags: usize,
    stack: usize,
    parent_tid: *mut i32,
    child_tid: *mut i32,
    thread_pointer: *mut Tcb,
) -> isize {
    core::arch::naked_asm!(
        "mov eax, 56",
        "mov r10, rcx",
        "syscall",
        "test rax, rax",
        "je 2f",
        "ret",
        "2:",
        "xor ebp, ebp",
        "call {begin}",
        "ud2",
        begin = sym begin,
    )
}

extern "C" fn begin() -> ! {
    // SAFETY: the block is this new thread's; `create` filled it.
    unsafe {
        let this = tcb::current();
        super::mutex::register_robust(this);
        signal::restore_mask((*this).start_mask);
        let start: Start = core::mem::transmute((*this).start);
        end(start((*this).start_argument))
    }
}

unsafe fn create(
    result: *mut *mut Tcb,
    attr: Option<&Attr>,
    start: *mut c_void,
    argument: *mut c_void,
) -> Result<(), Errno> {
    const FLAGS: usize = 0x3d_0f00;
    // SAFETY: the hooks keep their promises; the new block is ours until the thread is in the list.
    unsafe {
        let hooks = hooks::get().ok_or(Errno::ENOSYS)?;
        let this = tcb::current();
        if (*musl::libc()).threaded == 0 {
            musl::begin_threads();
        }
        crate::glibc::set_single_threaded(false);
        let own = Attr { stack_size: DEFAULT_STACK.load(Relaxed), guard_size: PAGE, ..zeroed() };
        let attr = attr.unwrap_or(&own);
        let tls = (hooks.tls_size)().next_multiple_of(64);
        let place = place(attr, tls).map_err(|_| Errno::EAGAIN)?;

        let mask = signal::block_program();
        list::lock();
        let new = (hooks.tls_init)(place.area, tls);
        (*new).map_base = place.map;
        (*new).map_size = place.map_size;
        (*new).stack = with_exposed_provenance_mut(place.top);
        (*new).stack_size = place.stack_size;
        (*new).guard_size = place.guard;
        (*new).detach_state = AtomicU32::new(if attr.detached != 0 { DETACHED } else { JOINABLE });
        (*new).robust.head = (&raw mut (*new).robust.head).cast();
        (*new).locale = (*this).locale_of_new_threads();
        (*new).start = start;
        (*new).start_argument = argument;
        (*new).start_mask = mask & !(1 << (crate::cancel::SIGNAL - 1));
        (*new).exited.store(1, Relaxed);
        let libc = musl::libc();
        (*libc).threads_minus_1 += 1;
        (*libc).need_locks = 1;
        list::insert(this, new);
        // Before there is a thread, as in glibc: its first look may be at who it is.
        result.write(new);
        let made = clone_thread(FLAGS, place.top, (*new).tid.as_ptr(), (*new).exited.as_ptr(), new);
        let made = Errno::from_ret(made);
        if made.is_err() {
            list::remove(new);
            (*libc).threads_minus_1 -= 1;
            if (*libc).threads_minus_1 == 0 {
                (*libc).need_locks = 0;
            }
        } else {
            if attr.explicit_scheduling != 0 {
                let priority = attr.priority;
                let tid = (*new).tid.load(Relaxed) as usize;
                gate::call(
                    Sysno::sched_setscheduler,
                    [tid, attr.policy as usize, (&raw const priority).addr()],
                );
            }
            if attr.affinity != 0 {
                let tid = (*new).tid.load(Relaxed) as usize;
                gate::call(Sysno::sched_setaffinity, [tid, 8, (&raw const attr.affinity).addr()]);
            }
        }
        list::unlock();
        signal::restore_mask(mask);
        if made.is_err() {
            (hooks.tls_free)(new);
            gate::call(Sysno::munmap, [place.map.addr(), place.map_size]);
            return Err(Errno::EAGAIN);
        }
        Ok(())
    }
}

/// Ends the calling thread.
///
/// # Safety
/// Nothing further up this stack is needed.
pub unsafe fn end(result: *mut c_void) -> ! {
    // SAFETY: the block is the thread's own; once it is out of the list, nobody but a joiner looks at it.
    unsafe {
        let this = tcb::current();
        (*this).cancel_disabled.store(1, Relaxed);
        (*this).cancel_async.store(0, Relaxed);
        (*this).result = result;
        super::cleanup::run_all(this);
        crate::start::run_thread_destructors();
        keys::run_destructors(this);
        let mask = signal::block_program();
        list::lock();
        if (*this).next == this || (*this).next.is_null() {
            list::unlock();
            signal::restore_mask(mask);
            crate::start::finish(0);
        }
        super::mutex::release_robust(this);
        list::remove(this);
        let libc = musl::libc();
        (*libc).threads_minus_1 -= 1;
        if (*libc).threads_minus_1 == 0 {
            (*libc).need_locks = -1;
        }
        list::unlock();
        malloc::thread_ends();
        if let Some(hooks) = hooks::get() {
            (hooks.tls_free)(this);
        }
        signal::block_all();
        lock_identity(this);
        (*this).tid.store(0, Relaxed);
        unlock_identity(this);
        let before = (*this).detach_state.compare_exchange(JOINABLE, ENDING, AcqRel, Acquire);
        if before == Err(DETACHED) && !(*this).map_base.is_null() {
            recycle(this);
        }
        loop {
            gate::call(Sysno::exit, [0]);
        }
    }
}

unsafe fn wait_for_end(thread: *mut Tcb, clock: c_int, deadline: Option<&Timespec>) -> Result<(), Errno> {
    // SAFETY: the block lives until it is joined, which the caller does.
    let word = unsafe { AtomicU32::from_ptr((*thread).exited.as_ptr().cast()) };
    loop {
        let value = word.load(Acquire);
        if value == 0 {
            return Ok(());
        }
        // The kernel's wake at a thread's end is one for shared words.
        let slept = futex::wait_until_cancellable(word, value, futex::SHARED, clock, deadline);
        if let Err(error @ (Errno::ETIMEDOUT | Errno::EINVAL)) = slept {
            return Err(error);
        }
    }
}

unsafe fn join(
    thread: *mut Tcb,
    result: *mut *mut c_void,
    clock: c_int,
    deadline: Option<&Timespec>,
) -> Result<(), Errno> {
    // SAFETY: the caller names a thread that nobody else joins.
    unsafe {
        if thread == tcb::current() {
            return Err(Errno::EDEADLK);
        }
        if (*thread).detach_state.load(Acquire) == DETACHED {
            return Err(Errno::EINVAL);
        }
        wait_for_end(thread, clock, deadline)?;
        if !result.is_null() {
            result.write((*thread).result);
        }
        if !(*thread).map_base.is_null() {
            recycle(thread);
        }
        Ok(())
    }
}

/// Completes the initial thread's block, which the linker laid out.
///
/// # Safety
/// Called once, by start-up, on the initial thread.
pub unsafe fn init_main(stack_top: *mut u8) {
    // SAFETY: the initial thread's own block; the kernel learns where its thread id is cleared.
    unsafe {
        let this = tcb::current();
        (*this).next = this;
        (*this).prev = this;
        (*this).robust.head = (&raw mut (*this).robust.head).cast();
        (*this).locale = (*this).locale_of_new_threads();
        (*this).stack = stack_top;
        (*this).exited.store(1, Relaxed);
        let tid = gate::call(Sysno::set_tid_address, [(*this).exited.as_ptr().addr()]);
        (*this).tid.store(tid as i32, Relaxed);
        let libc = musl::libc();
        (*libc).can_do_threads = 1;
    }
}

posix! {
    fn pthread_create(result: *mut *mut Tcb, attr: *const Attr, start: *mut c_void, argument: *mut c_void) -> c_int {
        errno::code(create(result, attr.as_ref(), start, argument))
    }
    fn pthread_exit(result: *mut c_void) -> ! {
        end(result)
    }
    fn pthread_join(thread: *mut Tcb, result: *mut *mut c_void) -> c_int {
        errno::code(join(thread, result, 0, None))
    }
    fn pthread_timedjoin_np(thread: *mut Tcb, result: *mut *mut c_void, deadline: *const Timespec) -> c_int {
        errno::code(join(thread, result, 0, deadline.as_ref()))
    }
    fn pthread_clockjoin_np(thread: *mut Tcb, result: *mut *mut c_void, clock: c_int, deadline: *const Timespec) -> c_int {
        errno::code(join(thread, result, clock, deadline.as_ref()))
    }
    fn pthread_tryjoin_np(thread: *mut Tcb, result: *mut *mut c_void) -> c_int {
        if (*thread).exited.load(Acquire) != 0 {
            return Errno::EBUSY.get();
        }
        errno::code(join(thread, result, 0, None))
    }
    fn pthread_detach(thread: *mut Tcb) -> c_int {
        match (*thread).detach_state.compare_exchange(JOINABLE, DETACHED, AcqRel, Acquire) {
            Ok(_) => 0,
            Err(DETACHED) => Errno::EINVAL.get(),
            Err(_) => errno::code(join(thread, null_mut(), 0, None)),
        }
    }
    fn pthread_self() -> *mut Tcb {
        tcb::current()
    }
    fn pthread_equal(left: *mut Tcb, right: *mut Tcb) -> c_int {
        c_int::from(left == right)
    }
    fn pthread_kill(thread: *mut Tcb, number: c_int) -> c_int {
        super::kill(thread, number)
    }
    fn pthread_getattr_np(thread: *mut Tcb, attr: *mut Attr) -> c_int {
        let mut filled: Attr = zeroed();
        filled.detached = c_int::from((*thread).detach_state.load(Relaxed) == DETACHED);
        filled.guard_size = (*thread).guard_size;
        filled.stack_top = (*thread).stack.addr();
        filled.stack_size = (*thread).stack_size;
        if filled.stack_size == 0 {
            const RLIMIT_STACK: usize = 3;
            let mut limit = [0usize; 2];
            gate::call(Sysno::prlimit64, [0, RLIMIT_STACK, 0, limit.as_mut_ptr().addr()]);
            filled.stack_top = filled.stack_top.next_multiple_of(PAGE);
            filled.stack_size = if limit[0] > 1 << 30 { 8 << 20 } else { limit[0] & !(PAGE - 1) };
        }
        attr.write(filled);
        0
    }
    fn pthread_getattr_default_np(attr: *mut Attr) -> c_int {
        attr.write(Attr { stack_size: DEFAULT_STACK.load(Relaxed), guard_size: PAGE, ..zeroed() });
        0
    }
    fn pthread_setattr_default_np(attr: *const Attr) -> c_int {
        if (*attr).stack_top != 0 {
            return Errno::EINVAL.get();
        }
        if (*attr).stack_size >= 16384 {
            DEFAULT_STACK.store((*attr).stack_size, Relaxed);
        }
        0
    }
    fn pthread_attr_init(attr: *mut Attr) -> c_int {
        attr.write(Attr { stack_size: DEFAULT_STACK.load(Relaxed), guard_size: PAGE, ..zeroed() });
        0
    }
    fn __pthread_get_minstack(_attr: *const Attr) -> usize {
        let tls = hooks::get().map_or(0, |hooks| (hooks.tls_size)());
        PAGE + 16384 + tls
    }
    fn pthread_getcpuclockid(thread: *mut Tcb, clock: *mut c_int) -> c_int {
        clock.write((-(*thread).tid.load(Relaxed) - 1).wrapping_mul(8).wrapping_add(6));
        0
    }
    fn pthread_yield() -> c_int {
        gate::call(Sysno::sched_yield, []) as c_int
    }
    fn pthread_getaffinity_np(thread: *mut Tcb, size: usize, set: *mut u8) -> c_int {
        let tid = (*thread).tid.load(Relaxed) as usize;
        match gate::try_call(Sysno::sched_getaffinity, [tid, size, set.addr()]) {
            Ok(filled) => {
                set.add(filled).write_bytes(0, size.saturating_sub(filled));
                0
            }
            Err(error) => error.get(),
        }
    }
    fn pthread_setaffinity_np(thread: *mut Tcb, size: usize, set: *const u8) -> c_int {
        let tid = (*thread).tid.load(Relaxed) as usize;
        errno::code(gate::try_call(Sysno::sched_setaffinity, [tid, size, set.addr()]).map(drop))
    }
    fn pthread_getschedparam(thread: *mut Tcb, policy: *mut c_int, parameter: *mut c_int) -> c_int {
        let tid = (*thread).tid.load(Relaxed) as usize;
        let read = gate::try_call(Sysno::sched_getparam, [tid, parameter.addr()]);
        let read = read.and_then(|_| gate::try_call(Sysno::sched_getscheduler, [tid]));
        errno::code(read.map(|got| policy.write(got as c_int)))
    }
    fn pthread_setschedparam(thread: *mut Tcb, policy: c_int, parameter: *const c_int) -> c_int {
        let tid = (*thread).tid.load(Relaxed) as usize;
        errno::code(gate::try_call(Sysno::sched_setscheduler, [tid, policy as usize, parameter.addr()]).map(drop))
    }
    fn pthread_setschedprio(thread: *mut Tcb, priority: c_int) -> c_int {
        let tid = (*thread).tid.load(Relaxed) as usize;
        errno::code(gate::try_call(Sysno::sched_setparam, [tid, (&raw const priority).addr()]).map(drop))
    }
    fn pthread_setname_np(thread: *mut Tcb, name: *const u8) -> c_int {
        let length = core::ffi::CStr::from_ptr(name.cast()).count_bytes();
        if length > 15 {
            return Errno::ERANGE.get();
        }
        const PR_SET_NAME: usize = 15;
        if thread == tcb::current() {
            return errno::code(gate::try_call(Sysno::prctl, [PR_SET_NAME, name.addr()]).map(drop));
        }
        with_comm(thread, 1, |file| gate::try_call(Sysno::write, [file, name.addr(), length]).map(drop))
    }
    fn pthread_getname_np(thread: *mut Tcb, name: *mut u8, size: usize) -> c_int {
        if size < 16 {
            return Errno::ERANGE.get();
        }
        const PR_GET_NAME: usize = 16;
        if thread == tcb::current() {
            return errno::code(gate::try_call(Sysno::prctl, [PR_GET_NAME, name.addr()]).map(drop));
        }
        with_comm(thread, 0, |file| {
            let length = gate::try_call(Sysno::read, [file, name.addr(), size])?;
            name.add(length.saturating_sub(1)).write(0);
            Ok(())
        })
    }
}

/// Opens /proc/self/task/TID/comm of another thread.
unsafe fn with_comm(thread: *mut Tcb, flags: usize, body: impl FnOnce(usize) -> Result<(), Errno>) -> c_int {
    use core::fmt::Write;
    let mut path = crate::report::Text::<48>::new();
    // SAFETY: the caller names a live thread; the path ends with a null byte.
    unsafe {
        let _ = write!(path, "/proc/self/task/{}/comm\0", (*thread).tid.load(Relaxed));
        match gate::try_call(Sysno::open, [path.as_bytes().as_ptr().addr(), flags | 0x80000]) {
            Ok(file) => {
                let result = body(file);
                gate::call(Sysno::close, [file]);
                errno::code(result)
            }
            Err(error) => error.get(),
        }
    }
}
