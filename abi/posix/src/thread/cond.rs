//! Condition variables: a sequence number on which waiters sleep, and a count of them, so that a signal that nobody
//! waits for costs no system call. Destroying one waits until the last woken waiter has let go of it.

use super::mutex::{self, Mutex};
use crate::cancel;
use crate::errno;
use crate::futex::{self, Scope, Timespec};
use core::ffi::c_int;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Release, SeqCst};
use osv_abi::errno::Errno;

/// `pthread_cond_t`; all-zero is PTHREAD_COND_INITIALIZER.
#[repr(C)]
#[derive(Debug)]
pub struct Cond {
    sequence: AtomicU32,
    waiters: AtomicU32,
    /// As in the attributes: the clock in the low bits, process-shared in the highest.
    flags: u32,
    destroyed: AtomicU32,
    unused: [u64; 4],
}

const CLOCK: u32 = 0x7fff_ffff;
const SHARED: u32 = 0x8000_0000;

impl Cond {
    fn scope(&self) -> Scope {
        Scope::shared(self.flags & SHARED != 0)
    }

    fn wait(&self, mutex: *mut Mutex, clock: c_int, deadline: Option<&Timespec>) -> Result<(), Errno> {
        if deadline.is_some_and(|deadline| !deadline.is_valid()) {
            return Err(Errno::EINVAL);
        }
        cancel::test();
        self.waiters.fetch_add(1, SeqCst);
        let sequence = self.sequence.load(SeqCst);
        if let Err(error) = mutex::unlock(mutex) {
            self.leave();
            return Err(error);
        }
        let slept = cancel::masked(|| {
            futex::wait_until_cancellable(&self.sequence, sequence, self.scope(), clock, deadline)
        });
        // A wake that came first wins over a cancellation or a deadline.
        let woken = self.sequence.load(SeqCst) != sequence;
        self.leave();
        mutex::relock(mutex)?;
        match slept {
            Err(Errno::ECANCELED) if !woken => {
                cancel::test();
                Ok(())
            }
            Err(error @ (Errno::ETIMEDOUT | Errno::EINVAL)) if !woken => Err(error),
            _ => Ok(()),
        }
    }

    fn leave(&self) {
        let scope = self.scope();
        let address = self.waiters.as_ptr().expose_provenance();
        // Read before the count falls: afterwards the memory may be gone unless a destroyer waits.
        let destroyed = self.destroyed.load(Acquire) != 0;
        if self.waiters.fetch_sub(1, Release) == 1 && destroyed {
            futex::wake_address(address, 1, scope);
        }
    }

    fn wake(&self, count: u32) {
        if self.waiters.load(SeqCst) == 0 {
            return;
        }
        self.sequence.fetch_add(1, SeqCst);
        futex::wake(&self.sequence, count, self.scope());
    }

    fn destroy(&self) {
        const MILLISECOND: Timespec = Timespec { seconds: 0, nanoseconds: 1_000_000 };
        self.destroyed.store(1, SeqCst);
        loop {
            let waiters = self.waiters.load(Acquire);
            if waiters == 0 {
                return;
            }
            // Short sleeps: a waiter that read `destroyed` before it was set does not wake us.
            futex::wait_for(&self.waiters, waiters, self.scope(), &MILLISECOND);
        }
    }
}

posix! {
    fn pthread_cond_init(cond: *mut Cond, attr: *const u32) -> c_int {
        cond.write_bytes(0, 1);
        (*cond).flags = attr.as_ref().map_or(0, |attr| *attr);
        0
    }
    fn pthread_cond_destroy(cond: *mut Cond) -> c_int {
        (*cond).destroy();
        0
    }
    fn pthread_cond_wait(cond: *mut Cond, mutex: *mut Mutex) -> c_int {
        errno::code((*cond).wait(mutex, 0, None))
    }
    fn pthread_cond_timedwait(cond: *mut Cond, mutex: *mut Mutex, deadline: *const Timespec) -> c_int {
        let clock = ((*cond).flags & CLOCK) as c_int;
        errno::code((*cond).wait(mutex, clock, deadline.as_ref()))
    }
    fn pthread_cond_clockwait(cond: *mut Cond, mutex: *mut Mutex, clock: c_int, deadline: *const Timespec) -> c_int {
        errno::code((*cond).wait(mutex, clock, deadline.as_ref()))
    }
    fn pthread_cond_signal(cond: *mut Cond) -> c_int {
        (*cond).wake(1);
        0
    }
    fn pthread_cond_broadcast(cond: *mut Cond) -> c_int {
        (*cond).wake(i32::MAX as u32);
        0
    }
    fn pthread_condattr_init(attr: *mut u32) -> c_int {
        attr.write(0);
        0
    }
    fn pthread_condattr_destroy(_attr: *mut u32) -> c_int {
        0
    }
    fn pthread_condattr_setclock(attr: *mut u32, clock: c_int) -> c_int {
        let Ok(clock @ (0 | 1)) = u32::try_from(clock) else { return Errno::EINVAL.get() };
        attr.write(attr.read() & SHARED | clock);
        0
    }
    fn pthread_condattr_getclock(attr: *const u32, clock: *mut c_int) -> c_int {
        clock.write((attr.read() & CLOCK) as c_int);
        0
    }
    fn pthread_condattr_setpshared(attr: *mut u32, shared: c_int) -> c_int {
        let Ok(shared @ (0 | 1)) = u32::try_from(shared) else { return Errno::EINVAL.get() };
        attr.write(attr.read() & CLOCK | (shared * SHARED));
        0
    }
    fn pthread_condattr_getpshared(attr: *const u32, shared: *mut c_int) -> c_int {
        shared.write(c_int::from(attr.read() & SHARED != 0));
        0
    }
}
