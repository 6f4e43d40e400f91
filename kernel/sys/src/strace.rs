//! Prints every system call, as strace(1) does: `osv.strace=yes`.
//!
//! A second vector, whose entries all are [`traced`], stands in for the first; calls that are not traced pay nothing.

use crate::cx::Cx;
use crate::dispatch::{self, HANDLERS};
use alloc::string::String;
use core::fmt::{self, Write};
use osv_abi::shared::VECTOR_LEN;
use osv_abi::table::{self, Row};
use osv_abi::{Errno, UserMemory};
use osv_base::log::{self, Level};
use osv_hw::gate::{self, Frame, Handler};

static TRACED: [Handler; VECTOR_LEN] = [traced; VECTOR_LEN];

/// Traces from now on.
pub fn start() {
    gate::install(&TRACED);
}

struct Call<'a>(&'a Row, &'a [u64; 6], Option<&'a dyn UserMemory>);

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.0.name)?;
        (self.0.show)(self.1, f, self.2)?;
        f.write_char(')')
    }
}

/// A result as strace shows it.
struct Ret(isize);

impl fmt::Display for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Errno::from_ret(self.0) {
            _ if self.0 == dispatch::RESTART => f.write_str("? (interrupted)"),
            Ok(value) if value < 0x1_0000_0000 => write!(f, "{value}"),
            Ok(value) => write!(f, "{value:#x}"),
            Err(errno) => write!(f, "-1 {errno:?} ({})", errno.text()),
        }
    }
}

/// Calls that may not come back, or not before others have long gone on: printed at once.
fn is_printed_first(nr: u64) -> bool {
    matches!(nr, 15 | 56..=60 | 231 | 322 | 435)
}

extern "C" fn traced(frame: &mut Frame) -> isize {
    let Some((row, handler)) = table::by_number(frame.nr as usize).zip(HANDLERS.get(frame.nr as usize))
    else {
        return Errno::ENOSYS.to_ret();
    };
    let args = frame.args;
    let tid = osv_task::current().tid();
    // Strings are read before the call, which may overwrite them.
    let mut text = String::new();
    let cx = Cx::new(frame);
    let _ = write!(text, "{}", Call(row, &args, Some(&cx)));
    if is_printed_first(frame.nr) {
        log::emit(Level::Error, format_args!("[{tid}] {text}"));
        let ret = handler(frame);
        log::emit(Level::Error, format_args!("[{tid}] {} = {}", row.name, Ret(ret)));
        return ret;
    }
    let ret = handler(frame);
    log::emit(Level::Error, format_args!("[{tid}] {text} = {}", Ret(ret)));
    ret
}
