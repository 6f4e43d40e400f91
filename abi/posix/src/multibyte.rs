//! Conversion between bytes and wide characters: UTF-8, or in the C locale ASCII, where other bytes are errors.

use crate::errno;
use crate::tcb;
use core::ffi::{c_int, c_uint};
use core::ptr::{null, null_mut};
use osv_abi::errno::Errno;

const INVALID: usize = usize::MAX;
const INCOMPLETE: usize = usize::MAX - 1;
/// mbrtoc16 stored the second half of a pair, for which no byte was read.
const STORED: usize = usize::MAX - 2;
/// WEOF and EOF.
const END: c_int = -1;

/// `mbstate_t`: what was read of a character so far.
#[repr(C)]
#[derive(Debug)]
pub struct State {
    /// Bytes still to come in the low half, bytes of the character in the high half; or [`PAIR`].
    count: c_uint,
    value: c_uint,
}

impl State {
    /// Between characters.
    #[must_use]
    pub const fn initial() -> Self {
        State { count: 0, value: 0 }
    }
}

/// The value is the second half of a surrogate pair.
const PAIR: c_uint = 0x8000_0000;

static mut OWN: [State; 6] = [const { State { count: 0, value: 0 } }; 6];

/// The function's own state where the caller gives none.
unsafe fn state<'a>(given: *mut State, own: usize) -> &'a mut State {
    // SAFETY: the caller's state, or a static that its manual page calls unsafe for threads.
    unsafe { if given.is_null() { &mut *(&raw mut OWN[own]) } else { &mut *given } }
}

/// Whether the thread's locale is UTF-8.
pub fn is_utf8() -> bool {
    // SAFETY: the thread's own block; a locale's first word is its character type.
    unsafe {
        let locale: *const *const u8 = (*tcb::current()).locale.cast::<*const u8>().cast_const();
        !locale.is_null() && !(*locale).is_null()
    }
}

fn invalid() -> usize {
    errno::set(Errno::EILSEQ);
    INVALID
}

/// The longest character that a caller must have room for. UTF-8 had six bytes once, and glibc still says so.
fn longest() -> usize {
    if is_utf8() { 6 } else { 1 }
}

/// Takes one byte; `Some` when a character is complete.
fn feed(state: &mut State, byte: u8) -> Result<Option<u32>, ()> {
    let (left, total) = (state.count & 0xffff, state.count >> 16);
    if left == 0 {
        let (value, more) = match byte {
            0..=0x7f => return Ok(Some(byte.into())),
            0xc2..=0xdf => (byte & 0x1f, 1),
            0xe0..=0xef => (byte & 0x0f, 2),
            0xf0..=0xf4 => (byte & 0x07, 3),
            _ => return Err(()),
        };
        *state = State { count: (more + 1) << 16 | more, value: value.into() };
        return Ok(None);
    }
    if byte & 0xc0 != 0x80 {
        return Err(());
    }
    let value = state.value << 6 | u32::from(byte & 0x3f);
    // Overlong forms, surrogates and what lies beyond Unicode show in the second byte.
    let bad = match (total, left) {
        (3, 2) => value < 0x20 || (0x360..0x380).contains(&value),
        (4, 3) => !(0x10..0x110).contains(&value),
        _ => false,
    };
    if bad {
        return Err(());
    }
    if left == 1 {
        *state = State { count: 0, value: 0 };
        return Ok(Some(value));
    }
    *state = State { count: total << 16 | (left - 1), value };
    Ok(None)
}

/// Reads one character from at most `n` bytes.
unsafe fn read(state: &mut State, from: *const u8, n: usize) -> Result<(u32, usize), usize> {
    if n > 0 && !is_utf8() {
        // SAFETY: one byte is there.
        let byte = unsafe { *from };
        return if byte < 128 { Ok((byte.into(), 1)) } else { Err(invalid()) };
    }
    for index in 0..n {
        // SAFETY: as many bytes as the caller says.
        match feed(state, unsafe { *from.add(index) }) {
            Ok(Some(value)) => return Ok((value, index + 1)),
            Ok(None) => {}
            Err(()) => {
                *state = State { count: 0, value: 0 };
                return Err(invalid());
            }
        }
    }
    Err(INCOMPLETE)
}

/// Writes one character; its length.
unsafe fn write(to: *mut u8, code: u32) -> usize {
    let Some(character) = char::from_u32(code).filter(|c| is_utf8() || c.is_ascii()) else {
        return invalid();
    };
    let mut bytes = [0; 4];
    let text = character.encode_utf8(&mut bytes);
    // SAFETY: room for one character, MB_LEN_MAX bytes.
    unsafe { to.copy_from_nonoverlapping(text.as_ptr(), text.len()) };
    text.len()
}

/// mbsnrtowcs: at most `m` bytes into at most `n` characters; without `to` they are only counted.
unsafe fn read_many(to: *mut u32, from: *mut *const u8, m: usize, n: usize, given: *mut State) -> usize {
    // SAFETY: the caller's text and room.
    unsafe {
        let mut copy = State { count: 0, value: 0 };
        let state = state(given, 0);
        let state = if to.is_null() {
            (copy.count, copy.value) = (state.count, state.value);
            &mut copy
        } else {
            state
        };
        let mut at = *from;
        let end = at.wrapping_add(m);
        let mut count = 0;
        while to.is_null() || count < n {
            let left = if m == usize::MAX { 4 } else { end.offset_from(at) as usize };
            if left == 0 {
                break;
            }
            // A text ends with a zero: no character reads beyond it.
            match read(state, at, left.min(4)) {
                Ok((0, _)) => {
                    if !to.is_null() {
                        to.add(count).write(0);
                        from.write(null());
                    }
                    return count;
                }
                Ok((value, used)) => {
                    if !to.is_null() {
                        to.add(count).write(value);
                    }
                    at = at.add(used);
                    count += 1;
                }
                Err(INCOMPLETE) => {
                    at = at.add(left);
                    break;
                }
                Err(error) => {
                    if !to.is_null() {
                        from.write(at);
                    }
                    return error;
                }
            }
        }
        if !to.is_null() {
            from.write(at);
        }
        count
    }
}

/// wcsnrtombs: at most `m` characters into at most `n` bytes; without `to` they are only counted.
unsafe fn write_many(to: *mut u8, from: *mut *const u32, m: usize, n: usize) -> usize {
    // SAFETY: the caller's text and room.
    unsafe {
        let mut at = *from;
        let mut count = 0;
        for _ in 0..m {
            let mut bytes = [0; 4];
            let length = write(bytes.as_mut_ptr(), *at);
            if length == INVALID {
                if !to.is_null() {
                    from.write(at);
                }
                return INVALID;
            }
            if !to.is_null() {
                if count + length > n {
                    break;
                }
                to.add(count).copy_from_nonoverlapping(bytes.as_ptr(), length);
            }
            if *at == 0 {
                if !to.is_null() {
                    from.write(null());
                }
                return count;
            }
            count += length;
            at = at.add(1);
        }
        if !to.is_null() {
            from.write(at);
        }
        count
    }
}

posix! {
    fn __ctype_get_mb_cur_max() -> usize {
        longest()
    }
    fn mbrtowc(to: *mut u32, from: *const u8, n: usize, given: *mut State) -> usize {
        let state = state(given, 1);
        if from.is_null() {
            return mbrtowc(null_mut(), c"".as_ptr().cast(), 1, state);
        }
        match read(state, from, n) {
            Ok((value, used)) => {
                if !to.is_null() {
                    to.write(value);
                }
                if value == 0 { 0 } else { used }
            }
            Err(error) => error,
        }
    }
    fn mbrlen(from: *const u8, n: usize, given: *mut State) -> usize {
        mbrtowc(null_mut(), from, n, state(given, 2))
    }
    fn mbtowc(to: *mut u32, from: *const u8, n: usize) -> c_int {
        if from.is_null() {
            return 0;
        }
        let kept = errno::get();
        let mut fresh = State { count: 0, value: 0 };
        let used = mbrtowc(to, from, n, &raw mut fresh);
        if used >= INCOMPLETE {
            errno::set_raw(kept);
            return -1;
        }
        used as c_int
    }
    fn mblen(from: *const u8, n: usize) -> c_int {
        if n == 0 && !from.is_null() && *from == 0 { 0 } else { mbtowc(null_mut(), from, n) }
    }
    fn mbsinit(state: *const State) -> c_int {
        c_int::from(state.is_null() || (*state).count == 0)
    }
    fn mbsnrtowcs(to: *mut u32, from: *mut *const u8, m: usize, n: usize, state: *mut State) -> usize {
        read_many(to, from, m.min(usize::MAX - 1), n, state)
    }
    fn mbsrtowcs(to: *mut u32, from: *mut *const u8, n: usize, state: *mut State) -> usize {
        read_many(to, from, usize::MAX, n, state)
    }
    fn mbstowcs(to: *mut u32, from: *const u8, n: usize) -> usize {
        let mut at = from;
        let mut fresh = State { count: 0, value: 0 };
        read_many(to, &raw mut at, usize::MAX, n, &raw mut fresh)
    }
    fn wcrtomb(to: *mut u8, code: u32, _state: *mut State) -> usize {
        if to.is_null() { 1 } else { write(to, code) }
    }
    fn wctomb(to: *mut u8, code: u32) -> c_int {
        if to.is_null() { 0 } else { write(to, code) as c_int }
    }
    fn __wctomb_chk(to: *mut u8, code: u32, room: usize) -> c_int {
        if room < longest() {
            crate::fortify::overflow();
        }
        wctomb(to, code)
    }
    fn __wcrtomb_chk(to: *mut u8, code: u32, state: *mut State, room: usize) -> usize {
        if room < longest() {
            crate::fortify::overflow();
        }
        wcrtomb(to, code, state)
    }
    fn wcsnrtombs(to: *mut u8, from: *mut *const u32, m: usize, n: usize, _state: *mut State) -> usize {
        write_many(to, from, m, n)
    }
    fn wcsrtombs(to: *mut u8, from: *mut *const u32, n: usize, _state: *mut State) -> usize {
        write_many(to, from, usize::MAX, n)
    }
    fn wcstombs(to: *mut u8, from: *const u32, n: usize) -> usize {
        let mut at = from;
        write_many(to, &raw mut at, usize::MAX, n)
    }
    fn btowc(byte: c_int) -> c_int {
        if (0..128).contains(&byte) { byte } else { END }
    }
    fn wctob(code: c_int) -> c_int {
        if (0..128).contains(&code) { code } else { END }
    }
    fn mbrtoc32(to: *mut u32, from: *const u8, n: usize, given: *mut State) -> usize {
        mbrtowc(to, from, n, state(given, 3))
    }
    fn mbrtoc16(to: *mut u16, from: *const u8, n: usize, given: *mut State) -> usize {
        let state = state(given, 4);
        if from.is_null() {
            return mbrtoc16(null_mut(), c"".as_ptr().cast(), 1, state);
        }
        let put = |value: u32| {
            if !to.is_null() {
                to.write(value as u16);
            }
        };
        if state.count == PAIR {
            put(state.value);
            *state = State { count: 0, value: 0 };
            return STORED;
        }
        match read(state, from, n) {
            Ok((value @ 0x10000.., used)) => {
                put(0xd7c0 + (value >> 10));
                *state = State { count: PAIR, value: 0xdc00 + (value & 0x3ff) };
                used
            }
            Ok((value, used)) => {
                put(value);
                if value == 0 { 0 } else { used }
            }
            Err(error) => error,
        }
    }
    fn c32rtomb(to: *mut u8, code: u32, state: *mut State) -> usize {
        wcrtomb(to, code, state)
    }
    fn c16rtomb(to: *mut u8, unit: u16, given: *mut State) -> usize {
        let state = state(given, 5);
        if to.is_null() {
            *state = State { count: 0, value: 0 };
            return 1;
        }
        if state.count == PAIR {
            let high = state.value;
            *state = State { count: 0, value: 0 };
            if unit & 0xfc00 != 0xdc00 {
                return invalid();
            }
            return write(to, 0x10000 + ((high & 0x3ff) << 10) + u32::from(unit & 0x3ff));
        }
        if unit & 0xfc00 == 0xd800 {
            *state = State { count: PAIR, value: unit.into() };
            return 0;
        }
        write(to, unit.into())
    }
}
