//! Thread-specific data: 1,024 keys in blocks of 32, of which a thread has those that it uses.

use crate::lock::Lock;
use crate::malloc;
use crate::tcb::{self, TSD_BLOCKS, Tcb};
use core::ffi::{c_int, c_uint, c_void};
use core::ptr::null_mut;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use osv_abi::errno::Errno;

/// PTHREAD_KEYS_MAX.
const KEYS: usize = 1024;
const PER_BLOCK: usize = KEYS / TSD_BLOCKS;
/// PTHREAD_DESTRUCTOR_ITERATIONS.
const ROUNDS: usize = 4;
/// A key in use that has no destructor.
const NO_DESTRUCTOR: usize = 1;

pub(crate) static LOCK: Lock = Lock::new();
/// For each key its destructor; 0 while it is free.
static DESTRUCTORS: [AtomicUsize; KEYS] = [const { AtomicUsize::new(0) }; KEYS];

unsafe fn slot(this: *mut Tcb, key: c_uint, make: bool) -> *mut *mut c_void {
    let key = key as usize;
    if key >= KEYS {
        return null_mut();
    }
    // SAFETY: the block is the thread's own.
    unsafe {
        let block = &mut (*this).tsd_blocks[key / PER_BLOCK];
        if block.is_null() {
            if !make {
                return null_mut();
            }
            // Not the program's: an allocator that keeps its own values here would be entered again.
            *block = malloc::calloc(PER_BLOCK, size_of::<*mut c_void>()).cast();
            if block.is_null() {
                return null_mut();
            }
        }
        block.add(key % PER_BLOCK)
    }
}

/// Runs the destructors of an ending thread's values and frees their blocks.
///
/// # Safety
/// `this` is the calling thread's block.
pub unsafe fn run_destructors(this: *mut Tcb) {
    // SAFETY: the block is the thread's own; a destructor is a C function of one pointer.
    unsafe {
        for _ in 0..ROUNDS {
            let mut any = false;
            for (index, destructors) in DESTRUCTORS.chunks_exact(PER_BLOCK).enumerate() {
                // Most threads have few blocks or none.
                let block = (*this).tsd_blocks[index];
                if block.is_null() {
                    continue;
                }
                for (index, destructor) in destructors.iter().enumerate() {
                    let slot = block.add(index);
                    if (*slot).is_null() {
                        continue;
                    }
                    let value = slot.replace(null_mut());
                    let destructor = destructor.load(Acquire);
                    if destructor > NO_DESTRUCTOR {
                        any = true;
                        core::mem::transmute::<usize, unsafe extern "C" fn(*mut c_void)>(destructor)(value);
                    }
                }
            }
            if !any {
                break;
            }
        }
        for block in (*this).tsd_blocks.iter_mut().filter(|block| !block.is_null()) {
            malloc::free(core::mem::replace(block, null_mut()).cast());
        }
    }
}

posix! {
    fn pthread_key_create(key: *mut c_uint, destructor: usize) -> c_int {
        let _guard = LOCK.guard();
        for (index, entry) in DESTRUCTORS.iter().enumerate() {
            if entry.load(Relaxed) == 0 {
                entry.store(destructor.max(NO_DESTRUCTOR), Release);
                key.write(index as c_uint);
                return 0;
            }
        }
        Errno::EAGAIN.get()
    }
    fn pthread_key_delete(key: c_uint) -> c_int {
        let Some(entry) = DESTRUCTORS.get(key as usize) else { return Errno::EINVAL.get() };
        let _guard = LOCK.guard();
        if entry.load(Relaxed) == 0 {
            return Errno::EINVAL.get();
        }
        // The next key of this number begins with null everywhere.
        super::list::for_each(|thread| {
            let slot = slot(thread, key, false);
            if !slot.is_null() {
                slot.write(null_mut());
            }
        });
        entry.store(0, Release);
        0
    }
    fn pthread_getspecific(key: c_uint) -> *mut c_void {
        let slot = slot(tcb::current(), key, false);
        if slot.is_null() { null_mut() } else { *slot }
    }
    fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int {
        if key as usize >= KEYS || DESTRUCTORS[key as usize].load(Relaxed) == 0 {
            return Errno::EINVAL.get();
        }
        let slot = slot(tcb::current(), key, !value.is_null());
        if slot.is_null() {
            return if value.is_null() { 0 } else { Errno::ENOMEM.get() };
        }
        slot.write(value.cast_mut());
        0
    }
}
