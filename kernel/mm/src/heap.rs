//! The kernel's heap: size classes in slabs of frames, and frames in a row for what is larger.
//!
//! A slab is a frame cut into objects of one class; the frame's record counts its free objects and names the first,
//! the others hang on that one. Before the
//! slabs stands a short list of free objects for each CPU and class ([`Magazine`]), threaded through the objects
//! themselves. A slab whose last object comes back is given up, unless it is the last of its class with room.
//!
//! Larger blocks are [`Run`]s: whole frames, reached through the direct map.
//!
//! The heap may take the frames of the reserve, so that small allocations don't fail in the middle of an operation
//! that was let in at the door. What an application sizes is allocated by `try_reserve` and its kin.

mod slab;
#[cfg(test)]
mod tests;

use crate::cpu::{self, MAX_CPUS};
use crate::frame::{Run, Use, direct};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr;
use osv_base::{PAGE_SIZE, Pages};
use osv_sync::SpinLock;
use osv_sync::spinlock::NoPreempt;
use slab::{CLASSES, Class, Link};

/// The kernel's global allocator.
///
/// ```text
/// #[global_allocator] static HEAP: osv_mm::heap::KernelHeap = osv_mm::heap::KernelHeap;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelHeap;

/// Largest object in a slab.
const SMALL_MAX: usize = 2048;

/// Free objects of a class that a CPU keeps.
struct Magazine {
    head: Link,
    len: u32,
}

struct CpuHeap([Magazine; CLASSES.len()]);

static CPUS: [SpinLock<CpuHeap>; MAX_CPUS] =
    [const { SpinLock::new(CpuHeap([const { Magazine { head: Link::NONE, len: 0 } }; CLASSES.len()])) };
        MAX_CPUS];

static SLABS: [SpinLock<Class>; CLASSES.len()] = {
    let mut slabs = [const { SpinLock::new(Class::new(16)) }; CLASSES.len()];
    let mut i = 0;
    while i < CLASSES.len() {
        slabs[i] = SpinLock::new(Class::new(CLASSES[i]));
        i += 1;
    }
    slabs
};

/// Class by size in steps of 16 bytes.
static CLASS_OF: [u8; SMALL_MAX / 16 + 1] = {
    let mut table = [0; SMALL_MAX / 16 + 1];
    let (mut i, mut class) = (0, 0);
    while i < table.len() {
        while (CLASSES[class] as usize) < i * 16 {
            class += 1;
        }
        table[i] = class as u8;
        i += 1;
    }
    table
};

/// The class that serves `layout`; `None` when it takes frames.
#[inline(always)]
fn class_of(layout: Layout) -> Option<usize> {
    let (size, align) = (layout.size(), layout.align());
    if size > SMALL_MAX {
        return None;
    }
    // Objects are aligned to 16; more only where the class's size is a power of two, which aligns to itself.
    let size = if align <= 16 { size } else { size.max(align).next_power_of_two() };
    if size > SMALL_MAX {
        return None;
    }
    Some(usize::from(CLASS_OF[size.div_ceil(16)]))
}

/// How many objects a CPU takes at once: about two frames' worth.
const fn batch(class: usize) -> u32 {
    let n = 4096 / CLASSES[class] as u32;
    if n < 4 {
        4
    } else if n > 32 {
        32
    } else {
        n
    }
}

// SAFETY: blocks are distinct (the slabs and the frame allocator hand out what is free, under locks), at least as
// large and as aligned as asked (`class_of`, `Run::alloc`), and stay until deallocated with the same layout.
unsafe impl GlobalAlloc for KernelHeap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else { return large(layout) };
        let _here = NoPreempt::enter();
        let mut heap = CPUS[cpu::index()].lock();
        let magazine = &mut heap.0[class];
        if magazine.len == 0 {
            let (head, len) = SLABS[class].lock().take(batch(class));
            (magazine.head, magazine.len) = (head, len);
            if len == 0 {
                return ptr::null_mut();
            }
        }
        magazine.len -= 1;
        // SAFETY: a magazine's objects are free and linked, `len` of them.
        unsafe { magazine.head.pop() }
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let Some(class) = class_of(layout) else {
            let pages = Pages::covering(layout.size());
            // SAFETY: `large` gave this block up as a run of these pages.
            drop(unsafe { Run::from_phys(direct::physical(at.addr()), pages) });
            return;
        };
        let _here = NoPreempt::enter();
        let mut heap = CPUS[cpu::index()].lock();
        let magazine = &mut heap.0[class];
        // SAFETY: the caller gives the object back; it is of this class because the layout is the same.
        unsafe { magazine.head.push(at) };
        magazine.len += 1;
        if magazine.len >= 2 * batch(class) {
            let mut slabs = SLABS[class].lock();
            for _ in 0..batch(class) {
                // SAFETY: as in `alloc`; `put` gets each object once.
                unsafe { slabs.put(magazine.head.pop()) };
            }
            magazine.len -= batch(class);
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else { return ptr::null_mut() };
        let stays = match (class_of(layout), class_of(new)) {
            (Some(old), Some(new)) => old == new,
            (None, None) => Pages::covering(layout.size()) == Pages::covering(new_size),
            _ => false,
        };
        if stays {
            return at;
        }
        // SAFETY: the layout is valid and not empty, as the caller promises for `new_size`.
        let to = unsafe { self.alloc(new) };
        if !to.is_null() {
            // SAFETY: both blocks hold that many bytes and differ; the old one is the caller's to free.
            unsafe {
                to.copy_from_nonoverlapping(at, layout.size().min(new_size));
                self.dealloc(at, layout);
            }
        }
        to
    }
}

#[cold]
fn large(layout: Layout) -> *mut u8 {
    match Run::alloc(Pages::covering(layout.size()), layout.align().max(PAGE_SIZE), Use::Kernel) {
        Ok(run) => direct::pointer(run.into_phys()),
        Err(_) => ptr::null_mut(),
    }
}

/// Puts the free objects that CPUs keep back into their slabs, so that empty slabs are given up.
pub fn give_back() {
    for cpu in &CPUS {
        for (class, slabs) in SLABS.iter().enumerate() {
            let _here = NoPreempt::enter();
            let mut heap = cpu.lock();
            let magazine = &mut heap.0[class];
            let mut slabs = slabs.lock();
            while magazine.len > 0 {
                magazine.len -= 1;
                // SAFETY: a magazine's objects are free and of its class; `put` gets each once.
                unsafe { slabs.put(magazine.head.pop()) };
            }
        }
    }
}

/// Frames that slabs hold now.
pub fn slab_frames() -> usize {
    SLABS.iter().map(|class| class.lock().frames()).sum()
}
