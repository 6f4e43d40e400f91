//! The C functions: POSIX's and GNU's over the same struct.

use super::parse::parse;
use super::program::Program;
use super::search::{NONE, Text};
use super::syntax;
use super::{Alphabet, Error};
use crate::malloc::slots;
use crate::multibyte;
use crate::vector::Vector;
use core::ffi::{CStr, c_char, c_int};
use core::ptr::{null, null_mut};
use core::slice;

/// `regex_t`, which is GNU's `struct re_pattern_buffer`.
#[repr(C)]
#[derive(Debug)]
pub struct Pattern {
    program: *mut Program,
    allocated: usize,
    used: usize,
    syntax: u64,
    fastmap: *mut u8,
    translate: *mut u8,
    nsub: usize,
    flags: u16,
}

const _: () = assert!(size_of::<Pattern>() == 64 && core::mem::offset_of!(Pattern, nsub) == 48);

const REGISTERS: u16 = 3 << 2;
const REGISTERS_REALLOCATE: u16 = 1 << 2;
const REGISTERS_FIXED: u16 = 2 << 2;
const FASTMAP_ACCURATE: u16 = 1 << 4;
const NO_SUB: u16 = 1 << 5;
const NOT_BOL: u16 = 1 << 6;
const NOT_EOL: u16 = 1 << 7;
const NEWLINE_ANCHOR: u16 = 1 << 8;

/// `regmatch_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Match {
    start: c_int,
    end: c_int,
}

/// `struct re_registers`.
#[repr(C)]
#[derive(Debug)]
pub struct Registers {
    count: u32,
    starts: *mut c_int,
    ends: *mut c_int,
}

const REG_EXTENDED: c_int = 1;
const REG_ICASE: c_int = 2;
const REG_NEWLINE: c_int = 4;
const REG_NOSUB: c_int = 8;
const REG_NOTBOL: c_int = 1;
const REG_NOTEOL: c_int = 2;
const REG_STARTEND: c_int = 4;
const REG_NOMATCH: c_int = 1;

const MESSAGES: [&CStr; 17] = [
    c"Success",
    c"No match",
    c"Invalid regular expression",
    c"Invalid collation character",
    c"Invalid character class name",
    c"Trailing backslash",
    c"Invalid back reference",
    c"Unmatched [, [^, [:, [., or [=",
    c"Unmatched ( or \\(",
    c"Unmatched \\{",
    c"Invalid content of \\{\\}",
    c"Invalid range end",
    c"Memory exhausted",
    c"Invalid preceding regular expression",
    c"Premature end of regular expression",
    c"Regular expression too big",
    c"Unmatched ) or \\)",
];

unsafe extern "C" {
    static mut re_syntax_options: u64;
}

/// Compiles into a pattern whose syntax and flags are set.
unsafe fn compile(to: *mut Pattern, text: &[u8]) -> Result<(), Error> {
    // SAFETY: the caller's struct.
    unsafe {
        let fold = (*to).syntax & syntax::ICASE != 0;
        let alphabet = Alphabet { wide: multibyte::is_utf8(), fold };
        let tree = parse(text, (*to).syntax, alphabet)?;
        let program = Program::new(tree, (*to).syntax, alphabet)?;
        let place: *mut Program = slots::malloc(size_of::<Program>()).cast();
        if place.is_null() {
            return Err(Error::Space);
        }
        (*to).nsub = program.groups as usize;
        place.write(program);
        (*to).program = place;
        (*to).allocated = size_of::<Program>();
        (*to).used = size_of::<Program>();
        Ok(())
    }
}

unsafe fn release(pattern: *mut Pattern) {
    // SAFETY: the caller's struct, whose program is ours or null.
    unsafe {
        if !(*pattern).program.is_null() {
            core::ptr::drop_in_place((*pattern).program);
            slots::free((*pattern).program.cast());
            (*pattern).program = null_mut();
            (*pattern).allocated = 0;
        }
    }
}

/// Searches for a match that begins at `first` to `last`, or backwards from `first`; slots for the groups.
unsafe fn search(
    pattern: *const Pattern,
    text: &Text<'_>,
    (first, last): (usize, usize),
    groups: usize,
) -> Result<Option<Vector<usize>>, Error> {
    // SAFETY: a compiled pattern.
    unsafe {
        let Some(program) = (*pattern).program.as_ref() else { return Ok(None) };
        let mut slots = Vector::new();
        slots.extend(NONE, 2 * groups.clamp(1, program.groups as usize + 1))?;
        if !program.refers && first <= last {
            let Some((start, end)) = program.find(text, first, last)? else { return Ok(None) };
            if slots.len() > 2 {
                program.groups(text, start, end, &mut slots)?;
            }
            (slots[0], slots[1]) = (start, end);
            return Ok(Some(slots));
        }
        let mut tries = 0;
        let mut start = first;
        loop {
            if program.refers {
                if program.try_paths(text, start, &mut slots, &mut tries)?.is_some() {
                    return Ok(Some(slots));
                }
            } else if let Some((start, end)) = program.find(text, start, start)? {
                program.groups(text, start, end, &mut slots)?;
                (slots[0], slots[1]) = (start, end);
                return Ok(Some(slots));
            }
            if start == last {
                return Ok(None);
            }
            start = if first <= last { start + 1 } else { start - 1 };
        }
    }
}

/// Copies a text through a program's translation table.
unsafe fn translated(table: *const u8, text: &[u8]) -> Result<Vector<u8>, Error> {
    let mut copy = Vector::new();
    for &byte in text {
        // SAFETY: a table has an entry for each byte.
        copy.push(unsafe { *table.add(byte.into()) })?;
    }
    Ok(copy)
}

/// What re_search and re_match do: the match's start and end, -1 for none, -2 for trouble.
unsafe fn gnu_search(
    pattern: *mut Pattern,
    text: &[u8],
    start: c_int,
    range: c_int,
    stop: c_int,
    registers: *mut Registers,
) -> Result<(c_int, c_int), c_int> {
    const NO_MATCH: c_int = -1;
    const TROUBLE: c_int = -2;
    // SAFETY: the caller's pattern and registers.
    unsafe {
        let length = text.len() as c_int;
        if start < 0 || start > length {
            return Err(NO_MATCH);
        }
        let last = start.saturating_add(range).clamp(0, length);
        let flags = (*pattern).flags;
        let wanted = if registers.is_null() || flags & NO_SUB != 0 {
            1
        } else if flags & REGISTERS == REGISTERS_FIXED {
            (*registers).count as usize
        } else {
            (*pattern).nsub + 1
        };
        let copy;
        let mut bytes = &text[..(stop.clamp(0, length)) as usize];
        if !(*pattern).translate.is_null() {
            copy = translated((*pattern).translate, bytes).map_err(|_| TROUBLE)?;
            bytes = &copy;
        }
        let text = Text {
            bytes,
            not_bol: flags & NOT_BOL != 0,
            not_eol: flags & NOT_EOL != 0,
            lines: flags & NEWLINE_ANCHOR != 0,
        };
        let most = bytes.len();
        if start as usize > most {
            return Err(NO_MATCH);
        }
        let range = (start as usize, (last as usize).min(most));
        let slots = match search(pattern, &text, range, wanted) {
            Ok(Some(slots)) => slots,
            Ok(None) => return Err(NO_MATCH),
            Err(_) => return Err(TROUBLE),
        };
        if !registers.is_null() && flags & NO_SUB == 0 && !store(pattern, &slots, registers) {
            return Err(TROUBLE);
        }
        Ok((slots[0] as c_int, slots[1] as c_int))
    }
}

/// Hands the groups out as the pattern's flags say.
unsafe fn store(pattern: *mut Pattern, groups: &[usize], registers: *mut Registers) -> bool {
    // SAFETY: the caller's registers.
    unsafe {
        let needed = (*pattern).nsub as u32 + 2;
        let kind = (*pattern).flags & REGISTERS;
        if kind != REGISTERS_FIXED && (kind == 0 || (*registers).count < needed) {
            let (starts, ends) =
                if kind == 0 { (null_mut(), null_mut()) } else { ((*registers).starts, (*registers).ends) };
            let bytes = needed as usize * size_of::<c_int>();
            let starts = slots::realloc(starts.cast(), bytes);
            if starts.is_null() {
                return false;
            }
            (*registers).starts = starts.cast();
            let ends = slots::realloc(ends.cast(), bytes);
            if ends.is_null() {
                return false;
            }
            (*registers).ends = ends.cast();
            (*registers).count = needed;
            (*pattern).flags = (*pattern).flags & !REGISTERS | REGISTERS_REALLOCATE;
        }
        for index in 0..(*registers).count as usize {
            let pair = groups.get(2 * index..2 * index + 2).unwrap_or(&[NONE, NONE]);
            (*registers).starts.add(index).write(pair[0] as c_int);
            (*registers).ends.add(index).write(pair[1] as c_int);
        }
        true
    }
}

unsafe fn bytes<'a>(text: *const u8, length: c_int) -> &'a [u8] {
    match usize::try_from(length) {
        // SAFETY: the caller's text of that length.
        Ok(length @ 1..) => unsafe { slice::from_raw_parts(text, length) },
        _ => &[],
    }
}

/// Two texts as one.
unsafe fn joined(first: &[u8], second: &[u8]) -> Option<Vector<u8>> {
    let mut whole = Vector::new();
    for &byte in first.iter().chain(second) {
        whole.push(byte).ok()?;
    }
    Some(whole)
}

posix! {
    fn regcomp_gnu(pattern: *mut Pattern, text: *const c_char, flags: c_int) -> c_int {
        let mut bits = if flags & REG_EXTENDED != 0 { syntax::POSIX_EXTENDED } else { syntax::POSIX_BASIC };
        if flags & REG_ICASE != 0 {
            bits |= syntax::ICASE;
        }
        let mut own = 0;
        if flags & REG_NEWLINE != 0 {
            bits = bits & !syntax::DOT_NEWLINE | syntax::HAT_LISTS_NOT_NEWLINE;
            own |= NEWLINE_ANCHOR;
        }
        if flags & REG_NOSUB != 0 {
            own |= NO_SUB;
        }
        pattern.write(Pattern {
            program: null_mut(), allocated: 0, used: 0, syntax: bits, fastmap: null_mut(), translate: null_mut(), nsub: 0,
            flags: own,
        });
        match compile(pattern, CStr::from_ptr(text).to_bytes()) {
            Ok(()) => 0,
            // POSIX knows one error for both kinds of parentheses.
            Err(Error::RightParen) => Error::Paren as c_int,
            Err(error) => error as c_int,
        }
    }
    fn regexec_gnu(pattern: *const Pattern, text: *const c_char, n: usize, matches: *mut Match, flags: c_int) -> c_int {
        if flags & !(REG_NOTBOL | REG_NOTEOL | REG_STARTEND) != 0 {
            return Error::BadPattern as c_int;
        }
        let (start, length) = if flags & REG_STARTEND != 0 {
            ((*matches).start.max(0) as usize, (*matches).end.max(0) as usize)
        } else {
            (0, CStr::from_ptr(text).count_bytes())
        };
        if start > length {
            return REG_NOMATCH;
        }
        let text = Text {
            bytes: slice::from_raw_parts(text.cast(), length),
            not_bol: flags & REG_NOTBOL != 0,
            not_eol: flags & REG_NOTEOL != 0,
            lines: (*pattern).flags & NEWLINE_ANCHOR != 0,
        };
        let n = if (*pattern).flags & NO_SUB != 0 || matches.is_null() { 0 } else { n };
        match search(pattern, &text, (start, length), n) {
            Ok(Some(slots)) => {
                for index in 0..n {
                    let pair = slots.get(2 * index..2 * index + 2).unwrap_or(&[NONE, NONE]);
                    matches.add(index).write(Match { start: pair[0] as c_int, end: pair[1] as c_int });
                }
                0
            }
            Ok(None) => REG_NOMATCH,
            Err(error) => error as c_int,
        }
    }
    fn regfree_gnu(pattern: *mut Pattern) {
        release(pattern);
        slots::free((*pattern).fastmap.cast());
        (*pattern).fastmap = null_mut();
        slots::free((*pattern).translate.cast());
        (*pattern).translate = null_mut();
    }
    fn regerror_gnu(code: c_int, _pattern: *const Pattern, to: *mut c_char, n: usize) -> usize {
        let Some(text) = usize::try_from(code).ok().and_then(|code| MESSAGES.get(code)) else {
            crate::report::fatal("regerror: no such code")
        };
        let text = text.to_bytes_with_nul();
        if n > 0 {
            let length = text.len().min(n) - 1;
            to.copy_from_nonoverlapping(text.as_ptr().cast(), length);
            to.add(length).write(0);
        }
        text.len()
    }
    fn re_set_syntax(bits: u64) -> u64 {
        let options = &raw mut re_syntax_options;
        let before = *options;
        *options = bits;
        before
    }
    fn re_compile_pattern(text: *const u8, length: usize, pattern: *mut Pattern) -> *const c_char {
        if (*pattern).allocated != 0 {
            release(pattern);
        }
        (*pattern).program = null_mut();
        (*pattern).syntax = *(&raw const re_syntax_options);
        let no_sub = if (*pattern).syntax & syntax::NO_SUB != 0 { NO_SUB } else { 0 };
        (*pattern).flags = (*pattern).flags & !(NO_SUB | FASTMAP_ACCURATE) | no_sub | NEWLINE_ANCHOR;
        let text = if length == 0 { &[][..] } else { slice::from_raw_parts(text, length) };
        let copy;
        let text = if (*pattern).translate.is_null() {
            text
        } else {
            let Ok(table) = translated((*pattern).translate, text) else {
                return MESSAGES[Error::Space as usize].as_ptr();
            };
            copy = table;
            &copy
        };
        match compile(pattern, text) {
            Ok(()) => null(),
            Err(error) => MESSAGES[error as usize].as_ptr(),
        }
    }
    // Any byte may begin a match: the search has no need of the map.
    fn re_compile_fastmap(pattern: *mut Pattern) -> c_int {
        if !(*pattern).fastmap.is_null() {
            (*pattern).fastmap.write_bytes(1, 256);
        }
        (*pattern).flags |= FASTMAP_ACCURATE;
        0
    }
    fn re_search(
        pattern: *mut Pattern, text: *const u8, length: c_int, start: c_int, range: c_int, registers: *mut Registers,
    ) -> c_int {
        gnu_search(pattern, bytes(text, length), start, range, length, registers).map_or_else(|none| none, |found| found.0)
    }
    fn re_match(
        pattern: *mut Pattern, text: *const u8, length: c_int, start: c_int, registers: *mut Registers,
    ) -> c_int {
        gnu_search(pattern, bytes(text, length), start, 0, length, registers)
            .map_or_else(|none| none, |found| found.1 - found.0)
    }
    fn re_search_2(
        pattern: *mut Pattern, first: *const u8, n: c_int, second: *const u8, m: c_int, start: c_int, range: c_int,
        registers: *mut Registers, stop: c_int,
    ) -> c_int {
        match joined(bytes(first, n), bytes(second, m)) {
            Some(text) => gnu_search(pattern, &text, start, range, stop, registers).map_or_else(|none| none, |found| found.0),
            None => -2,
        }
    }
    fn re_match_2(
        pattern: *mut Pattern, first: *const u8, n: c_int, second: *const u8, m: c_int, start: c_int,
        registers: *mut Registers, stop: c_int,
    ) -> c_int {
        match joined(bytes(first, n), bytes(second, m)) {
            Some(text) => gnu_search(pattern, &text, start, 0, stop, registers)
                .map_or_else(|none| none, |found| found.1 - found.0),
            None => -2,
        }
    }
    fn re_set_registers(
        pattern: *mut Pattern, registers: *mut Registers, count: u32, starts: *mut c_int, ends: *mut c_int,
    ) {
        (*pattern).flags &= !REGISTERS;
        if count > 0 {
            (*pattern).flags |= REGISTERS_REALLOCATE;
            registers.write(Registers { count, starts, ends });
        } else {
            registers.write(Registers { count: 0, starts: null_mut(), ends: null_mut() });
        }
    }
}
