//! Small programs, built from `compat-tests/programs` into the target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// gcc, dynamic.
    Glibc,
    /// gcc -static.
    GlibcStatic,
    /// gcc -shared.
    GlibcLibrary,
    /// musl-gcc, dynamic.
    Musl,
    /// musl-gcc, static PIE. Debian's specs file does not know -static-pie (it links an interpreter and libc.so),
    /// so start files and linker flags are spelt out.
    MuslStaticPie,
    /// rustc.
    Rust,
    /// Go, static and at a fixed address.
    GoStatic,
    /// Go as a PIE: it names an interpreter, and imports no symbol.
    GoPie,
}

const STATIC_PIE: &[&str] = &[
    "-O2",
    "-pthread",
    "-fPIE",
    "-static",
    "-pie",
    "-nostartfiles",
    "-Wl,-static,-pie,--no-dynamic-linker",
    "/usr/lib/x86_64-linux-musl/rcrt1.o",
    "/usr/lib/x86_64-linux-musl/crti.o",
    "/usr/lib/x86_64-linux-musl/crtn.o",
];

impl Build {
    fn name(self) -> &'static str {
        match self {
            Build::Glibc => "glibc",
            Build::GlibcStatic => "glibc-static",
            Build::GlibcLibrary => "so",
            Build::Musl => "musl",
            Build::MuslStaticPie => "musl-spie",
            Build::Rust => "rust",
            Build::GoStatic => "go-static",
            Build::GoPie => "go-pie",
        }
    }

    fn command(self) -> Command {
        let (tool, flags): (&str, &[&str]) = match self {
            Build::Glibc => ("gcc", &["-O2", "-pthread"]),
            Build::GlibcStatic => ("gcc", &["-O2", "-pthread", "-static"]),
            Build::GlibcLibrary => ("gcc", &["-O2", "-pthread", "-shared", "-fPIC"]),
            Build::Musl => ("musl-gcc", &["-O2", "-pthread"]),
            Build::MuslStaticPie => ("musl-gcc", STATIC_PIE),
            Build::Rust => ("rustc", &["-O", "--edition", "2024"]),
            Build::GoStatic => ("go", &["build"]),
            Build::GoPie => ("go", &["build", "-buildmode=pie"]),
        };
        let mut command = Command::new(tool);
        command.args(flags);
        if self == Build::GoStatic {
            command.env("CGO_ENABLED", "0");
        }
        command
    }
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from)
}

/// Where built programs and packed images go.
pub fn output() -> PathBuf {
    target().join("compat")
}

/// Finds a program in `PATH`.
pub fn find(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is not installed: `make setup` does it"))
}

/// Builds `source` (a file of `programs/`) unless that was done since it changed.
pub fn build(source: &str, build: Build) -> Result<PathBuf, String> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(source);
    // In the folder that it comes from: two folders may have programs of one name.
    let stem = Path::new(source).with_extension("");
    let to = output().join(format!("{}.{}", stem.display(), build.name()));
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    // What a program includes is one of these beside it, if anything.
    let headers = ["show.h", "law.h"].map(|name| modified(&from.with_file_name(name)));
    let changed = headers.into_iter().fold(modified(&from), Ord::max);
    if modified(&to).is_some_and(|built| changed.is_some_and(|changed| changed < built)) {
        return Ok(to);
    }
    let folder = to.parent().unwrap_or(&to);
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // Built aside and moved into place: several tests may want the same program.
    let aside = to.with_extension(format!("{}.{:?}", std::process::id(), std::thread::current().id()));
    let built = build.command().arg("-o").arg(&aside).arg(&from).output();
    let built = built.map_err(|error| format!("{build:?} compiler: {error}"))?;
    if !built.status.success() {
        return Err(format!("{source} does not compile: {}", String::from_utf8_lossy(&built.stderr)));
    }
    std::fs::rename(&aside, &to).map_err(|error| format!("{}: {error}", to.display()))?;
    Ok(to)
}
