//! strtol and its kin, narrow and wide, as glibc has them: no digits is no error, a bad base is EINVAL.

use crate::errno;
use core::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};
use osv_abi::errno::Errno;

/// A character of either width.
pub trait Unit: Copy {
    /// Its code; ASCII in both widths.
    fn code(self) -> u32;
}

impl Unit for c_char {
    fn code(self) -> u32 {
        u32::from(self as u8)
    }
}

impl Unit for u8 {
    fn code(self) -> u32 {
        self.into()
    }
}

impl Unit for u32 {
    fn code(self) -> u32 {
        self
    }
}

impl Unit for c_int {
    fn code(self) -> u32 {
        self as u32
    }
}

/// Whether C's locale calls it white space.
pub fn is_space(code: u32) -> bool {
    code == 32 || (9..14).contains(&code)
}

/// What stands at the start of a text.
struct Parsed {
    magnitude: u64,
    negative: bool,
    overflow: bool,
    /// How many units were used; 0 when there is no number.
    used: usize,
}

/// Reads white space, sign, prefix and digits.
unsafe fn parse<U: Unit>(text: *const U, mut base: u32, binary_prefix: bool) -> Parsed {
    // SAFETY: the text ends with a zero, and nothing behind one is read.
    let at = |index: usize| unsafe { (*text.add(index)).code() };
    let mut index = 0;
    while is_space(at(index)) {
        index += 1;
    }
    let negative = at(index) == u32::from(b'-');
    if negative || at(index) == u32::from(b'+') {
        index += 1;
    }
    let digit = |index: usize, base: u32| char::from_u32(at(index)).and_then(|c| c.to_digit(base));
    if at(index) == u32::from(b'0') {
        let prefix = match at(index + 1) | 32 {
            120 => 16,
            98 if binary_prefix => 2,
            _ => 0,
        };
        if prefix != 0 && (base == 0 || base == prefix) && digit(index + 2, prefix).is_some() {
            index += 2;
            base = prefix;
        } else if base == 0 {
            base = 8;
        }
    } else if base == 0 {
        base = 10;
    }
    let (mut magnitude, mut overflow, mut used) = (0u64, false, 0);
    while let Some(value) = digit(index, base) {
        match magnitude.checked_mul(u64::from(base)).and_then(|m| m.checked_add(u64::from(value))) {
            Some(next) => magnitude = next,
            None => overflow = true,
        }
        index += 1;
        used = index;
    }
    Parsed { magnitude, negative, overflow, used }
}

unsafe fn convert<U: Unit>(
    text: *const U,
    end: *mut *const U,
    base: c_int,
    binary: bool,
    signed: bool,
) -> u64 {
    // SAFETY: the caller's text and end pointer.
    unsafe {
        if base != 0 && !(2..=36).contains(&base) {
            errno::set(Errno::EINVAL);
            return 0;
        }
        let parsed = parse(text, base as u32, binary);
        if !end.is_null() {
            end.write(text.add(parsed.used));
        }
        let limit = match (signed, parsed.negative) {
            (false, _) => u64::MAX,
            (true, false) => i64::MAX as u64,
            (true, true) => i64::MIN as u64,
        };
        if parsed.overflow || parsed.magnitude > limit {
            errno::set(Errno::ERANGE);
            return limit;
        }
        if parsed.negative { parsed.magnitude.wrapping_neg() } else { parsed.magnitude }
    }
}

macro_rules! conversions {
    ($unit:ty, $binary:literal: $($signed:ident, $unsigned:ident;)*) => { posix! { $(
        fn $signed(text: *const $unit, end: *mut *const $unit, base: c_int) -> c_long {
            convert(text, end, base, $binary, true) as c_long
        }
        fn $unsigned(text: *const $unit, end: *mut *const $unit, base: c_int) -> c_ulong {
            convert(text, end, base, $binary, false)
        }
    )* } };
    ($unit:ty, with $extra:ty: $($signed:ident, $unsigned:ident;)*) => { posix! { $(
        fn $signed(text: *const $unit, end: *mut *const $unit, base: c_int, _extra: $extra) -> c_long {
            convert(text, end, base, false, true) as c_long
        }
        fn $unsigned(text: *const $unit, end: *mut *const $unit, base: c_int, _extra: $extra) -> c_ulong {
            convert(text, end, base, false, false)
        }
    )* } };
}

conversions! { c_char, false: strtol, strtoul; strtoll, strtoull; strtoimax, strtoumax; strtoq, strtouq; }
conversions! { c_int, false: wcstol, wcstoul; wcstoll, wcstoull; wcstoimax, wcstoumax; wcstoq, wcstouq; }
// C2x: a prefix 0b is read, too.
conversions! { c_char, true: __isoc23_strtol, __isoc23_strtoul; __isoc23_strtoll, __isoc23_strtoull;
__isoc23_strtoimax, __isoc23_strtoumax; }
conversions! { c_int, true: __isoc23_wcstol, __isoc23_wcstoul; __isoc23_wcstoll, __isoc23_wcstoull; }
// Of all locales here none groups digits.
conversions! { c_char, with *mut c_void: strtol_l, strtoul_l; strtoll_l, strtoull_l; }
conversions! { c_int, with *mut c_void: wcstol_l, wcstoul_l; wcstoll_l, wcstoull_l; }
conversions! { c_char, with c_int: __strtol_internal, __strtoul_internal; __strtoll_internal, __strtoull_internal; }

posix! {
    fn atoi(text: *const c_char) -> c_int {
        convert(text, core::ptr::null_mut(), 10, false, true) as c_int
    }
    fn atol(text: *const c_char) -> c_long {
        convert(text, core::ptr::null_mut(), 10, false, true) as c_long
    }
    fn atoll(text: *const c_char) -> c_long {
        convert(text, core::ptr::null_mut(), 10, false, true) as c_long
    }
    fn l64a(value: c_long) -> *mut c_char {
        static mut TEXT: [c_char; 7] = [0; 7];
        let text: *mut c_char = (&raw mut TEXT).cast();
        let mut rest = value as c_uint;
        let mut length = 0;
        while rest != 0 {
            text.add(length).write(RADIX_64[rest as usize & 63] as c_char);
            rest >>= 6;
            length += 1;
        }
        text.add(length).write(0);
        text
    }
    fn a64l(text: *const c_char) -> c_long {
        let mut value = 0u32;
        for index in 0..6 {
            let unit = *text.add(index) as u8;
            let Some(digit) = RADIX_64.iter().position(|&known| known == unit) else { break };
            value |= (digit as u32) << (6 * index);
        }
        c_long::from(value as i32)
    }
}

const RADIX_64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
