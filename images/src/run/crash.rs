//! A crash as the guest reports it, with the names of functions.
//!
//! The kernel gives addresses of code as `FILE+0xOFFSET`. The files are in the image, so their symbol tables are here.

use crate::erofs::{Bytes, Reader};
use crate::image::Image;
use object::elf::{FileHeader64, PT_LOAD, SHT_DYNSYM, SHT_SYMTAB, STT_FUNC, STT_GNU_IFUNC};
use object::read::elf::{FileHeader, ProgramHeader, Sym};
use object::{LittleEndian, elf};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

const LE: LittleEndian = LittleEndian;
/// How the report begins.
const MARK: &str = "the application is at fault";
/// What the kernel's log puts before each line.
const PREFIX: &str = "osv error: ";

/// A function's start, its end where that is known, its name.
type Function = (u64, u64, String);

/// Functions of a file, by address, and where its segments lie: file offset, length, address.
#[derive(Default)]
struct Symbols {
    functions: Vec<Function>,
    segments: Vec<(u64, u64, u64)>,
}

impl Symbols {
    fn of(data: &[u8]) -> Option<Self> {
        let header = FileHeader64::<LittleEndian>::parse(data).ok()?;
        let loads =
            header.program_headers(LE, data).ok()?.iter().filter(|segment| segment.p_type(LE) == PT_LOAD);
        let segments = loads.map(|load| (load.p_offset(LE), load.p_filesz(LE), load.p_vaddr(LE))).collect();
        let sections = header.sections(LE, data).ok()?;
        let mut functions = Vec::new();
        for kind in [SHT_SYMTAB, SHT_DYNSYM] {
            let Ok(symbols) = sections.symbols(LE, data, kind) else { continue };
            for symbol in symbols.iter() {
                let is_function = matches!(symbol.st_type(), STT_FUNC | STT_GNU_IFUNC);
                let Ok(name) = symbol.name(LE, symbols.strings()) else { continue };
                if is_function && symbol.st_shndx(LE) != elf::SHN_UNDEF && !name.is_empty() {
                    let name = rustc_demangle::demangle(&String::from_utf8_lossy(name)).to_string();
                    let start = symbol.st_value(LE);
                    functions.push((start, start.saturating_add(symbol.st_size(LE)), name));
                }
            }
        }
        functions.sort();
        Some(Self { functions, segments })
    }

    /// The function that lies at `offset` in the file, and how far from its start.
    fn at(&self, offset: u64) -> Option<(&str, u64)> {
        let segment = self
            .segments
            .iter()
            .find(|(at, len, _)| offset.checked_sub(*at).is_some_and(|in_it| in_it < *len));
        let address = segment.map(|(at, _, address)| offset - at + address)?;
        let after = self.functions.partition_point(|(start, ..)| *start <= address);
        let (start, end, name) =
            self.functions[..after].iter().rev().find(|(start, end, _)| end == start || address < *end)?;
        // What has no size ends somewhere, but not far away.
        (end > start || address - start < 4096).then_some((name, address - start))
    }
}

/// The lines of a crash report among `lines`, with names from the image's files.
pub(super) fn report(lines: &[String], image: &[u8], disk: Option<&Path>) -> Vec<String> {
    let Some(begin) = lines.iter().rposition(|line| line.contains(MARK)) else { return Vec::new() };
    let mut known: BTreeMap<PathBuf, Symbols> = BTreeMap::new();
    let lines = lines[begin..].iter().filter_map(|line| line.strip_prefix(PREFIX));
    lines
        .map(|line| {
            let Some((path, offset)) = place(line) else { return line.to_owned() };
            let symbols = known.entry(path.clone()).or_insert_with(|| {
                content(image, disk, &path).and_then(|data| Symbols::of(&data)).unwrap_or_default()
            });
            match symbols.at(offset) {
                Some((name, at)) => format!("{line} {name}+{at:#x}"),
                None => line.to_owned(),
            }
        })
        .collect()
}

/// File and offset in a line of a backtrace.
fn place(line: &str) -> Option<(PathBuf, u64)> {
    let rest = line.strip_prefix("    0x")?;
    let word = rest.split_once(' ')?.1.split(' ').next()?;
    let (path, offset) = word.rsplit_once("+0x")?;
    Some((path.into(), u64::from_str_radix(offset, 16).ok()?))
}

fn content(image: &[u8], disk: Option<&Path>, path: &Path) -> Option<Vec<u8>> {
    let disk = disk.and_then(|disk| File::open(disk).ok());
    let parsed = Image::parse(Path::new("IMAGE"), image).ok()?;
    let parts = [disk.as_ref().map(Bytes::File), parsed.root().ok().map(Bytes::Memory)];
    parts.into_iter().flatten().find_map(|part| {
        let reader = Reader::new(part)?;
        let entry = reader.list()?.into_iter().find(|entry| entry.path == path)?;
        reader.content(entry.nid).map(|content| content.into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_backtrace_names_a_file_and_an_offset() {
        let found = place("    0x000055d0c0de1149 /usr/bin/some+thing+0x1149 ?");
        assert_eq!(found, Some(("/usr/bin/some+thing".into(), 0x1149)));
        for other in [
            "  rax 0000000000000000",
            "    0x0000000000000000 (not mapped)",
            "    0x1234",
            "",
            "    0x1 a+0xz",
        ] {
            assert_eq!(place(other), None, "{other}");
        }
    }

    #[test]
    fn functions_of_this_very_program_are_found() {
        let data = std::fs::read("/proc/self/exe").expect("readable");
        let symbols = Symbols::of(&data).expect("an ELF file");
        let (start, _, name) =
            symbols.functions.iter().find(|(_, end, name)| *end > 0 && name == "main").expect("main");
        let (at, _, address) =
            *symbols.segments.iter().find(|(_, len, address)| start - address < *len).expect("loaded");
        assert_eq!(symbols.at(start - address + at), Some((name.as_str(), 0)));
        assert_eq!(symbols.at(u64::MAX), None);
    }

    #[test]
    fn lines_before_the_report_and_of_others_are_left_out() {
        let lines = [
            "osv warning: something",
            "osv error: the application is at fault: x",
            "noise",
            "osv error:   rax 0",
        ];
        let report = report(&lines.map(String::from), b"no image", None);
        assert_eq!(report, ["the application is at fault: x", "  rax 0"]);
    }
}
