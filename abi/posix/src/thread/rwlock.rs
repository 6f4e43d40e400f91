//! Read-write locks: a word that counts readers, or says that a writer has it, or that somebody sleeps.
//!
//! With glibc's kind 2 at byte 48 (PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) a waiting writer holds off new readers.

use crate::errno;
use crate::futex::{self, Scope, Timespec};
use core::ffi::c_int;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use osv_abi::errno::Errno;

/// `pthread_rwlock_t`.
#[repr(C)]
#[derive(Debug)]
pub struct RwLock {
    word: AtomicU32,
    /// Writers that sleep.
    writers: AtomicU32,
    owner: AtomicU32,
    unused: [u32; 4],
    shared: u32,
    padding: [u64; 2],
    kind: u32,
    tail: u32,
}

const _: () = assert!(size_of::<RwLock>() == 56 && core::mem::offset_of!(RwLock, kind) == 48);

const WRITER: u32 = 0x3fff_ffff;
const COUNT: u32 = 0x3fff_ffff;
const SLEEPERS: u32 = 0x8000_0000;
const PREFER_WRITER: u32 = 2;

impl RwLock {
    fn scope(&self) -> Scope {
        Scope::shared(self.shared != 0)
    }

    fn try_read(&self) -> Result<(), Errno> {
        let mut value = self.word.load(Relaxed);
        loop {
            let count = value & COUNT;
            if count == WRITER || (self.kind == PREFER_WRITER && self.writers.load(Relaxed) > 0) {
                return Err(Errno::EBUSY);
            }
            if count == WRITER - 1 {
                return Err(Errno::EAGAIN);
            }
            match self.word.compare_exchange_weak(value, value + 1, Acquire, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => value = now,
            }
        }
    }

    fn try_write(&self) -> Result<(), Errno> {
        let mut value = self.word.load(Relaxed);
        while value & COUNT == 0 {
            match self.word.compare_exchange_weak(value, value | WRITER, Acquire, Relaxed) {
                Ok(_) => {
                    self.owner.store(crate::signal::own_tid() as u32, Relaxed);
                    return Ok(());
                }
                Err(now) => value = now,
            }
        }
        Err(Errno::EBUSY)
    }

    fn lock(
        &self,
        attempt: impl Fn(&Self) -> Result<(), Errno>,
        is_writer: bool,
        clock: c_int,
        deadline: Option<&Timespec>,
    ) -> Result<(), Errno> {
        for _ in 0..=futex::spins() {
            match attempt(self) {
                Err(Errno::EBUSY) if self.word.load(Relaxed) & SLEEPERS == 0 => core::hint::spin_loop(),
                Err(Errno::EBUSY) => break,
                other => return other,
            }
        }
        if self.word.load(Relaxed) & COUNT == WRITER
            && self.owner.load(Relaxed) == crate::signal::own_tid() as u32
        {
            return Err(Errno::EDEADLK);
        }
        if is_writer {
            self.writers.fetch_add(1, AcqRel);
        }
        let result = loop {
            match attempt(self) {
                Err(Errno::EBUSY) => {}
                other => break other,
            }
            let value = self.word.load(Relaxed);
            if value & COUNT == 0
                && (is_writer || self.kind != PREFER_WRITER || self.writers.load(Relaxed) == 0)
            {
                continue;
            }
            let marked = value | SLEEPERS;
            if value != marked && self.word.compare_exchange(value, marked, Relaxed, Relaxed).is_err() {
                continue;
            }
            if let Err(error @ (Errno::ETIMEDOUT | Errno::EINVAL)) =
                futex::wait_until(&self.word, marked, self.scope(), clock, deadline)
            {
                break Err(error);
            }
        };
        if is_writer
            && self.writers.fetch_sub(1, AcqRel) == 1
            && self.kind == PREFER_WRITER
            && result.is_err()
        {
            // Readers that held back for this writer.
            futex::wake(&self.word, i32::MAX as u32, self.scope());
        }
        result
    }

    fn unlock(&self) {
        let scope = self.scope();
        let address = self.word.as_ptr().expose_provenance();
        let mut value = self.word.load(Relaxed);
        loop {
            let count = value & COUNT;
            if count == WRITER {
                self.owner.store(0, Relaxed);
            }
            let last = count == WRITER || count <= 1;
            let new = if last { 0 } else { value - 1 };
            match self.word.compare_exchange_weak(value, new, Release, Relaxed) {
                Ok(_) if last && value & SLEEPERS != 0 => {
                    return futex::wake_address(address, i32::MAX as u32, scope);
                }
                Ok(_) => return,
                Err(now) => value = now,
            }
        }
    }
}

posix! {
    fn pthread_rwlock_init(lock: *mut RwLock, attr: *const [c_int; 2]) -> c_int {
        lock.write_bytes(0, 1);
        if let Some(attr) = attr.as_ref() {
            (*lock).shared = attr[0] as u32;
            (*lock).kind = attr[1] as u32;
        }
        0
    }
    fn pthread_rwlock_destroy(_lock: *mut RwLock) -> c_int {
        0
    }
    fn pthread_rwlock_rdlock(lock: *mut RwLock) -> c_int {
        errno::code((*lock).lock(RwLock::try_read, false, 0, None))
    }
    fn pthread_rwlock_tryrdlock(lock: *mut RwLock) -> c_int {
        errno::code((*lock).try_read())
    }
    fn pthread_rwlock_timedrdlock(lock: *mut RwLock, deadline: *const Timespec) -> c_int {
        errno::code((*lock).lock(RwLock::try_read, false, 0, deadline.as_ref()))
    }
    fn pthread_rwlock_clockrdlock(lock: *mut RwLock, clock: c_int, deadline: *const Timespec) -> c_int {
        errno::code((*lock).lock(RwLock::try_read, false, clock, deadline.as_ref()))
    }
    fn pthread_rwlock_wrlock(lock: *mut RwLock) -> c_int {
        errno::code((*lock).lock(RwLock::try_write, true, 0, None))
    }
    fn pthread_rwlock_trywrlock(lock: *mut RwLock) -> c_int {
        errno::code((*lock).try_write())
    }
    fn pthread_rwlock_timedwrlock(lock: *mut RwLock, deadline: *const Timespec) -> c_int {
        errno::code((*lock).lock(RwLock::try_write, true, 0, deadline.as_ref()))
    }
    fn pthread_rwlock_clockwrlock(lock: *mut RwLock, clock: c_int, deadline: *const Timespec) -> c_int {
        errno::code((*lock).lock(RwLock::try_write, true, clock, deadline.as_ref()))
    }
    fn pthread_rwlock_unlock(lock: *mut RwLock) -> c_int {
        (*lock).unlock();
        0
    }
    fn __pthread_rwlock_rdlock(lock: *mut RwLock) -> c_int {
        pthread_rwlock_rdlock(lock)
    }
    fn __pthread_rwlock_tryrdlock(lock: *mut RwLock) -> c_int {
        pthread_rwlock_tryrdlock(lock)
    }
    fn __pthread_rwlock_wrlock(lock: *mut RwLock) -> c_int {
        pthread_rwlock_wrlock(lock)
    }
    fn __pthread_rwlock_trywrlock(lock: *mut RwLock) -> c_int {
        pthread_rwlock_trywrlock(lock)
    }
    fn __pthread_rwlock_unlock(lock: *mut RwLock) -> c_int {
        pthread_rwlock_unlock(lock)
    }
    fn pthread_rwlockattr_init(attr: *mut [c_int; 2]) -> c_int {
        attr.write([0; 2]);
        0
    }
    fn pthread_rwlockattr_destroy(_attr: *mut [c_int; 2]) -> c_int {
        0
    }
    fn pthread_rwlockattr_setpshared(attr: *mut [c_int; 2], shared: c_int) -> c_int {
        if !(0..=1).contains(&shared) {
            return Errno::EINVAL.get();
        }
        (*attr)[0] = shared;
        0
    }
    fn pthread_rwlockattr_getpshared(attr: *const [c_int; 2], shared: *mut c_int) -> c_int {
        shared.write((*attr)[0]);
        0
    }
    fn pthread_rwlockattr_setkind_np(attr: *mut [c_int; 2], kind: c_int) -> c_int {
        if !(0..=2).contains(&kind) {
            return Errno::EINVAL.get();
        }
        (*attr)[1] = kind;
        0
    }
    fn pthread_rwlockattr_getkind_np(attr: *const [c_int; 2], kind: *mut c_int) -> c_int {
        kind.write((*attr)[1]);
        0
    }
}
