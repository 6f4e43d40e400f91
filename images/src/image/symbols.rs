//! The kernel's function names, read from its own symbol table.

use super::{Header, LE};
use object::elf::STT_FUNC;
use object::read::elf::{FileHeader, SectionHeader, Sym};
use osv_abi::kernel_symbols::{self, BASE, Descriptor};

/// Longest name that is kept: generic instances can be pages long.
const NAME_MAX: usize = 120;

/// A table, and where in the file the descriptor lies that is to name it.
pub(super) struct Names {
    pub(super) descriptor_at: usize,
    pub(super) bytes: Vec<u8>,
}

/// Makes the table of a kernel that has a place for its descriptor, and symbols.
pub(super) fn table(header: &Header, data: &[u8]) -> Option<Names> {
    let sections = header.sections(LE, data).ok()?;
    let (_, section) = sections.section_by_name(LE, kernel_symbols::SECTION.as_bytes())?;
    let (at, len) = section.file_range(LE)?;
    let descriptor_at = usize::try_from(at).ok()?;
    let found = data.get(descriptor_at..)?.get(..size_of::<Descriptor>())?;
    if len < found.len() as u64 || found != Descriptor::EMPTY.to_bytes() {
        return None;
    }
    let symbols = sections.symbols(LE, data, object::elf::SHT_SYMTAB).ok()?;
    let mut names = Vec::new();
    for symbol in symbols.iter().filter(|symbol| symbol.st_value(LE) >= BASE) {
        let Ok(name) = symbol.name(LE, symbols.strings()) else { continue };
        // Assembly labels have no type.
        if symbol.st_type() == STT_FUNC || name.starts_with(b"osv_") {
            names.push((symbol.st_value(LE), readable(&String::from_utf8_lossy(name))));
        }
    }
    let bytes = kernel_symbols::build(names.iter().map(|(address, name)| (*address, name.as_str())));
    (!names.is_empty()).then_some(Names { descriptor_at, bytes })
}

/// Without mangling and hash, and not too long.
fn readable(name: &str) -> String {
    let mut name = format!("{:#}", rustc_demangle::demangle(name));
    if let Some((cut, _)) = name.char_indices().nth(NAME_MAX) {
        name.truncate(cut);
    }
    name
}
