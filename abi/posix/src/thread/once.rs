//! pthread_once: a word that is 0, running, running with sleepers, or done.

use crate::futex;
use core::ffi::c_int;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

const NEW: u32 = 0;
const RUNNING: u32 = 1;
const DONE: u32 = 2;
const WAITED_FOR: u32 = 3;

#[cold]
unsafe fn run(control: &AtomicU32, routine: unsafe extern "C" fn()) {
    loop {
        match control.compare_exchange(NEW, RUNNING, Acquire, Acquire) {
            Ok(_) => {
                // SAFETY: the caller's routine.
                unsafe { routine() };
                if control.swap(DONE, Release) == WAITED_FOR {
                    futex::wake(control, i32::MAX as u32, futex::PRIVATE);
                }
                return;
            }
            Err(DONE) => return,
            Err(RUNNING) => {
                let _ = control.compare_exchange(RUNNING, WAITED_FOR, Relaxed, Relaxed);
            }
            Err(_) => futex::wait(control, WAITED_FOR, futex::PRIVATE),
        }
    }
}

posix! {
    fn pthread_once(control: *mut AtomicU32, routine: unsafe extern "C" fn()) -> c_int {
        if (*control).load(Acquire) != DONE {
            run(&*control, routine);
        }
        0
    }
    fn __pthread_once(control: *mut AtomicU32, routine: unsafe extern "C" fn()) -> c_int {
        pthread_once(control, routine)
    }
    fn call_once(control: *mut AtomicU32, routine: unsafe extern "C" fn()) {
        pthread_once(control, routine);
    }
}
