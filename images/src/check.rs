//! What would work, before any boot: every symbol and system call that a program and its libraries ask for, held
//! against the tables.
//!
//! [`imports`] finds symbols, by relocation; [`sites`] finds `syscall` instructions and those that ring 0 would let
//! through, by decoding; here both are given a [`Verdict`]. What nobody can know before the program runs (`dlopen`,
//! `dlsym`, `syscall(n)`, numbers that are computed) is named as undecidable.

pub mod functions;
pub mod imports;
pub mod sites;

#[cfg(test)]
mod tests;

use crate::elf::Elf;
use crate::error::{Error, Result};
use crate::libraries::{Found, Library};
use osv_abi::table::{self, Status};
use sites::Site;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use syscalls::Sysno;

/// What the tables say of one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It works.
    Full,
    /// It works, but for what the text says.
    Partial(String),
    /// It fails with this errno and says so once.
    Stub(String),
    /// It isn't there.
    Missing,
    /// Only the running program knows; the text says why.
    Undecidable(String),
    /// An instruction that Linux would forbid and ring 0 does not.
    Privileged(String),
}

/// One thing that somebody needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What the tables say.
    pub verdict: Verdict,
    /// `name@version`, `syscall name`, or an instruction.
    pub what: String,
    /// Who needs it, and where.
    pub wanted_by: String,
}

/// Everything about a program.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The program's name.
    pub program: String,
    /// How many libraries were looked at besides.
    pub libraries: usize,
    /// What they need.
    pub findings: Vec<Finding>,
}

/// Checks a program with its libraries. `serves_libc` is false when the image's own libc will run: then the symbols
/// are its business and all system calls are trapped.
pub fn check(program: &Found, libraries: &[Library], serves_libc: bool) -> Result<Report> {
    let files = read(program, libraries)?;
    let objects = parse(&files)?;
    let mut findings = if serves_libc { imports::findings(&objects) } else { Vec::new() };
    for (name, elf) in &objects {
        findings.extend(sites::sites(elf).into_iter().map(|site| judge(name, &site)));
    }
    findings.sort();
    findings.dedup();
    Ok(Report { program: name(program), libraries: libraries.len(), findings })
}

/// Only the symbols that are missing, each once, as they are asked for; quick enough for every build. Files that were
/// `added` count too, as far as they name a libc's version: what else they lack, others may bring.
pub fn missing_names(program: &Found, libraries: &[Library], added: &[Found]) -> Result<Vec<String>> {
    let files = read(program, libraries)?;
    let added = read_all(added)?;
    let own = parse(&files)?;
    let mut findings = imports::findings(&own);
    let added = parse(&added)?;
    for object in added {
        let alone = imports::findings_of_libc(&object, &own);
        findings.extend(alone);
    }
    let mut names: Vec<_> = findings
        .into_iter()
        .filter(|finding| finding.verdict == Verdict::Missing)
        .map(|finding| finding.what)
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Whether one of the objects asks for one of these names.
pub fn any_imports<'a>(objects: impl IntoIterator<Item = &'a Found>, names: &[&str]) -> Result<bool> {
    let files = read_all(objects)?;
    let objects = parse(&files)?;
    Ok(objects.iter().any(|(_, elf)| elf.imports().keys().any(|name| names.contains(name))))
}

/// An object and its content.
type Content<'a> = (&'a Found, Vec<u8>);

fn read<'a>(program: &'a Found, libraries: &'a [Library]) -> Result<Vec<Content<'a>>> {
    read_all(std::iter::once(program).chain(libraries.iter().map(|library| &library.found)))
}

fn read_all<'a>(objects: impl IntoIterator<Item = &'a Found>) -> Result<Vec<Content<'a>>> {
    let objects = objects.into_iter();
    let read = objects.map(|object| {
        let data = fs::read(&object.host).map_err(|error| Error::io("read", &object.host, error))?;
        Ok((object, data))
    });
    read.collect()
}

fn parse<'a>(files: &'a [Content<'_>]) -> Result<Vec<(String, Elf<'a>)>> {
    files.iter().map(|(object, data)| Ok((name(object), Elf::parse(&object.host, data)?))).collect()
}

/// The name that the guest knows it by.
fn name(object: &Found) -> String {
    object.guest.file_name().unwrap_or(object.guest.as_os_str()).to_string_lossy().into_owned()
}

/// What the table says of a status.
fn verdict(status: Status) -> Verdict {
    match status {
        Status::Full => Verdict::Full,
        Status::Partial(note) => Verdict::Partial(note.into()),
        Status::Stub(errno) => Verdict::Stub(format!("{errno:?}")),
    }
}

fn judge(object: &str, site: &Site) -> Finding {
    let wanted_by = format!("{object}+{:#x}", site.address());
    match site {
        Site::Syscall { number: Some(number), .. } => {
            let row = usize::try_from(*number).ok().and_then(table::by_number);
            let name = Sysno::new(*number as usize)
                .map_or_else(|| number.to_string(), |known| known.name().to_string());
            let verdict = row.map_or(Verdict::Missing, |row| verdict(row.status));
            Finding { verdict, what: format!("syscall {name}"), wanted_by }
        }
        Site::Syscall { number: None, .. } => {
            let verdict = Verdict::Undecidable("its number is computed".into());
            Finding { verdict, what: "syscall instruction".into(), wanted_by }
        }
        Site::Legacy { name, .. } => Finding { verdict: Verdict::Missing, what: (*name).into(), wanted_by },
        Site::Privileged { text, .. } => {
            let verdict = Verdict::Privileged("Linux would stop the program here".into());
            Finding { verdict, what: text.clone(), wanted_by }
        }
    }
}

impl Report {
    /// How many things aren't served in full, without those that are undecidable or only dangerous.
    pub fn not_full(&self) -> usize {
        let lacking =
            |verdict: &Verdict| matches!(verdict, Verdict::Partial(_) | Verdict::Stub(_) | Verdict::Missing);
        self.grouped(lacking).len()
    }

    /// How many things aren't there at all.
    pub fn missing(&self) -> usize {
        self.grouped(|verdict| *verdict == Verdict::Missing).len()
    }

    /// The report as text: a count of what works, a line for each thing that doesn't.
    pub fn text(&self) -> String {
        type IsIn = fn(&Verdict) -> bool;
        let sections: [(&str, IsIn); 5] = [
            ("partial", |verdict| matches!(verdict, Verdict::Partial(_))),
            ("stub (fails, and says so once)", |verdict| matches!(verdict, Verdict::Stub(_))),
            ("missing", |verdict| *verdict == Verdict::Missing),
            ("undecidable before it runs", |verdict| matches!(verdict, Verdict::Undecidable(_))),
            ("privileged instructions, which ring 0 would execute", |verdict| {
                matches!(verdict, Verdict::Privileged(_))
            }),
        ];
        let full = self.grouped(|verdict| *verdict == Verdict::Full).len();
        let mut text = format!("{} and {} libraries\n  full: {full}\n", self.program, self.libraries);
        for (title, is_in) in sections {
            let group = self.grouped(is_in);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {title}: {}", group.len());
            for ((what, verdict), wanted_by) in group {
                let note = match verdict {
                    Verdict::Partial(note) | Verdict::Stub(note) | Verdict::Undecidable(note) => {
                        format!(" ({note})")
                    }
                    _ => String::new(),
                };
                let more = wanted_by.len().saturating_sub(SHOWN);
                let shown = wanted_by[..wanted_by.len() - more].join(", ");
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let _ = writeln!(text, "    {what}{note}: {shown}{more}");
            }
        }
        text
    }

    fn grouped(&self, is_in: impl Fn(&Verdict) -> bool) -> BTreeMap<(&str, &Verdict), Vec<&str>> {
        let mut groups: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for finding in self.findings.iter().filter(|finding| is_in(&finding.verdict)) {
            groups.entry((finding.what.as_str(), &finding.verdict)).or_default().push(&finding.wanted_by);
        }
        groups
    }
}

/// Places shown for one thing.
const SHOWN: usize = 4;
