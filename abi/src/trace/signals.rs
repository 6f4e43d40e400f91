//! Signals and ends between calls: strace's `--- SIGCHLD {...} ---` and `+++ exited with 0 +++`.

use super::text;
use crate::uapi::signal::{Siginfo, code, sig};
use core::fmt::{self, from_fn as by};

/// A signal that a thread took.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a>(pub &'a Siginfo);

impl fmt::Display for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = by(|f| text::signal(f, u64::from(self.0.signo.cast_unsigned())));
        write!(f, "--- {signal} {} ---", info(self.0))
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// By exit(2), with this code.
    Exited(u8),
    /// By this signal.
    Killed(u32),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exited(code) => write!(f, "+++ exited with {code} +++"),
            Self::Killed(signo) => write!(f, "+++ killed by {} +++", by(|f| text::signal(f, signo.into()))),
        }
    }
}

const CODES: &text::Names = &[
    ("SI_USER", code::SI_USER as u64),
    ("SI_KERNEL", code::SI_KERNEL as u64),
    ("SI_QUEUE", code::SI_QUEUE as u32 as u64),
    ("SI_TIMER", code::SI_TIMER as u32 as u64),
    ("SI_MESGQ", code::SI_MESGQ as u32 as u64),
    ("SI_TKILL", code::SI_TKILL as u32 as u64),
];
const CHILD: &text::Names = &[
    ("CLD_EXITED", code::CLD_EXITED as u64),
    ("CLD_KILLED", code::CLD_KILLED as u64),
    ("CLD_DUMPED", code::CLD_DUMPED as u64),
    ("CLD_TRAPPED", code::CLD_TRAPPED as u64),
    ("CLD_STOPPED", code::CLD_STOPPED as u64),
    ("CLD_CONTINUED", code::CLD_CONTINUED as u64),
];
const SEGV: &text::Names =
    &[("SEGV_MAPERR", code::SEGV_MAPERR as u64), ("SEGV_ACCERR", code::SEGV_ACCERR as u64)];
const BUS: &text::Names = &[("BUS_ADRALN", code::BUS_ADRALN as u64), ("BUS_ADRERR", code::BUS_ADRERR as u64)];

/// A `siginfo_t` in braces.
pub(super) fn info(info: &Siginfo) -> impl fmt::Display {
    let info = *info;
    by(move |f: &mut fmt::Formatter<'_>| {
        let signo = info.signo.cast_unsigned();
        write!(f, "{{si_signo={}, si_code=", by(|f| text::signal(f, signo.into())))?;
        let own = match signo {
            _ if info.code <= 0 || info.code == code::SI_KERNEL => CODES,
            sig::CHLD => CHILD,
            sig::SEGV => SEGV,
            sig::BUS => BUS,
            _ => CODES,
        };
        text::name_of(f, u64::from(info.code.cast_unsigned()), own)?;
        let (low, high) = (|at: usize| info.fields[at] as u32, |at: usize| (info.fields[at] >> 32) as u32);
        match (info.code, signo) {
            (code::SI_KERNEL, _) => {}
            (code::SI_TIMER, _) => write!(f, ", si_timerid={}, si_overrun={}", low(0), high(0))?,
            (..=0, _) => {
                write!(f, ", si_pid={}, si_uid={}", low(0), high(0))?;
                if info.code == code::SI_QUEUE {
                    write!(f, ", si_value={:#x}", info.fields[1])?;
                }
            }
            (_, sig::CHLD) => {
                write!(f, ", si_pid={}, si_uid={}, si_status=", low(0), high(0))?;
                match info.code {
                    code::CLD_EXITED => write!(f, "{}", low(1))?,
                    _ => text::signal(f, low(1).into())?,
                }
                write!(f, ", si_utime={}, si_stime={}", info.fields[2], info.fields[3])?;
            }
            (_, sig::ILL | sig::FPE | sig::SEGV | sig::BUS | sig::TRAP) => {
                f.write_str(", si_addr=")?;
                text::address(f, info.fields[0])?;
            }
            _ => {}
        }
        f.write_str("}")
    })
}
