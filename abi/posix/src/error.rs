//! error.h: a program's name and a message on standard error, and perhaps the end.

use crate::errno;
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr::null;

type List = *mut c_void;

unsafe extern "C" {
    static mut error_message_count: c_uint;
    static mut error_one_per_line: c_int;
    static mut error_print_progname: Option<unsafe extern "C" fn()>;
    static stdout: *mut c_void;
    static stderr: *mut c_void;
    static program_invocation_name: *const c_char;
    fn fflush(stream: *mut c_void) -> c_int;
    #[link_name = "__osv_fprintf"]
    fn fprintf(stream: *mut c_void, format: *const c_char, ...) -> c_int;
    fn strcmp(left: *const c_char, right: *const c_char) -> c_int;
    fn flockfile(stream: *mut c_void);
    fn funlockfile(stream: *mut c_void);
}

/// The file and line before a message.
type Place = Option<(*const c_char, c_uint)>;

unsafe fn say(status: c_int, number: c_int, place: Place, format: *const c_char, list: List) {
    // SAFETY: the program's format and arguments.
    unsafe {
        fflush(stdout);
        flockfile(stderr);
        match *(&raw const error_print_progname) {
            Some(print) => print(),
            None if place.is_some() => {
                fprintf(stderr, c"%s:".as_ptr(), program_invocation_name);
            }
            None => {
                fprintf(stderr, c"%s: ".as_ptr(), program_invocation_name);
            }
        }
        if let Some((file, line)) = place {
            if file.is_null() {
                fprintf(stderr, c" ".as_ptr());
            } else {
                fprintf(stderr, c"%s:%u: ".as_ptr(), file, line);
            }
        }
        crate::printf::vfprintf(stderr, format.cast(), list);
        *(&raw mut error_message_count) += 1;
        if number != 0 {
            fprintf(stderr, c": %s".as_ptr(), crate::messages::strerror(number));
        }
        fprintf(stderr, c"\n".as_ptr());
        fflush(stderr);
        funlockfile(stderr);
        if status != 0 {
            crate::start::exit(status);
        }
    }
}

extern "C" fn verror(status: c_int, number: c_int, format: *const c_char, list: List) {
    let kept = errno::get();
    // SAFETY: the program's format and arguments.
    unsafe { say(status, number, None, format, list) };
    errno::set_raw(kept);
}

extern "C" fn verror_at(
    status: c_int,
    number: c_int,
    file: *const c_char,
    line: c_uint,
    format: *const c_char,
    list: List,
) {
    static mut LAST: (*const c_char, c_uint) = (null(), 0);
    // SAFETY: the program's format and arguments; the place is only compared.
    unsafe {
        if *(&raw const error_one_per_line) != 0 {
            let (last_file, last_line) = *(&raw const LAST);
            let same_file = last_file == file
                || (!last_file.is_null() && !file.is_null() && strcmp(last_file, file) == 0);
            if last_line == line && same_file {
                return;
            }
            *(&raw mut LAST) = (file, line);
        }
        say(status, number, Some((file, line)), format, list);
    }
}

crate::variadic::variadic! {
    error: 3, "rcx" => verror;
    error_at_line: 5, "r9" => verror_at;
}

posix! {
    fn psignal(number: c_int, text: *const c_char) {
        let (text, colon) = if text.is_null() || *text == 0 { (c"".as_ptr(), c"") } else { (text, c": ") };
        let name = crate::messages::sigdescr_np(number);
        if name.is_null() {
            fprintf(stderr, c"%s%sUnknown signal %d\n".as_ptr(), text, colon.as_ptr(), number);
        } else {
            fprintf(stderr, c"%s%s%s\n".as_ptr(), text, colon.as_ptr(), name);
        }
    }
}
