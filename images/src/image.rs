//! The packed image: a kernel ELF with the root file system as one more loadable segment.
//!
//! ```text
//! [ kernel.elf as it was, header and descriptor patched ] [ program headers, one more ] [ root file system ]
//! ```
//!
//! A kernel that has a place for it also gets a table of its function names, right behind its own memory.
//!
//! Nothing of the kernel moves, so its symbols, notes and entry stay right. The new segment is readable only and
//! loaded at the first 2 MiB boundary behind the kernel; the kernel learns where that is from its
//! [`RootDescriptor`], which is patched in place. Every loader that honours program headers (QEMU's `-kernel` on q35,
//! pc and microvm, Firecracker, Cloud Hypervisor) can boot the result.

mod symbols;
#[cfg(test)]
pub(crate) mod tests;

use crate::error::{Error, Result};
use object::elf::{FileHeader64, PF_R, PT_LOAD, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{LittleEndian, U16, U32, U64, pod};
use osv_abi::boot::{ROOT_ALIGN, ROOT_SECTION, RootDescriptor};
use osv_abi::kernel_symbols::Descriptor;
use std::path::Path;

const LE: LittleEndian = LittleEndian;
const PAGE: u64 = 4096;
/// Largest root that is kept in memory.
pub const MAX_ROOT: u64 = 64 << 20;

type Header = FileHeader64<LittleEndian>;
type Segment = ProgramHeader64<LittleEndian>;

/// A kernel, packed or not.
pub struct Image<'a> {
    data: &'a [u8],
    path: &'a Path,
    header: &'a Header,
    segments: &'a [Segment],
    descriptor_at: usize,
    descriptor: RootDescriptor,
}

impl<'a> Image<'a> {
    /// Reads a kernel.
    pub fn parse(path: &'a Path, data: &'a [u8]) -> Result<Self> {
        let bad = |what: &str| Error::BadKernel { path: path.into(), what: what.into(), help: HELP };
        let malformed = |_| bad("is not a kernel or image of osv-rs (no 64-bit ELF file)");
        let header = Header::parse(data).map_err(malformed)?;
        let segments = header.program_headers(LE, data).map_err(malformed)?;
        let sections = header.sections(LE, data).map_err(malformed)?;
        let section = sections.section_by_name(LE, ROOT_SECTION.as_bytes());
        let (_, section) =
            section.ok_or_else(|| bad("is not a kernel or image of osv-rs (no root descriptor)"))?;
        let found = section.file_range(LE).and_then(|(at, _)| {
            let at = usize::try_from(at).ok()?;
            Some((at, RootDescriptor::from_bytes(*data.get(at..)?.first_chunk()?)?))
        });
        let (descriptor_at, descriptor) = found.ok_or_else(|| bad("has a damaged root descriptor"))?;
        Ok(Self { data, path, header, segments, descriptor_at, descriptor })
    }

    /// Whether it has a root, and therefore can run.
    pub fn is_packed(&self) -> bool {
        self.descriptor.len != 0
    }

    /// The root file system.
    pub fn root(&self) -> Result<&'a [u8]> {
        let bad = |what: &str| Error::BadKernel { path: self.path.into(), what: what.into(), help: HELP };
        if !self.is_packed() {
            return Err(bad("is a kernel without a root file system"));
        }
        let mut segments = self.segments.iter();
        let segment = segments.find(|segment| segment.p_paddr(LE) == self.descriptor.phys_addr);
        let root = segment.and_then(|segment| segment.data(LE, self.data).ok());
        root.filter(|root| root.len() as u64 == self.descriptor.len).ok_or_else(|| bad("is cut off"))
    }

    /// Loadable segments as (physical address, bytes in memory, flags).
    pub fn loads(&self) -> impl Iterator<Item = (u64, u64, u32)> {
        let loads = self.segments.iter().filter(|segment| segment.p_type(LE) == PT_LOAD);
        loads.map(|segment| (segment.p_paddr(LE), segment.p_memsz(LE), segment.p_flags(LE).0))
    }

    /// First physical address that nothing is loaded at.
    pub fn end(&self) -> u64 {
        self.loads().map(|(at, len, _)| at.saturating_add(len)).max().unwrap_or(0)
    }

    /// The kernel with `root` appended.
    pub fn with_root(&self, root: &[u8]) -> Result<Vec<u8>> {
        let bad = |what: &str| Error::BadKernel { path: self.path.into(), what: what.into(), help: HELP };
        if self.is_packed() {
            return Err(bad("has a root file system already"));
        }
        let len = root.len() as u64;
        if len > MAX_ROOT {
            return Err(Error::RootTooLarge { bytes: len });
        }
        let names = symbols::table(self.header, self.data);
        let added = 1 + usize::from(names.is_some());
        let headers_at = (self.data.len() as u64).next_multiple_of(8);
        let headers_len = ((self.segments.len() + added) * size_of::<Segment>()) as u64;
        let names_at = (headers_at + headers_len).next_multiple_of(PAGE);
        let names_len = names.as_ref().map_or(0, |names| names.bytes.len() as u64);
        let root_at = (names_at + names_len).next_multiple_of(PAGE);
        let names_phys = self.end().checked_next_multiple_of(PAGE);
        let end = names_phys.and_then(|at| at.checked_add(names_len));
        let phys_addr = end.and_then(|end| end.checked_next_multiple_of(ROOT_ALIGN));
        let (Some(names_phys), Some(phys_addr)) = (names_phys, phys_addr) else {
            return Err(bad("has no end in memory"));
        };
        let count = u16::try_from(self.segments.len() + added).map_err(|_| bad("has too many segments"))?;

        let segment = |offset: u64, phys: u64, len: u64| Segment {
            p_type: U32::new(LE, PT_LOAD),
            p_flags: U32::new(LE, PF_R),
            p_offset: U64::new(LE, offset),
            p_vaddr: U64::new(LE, phys),
            p_paddr: U64::new(LE, phys),
            p_filesz: U64::new(LE, len),
            p_memsz: U64::new(LE, len),
            p_align: U64::new(LE, PAGE),
        };
        let mut header = *self.header;
        header.e_phoff = U64::new(LE, headers_at);
        header.e_phnum = U16::new(LE, count);
        let descriptor = RootDescriptor { phys_addr, len, ..RootDescriptor::EMPTY }.to_bytes();

        let mut image = self.data.to_vec();
        image[..size_of::<Header>()].copy_from_slice(pod::bytes_of(&header));
        image[self.descriptor_at..][..descriptor.len()].copy_from_slice(&descriptor);
        image.resize(headers_at as usize, 0);
        image.extend_from_slice(pod::bytes_of_slice(self.segments));
        if let Some(names) = names {
            let place = Descriptor { phys_addr: names_phys, len: names_len, ..Descriptor::EMPTY };
            image[names.descriptor_at..][..24].copy_from_slice(&place.to_bytes());
            image.extend_from_slice(pod::bytes_of(&segment(names_at, names_phys, names_len)));
            image.extend_from_slice(pod::bytes_of(&segment(root_at, phys_addr, len)));
            image.resize(names_at as usize, 0);
            image.extend_from_slice(&names.bytes);
        } else {
            image.extend_from_slice(pod::bytes_of(&segment(root_at, phys_addr, len)));
        }
        image.resize(root_at as usize, 0);
        image.extend_from_slice(root);
        Ok(image)
    }
}

const HELP: &str = "`make` builds target/osv/kernel.elf; images are what `osv-pack BINARY` makes from it";
