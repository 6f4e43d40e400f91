//! What the linker half does for the libc half: one struct of functions that ld-osv registers at start-up, before
//! [`start::init`](crate::start::init). Malloc interposition has slots of its own: [`malloc::slots`](crate::malloc::slots).

use crate::tcb::Tcb;
use core::ffi::c_int;
use core::ptr::null;

/// ld-osv's side. Every field is called with the promises of its own comment.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Hooks {
    /// How many bytes a thread needs for vector, surplus, static TLS and [`Tcb`], alignment included.
    pub tls_size: unsafe fn() -> usize,
    /// Lays out that much zeroed memory, copies the TLS images and returns the block with `this`, `dtv` and `canary`
    /// filled in. The caller holds the thread-list lock, so that a dlopen sees either no such thread or a whole one.
    pub tls_init: unsafe fn(area: *mut u8, size: usize) -> *mut Tcb,
    /// A thread is gone: releases what `__tls_get_addr` and dlopen gave it outside that area.
    pub tls_free: unsafe fn(block: *mut Tcb),
    /// Runs the loaded objects' finalisers, once, at exit.
    pub finish: unsafe fn(),
    /// Called around fork with 0 before, 1 after in the parent, 2 after in the child; takes the linker's own locks.
    pub fork: unsafe fn(phase: c_int),
    /// The object that holds this address must not be unloaded: a thread will run a destructor of it at its end.
    pub hold: unsafe fn(address: usize),
}

/// The registered hooks.
static mut HOOKS: *const Hooks = null();

/// Registers ld-osv's side.
///
/// # Safety
/// Called by start-up, before there is a second thread; the fields keep their comments' promises.
pub unsafe fn register(hooks: &'static Hooks) {
    // SAFETY: single thread, says the caller.
    unsafe { *(&raw mut HOOKS) = hooks };
}

/// The registered hooks; `None` in host tests and before start-up got that far.
#[inline]
pub fn get() -> Option<&'static Hooks> {
    // SAFETY: written once, before there are threads.
    unsafe { (*(&raw const HOOKS)).as_ref() }
}
