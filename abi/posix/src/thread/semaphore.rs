//! semaphore.h: unnamed semaphores; named ones are musl's, on top of these.

use crate::errno;
use crate::futex::{self, Scope, Timespec};
use core::ffi::{c_int, c_uint};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU64};
use osv_abi::errno::Errno;

/// `sem_t`, as far as it is used. Value (low half, the futex word) and number of sleepers (high half) are one word, so
/// that a post knows whom to wake without looking at the semaphore again: by then it may be gone.
#[repr(C)]
#[derive(Debug)]
pub struct Semaphore {
    word: AtomicU64,
    private: u32,
}

const MOST: u32 = i32::MAX as u32;
const SLEEPER: u64 = 1 << 32;

impl Semaphore {
    fn scope(&self) -> Scope {
        Scope::shared(self.private == 0)
    }

    /// The half that sleepers watch.
    fn value(&self) -> &AtomicU32 {
        // SAFETY: the low half of a live, aligned 64-bit word; x86 keeps mixed-size atomics coherent.
        unsafe { AtomicU32::from_ptr(self.word.as_ptr().cast()) }
    }

    fn try_take(&self) -> bool {
        let mut word = self.word.load(Relaxed);
        while word as u32 > 0 {
            match self.word.compare_exchange_weak(word, word - 1, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    fn take(&self, clock: c_int, deadline: Option<&Timespec>) -> Result<(), Errno> {
        crate::cancel::test();
        for _ in 0..=futex::spins() {
            if self.try_take() {
                return Ok(());
            }
            core::hint::spin_loop();
        }
        self.word.fetch_add(SLEEPER, AcqRel);
        let result = loop {
            if self.try_take() {
                break Ok(());
            }
            let slept = crate::cancel::masked(|| {
                futex::wait_until_cancellable(self.value(), 0, self.scope(), clock, deadline)
            });
            match slept {
                Err(error) if error != Errno::EAGAIN => break Err(error),
                _ => {}
            }
        };
        self.word.fetch_sub(SLEEPER, AcqRel);
        if result == Err(Errno::ECANCELED) {
            crate::cancel::test();
            return Err(Errno::EINTR);
        }
        result
    }

    fn give(&self) -> Result<(), Errno> {
        let (scope, address) = (self.scope(), self.word.as_ptr().expose_provenance());
        let mut word = self.word.load(Relaxed);
        loop {
            if word as u32 >= MOST {
                return Err(Errno::EOVERFLOW);
            }
            match self.word.compare_exchange_weak(word, word + 1, Release, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word >= SLEEPER {
            futex::wake_address(address, 1, scope);
        }
        Ok(())
    }
}

fn done(result: Result<(), Errno>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => errno::fail(error) as c_int,
    }
}

posix! {
    fn sem_init(semaphore: *mut Semaphore, shared: c_int, value: c_uint) -> c_int {
        if value > MOST {
            return errno::fail(Errno::EINVAL) as c_int;
        }
        semaphore.write(Semaphore {
            word: AtomicU64::new(u64::from(value)),
            private: if shared != 0 { 0 } else { 128 },
        });
        0
    }
    fn sem_destroy(_semaphore: *mut Semaphore) -> c_int {
        0
    }
    fn sem_wait(semaphore: *mut Semaphore) -> c_int {
        done((*semaphore).take(0, None))
    }
    fn sem_trywait(semaphore: *mut Semaphore) -> c_int {
        done(if (*semaphore).try_take() { Ok(()) } else { Err(Errno::EAGAIN) })
    }
    fn sem_timedwait(semaphore: *mut Semaphore, deadline: *const Timespec) -> c_int {
        done((*semaphore).take(0, deadline.as_ref()))
    }
    fn sem_clockwait(semaphore: *mut Semaphore, clock: c_int, deadline: *const Timespec) -> c_int {
        done((*semaphore).take(clock, deadline.as_ref()))
    }
    fn sem_post(semaphore: *mut Semaphore) -> c_int {
        done((*semaphore).give())
    }
    fn sem_getvalue(semaphore: *mut Semaphore, value: *mut c_int) -> c_int {
        value.write((*semaphore).value().load(Relaxed) as c_int);
        0
    }
}
