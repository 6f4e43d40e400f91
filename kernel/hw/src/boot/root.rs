//! Where the packer says that the root file system and the table of function names lie.

use super::PhysRange;
use osv_abi::boot::RootDescriptor;
use osv_abi::kernel_symbols::Descriptor;

/// Patched in the file by the packer, so every read is volatile.
#[unsafe(export_name = "OSV_ROOT_DESCRIPTOR")]
#[cfg_attr(osv_guest, unsafe(link_section = ".osv.root"))]
#[used]
static ROOT: RootDescriptor = RootDescriptor::EMPTY;

/// As [`ROOT`].
#[unsafe(export_name = "OSV_SYMBOLS_DESCRIPTOR")]
#[cfg_attr(osv_guest, unsafe(link_section = ".osv.symbols"))]
#[used]
static SYMBOLS: Descriptor = Descriptor::EMPTY;

fn range(start: u64, len: u64) -> PhysRange {
    PhysRange::new(start, start.saturating_add(len))
}

/// The root file system; empty in a kernel that was not packed.
pub(super) fn root() -> PhysRange {
    // SAFETY: a valid static; volatile because the file's bytes differ from the compiler's.
    let found = unsafe { (&raw const ROOT).read_volatile() };
    range(found.phys_addr, found.len)
}

/// The table of function names; empty in a kernel that was not packed.
pub(super) fn symbols() -> PhysRange {
    // SAFETY: as above.
    let found = unsafe { (&raw const SYMBOLS).read_volatile() };
    range(found.phys_addr, found.len)
}
