//! Barriers and spin locks.

use crate::futex::{self, Scope};
use core::ffi::{c_int, c_uint};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use osv_abi::errno::Errno;

/// `pthread_barrier_t`: arrivals of this round, round number, threads still inside.
#[repr(C)]
#[derive(Debug)]
pub struct Barrier {
    limit: u32,
    arrived: AtomicU32,
    round: AtomicU32,
    inside: AtomicU32,
    shared: u32,
    unused: [u32; 3],
}

/// PTHREAD_BARRIER_SERIAL_THREAD.
const SERIAL: c_int = -1;

impl Barrier {
    fn wait(&self) -> c_int {
        let scope = Scope::shared(self.shared != 0);
        self.inside.fetch_add(1, AcqRel);
        let round = self.round.load(Acquire);
        let last = self.arrived.fetch_add(1, AcqRel) + 1 == self.limit;
        if last {
            self.arrived.store(0, Relaxed);
            self.round.store(round.wrapping_add(1), Release);
            futex::wake(&self.round, i32::MAX as u32, scope);
        } else {
            while self.round.load(Acquire) == round {
                futex::wait(&self.round, round, scope);
            }
        }
        let address = self.inside.as_ptr().expose_provenance();
        if self.inside.fetch_sub(1, AcqRel) == 1 {
            futex::wake_address(address, i32::MAX as u32, scope);
        }
        if last { SERIAL } else { 0 }
    }
}

posix! {
    fn pthread_barrier_init(barrier: *mut Barrier, attr: *const c_int, count: c_uint) -> c_int {
        if count == 0 || count > i32::MAX as u32 {
            return Errno::EINVAL.get();
        }
        barrier.write_bytes(0, 1);
        (*barrier).limit = count;
        (*barrier).shared = attr.as_ref().map_or(0, |&shared| shared as u32);
        0
    }
    fn pthread_barrier_destroy(barrier: *mut Barrier) -> c_int {
        let barrier = &*barrier;
        loop {
            let inside = barrier.inside.load(Acquire);
            if inside == 0 {
                return 0;
            }
            futex::wait(&barrier.inside, inside, Scope::shared(barrier.shared != 0));
        }
    }
    fn pthread_barrier_wait(barrier: *mut Barrier) -> c_int {
        (*barrier).wait()
    }
    fn pthread_barrierattr_init(attr: *mut c_int) -> c_int {
        attr.write(0);
        0
    }
    fn pthread_barrierattr_destroy(_attr: *mut c_int) -> c_int {
        0
    }
    fn pthread_barrierattr_setpshared(attr: *mut c_int, shared: c_int) -> c_int {
        if !(0..=1).contains(&shared) {
            return Errno::EINVAL.get();
        }
        attr.write(shared);
        0
    }
    fn pthread_barrierattr_getpshared(attr: *const c_int, shared: *mut c_int) -> c_int {
        shared.write(attr.read());
        0
    }
    fn pthread_spin_init(lock: *mut AtomicU32, _shared: c_int) -> c_int {
        (*lock).store(0, Relaxed);
        0
    }
    fn pthread_spin_destroy(_lock: *mut AtomicU32) -> c_int {
        0
    }
    fn pthread_spin_lock(lock: *mut AtomicU32) -> c_int {
        while (*lock).swap(1, Acquire) != 0 {
            while (*lock).load(Relaxed) != 0 {
                core::hint::spin_loop();
            }
        }
        0
    }
    fn pthread_spin_trylock(lock: *mut AtomicU32) -> c_int {
        if (*lock).swap(1, Acquire) == 0 { 0 } else { Errno::EBUSY.get() }
    }
    fn pthread_spin_unlock(lock: *mut AtomicU32) -> c_int {
        (*lock).store(0, Release);
        0
    }
}
