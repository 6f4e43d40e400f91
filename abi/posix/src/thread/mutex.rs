//! Mutexes in glibc's layout: static initialisers store the kind at byte 16.
//!
//! A plain mutex is a futex with the states free, held, held with waiters. One that knows its owner (recursive, error
//! checking, robust) holds the owner's thread id in the word as the kernel's robust list wants it.

use crate::errno;
use crate::futex::{self, Scope, Timespec};
use crate::gate::{self, Sysno};
use crate::tcb::{self, Tcb};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use osv_abi::errno::Errno;

/// `pthread_mutex_t`.
#[repr(C)]
#[derive(Debug)]
pub struct Mutex {
    /// The futex word.
    pub word: AtomicU32,
    count: u32,
    /// For a plain mutex nothing; else unused: the word names the owner.
    owner: AtomicU32,
    users: u32,
    kind: u32,
    state: u32,
    /// Robust list: neighbour before.
    prev: *mut c_void,
    /// Robust list: neighbour behind; the kernel's list element.
    next: *mut c_void,
}

const FREE: u32 = 0;
const HELD: u32 = 1;
const WAITED_FOR: u32 = 2;

const TYPE: u32 = 3;
const RECURSIVE: u32 = 1;
const ERROR_CHECK: u32 = 2;
const ADAPTIVE: u32 = 3;
const ROBUST: u32 = 16;
const SHARED: u32 = 128;
/// What a robust mutex's `state` says when its owner died and nobody made it consistent.
const INCONSISTENT: u32 = 1;
const NOT_RECOVERABLE: u32 = 2;

const WAITERS: u32 = 0x8000_0000;
const OWNER_DIED: u32 = 0x4000_0000;
const OWNER: u32 = 0x3fff_ffff;

impl Mutex {
    #[inline]
    fn is_plain(&self) -> bool {
        self.kind & !SHARED == 0 || self.kind & !SHARED == ADAPTIVE
    }

    #[inline]
    fn scope(&self) -> Scope {
        Scope::shared(self.kind & SHARED != 0)
    }

    #[inline]
    fn try_plain(&self) -> bool {
        self.word.compare_exchange(FREE, HELD, Acquire, Relaxed).is_ok()
    }

    #[cold]
    fn lock_plain_contended(&self, clock: c_int, deadline: Option<&Timespec>) -> Result<(), Errno> {
        for _ in 0..futex::spins() {
            match self.word.load(Relaxed) {
                FREE if self.try_plain() => return Ok(()),
                WAITED_FOR => break,
                _ => core::hint::spin_loop(),
            }
        }
        while self.word.swap(WAITED_FOR, Acquire) != FREE {
            if let Err(error @ (Errno::ETIMEDOUT | Errno::EINVAL)) =
                futex::wait_until(&self.word, WAITED_FOR, self.scope(), clock, deadline)
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes the mutex after a wait on a condition: as one for which others may wait, too.
    fn relock(this: *mut Mutex) -> Result<(), Errno> {
        // SAFETY: the caller's mutex lives.
        let mutex = unsafe { &*this };
        if !mutex.is_plain() {
            return Self::lock(this, 0, None);
        }
        if mutex.try_plain() { Ok(()) } else { mutex.lock_plain_contended(0, None) }
    }

    #[inline]
    fn lock(this: *mut Mutex, clock: c_int, deadline: Option<&Timespec>) -> Result<(), Errno> {
        // SAFETY: the caller's mutex lives.
        let mutex = unsafe { &*this };
        if mutex.is_plain() {
            return if mutex.try_plain() { Ok(()) } else { mutex.lock_plain_contended(clock, deadline) };
        }
        // SAFETY: as above.
        unsafe { Self::lock_owned(this, clock, deadline, false) }
    }

    #[inline]
    fn try_lock(this: *mut Mutex) -> Result<(), Errno> {
        // SAFETY: the caller's mutex lives.
        let mutex = unsafe { &*this };
        if mutex.is_plain() {
            return if mutex.try_plain() { Ok(()) } else { Err(Errno::EBUSY) };
        }
        // SAFETY: as above.
        unsafe { Self::lock_owned(this, 0, None, true) }
    }

    unsafe fn lock_owned(
        this: *mut Mutex,
        clock: c_int,
        deadline: Option<&Timespec>,
        only_try: bool,
    ) -> Result<(), Errno> {
        // SAFETY: the caller's mutex lives; the fields beside the word are the owner's, who is this thread.
        unsafe {
            let thread = tcb::current();
            let me = (*thread).tid.load(Relaxed) as u32;
            let word = &(*this).word;
            let kind = (*this).kind;
            let mut spins = if only_try { 0 } else { futex::spins() };
            // Who slept takes the mutex as one that others may sleep for: the unlock that woke it cleared the bit.
            let mut slept = 0;
            loop {
                let value = word.load(Relaxed);
                if value & OWNER == me {
                    return match kind & TYPE {
                        RECURSIVE if (*this).count == u32::MAX => Err(Errno::EAGAIN),
                        RECURSIVE => {
                            (*this).count += 1;
                            Ok(())
                        }
                        ERROR_CHECK if !only_try => Err(Errno::EDEADLK),
                        _ if only_try => Err(Errno::EBUSY),
                        _ => Self::sleep_forever(deadline, clock),
                    };
                }
                if (*this).state == NOT_RECOVERABLE && kind & ROBUST != 0 {
                    return Err(Errno::ENOTRECOVERABLE);
                }
                if value & OWNER == 0 {
                    if kind & ROBUST != 0 {
                        enlist(thread, this);
                    }
                    let taken = word
                        .compare_exchange(value, me | (value & WAITERS) | slept, Acquire, Relaxed)
                        .is_ok();
                    if !taken {
                        (*thread).robust.pending = null_mut();
                        continue;
                    }
                    (*this).count = 0;
                    if kind & ROBUST != 0 {
                        link(thread, this);
                        if value & OWNER_DIED != 0 {
                            (*this).state = INCONSISTENT;
                            return Err(Errno::EOWNERDEAD);
                        }
                    }
                    return Ok(());
                }
                if only_try {
                    return Err(Errno::EBUSY);
                }
                if spins > 0 && value & WAITERS == 0 {
                    spins -= 1;
                    core::hint::spin_loop();
                    continue;
                }
                let waited = value | WAITERS;
                if value != waited && word.compare_exchange(value, waited, Relaxed, Relaxed).is_err() {
                    continue;
                }
                slept = WAITERS;
                if let Err(error @ (Errno::ETIMEDOUT | Errno::EINVAL)) =
                    futex::wait_until(word, waited, (*this).scope(), clock, deadline)
                {
                    return Err(error);
                }
            }
        }
    }

    /// What relocking a mutex that is neither recursive nor error checking comes to.
    fn sleep_forever(deadline: Option<&Timespec>, clock: c_int) -> Result<(), Errno> {
        let word = AtomicU32::new(0);
        loop {
            if let Err(error @ (Errno::ETIMEDOUT | Errno::EINVAL)) =
                futex::wait_until(&word, 0, futex::PRIVATE, clock, deadline)
            {
                return Err(error);
            }
        }
    }

    #[inline]
    fn unlock(this: *mut Mutex) -> Result<(), Errno> {
        // SAFETY: the caller's mutex lives until the word is free; the wake knows only its address.
        unsafe {
            let scope = (*this).scope();
            let address = (&raw const (*this).word).expose_provenance();
            if (*this).is_plain() {
                if (*this).word.swap(FREE, Release) == WAITED_FOR {
                    futex::wake_address(address, 1, scope);
                }
                return Ok(());
            }
            let thread = tcb::current();
            if (*this).word.load(Relaxed) & OWNER != (*thread).tid.load(Relaxed) as u32 {
                return Err(Errno::EPERM);
            }
            if (*this).kind & TYPE == RECURSIVE && (*this).count > 0 {
                (*this).count -= 1;
                return Ok(());
            }
            let robust = (*this).kind & ROBUST != 0;
            if robust {
                if (*this).state == INCONSISTENT {
                    (*this).state = NOT_RECOVERABLE;
                }
                unlink(thread, this);
            }
            let before = (*this).word.swap(FREE, Release);
            if robust {
                (*thread).robust.pending = null_mut();
            }
            if before & WAITERS != 0 {
                // A mutex that nobody can have again must not keep anybody waiting.
                let count = if robust { u32::MAX >> 1 } else { 1 };
                futex::wake_address(address, count, scope);
            }
            Ok(())
        }
    }

    /// Whether the calling thread may wait on a condition with it.
    fn is_owned_or_plain(&self) -> bool {
        self.is_plain() || self.word.load(Relaxed) & OWNER == crate::signal::own_tid() as u32
    }
}

/// Tells the kernel where the thread's robust list is. Threads do so when they begin, since some programs look for it;
/// the initial one and a child of fork(2) do it with their first robust mutex.
///
/// # Safety
/// The block is the calling thread's own.
pub unsafe fn register_robust(thread: *mut Tcb) {
    // SAFETY: as the caller says.
    unsafe {
        if (*thread).robust.head.is_null() {
            (*thread).robust.head = (&raw mut (*thread).robust.head).cast();
        }
        (*thread).robust.offset = -(core::mem::offset_of!(Mutex, next) as isize);
        gate::call(Sysno::set_robust_list, [(&raw const (*thread).robust).addr(), 24]);
    }
}

/// Tells the kernel which mutex is about to join the thread's robust list.
unsafe fn enlist(thread: *mut Tcb, mutex: *mut Mutex) {
    // SAFETY: the block is the thread's own.
    unsafe {
        if (*thread).robust.offset == 0 {
            register_robust(thread);
        }
        (*thread).robust.pending = (&raw mut (*mutex).next).cast();
    }
}

unsafe fn link(thread: *mut Tcb, mutex: *mut Mutex) {
    // SAFETY: the list holds only mutexes that this thread owns.
    unsafe {
        let head: *mut c_void = (&raw mut (*thread).robust.head).cast();
        let first = (*thread).robust.head;
        (*mutex).next = first;
        (*mutex).prev = head;
        if first != head {
            first.cast::<*mut c_void>().sub(1).write((&raw mut (*mutex).next).cast());
        }
        (*thread).robust.head = (&raw mut (*mutex).next).cast();
        (*thread).robust.pending = null_mut();
    }
}

unsafe fn unlink(thread: *mut Tcb, mutex: *mut Mutex) {
    // SAFETY: the mutex is in the list of this thread, its owner.
    unsafe {
        let head: *mut c_void = (&raw mut (*thread).robust.head).cast();
        (*thread).robust.pending = (&raw mut (*mutex).next).cast();
        let (prev, next) = ((*mutex).prev, (*mutex).next);
        prev.cast::<*mut c_void>().write(next);
        if next != head {
            next.cast::<*mut c_void>().sub(1).write(prev);
        }
    }
}

/// Marks the robust mutexes of an ending thread as left by a dead owner.
///
/// # Safety
/// `thread` is the calling thread's block.
pub unsafe fn release_robust(thread: *mut Tcb) {
    // SAFETY: the list holds only mutexes that this thread owns.
    unsafe {
        if (*thread).robust.offset == 0 {
            return;
        }
        let head: *mut c_void = (&raw mut (*thread).robust.head).cast();
        while (*thread).robust.head != head {
            let element = (*thread).robust.head;
            let mutex: *mut Mutex = element.byte_offset((*thread).robust.offset).cast();
            let scope = (*mutex).scope();
            (*thread).robust.pending = element;
            (*thread).robust.head = element.cast::<*mut c_void>().read();
            let before = (*mutex).word.swap(OWNER_DIED, Release);
            (*thread).robust.pending = null_mut();
            if before & WAITERS != 0 {
                futex::wake(&(*mutex).word, 1, scope);
            }
        }
    }
}

/// For conditions: see [`Mutex::relock`].
pub(super) fn relock(mutex: *mut Mutex) -> Result<(), Errno> {
    Mutex::relock(mutex)
}

/// For conditions.
pub(super) fn unlock(mutex: *mut Mutex) -> Result<(), Errno> {
    // SAFETY: the caller's mutex lives.
    if unsafe { !(*mutex).is_owned_or_plain() } {
        return Err(Errno::EPERM);
    }
    Mutex::unlock(mutex)
}

/// The bits of an attribute word that hold a priority ceiling begin here, 12 of them.
const CEILING_AT: u32 = 12;

posix! {
    fn pthread_mutex_lock(mutex: *mut Mutex) -> c_int {
        errno::code(Mutex::lock(mutex, 0, None))
    }
    fn pthread_mutex_trylock(mutex: *mut Mutex) -> c_int {
        errno::code(Mutex::try_lock(mutex))
    }
    fn pthread_mutex_timedlock(mutex: *mut Mutex, deadline: *const Timespec) -> c_int {
        errno::code(Mutex::lock(mutex, 0, deadline.as_ref()))
    }
    fn pthread_mutex_clocklock(mutex: *mut Mutex, clock: c_int, deadline: *const Timespec) -> c_int {
        errno::code(Mutex::lock(mutex, clock, deadline.as_ref()))
    }
    fn pthread_mutex_unlock(mutex: *mut Mutex) -> c_int {
        errno::code(Mutex::unlock(mutex))
    }
    fn __pthread_mutex_lock(mutex: *mut Mutex) -> c_int {
        errno::code(Mutex::lock(mutex, 0, None))
    }
    fn __pthread_mutex_trylock(mutex: *mut Mutex) -> c_int {
        errno::code(Mutex::try_lock(mutex))
    }
    fn __pthread_mutex_unlock(mutex: *mut Mutex) -> c_int {
        errno::code(Mutex::unlock(mutex))
    }
    fn pthread_mutex_init(mutex: *mut Mutex, attr: *const u32) -> c_int {
        mutex.write_bytes(0, 1);
        if let Some(&attr) = attr.as_ref() {
            (*mutex).kind = attr;
        }
        0
    }
    fn pthread_mutex_destroy(mutex: *mut Mutex) -> c_int {
        if (*mutex).word.load(Relaxed) & OWNER != FREE { Errno::EBUSY.get() } else { 0 }
    }
    fn pthread_mutex_consistent(mutex: *mut Mutex) -> c_int {
        if (*mutex).kind & ROBUST == 0 || (*mutex).state != INCONSISTENT {
            return Errno::EINVAL.get();
        }
        (*mutex).state = 0;
        0
    }
    fn pthread_mutex_getprioceiling(_mutex: *const Mutex, _ceiling: *mut c_int) -> c_int {
        Errno::EINVAL.get()
    }
    fn pthread_mutex_setprioceiling(_mutex: *mut Mutex, _ceiling: c_int, _old: *mut c_int) -> c_int {
        Errno::EINVAL.get()
    }
    fn pthread_mutexattr_init(attr: *mut u32) -> c_int {
        attr.write(0);
        0
    }
    fn pthread_mutexattr_destroy(_attr: *mut u32) -> c_int {
        0
    }
    fn pthread_mutexattr_settype(attr: *mut u32, kind: c_int) -> c_int {
        let Ok(kind @ 0..=ADAPTIVE) = u32::try_from(kind) else { return Errno::EINVAL.get() };
        attr.write(attr.read() & !TYPE | kind);
        0
    }
    fn pthread_mutexattr_gettype(attr: *const u32, kind: *mut c_int) -> c_int {
        kind.write((attr.read() & TYPE) as c_int);
        0
    }
    fn pthread_mutexattr_setpshared(attr: *mut u32, shared: c_int) -> c_int {
        let Ok(shared @ (0 | 1)) = u32::try_from(shared) else { return Errno::EINVAL.get() };
        attr.write(attr.read() & !SHARED | (shared * SHARED));
        0
    }
    fn pthread_mutexattr_getpshared(attr: *const u32, shared: *mut c_int) -> c_int {
        shared.write(c_int::from(attr.read() & SHARED != 0));
        0
    }
    fn pthread_mutexattr_setrobust(attr: *mut u32, robust: c_int) -> c_int {
        let Ok(robust @ (0 | 1)) = u32::try_from(robust) else { return Errno::EINVAL.get() };
        attr.write(attr.read() & !ROBUST | (robust * ROBUST));
        0
    }
    fn pthread_mutexattr_getrobust(attr: *const u32, robust: *mut c_int) -> c_int {
        robust.write(c_int::from(attr.read() & ROBUST != 0));
        0
    }
    // Noted for pthread_mutexattr_getprioceiling alone: there is no protocol that would use it.
    fn pthread_mutexattr_setprioceiling(attr: *mut u32, ceiling: c_int) -> c_int {
        match u32::try_from(ceiling) {
            Ok(ceiling @ 1..=99) => {
                attr.write(attr.read() & !(0xfff << CEILING_AT) | ceiling << CEILING_AT);
                0
            }
            _ => Errno::EINVAL.get(),
        }
    }
    fn pthread_mutexattr_getprioceiling(attr: *const u32, ceiling: *mut c_int) -> c_int {
        ceiling.write((attr.read() >> CEILING_AT & 0xfff).max(1) as c_int);
        0
    }
    fn pthread_mutexattr_setprotocol(_attr: *mut u32, protocol: c_int) -> c_int {
        match protocol {
            0 => 0,
            1 | 2 => Errno::ENOTSUP.get(),
            _ => Errno::EINVAL.get(),
        }
    }
    fn pthread_mutexattr_getprotocol(_attr: *const u32, protocol: *mut c_int) -> c_int {
        protocol.write(0);
        0
    }
}
