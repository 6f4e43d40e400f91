//! Phase *layout*: how an object's segments become mappings.

use crate::elf::{self, PAGE, PT_LOAD, align_down, align_up};
use crate::error::Error;
use crate::image::Image;
use alloc::vec::Vec;

/// One loadable segment as mappings. Addresses are before the load bias and page-aligned unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub vaddr: u64,
    /// Length of the part that is mapped from the file.
    pub file_len: u64,
    /// Where in the file.
    pub file_offset: u64,
    /// What follows the file's part up to here is anonymous zeroes.
    pub end: u64,
    /// Bytes to clear in the last page of the file's part, exact addresses: from, to.
    pub clear: (u64, u64),
    /// PF_* bits.
    pub flags: u32,
}

/// An object's address range and mappings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Lowest address, page-aligned.
    pub start: u64,
    /// Length of the range.
    pub len: u64,
    /// Alignment that the load bias must have.
    pub align: u64,
    /// Whether the load bias must be 0.
    pub fixed: bool,
    /// Ascending and disjoint.
    pub mappings: Vec<Mapping>,
}

/// Nothing real is larger, and sums of what is smaller do not overflow.
const MOST: u64 = 1 << 46;

impl Layout {
    /// Lays out an image.
    pub fn of(image: &Image<'_>) -> Result<Self, Error> {
        let mut mappings: Vec<Mapping> = Vec::new();
        let mut align = PAGE;
        for phdr in image.phdrs.iter().filter(|phdr| phdr.kind == PT_LOAD && phdr.memsz > 0) {
            if phdr.filesz > phdr.memsz || phdr.memsz > MOST || phdr.vaddr > MOST || phdr.offset > MOST {
                return Err(Error::Malformed("segment size"));
            }
            if phdr.align > 1 && !phdr.align.is_power_of_two() {
                return Err(Error::Malformed("segment alignment"));
            }
            if (phdr.vaddr ^ phdr.offset) & (PAGE - 1) != 0 && phdr.filesz > 0 {
                return Err(Error::Malformed("segment offset"));
            }
            align = align.max(phdr.align.min(1 << 30));
            let vaddr = align_down(phdr.vaddr, PAGE);
            let file_end = phdr.vaddr + phdr.filesz;
            let end = align_up(phdr.vaddr + phdr.memsz, PAGE).ok_or(Error::Malformed("segment size"))?;
            let mapped_end = align_up(file_end, PAGE).ok_or(Error::Malformed("segment size"))?;
            let has_file = phdr.filesz > 0;
            if mappings.last().is_some_and(|before| before.end > vaddr) {
                return Err(Error::Malformed("segment order"));
            }
            mappings.push(Mapping {
                vaddr,
                file_len: if has_file { mapped_end - vaddr } else { 0 },
                file_offset: align_down(phdr.offset, PAGE),
                end,
                clear: if has_file && phdr.memsz > phdr.filesz { (file_end, mapped_end) } else { (0, 0) },
                flags: phdr.flags,
            });
        }
        let (Some(first), Some(last)) = (mappings.first(), mappings.last()) else {
            return Err(Error::Malformed("program headers: nothing to load"));
        };
        let (start, len) = (first.vaddr, last.end - first.vaddr);
        Ok(Layout { start, len, align, fixed: image.kind == elf::ET_EXEC, mappings })
    }
}
