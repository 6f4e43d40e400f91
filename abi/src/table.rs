//! The system call table. A row is written once, in one of the area files below, as tokens:
//!
//! ```text
//! 0 read [file::read] (fd: Fd, buf: OutBuf) [full] call;
//! ```
//!
//! number, name, handler path (resolved inside the kernel's `sys` crate), arguments with the types of [`crate::arg`],
//! status, and how libc enters it: `call` through the vector, or `trap` always by the `syscall` instruction (law 3 of
//! docs/architecture.md). Status is `full`, `partial("what is missing")` or `stub(ERRNO)`. A stub's path is empty, or that
//! of a function that refuses what Linux refuses first: a bad descriptor, an unknown flag. Every area is a callback macro, so each reader expands what it needs: the kernel its vector,
//! strace its text, osv-pack its check, the fuzzer its arguments, docs/abi.md its matrix.

mod event;
mod file;
mod memory;
mod process;
mod signal;
mod socket;
mod system;
mod time;

use crate::errno::Errno;
use crate::mem::UserMemory;
use core::fmt;

/// How far a row or symbol is implemented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All that the man page says for what can happen here.
    Full,
    /// Works but for what the note says.
    Partial(&'static str),
    /// Fails with this error, and says so once on the console; wrong arguments may fail first with an error of theirs.
    Stub(Errno),
}

/// How ld-osv enters the kernel for this row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `call [vector + nr*8]`.
    Call,
    /// The `syscall` instruction, always: the row needs every register or returns twice.
    Trap,
}

/// One system call as data.
#[derive(Clone, Copy)]
pub struct Row {
    /// Number on x86-64.
    pub nr: u16,
    /// Name, as in section 2 of the manual.
    pub name: &'static str,
    /// Man-page area: the file that the row stands in.
    pub area: &'static str,
    /// Argument names and type names, for documents.
    pub args: &'static [(&'static str, &'static str)],
    /// Level of support.
    pub status: Status,
    /// Whether anything looks at the arguments.
    pub is_handled: bool,
    /// Way of entry.
    pub entry: Entry,
    /// Each argument's registers and text.
    pub params: &'static [Param],
}

/// An argument as strace sees it.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// How many registers it takes.
    pub regs: usize,
    /// Prints it from exactly so many registers.
    pub show: Show,
}

impl Row {
    /// Prints the arguments, each as its type does.
    pub fn show(
        &self,
        regs: &[u64; 6],
        f: &mut fmt::Formatter<'_>,
        mem: Option<&dyn UserMemory>,
    ) -> fmt::Result {
        let mut at = 0;
        for (i, param) in self.params.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            (param.show)(&regs[at..at + param.regs], f, mem)?;
            at += param.regs;
        }
        Ok(())
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.nr, self.name, self.status)
    }
}

/// Reads a status token list.
#[doc(hidden)]
#[macro_export]
macro_rules! status {
    (full) => {
        $crate::table::Status::Full
    };
    (partial($note:literal)) => {
        $crate::table::Status::Partial($note)
    };
    (stub($errno:ident)) => {
        $crate::table::Status::Stub($crate::errno::Errno::$errno)
    };
}

/// Reads an entry token.
#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    (call) => {
        $crate::table::Entry::Call
    };
    (trap) => {
        $crate::table::Entry::Trap
    };
}

/// Expands an area's rows to data.
macro_rules! rows {
    ($($nr:literal $name:ident [$($handler:tt)*] ($($arg:ident: $ty:ty),* $(,)?) [$($status:tt)*] $entry:ident;)*) => {
        &[$($crate::table::Row {
            nr: $nr,
            name: stringify!($name),
            area: AREA,
            args: &[$((stringify!($arg), stringify!($ty))),*],
            status: $crate::status!($($status)*),
            is_handled: !stringify!($($handler)*).is_empty(),
            entry: $crate::entry!($entry),
            params: {
                #[allow(unused_imports, clippy::allow_attributes, reason = "a row without arguments needs none")]
                use $crate::arg::*;
                &[$($crate::table::Param {
                    regs: <$ty as $crate::arg::Arg>::REGS,
                    show: |regs, f, mem| <$ty as $crate::arg::Arg>::decode(regs).show(f, mem),
                }),*]
            },
        }),*]
    };
}
use rows;

/// Prints an argument from its registers.
pub type Show = fn(&[u64], &mut fmt::Formatter<'_>, Option<&dyn UserMemory>) -> fmt::Result;

/// The areas' rows, each sorted as its file is.
pub static AREAS: [(&str, &[Row]); 8] = [
    ("file", file::ROWS),
    ("memory", memory::ROWS),
    ("process", process::ROWS),
    ("signal", signal::ROWS),
    ("time", time::ROWS),
    ("event", event::ROWS),
    ("socket", socket::ROWS),
    ("system", system::ROWS),
];

/// Every row.
pub fn all() -> impl Iterator<Item = &'static Row> {
    AREAS.iter().flat_map(|(_, rows)| rows.iter())
}

/// The row with this number.
pub fn by_number(nr: usize) -> Option<&'static Row> {
    all().find(|row| usize::from(row.nr) == nr)
}

/// No number may stand twice, and each must be what Linux calls by that name.
const _: () = {
    let areas: [&[Row]; 8] = [
        file::ROWS,
        memory::ROWS,
        process::ROWS,
        signal::ROWS,
        time::ROWS,
        event::ROWS,
        socket::ROWS,
        system::ROWS,
    ];
    let mut seen = [false; crate::shared::VECTOR_LEN];
    let mut a = 0;
    while a < areas.len() {
        let mut i = 0;
        while i < areas[a].len() {
            let nr = areas[a][i].nr as usize;
            assert!(!seen[nr], "a system call number stands twice in the table");
            seen[nr] = true;
            i += 1;
        }
        a += 1;
    }
};

#[cfg(test)]
mod tests;
