//! What can be wrong with an object or a link, in words for the person who started the program.

use alloc::string::String;
use core::fmt;

/// Why an object cannot be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not an ELF file at all.
    NotElf,
    /// An ELF file of another class, byte order or machine.
    WrongMachine,
    /// Neither an executable nor a shared object, or one that has nothing to link.
    WrongKind,
    /// A header, table or string lies outside the file; the text names it.
    Truncated(&'static str),
    /// A field has a value that no linker makes; the text names it.
    Malformed(&'static str),
    /// A relocation type that this linker does not know.
    Relocation(u32),
    /// A relocation or initialiser outside the object's own segments.
    OutOfObject(u64),
    /// A needed library is nowhere in the search path.
    NotFound {
        /// The library.
        name: String,
        /// Who asked for it.
        wanted_by: String,
    },
    /// A symbol has no definition.
    Undefined {
        /// `name` or `name@version`.
        symbol: String,
        /// Who asked for it.
        wanted_by: String,
    },
    /// A library loaded at run time needs more static TLS than is left.
    StaticTls,
    /// There are as many modules with TLS as there can be.
    TlsModules,
    /// An executable, where a library is due.
    Executable,
    /// Reading or mapping failed with this errno.
    Io(i32),
    /// Something of the above, in this object.
    In(String, alloc::boxed::Box<Error>),
}

impl Error {
    /// The same error with the object's name in front.
    #[must_use]
    pub fn in_object(self, name: &str) -> Self {
        match self {
            Error::In(..) | Error::NotFound { .. } | Error::Undefined { .. } => self,
            other => Error::In(name.into(), alloc::boxed::Box::new(other)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotElf => write!(f, "invalid ELF header"),
            Error::WrongMachine => write!(f, "not an ELF file for x86-64"),
            Error::WrongKind => write!(f, "neither a dynamic executable nor a shared object"),
            Error::Truncated(what) => write!(f, "file too short: {what}"),
            Error::Malformed(what) => write!(f, "malformed {what}"),
            Error::Relocation(kind) => write!(f, "unsupported relocation type {kind}"),
            Error::OutOfObject(vaddr) => write!(f, "relocation outside the object at {vaddr:#x}"),
            Error::NotFound { name, wanted_by } => {
                write!(f, "{name}: cannot open shared object file: No such file or directory")?;
                if wanted_by.is_empty() { Ok(()) } else { write!(f, " (needed by {wanted_by})") }
            }
            Error::Undefined { symbol, wanted_by } => write!(f, "{wanted_by}: undefined symbol: {symbol}"),
            Error::StaticTls => write!(f, "cannot allocate memory in static TLS block"),
            Error::TlsModules => write!(f, "too many objects with thread-local storage"),
            Error::Executable => write!(f, "cannot dynamically load an executable"),
            Error::Io(errno) => write!(f, "cannot read or map it (errno {errno})"),
            Error::In(name, error) => write!(f, "{name}: {error}"),
        }
    }
}

impl core::error::Error for Error {}
