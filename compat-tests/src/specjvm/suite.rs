//! What is run: our workloads, or the user's copy of the real suite.

use crate::bench::linux::{Linux, initramfs_of};
use crate::guest::osv_pack;
use crate::programs::output;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The rows, in the suite's order. SPECjvm2008 counts `startup` as a part of its own.
pub const ROWS: &[&str] = &[
    "startup",
    "compiler.compiler",
    "compiler.sunflow",
    "compress",
    "crypto.aes",
    "crypto.rsa",
    "crypto.signverify",
    "derby",
    "mpegaudio",
    "scimark.fft.large",
    "scimark.lu.large",
    "scimark.sor.large",
    "scimark.sparse.large",
    "scimark.fft.small",
    "scimark.lu.small",
    "scimark.sor.small",
    "scimark.sparse.small",
    "scimark.monte_carlo",
    "serial",
    "sunflow",
    "xml.transform",
    "xml.validation",
];

/// Jars of Debian's that rows need, with their packages.
const JARS: &[(&str, &str)] =
    &[("/usr/share/java/derby.jar", "libderby-java"), ("/usr/share/java/jl.jar", "libjlayer-java")];

/// Something to run rows of, packed for either side.
#[derive(Debug)]
pub struct Suite {
    /// What it is, for the report.
    pub name: &'static str,
    /// Our side.
    pub image: PathBuf,
    /// Linux's initramfs; the kernel to go with it.
    pub linux: Option<(Linux, PathBuf)>,
    java: String,
    is_real: bool,
}

impl Suite {
    /// Builds and packs our workloads, or packs the suite in the folder `real`.
    pub fn pack(folder: &Path, real: Option<&Path>, linux: Option<Linux>) -> Result<Suite, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let image = folder.join("specjvm.img");
        let mut command = Command::new(osv_pack()?);
        command.args(["build", "--verbose", "--recipe", "jvm", "-o"]).arg(&image);
        match real {
            Some(path) => {
                let jar = path.join("SPECjvm2008.jar");
                command.arg(&jar).arg("--add").arg(format!("{}:{REAL}", path.display()));
            }
            None => {
                let parts = workloads()?;
                let classes = parts.join("classes");
                let path = format!("{}:{}", classes.display(), jars(&parts)?);
                command.args(["-cp", &path, "Runner", "--add"]);
                command.arg(format!("{}:/src", sources().display()));
            }
        }
        let name = match real {
            Some(_) => "SPECjvm2008, not in a configuration that is fit for publication",
            None => "workalikes of SPECjvm2008's benchmarks, not SPEC results",
        };
        let app = real.map_or_else(|| output().join("specjvm"), Path::to_owned);
        Self::packed(name, command, image, &app, real, linux)
    }

    /// A class that says hello, and nothing else.
    pub fn hello(folder: &Path, linux: Option<Linux>) -> Result<Suite, String> {
        let classes = output().join("java-hello");
        fs::create_dir_all(&classes).map_err(|error| format!("{}: {error}", classes.display()))?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/java/Hello.java");
        let compiled = Command::new("javac").arg("-d").arg(&classes).arg(source).status();
        if !compiled.map_err(|error| format!("javac: {error}"))?.success() {
            return Err("javac: Hello.java".to_owned());
        }
        let image = folder.join("java-hello.img");
        let mut command = Command::new(osv_pack()?);
        command
            .args(["build", "--verbose", "--recipe", "jvm", "-o"])
            .arg(&image)
            .arg("-cp")
            .arg(&classes)
            .arg("Hello");
        Self::packed("hello", command, image, &output(), None, linux)
    }

    /// Runs osv-pack, and makes Linux's initramfs of the same files.
    fn packed(
        name: &'static str,
        mut command: Command,
        image: PathBuf,
        app: &Path,
        real: Option<&Path>,
        linux: Option<Linux>,
    ) -> Result<Suite, String> {
        let packed = command.output().map_err(|error| format!("osv-pack: {error}"))?;
        let said = String::from_utf8_lossy(&packed.stderr);
        if !packed.status.success() {
            return Err(format!("osv-pack build: {said}"));
        }
        let files = listed(&said);
        let java = files.iter().find(|path| path.ends_with("/bin/java"));
        let java = java.ok_or("the recipe packed no java")?.clone();
        let linux = match linux {
            None => None,
            Some(linux) => {
                let initrd = image.with_extension("cpio");
                initramfs_of(&from_host(&files, app, real), &initrd)?;
                Some((linux, initrd))
            }
        };
        Ok(Suite { name, image, linux, java, is_real: real.is_some() })
    }

    /// What java is called with for a row.
    pub fn arguments(&self, row: &str, flags: &[String], percent: u32) -> Vec<String> {
        let mut arguments = flags.to_vec();
        let more: Vec<String> = if self.is_real {
            let home = format!("-Dspecjvm.home.dir={REAL}");
            let words =
                [home.as_str(), "-jar", "/app/SPECjvm2008.jar", "-ikv", "-crf", "false", "-ctf", "false"];
            let times = ["-chf", "false", "-wt", "10s", "-it", "20s", "-i", "1", row];
            words.iter().chain(&times).map(|&word| word.to_owned()).collect()
        } else {
            let percent = percent.to_string();
            let words = ["-cp", "/app/classes:/app/derby.jar:/app/jl.jar", "Runner", row, &percent];
            words.map(str::to_owned).to_vec()
        };
        arguments.extend(more);
        arguments
    }

    /// Where java is.
    pub fn java(&self) -> &str {
        &self.java
    }
}

const REAL: &str = "/specjvm2008";

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("specjvm")
}

/// Compiles the workloads; gives the folder with `classes` in it.
fn workloads() -> Result<PathBuf, String> {
    let parts = output().join("specjvm");
    let classes = parts.join("classes");
    // Classes of a source that is gone must not stay.
    let _ = fs::remove_dir_all(&classes);
    fs::create_dir_all(&classes).map_err(|error| format!("{}: {error}", classes.display()))?;
    let listing = fs::read_dir(sources()).map_err(|error| format!("{}: {error}", sources().display()))?;
    let mut files: Vec<_> = listing.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "java"));
    let mut javac = Command::new("javac");
    javac.args(["-Xlint:all,-path", "-Werror", "-cp", &jars(&parts)?, "-d"]).arg(&classes).args(&files);
    let compiled = javac.output().map_err(|error| format!("javac: {error}"))?;
    if compiled.status.success() {
        Ok(parts)
    } else {
        Err(format!("javac: {}", String::from_utf8_lossy(&compiled.stderr)))
    }
}

/// Copies the jars under plain names; gives them as a class path.
fn jars(parts: &Path) -> Result<String, String> {
    let mut path = Vec::new();
    for (jar, package) in JARS {
        let from = Path::new(jar);
        let to = parts.join(from.file_name().unwrap_or_default());
        fs::copy(from, &to)
            .map_err(|error| format!("{jar} of {package}: {error} (make specjvm installs it)"))?;
        path.push(to.display().to_string());
    }
    Ok(path.join(":"))
}

/// The files in what `osv-pack build --verbose` says: lines of a size and a path.
pub fn listed(said: &str) -> Vec<String> {
    let file = |line: &str| {
        let (size, path) = line.trim_start().split_once("  ")?;
        (size.parse::<u64>().is_ok() && path.starts_with('/')).then(|| path.to_owned())
    };
    said.lines().filter_map(file).collect()
}

/// The files of an image that Linux is to have too, as (host, guest): the runtime's and the application's, but not
/// our linker and not the system files that osv-pack makes.
fn from_host(files: &[String], app: &Path, real: Option<&Path>) -> Vec<(PathBuf, String)> {
    let mut pairs = Vec::new();
    for guest in files {
        let beside = |folder: &Path, name: &str| folder.join(name.trim_start_matches('/'));
        let host = if let (Some(real), Some(name)) = (real, guest.strip_prefix(REAL)) {
            beside(real, name)
        } else if let Some(name) = guest.strip_prefix("/app/") {
            beside(app, name)
        } else if let Some(name) = guest.strip_prefix("/src/") {
            beside(&sources(), name)
        } else if guest.starts_with("/.osv") || guest.ends_with("/ld-osv.so") {
            continue;
        } else {
            PathBuf::from(guest)
        };
        // What osv-pack made up (host names, accounts) may not be here.
        if host.is_file() {
            pairs.push((host, guest.clone()));
        }
    }
    // Links of the tree are files in the listing of their target only; java looks for some by their own name.
    let home = files.iter().find_map(|path| path.strip_suffix("/lib/modules"));
    for folder in home.into_iter().flat_map(|home| [format!("{home}/conf"), format!("{home}/lib")]) {
        linked(Path::new(&folder), &mut pairs);
    }
    pairs
}

/// Adds what the links below a folder of this machine lead to, under the links' names.
fn linked(folder: &Path, pairs: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_symlink() && path.is_file() {
            pairs.push((path.clone(), path.display().to_string()));
        } else if path.is_dir() {
            linked(&path, pairs);
        }
    }
}
