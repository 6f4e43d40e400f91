//! Calling a function in every thread: credentials belong to threads for Linux, to the process for POSIX.
//!
//! One thread at a time gets signal 33 and answers; the thread list stays locked meanwhile, so that none comes or goes.

use super::list;
use crate::futex;
use crate::gate::{self, Sysno};
use crate::signal::{self, Action};
use crate::tcb;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32};

const SIGNAL: c_int = 33;

type Function = unsafe extern "C" fn(*mut c_void);

static FUNCTION: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static ARGUMENT: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
/// The thread id that is asked; 0 once it has answered.
static ASKED: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn on_signal(_signal: c_int, _info: *mut c_void, _context: *mut c_void) {
    let errno = crate::errno::get();
    if ASKED.load(Acquire) == signal::own_tid() as u32 {
        // SAFETY: the broadcaster stored a function and its argument before it asked.
        unsafe {
            let function: Function = core::mem::transmute(FUNCTION.load(Relaxed));
            function(ARGUMENT.load(Relaxed));
        }
        ASKED.store(0, Release);
        futex::wake(&ASKED, 1, futex::PRIVATE);
    }
    crate::errno::set_raw(errno);
}

posix! {
    fn __synccall(function: Function, argument: *mut c_void) {
        let this = tcb::current();
        let process = gate::call(Sysno::getpid, []) as usize;
        signal::install(SIGNAL, Action::with_info(on_signal, u64::MAX));
        list::for_each(|thread| {
            let tid = (*thread).tid.load(Relaxed);
            if thread == this || tid == 0 {
                return;
            }
            FUNCTION.store(function as *mut c_void, Relaxed);
            ARGUMENT.store(argument, Relaxed);
            ASKED.store(tid as u32, Release);
            if gate::call(Sysno::tgkill, [process, tid as usize, SIGNAL as usize]) < 0 {
                return;
            }
            while ASKED.load(Acquire) == tid as u32 {
                futex::wait(&ASKED, tid as u32, futex::PRIVATE);
            }
        });
        function(argument);
    }
}
