//! Which shared libraries a program needs, and where each of them is: ld.so's search, done before boot.
//!
//! Every object has two places: where the host keeps it, and where the guest will. They differ for a program that
//! stands outside the sysroot (`./target/release/server`), and `$ORIGIN` is followed in both, so that libraries
//! beside such a program stay beside it.

#[cfg(test)]
mod tests;

use crate::elf::Elf;
use crate::error::{Error, Result};
use crate::sysroot::Sysroot;
use osv_link::needed::{expand, folder_of, split_path};
use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Sonames that ld-osv.so serves itself.
pub const SERVED: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libresolv.so.2",
    "libutil.so.1",
    "ld-linux-x86-64.so.2",
    "libc.musl-x86_64.so.1",
    "libc.so",
    "ld-musl-x86_64.so.1",
];

/// Sonames that ld-musl is itself.
const MUSL_SERVED: &[&str] = &["libc.musl-x86_64.so.1", "libc.so", "ld-musl-x86_64.so.1"];

/// Where ld-musl looks, unless its own file names other folders.
const MUSL_FOLDERS: &[&str] = &["/lib", "/usr/local/lib", "/usr/lib"];
/// That file.
pub const MUSL_PATHS: &str = "/etc/ld-musl-x86_64.path";

/// Who serves the libc family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// ld-osv.so, all of it.
    Table,
    /// glibc's ld.so: its libraries are looked for as any others.
    Glibc,
    /// ld-musl, which is its own libc.
    Musl,
}

/// Where libraries are looked for in the end, on our side and on ld-osv's.
pub const DEFAULT_FOLDERS: &[&str] = &[
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
];

/// An object and its two places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where the host keeps it.
    pub host: PathBuf,
    /// Where the guest finds it.
    pub guest: PathBuf,
    /// Whether the guest path is the sysroot's, with its folders and links; else it stands alone.
    pub in_sysroot: bool,
}

/// A library that a program needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// What it was asked for as.
    pub soname: String,
    /// Where it is.
    pub found: Found,
    /// Whether only ld.so.conf knows its folder, so that ld-osv needs a link to it.
    pub needs_link: bool,
}

/// How libraries are looked for.
pub struct Search<'a> {
    sysroot: &'a Sysroot,
    configured: Vec<PathBuf>,
    family: Family,
}

/// One object whose needs are followed.
struct Asker {
    found: Found,
    /// DT_RPATH of it and of those that led to it.
    inherited: Vec<Vec<u8>>,
}

/// A folder with its two names.
struct Folder {
    host: PathBuf,
    guest: PathBuf,
    in_sysroot: bool,
    needs_link: bool,
}

impl<'a> Search<'a> {
    /// Looks in `sysroot`, but not for what the dynamic linker serves itself.
    pub fn new(sysroot: &'a Sysroot, family: Family) -> Self {
        let mut configured = Vec::new();
        match family {
            Family::Musl => configured = musl_folders(sysroot),
            Family::Table | Family::Glibc => {
                read_conf(sysroot, Path::new("/etc/ld.so.conf"), &mut configured, 0);
            }
        }
        Self { sysroot, configured, family }
    }

    /// Whether the dynamic linker stands in for this library.
    pub fn is_served(&self, soname: &str) -> bool {
        match self.family {
            Family::Table => SERVED.contains(&soname),
            Family::Glibc => false,
            Family::Musl => MUSL_SERVED.contains(&soname),
        }
    }

    /// The library `soname`, as if `program` needed it, and all that it needs.
    pub fn named(&self, soname: &str, program: &Found) -> Result<Vec<Library>> {
        if self.is_served(soname) {
            return Ok(Vec::new());
        }
        let asker = Asker { found: program.clone(), inherited: Vec::new() };
        let library = self.find(soname, program, &self.folders(&asker, None, None))?;
        let mut libraries = self.closure(&library.found)?;
        libraries.insert(0, library);
        Ok(libraries)
    }

    /// All libraries that `program` needs, breadth first, each once.
    pub fn closure(&self, program: &Found) -> Result<Vec<Library>> {
        self.closure_but(program, |_| false)
    }

    /// The same without those that are `present` already, and what only those need.
    pub fn closure_but(&self, program: &Found, present: impl Fn(&str) -> bool) -> Result<Vec<Library>> {
        let mut seen = BTreeSet::new();
        let mut order = Vec::new();
        let mut queue = VecDeque::from([Asker { found: program.clone(), inherited: Vec::new() }]);
        while let Some(asker) = queue.pop_front() {
            let data = std::fs::read(&asker.found.host)
                .map_err(|error| Error::io("read", &asker.found.host, error))?;
            let elf = Elf::parse(&asker.found.host, &data)?;
            let Some(object) = &elf.object else { continue };
            let mut inherited = asker.inherited.clone();
            if let (Some(rpath), None) = (object.rpath, object.runpath) {
                inherited.insert(0, expand(rpath, folder_of(asker.found.guest.as_os_str().as_bytes())));
            }
            for soname in elf.needed() {
                if self.is_served(&soname) || present(&soname) || !seen.insert(soname.clone()) {
                    continue;
                }
                let folders = self.folders(&asker, object.rpath, object.runpath);
                let library = self.find(&soname, &asker.found, &folders)?;
                queue.push_back(Asker { found: library.found.clone(), inherited: inherited.clone() });
                order.push(library);
            }
        }
        Ok(order)
    }

    fn find(&self, soname: &str, asker: &Found, folders: &[Folder]) -> Result<Library> {
        if soname.contains('/') {
            let guest = PathBuf::from(soname);
            if let Some(real) = self.sysroot.resolve(&guest) {
                let found = Found { host: self.sysroot.host(&real), guest, in_sysroot: true };
                return Ok(Library { soname: soname.into(), found, needs_link: false });
            }
        }
        for folder in folders {
            let guest = folder.guest.join(soname);
            let host = if folder.in_sysroot {
                match self.sysroot.resolve(&guest) {
                    Some(real) => self.sysroot.host(&real),
                    None => continue,
                }
            } else {
                folder.host.join(soname)
            };
            // A library for another machine is passed over, as ld.so does.
            let Ok(data) = std::fs::read(&host) else { continue };
            if !matches!(Elf::parse(&host, &data), Err(Error::WrongMachine { .. })) {
                let found = Found { host, guest, in_sysroot: folder.in_sysroot };
                return Ok(Library { soname: soname.into(), found, needs_link: folder.needs_link });
            }
        }
        let mut searched: Vec<String> = Vec::new();
        for folder in folders.iter().map(|folder| folder.guest.display().to_string()) {
            if !searched.contains(&folder) {
                searched.push(folder);
            }
        }
        let install = match self.sysroot.host(Path::new("/")) == Path::new("/") {
            true => "install the package that has it (apt-file search, or packages.debian.org)",
            false => "put it into the sysroot",
        };
        Err(Error::MissingLibrary {
            soname: soname.into(),
            wanted_by: asker.host.display().to_string(),
            help: format!(
                "looked in {}\n{install}, or give it with --add {soname}:/usr/lib/{soname}",
                searched.join(", ")
            ),
        })
    }

    /// Where the needs of an object are looked for, in ld.so's order.
    fn folders(&self, asker: &Asker, rpath: Option<&[u8]>, runpath: Option<&[u8]>) -> Vec<Folder> {
        let mut folders = Vec::new();
        if runpath.is_none() {
            rpath.iter().for_each(|path| self.own_folders(path, &asker.found, &mut folders));
            for path in &asker.inherited {
                folders.extend(split_path(path).map(|guest| self.system(guest, false)));
            }
        }
        runpath.iter().for_each(|path| self.own_folders(path, &asker.found, &mut folders));
        let configured = self.configured.iter().map(|folder| folder.as_os_str().as_bytes());
        if self.family == Family::Musl {
            folders.extend(configured.map(|guest| self.system(guest, false)));
            return folders;
        }
        folders.extend(configured.map(|guest| self.system(guest, !is_default(guest))));
        folders.extend(DEFAULT_FOLDERS.iter().map(|folder| self.system(folder.as_bytes(), false)));
        folders
    }

    fn own_folders(&self, path: &[u8], asker: &Found, folders: &mut Vec<Folder>) {
        let guest_origin = folder_of(asker.guest.as_os_str().as_bytes());
        let host_origin = folder_of(asker.host.as_os_str().as_bytes());
        for part in split_path(path) {
            let guest = expand(part, guest_origin);
            if asker.in_sysroot || guest == part {
                folders.push(self.system(&guest, false));
            } else {
                let (host, guest) = (to_path(expand(part, host_origin)), clean(&to_path(guest)));
                folders.push(Folder { host, guest, in_sysroot: false, needs_link: false });
            }
        }
    }

    fn system(&self, guest: &[u8], needs_link: bool) -> Folder {
        let guest = clean(Path::new(OsStr::from_bytes(guest)));
        Folder { host: self.sysroot.host(&guest), guest, in_sysroot: true, needs_link }
    }
}

fn to_path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// Without `.` and `..`, as far as names alone can tell.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for name in crate::tree::names(path).into_iter().rev() {
        if name == ".." {
            clean.pop();
        } else {
            clean.push(name);
        }
    }
    clean
}

fn is_default(folder: &[u8]) -> bool {
    DEFAULT_FOLDERS.iter().any(|default| default.as_bytes() == folder)
}

/// ld-musl's folders: one a line in its file, or separated by colons.
fn musl_folders(sysroot: &Sysroot) -> Vec<PathBuf> {
    let text = sysroot.resolve(Path::new(MUSL_PATHS));
    let text = text.and_then(|real| std::fs::read_to_string(sysroot.host(&real)).ok());
    match text {
        Some(text) => {
            text.split([':', '\n']).filter(|folder| !folder.is_empty()).map(PathBuf::from).collect()
        }
        None => MUSL_FOLDERS.iter().map(PathBuf::from).collect(),
    }
}

/// Reads ld.so.conf: folders and `include PATTERN`, where the pattern's last name may hold one `*`.
fn read_conf(sysroot: &Sysroot, path: &Path, folders: &mut Vec<PathBuf>, depth: usize) {
    let text = sysroot.resolve(path).and_then(|real| std::fs::read_to_string(sysroot.host(&real)).ok());
    let Some(text) = text.filter(|_| depth < 4) else { return };
    let lines =
        text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty());
    for line in lines {
        match line.strip_prefix("include").filter(|rest| rest.starts_with([' ', '\t'])) {
            None => folders.push(line.into()),
            Some(pattern) => {
                let pattern = path.parent().unwrap_or(Path::new("/")).join(pattern.trim());
                for included in matching(sysroot, &pattern) {
                    read_conf(sysroot, &included, folders, depth + 1);
                }
            }
        }
    }
}

fn matching(sysroot: &Sysroot, pattern: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name()) else { return Vec::new() };
    let name = name.to_string_lossy();
    let Some((before, after)) = name.split_once('*') else { return vec![pattern.into()] };
    let listing = sysroot.resolve(folder).and_then(|real| std::fs::read_dir(sysroot.host(&real)).ok());
    let names = listing.into_iter().flatten().flatten().map(|entry| entry.file_name());
    let fits = names.filter(|name| {
        let name = name.to_string_lossy();
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
    });
    let mut paths: Vec<_> = fits.map(|name| folder.join(name)).collect();
    paths.sort();
    paths
}
