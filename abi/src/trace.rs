//! System calls as text, in the manner of strace(1).
//!
//! A [`Call`] prints in two pieces: what is known on the way in, up to the first argument that the call fills, and
//! the rest with the result. What a row's types can say they say themselves ([`crate::arg::Arg::show`]); [`names`]
//! adds what a bare integer means in its place, [`values`] what lies behind a pointer. Memory is only read through
//! [`UserMemory`], which may fail: then the address stands there.
//!
//! [`Filter`] is the expression that chooses calls.

mod filter;
pub mod names;
mod signals;
#[cfg(test)]
mod tests;
mod text;
mod values;

pub use filter::{BadFilter, Filter};
pub use signals::{Ending, Received};

use crate::errno::Errno;
use crate::mem::UserMemory;
use crate::table::Row;
use crate::uapi::file::open;
use core::fmt::{self, from_fn as by};
use names::Meaning;

/// One call, before or after.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    row: &'static Row,
    regs: [u64; 6],
    mem: &'a dyn UserMemory,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("row", &self.row).field("regs", &self.regs).finish_non_exhaustive()
    }
}

/// What a printer of one argument sees.
#[derive(Clone, Copy)]
struct Shown<'a> {
    /// The argument's own registers and those behind them.
    regs: &'a [u64],
    mem: &'a dyn UserMemory,
    /// The result, once there is one.
    ret: Option<isize>,
    /// The call's first argument: what an ioctl or a prctl is about.
    all: &'a [u64; 6],
}

impl<'a> Call<'a> {
    /// The call of `row` with these registers, in the memory that `mem` reads.
    pub fn new(row: &'static Row, regs: [u64; 6], mem: &'a dyn UserMemory) -> Self {
        Call { row, regs, mem }
    }

    /// How many arguments are printed on the way in: those before the first that the call fills.
    fn known_before(&self) -> usize {
        let filled = |(name, kind): &(&str, &str)| {
            kind.starts_with("Out")
                || kind.starts_with("InOut")
                || names::meaning(self.row.name, name).is_some_and(Meaning::is_filled)
        };
        self.row.args.iter().position(filled).unwrap_or(self.row.args.len())
    }

    /// Whether this is an open that gives no mode.
    fn creates_nothing(&self) -> bool {
        let flags = match self.row.name {
            "open" => self.regs[1],
            "openat" => self.regs[2],
            _ => return false,
        };
        flags as u32 & (open::CREAT | open::TMPFILE & !open::DIRECTORY) == 0
    }

    fn arguments(
        &self,
        f: &mut fmt::Formatter<'_>,
        range: core::ops::Range<usize>,
        ret: Option<isize>,
    ) -> fmt::Result {
        let mut at = 0;
        for (index, (param, (name, kind))) in self.row.params.iter().zip(self.row.args).enumerate() {
            if *name == "mode" && self.creates_nothing() {
                break;
            }
            if range.contains(&index) {
                if index > 0 {
                    f.write_str(", ")?;
                }
                let shown = Shown { regs: &self.regs[at..], mem: self.mem, ret, all: &self.regs };
                let meaning = names::meaning(self.row.name, name);
                match meaning {
                    Some(meaning) => meaning.show(f, &shown)?,
                    None if values::show(f, kind, &shown)? => {}
                    None => (param.show)(&shown.regs[..param.regs], f, Some(self.mem))?,
                }
            }
            at += param.regs;
        }
        Ok(())
    }

    /// `name(first, arguments`, without a line's end.
    pub fn entry(&self) -> impl fmt::Display {
        by(move |f: &mut fmt::Formatter<'_>| {
            write!(f, "{}(", self.row.name)?;
            self.arguments(f, 0..self.known_before(), None)
        })
    }

    /// `, the rest) = result`.
    pub fn exit(&self, ret: isize) -> impl fmt::Display {
        by(move |f: &mut fmt::Formatter<'_>| {
            self.arguments(f, self.known_before()..self.row.args.len(), Some(ret))?;
            write!(f, ") = ")?;
            let is_address = matches!(self.row.name, "mmap" | "mremap" | "brk" | "shmat");
            match Errno::from_ret(ret) {
                Ok(value) if is_address => write!(f, "{value:#x}"),
                Ok(value) => write!(f, "{}", value.cast_signed()),
                Err(errno) => write!(f, "-1 {errno:?} ({})", errno.text()),
            }
        })
    }
}
