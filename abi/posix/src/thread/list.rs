//! The ring of live threads and its lock.
//!
//! Whoever takes the lock has the program's signals blocked, so that a handler cannot ask for it again. The linker
//! takes it to give a block to each live thread on dlopen.

use crate::lock::Lock;
use crate::tcb::Tcb;

static LOCK: Lock = Lock::new();

/// Takes the thread-list lock.
pub fn lock() {
    LOCK.lock();
}

/// Releases it.
///
/// # Safety
/// The caller holds it.
pub unsafe fn unlock() {
    // SAFETY: the caller's promise.
    unsafe { LOCK.unlock() };
}

/// Puts a new thread's block behind `this`.
///
/// # Safety
/// Under the lock.
pub unsafe fn insert(this: *mut Tcb, new: *mut Tcb) {
    // SAFETY: under the lock; `this` is in the ring.
    unsafe {
        (*new).next = (*this).next;
        (*new).prev = this;
        (*(*new).next).prev = new;
        (*this).next = new;
    }
}

/// Takes a thread's block out.
///
/// # Safety
/// Under the lock.
pub unsafe fn remove(gone: *mut Tcb) {
    // SAFETY: under the lock; the block is in the ring.
    unsafe {
        (*(*gone).next).prev = (*gone).prev;
        (*(*gone).prev).next = (*gone).next;
        (*gone).next = gone;
        (*gone).prev = gone;
    }
}

/// Calls `body` for each live thread, the caller's first.
pub fn for_each(mut body: impl FnMut(*mut Tcb)) {
    let mask = crate::signal::block_program();
    lock();
    let first = crate::tcb::current();
    let mut block = first;
    loop {
        body(block);
        // SAFETY: under the lock the ring is whole.
        block = unsafe { (*block).next };
        if block == first || block.is_null() {
            break;
        }
    }
    // SAFETY: taken above.
    unsafe { unlock() };
    crate::signal::restore_mask(mask);
}

/// In the child of a fork: no thread but this one is left.
///
/// # Safety
/// The child's only thread.
pub unsafe fn only_this() {
    // SAFETY: nobody else is there.
    unsafe {
        let this = crate::tcb::current();
        (*this).next = this;
        (*this).prev = this;
    }
}
