//! Each thread's last error.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;
use osv_posix::tcb::{self, Tcb};

/// What hangs in a thread's block at `linker`.
#[derive(Default)]
struct Message {
    /// Not told yet.
    pending: Option<Vec<u8>>,
    /// Told last: the program may still read it.
    told: Vec<u8>,
}

fn of_thread() -> *mut Message {
    // SAFETY: the thread's own block.
    let slot = unsafe { &(*tcb::current()).linker };
    if slot.load(Relaxed) == 0 {
        slot.store(Box::into_raw(Box::<Message>::default()).expose_provenance(), Relaxed);
    }
    core::ptr::with_exposed_provenance_mut(slot.load(Relaxed))
}

/// Keeps `text` for `dlerror`.
pub fn set(text: String) {
    let mut bytes = text.into_bytes();
    bytes.push(0);
    // SAFETY: the thread's own.
    unsafe { (*of_thread()).pending = Some(bytes) };
}

/// A call begins: what was not asked for is forgotten.
pub fn clear() {
    // SAFETY: the thread's own.
    unsafe {
        if (*tcb::current()).linker.load(Relaxed) != 0 {
            (*of_thread()).pending = None;
        }
    }
}

/// The pending text, once; valid until the thread asks again.
pub fn take() -> *mut c_char {
    // SAFETY: the thread's own.
    unsafe {
        let message = &mut *of_thread();
        match message.pending.take() {
            Some(text) => {
                message.told = text;
                message.told.as_mut_ptr().cast()
            }
            None => null_mut(),
        }
    }
}

/// A thread is gone.
///
/// # Safety
/// Nothing looks at the block any more.
pub unsafe fn free(block: *mut Tcb) {
    // SAFETY: the slot holds what `of_thread` put there.
    unsafe {
        let slot = (*block).linker.swap(0, Relaxed);
        if slot != 0 {
            drop(Box::from_raw(core::ptr::with_exposed_provenance_mut::<Message>(slot)));
        }
    }
}
