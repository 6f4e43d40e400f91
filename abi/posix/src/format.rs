//! Formatted output: the printf family, narrow and wide, as glibc prints.
//!
//! [`print`] walks a format once; [`spec`] reads a directive, [`list`] the arguments, [`decimal`] and [`hex`] turn
//! numbers into digits, [`output`] takes the characters. The C functions are in [`crate::printf`].

pub mod decimal;
pub mod hex;
pub mod list;
pub mod output;
pub mod spec;
#[cfg(test)]
mod tests;

use crate::errno;
use core::ffi::{CStr, c_int, c_void};
use list::{Kind, List, Value};
use osv_abi::errno::Errno;
use output::{Cell, Output};
use spec::{Amount, Length, Spec};

/// Arguments by number are gathered first; as many have room.
const MOST_NUMBERED: usize = 128;

/// Whether `%n` may write: not when the format lies in writable memory and the program was built to be careful.
pub type AllowCount = fn(format: *const c_void) -> bool;

/// Prints and gives the number of characters.
///
/// # Errors
/// EINVAL for a format that ends inside a directive, EILSEQ for what has no form in bytes, EOVERFLOW for more
/// characters than an int counts.
///
/// # Safety
/// The format ends with a zero and `list` holds what it names.
pub unsafe fn print<U: Cell>(
    out: &mut Output<U>,
    format: *const U,
    list: *mut c_void,
    allow_count: AllowCount,
) -> Result<c_int, Errno> {
    // SAFETY: the caller's format and arguments.
    unsafe {
        let saved = errno::get();
        let mut list = List::new(list);
        let mut numbered = None;
        let mut at = format;
        loop {
            let mut plain = 0;
            while !matches!((*at.add(plain)).code(), 0 | 37) {
                plain += 1;
            }
            out.copy(at, plain);
            at = at.add(plain);
            if (*at).code() == 0 {
                break;
            }
            let (spec, length) = Spec::read(at)?;
            if spec.is_numbered() && numbered.is_none() {
                numbered = Some(gather(format, &mut list)?);
            }
            let mut next = |kind: Kind, number: Option<u32>| match (&numbered, number) {
                (Some(values), Some(number)) => {
                    values.get(number as usize - 1).copied().flatten().ok_or(Errno::EINVAL)
                }
                _ => Ok(list.take(kind)),
            };
            directive(out, &spec, (at, length), saved, &mut next, || allow_count(format.cast()))?;
            at = at.add(length);
            if out.total() > c_int::MAX as usize {
                return Err(Errno::EOVERFLOW);
            }
        }
        Ok(out.total() as c_int)
    }
}

/// Reads all arguments of a format that numbers them.
unsafe fn gather<U: Cell>(
    format: *const U,
    list: &mut List,
) -> Result<[Option<Value>; MOST_NUMBERED], Errno> {
    // SAFETY: the caller's format and arguments.
    unsafe {
        let mut kinds = [None; MOST_NUMBERED];
        let mut count = 0;
        let mut at = format;
        while (*at).code() != 0 {
            if (*at).code() != 37 {
                at = at.add(1);
                continue;
            }
            let (spec, length) = Spec::read(at)?;
            let mut note = |number: Option<u32>, kind: Kind| match number.map(|number| number as usize) {
                Some(number @ 1..=MOST_NUMBERED) => {
                    kinds[number - 1] = Some(kind);
                    count = count.max(number);
                    Ok(())
                }
                Some(_) => Err(Errno::EINVAL),
                None => Ok(()),
            };
            for amount in [spec.width, spec.precision] {
                if let Amount::Argument(number) = amount {
                    note(number, Kind::Int)?;
                }
            }
            if let Some(kind) = spec.kind() {
                note(spec.number, kind)?;
            }
            at = at.add(length);
        }
        let mut values = [None; MOST_NUMBERED];
        for (value, kind) in values.iter_mut().zip(kinds).take(count) {
            // A number that no directive has is taken for an int.
            *value = Some(list.take(kind.unwrap_or(Kind::Int)));
        }
        Ok(values)
    }
}

/// Width, precision and flags with arguments filled in.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The least number of characters.
    pub width: usize,
    /// Filled on the right.
    pub left: bool,
    /// Filled with zeros behind sign and prefix.
    pub zero: bool,
    /// A sign for numbers that are not negative.
    pub plus: &'static str,
    /// The `#` flag.
    pub alternative: bool,
    /// Digits or characters, where given.
    pub precision: Option<usize>,
}

type Next<'a> = &'a mut dyn FnMut(Kind, Option<u32>) -> Result<Value, Errno>;

fn layout(spec: &Spec, next: Next<'_>) -> Result<Layout, Errno> {
    let mut left = spec.left;
    let width = match spec.width {
        Amount::None => 0,
        Amount::Number(number) => number as usize,
        Amount::Argument(number) => {
            let width = next(Kind::Int, number)?.word() as c_int;
            left |= width < 0;
            width.unsigned_abs() as usize
        }
    };
    if width >= c_int::MAX as usize {
        return Err(Errno::EOVERFLOW);
    }
    let precision = match spec.precision {
        Amount::None => None,
        Amount::Number(number) => Some(number as usize),
        Amount::Argument(number) => usize::try_from(next(Kind::Int, number)?.word() as c_int).ok(),
    };
    let plus = if spec.plus {
        "+"
    } else if spec.space {
        " "
    } else {
        ""
    };
    Ok(Layout { width, left, zero: spec.zero && !left, plus, alternative: spec.alternative, precision })
}

unsafe fn directive<U: Cell>(
    out: &mut Output<U>,
    spec: &Spec,
    (text, length): (*const U, usize),
    saved: c_int,
    next: Next<'_>,
    allow_count: impl FnOnce() -> bool,
) -> Result<(), Errno> {
    // SAFETY: the caller's arguments are what the directive says.
    unsafe {
        if spec.conversion == b'%' {
            out.ascii(b"%");
            return Ok(());
        }
        let layout = layout(spec, next)?;
        let Some(kind) = spec.kind() else {
            match spec.conversion {
                b'm' => {
                    let text = if spec.alternative { name(saved) } else { None };
                    let text = text.unwrap_or_else(|| CStr::from_ptr(crate::messages::strerror(saved)));
                    U::narrow_string(out, text.as_ptr().cast(), &layout)?;
                }
                // Not a conversion: the directive itself.
                _ => out.copy(text, length),
            }
            return Ok(());
        };
        let value = next(kind, spec.number)?;
        match spec.conversion {
            b'd' | b'i' => {
                let number = spec.length.signed(value.word());
                let sign = if number < 0 { "-" } else { layout.plus };
                integer(out, number.unsigned_abs(), 10, false, sign, &layout);
            }
            b'u' => integer(out, spec.length.unsigned(value.word()), 10, false, "", &layout),
            b'o' => {
                let number = spec.length.unsigned(value.word());
                integer(out, number, 8, false, "", &layout);
            }
            b'x' | b'X' => {
                let number = spec.length.unsigned(value.word());
                let upper = spec.conversion == b'X';
                let prefix = match (layout.alternative && number != 0, upper) {
                    (true, false) => "0x",
                    (true, true) => "0X",
                    _ => "",
                };
                integer(out, number, 16, upper, prefix, &layout);
            }
            b'p' if value.word() == 0 => {
                let layout = Layout { precision: None, ..layout };
                U::narrow_string(out, c"(nil)".as_ptr().cast(), &layout)?;
            }
            b'p' => {
                let prefix = match layout.plus {
                    "+" => "+0x",
                    " " => " 0x",
                    _ => "0x",
                };
                integer(out, value.word(), 16, false, prefix, &Layout { alternative: false, ..layout });
            }
            b'c' if spec.length == Length::Long => U::wide_character(out, value.word() as u32, &layout)?,
            b'c' => U::narrow_character(out, value.word() as u8, &layout)?,
            b's' => {
                let pointer: *const u8 = core::ptr::with_exposed_provenance(value.word() as usize);
                if pointer.is_null() {
                    let fits = layout.precision.is_none_or(|precision| precision >= 6);
                    let text = if fits { c"(null)" } else { c"" };
                    U::narrow_string(out, text.as_ptr().cast(), &layout)?;
                } else if spec.length == Length::Long {
                    U::wide_string(out, pointer.cast(), &layout)?;
                } else {
                    U::narrow_string(out, pointer, &layout)?;
                }
            }
            b'n' => {
                if !allow_count() {
                    crate::report::fatal("*** %n in writable segment detected ***");
                }
                let to: *mut u8 = core::ptr::with_exposed_provenance_mut(value.word() as usize);
                let bytes = out.total().to_le_bytes();
                to.copy_from_nonoverlapping(bytes.as_ptr(), spec.length.size());
            }
            b'a' | b'A' => hex::print(out, value, spec.conversion == b'A', &layout),
            conversion => decimal::print(out, value, conversion, &layout),
        }
        Ok(())
    }
}

fn name(number: c_int) -> Option<&'static CStr> {
    // SAFETY: a name that stays in place, or null.
    unsafe {
        let name = crate::messages::strerrorname_np(number);
        (!name.is_null()).then(|| CStr::from_ptr(name))
    }
}

/// Prints digits with sign or prefix before them.
fn integer<U: Cell>(
    out: &mut Output<U>,
    mut number: u64,
    base: u64,
    upper: bool,
    prefix: &str,
    layout: &Layout,
) {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut text = [0u8; 24];
    let mut start = text.len();
    while number != 0 {
        start -= 1;
        text[start] = digits[(number % base) as usize];
        number /= base;
    }
    let length = text.len() - start;
    let mut least = layout.precision.unwrap_or(1);
    if base == 8 && layout.alternative {
        least = least.max(length + 1);
    }
    let zeros = least.saturating_sub(length);
    let zeros = if layout.zero && layout.precision.is_none() {
        zeros.max(layout.width.saturating_sub(length + prefix.len()))
    } else {
        zeros
    };
    let fill = layout.width.saturating_sub(prefix.len() + zeros + length);
    if !layout.left {
        out.fill(b' ', fill);
    }
    out.ascii(prefix.as_bytes());
    out.fill(b'0', zeros);
    out.ascii(&text[start..]);
    if layout.left {
        out.fill(b' ', fill);
    }
}
