//! What came in as a file, by `--add` or with a runtime, may be a program or a library and then needs libraries too.

use crate::elf::Elf;
use crate::error::{Error, Result};
use crate::libraries::{Found, Library, Search};
use crate::sysroot::{self, Sysroot};
use crate::tree::{Content, Dir, Node};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// What the ELF files of a tree need.
pub(super) struct Needs {
    /// Libraries that nothing in the tree has the name of.
    pub libraries: Vec<Library>,
    /// Interpreters that they name.
    pub interpreters: BTreeSet<PathBuf>,
}

/// What the ELF files in the tree need. Libraries that are nowhere to be found become warnings: the file may be one
/// that nobody loads.
pub(super) fn needs(
    tree: &Dir,
    sysroot: &Sysroot,
    search: &Search<'_>,
    warnings: &mut Vec<String>,
) -> Result<Needs> {
    let (names, files) = survey(tree, sysroot);
    let present = RefCell::new(names);
    let mut libraries = Vec::new();
    let mut interpreters = BTreeSet::new();
    for file in files {
        let Ok(data) = fs::read(&file.host) else { continue };
        let Ok(elf) = Elf::parse(&file.host, &data) else { continue };
        interpreters.extend(elf.interpreter().map(PathBuf::from));
        let more = loop {
            match search.closure_but(&file, |soname| present.borrow().contains(soname)) {
                Err(Error::MissingLibrary { soname, wanted_by, .. }) => {
                    warnings.push(format!("{wanted_by} needs {soname}, which is not in the image"));
                    // Said once, and looked for no more.
                    present.borrow_mut().insert(soname);
                }
                found => break found?,
            }
        };
        present.borrow_mut().extend(more.iter().map(|library| library.soname.clone()));
        libraries.extend(more);
    }
    Ok(Needs { libraries, interpreters })
}

/// The dynamic objects that `add` (host, guest) brings.
pub(super) fn objects(add: &[(PathBuf, PathBuf)], sysroot: &Sysroot) -> Result<Vec<Found>> {
    let mut tree = Dir::default();
    for (host, guest) in add {
        sysroot::add(host, guest, &mut tree)?;
    }
    let (_, mut files) = survey(&tree, sysroot);
    files.retain(|file| {
        let data = fs::read(&file.host).unwrap_or_default();
        Elf::parse(&file.host, &data).is_ok_and(|elf| elf.object.is_some())
    });
    Ok(files)
}

/// Every name in the tree, and the files that may be ELF files as far as names and permissions tell.
fn survey(tree: &Dir, sysroot: &Sysroot) -> (BTreeSet<String>, Vec<Found>) {
    let mut names = BTreeSet::new();
    let mut files = Vec::new();
    tree.walk(&mut |path, node| {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return };
        if let Node::File(file) = node
            && let Content::Host(host, _) = &file.content
            && (name.contains(".so") || file.mode & 0o111 != 0)
        {
            let in_sysroot = sysroot.host(path) == *host;
            files.push(Found { host: host.clone(), guest: path.into(), in_sysroot });
        }
        names.insert(name);
    });
    (names, files)
}
