//! What `_FORTIFY_SOURCE` calls: each function checks the size that the compiler knew, and ends the program when the
//! call would write beyond it.

use crate::variadic::variadic;
use core::ffi::{c_char, c_int, c_long, c_uint, c_void};

/// A `va_list` argument.
type List = *mut c_void;
/// A `FILE`.
type File = c_void;
/// A size that the compiler did not know.
const UNKNOWN: usize = usize::MAX;

/// Ends the program: a buffer would overflow.
#[cold]
pub fn overflow() -> ! {
    crate::report::fatal("*** buffer overflow detected ***: terminated")
}

#[inline]
fn check(needed: usize, room: usize) {
    if needed > room {
        overflow();
    }
}

/// Declares what musl has and defines `__NAME_chk` functions that check one length against one size.
macro_rules! checked {
    ($( $checked:ident($($arg:ident: $ty:ty),*; $room:ident) -> $ret:ty = $name:ident if $needed:expr; )*) => {
        mod unchecked {
            use super::*;
            unsafe extern "C" {
                $( pub fn $name($($arg: $ty),*) -> $ret; )*
            }
        }
        posix! { $(
            fn $checked($($arg: $ty,)* $room: usize) -> $ret {
                check($needed, $room);
                unchecked::$name($($arg),*)
            }
        )* }
    };
}

unsafe extern "C" {
    fn strlen(text: *const c_char) -> usize;
    fn strnlen(text: *const c_char, most: usize) -> usize;
    fn wcslen(text: *const c_int) -> usize;
    fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char;
    fn fread(buffer: *mut c_void, size: usize, count: usize, file: *mut File) -> usize;
    fn fread_unlocked(buffer: *mut c_void, size: usize, count: usize, file: *mut File) -> usize;
    fn recvfrom(
        socket: c_int,
        to: *mut c_void,
        n: usize,
        flags: c_int,
        from: *mut c_void,
        length: *mut c_uint,
    ) -> isize;
    fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    fn vfprintf(file: *mut File, format: *const c_char, list: List) -> c_int;
    fn vprintf(format: *const c_char, list: List) -> c_int;
    fn vdprintf(descriptor: c_int, format: *const c_char, list: List) -> c_int;
    fn vsnprintf(to: *mut c_char, size: usize, format: *const c_char, list: List) -> c_int;
    fn vasprintf(to: *mut *mut c_char, format: *const c_char, list: List) -> c_int;
    fn vsyslog(priority: c_int, format: *const c_char, list: List);
    fn vfwprintf(file: *mut File, format: *const c_int, list: List) -> c_int;
    fn vwprintf(format: *const c_int, list: List) -> c_int;
    fn vswprintf(to: *mut c_int, size: usize, format: *const c_int, list: List) -> c_int;
    fn longjmp(buffer: *mut c_void, value: c_int) -> !;
}

checked! {
    __memcpy_chk(to: *mut c_void, from: *const c_void, n: usize; room) -> *mut c_void = memcpy if n;
    __memmove_chk(to: *mut c_void, from: *const c_void, n: usize; room) -> *mut c_void = memmove if n;
    __mempcpy_chk(to: *mut c_void, from: *const c_void, n: usize; room) -> *mut c_void = mempcpy if n;
    __memset_chk(to: *mut c_void, byte: c_int, n: usize; room) -> *mut c_void = memset if n;
    __explicit_bzero_chk(to: *mut c_void, n: usize; room) -> () = explicit_bzero if n;
    __strcpy_chk(to: *mut c_char, from: *const c_char; room) -> *mut c_char = strcpy if strlen(from) + 1;
    __stpcpy_chk(to: *mut c_char, from: *const c_char; room) -> *mut c_char = stpcpy if strlen(from) + 1;
    __strncpy_chk(to: *mut c_char, from: *const c_char, n: usize; room) -> *mut c_char = strncpy if n;
    __stpncpy_chk(to: *mut c_char, from: *const c_char, n: usize; room) -> *mut c_char = stpncpy if n;
    __strcat_chk(to: *mut c_char, from: *const c_char; room) -> *mut c_char = strcat if strlen(to) + strlen(from) + 1;
    __strncat_chk(to: *mut c_char, from: *const c_char, n: usize; room) -> *mut c_char
        = strncat if strlen(to) + strnlen(from, n) + 1;
    __read_chk(file: c_int, to: *mut c_void, n: usize; room) -> isize = read if n;
    __pread_chk(file: c_int, to: *mut c_void, n: usize, offset: c_long; room) -> isize = pread if n;
    __pread64_chk(file: c_int, to: *mut c_void, n: usize, offset: c_long; room) -> isize = pread64 if n;
    __readlink_chk(path: *const c_char, to: *mut c_char, n: usize; room) -> isize = readlink if n;
    __readlinkat_chk(at: c_int, path: *const c_char, to: *mut c_char, n: usize; room) -> isize = readlinkat if n;
    __getcwd_chk(to: *mut c_char, n: usize; room) -> *mut c_char = getcwd if n;
    __gethostname_chk(to: *mut c_char, n: usize; room) -> c_int = gethostname if n;
    __getdomainname_chk(to: *mut c_char, n: usize; room) -> c_int = getdomainname if n;
    __getgroups_chk(n: c_int, to: *mut c_uint; room) -> c_int = getgroups if n.max(0) as usize * 4;
    __ttyname_r_chk(file: c_int, to: *mut c_char, n: usize; room) -> c_int = ttyname_r if n;
    __getlogin_r_chk(to: *mut c_char, n: usize; room) -> c_int = getlogin_r if n;
    __confstr_chk(name: c_int, to: *mut c_char, n: usize; room) -> usize = confstr if n;
    __poll_chk(files: *mut c_void, n: usize, timeout: c_int; room) -> c_int = poll if n.saturating_mul(8);
    __ppoll_chk(files: *mut c_void, n: usize, timeout: *const c_void, mask: *const c_void; room) -> c_int
        = ppoll if n.saturating_mul(8);
    __mbstowcs_chk(to: *mut c_int, from: *const c_char, n: usize; room) -> usize = mbstowcs if n;
    __wcstombs_chk(to: *mut c_char, from: *const c_int, n: usize; room) -> usize = wcstombs if n;
    __mbsrtowcs_chk(to: *mut c_int, from: *mut *const c_char, n: usize, state: *mut c_void; room) -> usize
        = mbsrtowcs if n;
    __mbsnrtowcs_chk(to: *mut c_int, from: *mut *const c_char, m: usize, n: usize, state: *mut c_void; room) -> usize
        = mbsnrtowcs if n;
    __wcsrtombs_chk(to: *mut c_char, from: *mut *const c_int, n: usize, state: *mut c_void; room) -> usize
        = wcsrtombs if n;
    __wcsnrtombs_chk(to: *mut c_char, from: *mut *const c_int, m: usize, n: usize, state: *mut c_void; room) -> usize
        = wcsnrtombs if n;
    __wmemcpy_chk(to: *mut c_int, from: *const c_int, n: usize; room) -> *mut c_int = wmemcpy if n;
    __wmemmove_chk(to: *mut c_int, from: *const c_int, n: usize; room) -> *mut c_int = wmemmove if n;
    __wmemset_chk(to: *mut c_int, value: c_int, n: usize; room) -> *mut c_int = wmemset if n;
    __wcscpy_chk(to: *mut c_int, from: *const c_int; room) -> *mut c_int = wcscpy if wcslen(from) + 1;
    __wcscat_chk(to: *mut c_int, from: *const c_int; room) -> *mut c_int = wcscat if wcslen(to) + wcslen(from) + 1;
    __wcsncpy_chk(to: *mut c_int, from: *const c_int, n: usize; room) -> *mut c_int = wcsncpy if n;
}

posix! {
    fn __chk_fail() -> ! {
        overflow()
    }
    fn __recv_chk(socket: c_int, to: *mut c_void, n: usize, room: usize, flags: c_int) -> isize {
        check(n, room);
        recvfrom(socket, to, n, flags, core::ptr::null_mut(), core::ptr::null_mut())
    }
    fn __recvfrom_chk(
        socket: c_int, to: *mut c_void, n: usize, room: usize, flags: c_int, from: *mut c_void, length: *mut c_uint,
    ) -> isize {
        check(n, room);
        recvfrom(socket, to, n, flags, from, length)
    }
    fn __realpath_chk(path: *const c_char, resolved: *mut c_char, room: usize) -> *mut c_char {
        const PATH_MAX: usize = 4096;
        check(PATH_MAX, room);
        realpath(path, resolved)
    }
    fn __fread_chk(to: *mut c_void, room: usize, size: usize, count: usize, file: *mut File) -> usize {
        check(size.saturating_mul(count), room);
        fread(to, size, count, file)
    }
    fn __fread_unlocked_chk(to: *mut c_void, room: usize, size: usize, count: usize, file: *mut File) -> usize {
        check(size.saturating_mul(count), room);
        fread_unlocked(to, size, count, file)
    }
    fn __fgets_chk(to: *mut c_char, room: usize, n: c_int, file: *mut File) -> *mut c_char {
        unsafe extern "C" {
            fn fgets(to: *mut c_char, n: c_int, file: *mut File) -> *mut c_char;
        }
        check(n.max(0) as usize, room);
        fgets(to, n, file)
    }
    fn __fgets_unlocked_chk(to: *mut c_char, room: usize, n: c_int, file: *mut File) -> *mut c_char {
        __fgets_chk(to, room, n, file)
    }
    fn __open_2(path: *const c_char, flags: c_int) -> c_int {
        needs_no_mode(flags);
        open(path, flags, 0)
    }
    fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
        needs_no_mode(flags);
        open(path, flags, 0)
    }
    fn __openat_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
        needs_no_mode(flags);
        openat(directory, path, flags, 0)
    }
    fn __openat64_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
        needs_no_mode(flags);
        openat(directory, path, flags, 0)
    }
    fn __longjmp_chk(buffer: *mut c_void, value: c_int) -> ! {
        longjmp(buffer, value)
    }
    fn __vfprintf_chk(file: *mut File, _flag: c_int, format: *const c_char, list: List) -> c_int {
        vfprintf(file, format, list)
    }
    fn __vprintf_chk(_flag: c_int, format: *const c_char, list: List) -> c_int {
        vprintf(format, list)
    }
    fn __vdprintf_chk(descriptor: c_int, _flag: c_int, format: *const c_char, list: List) -> c_int {
        vdprintf(descriptor, format, list)
    }
    fn __vsnprintf_chk(
        to: *mut c_char, n: usize, _flag: c_int, room: usize, format: *const c_char, list: List,
    ) -> c_int {
        check(n, room);
        vsnprintf(to, n, format, list)
    }
    fn __vsprintf_chk(to: *mut c_char, _flag: c_int, room: usize, format: *const c_char, list: List) -> c_int {
        // An unknown size is all that a string can have.
        let most = if room == UNKNOWN { i32::MAX as usize } else { room };
        let length = vsnprintf(to, most, format, list);
        if length >= 0 {
            check(length as usize + 1, room);
        }
        length
    }
    fn __vasprintf_chk(to: *mut *mut c_char, _flag: c_int, format: *const c_char, list: List) -> c_int {
        vasprintf(to, format, list)
    }
    fn __vsyslog_chk(priority: c_int, _flag: c_int, format: *const c_char, list: List) {
        vsyslog(priority, format, list)
    }
    fn __vfwprintf_chk(file: *mut File, _flag: c_int, format: *const c_int, list: List) -> c_int {
        vfwprintf(file, format, list)
    }
    fn __vwprintf_chk(_flag: c_int, format: *const c_int, list: List) -> c_int {
        vwprintf(format, list)
    }
    fn __vswprintf_chk(
        to: *mut c_int, n: usize, _flag: c_int, room: usize, format: *const c_int, list: List,
    ) -> c_int {
        check(n, room);
        vswprintf(to, n, format, list)
    }
}

fn needs_no_mode(flags: c_int) {
    const O_CREAT: c_int = 0o100;
    const O_TMPFILE: c_int = 0o20200000;
    if flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE {
        crate::report::fatal("*** invalid open call: O_CREAT or O_TMPFILE without mode ***: terminated");
    }
}

variadic! {
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
