//! Which libc a program gets: the table in ld-osv.so, or the image's own ld.so and libc over the trapped path.
//!
//! The table is what osv-rs is fast with, so [`Choice::Auto`] takes it unless it lacks a symbol that some object of the
//! image asks for. Then the image's own libc runs, and [`Decision::notes`] say why and what that costs.

#[cfg(test)]
mod tests;

use crate::check;
use crate::elf::Elf;
use crate::error::{Error, Result};
use crate::libraries::{Family, Found, Library, Search};
use crate::sysroot::Sysroot;
use osv_abi::boot::Libc;
use std::fs;
use std::path::Path;
use std::str::FromStr;

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The table, unless it lacks what the program needs.
    #[default]
    Auto,
    /// The table, whatever it lacks.
    Table,
    /// The image's own.
    Image,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Choice::Auto),
            "table" => Ok(Choice::Table),
            "image" => Ok(Choice::Image),
            _ => Err("expected auto, table or image".into()),
        }
    }
}

/// What comes of it for one program.
#[derive(Debug)]
pub struct Decision {
    /// The libc that runs.
    pub libc: Libc,
    /// The libraries that go with it.
    pub libraries: Vec<Library>,
    /// What the table lacks, by name; empty for a program that brings everything.
    pub missing: Vec<String>,
    /// What the user should know of it.
    pub notes: Vec<String>,
}

/// Functions of glibc that load libgcc_s.so.1 when they are called.
const UNWINDING: &[&str] = &["pthread_cancel", "pthread_exit", "thrd_exit", "backtrace"];
const UNWINDER: &str = "libgcc_s.so.1";

/// Whose libc the interpreter belongs to.
pub fn family(interpreter: Option<&Path>) -> Family {
    let name = interpreter.and_then(Path::file_name).unwrap_or_default();
    if name.to_string_lossy().starts_with("ld-musl") { Family::Musl } else { Family::Glibc }
}

/// Decides, and finds the libraries. `more`: sonames that nobody lists; `added`: other ELF files of the image.
pub fn decide(
    choice: Choice,
    sysroot: &Sysroot,
    program: &Found,
    more: &[String],
    added: &[Found],
) -> Result<Decision> {
    let data = fs::read(&program.host).map_err(|error| Error::io("read", &program.host, error))?;
    let elf = Elf::parse(&program.host, &data)?;
    let interpreter = elf.interpreter();
    let own = Search::new(sysroot, family(interpreter));
    if choice == Choice::Image {
        return of_image(&own, program, more, added, Vec::new());
    }
    let search = Search::new(sysroot, Family::Table);
    let libraries = all(&search, program, more)?;
    let missing = check::missing_names(program, &libraries, added)?;
    // What brings its own libc, or none, asks the table for nothing.
    let brings = interpreter.is_some_and(|path| sysroot.resolve(path).is_some());
    if choice == Choice::Auto && !missing.is_empty() && brings {
        match of_image(&own, program, more, added, missing.clone()) {
            Ok(decision) => return Ok(decision),
            // Without one of the image's own libraries the table is what there is.
            Err(Error::MissingLibrary { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Decision { libc: Libc::Table, libraries, missing, notes: Vec::new() })
}

fn all(search: &Search<'_>, program: &Found, more: &[String]) -> Result<Vec<Library>> {
    let mut libraries = search.closure(program)?;
    for soname in more {
        let known = |library: &Library| libraries.iter().any(|known| known.soname == library.soname);
        let new: Vec<_> =
            search.named(soname, program)?.into_iter().filter(|library| !known(library)).collect();
        libraries.extend(new);
    }
    Ok(libraries)
}

fn of_image(
    search: &Search<'_>,
    program: &Found,
    more: &[String],
    added: &[Found],
    missing: Vec<String>,
) -> Result<Decision> {
    let mut libraries = all(search, program, more)?;
    let objects = libraries.iter().map(|library| &library.found).chain([program]).chain(added);
    let unwinds = check::any_imports(objects, UNWINDING)?;
    if unwinds && !libraries.iter().any(|library| library.soname == UNWINDER) {
        // Only a program that comes that far needs it, so a system without it is not refused.
        libraries.extend(search.named(UNWINDER, program).unwrap_or_default().into_iter().take(1));
    }
    let notes = if missing.is_empty() { Vec::new() } else { vec![note(&missing)] };
    Ok(Decision { libc: Libc::Image, libraries, missing, notes })
}

fn note(missing: &[String]) -> String {
    format!(
        "the table lacks {}: the image's own libc runs instead. That costs its megabytes in the image, and every \
         system call is a trap and not a function call. --libc table keeps the table; a call of what it lacks then \
         ends the program",
        listed(missing)
    )
}

/// A few of the names, and how many more there are.
pub fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more symbols"),
    }
}
