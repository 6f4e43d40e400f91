//! Names for the addresses of a backtrace: the table that the packer appended.

use osv_abi::kernel_symbols::Table;
use osv_hw::boot::memory::PhysRange;
use osv_hw::layout::direct;
use spin::Once;

static TABLE: Once<&'static [u8]> = Once::new();

/// Keeps the table at `range` for later.
///
/// # Safety
/// The range is RAM that nobody writes and that the direct map shows, for ever.
pub unsafe fn keep(range: PhysRange) {
    let at = direct(range.start()).0 as usize;
    // SAFETY: as the caller says.
    TABLE.call_once(|| unsafe {
        core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at), range.len() as usize)
    });
}

/// The function that `address` lies in, and how far from its start.
pub fn find(address: u64) -> Option<(&'static str, u64)> {
    Table(TABLE.get()?).find(address)
}
