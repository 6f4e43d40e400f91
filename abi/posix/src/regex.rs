//! regex.h in glibc's layout: `re_nsub` lies at byte 48, and a match is two ints; musl has it at 0, and two longs.

use crate::malloc::slots;
use core::ffi::{c_char, c_int, c_void};

/// A match as glibc's callers know it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Match {
    start: c_int,
    end: c_int,
}

/// A match as musl's code writes it.
type WideMatch = [isize; 2];

const NSUB_AT: usize = 48;
const REG_NOSUB: c_int = 8;
const REG_ESPACE: c_int = 12;
/// As many matches fit on the stack.
const FEW: usize = 16;

mod theirs {
    use super::*;
    unsafe extern "C" {
        pub fn regcomp(regex: *mut c_void, pattern: *const c_char, flags: c_int) -> c_int;
        pub fn regexec(
            regex: *const c_void,
            text: *const c_char,
            n: usize,
            matches: *mut WideMatch,
            flags: c_int,
        ) -> c_int;
    }
}

posix! {
    fn regcomp_narrow(regex: *mut c_void, pattern: *const c_char, flags: c_int) -> c_int {
        let result = theirs::regcomp(regex, pattern, flags);
        if result == 0 && flags & REG_NOSUB == 0 {
            regex.byte_add(NSUB_AT).cast::<usize>().write(regex.cast::<usize>().read());
        }
        result
    }
    fn regexec_narrow(regex: *const c_void, text: *const c_char, n: usize, matches: *mut Match, flags: c_int) -> c_int {
        let mut few = [[-1isize; 2]; FEW];
        let wide: *mut WideMatch = if n <= FEW {
            few.as_mut_ptr()
        } else {
            slots::calloc(n, size_of::<WideMatch>()).cast()
        };
        if wide.is_null() {
            return REG_ESPACE;
        }
        let n = if matches.is_null() { 0 } else { n };
        let result = theirs::regexec(regex, text, n, wide, flags);
        if result == 0 {
            for index in 0..n {
                let [start, end] = *wide.add(index);
                matches.add(index).write(Match { start: start as c_int, end: end as c_int });
            }
        }
        if wide != few.as_mut_ptr() {
            slots::free(wide.cast());
        }
        result
    }
}
