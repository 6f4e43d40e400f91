//! Threads' mappings: made, and kept for the next thread once theirs has ended.

use super::create::Attr;
use crate::gate::{self, Sysno};
use crate::lock::Lock;
use crate::tcb::Tcb;
use core::ptr::{null_mut, with_exposed_provenance_mut};
use core::sync::atomic::Ordering::Acquire;
use osv_abi::errno::Errno;

pub(super) const PAGE: usize = 4096;
/// What is kept of ended threads' mappings, in bytes; glibc keeps as much.
const CACHE_LIMIT: usize = 40 << 20;

/// Mappings of ended threads, linked through their first word.
struct Cache {
    first: *mut Tcb,
    bytes: usize,
}

static CACHE_LOCK: Lock = Lock::new();
static mut CACHE: Cache = Cache { first: null_mut(), bytes: 0 };

/// Takes the cache's lock, so that a fork's child can make threads.
pub fn lock_cache() {
    CACHE_LOCK.lock();
}

/// Releases it on both sides.
///
/// # Safety
/// This thread, or the one it is the copy of, took it.
pub unsafe fn unlock_cache() {
    // SAFETY: the caller's promise.
    unsafe { CACHE_LOCK.unlock() };
}

/// A mapping from the cache whose thread has left it: (base, size), of this size and guard.
unsafe fn take_cached(size: usize, guard: usize) -> Option<*mut u8> {
    let _guard = CACHE_LOCK.guard();
    // SAFETY: under the lock; blocks in the cache belong to threads that ended or are about to.
    unsafe {
        let cache = &mut *(&raw mut CACHE);
        let mut at = &raw mut cache.first;
        while !(*at).is_null() {
            let block = *at;
            if (*block).map_size == size && (*block).guard_size == guard && (*block).exited.load(Acquire) == 0
            {
                *at = (*block).next;
                cache.bytes -= size;
                return Some((*block).map_base);
            }
            at = &raw mut (*block).next;
        }
    }
    None
}

/// Puts an ended thread's mapping into the cache, and unmaps others until its bound holds.
pub(super) unsafe fn recycle(block: *mut Tcb) {
    let _guard = CACHE_LOCK.guard();
    // SAFETY: under the lock; the block is in no other list.
    unsafe {
        let cache = &mut *(&raw mut CACHE);
        (*block).next = cache.first;
        cache.first = block;
        cache.bytes += (*block).map_size;
        let mut at = &raw mut (*block).next;
        while cache.bytes > CACHE_LIMIT && !(*at).is_null() {
            let old = *at;
            if (*old).exited.load(Acquire) == 0 {
                *at = (*old).next;
                cache.bytes -= (*old).map_size;
                gate::call(Sysno::munmap, [(*old).map_base.addr(), (*old).map_size]);
            } else {
                at = &raw mut (*old).next;
            }
        }
    }
}

/// A stack with room for the linker's area: mapping base and size, zeroed area, stack top, stack size.
pub(super) struct Place {
    pub(super) map: *mut u8,
    pub(super) map_size: usize,
    pub(super) area: *mut u8,
    pub(super) top: usize,
    pub(super) stack_size: usize,
    pub(super) guard: usize,
}

pub(super) unsafe fn place(attr: &Attr, tls: usize) -> Result<Place, Errno> {
    let guard = attr.guard_size.next_multiple_of(PAGE);
    if attr.stack_top != 0 {
        // The program's stack; the area gets a mapping of its own, which is never unmapped under the thread.
        // SAFETY: a new mapping.
        let area =
            unsafe { gate::try_call(Sysno::mmap, [0, tls.next_multiple_of(PAGE), 3, 0x22, usize::MAX, 0])? };
        let map = with_exposed_provenance_mut(area);
        let map_size = tls.next_multiple_of(PAGE);
        let top = attr.stack_top & !15;
        return Ok(Place { map, map_size, area: map, top, stack_size: attr.stack_size, guard: 0 });
    }
    let size =
        attr.stack_size.checked_add(tls).and_then(|size| size.checked_add(guard)).ok_or(Errno::EAGAIN)?;
    let size = size.checked_next_multiple_of(PAGE).ok_or(Errno::EAGAIN)?;
    // SAFETY: the cached mapping is nobody's; a new one is ours.
    unsafe {
        let map = match take_cached(size, guard) {
            Some(map) => {
                map.add(size - tls).write_bytes(0, tls);
                map
            }
            None => {
                // MAP_NORESERVE: stacks are seldom used as far as they reach, and may reach further than a small
                // machine has memory.
                const STACK: usize = 0x22 | 0x20000 | 0x4000;
                let at = gate::try_call(Sysno::mmap, [0, size, 0, STACK, usize::MAX, 0])?;
                if let Err(error) = gate::try_call(Sysno::mprotect, [at + guard, size - guard, 3]) {
                    gate::call(Sysno::munmap, [at, size]);
                    return Err(error);
                }
                with_exposed_provenance_mut(at)
            }
        };
        let area = map.add(size - tls);
        Ok(Place {
            map,
            map_size: size,
            area,
            top: area.expose_provenance() & !15,
            stack_size: size - tls - guard,
            guard,
        })
    }
}
