//! What `_FORTIFY_SOURCE` calls: each function checks the size that the compiler knew, and ends the program when the
//! call would write beyond it.

use crate::gate::{self, Sysno};
use crate::unistd;
use core::ffi::{c_char, c_int, c_long, c_uint, c_void};

/// A `FILE`.
type File = c_void;

/// Ends the program: a buffer would overflow.
#[cold]
pub fn overflow() -> ! {
    crate::report::fatal("*** buffer overflow detected ***: terminated")
}

/// Ends the program when `needed` is more than `room`.
#[inline]
pub fn check(needed: usize, room: usize) {
    if needed > room {
        overflow();
    }
}

/// Declares what musl has and defines `__NAME_chk` functions that check one length against one size.
macro_rules! checked {
    ($( $(#[$link:meta])* $checked:ident($($arg:ident: $ty:ty),*; $room:ident) -> $ret:ty = $name:ident if $needed:expr; )*) => {
        mod unchecked {
            use super::*;
            unsafe extern "C" {
                $( $(#[$link])* pub fn $name($($arg: $ty),*) -> $ret; )*
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
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut File;
    fn fgets(to: *mut c_char, n: c_int, file: *mut File) -> *mut c_char;
    fn fclose(file: *mut File) -> c_int;
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
    #[link_name = "__osv_readlink"]
    __readlink_chk(path: *const c_char, to: *mut c_char, n: usize; room) -> isize = readlink if n;
    #[link_name = "__osv_readlinkat"]
    __readlinkat_chk(at: c_int, path: *const c_char, to: *mut c_char, n: usize; room) -> isize = readlinkat if n;
    #[link_name = "__osv_getcwd"]
    __getcwd_chk(to: *mut c_char, n: usize; room) -> *mut c_char = getcwd if n;
    #[link_name = "__osv_gethostname"]
    __gethostname_chk(to: *mut c_char, n: usize; room) -> c_int = gethostname if n;
    __getdomainname_chk(to: *mut c_char, n: usize; room) -> c_int = getdomainname if n;
    __getgroups_chk(n: c_int, to: *mut c_uint; room) -> c_int = getgroups if n.max(0) as usize * 4;
    __ttyname_r_chk(file: c_int, to: *mut c_char, n: usize; room) -> c_int = ttyname_r if n;
    __getlogin_r_chk(to: *mut c_char, n: usize; room) -> c_int = getlogin_r if n;
    #[link_name = "__osv_confstr_gnu"]
    __confstr_chk(name: c_int, to: *mut c_char, n: usize; room) -> usize = confstr if n;
    __poll_chk(files: *mut c_void, n: usize, timeout: c_int; room) -> c_int = poll if n.saturating_mul(8);
    __ppoll_chk(files: *mut c_void, n: usize, timeout: *const c_void, mask: *const c_void; room) -> c_int
        = ppoll if n.saturating_mul(8);
    #[link_name = "__osv_mbstowcs"]
    __mbstowcs_chk(to: *mut c_int, from: *const c_char, n: usize; room) -> usize = mbstowcs if n;
    #[link_name = "__osv_wcstombs"]
    __wcstombs_chk(to: *mut c_char, from: *const c_int, n: usize; room) -> usize = wcstombs if n;
    #[link_name = "__osv_mbsrtowcs"]
    __mbsrtowcs_chk(to: *mut c_int, from: *mut *const c_char, n: usize, state: *mut c_void; room) -> usize
        = mbsrtowcs if n;
    #[link_name = "__osv_mbsnrtowcs"]
    __mbsnrtowcs_chk(to: *mut c_int, from: *mut *const c_char, m: usize, n: usize, state: *mut c_void; room) -> usize
        = mbsnrtowcs if n;
    #[link_name = "__osv_wcsrtombs"]
    __wcsrtombs_chk(to: *mut c_char, from: *mut *const c_int, n: usize, state: *mut c_void; room) -> usize
        = wcsrtombs if n;
    #[link_name = "__osv_wcsnrtombs"]
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
    fn __read_chk(file: c_int, to: *mut c_void, n: usize, room: usize) -> isize {
        check(n, room);
        unistd::read(file, to, n)
    }
    fn __pread_chk(file: c_int, to: *mut c_void, n: usize, offset: c_long, room: usize) -> isize {
        check(n, room);
        unistd::pread(file, to, n, offset)
    }
    fn __pread64_chk(file: c_int, to: *mut c_void, n: usize, offset: c_long, room: usize) -> isize {
        check(n, room);
        unistd::pread(file, to, n, offset)
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
        // Outward is towards higher addresses; a frame below this one has returned, unless it is on another stack.
        const RSP: usize = 6;
        let here = 0u8;
        let target = buffer.cast::<usize>().add(RSP).read();
        if target < (&raw const here).addr() && is_on_this_stack(target) {
            crate::report::fatal("*** longjmp causes uninitialized stack frame ***: terminated");
        }
        longjmp(buffer, value)
    }
}

/// Whether an address lies on the stack that the thread runs on: its own, or the one for signals.
fn is_on_this_stack(address: usize) -> bool {
    /// `stack_t`.
    #[repr(C)]
    struct Stack {
        start: usize,
        flags: c_int,
        size: usize,
    }
    const ONSTACK: c_int = 1;
    let mut stack = Stack { start: 0, flags: 0, size: 0 };
    // SAFETY: the kernel writes one stack_t.
    let known = unsafe { gate::try_call(Sysno::sigaltstack, [0, (&raw mut stack).addr()]) };
    known.is_ok() && (stack.flags & ONSTACK == 0 || address.wrapping_sub(stack.start) < stack.size)
}

/// Whether the program can write to an address, by the process's own map. Where there is no map to read, it is taken
/// for unwritable, as a format is.
pub fn is_writable(address: usize) -> bool {
    let kept = crate::errno::get();
    let mut writable = false;
    // SAFETY: libc's own streams; the line is as long as said.
    unsafe {
        let file = fopen(c"/proc/self/maps".as_ptr(), c"re".as_ptr());
        let mut line = [0 as c_char; 512];
        while !file.is_null() && !fgets(line.as_mut_ptr(), line.len() as c_int, file).is_null() {
            let text = core::ffi::CStr::from_ptr(line.as_ptr()).to_str().unwrap_or_default();
            let mut words = text.split([' ', '-']);
            let mut number = || usize::from_str_radix(words.next()?, 16).ok();
            if let (Some(start), Some(end)) = (number(), number())
                && (start..end).contains(&address)
            {
                writable = words.next().is_some_and(|rights| rights.as_bytes().get(1) == Some(&b'w'));
                break;
            }
        }
        if !file.is_null() {
            fclose(file);
        }
    }
    crate::errno::set_raw(kept);
    writable
}

fn needs_no_mode(flags: c_int) {
    const O_CREAT: c_int = 0o100;
    const O_TMPFILE: c_int = 0o20200000;
    if flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE {
        crate::report::fatal("*** invalid open call: O_CREAT or O_TMPFILE without mode ***: terminated");
    }
}
