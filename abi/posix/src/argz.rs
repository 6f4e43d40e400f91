//! argz.h: vectors of strings, one after the other, each with its zero.

use crate::malloc::slots;
use core::ffi::{c_char, c_int};
use core::ptr::{null, null_mut};
use core::slice;
use osv_abi::errno::Errno;

const ENOMEM: c_int = Errno::ENOMEM.get();

unsafe extern "C" {
    fn strlen(text: *const c_char) -> usize;
}

/// Makes room for `more` bytes at offset `at` and gives its address.
unsafe fn open(argz: *mut *mut c_char, length: *mut usize, at: usize, more: usize) -> Option<*mut c_char> {
    // SAFETY: the caller's vector, which malloc gave.
    unsafe {
        let old = *length;
        let grown: *mut c_char = slots::realloc((*argz).cast(), old + more).cast();
        if grown.is_null() {
            return None;
        }
        grown.add(at).copy_to(grown.add(at + more), old - at);
        argz.write(grown);
        length.write(old + more);
        Some(grown.add(at))
    }
}

posix! {
    fn argz_append(argz: *mut *mut c_char, length: *mut usize, from: *const c_char, n: usize) -> c_int {
        if n == 0 {
            return 0;
        }
        match open(argz, length, *length, n) {
            Some(room) => {
                room.copy_from_nonoverlapping(from, n);
                0
            }
            None => ENOMEM,
        }
    }
    fn argz_add(argz: *mut *mut c_char, length: *mut usize, text: *const c_char) -> c_int {
        argz_append(argz, length, text, strlen(text) + 1)
    }
    fn argz_add_sep(argz: *mut *mut c_char, length: *mut usize, text: *const c_char, separator: c_int) -> c_int {
        let text = slice::from_raw_parts(text, strlen(text));
        for part in text.split(|&unit| unit == separator as c_char).filter(|part| !part.is_empty()) {
            let Some(room) = open(argz, length, *length, part.len() + 1) else { return ENOMEM };
            room.copy_from_nonoverlapping(part.as_ptr(), part.len());
            room.add(part.len()).write(0);
        }
        0
    }
    fn argz_create(arguments: *const *const c_char, argz: *mut *mut c_char, length: *mut usize) -> c_int {
        argz.write(null_mut());
        length.write(0);
        let mut at = arguments;
        while !(*at).is_null() {
            if argz_add(argz, length, *at) != 0 {
                slots::free((*argz).cast());
                return ENOMEM;
            }
            at = at.add(1);
        }
        0
    }
    fn argz_create_sep(text: *const c_char, separator: c_int, argz: *mut *mut c_char, length: *mut usize) -> c_int {
        argz.write(null_mut());
        length.write(0);
        argz_add_sep(argz, length, text, separator)
    }
    fn argz_count(argz: *const c_char, length: usize) -> usize {
        if length == 0 { 0 } else { slice::from_raw_parts(argz, length).iter().filter(|&&unit| unit == 0).count() }
    }
    fn argz_extract(argz: *const c_char, length: usize, vector: *mut *const c_char) {
        let (mut at, mut count) = (0, 0);
        while at < length {
            vector.add(count).write(argz.add(at));
            at += strlen(argz.add(at)) + 1;
            count += 1;
        }
        vector.add(count).write(null());
    }
    fn argz_next(argz: *const c_char, length: usize, entry: *const c_char) -> *mut c_char {
        let next = if entry.is_null() { argz } else { entry.add(strlen(entry) + 1) };
        let end = argz.wrapping_add(length);
        if next < end { next.cast_mut() } else { null_mut() }
    }
    fn argz_stringify(argz: *mut c_char, length: usize, separator: c_int) {
        if length > 0 {
            for unit in slice::from_raw_parts_mut(argz, length - 1) {
                if *unit == 0 {
                    *unit = separator as c_char;
                }
            }
        }
    }
    fn argz_insert(argz: *mut *mut c_char, length: *mut usize, before: *mut c_char, entry: *const c_char) -> c_int {
        if before.is_null() {
            return argz_add(argz, length, entry);
        }
        if before < *argz || before >= (*argz).add(*length) {
            return Errno::EINVAL.get();
        }
        // An entry begins behind a zero.
        let mut at = before.offset_from(*argz) as usize;
        while at > 0 && *(*argz).add(at - 1) != 0 {
            at -= 1;
        }
        let n = strlen(entry) + 1;
        match open(argz, length, at, n) {
            Some(room) => {
                room.copy_from_nonoverlapping(entry, n);
                0
            }
            None => ENOMEM,
        }
    }
    fn argz_delete(argz: *mut *mut c_char, length: *mut usize, entry: *mut c_char) {
        if entry.is_null() {
            return;
        }
        let n = strlen(entry) + 1;
        let at = entry.offset_from(*argz) as usize;
        entry.copy_from(entry.add(n), *length - at - n);
        length.write(*length - n);
        if *length == 0 {
            slots::free((*argz).cast());
            argz.write(null_mut());
        }
    }
}
