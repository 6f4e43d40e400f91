//! resolv.h: the resolver's state as programs see it, and queries through it. The queries themselves are musl's, which
//! reads /etc/resolv.conf each time; the state is filled so that programs which read it find the same servers.

use core::ffi::{c_char, c_int, c_uchar};
use core::ptr::null_mut;

/// `struct __res_state`, by offsets.
type State = u8;
const SIZE: usize = 568;
const RETRANSMIT_AT: usize = 0;
const RETRY_AT: usize = 4;
const OPTIONS_AT: usize = 8;
const SERVERS_AT: usize = 16;
const SERVER_AT: usize = 20;
const ID_AT: usize = 68;
const SEARCH_AT: usize = 72;
const DOMAIN_AT: usize = 128;
const DOMAIN_SIZE: usize = 256;
const FLAGS_AT: usize = 392;
const SOCKET_AT: usize = 500;

const RES_INIT: u64 = 1;
const RES_DEFAULT: u64 = 0x2c0;
const MOST_SERVERS: c_int = 3;
const MOST_DOMAINS: usize = 6;
const AF_INET: u16 = 2;
const DOMAIN_PORT: u16 = 53;

unsafe extern "C" {
    fn res_query(name: *const c_char, class: c_int, kind: c_int, to: *mut c_uchar, n: c_int) -> c_int;
    fn res_send(query: *const c_uchar, m: c_int, to: *mut c_uchar, n: c_int) -> c_int;
    fn res_mkquery(
        op: c_int,
        name: *const c_char,
        class: c_int,
        kind: c_int,
        data: *const c_uchar,
        m: c_int,
        new: *const c_uchar,
        to: *mut c_uchar,
        n: c_int,
    ) -> c_int;
    fn __res_state() -> *mut State;
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut core::ffi::c_void;
    fn fgets(to: *mut c_char, n: c_int, file: *mut core::ffi::c_void) -> *mut c_char;
    fn fclose(file: *mut core::ffi::c_void) -> c_int;
    fn inet_pton(family: c_int, text: *const c_char, to: *mut u8) -> c_int;
}

unsafe fn put<T>(state: *mut State, at: usize, value: T) {
    // SAFETY: within the state, says the caller.
    unsafe { state.add(at).cast::<T>().write_unaligned(value) };
}

/// Fills the state as from /etc/resolv.conf; without it, the server is this machine.
unsafe fn fill(state: *mut State) {
    // SAFETY: the caller's state is whole.
    unsafe {
        state.write_bytes(0, SIZE);
        put(state, RETRANSMIT_AT, 5i32);
        put(state, RETRY_AT, 2i32);
        put(state, OPTIONS_AT, RES_DEFAULT | RES_INIT);
        put(state, SOCKET_AT, -1i32);
        let mut id = [0u8; 2];
        crate::glibc::arc4random_buf(id.as_mut_ptr(), id.len());
        put(state, ID_AT, id);
        let mut dots = 1u32;
        let mut servers = 0;
        let file = fopen(c"/etc/resolv.conf".as_ptr(), c"re".as_ptr());
        let mut line = [0 as c_char; 512];
        while !file.is_null() && !fgets(line.as_mut_ptr(), line.len() as c_int, file).is_null() {
            let text = core::ffi::CStr::from_ptr(line.as_ptr()).to_bytes();
            let mut words =
                text.split(|&byte| crate::integer::is_space(byte.into())).filter(|word| !word.is_empty());
            match words.next() {
                Some(b"nameserver") => {
                    let Some(word) = words.next() else { continue };
                    servers += c_int::from(servers < MOST_SERVERS && server(state, servers, word));
                }
                Some(b"search" | b"domain") => search(state, words),
                Some(b"options") => {
                    for word in words {
                        if let Some(count) = word.strip_prefix(b"ndots:") {
                            let count = core::str::from_utf8(count).ok().and_then(|text| text.parse().ok());
                            dots = count.unwrap_or(1u32).min(15);
                        }
                    }
                }
                _ => {}
            }
        }
        if !file.is_null() {
            fclose(file);
        }
        if servers == 0 {
            servers = c_int::from(server(state, 0, b"127.0.0.1"));
        }
        put(state, SERVERS_AT, servers);
        put(state, FLAGS_AT, dots);
    }
}

/// Notes an IPv4 server; others have no place in the array.
unsafe fn server(state: *mut State, index: c_int, text: &[u8]) -> bool {
    let mut name = [0u8; 64];
    if text.len() >= name.len() {
        return false;
    }
    name[..text.len()].copy_from_slice(text);
    let mut address = [0u8; 4];
    // SAFETY: the name ends with a zero; the state has three places.
    unsafe {
        if inet_pton(c_int::from(AF_INET), name.as_ptr().cast(), address.as_mut_ptr()) != 1 {
            return false;
        }
        let at = SERVER_AT + 16 * index as usize;
        put(state, at, AF_INET);
        put(state, at + 2, DOMAIN_PORT.to_be());
        put(state, at + 4, address);
    }
    true
}

unsafe fn search<'a>(state: *mut State, words: impl Iterator<Item = &'a [u8]>) {
    // SAFETY: the names fit the state's buffer, the pointers its array.
    unsafe {
        let buffer = state.add(DOMAIN_AT);
        let (mut used, mut index) = (0, 0);
        for word in words {
            if index == MOST_DOMAINS || used + word.len() + 1 > DOMAIN_SIZE {
                break;
            }
            buffer.add(used).copy_from_nonoverlapping(word.as_ptr(), word.len());
            buffer.add(used + word.len()).write(0);
            put(state, SEARCH_AT + 8 * index, buffer.add(used));
            used += word.len() + 1;
            index += 1;
        }
        put(state, SEARCH_AT + 8 * index, null_mut::<u8>());
    }
}

posix! {
    fn __res_ninit(state: *mut State) -> c_int {
        fill(state);
        0
    }
    fn __res_init() -> c_int {
        fill(__res_state());
        0
    }
    fn __res_nclose(state: *mut State) {
        put(state, SOCKET_AT, -1i32);
    }
    fn res_nquery(_state: *mut State, name: *const c_char, class: c_int, kind: c_int, to: *mut c_uchar, n: c_int) -> c_int {
        res_query(name, class, kind, to, n)
    }
    fn res_nsearch(state: *mut State, name: *const c_char, class: c_int, kind: c_int, to: *mut c_uchar, n: c_int) -> c_int {
        const LONGEST: usize = 255;
        let text = core::ffi::CStr::from_ptr(name).to_bytes();
        let dots = text.iter().filter(|&&byte| byte == b'.').count() as u32;
        let wanted = state.add(FLAGS_AT).cast::<u32>().read_unaligned() & 15;
        let absolute = text.last() == Some(&b'.');
        let mut result = -1;
        if absolute || dots >= wanted {
            result = res_query(name, class, kind, to, n);
        }
        for index in 0..MOST_DOMAINS {
            let domain: *const c_char = state.add(SEARCH_AT + 8 * index).cast::<*const c_char>().read_unaligned();
            if absolute || result >= 0 || domain.is_null() {
                break;
            }
            let domain = core::ffi::CStr::from_ptr(domain).to_bytes_with_nul();
            let mut full = [0u8; LONGEST + 1];
            if text.len() + 1 + domain.len() > full.len() {
                continue;
            }
            full[..text.len()].copy_from_slice(text);
            full[text.len()] = b'.';
            full[text.len() + 1..][..domain.len()].copy_from_slice(domain);
            result = res_query(full.as_ptr().cast(), class, kind, to, n);
        }
        if result < 0 && !absolute && dots < wanted {
            result = res_query(name, class, kind, to, n);
        }
        result
    }
    fn res_nsend(_state: *mut State, query: *const c_uchar, m: c_int, to: *mut c_uchar, n: c_int) -> c_int {
        res_send(query, m, to, n)
    }
    fn res_nmkquery(
        _state: *mut State, op: c_int, name: *const c_char, class: c_int, kind: c_int, data: *const c_uchar, m: c_int,
        new: *const c_uchar, to: *mut c_uchar, n: c_int,
    ) -> c_int {
        res_mkquery(op, name, class, kind, data, m, new, to, n)
    }
    fn __b64_ntop(from: *const u8, m: usize, to: *mut c_char, n: usize) -> c_int {
        if m.div_ceil(3) * 4 + 1 > n {
            return -1;
        }
        let mut length = 0;
        for group in core::slice::from_raw_parts(from, m).chunks(3) {
            let word = group.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - group.len()));
            for digit in 0..4 {
                let unit = if digit > group.len() { b'=' } else { BASE_64[(word >> (18 - 6 * digit)) as usize & 63] };
                to.add(length).write(unit as c_char);
                length += 1;
            }
        }
        to.add(length).write(0);
        length as c_int
    }
    fn __b64_pton(from: *const c_char, to: *mut u8, n: usize) -> c_int {
        let text = core::ffi::CStr::from_ptr(from).to_bytes();
        let mut text = text.iter().copied().filter(|&byte| !crate::integer::is_space(byte.into()));
        let (mut word, mut digits, mut length) = (0u32, 0, 0);
        let ended = loop {
            let Some(byte) = text.next() else { break false };
            if byte == b'=' {
                break true;
            }
            let Some(value) = BASE_64.iter().position(|&known| known == byte) else { return -1 };
            word = word << 6 | value as u32;
            digits += 1;
            if digits == 4 {
                for shift in [16, 8, 0] {
                    if !to.is_null() {
                        if length >= n {
                            return -1;
                        }
                        to.add(length).write((word >> shift) as u8);
                    }
                    length += 1;
                }
                (word, digits) = (0, 0);
            }
        };
        let padding = if ended { 1 + text.clone().filter(|&byte| byte == b'=').count() } else { 0 };
        if text.any(|byte| byte != b'=') || (digits + padding) % 4 != 0 || digits == 1 || (digits == 0 && ended) {
            return -1;
        }
        if digits > 1 {
            word <<= 6 * (4 - digits);
            for index in 0..digits - 1 {
                if !to.is_null() {
                    if length >= n {
                        return -1;
                    }
                    to.add(length).write((word >> (16 - 8 * index)) as u8);
                }
                length += 1;
            }
            // What the last digit holds beyond the bytes must be zero.
            if word & ((1 << (8 * (4 - digits))) - 1) != 0 {
                return -1;
            }
        }
        length as c_int
    }
}

const BASE_64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
