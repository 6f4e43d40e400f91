//! An ELF image as bytes by virtual address, whether it lies in a file or was mapped by the kernel.

use crate::elf::{self, PT_LOAD, Phdr, u16_at, u32_at, u64_at};
use crate::error::Error;
use alloc::vec::Vec;

/// The file-backed bytes of one loadable segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Where they lie, before the load bias.
    pub vaddr: u64,
    /// They.
    pub bytes: &'a [u8],
}

/// Headers and bytes of one object.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// `e_type`.
    pub kind: u16,
    /// `e_entry`.
    pub entry: u64,
    /// File offset of the program headers (0 when unknown).
    pub phoff: u64,
    /// The program headers.
    pub phdrs: Vec<Phdr>,
    /// Loaded bytes, ascending.
    pub segments: Vec<Segment<'a>>,
}

/// More program headers than this no linker makes.
const MOST_PHDRS: u16 = 512;

impl<'a> Image<'a> {
    /// Reads the headers of a whole file.
    pub fn of_file(file: &'a [u8]) -> Result<Self, Error> {
        if file.get(..4) != Some(b"\x7fELF") {
            return Err(Error::NotElf);
        }
        let header = || Error::Truncated("ELF header");
        if file.len() < 64 {
            return Err(header());
        }
        if file[4] != 2 || file[5] != 1 || u16_at(file, 18) != Some(elf::EM_X86_64) {
            return Err(Error::WrongMachine);
        }
        let kind = u16_at(file, 16).ok_or_else(header)?;
        if kind != elf::ET_EXEC && kind != elf::ET_DYN {
            return Err(Error::WrongKind);
        }
        if u32_at(file, 20) != Some(1) || file[6] != 1 {
            return Err(Error::Malformed("ELF version"));
        }
        let (count, size) = (u16_at(file, 56).ok_or_else(header)?, u16_at(file, 54).ok_or_else(header)?);
        if usize::from(size) != Phdr::SIZE || count > MOST_PHDRS {
            return Err(Error::Malformed("program header size or count"));
        }
        let phoff = u64_at(file, 32).ok_or_else(header)?;
        let mut phdrs = Vec::with_capacity(usize::from(count));
        let mut segments = Vec::new();
        for index in 0..usize::from(count) {
            let at = usize::try_from(phoff)
                .ok()
                .and_then(|at| at.checked_add(index * Phdr::SIZE))
                .filter(|at| *at <= file.len())
                .ok_or(Error::Truncated("program headers"))?;
            let phdr = Phdr::read(file, at).ok_or(Error::Truncated("program headers"))?;
            if phdr.kind == PT_LOAD {
                let bytes = usize::try_from(phdr.offset)
                    .ok()
                    .zip(usize::try_from(phdr.filesz).ok())
                    .and_then(|(from, len)| file.get(from..from.checked_add(len)?))
                    .ok_or(Error::Truncated("segment"))?;
                segments.push(Segment { vaddr: phdr.vaddr, bytes });
            }
            phdrs.push(phdr);
        }
        let entry = u64_at(file, 24).ok_or_else(header)?;
        Ok(Image { kind, entry, phoff, phdrs, segments })
    }

    /// From the address `vaddr` to the end of the segment that holds it.
    pub fn tail(&self, vaddr: u64) -> Option<&'a [u8]> {
        self.segments.iter().find_map(|segment| {
            let at = usize::try_from(vaddr.checked_sub(segment.vaddr)?).ok()?;
            segment.bytes.get(at..).filter(|tail| !tail.is_empty())
        })
    }

    /// The `len` bytes at `vaddr`.
    pub fn at(&self, vaddr: u64, len: u64) -> Option<&'a [u8]> {
        if len == 0 {
            return Some(&[]);
        }
        self.tail(vaddr)?.get(..usize::try_from(len).ok()?)
    }

    /// The first program header of this kind.
    pub fn find(&self, kind: u32) -> Option<&Phdr> {
        self.phdrs.iter().find(|phdr| phdr.kind == kind)
    }

    /// The interpreter's name, without its zero byte.
    pub fn interpreter(&self) -> Option<&'a [u8]> {
        let phdr = self.find(elf::PT_INTERP)?;
        elf::str_at(self.at(phdr.vaddr, phdr.filesz)?, 0)
    }
}
