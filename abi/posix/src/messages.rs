//! The texts of errors and signals, as glibc words them in the C locale: programs' tests and users know them by heart.

use crate::report::Text;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt::Write;
use core::ptr::null;
use osv_abi::errno::Errno;

/// (name, text) by number; a number without a name has none.
const ERRORS: [(&CStr, &CStr); 134] = [
    (c"0", c"Success"),
    (c"EPERM", c"Operation not permitted"),
    (c"ENOENT", c"No such file or directory"),
    (c"ESRCH", c"No such process"),
    (c"EINTR", c"Interrupted system call"),
    (c"EIO", c"Input/output error"),
    (c"ENXIO", c"No such device or address"),
    (c"E2BIG", c"Argument list too long"),
    (c"ENOEXEC", c"Exec format error"),
    (c"EBADF", c"Bad file descriptor"),
    (c"ECHILD", c"No child processes"),
    (c"EAGAIN", c"Resource temporarily unavailable"),
    (c"ENOMEM", c"Cannot allocate memory"),
    (c"EACCES", c"Permission denied"),
    (c"EFAULT", c"Bad address"),
    (c"ENOTBLK", c"Block device required"),
    (c"EBUSY", c"Device or resource busy"),
    (c"EEXIST", c"File exists"),
    (c"EXDEV", c"Invalid cross-device link"),
    (c"ENODEV", c"No such device"),
    (c"ENOTDIR", c"Not a directory"),
    (c"EISDIR", c"Is a directory"),
    (c"EINVAL", c"Invalid argument"),
    (c"ENFILE", c"Too many open files in system"),
    (c"EMFILE", c"Too many open files"),
    (c"ENOTTY", c"Inappropriate ioctl for device"),
    (c"ETXTBSY", c"Text file busy"),
    (c"EFBIG", c"File too large"),
    (c"ENOSPC", c"No space left on device"),
    (c"ESPIPE", c"Illegal seek"),
    (c"EROFS", c"Read-only file system"),
    (c"EMLINK", c"Too many links"),
    (c"EPIPE", c"Broken pipe"),
    (c"EDOM", c"Numerical argument out of domain"),
    (c"ERANGE", c"Numerical result out of range"),
    (c"EDEADLK", c"Resource deadlock avoided"),
    (c"ENAMETOOLONG", c"File name too long"),
    (c"ENOLCK", c"No locks available"),
    (c"ENOSYS", c"Function not implemented"),
    (c"ENOTEMPTY", c"Directory not empty"),
    (c"ELOOP", c"Too many levels of symbolic links"),
    (c"", c""),
    (c"ENOMSG", c"No message of desired type"),
    (c"EIDRM", c"Identifier removed"),
    (c"ECHRNG", c"Channel number out of range"),
    (c"EL2NSYNC", c"Level 2 not synchronized"),
    (c"EL3HLT", c"Level 3 halted"),
    (c"EL3RST", c"Level 3 reset"),
    (c"ELNRNG", c"Link number out of range"),
    (c"EUNATCH", c"Protocol driver not attached"),
    (c"ENOCSI", c"No CSI structure available"),
    (c"EL2HLT", c"Level 2 halted"),
    (c"EBADE", c"Invalid exchange"),
    (c"EBADR", c"Invalid request descriptor"),
    (c"EXFULL", c"Exchange full"),
    (c"ENOANO", c"No anode"),
    (c"EBADRQC", c"Invalid request code"),
    (c"EBADSLT", c"Invalid slot"),
    (c"", c""),
    (c"EBFONT", c"Bad font file format"),
    (c"ENOSTR", c"Device not a stream"),
    (c"ENODATA", c"No data available"),
    (c"ETIME", c"Timer expired"),
    (c"ENOSR", c"Out of streams resources"),
    (c"ENONET", c"Machine is not on the network"),
    (c"ENOPKG", c"Package not installed"),
    (c"EREMOTE", c"Object is remote"),
    (c"ENOLINK", c"Link has been severed"),
    (c"EADV", c"Advertise error"),
    (c"ESRMNT", c"Srmount error"),
    (c"ECOMM", c"Communication error on send"),
    (c"EPROTO", c"Protocol error"),
    (c"EMULTIHOP", c"Multihop attempted"),
    (c"EDOTDOT", c"RFS specific error"),
    (c"EBADMSG", c"Bad message"),
    (c"EOVERFLOW", c"Value too large for defined data type"),
    (c"ENOTUNIQ", c"Name not unique on network"),
    (c"EBADFD", c"File descriptor in bad state"),
    (c"EREMCHG", c"Remote address changed"),
    (c"ELIBACC", c"Can not access a needed shared library"),
    (c"ELIBBAD", c"Accessing a corrupted shared library"),
    (c"ELIBSCN", c".lib section in a.out corrupted"),
    (c"ELIBMAX", c"Attempting to link in too many shared libraries"),
    (c"ELIBEXEC", c"Cannot exec a shared library directly"),
    (c"EILSEQ", c"Invalid or incomplete multibyte or wide character"),
    (c"ERESTART", c"Interrupted system call should be restarted"),
    (c"ESTRPIPE", c"Streams pipe error"),
    (c"EUSERS", c"Too many users"),
    (c"ENOTSOCK", c"Socket operation on non-socket"),
    (c"EDESTADDRREQ", c"Destination address required"),
    (c"EMSGSIZE", c"Message too long"),
    (c"EPROTOTYPE", c"Protocol wrong type for socket"),
    (c"ENOPROTOOPT", c"Protocol not available"),
    (c"EPROTONOSUPPORT", c"Protocol not supported"),
    (c"ESOCKTNOSUPPORT", c"Socket type not supported"),
    (c"EOPNOTSUPP", c"Operation not supported"),
    (c"EPFNOSUPPORT", c"Protocol family not supported"),
    (c"EAFNOSUPPORT", c"Address family not supported by protocol"),
    (c"EADDRINUSE", c"Address already in use"),
    (c"EADDRNOTAVAIL", c"Cannot assign requested address"),
    (c"ENETDOWN", c"Network is down"),
    (c"ENETUNREACH", c"Network is unreachable"),
    (c"ENETRESET", c"Network dropped connection on reset"),
    (c"ECONNABORTED", c"Software caused connection abort"),
    (c"ECONNRESET", c"Connection reset by peer"),
    (c"ENOBUFS", c"No buffer space available"),
    (c"EISCONN", c"Transport endpoint is already connected"),
    (c"ENOTCONN", c"Transport endpoint is not connected"),
    (c"ESHUTDOWN", c"Cannot send after transport endpoint shutdown"),
    (c"ETOOMANYREFS", c"Too many references: cannot splice"),
    (c"ETIMEDOUT", c"Connection timed out"),
    (c"ECONNREFUSED", c"Connection refused"),
    (c"EHOSTDOWN", c"Host is down"),
    (c"EHOSTUNREACH", c"No route to host"),
    (c"EALREADY", c"Operation already in progress"),
    (c"EINPROGRESS", c"Operation now in progress"),
    (c"ESTALE", c"Stale file handle"),
    (c"EUCLEAN", c"Structure needs cleaning"),
    (c"ENOTNAM", c"Not a XENIX named type file"),
    (c"ENAVAIL", c"No XENIX semaphores available"),
    (c"EISNAM", c"Is a named type file"),
    (c"EREMOTEIO", c"Remote I/O error"),
    (c"EDQUOT", c"Disk quota exceeded"),
    (c"ENOMEDIUM", c"No medium found"),
    (c"EMEDIUMTYPE", c"Wrong medium type"),
    (c"ECANCELED", c"Operation canceled"),
    (c"ENOKEY", c"Required key not available"),
    (c"EKEYEXPIRED", c"Key has expired"),
    (c"EKEYREVOKED", c"Key has been revoked"),
    (c"EKEYREJECTED", c"Key was rejected by service"),
    (c"EOWNERDEAD", c"Owner died"),
    (c"ENOTRECOVERABLE", c"State not recoverable"),
    (c"ERFKILL", c"Operation not possible due to RF-kill"),
    (c"EHWPOISON", c"Memory page has hardware error"),
];

/// (abbreviation, text) by number from 1.
const SIGNALS: [(&CStr, &CStr); 31] = [
    (c"HUP", c"Hangup"),
    (c"INT", c"Interrupt"),
    (c"QUIT", c"Quit"),
    (c"ILL", c"Illegal instruction"),
    (c"TRAP", c"Trace/breakpoint trap"),
    (c"ABRT", c"Aborted"),
    (c"BUS", c"Bus error"),
    (c"FPE", c"Floating point exception"),
    (c"KILL", c"Killed"),
    (c"USR1", c"User defined signal 1"),
    (c"SEGV", c"Segmentation fault"),
    (c"USR2", c"User defined signal 2"),
    (c"PIPE", c"Broken pipe"),
    (c"ALRM", c"Alarm clock"),
    (c"TERM", c"Terminated"),
    (c"STKFLT", c"Stack fault"),
    (c"CHLD", c"Child exited"),
    (c"CONT", c"Continued"),
    (c"STOP", c"Stopped (signal)"),
    (c"TSTP", c"Stopped"),
    (c"TTIN", c"Stopped (tty input)"),
    (c"TTOU", c"Stopped (tty output)"),
    (c"URG", c"Urgent I/O condition"),
    (c"XCPU", c"CPU time limit exceeded"),
    (c"XFSZ", c"File size limit exceeded"),
    (c"VTALRM", c"Virtual timer expired"),
    (c"PROF", c"Profiling timer expired"),
    (c"WINCH", c"Window changed"),
    (c"POLL", c"I/O possible"),
    (c"PWR", c"Power failure"),
    (c"SYS", c"Bad system call"),
];

/// getaddrinfo's errors.
const ADDRESS_ERRORS: [(c_int, &CStr); 17] = [
    (-105, c"Parameter string not correctly encoded"),
    (-104, c"Interrupted by a signal"),
    (-103, c"All requests done"),
    (-102, c"Request not canceled"),
    (-101, c"Request canceled"),
    (-100, c"Processing request in progress"),
    (-11, c"System error"),
    (-10, c"Memory allocation failure"),
    (-9, c"Address family for hostname not supported"),
    (-8, c"Servname not supported for ai_socktype"),
    (-7, c"ai_socktype not supported"),
    (-6, c"ai_family not supported"),
    (-5, c"No address associated with hostname"),
    (-4, c"Non-recoverable failure in name resolution"),
    (-3, c"Temporary failure in name resolution"),
    (-2, c"Name or service not known"),
    (-1, c"Bad value for ai_flags"),
];

/// What gethostbyname leaves in h_errno.
const HOST_ERRORS: [&CStr; 5] = [
    c"Resolver Error 0 (no error)",
    c"Unknown host",
    c"Host name lookup failure",
    c"Unknown server error",
    c"No address associated with name",
];

fn error(number: c_int) -> Option<&'static (&'static CStr, &'static CStr)> {
    let row = ERRORS.get(usize::try_from(number).ok()?)?;
    (!row.1.is_empty()).then_some(row)
}

/// A text made for a number that has none; the thread's last.
struct Made(Text<40>);

/// Room for one made text for each of strerror and strsignal. A program that formats unknown numbers in two threads at
/// once may see either number.
static mut MADE: [Made; 2] = [const { Made(Text::new()) }; 2];

fn make(which: usize, what: &str, number: c_int) -> *const c_char {
    // SAFETY: the text's bytes stay in place and end with a zero, because nothing made here fills them.
    unsafe {
        let text = &raw mut MADE[which].0;
        *text = Text::new();
        let _ = write!(*text, "{what} {number}");
        (*text).as_bytes().as_ptr().cast()
    }
}

unsafe fn store(text: &[u8], to: *mut c_char, n: usize) {
    // SAFETY: the caller's buffer of `n` bytes.
    unsafe {
        if n > 0 {
            let length = text.len().min(n - 1);
            to.copy_from_nonoverlapping(text.as_ptr().cast(), length);
            to.add(length).write(0);
        }
    }
}

posix! {
    fn strerror(number: c_int) -> *const c_char {
        match error(number) {
            Some(row) => row.1.as_ptr(),
            None => make(0, "Unknown error", number),
        }
    }
    fn strerror_l(number: c_int, _locale: *mut c_void) -> *const c_char {
        strerror(number)
    }
    // GNU's form: the text may lie elsewhere.
    fn strerror_r(number: c_int, to: *mut c_char, n: usize) -> *const c_char {
        match error(number) {
            Some(row) => row.1.as_ptr(),
            None => {
                let mut text = Text::<40>::new();
                let _ = write!(text, "Unknown error {number}");
                store(text.as_bytes(), to, n);
                to
            }
        }
    }
    fn __xpg_strerror_r(number: c_int, to: *mut c_char, n: usize) -> c_int {
        let mut made = Text::<40>::new();
        let (text, result) = match error(number) {
            Some(row) => (row.1.to_bytes(), 0),
            None => {
                let _ = write!(made, "Unknown error {number}");
                (made.as_bytes(), Errno::EINVAL.get())
            }
        };
        store(text, to, n);
        if result == 0 && text.len() >= n { Errno::ERANGE.get() } else { result }
    }
    fn strerrorname_np(number: c_int) -> *const c_char {
        if number == 0 { c"0".as_ptr() } else { error(number).map_or(null(), |row| row.0.as_ptr()) }
    }
    fn strerrordesc_np(number: c_int) -> *const c_char {
        error(number).map_or(null(), |row| row.1.as_ptr())
    }
    fn sigabbrev_np(number: c_int) -> *const c_char {
        signal(number).map_or(null(), |row| row.0.as_ptr())
    }
    fn sigdescr_np(number: c_int) -> *const c_char {
        signal(number).map_or(null(), |row| row.1.as_ptr())
    }
    fn strsignal(number: c_int) -> *const c_char {
        const REAL_TIME: core::ops::RangeInclusive<c_int> = 34..=64;
        match signal(number) {
            Some(row) => row.1.as_ptr(),
            None if REAL_TIME.contains(&number) => make(1, "Real-time signal", number - 34),
            None => make(1, "Unknown signal", number),
        }
    }
    fn gai_strerror(number: c_int) -> *const c_char {
        let found = ADDRESS_ERRORS.iter().find(|row| row.0 == number);
        found.map_or(c"Unknown error", |row| row.1).as_ptr()
    }
    fn hstrerror(number: c_int) -> *const c_char {
        let unknown = if number < 0 { c"Resolver internal error" } else { c"Unknown resolver error" };
        usize::try_from(number).ok().and_then(|number| HOST_ERRORS.get(number)).map_or(unknown, |text| text).as_ptr()
    }
}

fn signal(number: c_int) -> Option<&'static (&'static CStr, &'static CStr)> {
    let row = SIGNALS.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
    (!row.1.is_empty()).then_some(row)
}
