//! A program or library as packing and checking see it: osv-link's reading of the file, with errors for people.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use object::LittleEndian;
use object::elf::{FileHeader64, SHF_EXECINSTR, SectionHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use osv_link::elf::{self, Rela, Sym};
use osv_link::image::Image;
use osv_link::input::Object;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const LE: LittleEndian = LittleEndian;

/// A program or shared library for x86-64 Linux.
pub struct Elf<'a> {
    /// Where it was read from, for messages.
    pub path: PathBuf,
    /// All of the file.
    pub data: &'a [u8],
    /// Headers and segments.
    pub image: Image<'a>,
    /// The dynamic section; `None` for a static program.
    pub object: Option<Object<'a>>,
}

/// A symbol that an object asks others for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Import<'a> {
    /// Version asked for, and the library that should have it.
    pub version: Option<(&'a str, &'a str)>,
    /// Whether it may be missing.
    pub weak: bool,
    /// Whether it is thread-local.
    pub tls: bool,
}

impl<'a> Elf<'a> {
    /// Reads `data`, the content of `path`.
    pub fn parse(path: &Path, data: &'a [u8]) -> Result<Self> {
        let damaged = |error: osv_link::Error| Error::Damaged { path: path.into(), what: error.to_string() };
        let image = match Image::of_file(data) {
            Ok(image) => image,
            Err(osv_link::Error::NotElf) => return Err(not_elf(path, data)),
            Err(osv_link::Error::WrongMachine) => {
                return Err(Error::WrongMachine { path: path.into(), machine: machine(data) });
            }
            Err(osv_link::Error::WrongKind) => {
                return Err(Error::NotAProgram { path: path.into(), what: kind(data) });
            }
            Err(osv_link::Error::Truncated(what)) => {
                let what =
                    format!("it is cut off after {} bytes (the {what} lies behind the end)", data.len());
                return Err(Error::Damaged { path: path.into(), what });
            }
            Err(error) => return Err(damaged(error)),
        };
        let object = match image.find(elf::PT_DYNAMIC) {
            Some(_) => Some(Object::of(&image).map_err(damaged)?),
            None => None,
        };
        Ok(Self { path: path.into(), data, image, object })
    }

    /// An error unless it can be started.
    pub fn require_program(&self) -> Result<()> {
        if self.image.entry == 0 || self.image.phdrs.iter().all(|phdr| phdr.kind != elf::PT_LOAD) {
            let what = "a shared library (it has no entry point)";
            return Err(Error::NotAProgram { path: self.path.clone(), what });
        }
        Ok(())
    }

    /// The dynamic linker that the program names.
    pub fn interpreter(&self) -> Option<&'a Path> {
        self.image.interpreter().map(|name| Path::new(OsStr::from_bytes(name)))
    }

    /// Sonames that it needs, in order.
    pub fn needed(&self) -> impl Iterator<Item = String> {
        let needed = self.object.iter().flat_map(|object| &object.needed);
        needed.map(|name| String::from_utf8_lossy(name).into_owned())
    }

    /// What its relocations ask others for, by name.
    pub fn imports(&self) -> BTreeMap<&'a str, Import<'a>> {
        let Some(object) = &self.object else { return BTreeMap::new() };
        let relocations = [object.rela, object.jmprel].into_iter().flat_map(|table| {
            (0..table.len() / Rela::SIZE).filter_map(|index| Rela::read(table, index * Rela::SIZE))
        });
        let mut symbols: Vec<_> = relocations
            .filter(|rela| rela.symbol != 0)
            .map(|rela| (rela.symbol, rela.kind == elf::r::COPY))
            .collect();
        symbols.sort_unstable();
        symbols.dedup();
        let import = |(index, is_copied): (u32, bool)| {
            let symbol = Sym::read(object.symbols, index)?;
            // A COPY relocation's symbol is defined in the executable, yet asks for the original.
            if symbol.is_defined() && !is_copied {
                return None;
            }
            let name = std::str::from_utf8(object.symbol_name(&symbol)?).ok()?;
            let version = object.versions.wanted(index).and_then(|needed| {
                Some((std::str::from_utf8(needed.name).ok()?, std::str::from_utf8(needed.file).ok()?))
            });
            let weak = symbol.binding() == elf::STB_WEAK;
            Some((name, Import { version, weak, tls: symbol.kind() == elf::STT_TLS }))
        };
        symbols.into_iter().filter_map(import).collect()
    }

    /// Whether it defines `name` for others.
    pub fn defines(&self, name: &str) -> bool {
        let Some(object) = &self.object else { return false };
        let wanted = osv_link::hash::Name::new(name.as_bytes());
        object.hash.candidates(&wanted).any(|index| {
            Sym::read(object.symbols, index).is_some_and(|symbol| {
                symbol.is_defined() && object.symbol_name(&symbol) == Some(name.as_bytes())
            })
        })
    }

    /// Where code is, as virtual address and bytes: executable sections, or segments of a file without sections.
    pub fn code(&self) -> Vec<(u64, &'a [u8])> {
        let sections: Vec<_> =
            self.sections(|section| section.sh_flags(LE).contains(SHF_EXECINSTR)).collect();
        if !sections.is_empty() {
            return sections;
        }
        let is_executable = |vaddr| {
            let mut loads = self.image.phdrs.iter().filter(|phdr| phdr.kind == elf::PT_LOAD);
            loads.any(|phdr| phdr.vaddr == vaddr && phdr.flags & elf::PF_X != 0)
        };
        let segments = self.image.segments.iter().filter(|segment| is_executable(segment.vaddr));
        segments.map(|segment| (segment.vaddr, segment.bytes)).collect()
    }

    /// Address and content of the section `name`, if the file has sections.
    pub fn section(&self, name: &str) -> Option<(u64, &'a [u8])> {
        let header = FileHeader64::<LittleEndian>::parse(self.data).ok()?;
        let (_, section) = header.sections(LE, self.data).ok()?.section_by_name(LE, name.as_bytes())?;
        Some((section.sh_addr(LE), section.data(LE, self.data).ok()?))
    }

    fn sections(
        &self,
        wanted: impl Fn(&SectionHeader64<LittleEndian>) -> bool,
    ) -> impl Iterator<Item = (u64, &'a [u8])> {
        let header = FileHeader64::<LittleEndian>::parse(self.data);
        let sections = header.and_then(|header| header.section_headers(LE, self.data)).unwrap_or_default();
        let wanted = sections.iter().filter(move |section| wanted(section));
        wanted.filter_map(|section| Some((section.sh_addr(LE), section.data(LE, self.data).ok()?)))
    }
}

fn not_elf(path: &Path, data: &[u8]) -> Error {
    let script = data.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    let (found, help) = match script {
        Some(line) => {
            let interpreter = String::from_utf8_lossy(line).trim().to_string();
            let program = interpreter.split_whitespace().next_back().unwrap_or("INTERPRETER");
            let name = path.file_name().unwrap_or(path.as_os_str()).display();
            let help = format!(
                "pack the interpreter, and add the script:\n  osv-pack {program} --add {}:/app/{name} -- /app/{name}",
                path.display()
            );
            (format!("it is a script for {interpreter}"), help)
        }
        None if data.is_empty() => ("it is empty".into(), "give a Linux executable for x86-64".into()),
        None => ("it doesn't begin as one".into(), "give a Linux executable for x86-64".into()),
    };
    Error::NotElf { path: path.into(), found, help }
}

fn machine(data: &[u8]) -> String {
    let field = elf::u16_at(data, 18).unwrap_or(0);
    let machine = if data.get(5) == Some(&2) { field.swap_bytes() } else { field };
    let name = match machine {
        3 => "x86",
        8 => "MIPS",
        20 | 21 => "PowerPC",
        22 => "S/390",
        40 => "ARM",
        62 => "x86-64",
        183 => "AArch64",
        243 => "RISC-V",
        258 => "LoongArch",
        other => return format!("ELF machine {other}"),
    };
    let class = if data.get(4) == Some(&1) { ", 32 bit" } else { "" };
    format!("{name}{class}")
}

fn kind(data: &[u8]) -> &'static str {
    match elf::u16_at(data, 16) {
        Some(1) => "an object file (.o)",
        Some(4) => "a core dump",
        _ => "an ELF file of an unknown type",
    }
}
