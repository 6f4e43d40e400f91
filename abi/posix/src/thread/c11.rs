//! threads.h, on the pthread functions.

use super::cond::{self, Cond};
use super::create;
use super::mutex::{self, Mutex};
use crate::futex::Timespec;
use crate::tcb::Tcb;
use core::ffi::{c_int, c_void};
use core::ptr::{null, null_mut};
use osv_abi::errno::Errno;

const SUCCESS: c_int = 0;
const BUSY: c_int = 1;
const ERROR: c_int = 2;
const NO_MEMORY: c_int = 3;
const TIMED_OUT: c_int = 4;

fn status(code: c_int) -> c_int {
    match Errno::new(code) {
        None => SUCCESS,
        Some(Errno::EBUSY) => BUSY,
        Some(Errno::ETIMEDOUT) => TIMED_OUT,
        Some(Errno::ENOMEM | Errno::EAGAIN) => NO_MEMORY,
        Some(_) => ERROR,
    }
}

posix! {
    // An int in the low half of the result register reads the same as a pointer whose high half nobody looks at.
    fn thrd_create(thread: *mut *mut Tcb, start: *mut c_void, argument: *mut c_void) -> c_int {
        status(create::pthread_create(thread, null(), start, argument))
    }
    fn thrd_exit(result: c_int) -> ! {
        create::end(core::ptr::without_provenance_mut(result as usize))
    }
    fn thrd_join(thread: *mut Tcb, result: *mut c_int) -> c_int {
        let mut value = null_mut();
        let code = create::pthread_join(thread, &raw mut value);
        if code == 0 && !result.is_null() {
            result.write(value.addr() as c_int);
        }
        status(code)
    }
    fn thrd_detach(thread: *mut Tcb) -> c_int {
        status(create::pthread_detach(thread))
    }
    fn thrd_current() -> *mut Tcb {
        create::pthread_self()
    }
    fn thrd_equal(left: *mut Tcb, right: *mut Tcb) -> c_int {
        c_int::from(left == right)
    }
    fn thrd_yield() {
        create::pthread_yield();
    }
    fn mtx_init(this: *mut Mutex, kind: c_int) -> c_int {
        let recursive = u32::from(kind & 1 != 0);
        status(mutex::pthread_mutex_init(this, &raw const recursive))
    }
    fn mtx_destroy(this: *mut Mutex) {
        mutex::pthread_mutex_destroy(this);
    }
    fn mtx_lock(this: *mut Mutex) -> c_int {
        status(mutex::pthread_mutex_lock(this))
    }
    fn mtx_trylock(this: *mut Mutex) -> c_int {
        status(mutex::pthread_mutex_trylock(this))
    }
    fn mtx_timedlock(this: *mut Mutex, deadline: *const Timespec) -> c_int {
        status(mutex::pthread_mutex_timedlock(this, deadline))
    }
    fn mtx_unlock(this: *mut Mutex) -> c_int {
        status(mutex::pthread_mutex_unlock(this))
    }
    fn cnd_init(this: *mut Cond) -> c_int {
        status(cond::pthread_cond_init(this, null()))
    }
    fn cnd_destroy(this: *mut Cond) {
        cond::pthread_cond_destroy(this);
    }
    fn cnd_wait(this: *mut Cond, mutex: *mut Mutex) -> c_int {
        status(cond::pthread_cond_wait(this, mutex))
    }
    fn cnd_timedwait(this: *mut Cond, mutex: *mut Mutex, deadline: *const Timespec) -> c_int {
        status(cond::pthread_cond_timedwait(this, mutex, deadline))
    }
    fn cnd_signal(this: *mut Cond) -> c_int {
        status(cond::pthread_cond_signal(this))
    }
    fn cnd_broadcast(this: *mut Cond) -> c_int {
        status(cond::pthread_cond_broadcast(this))
    }
    fn tss_create(key: *mut u32, destructor: usize) -> c_int {
        status(super::keys::pthread_key_create(key, destructor))
    }
    fn tss_delete(key: u32) {
        super::keys::pthread_key_delete(key);
    }
    fn tss_get(key: u32) -> *mut c_void {
        super::keys::pthread_getspecific(key)
    }
    fn tss_set(key: u32, value: *mut c_void) -> c_int {
        status(super::keys::pthread_setspecific(key, value))
    }
}
