//! From the loader to the kernel proper: PVH entry, memory map, first page tables.

#[cfg(osv_guest)]
pub(crate) mod entry;
pub mod memory;
pub mod pvh;
mod root;
#[cfg(osv_guest)]
mod start;

use memory::{MemoryMap, PhysRange};
use osv_base::PhysAddr;

/// What the loader said, copied out of memory that is about to be reused.
#[derive(Debug)]
pub struct BootInfo {
    /// RAM that nobody uses yet, in rising order: what the frame allocator gets.
    pub free: MemoryMap,
    /// All RAM, in rising order.
    pub ram: MemoryMap,
    /// The command line.
    pub cmdline: &'static [u8],
    /// The root file system's image.
    pub root: Option<PhysRange>,
    /// The table of the kernel's function names ([`osv_abi::kernel_symbols`]).
    pub symbols: Option<PhysRange>,
    /// ACPI's root pointer, where the loader or the BIOS area has one.
    pub rsdp: Option<PhysAddr>,
}

/// Bounds of the kernel image, physical.
pub fn image() -> PhysRange {
    #[cfg(osv_guest)]
    return entry::image();
    #[cfg(not(osv_guest))]
    PhysRange::new(0, 0)
}
