//! Memory: frames, kernel heap, address spaces, demand paging.
//!
//! From below to above:
//!
//! * [`frame`]: physical memory. [`frame::Frame`] is a counted handle to 4 KiB; whoever keeps data in pages (page
//!   cache, tmpfs, page tables, anonymous memory) keeps `Frame`s. Contents are reached through the direct map.
//! * [`heap`]: the kernel's `GlobalAlloc`, slabs over frames.
//! * [`mmu`]: what `hw` implements: page tables, shootdown, the kernel's dynamic area.
//! * [`pager`]: what file systems implement: pages of an object by index.
//! * [`space`]: an [`space::AddressSpace`] per process: areas, demand paging, copy on write.
//! * [`pressure`]: watermarks, door checks, shrinkers, the last resort.
//! * [`fallible`]: allocations of sizes that an application chose; [`meminfo`]: the numbers of /proc/meminfo.
//!
//! Bring-up, in this order: direct map up, [`frame::init`], the heap works, [`mmu::register`], per CPU nothing.
//! Nothing here may be called from an interrupt handler: its locks hold off preemption, not interrupts.
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod cpu;
pub mod fallible;
pub mod frame;
pub mod heap;
pub mod meminfo;
pub mod mmu;
pub mod pager;
pub mod pressure;
pub mod space;

use osv_base::{Errno, Fail};

/// There is no memory for this: ENOMEM at a system call's door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

impl From<OutOfMemory> for Errno {
    fn from(_: OutOfMemory) -> Errno {
        Errno::ENOMEM
    }
}

impl From<OutOfMemory> for Fail {
    fn from(_: OutOfMemory) -> Fail {
        Fail::Errno(Errno::ENOMEM)
    }
}

impl From<alloc::collections::TryReserveError> for OutOfMemory {
    fn from(_: alloc::collections::TryReserveError) -> OutOfMemory {
        OutOfMemory
    }
}
