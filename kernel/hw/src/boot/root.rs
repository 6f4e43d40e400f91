//! Where the packer says that the root file system lies.

use osv_abi::boot::RootDescriptor;

/// Patched in the file by the packer, so every read is volatile.
#[unsafe(export_name = "OSV_ROOT_DESCRIPTOR")]
#[cfg_attr(osv_guest, unsafe(link_section = ".osv.root"))]
#[used]
static ROOT: RootDescriptor = RootDescriptor::EMPTY;

/// The descriptor as it stands in memory.
#[cfg_attr(not(osv_guest), expect(dead_code, reason = "read at boot"))]
pub(super) fn descriptor() -> RootDescriptor {
    // SAFETY: a valid static; volatile because the file's bytes differ from the compiler's.
    unsafe { (&raw const ROOT).read_volatile() }
}
