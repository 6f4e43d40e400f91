//! Everything that can go wrong, each with what to do about it.

use miette::Diagnostic;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use thiserror::Error as ThisError;

/// What functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong; the help text says what to do.
#[derive(Debug, ThisError, Diagnostic)]
pub enum Error {
    /// The system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },

    /// A host file changed while we packed it.
    #[error("{} changed while it was being packed", path.display())]
    #[diagnostic(help("pack again when nothing writes to it"))]
    Changed {
        /// The file.
        path: PathBuf,
    },

    /// A path runs through something that is no folder.
    #[error("{} cannot be put into the image: a name on the way is a file", path.display())]
    NotAFolder {
        /// The path in the guest.
        path: PathBuf,
    },

    /// Links in a circle.
    #[error("{} runs through more than 40 symbolic links", path.display())]
    LinkLoop {
        /// The path in the guest.
        path: PathBuf,
    },

    /// No file system takes such a name.
    #[error("the file name {} is longer than 255 bytes", name.display())]
    NameTooLong {
        /// The name.
        name: OsString,
    },

    /// The root does not fit into memory.
    #[error("the root file system is too large: {}, and a root in memory may have 64 MiB", mebibytes(*bytes))]
    #[diagnostic(help(
        "with --disk auto it goes onto a disk beside the image; what a shared disk (--root-disk) lacks must fit into memory\n-v lists what goes in"
    ))]
    RootTooLarge {
        /// Its size in bytes.
        bytes: u64,
    },

    /// An image without its disk.
    #[error("{} keeps its root file system on a disk, and {} is not there", image.display(), disk.display())]
    #[diagnostic(help("keep both files together, or say where it is with --root-disk FILE"))]
    NoRootDisk {
        /// The image.
        image: PathBuf,
        /// Where its disk should be.
        disk: PathBuf,
    },

    /// An image with a disk that was written for another one.
    #[error("{} was packed with another disk than {}", image.display(), disk.display())]
    #[diagnostic(help(
        "the disk was made anew since: pack the image again, or name its own with --root-disk FILE"
    ))]
    WrongRootDisk {
        /// The image.
        image: PathBuf,
        /// The disk that was found.
        disk: PathBuf,
    },

    /// A program that isn't there.
    #[error("there is no program {name}")]
    #[diagnostic(help("{searched}"))]
    NoProgram {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        searched: String,
    },

    /// Not an ELF file.
    #[error("{} is not an ELF file: {found}", path.display())]
    #[diagnostic(help("{help}"))]
    NotElf {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
        /// What to do.
        help: String,
    },

    /// For another machine.
    #[error("{} is for another machine: {machine}", path.display())]
    #[diagnostic(help("osv-rs runs x86-64 Linux programs; install or build that variant of the program"))]
    WrongMachine {
        /// The file.
        path: PathBuf,
        /// Its machine.
        machine: String,
    },

    /// ELF, but cut off or damaged.
    #[error("{} is damaged: {what}", path.display())]
    #[diagnostic(help("copy or build the file again; `readelf -hl` shows what is left of it"))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },

    /// An ELF file, but no program.
    #[error("{} is not a program but {what}", path.display())]
    #[diagnostic(help("give the linked executable"))]
    NotAProgram {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },

    /// A shared library that nobody has.
    #[error("the library {soname} is missing; {wanted_by} needs it")]
    #[diagnostic(help("{help}"))]
    MissingLibrary {
        /// Its soname.
        soname: String,
        /// Who wants it.
        wanted_by: String,
        /// Where it was looked for and what to do.
        help: String,
    },

    /// osv.toml is wrong.
    #[error("{}: {message}", path.display())]
    #[diagnostic(help("the keys are listed by `osv-pack build --help`"))]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },

    /// One of our own files is missing.
    #[error("{name} is missing")]
    #[diagnostic(help(
        "`make` builds it; osv-pack looks in $OSV_HOME, beside itself, and in target/osv\nlooked for: {searched}"
    ))]
    NoPart {
        /// Its name.
        name: &'static str,
        /// Where it was looked for.
        searched: String,
    },

    /// The kernel isn't one that osv-pack can append to, or an image not one that it made.
    #[error("{} {what}", path.display())]
    #[diagnostic(help("{help}"))]
    BadKernel {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        help: &'static str,
    },

    /// A command-line value that is no good.
    #[error("{what}")]
    #[diagnostic(help("{help}"))]
    Usage {
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },

    /// `check` found something that isn't there at all.
    #[error("{program} needs {count} things that osv-rs does not have")]
    #[diagnostic(help(
        "they are listed above as missing; with --libc image the system's own libc runs instead, over system calls"
    ))]
    Missing {
        /// The program.
        program: String,
        /// How many.
        count: usize,
    },

    /// `check --strict` found something.
    #[error("{program} needs {count} things that osv-rs does not have in full")]
    #[diagnostic(help("they are listed above; without --strict this is not an error"))]
    NotFull {
        /// The program.
        program: String,
        /// How many.
        count: usize,
    },

    /// A host port is in use.
    #[error("port {port} is taken on this machine")]
    #[diagnostic(help("{help}"))]
    PortTaken {
        /// Address, port and protocol.
        port: String,
        /// What to do.
        help: String,
    },

    /// No QEMU.
    #[error("QEMU is not installed (no {name} in PATH)")]
    #[diagnostic(help("on Debian and Ubuntu: apt install qemu-system-x86"))]
    NoQemu {
        /// The executable's name.
        name: String,
    },

    /// KVM was asked for and isn't there.
    #[error("KVM cannot be used here: {why}")]
    #[diagnostic(help("leave out --accel kvm; --accel tcg runs everywhere, slower"))]
    NoKvm {
        /// Why not.
        why: String,
    },

    /// More image than memory.
    #[error(
        "the guest's memory ({have} MiB) is too small for the image, which needs {need} MiB before the program starts"
    )]
    #[diagnostic(help("give it more with -m, {need}M at least"))]
    MemoryTooSmall {
        /// What -m says.
        have: u64,
        /// The least that can work.
        need: u64,
    },

    /// The machine did not work.
    #[error("{what}")]
    #[diagnostic(help("{help}"))]
    Guest {
        /// What happened.
        what: String,
        /// What to do.
        help: String,
        /// The last of its console.
        console: Vec<String>,
    },

    /// Time is up.
    #[error("no end after {seconds} s (--timeout); powered off")]
    #[diagnostic(help("{help}"))]
    Timeout {
        /// The limit.
        seconds: f64,
        /// What the lines below are.
        help: &'static str,
        /// What each thread was waiting for, or else the last of the guest's console.
        lines: Vec<String>,
    },
}

impl Error {
    /// The system refused to do something with a path.
    pub fn io(doing: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { doing, path: path.as_ref().into(), source }
    }

    /// Text that goes with the error as it is, unwrapped.
    pub fn appendix(&self) -> &[String] {
        match self {
            Self::Guest { console: lines, .. } | Self::Timeout { lines, .. } => lines,
            _ => &[],
        }
    }

    /// A value of the command line or of osv.toml is no good.
    pub fn usage(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), help: help.into() }
    }
}

fn mebibytes(bytes: u64) -> String {
    if bytes == u64::MAX { "past all limits".into() } else { format!("{} MiB", bytes.div_ceil(1 << 20)) }
}
