//! Phase *input*: one image's dynamic section, checked and turned into an [`Object`].

use crate::elf::{self, Phdr, dt, u64_at};
use crate::error::Error;
use crate::hash::Hash;
use crate::image::Image;
use crate::versions::Versions;
use alloc::vec::Vec;

/// An address range within an object, before the load bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First address.
    pub vaddr: u64,
    /// Length in bytes.
    pub len: u64,
}

/// An object's PT_TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsSegment {
    /// Where the initial image lies.
    pub image: Span,
    /// Size of the block; at least the image's.
    pub size: u64,
    /// Alignment, a power of two.
    pub align: u64,
}

/// Constructors and destructors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routines {
    /// DT_PREINIT_ARRAY.
    pub preinit_array: Span,
    /// DT_INIT, 0 when absent.
    pub init: u64,
    /// DT_INIT_ARRAY.
    pub init_array: Span,
    /// DT_FINI, 0 when absent.
    pub fini: u64,
    /// DT_FINI_ARRAY.
    pub fini_array: Span,
}

/// What linking needs to know of one object. Borrows its tables from the image.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    /// ET_EXEC or ET_DYN.
    pub kind: u16,
    /// `e_entry`.
    pub entry: u64,
    /// File offset of the program headers.
    pub phoff: u64,
    /// Program headers.
    pub phdrs: Vec<Phdr>,
    /// Address of the dynamic section, 0 when there is none.
    pub dynamic: u64,
    /// DT_SONAME.
    pub soname: Option<&'a [u8]>,
    /// DT_NEEDED, in order.
    pub needed: Vec<&'a [u8]>,
    /// DT_RPATH.
    pub rpath: Option<&'a [u8]>,
    /// DT_RUNPATH.
    pub runpath: Option<&'a [u8]>,
    /// The interpreter it names.
    pub interpreter: Option<&'a [u8]>,
    /// Symbol table, to the end of its segment.
    pub symbols: &'a [u8],
    /// String table.
    pub strings: &'a [u8],
    /// Hash table.
    pub hash: Hash<'a>,
    /// Symbol versions.
    pub versions: Versions<'a>,
    /// DT_RELA.
    pub rela: &'a [u8],
    /// DT_JMPREL.
    pub jmprel: &'a [u8],
    /// DT_RELR.
    pub relr: &'a [u8],
    /// PT_TLS.
    pub tls: Option<TlsSegment>,
    /// PT_GNU_RELRO.
    pub relro: Option<Span>,
    /// Constructors and destructors.
    pub routines: Routines,
    /// DT_FLAGS and what older tags say with the same meaning.
    pub flags: u64,
    /// DT_FLAGS_1.
    pub flags_1: u64,
    /// Address of the DT_DEBUG value, for debuggers.
    pub debug: Option<u64>,
    /// Whether the stack is asked to be executable.
    pub executable_stack: bool,
}

/// Tags and values of the dynamic section, in order.
struct Dynamic(Vec<(u64, u64)>);

impl Dynamic {
    fn get(&self, tag: u64) -> Option<u64> {
        self.0.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value)
    }

    fn span(&self, at: u64, len: u64) -> Span {
        match (self.get(at), self.get(len)) {
            (Some(vaddr), Some(len)) => Span { vaddr, len },
            _ => Span::default(),
        }
    }
}

impl<'a> Object<'a> {
    /// Reads an image. A static executable is [`Error::WrongKind`].
    pub fn of(image: &Image<'a>) -> Result<Self, Error> {
        let phdr = image.find(elf::PT_DYNAMIC).ok_or(Error::WrongKind)?;
        let bytes = image.at(phdr.vaddr, phdr.filesz).ok_or(Error::Truncated("dynamic section"))?;
        let mut entries = Vec::new();
        let mut debug = None;
        for (index, entry) in bytes.chunks_exact(16).enumerate() {
            let (Some(tag), Some(value)) = (u64_at(entry, 0), u64_at(entry, 8)) else { break };
            match tag {
                dt::NULL => break,
                dt::DEBUG => debug = phdr.vaddr.checked_add(index as u64 * 16 + 8),
                _ => entries.push((tag, value)),
            }
        }
        let dynamic = Dynamic(entries);

        for (tag, size, what) in [
            (dt::SYMENT, 24, "symbol entry size"),
            (dt::RELAENT, 24, "relocation entry size"),
            (dt::RELRENT, 8, "relative relocation entry size"),
            (dt::PLTREL, dt::RELA, "kind of PLT relocations"),
        ] {
            if dynamic.get(tag).is_some_and(|found| found != size) {
                return Err(Error::Malformed(what));
            }
        }
        if dynamic.get(dt::REL).is_some() {
            return Err(Error::Malformed("relocations without addends"));
        }
        let table = |span: Span, what| image.at(span.vaddr, span.len).ok_or(Error::Truncated(what));
        let strings = table(dynamic.span(dt::STRTAB, dt::STRSZ), "string table")?;
        let string = |offset: u64| {
            usize::try_from(offset)
                .ok()
                .and_then(|offset| elf::str_at(strings, offset))
                .ok_or(Error::Truncated("name in the string table"))
        };
        let optional = |tag| dynamic.get(tag).map(string).transpose();
        let symbols = match dynamic.get(dt::SYMTAB) {
            Some(vaddr) => image.tail(vaddr).ok_or(Error::Truncated("symbol table"))?,
            None => &[],
        };

        let mut flags = dynamic.get(dt::FLAGS).unwrap_or(0);
        if dynamic.get(dt::SYMBOLIC).is_some() {
            flags |= elf::DF_SYMBOLIC;
        }
        if dynamic.get(dt::TEXTREL).is_some() {
            flags |= elf::DF_TEXTREL;
        }
        let needed = dynamic
            .0
            .iter()
            .filter(|(tag, _)| *tag == dt::NEEDED)
            .map(|(_, name)| string(*name))
            .collect::<Result<_, _>>()?;
        Ok(Object {
            kind: image.kind,
            entry: image.entry,
            phoff: image.phoff,
            phdrs: image.phdrs.clone(),
            dynamic: phdr.vaddr,
            soname: optional(dt::SONAME)?,
            needed,
            rpath: optional(dt::RPATH)?,
            runpath: optional(dt::RUNPATH)?,
            interpreter: image.interpreter(),
            symbols,
            strings,
            hash: Hash::of(image, dynamic.get(dt::GNU_HASH), dynamic.get(dt::HASH))?,
            versions: Versions::of(
                image,
                strings,
                dynamic.get(dt::VERSYM),
                (dynamic.get(dt::VERDEF), dynamic.get(dt::VERDEFNUM)),
                (dynamic.get(dt::VERNEED), dynamic.get(dt::VERNEEDNUM)),
            )?,
            rela: table(dynamic.span(dt::RELA, dt::RELASZ), "relocations")?,
            jmprel: table(dynamic.span(dt::JMPREL, dt::PLTRELSZ), "PLT relocations")?,
            relr: table(dynamic.span(dt::RELR, dt::RELRSZ), "relative relocations")?,
            tls: tls(image)?,
            relro: image.find(elf::PT_GNU_RELRO).map(|phdr| Span { vaddr: phdr.vaddr, len: phdr.memsz }),
            routines: Routines {
                preinit_array: dynamic.span(dt::PREINIT_ARRAY, dt::PREINIT_ARRAYSZ),
                init: dynamic.get(dt::INIT).unwrap_or(0),
                init_array: dynamic.span(dt::INIT_ARRAY, dt::INIT_ARRAYSZ),
                fini: dynamic.get(dt::FINI).unwrap_or(0),
                fini_array: dynamic.span(dt::FINI_ARRAY, dt::FINI_ARRAYSZ),
            },
            flags,
            flags_1: dynamic.get(dt::FLAGS_1).unwrap_or(0),
            debug,
            executable_stack: image.find(elf::PT_GNU_STACK).is_some_and(|phdr| phdr.flags & elf::PF_X != 0),
        })
    }

    /// The name of a symbol.
    pub fn symbol_name(&self, symbol: &elf::Sym) -> Option<&'a [u8]> {
        elf::str_at(self.strings, symbol.name as usize)
    }

    /// Whether it was built against musl: its interpreter or a needed library says so.
    pub fn is_musl(&self) -> bool {
        let by_interpreter =
            self.interpreter.is_some_and(|name| name.windows(7).any(|part| part == b"ld-musl"));
        by_interpreter
            || self.needed.iter().any(|name| *name == b"libc.so" || name.starts_with(b"libc.musl-"))
    }

    /// Where the program headers lie in memory, if a segment holds them.
    pub fn phdrs_at(&self) -> Option<u64> {
        if let Some(own) = self.phdrs.iter().find(|phdr| phdr.kind == elf::PT_PHDR) {
            return Some(own.vaddr);
        }
        let size = (self.phdrs.len() * Phdr::SIZE) as u64;
        self.phdrs.iter().filter(|phdr| phdr.kind == elf::PT_LOAD).find_map(|load| {
            let at = self.phoff.checked_sub(load.offset)?;
            (at.checked_add(size)? <= load.filesz).then(|| load.vaddr.wrapping_add(at))
        })
    }

    /// Whether all of `span` lies in one loadable segment's memory.
    pub fn contains(&self, span: Span) -> bool {
        self.phdrs.iter().any(|phdr| {
            phdr.kind == elf::PT_LOAD
                && span
                    .vaddr
                    .checked_sub(phdr.vaddr)
                    .is_some_and(|at| at.checked_add(span.len).is_some_and(|end| end <= phdr.memsz))
        })
    }
}

/// Checks PT_TLS.
fn tls(image: &Image<'_>) -> Result<Option<TlsSegment>, Error> {
    let Some(phdr) = image.find(elf::PT_TLS) else { return Ok(None) };
    let align = phdr.align.max(1);
    if !align.is_power_of_two() || align > elf::PAGE {
        return Err(Error::Malformed("TLS alignment"));
    }
    if phdr.filesz > phdr.memsz || phdr.memsz > 1 << 30 {
        return Err(Error::Malformed("TLS size"));
    }
    if image.at(phdr.vaddr, phdr.filesz).is_none() {
        return Err(Error::Truncated("TLS image"));
    }
    Ok(Some(TlsSegment { image: Span { vaddr: phdr.vaddr, len: phdr.filesz }, size: phdr.memsz, align }))
}
