//! From a program to an image: what goes in, then the tree, then the file.

mod added;
#[cfg(test)]
mod tests;

use crate::disk::{DiskChoice, RootFile};
use crate::elf::Elf;
use crate::erofs::Written;
use crate::error::{Error, Result};
use crate::image::{Image, MAX_ROOT};
use crate::libc::{self, Choice};
use crate::libraries::{Family, Found, Library, MUSL_PATHS, Search};
use crate::sysroot::{self, Sysroot};
use crate::template::Home;
use crate::tree::{Content, Dir, File, Node};
use crate::{erofs, etc, parts};
use osv_abi::boot::{BOOT_FILE, BootConfig, LD_OSV_PATH, Libc, RootDisk};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Folders whose programs keep their path; others go to /usr/local/bin.
const SYSTEM_FOLDERS: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/srv", "/app"];

/// What to pack.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// A path, or a name to look for in PATH.
    pub program: String,
    /// Sysroot, when it isn't this machine.
    pub root: Option<PathBuf>,
    /// Files and folders to add: host, guest.
    pub add: Vec<(PathBuf, PathBuf)>,
    /// Libraries that nobody lists as needed.
    pub libraries: Vec<String>,
    /// The runtime that the program belongs to, when a recipe names one.
    pub home: Option<Home>,
    /// Whose libc serves the program.
    pub libc: Choice,
    /// What the kernel is told; the program and whose libc it is are filled in.
    pub boot: BootConfig,
}

/// A tree ready to be written.
#[derive(Debug)]
pub struct Packed {
    /// The root file system.
    pub tree: Dir,
    /// What the kernel is told.
    pub boot: BootConfig,
    /// The program's two places.
    pub program: Found,
    /// Libraries that went in.
    pub libraries: Vec<Library>,
    /// What may be wrong, for the user.
    pub warnings: Vec<String>,
    /// What was decided for the user.
    pub notes: Vec<String>,
}

impl Recipe {
    /// Finds the program.
    pub fn program(&self, sysroot: &Sysroot) -> Result<Found> {
        if let Some(home) = self.home.as_ref().filter(|home| Path::new(&self.program).starts_with(&home.path))
        {
            let guest = Path::new(&self.program);
            let real = sysroot.resolve(guest).filter(|real| sysroot.host(real).is_file());
            let searched = format!("{} is not a whole installation", home.path.display());
            let real = real.ok_or_else(|| Error::NoProgram { name: self.program.clone(), searched })?;
            return Ok(found_in_system(sysroot, guest, &real));
        }
        find_program(&self.program, sysroot, self.root.is_some())
    }

    /// The runtime alone, when there is one: what all images of the same runtime have in common.
    pub fn runtime(&self) -> Option<Self> {
        let boot = BootConfig { libc: self.boot.libc, ..BootConfig::default() };
        self.home.is_some().then(|| Self { add: Vec::new(), libraries: Vec::new(), boot, ..self.clone() })
    }

    /// The sysroot.
    pub fn sysroot(&self) -> Result<Sysroot> {
        Sysroot::new(self.root.as_deref().unwrap_or(Path::new("/")))
    }

    /// Collects everything.
    pub fn collect(&self) -> Result<Packed> {
        self.collect_with(None)
    }

    /// Collects everything, with this file as ld-osv.so.
    pub fn collect_with(&self, ld_osv: Option<&Path>) -> Result<Packed> {
        let sysroot = self.sysroot()?;
        let program = self.program(&sysroot)?;
        let data = fs::read(&program.host).map_err(|error| Error::io("read", &program.host, error))?;
        let elf = Elf::parse(&program.host, &data)?;
        elf.require_program()?;

        let mut tree = Dir::default();
        let hostname = String::from_utf8_lossy(&self.boot.hostname);
        etc::add(&sysroot, self.root.is_some(), &hostname, &mut tree)?;
        place(&program, &sysroot, &mut tree)?;
        executable(&program, &mut tree)?;

        let added = self.added_objects(&sysroot)?;
        let decision = libc::decide(self.libc, &sysroot, &program, &self.libraries, &added)?;
        let serves_libc = decision.libc == Libc::Table;
        let family = if serves_libc { Family::Table } else { libc::family(elf.interpreter()) };
        let search = Search::new(&sysroot, family);
        let mut libraries = decision.libraries;
        for library in &libraries {
            place_library(library, &sysroot, &mut tree)?;
        }
        if let Some(interpreter) = elf.interpreter() {
            if serves_libc {
                put_linker(ld_osv, &mut tree)?;
            } else if sysroot.import(interpreter, &mut tree)?.is_some() {
                if family == Family::Musl {
                    sysroot.import(Path::new(MUSL_PATHS), &mut tree)?;
                }
            } else {
                let name = interpreter.display().to_string();
                let searched = format!(
                    "{} names it as its interpreter, and the sysroot lacks it",
                    program.host.display()
                );
                return Err(Error::NoProgram { name, searched });
            }
        }
        for (host, guest) in &self.add {
            sysroot::add(host, guest, &mut tree)?;
        }

        if let Some(home) = &self.home {
            home.take.iter().try_for_each(|path| sysroot.import_linked(path, &home.leave, &mut tree))?;
        }

        let mut warnings = Vec::new();
        let added = added::needs(&tree, &sysroot, &search, &mut warnings)?;
        for library in added.libraries {
            place_library(&library, &sysroot, &mut tree)?;
            libraries.push(library);
        }
        if serves_libc && elf.interpreter().is_none() && !added.interpreters.is_empty() {
            put_linker(ld_osv, &mut tree)?;
        }
        if serves_libc {
            warnings.extend(missing_warning(&decision.missing));
        }
        let boot = BootConfig {
            program: program.guest.as_os_str().as_bytes().into(),
            libc: decision.libc,
            ..self.boot.clone()
        };
        add_boot_file(&mut tree, &boot)?;
        Ok(Packed { tree, boot, program, libraries, warnings, notes: decision.notes })
    }

    /// Dynamic objects among what is added.
    pub fn added_objects(&self, sysroot: &Sysroot) -> Result<Vec<Found>> {
        added::objects(&self.add, sysroot)
    }
}

impl Packed {
    /// Whether the root goes onto a disk.
    pub fn wants_disk(&self, choice: DiskChoice) -> bool {
        match choice {
            DiskChoice::Auto => erofs::size_estimate(&self.tree) > MAX_ROOT,
            DiskChoice::Always => true,
            DiskChoice::Never => false,
        }
    }

    /// The image file's bytes, with the root in them.
    pub fn image(&self) -> Result<Vec<u8>> {
        image_of(&self.tree)
    }

    /// Writes the root as a disk to `out`, which is called `path`: all but the boot configuration, so that it is the same
    /// for whatever else the image says.
    pub fn write_disk(&self, out: &mut fs::File, path: &Path) -> Result<Written> {
        let mut tree = self.tree.clone();
        tree.remove(Path::new(BOOT_FILE));
        erofs::write_to(&tree, out, path)
    }

    /// The image file's bytes, with the root on `disk`.
    pub fn image_on_disk(&self, disk: RootDisk) -> Result<Vec<u8>> {
        self.image_with(Dir::default(), disk)
    }

    /// The image file's bytes, with what `disk` lacks; `disk` has to go by the name `named`.
    pub fn image_sharing(&self, disk: &RootFile, named: RootDisk) -> Result<Vec<u8>> {
        let mut tree = disk.lacks(&self.tree)?;
        tree.remove(Path::new(BOOT_FILE));
        self.image_with(tree, named)
    }

    fn image_with(&self, mut tree: Dir, disk: RootDisk) -> Result<Vec<u8>> {
        add_boot_file(&mut tree, &BootConfig { disk: Some(disk), ..self.boot.clone() })?;
        image_of(&tree)
    }
}

fn add_boot_file(tree: &mut Dir, boot: &BootConfig) -> Result<()> {
    etc::insert(tree, BOOT_FILE, &format!("# made by osv-pack\n{boot}"))
}

/// The kernel with `tree` as its root in memory.
fn image_of(tree: &Dir) -> Result<Vec<u8>> {
    let estimate = erofs::size_estimate(tree);
    if estimate > MAX_ROOT {
        return Err(Error::RootTooLarge { bytes: estimate });
    }
    let kernel_path = parts::find(parts::KERNEL)?;
    let kernel = fs::read(&kernel_path).map_err(|error| Error::io("read", &kernel_path, error))?;
    let root = erofs::write(tree)?;
    Image::parse(&kernel_path, &kernel)?.with_root(&root)
}

fn missing_warning(missing: &[String]) -> Option<String> {
    (!missing.is_empty()).then(|| {
        format!(
            "the table lacks {}; a call of what it lacks ends the program (see osv-pack check, --libc image)",
            libc::listed(missing)
        )
    })
}

/// HOST:GUEST, or HOST alone for the same absolute path.
pub fn parse_add(text: &str) -> Result<(PathBuf, PathBuf)> {
    let (host, guest) = text.rsplit_once(':').unwrap_or((text, text));
    if host.is_empty() || !guest.starts_with('/') {
        let what = format!("--add {text}: the path in the guest must be absolute");
        return Err(Error::usage(what, "write --add HOST:GUEST, such as --add ./site:/srv/www"));
    }
    Ok((host.into(), guest.into()))
}

fn find_program(name: &str, sysroot: &Sysroot, own_root: bool) -> Result<Found> {
    let path = Path::new(name);
    if !name.contains('/') {
        let folders = match std::env::var_os("PATH").filter(|_| !own_root) {
            Some(path) => std::env::split_paths(&path).collect(),
            None => ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
                .map(PathBuf::from)
                .to_vec(),
        };
        for folder in &folders {
            let guest = folder.join(name);
            let Some(real) = sysroot.resolve(&guest).filter(|real| sysroot.host(real).is_file()) else {
                continue;
            };
            return Ok(found_in_system(sysroot, &guest, &real));
        }
        let help = if path.is_file() {
            format!("; to pack the file in this folder, write ./{name}")
        } else {
            String::new()
        };
        let searched: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(Error::NoProgram {
            name: name.into(),
            searched: format!("looked in {}{help}", searched.join(", ")),
        });
    }
    if own_root
        && path.is_absolute()
        && let Some(real) = sysroot.resolve(path).filter(|real| sysroot.host(real).is_file())
    {
        return Ok(found_in_system(sysroot, path, &real));
    }
    let absolute = match std::path::absolute(path) {
        Ok(absolute) if absolute.is_file() => absolute,
        Ok(absolute) if absolute.is_dir() => {
            let searched = "that is a folder; give the program in it".into();
            return Err(Error::NoProgram { name: name.into(), searched });
        }
        _ => {
            let searched =
                "no such file; a path is relative to the current folder, a bare name is looked for in PATH"
                    .into();
            return Err(Error::NoProgram { name: name.into(), searched });
        }
    };
    if !own_root && SYSTEM_FOLDERS.iter().any(|folder| absolute.starts_with(folder)) {
        let real = sysroot.resolve(&absolute).unwrap_or_else(|| absolute.clone());
        return Ok(found_in_system(sysroot, &absolute, &real));
    }
    let guest = Path::new("/usr/local/bin").join(absolute.file_name().unwrap_or("program".as_ref()));
    let host = absolute.canonicalize().unwrap_or(absolute);
    Ok(Found { host, guest, in_sysroot: false })
}

fn found_in_system(sysroot: &Sysroot, guest: &Path, real: &Path) -> Found {
    Found { host: sysroot.host(real), guest: guest.into(), in_sysroot: true }
}

/// Puts an object where the guest finds it.
fn place(found: &Found, sysroot: &Sysroot, tree: &mut Dir) -> Result<()> {
    if found.in_sysroot {
        let imported = sysroot.import(&found.guest, tree)?;
        return imported.map(drop).ok_or_else(|| Error::Changed { path: found.host.clone() });
    }
    let content = host_content(&found.host)?;
    tree.insert(&found.guest, Node::File(File::made(0o755, content)))
}

/// Puts ld-osv.so, or this file in its stead, where the kernel looks for it.
fn put_linker(ld_osv: Option<&Path>, tree: &mut Dir) -> Result<()> {
    let found = ld_osv.map_or_else(|| parts::find(parts::LD_OSV), |path| Ok(path.into()))?;
    let content = host_content(&found)?;
    tree.insert(Path::new(LD_OSV_PATH), Node::File(File::made(0o755, content)))
}

/// Puts a library where ld-osv finds it.
fn place_library(library: &Library, sysroot: &Sysroot, tree: &mut Dir) -> Result<()> {
    place(&library.found, sysroot, tree)?;
    if library.needs_link {
        let link = Path::new("/usr/lib").join(&library.soname);
        tree.insert(&link, Node::Link(library.found.guest.clone().into()))?;
    }
    Ok(())
}

/// The program may be started, whatever its permissions here.
fn executable(program: &Found, tree: &mut Dir) -> Result<()> {
    let Some(Node::File(file)) = tree.get(&program.guest) else { return Ok(()) };
    if file.mode & 0o111 == 0 {
        let file = File { mode: file.mode | 0o111, ..file.clone() };
        tree.insert(&program.guest, Node::File(file))?;
    }
    Ok(())
}

fn host_content(path: &Path) -> Result<Content> {
    let metadata = fs::metadata(path).map_err(|error| Error::io("read", path, error))?;
    Ok(Content::Host(path.into(), metadata.len()))
}
