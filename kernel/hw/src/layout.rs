//! The upper half of every address space.
//!
//! ```text
//! ffff8000_00000000  direct map of RAM, never executable
//! ffffc000_00000000  kernel dynamic area: stacks with guard pages, large tables
//! ffffc040_00000000  device registers, uncached
//! ffffffff_80000000  kernel image: physical address + this
//! ```
//!
//! The page-table page below each of the top-level entries exists from boot on, so that all address spaces share
//! the upper half by copying 256 entries once.

use osv_base::{PhysAddr, VirtAddr};

/// Where physical address 0 would be.
pub const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// Most RAM that the direct map can hold.
pub const DIRECT_MAP_LEN: u64 = 0x4000_0000_0000;
/// Start of the kernel's dynamic area.
pub const DYNAMIC: u64 = 0xffff_c000_0000_0000;
/// Bytes in the dynamic area.
pub const DYNAMIC_LEN: u64 = 0x40_0000_0000;
/// Start of the area for device registers.
pub const MMIO: u64 = 0xffff_c040_0000_0000;
/// Bytes in the area for device registers.
pub const MMIO_LEN: u64 = 0x40_0000_0000;
/// Where the kernel image's physical address 0 would be.
pub const IMAGE: u64 = 0xffff_ffff_8000_0000;
/// Bytes of every thread's kernel stack, without its guard page.
pub const KERNEL_STACK_SIZE: usize = 32 << 10;

/// The direct map's address of `phys`.
#[inline(always)]
pub const fn direct(phys: PhysAddr) -> VirtAddr {
    VirtAddr(DIRECT_MAP + phys.0)
}

/// The physical address that a pointer into the direct map or the kernel image means.
#[inline(always)]
pub const fn phys_of(virt: VirtAddr) -> PhysAddr {
    if virt.0 >= IMAGE { PhysAddr(virt.0 - IMAGE) } else { PhysAddr(virt.0 - DIRECT_MAP) }
}
