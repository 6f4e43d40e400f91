//! getaddrinfo and gethostbyname as glibc's programs know them. musl looks names up; the list is laid out anew, because musl's entries share one
//! block, name every answer, leave raw sockets out, and say of a literal of another family that there is no such name.

use crate::malloc::slots;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ptr::{null, null_mut};
use osv_abi::errno::Errno;

/// `struct addrinfo`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Info {
    flags: c_int,
    family: c_int,
    kind: c_int,
    protocol: c_int,
    length: c_uint,
    address: *mut c_void,
    name: *mut c_char,
    next: *mut Info,
}

const _: () = assert!(size_of::<Info>() == 48);

/// An entry as it is laid out here: one block, its name another.
#[repr(C)]
struct Entry {
    info: Info,
    address: [u64; 4],
}

mod theirs {
    use super::{Host, Info, c_char, c_int, c_uint, c_void};
    unsafe extern "C" {
        // The build renames musl's own behind these rows.
        #[link_name = "__osv_getaddrinfo"]
        pub fn getaddrinfo(
            node: *const c_char,
            service: *const c_char,
            hints: *const Info,
            result: *mut *mut Info,
        ) -> c_int;
        #[link_name = "__osv_freeaddrinfo"]
        pub fn freeaddrinfo(list: *mut Info);
        #[link_name = "__osv_gethostbyname"]
        pub fn gethostbyname(name: *const c_char) -> *mut Host;
        #[link_name = "__osv_gethostbyname2"]
        pub fn gethostbyname2(name: *const c_char, family: c_int) -> *mut Host;
        #[link_name = "__osv_gethostbyaddr"]
        pub fn gethostbyaddr(address: *const c_void, length: c_uint, family: c_int) -> *mut Host;
        #[link_name = "__osv_gethostbyname_r"]
        pub fn gethostbyname_r(
            name: *const c_char,
            to: *mut Host,
            room: *mut c_char,
            size: usize,
            result: *mut *mut Host,
            error: *mut c_int,
        ) -> c_int;
        #[link_name = "__osv_gethostbyname2_r"]
        pub fn gethostbyname2_r(
            name: *const c_char,
            family: c_int,
            to: *mut Host,
            room: *mut c_char,
            size: usize,
            result: *mut *mut Host,
            error: *mut c_int,
        ) -> c_int;
        #[link_name = "__osv_gethostbyaddr_r"]
        pub fn gethostbyaddr_r(
            address: *const c_void,
            length: c_uint,
            family: c_int,
            to: *mut Host,
            room: *mut c_char,
            size: usize,
            result: *mut *mut Host,
            error: *mut c_int,
        ) -> c_int;
    }
}

/// `struct hostent`, as far as it is changed here.
#[repr(C)]
#[derive(Debug)]
pub struct Host {
    name: *mut c_char,
    aliases: *mut *mut c_char,
}

impl Host {
    /// Without the first alias, which is the name itself in musl.
    unsafe fn as_gnu(host: *mut Host) -> *mut Host {
        // SAFETY: musl's answer or null; its list of aliases ends with null.
        unsafe {
            if let Some(host) = host.as_mut()
                && !(*host.aliases).is_null()
            {
                host.aliases = host.aliases.add(1);
            }
        }
        host
    }
}

unsafe extern "C" {
    fn inet_pton(family: c_int, text: *const c_char, to: *mut u8) -> c_int;
    fn inet_aton(text: *const c_char, to: *mut u8) -> c_int;
    fn inet_ntop(family: c_int, address: *const u8, to: *mut c_char, room: c_uint) -> *const c_char;
}

const AF_INET: c_int = 2;
const AF_INET6: c_int = 10;
const SOCK_RAW: c_int = 3;
const SOCK_DGRAM: c_int = 2;

const EAI_BADFLAGS: c_int = -1;
const EAI_NONAME: c_int = -2;
const EAI_SOCKTYPE: c_int = -7;
const EAI_SERVICE: c_int = -8;
const EAI_ADDRFAMILY: c_int = -9;
const EAI_MEMORY: c_int = -10;

const AI_CANONNAME: c_int = 2;
const NETDB_INTERNAL: c_int = -1;

/// Lays a list out anew; `raw`: each address also for raw sockets. `None`: no memory.
unsafe fn lay_out(from: *const Info, flags: c_int, raw: bool) -> Option<*mut Info> {
    let mut first = null_mut();
    // SAFETY: musl's list; entries of ours.
    unsafe {
        let mut end: *mut *mut Info = &raw mut first;
        let mut add = |info: &Info, name: *const c_char| {
            let entry: *mut Entry = slots::calloc(1, size_of::<Entry>()).cast();
            if entry.is_null() {
                return false;
            }
            let address: *mut c_void = (&raw mut (*entry).address).cast();
            let length = (info.length as usize).min(size_of::<[u64; 4]>());
            address.cast::<u8>().copy_from_nonoverlapping(info.address.cast(), length);
            let copy = if name.is_null() { null_mut() } else { duplicate(name) };
            (*entry).info = Info { flags, address, name: copy, next: null_mut(), ..*info };
            *end = entry.cast();
            end = &raw mut (*entry).info.next;
            true
        };
        let mut at = from;
        while let Some(info) = at.as_ref() {
            let name = if at == from && flags & AI_CANONNAME != 0 { info.name } else { null_mut() };
            let mut done = add(info, name);
            if raw && info.kind == SOCK_DGRAM {
                done &= add(&Info { kind: SOCK_RAW, protocol: 0, ..*info }, null());
            }
            if !done {
                freeaddrinfo_gnu(first);
                return None;
            }
            at = info.next;
        }
    }
    Some(first)
}

unsafe fn duplicate(text: *const c_char) -> *mut c_char {
    // SAFETY: a C string, and room for it.
    unsafe {
        let bytes = CStr::from_ptr(text).to_bytes_with_nul();
        let copy: *mut c_char = slots::malloc(bytes.len()).cast();
        if !copy.is_null() {
            copy.copy_from_nonoverlapping(text, bytes.len());
        }
        copy
    }
}

/// Whether the text is an address of the other family.
unsafe fn is_of_another_family(node: *const c_char, family: c_int) -> bool {
    let mut room = [0u8; 16];
    // SAFETY: a C string; room for either.
    unsafe {
        match family {
            AF_INET6 => inet_aton(node, room.as_mut_ptr()) != 0,
            AF_INET => {
                // Without its scope.
                let text = CStr::from_ptr(node).to_bytes();
                let end = text.iter().position(|&byte| byte == b'%').unwrap_or(text.len());
                let mut plain = [0u8; 64];
                let fits = end < plain.len();
                plain[..end.min(63)].copy_from_slice(&text[..end.min(63)]);
                fits && inet_pton(AF_INET6, plain.as_ptr().cast(), room.as_mut_ptr()) == 1
            }
            _ => false,
        }
    }
}

fn decimal(value: u16, to: &mut [u8; 8]) {
    let digits = value.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut rest = value;
    for digit in to[..digits].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Whether the text is an IPv4 address in the form of IPv6; then that address without the form.
unsafe fn of_mapped(node: *const c_char, to: &mut [c_char; 16]) -> bool {
    const BEFORE: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    let mut address = [0u8; 16];
    // SAFETY: a C string; room for either.
    unsafe {
        inet_pton(AF_INET6, node, address.as_mut_ptr()) == 1
            && address[..12] == BEFORE
            && !inet_ntop(AF_INET, address[12..].as_ptr(), to.as_mut_ptr(), to.len() as c_uint).is_null()
    }
}

posix! {
    fn getaddrinfo_gnu(node: *const c_char, service: *const c_char, hints: *const Info, result: *mut *mut Info) -> c_int {
        let mut found = null_mut();
        let hint = hints.as_ref();
        if node.is_null() && hint.is_some_and(|hint| hint.flags & AI_CANONNAME != 0) {
            return EAI_BADFLAGS;
        }
        // A number of any size is a port, and so is no digit at all.
        let mut port = [0u8; 8];
        let text = if service.is_null() { None } else { Some(CStr::from_ptr(service).to_bytes()) };
        let number = text.filter(|text| text.iter().all(u8::is_ascii_digit));
        if let Some(digits) = number {
            let value = digits.iter().fold(0u16, |sum, digit| sum.wrapping_mul(10).wrapping_add(u16::from(digit - b'0')));
            decimal(value, &mut port);
        }
        let asked = if number.is_some() { port.as_ptr().cast() } else { service };
        let mut plain = [0; 16];
        let mapped = !node.is_null() && hint.is_some_and(|hint| hint.family == AF_INET) && of_mapped(node, &mut plain);
        let answer = theirs::getaddrinfo(if mapped { plain.as_ptr() } else { node }, asked, hints, &raw mut found);
        // A service by its name is one of streams or datagrams.
        let by_number = text.is_none() || number.is_some();
        if answer != 0 {
            let other = answer == EAI_NONAME && !node.is_null() && hint.is_some_and(|hint| is_of_another_family(node, hint.family));
            let no_such_socket = answer == EAI_SERVICE && by_number && hint.is_some_and(|hint| hint.kind != 0 && hint.kind != SOCK_RAW);
            return match answer {
                _ if other => EAI_ADDRFAMILY,
                _ if no_such_socket => EAI_SOCKTYPE,
                answer => answer,
            };
        }
        let raw = by_number && hint.is_none_or(|hint| hint.kind == 0 && hint.protocol == 0);
        let list = lay_out(found, hint.map_or(0, |hint| hint.flags), raw);
        theirs::freeaddrinfo(found);
        match list {
            Some(list) => {
                result.write(list);
                0
            }
            None => EAI_MEMORY,
        }
    }
    fn freeaddrinfo_gnu(list: *mut Info) {
        let mut at = list;
        while !at.is_null() {
            let next = (*at).next;
            slots::free((*at).name.cast());
            slots::free(at.cast());
            at = next;
        }
    }
    fn gethostbyname_gnu(name: *const c_char) -> *mut Host {
        Host::as_gnu(theirs::gethostbyname(name))
    }
    fn gethostbyname2_gnu(name: *const c_char, family: c_int) -> *mut Host {
        Host::as_gnu(theirs::gethostbyname2(name, family))
    }
    fn gethostbyaddr_gnu(address: *const c_void, length: c_uint, family: c_int) -> *mut Host {
        Host::as_gnu(theirs::gethostbyaddr(address, length, family))
    }
    fn gethostbyname_r_gnu(name: *const c_char, to: *mut Host, room: *mut c_char, size: usize, result: *mut *mut Host, error: *mut c_int) -> c_int {
        // musl looks the name up before it looks at the buffer; glibc needs room for the name, an address and three
        // pointers.
        let least = CStr::from_ptr(name).to_bytes_with_nul().len() + 16 + 3 * size_of::<usize>();
        if size < least {
            result.write(null_mut());
            error.write(NETDB_INTERNAL);
            return Errno::ERANGE.get();
        }
        let code = theirs::gethostbyname_r(name, to, room, size, result, error);
        if code == Errno::ERANGE.get() {
            error.write(NETDB_INTERNAL);
        }
        Host::as_gnu(*result);
        code
    }
    fn gethostbyname2_r_gnu(name: *const c_char, family: c_int, to: *mut Host, room: *mut c_char, size: usize, result: *mut *mut Host, error: *mut c_int) -> c_int {
        let code = theirs::gethostbyname2_r(name, family, to, room, size, result, error);
        if code == Errno::ERANGE.get() {
            error.write(NETDB_INTERNAL);
        }
        Host::as_gnu(*result);
        code
    }
    fn gethostbyaddr_r_gnu(address: *const c_void, length: c_uint, family: c_int, to: *mut Host, room: *mut c_char, size: usize, result: *mut *mut Host, error: *mut c_int) -> c_int {
        let code = theirs::gethostbyaddr_r(address, length, family, to, room, size, result, error);
        if code == Errno::ERANGE.get() {
            error.write(NETDB_INTERNAL);
        }
        Host::as_gnu(*result);
        code
    }
}
