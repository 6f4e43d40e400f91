//! The other side: Debian's cloud kernel, with an initramfs that holds the program, its libraries as this machine has
//! them, and `programs/init.c`.

use super::cpio::Archive;
use super::machine::Boot;
use crate::programs::{self, Build};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The package that depends on the current kernel.
const META_PACKAGE: &str = "linux-image-cloud-amd64";

/// A Linux to boot.
#[derive(Clone, Debug)]
pub struct Linux {
    /// The bzImage.
    pub kernel: PathBuf,
    /// Package name, which says the version.
    pub name: String,
}

impl Linux {
    /// Finds the kernel in `folder`, or downloads it: by apt, which verifies it. Nothing is installed.
    pub fn get(folder: &Path) -> Result<Linux, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        if let Some(linux) = Self::find(folder) {
            return Ok(linux);
        }
        let depends = run(Command::new("apt-cache").args(["depends", META_PACKAGE]))?;
        let name = package(&depends).ok_or_else(|| {
            format!("apt knows no {META_PACKAGE}: is this Debian, and was `apt-get update` run?")
        })?;
        eprintln!("bench: downloading {name}");
        run(Command::new("apt-get").args(["download", "-q", &name]).current_dir(folder))?;
        let archive =
            entries(folder).into_iter().find(|path| path.extension().is_some_and(|end| end == "deb"));
        let archive = archive.ok_or_else(|| format!("apt-get left no package in {}", folder.display()))?;
        unpack(&archive, folder)?;
        Self::find(folder).ok_or_else(|| format!("{} holds no kernel", archive.display()))
    }

    fn find(folder: &Path) -> Option<Linux> {
        let kernel = entries(&folder.join("boot")).into_iter().find(|path| version(path).is_some())?;
        let name = format!("Linux {}", version(&kernel)?);
        Some(Linux { kernel, name })
    }

    /// Boots a program. `words` are more for the kernel's command line, where `NAME=VALUE` is the environment's.
    pub fn boot(&self, initrd: &Path, words: &str, program: &str) -> Boot {
        let command_line = format!("console=ttyS0 quiet panic=-1 rdinit=/init {words} -- {program}");
        Boot { kernel: self.kernel.clone(), initrd: Some(initrd.into()), command_line }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn version(kernel: &Path) -> Option<&str> {
    kernel.file_name()?.to_str()?.strip_prefix("vmlinuz-")
}

/// The kernel's package in what `apt-cache depends` says of the meta package.
pub fn package(depends: &str) -> Option<String> {
    let names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.map(str::trim).find(|name| name.starts_with("linux-image-")).map(str::to_owned)
}

/// Takes the kernel itself, not the modules.
fn unpack(archive: &Path, folder: &Path) -> Result<(), String> {
    let mut deb = Command::new("dpkg-deb");
    let deb = deb.arg("--fsys-tarfile").arg(archive).stdout(Stdio::piped()).spawn();
    let mut deb = deb.map_err(|error| format!("dpkg-deb: {error}"))?;
    let mut tar = Command::new("tar");
    tar.arg("-x").arg("-C").arg(folder).args(["--wildcards", "./boot/vmlinuz-*"]);
    if let Some(stdout) = deb.stdout.take() {
        tar.stdin(stdout);
    }
    let unpacked = run(&mut tar).map(drop);
    // tar may leave before the archive's end: only its own answer counts.
    let _ = deb.wait();
    unpacked
}

fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// The libraries, and the interpreter, in what `ldd` says.
pub fn libraries(ldd: &str) -> BTreeSet<String> {
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    ldd.lines().filter_map(path).collect()
}

/// Writes an initramfs with exactly these files (from, to), and the libraries that the ELF files among them need.
pub fn initramfs_of(files: &[(PathBuf, String)], output: &Path) -> Result<(), String> {
    let mut archive = Archive::default();
    archive.device("/dev/console", 5, 1);
    archive.copy(&programs::build("init.c", Build::GlibcStatic)?, "/init")?;
    archive.folder("/tmp");
    let mut present: BTreeSet<String> = files.iter().map(|(_, to)| to.clone()).collect();
    let mut needed = BTreeSet::new();
    for (from, to) in files {
        archive.copy(from, to)?;
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        if name.contains(".so") || from.parent().is_some_and(|folder| folder.ends_with("bin")) {
            // ldd fails on what is no ELF file, which needs nothing.
            needed
                .extend(run(Command::new("ldd").arg(from)).map(|said| libraries(&said)).unwrap_or_default());
        }
    }
    // By RUNPATH: a library of the files' own.
    needed.retain(|library| !library.contains("/../") && present.insert(library.clone()));
    for library in needed {
        archive.copy(Path::new(&library), &library)?;
    }
    fs::write(output, archive.finish()).map_err(|error| format!("{}: {error}", output.display()))
}

/// Writes an initramfs with `files` (from, to) and what libraries they need to `output`.
pub fn initramfs(files: &[(&Path, &str)], output: &Path) -> Result<(), String> {
    let mut archive = Archive::default();
    archive.device("/dev/console", 5, 1);
    archive.copy(&programs::build("init.c", Build::GlibcStatic)?, "/init")?;
    archive.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n");
    let mut needed = BTreeSet::new();
    for (from, to) in files {
        archive.copy(from, to)?;
        needed.extend(libraries(&run(Command::new("ldd").arg(from))?));
    }
    for library in needed {
        archive.copy(Path::new(&library), &library)?;
    }
    fs::write(output, archive.finish()).map_err(|error| format!("{}: {error}", output.display()))
}
