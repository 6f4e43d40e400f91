//! A lock for libc's own short critical sections: a futex with the states free, held, held with waiters.
//!
//! It may be taken before there is a thread block and across fork; it is not recursive.

use crate::futex;
use core::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
const WAITED_FOR: u32 = 2;

/// The lock.
#[derive(Debug)]
pub struct Lock(AtomicU32);

/// Releases the lock when it goes.
#[derive(Debug)]
pub struct Guard<'a>(&'a Lock);

impl Lock {
    /// A free lock.
    pub const fn new() -> Lock {
        Lock(AtomicU32::new(FREE))
    }

    /// Takes the lock until the guard goes.
    #[inline]
    pub fn guard(&self) -> Guard<'_> {
        self.lock();
        Guard(self)
    }

    /// Takes the lock.
    #[inline]
    pub fn lock(&self) {
        if self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lock_contended();
        }
    }

    #[cold]
    fn lock_contended(&self) {
        for _ in 0..futex::spins() {
            if self.0.load(Ordering::Relaxed) == FREE
                && self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return;
            }
            core::hint::spin_loop();
        }
        while self.0.swap(WAITED_FOR, Ordering::Acquire) != FREE {
            futex::wait(&self.0, WAITED_FOR, futex::PRIVATE);
        }
    }

    /// Releases the lock.
    ///
    /// # Safety
    /// The caller took it, or is the child's copy of the thread that took it before a fork.
    #[inline]
    pub unsafe fn unlock(&self) {
        if self.0.swap(FREE, Ordering::Release) == WAITED_FOR {
            futex::wake(&self.0, 1, futex::PRIVATE);
        }
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard exists because the lock was taken.
        unsafe { self.0.unlock() };
    }
}
