//! Memory that the device can read and write at any time: the only module of this crate with `unsafe`.
//!
//! Two shapes. A [`Region`] holds rings: its fields are read and written as atomics only, so a device that
//! changes them under us yields odd values, never undefined behaviour. A [`Slot`] is one buffer of a [`Pool`]:
//! whoever holds the `Slot` has the bytes as a slice, and a driver puts the `Slot` away while the device has
//! the buffer. A hypervisor that writes to a buffer which it has already given back breaks that; it could do
//! so to any page of the guest.

mod pool;
#[cfg(test)]
mod tests;

pub use pool::{Pool, Slot};

use crate::platform::Platform;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use osv_base::{PAGE_SIZE, Pages, PhysAddr};

/// Contiguous memory that devices may reach, owned by whoever holds this.
#[derive(Debug)]
pub struct DmaBlock {
    phys: PhysAddr,
    virt: NonNull<u8>,
    len: usize,
}

// SAFETY: it is the sole owner of plain memory, which no thread is bound to.
unsafe impl Send for DmaBlock {}

impl DmaBlock {
    /// # Safety
    /// `virt` must be valid for reads and writes of `len` bytes, page-aligned, initialised, and used by nobody
    /// else until the block is given to [`Platform::dma_free`]; `phys` must be where devices find it.
    pub const unsafe fn new(phys: PhysAddr, virt: NonNull<u8>, len: usize) -> DmaBlock {
        DmaBlock { phys, virt, len }
    }

    /// Where devices find it.
    pub const fn phys(&self) -> PhysAddr {
        self.phys
    }

    /// Where the kernel finds it.
    pub const fn virt(&self) -> NonNull<u8> {
        self.virt
    }

    /// Length in bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Memory shared with the device, accessed field by field. Out-of-range accesses read 0 and write nothing.
pub struct Region {
    platform: &'static dyn Platform,
    /// `None` only while it is being dropped.
    block: Option<DmaBlock>,
    phys: PhysAddr,
    virt: NonNull<u8>,
    len: usize,
}

// SAFETY: all accesses through a shared reference are atomic, or (slices) go through a `Slot`, which is unique.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({:#x}+{:#x})", self.phys, self.len)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.platform.dma_free(block);
        }
    }
}

macro_rules! fields {
    ($($load:ident $store:ident $int:ident $atomic:ident;)*) => {$(
        #[doc = concat!("Reads the `", stringify!($int), "` at `offset`.")]
        pub fn $load(&self, offset: usize, order: Ordering) -> $int {
            match self.field::<$int>(offset) {
                // SAFETY: `field` checked range and alignment; every access to ring memory is atomic.
                Some(at) => unsafe { $atomic::from_ptr(at) }.load(order),
                None => 0,
            }
        }
        #[doc = concat!("Writes the `", stringify!($int), "` at `offset`.")]
        pub fn $store(&self, offset: usize, value: $int, order: Ordering) {
            if let Some(at) = self.field::<$int>(offset) {
                // SAFETY: as above.
                unsafe { $atomic::from_ptr(at) }.store(value, order);
            }
        }
    )*};
}

impl Region {
    /// At least `len` zeroed bytes.
    pub fn new(platform: &'static dyn Platform, len: usize) -> Option<Region> {
        let block = platform.dma_alloc(Pages::covering(len.max(1)))?;
        let (phys, virt) = (block.phys, block.virt);
        let fits = block.len >= len
            && phys.is_aligned(PAGE_SIZE as u64)
            && (virt.as_ptr() as usize).is_multiple_of(PAGE_SIZE);
        if !fits {
            platform.dma_free(block);
            return None;
        }
        let len = block.len;
        Some(Region { platform, block: Some(block), phys, virt, len })
    }

    /// See [`Platform::fence`].
    pub fn fence(&self) {
        self.platform.fence();
    }

    /// Where the device finds the byte at `offset`.
    pub fn phys(&self, offset: usize) -> PhysAddr {
        self.phys.offset(offset as u64)
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn field<T>(&self, offset: usize) -> Option<*mut T> {
        let end = offset.checked_add(size_of::<T>())?;
        if end > self.len || !offset.is_multiple_of(align_of::<T>()) {
            return None;
        }
        // SAFETY: within the block, as just checked.
        Some(unsafe { self.virt.as_ptr().add(offset) }.cast())
    }

    fields! {
        load16 store16 u16 AtomicU16;
        load32 store32 u32 AtomicU32;
        load64 store64 u64 AtomicU64;
    }

    /// The bytes from `offset` on as a raw slice, for [`Slot`].
    fn bytes(&self, offset: usize, len: usize) -> NonNull<[u8]> {
        debug_assert!(offset.checked_add(len).is_some_and(|end| end <= self.len));
        // SAFETY: pools are laid out within their regions (asserted above in debug builds).
        NonNull::slice_from_raw_parts(unsafe { self.virt.add(offset) }, len)
    }
}
