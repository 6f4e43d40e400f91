//! The thread block: what fs:0 points to.
//!
//! It begins as musl's `struct pthread` does, because musl's C code (stdio, locale, resolver) reads it, and because
//! that layout fits programs compiled against glibc: self at 0, stack guard at 0x28. What follows is ours. ld-osv
//! lays it at the end of each thread's static TLS and fills `this`, `dtv` and `canary`; the rest is the thread
//! module's.

use core::ffi::{c_char, c_int, c_void};
use core::mem::offset_of;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicUsize};

/// First-level slots of thread-specific data; each holds a block of as many values.
pub const TSD_BLOCKS: usize = 32;

/// A thread's block.
#[repr(C)]
#[derive(Debug)]
pub struct Tcb {
    /// The block's own address: the thread pointer.
    pub this: *mut Tcb,
    /// ld-osv's dynamic thread vector.
    pub dtv: *mut usize,
    /// Neighbour in the ring of live threads, under the thread-list lock.
    pub prev: *mut Tcb,
    /// Neighbour in the ring of live threads, under the thread-list lock.
    pub next: *mut Tcb,
    /// musl's; unused.
    pub sysinfo: usize,
    /// The stack protector's guard.
    pub canary: usize,
    /// Kernel thread id; 0 once the thread has left.
    pub tid: AtomicI32,
    /// errno.
    pub errno: c_int,
    /// A [`Detach`](crate::thread) state, also the futex on which joiners wait.
    pub detach_state: AtomicU32,
    /// Whether cancellation was asked for.
    pub cancel: AtomicI32,
    /// PTHREAD_CANCEL_DISABLE when not zero.
    pub cancel_disabled: AtomicU8,
    /// PTHREAD_CANCEL_ASYNCHRONOUS when not zero.
    pub cancel_async: AtomicU8,
    /// musl's `tsd_used` and `dlerror_flag` bits.
    pub flags: u8,
    /// The mapping that holds stack and block; null for the initial thread and for stacks that the program gave.
    pub map_base: *mut u8,
    /// Its length.
    pub map_size: usize,
    /// Highest stack address.
    pub stack: *mut u8,
    /// Usable stack below it.
    pub stack_size: usize,
    /// Guard below that.
    pub guard_size: usize,
    /// What the start routine returned.
    pub result: *mut c_void,
    /// Innermost cleanup handler.
    pub cleanup: *mut c_void,
    /// musl's thread-specific data; unused, see `tsd_blocks`.
    pub tsd: *mut *mut c_void,
    /// The robust list's head, whose address the kernel knows.
    pub robust: RobustList,
    /// h_errno.
    pub h_errno: c_int,
    /// musl's timer id.
    pub timer_id: AtomicI32,
    /// The locale of uselocale; musl's stdio reads it.
    pub locale: *mut c_void,
    /// Guards `tid` against reuse while a signal is being sent.
    pub kill_lock: AtomicU32,
    /// Text of the last dlerror.
    pub dlerror_buf: *mut c_char,
    /// Streams held by flockfile.
    pub stdio_locks: *mut c_void,

    /// Thread-specific data: blocks of values by key / 32, the rest of the division within.
    pub tsd_blocks: [*mut *mut c_void; TSD_BLOCKS],
    /// Destructors of C++ thread-locals, innermost first.
    pub dtors: *mut c_void,
    /// The allocator's heap of this thread.
    pub heap: *mut c_void,
    /// Start routine and argument of a new thread.
    pub start: *mut c_void,
    /// See `start`.
    pub start_argument: *mut c_void,
    /// Signal mask that the new thread begins with.
    pub start_mask: u64,
    /// Futex word that the kernel clears when the thread has left its stack for good.
    pub exited: AtomicI32,
    /// Slot for ld-osv's own per-thread state.
    pub linker: AtomicUsize,
}

/// The kernel's `struct robust_list_head`.
#[repr(C)]
#[derive(Debug)]
pub struct RobustList {
    /// First element, or the head's own address.
    pub head: *mut c_void,
    /// From an element to its futex word.
    pub offset: isize,
    /// The element being locked or unlocked.
    pub pending: *mut c_void,
}

// What glibc-compiled code, musl's C code and musl/README.md say.
const _: () = {
    assert!(offset_of!(Tcb, canary) == 0x28);
    assert!(offset_of!(Tcb, tid) == 48);
    assert!(offset_of!(Tcb, errno) == 52);
    assert!(offset_of!(Tcb, detach_state) == 56);
    assert!(offset_of!(Tcb, cancel_disabled) == 64);
    assert!(offset_of!(Tcb, flags) == 66);
    assert!(offset_of!(Tcb, map_base) == 72);
    assert!(offset_of!(Tcb, cleanup) == 120);
    assert!(offset_of!(Tcb, robust) == 136);
    assert!(offset_of!(Tcb, h_errno) == 160);
    assert!(offset_of!(Tcb, locale) == 168);
    assert!(offset_of!(Tcb, stdio_locks) == 192);
    assert!(offset_of!(Tcb, tsd_blocks) == 200);
};

/// The calling thread's block.
#[cfg(feature = "object")]
#[inline(always)]
pub fn current() -> *mut Tcb {
    let this;
    // SAFETY: ld-osv sets fs before any other code of this crate runs; the block's first word is its address.
    unsafe {
        core::arch::asm!("mov {}, fs:0", out(reg) this, options(pure, readonly, nostack, preserves_flags))
    };
    this
}

/// The calling thread's block: in host tests, a thread-local of the host.
#[cfg(not(feature = "object"))]
pub fn current() -> *mut Tcb {
    std::thread_local! {
        static BLOCK: core::cell::UnsafeCell<Tcb> = const { core::cell::UnsafeCell::new(Tcb::new()) };
    }
    BLOCK.with(|block| {
        let block = block.get();
        // SAFETY: this thread's own; the first use fills in what start-up would.
        unsafe {
            if (*block).this.is_null() {
                (*block).this = block;
                (*block).tid.store(
                    crate::gate::call(crate::gate::Sysno::gettid, []) as i32,
                    core::sync::atomic::Ordering::Relaxed,
                );
            }
        }
        block
    })
}

impl Tcb {
    /// The locale that threads begin with: musl's global one.
    pub fn locale_of_new_threads(&self) -> *mut c_void {
        crate::musl::global_locale()
    }

    /// An empty block.
    pub const fn new() -> Tcb {
        // SAFETY: pointers, integers and atomics: all-zero is a value of each.
        unsafe { core::mem::zeroed() }
    }
}

impl Default for Tcb {
    fn default() -> Self {
        Self::new()
    }
}
