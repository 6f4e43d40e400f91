//! pthread.h over futexes: threads themselves here, what they wait on in the modules below.

pub mod attr;
pub mod barrier;
pub mod broadcast;
pub mod c11;
pub mod cleanup;
pub mod cond;
pub mod create;
pub mod keys;
pub mod list;
pub mod mutex;
pub mod once;
pub mod rwlock;
pub mod semaphore;
pub mod stacks;

pub use create::{end, init_main};

use crate::gate::{self, Sysno};
use crate::tcb::Tcb;
use core::ffi::c_int;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use osv_abi::errno::Errno;

/// Sends a signal to a thread, unless it has ended.
///
/// # Safety
/// The thread has not been joined, nor ended detached.
pub unsafe fn kill(thread: *mut Tcb, signal: c_int) -> c_int {
    // SAFETY: the block is alive, says the caller; the lock keeps the thread id from being reused meanwhile.
    unsafe {
        let mask = crate::signal::block_program();
        lock_identity(thread);
        let tid = (*thread).tid.load(Relaxed);
        let result = if tid == 0 {
            if (0..=64).contains(&signal) { 0 } else { -(Errno::EINVAL.get() as isize) }
        } else {
            let process = gate::call(Sysno::getpid, []) as usize;
            gate::call(Sysno::tgkill, [process, tid as usize, signal as usize])
        };
        unlock_identity(thread);
        crate::signal::restore_mask(mask);
        -result as c_int
    }
}

/// Keeps a thread from giving up its thread id.
unsafe fn lock_identity(thread: *mut Tcb) {
    // SAFETY: the block is alive, says the caller.
    let word = unsafe { &(*thread).kill_lock };
    while word.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
        crate::futex::wait(word, 1, crate::futex::PRIVATE);
    }
}

unsafe fn unlock_identity(thread: *mut Tcb) {
    // SAFETY: the block is alive, says the caller, who holds the lock.
    let word = unsafe { &(*thread).kill_lock };
    word.store(0, Release);
    crate::futex::wake(word, 1, crate::futex::PRIVATE);
}

#[cfg(test)]
mod tests;
