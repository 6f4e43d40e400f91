//! Bytes, numbers and flags as text.

use crate::mem::{UserAddr, UserMemory};
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// Longest piece of a buffer that is shown, as strace's default.
pub(super) const STRING_MAX: usize = 32;

/// Names of values.
pub type Names = [(&'static str, u64)];

/// Bytes in double quotes, with C's escapes.
pub(super) fn quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' => f.write_str("\\n")?,
            b'\t' => f.write_str("\\t")?,
            b'\r' => f.write_str("\\r")?,
            b'\\' => f.write_str("\\\\")?,
            b'"' => f.write_str("\\\"")?,
            0x20..0x7f => f.write_char(char::from(byte))?,
            // As short as what follows allows.
            _ if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => write!(f, "\\{byte:03o}")?,
            _ => write!(f, "\\{byte:o}")?,
        }
    }
    f.write_char('"')
}

/// An address.
pub(super) fn address(f: &mut fmt::Formatter<'_>, addr: u64) -> fmt::Result {
    write!(f, "{:?}", UserAddr(addr))
}

/// `len` bytes at `addr`, cut; the address where they cannot be read.
pub(super) fn buffer(f: &mut fmt::Formatter<'_>, mem: &dyn UserMemory, addr: u64, len: usize) -> fmt::Result {
    let mut bytes = [0; STRING_MAX];
    let shown = &mut bytes[..len.min(STRING_MAX)];
    if addr == 0 || mem.read_bytes(UserAddr(addr), shown).is_err() {
        return address(f, addr);
    }
    quoted(f, shown)?;
    if len > STRING_MAX { f.write_str("...") } else { Ok(()) }
}

/// The string at `addr`, whole if it is at most `most` bytes long.
pub(super) fn string(
    f: &mut fmt::Formatter<'_>,
    mem: &dyn UserMemory,
    addr: u64,
    most: usize,
) -> fmt::Result {
    let mut bytes = Vec::new();
    if addr == 0 || bytes.try_reserve(most).is_err() {
        return address(f, addr);
    }
    while bytes.len() < most {
        let at = UserAddr(addr).add(bytes.len());
        // To the end of the page: what lies behind it need not be mapped.
        let mut chunk = [0; 64];
        let n = (4096 - (at.0 & 4095) as usize).min(chunk.len()).min(most - bytes.len());
        if mem.read_bytes(at, &mut chunk[..n]).is_err() {
            return address(f, addr);
        }
        match chunk[..n].iter().position(|&byte| byte == 0) {
            Some(end) => {
                bytes.extend_from_slice(&chunk[..end]);
                return quoted(f, &bytes);
            }
            None => bytes.extend_from_slice(&chunk[..n]),
        }
    }
    quoted(f, &bytes)?;
    f.write_str("...")
}

/// A mode, as C's `%#03o`.
pub(super) fn octal(f: &mut fmt::Formatter<'_>, mode: u32) -> fmt::Result {
    if mode < 0o100 { write!(f, "{mode:03o}") } else { write!(f, "0{mode:o}") }
}

/// The names of the bits of `value`, and what is left in hexadecimal; `none` for nothing.
pub(super) fn bits(f: &mut fmt::Formatter<'_>, value: u64, names: &Names, none: &str) -> fmt::Result {
    let (mut left, mut first) = (value, true);
    for (name, bit) in names {
        if *bit != 0 && left & bit == *bit {
            left &= !bit;
            write!(f, "{}{name}", if first { "" } else { "|" })?;
            first = false;
        }
    }
    match (left, first) {
        (0, true) => f.write_str(none),
        (0, false) => Ok(()),
        (_, true) => write!(f, "{left:#x}"),
        (_, false) => write!(f, "|{left:#x}"),
    }
}

/// The name of `value`, or the number.
pub(super) fn name_of(f: &mut fmt::Formatter<'_>, value: u64, names: &Names) -> fmt::Result {
    match names.iter().find(|(_, known)| *known == value) {
        Some((name, _)) => f.write_str(name),
        None => match (value as u32).cast_signed() {
            number @ -4096..0x1000 => write!(f, "{number}"),
            number => write!(f, "{number:#x}"),
        },
    }
}

/// A signal's name.
pub(super) fn signal(f: &mut fmt::Formatter<'_>, signo: u64) -> fmt::Result {
    match signo {
        1..=31 => write!(f, "SIG{}", SIGNALS[signo as usize - 1]),
        // glibc's SIGRTMIN is 34; strace counts from the kernel's.
        32..=64 => write!(f, "SIGRT_{}", signo - 32),
        _ => write!(f, "{}", signo.cast_signed()),
    }
}

const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// A set of signals, `[INT CHLD]`; `~[...]` where most are in it.
pub(super) fn signal_set(f: &mut fmt::Formatter<'_>, set: u64) -> fmt::Result {
    let inverted = set.count_ones() > 32;
    let listed = if inverted { !set } else { set };
    f.write_str(if inverted { "~[" } else { "[" })?;
    let mut first = true;
    for at in (0..64).filter(|at| listed >> at & 1 != 0) {
        if !first {
            f.write_char(' ')?;
        }
        first = false;
        match at {
            0..31 => f.write_str(SIGNALS[at])?,
            _ => write!(f, "RT_{}", at - 31)?,
        }
    }
    f.write_char(']')
}
