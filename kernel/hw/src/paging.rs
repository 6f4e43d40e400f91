//! Page tables: the kernel's half, built once at boot, and what memory management asks of the machine.

#[cfg(osv_guest)]
mod boot_tables;
mod encoding;
#[cfg(osv_guest)]
mod kernel_half;
#[cfg(osv_guest)]
mod mmu;

pub use encoding::X86;

use crate::layout::DIRECT_MAP;
use osv_base::PhysAddr;

#[cfg(osv_guest)]
pub(crate) use boot_tables::build;
#[cfg(osv_guest)]
pub use kernel_half::{Cache, map_device, map_mmio, root};
#[cfg(osv_guest)]
pub use mmu::MACHINE;
#[cfg(osv_guest)]
pub(crate) use mmu::flush_range;

/// The kernel's own tables.
#[cfg(not(osv_guest))]
pub fn root() -> PhysAddr {
    PhysAddr(0)
}

/// Distance from a physical address to the direct map.
pub const DIRECT_OFFSET: u64 = DIRECT_MAP;

/// Makes `root` the active address space's tables. Entering address space sets is the caller's business.
///
/// # Safety
/// `root` is a table whose upper half is the kernel's, and lives until another one is active on this CPU.
#[inline]
pub unsafe fn activate(root: PhysAddr) {
    #[cfg(osv_guest)]
    if crate::cpu::read_cr3() != root.0 {
        // SAFETY: as the caller says.
        unsafe { crate::cpu::write_cr3(root.0) }
    }
    #[cfg(not(osv_guest))]
    unreachable!("ring 0 only: {root:?}")
}

/// The entries of the table at `table`.
///
/// # Safety
/// `table` is a page table that the direct map shows.
#[cfg(osv_guest)]
unsafe fn entries(table: u64) -> &'static [core::sync::atomic::AtomicU64; 512] {
    let at = crate::layout::direct(PhysAddr(table));
    // SAFETY: as the caller says; entries are only accessed atomically.
    unsafe { &*core::ptr::with_exposed_provenance(at.0 as usize) }
}
