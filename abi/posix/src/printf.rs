//! The printf family's C functions over [`crate::format`].

use crate::errno;
use crate::format::output::{Cell, Output};
use crate::format::spec::Spec;
use crate::format::{self, AllowCount};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;
use osv_abi::errno::Errno;

/// A `va_list` argument.
type List = *mut c_void;
/// A `FILE`.
type File = c_void;

unsafe extern "C" {
    static stdout: *mut File;
    fn flockfile(file: *mut File);
    fn funlockfile(file: *mut File);
    fn fwide(file: *mut File, mode: c_int) -> c_int;
    fn vsyslog(priority: c_int, format: *const c_char, list: List);
}

/// A `va_list` whose registers are used up, so that its argument lies on the stack.
#[repr(C)]
struct OneArgument {
    used: [u32; 2],
    overflow: *mut c_void,
    saved: *mut c_void,
}

/// `%n` writes.
fn allow(_format: *const c_void) -> bool {
    true
}

/// `%n` writes only where the format cannot have been changed.
fn careful(format: *const c_void) -> bool {
    !crate::fortify::is_writable(format.addr())
}

/// What a `__*_chk` function's flag asks for.
fn by_flag(flag: c_int) -> AllowCount {
    if flag > 0 { careful } else { allow }
}

fn result(result: Result<c_int, Errno>) -> c_int {
    result.unwrap_or_else(|error| errno::fail(error) as c_int)
}

unsafe fn to_stream<U: Cell>(file: *mut File, format: *const U, list: List, allow: AllowCount) -> c_int {
    const BYTES: c_int = -1;
    const WIDE: c_int = 1;
    // SAFETY: the caller's stream, format and arguments; the lock is held meanwhile.
    unsafe {
        flockfile(file);
        let wanted = if size_of::<U>() == 1 { BYTES } else { WIDE };
        if fwide(file, wanted).signum() != wanted {
            funlockfile(file);
            return -1;
        }
        let mut out = Output::to_stream(file);
        let printed = format::print(&mut out, format, list, allow);
        let written = out.flush();
        funlockfile(file);
        if written { result(printed) } else { -1 }
    }
}

unsafe fn to_buffer(to: *mut u8, n: usize, format: *const u8, list: List, allow: AllowCount) -> c_int {
    // SAFETY: the caller's room, format and arguments.
    unsafe {
        let mut out = Output::to_buffer(to, n.saturating_sub(1));
        let printed = format::print(&mut out, format, list, allow);
        if n > 0 {
            to.add(out.total().min(n - 1)).write(0);
        }
        result(printed)
    }
}

unsafe fn to_wide_buffer(to: *mut u32, n: usize, format: *const u32, list: List, allow: AllowCount) -> c_int {
    // SAFETY: the caller's room, format and arguments.
    unsafe {
        if n == 0 {
            return -1;
        }
        let mut out = Output::to_buffer(to, n - 1);
        let printed = format::print(&mut out, format, list, allow);
        to.add(out.total().min(n - 1)).write(0);
        if out.total() >= n { -1 } else { result(printed) }
    }
}

unsafe fn to_heap(to: *mut *mut u8, format: *const u8, list: List, allow: AllowCount) -> c_int {
    // SAFETY: the caller's place, format and arguments.
    unsafe {
        let mut out = Output::to_heap();
        let printed = format::print(&mut out, format, list, allow);
        let Some(text) = out.into_heap() else { return errno::fail(Errno::ENOMEM) as c_int };
        if printed.is_err() {
            crate::malloc::slots::free(text.cast());
        } else {
            to.write(text);
        }
        result(printed)
    }
}

unsafe fn to_descriptor(file: c_int, format: *const u8, list: List, allow: AllowCount) -> c_int {
    let mut text = null_mut();
    // SAFETY: the caller's format and arguments; the text is ours.
    unsafe {
        let length = to_heap(&raw mut text, format, list, allow);
        if length < 0 {
            return length;
        }
        let mut written = 0;
        while written < length as usize {
            let rest = [file as usize, text.add(written).addr(), length as usize - written];
            match errno::ret(crate::cancel::call(crate::gate::Sysno::write, rest)) {
                count @ 1.. => written += count as usize,
                _ => {
                    crate::malloc::slots::free(text.cast());
                    return -1;
                }
            }
        }
        crate::malloc::slots::free(text.cast());
        length
    }
}

/// A string's room: all that a string can have.
const ANY_ROOM: usize = c_int::MAX as usize;

posix! {
    fn vfprintf(file: *mut File, format: *const u8, list: List) -> c_int {
        to_stream(file, format, list, allow)
    }
    fn vprintf(format: *const u8, list: List) -> c_int {
        to_stream(stdout, format, list, allow)
    }
    fn vsnprintf(to: *mut u8, n: usize, format: *const u8, list: List) -> c_int {
        to_buffer(to, n, format, list, allow)
    }
    fn vsprintf(to: *mut u8, format: *const u8, list: List) -> c_int {
        to_buffer(to, ANY_ROOM, format, list, allow)
    }
    fn vasprintf(to: *mut *mut u8, format: *const u8, list: List) -> c_int {
        to_heap(to, format, list, allow)
    }
    fn vdprintf(file: c_int, format: *const u8, list: List) -> c_int {
        to_descriptor(file, format, list, allow)
    }
    fn vfwprintf(file: *mut File, format: *const u32, list: List) -> c_int {
        to_stream(file, format, list, allow)
    }
    fn vwprintf(format: *const u32, list: List) -> c_int {
        to_stream(stdout, format, list, allow)
    }
    fn vswprintf(to: *mut u32, n: usize, format: *const u32, list: List) -> c_int {
        to_wide_buffer(to, n, format, list, allow)
    }
    fn __vfprintf_chk(file: *mut File, flag: c_int, format: *const u8, list: List) -> c_int {
        to_stream(file, format, list, by_flag(flag))
    }
    fn __vprintf_chk(flag: c_int, format: *const u8, list: List) -> c_int {
        to_stream(stdout, format, list, by_flag(flag))
    }
    fn __vdprintf_chk(file: c_int, flag: c_int, format: *const u8, list: List) -> c_int {
        to_descriptor(file, format, list, by_flag(flag))
    }
    fn __vsnprintf_chk(to: *mut u8, n: usize, flag: c_int, room: usize, format: *const u8, list: List) -> c_int {
        crate::fortify::check(n, room);
        to_buffer(to, n, format, list, by_flag(flag))
    }
    fn __vsprintf_chk(to: *mut u8, flag: c_int, room: usize, format: *const u8, list: List) -> c_int {
        let length = to_buffer(to, room.min(ANY_ROOM), format, list, by_flag(flag));
        if length >= 0 {
            crate::fortify::check(length as usize + 1, room);
        }
        length
    }
    fn __vasprintf_chk(to: *mut *mut u8, flag: c_int, format: *const u8, list: List) -> c_int {
        to_heap(to, format, list, by_flag(flag))
    }
    fn __vsyslog_chk(priority: c_int, flag: c_int, format: *const c_char, list: List) {
        let mut text = null_mut();
        if flag <= 0 || to_heap(&raw mut text, format.cast(), list, careful) < 0 {
            return vsyslog(priority, format, list);
        }
        let mut argument = text;
        let mut one = OneArgument { used: [48, 304], overflow: (&raw mut argument).cast(), saved: null_mut() };
        vsyslog(priority, c"%s".as_ptr(), (&raw mut one).cast());
        crate::malloc::slots::free(text.cast());
    }
    fn __vfwprintf_chk(file: *mut File, flag: c_int, format: *const u32, list: List) -> c_int {
        to_stream(file, format, list, by_flag(flag))
    }
    fn __vwprintf_chk(flag: c_int, format: *const u32, list: List) -> c_int {
        to_stream(stdout, format, list, by_flag(flag))
    }
    fn __vswprintf_chk(to: *mut u32, n: usize, flag: c_int, room: usize, format: *const u32, list: List) -> c_int {
        crate::fortify::check(n, room);
        to_wide_buffer(to, n, format, list, by_flag(flag))
    }
    fn register_printf_specifier(_letter: c_int, _print: *mut c_void, _kinds: *mut c_void) -> c_int {
        refused("register_printf_specifier")
    }
    fn register_printf_modifier(_text: *const c_int) -> c_int {
        refused("register_printf_modifier")
    }
    fn register_printf_type(_function: *mut c_void) -> c_int {
        refused("register_printf_type")
    }
    fn parse_printf_format(format: *const u8, n: usize, kinds: *mut c_int) -> usize {
        parse(format, n, kinds)
    }
}

/// Programs cannot add to printf.
fn refused(name: &str) -> c_int {
    static SAID: core::sync::atomic::AtomicBool = core::sync::atomic::AtomicBool::new(false);
    crate::report::stub(name, &SAID);
    errno::fail(Errno::ENOSYS) as c_int
}

/// The types of printf.h, and the flags beside them.
mod pa {
    use core::ffi::c_int;
    pub const INT: c_int = 0;
    pub const CHAR: c_int = 1;
    pub const WIDE_CHAR: c_int = 2;
    pub const STRING: c_int = 3;
    pub const WIDE_STRING: c_int = 4;
    pub const POINTER: c_int = 5;
    pub const DOUBLE: c_int = 7;
    pub const LONG_DOUBLE: c_int = 1 << 8;
    pub const LONG: c_int = 1 << 9;
    pub const SHORT: c_int = 1 << 10;
    pub const REFERENCE: c_int = 1 << 11;
}

/// Says what arguments a format takes; how many.
unsafe fn parse(format: *const u8, n: usize, kinds: *mut c_int) -> usize {
    use crate::format::spec::{Amount, Length};
    // SAFETY: the caller's format and its array of `n`.
    unsafe {
        let (mut at, mut next, mut count) = (format, 0usize, 0);
        let mut note = |number: Option<u32>, kind: c_int| {
            let index = number.map_or_else(
                || {
                    next += 1;
                    next - 1
                },
                |number| number as usize - 1,
            );
            if index < n {
                kinds.add(index).write(kind);
            }
            count = count.max(index + 1);
        };
        while *at != 0 {
            if *at != b'%' {
                at = at.add(1);
                continue;
            }
            let Ok((spec, length)) = Spec::read(at) else { break };
            at = at.add(length);
            if spec.conversion == b'%' {
                continue;
            }
            for amount in [spec.width, spec.precision] {
                if let Amount::Argument(number) = amount {
                    note(number, pa::INT);
                }
            }
            let long = spec.length == Length::Long;
            let size = match spec.length {
                Length::Char => pa::CHAR,
                Length::Short => pa::INT | pa::SHORT,
                Length::Int => pa::INT,
                Length::Long | Length::LongDouble => pa::INT | pa::LONG,
            };
            let kind = match spec.conversion {
                b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => size,
                b'n' => size | pa::REFERENCE,
                b'c' if long => pa::WIDE_CHAR,
                b'c' => pa::CHAR,
                b's' if long => pa::WIDE_STRING,
                b's' => pa::STRING,
                b'p' => pa::POINTER,
                _ => match spec.kind() {
                    Some(format::list::Kind::LongDouble) => pa::DOUBLE | pa::LONG_DOUBLE,
                    Some(_) => pa::DOUBLE,
                    None => continue,
                },
            };
            note(spec.number, kind);
        }
        count
    }
}

crate::variadic::variadic! {
    fprintf: 2, "rdx" => vfprintf;
    printf: 1, "rsi" => vprintf;
    snprintf: 3, "rcx" => vsnprintf;
    sprintf: 2, "rdx" => vsprintf;
    asprintf: 2, "rdx" => vasprintf;
    dprintf: 2, "rdx" => vdprintf;
    fwprintf: 2, "rdx" => vfwprintf;
    wprintf: 1, "rsi" => vwprintf;
    swprintf: 3, "rcx" => vswprintf;
    __fprintf_chk: 3, "rcx" => __vfprintf_chk;
    __printf_chk: 2, "rdx" => __vprintf_chk;
    __dprintf_chk: 3, "rcx" => __vdprintf_chk;
    __snprintf_chk: 5, "r9" => __vsnprintf_chk;
    __sprintf_chk: 4, "r8" => __vsprintf_chk;
    __asprintf_chk: 3, "rcx" => __vasprintf_chk;
    __syslog_chk: 3, "rcx" => __vsyslog_chk;
    __fwprintf_chk: 3, "rcx" => __vfwprintf_chk;
    __wprintf_chk: 2, "rdx" => __vwprintf_chk;
    __swprintf_chk: 5, "r9" => __vswprintf_chk;
}
