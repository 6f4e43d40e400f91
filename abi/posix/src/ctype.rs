//! The tables behind glibc's ctype macros: entries for -128 to 255, the same in each locale that there is.

use core::ffi::{c_int, c_ushort, c_void};

const FIRST: usize = 128;
const LENGTH: usize = 384;

/// A table with its pointer to entry 0.
type Table<T> = [T; LENGTH];

const fn classes() -> Table<c_ushort> {
    let mut table = [0; LENGTH];
    let mut code = 0;
    while code < 128 {
        let byte = code as u8;
        // glibc's bits, as they lie on a little-endian machine.
        let bits = [
            (byte.is_ascii_uppercase(), 0x100),
            (byte.is_ascii_lowercase(), 0x200),
            (byte.is_ascii_alphabetic(), 0x400),
            (byte.is_ascii_digit(), 0x800),
            (byte.is_ascii_hexdigit(), 0x1000),
            (byte == b' ' || (byte >= 9 && byte <= 13), 0x2000),
            (byte.is_ascii_graphic() || byte == b' ', 0x4000),
            (byte.is_ascii_graphic(), 0x8000),
            (byte == b' ' || byte == b'\t', 1),
            (byte.is_ascii_control(), 2),
            (byte.is_ascii_punctuation(), 4),
            (byte.is_ascii_alphanumeric(), 8),
        ];
        let mut bit = 0;
        while bit < bits.len() {
            if bits[bit].0 {
                table[FIRST + code] |= bits[bit].1;
            }
            bit += 1;
        }
        code += 1;
    }
    table
}

const fn cases(upper: bool) -> Table<c_int> {
    let mut table = [0; LENGTH];
    let mut index = 0;
    while index < LENGTH {
        // -128 to -2 are bytes that were signed; -1 is EOF.
        let code = if index == FIRST - 1 { -1 } else { ((index + FIRST) % 256) as c_int };
        table[index] = code;
        if code >= 0 && code < 128 {
            let byte = code as u8;
            table[index] =
                (if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }) as c_int;
        }
        index += 1;
    }
    table
}

static CLASSES: Table<c_ushort> = classes();
static LOWER: Table<c_int> = cases(false);
static UPPER: Table<c_int> = cases(true);

/// A pointer to a table's entry 0.
#[repr(transparent)]
#[derive(Debug)]
pub struct Entry<T: 'static>(pub &'static T);

/// Classes, lower case, upper case.
pub static ENTRIES: (Entry<c_ushort>, Entry<c_int>, Entry<c_int>) =
    (Entry(&CLASSES[FIRST]), Entry(&LOWER[FIRST]), Entry(&UPPER[FIRST]));

posix! {
    fn __ctype_b_loc() -> *const Entry<c_ushort> {
        &raw const ENTRIES.0
    }
    fn __ctype_tolower_loc() -> *const Entry<c_int> {
        &raw const ENTRIES.1
    }
    fn __ctype_toupper_loc() -> *const Entry<c_int> {
        &raw const ENTRIES.2
    }
    fn tolower(code: c_int) -> c_int {
        if (0..128).contains(&code) { c_int::from((code as u8).to_ascii_lowercase()) } else { signed(code) }
    }
    fn tolower_l(code: c_int, _locale: *mut c_void) -> c_int {
        tolower(code)
    }
    fn __tolower_l(code: c_int, _locale: *mut c_void) -> c_int {
        tolower(code)
    }
    fn toupper_l(code: c_int, _locale: *mut c_void) -> c_int {
        toupper(code)
    }
    fn __toupper_l(code: c_int, _locale: *mut c_void) -> c_int {
        toupper(code)
    }
    fn toupper(code: c_int) -> c_int {
        if (0..128).contains(&code) { c_int::from((code as u8).to_ascii_uppercase()) } else { signed(code) }
    }
}

/// A code outside ASCII as the table has it.
fn signed(code: c_int) -> c_int {
    if (-128..-1).contains(&code) { code + 256 } else { code }
}
