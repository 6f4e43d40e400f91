//! The kernel's function names, for its backtraces: a table that the packer makes of the kernel's own ELF symbols and
//! appends as a segment, found through a descriptor as the root is (see [`crate::boot::RootDescriptor`]).
//!
//! ```text
//! u32 count, then count times { u32 address - base, u32 offset of the name }, sorted; then the names, each behind
//! its length (u8)
//! ```

use alloc::vec::Vec;

/// The ELF section of the kernel that holds its [`Descriptor`].
pub const SECTION: &str = ".osv.symbols";
/// First field of every [`Descriptor`].
pub const MAGIC: u64 = 0x534d_5953_5653_4f00;
/// Addresses in the table count from here: where the kernel image's physical address 0 would be.
pub const BASE: u64 = 0xffff_ffff_8000_0000;

/// Where the table lies in physical memory. The packer patches it in the file, so the kernel reads it volatile.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// [`MAGIC`].
    pub magic: u64,
    /// Physical address of the table.
    pub phys_addr: u64,
    /// Length in bytes; 0 without a table.
    pub len: u64,
}

impl Descriptor {
    /// What an unpacked kernel holds.
    pub const EMPTY: Self = Self { magic: MAGIC, phys_addr: 0, len: 0 };

    /// The bytes as they stand in the file (little-endian).
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (to, field) in bytes.chunks_exact_mut(8).zip([self.magic, self.phys_addr, self.len]) {
            to.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }
}

/// Makes a table of functions, given as (address, name) in any order. Those below [`BASE`] are left out, and names
/// are cut at 255 bytes.
pub fn build<'a>(functions: impl IntoIterator<Item = (u64, &'a str)>) -> Vec<u8> {
    let mut sorted: Vec<(u32, &str)> = functions
        .into_iter()
        .filter_map(|(address, name)| Some((u32::try_from(address.checked_sub(BASE)?).ok()?, name)))
        .collect();
    sorted.sort_unstable();
    sorted.dedup_by_key(|(address, _)| *address);
    let mut table = Vec::new();
    table.extend_from_slice(&(sorted.len() as u32).to_le_bytes());
    let mut name_at = 4 + sorted.len() * 8;
    let mut names = Vec::new();
    for (address, name) in sorted {
        let mut cut = name.len().min(255);
        while !name.is_char_boundary(cut) {
            cut -= 1;
        }
        table.extend_from_slice(&address.to_le_bytes());
        table.extend_from_slice(&(name_at as u32).to_le_bytes());
        names.push(cut as u8);
        names.extend_from_slice(&name.as_bytes()[..cut]);
        name_at += 1 + cut;
    }
    table.extend_from_slice(&names);
    table
}

/// A table in memory. What is wrong with its bytes only costs names.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a>(pub &'a [u8]);

impl<'a> Table<'a> {
    fn word(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    /// The function that `address` lies in, and how far from its start.
    pub fn find(&self, address: u64) -> Option<(&'a str, u64)> {
        let wanted = u32::try_from(address.checked_sub(BASE)?).ok()?;
        let (mut low, mut high) = (0, self.word(0)? as usize);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.word(4 + middle * 8)? <= wanted { low = middle + 1 } else { high = middle }
        }
        let entry = 4 + low.checked_sub(1)? * 8;
        let name_at = self.word(entry + 4)? as usize;
        let len = usize::from(*self.0.get(name_at)?);
        let name = core::str::from_utf8(self.0.get(name_at + 1..)?.get(..len)?).ok()?;
        Some((name, u64::from(wanted - self.word(entry)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_function_an_address_lies_in() {
        let bytes = build([(BASE + 0x200, "second"), (BASE + 0x100, "first"), (0x10_0000, "boot")]);
        let table = Table(&bytes);
        assert_eq!(table.find(BASE + 0x100), Some(("first", 0)));
        assert_eq!(table.find(BASE + 0x1ff), Some(("first", 0xff)));
        assert_eq!(table.find(BASE + 0x234), Some(("second", 0x34)));
        assert_eq!(table.find(BASE + 0xff), None);
        assert_eq!(table.find(5), None);
    }

    #[test]
    fn a_damaged_table_has_no_names() {
        let bytes = build([(BASE + 0x100, "first")]);
        for len in 0..bytes.len() {
            assert_eq!(Table(&bytes[..len]).find(BASE + 0x100), None);
        }
        assert_eq!(Table(&[0xff; 64]).find(BASE + 0x100), None);
    }
}
