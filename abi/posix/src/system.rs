//! sysconf and confstr where glibc's answers are not musl's; scheduling; what glibc adds to string.h.

use crate::errno;
use crate::gate::{self, Sysno};
use core::ffi::{CStr, c_char, c_int, c_long, c_void};
use osv_abi::errno::Errno;

/// The answers that are constants, by glibc's numbers.
const CONSTANTS: &[(c_int, c_long)] = &[
    (3, 65536),       // NGROUPS_MAX
    (5, 16),          // STREAM_MAX
    (6, -1),          // TZNAME_MAX: no limit
    (10, 200_809),    // PRIORITY_SCHEDULING
    (13, 200_809),    // PRIORITIZED_IO
    (14, 200_809),    // SYNCHRONIZED_IO
    (25, 20),         // AIO_PRIO_DELTA_MAX
    (31, 32),         // RTSIG_MAX
    (32, -1),         // SEM_NSEMS_MAX: no limit
    (42, 32),         // EXPR_NEST_MAX
    (43, 2048),       // LINE_MAX
    (44, 32767),      // RE_DUP_MAX
    (48, 200_809),    // 2_C_DEV
    (51, 200_809),    // 2_SW_DEV
    (52, 200_809),    // 2_LOCALEDEF
    (95, 200_809),    // 2_CHAR_TERM
    (69, 1024),       // GETGR_R_SIZE_MAX
    (70, 1024),       // GETPW_R_SIZE_MAX
    (74, 1024),       // THREAD_KEYS_MAX
    (75, 16384),      // THREAD_STACK_MIN
    (87, 2147483647), // ATEXIT_MAX: SHRT_MAX elsewhere
    (173, -1),        // SYMLOOP_MAX: no limit
    (180, 64),        // HOST_NAME_MAX
];

mod theirs {
    use super::{c_char, c_int, c_long};
    unsafe extern "C" {
        // The build renames musl's own behind these rows.
        #[link_name = "__osv_sysconf"]
        pub fn sysconf(name: c_int) -> c_long;
        #[link_name = "__osv_confstr"]
        pub fn confstr(name: c_int, to: *mut c_char, n: usize) -> usize;
        pub fn getauxval(kind: usize) -> usize;
    }
}

/// A limit that is in force; `None` when there is none.
fn limit(resource: usize) -> Option<u64> {
    let mut limits = [0u64; 2];
    // SAFETY: the kernel writes two words.
    let found = unsafe { gate::try_call(Sysno::prlimit64, [0, resource, 0, (&raw mut limits).addr()]) };
    (found.is_ok() && limits[0] != u64::MAX).then_some(limits[0])
}

/// What a signal frame needs, as the kernel says.
fn least_signal_stack() -> c_long {
    const AT_MINSIGSTKSZ: usize = 51;
    const WITHOUT_VECTORS: c_long = 2048;
    let kept = errno::get();
    // SAFETY: any number will do.
    let size = unsafe { theirs::getauxval(AT_MINSIGSTKSZ) } as c_long;
    errno::set_raw(kept);
    size.max(WITHOUT_VECTORS)
}

/// The digits at the start of a text.
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn compare_versions(left: &[u8], right: &[u8]) -> c_int {
    let same = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let at = |text: &[u8]| text.get(same).copied().unwrap_or(0);
    let (a, b) = (at(left), at(right));
    if a == b {
        return 0;
    }
    let before = left[..same].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let run = &left[same - before..same];
    let plain = c_int::from(a) - c_int::from(b);
    let (x, y) = (a.is_ascii_digit(), b.is_ascii_digit());
    if run.first() == Some(&b'0') {
        // Behind leading zeros numbers are fractions; more zeros come first.
        let zeros = run.iter().all(|&byte| byte == b'0');
        return match (zeros, x, y) {
            (true, true, false) => -1,
            (true, false, true) => 1,
            _ => plain,
        };
    }
    if !x && !y || (run.is_empty() && (!x || !y || a == b'0' || b == b'0')) {
        return plain;
    }
    // The number with more digits is larger.
    match digits(&left[same..]).cmp(&digits(&right[same..])) {
        core::cmp::Ordering::Equal => plain,
        order => order as c_int,
    }
}

posix! {
    fn sysconf_gnu(name: c_int) -> c_long {
        const ARG_MAX: c_int = 0;
        const SIGQUEUE_MAX: c_int = 34;
        const MINSIGSTKSZ: c_int = 249;
        const SIGSTKSZ: c_int = 250;
        const RLIMIT_STACK: usize = 3;
        const RLIMIT_SIGPENDING: usize = 11;
        const LEAST_ARG_MAX: c_long = 131_072;
        if let Some(&(_, value)) = CONSTANTS.iter().find(|row| row.0 == name) {
            return value;
        }
        match name {
            ARG_MAX => limit(RLIMIT_STACK).map_or(LEAST_ARG_MAX, |stack| (stack / 4) as c_long).max(LEAST_ARG_MAX),
            SIGQUEUE_MAX => limit(RLIMIT_SIGPENDING).map_or(-1, |count| count as c_long),
            MINSIGSTKSZ => least_signal_stack(),
            SIGSTKSZ => (4 * least_signal_stack()).max(8192),
            _ => theirs::sysconf(name),
        }
    }
    fn confstr_gnu(name: c_int, to: *mut c_char, n: usize) -> usize {
        let text = match name {
            2 => c"glibc 2.36",
            3 => c"NPTL 2.36",
            5 => c"POSIX_V7_LP64_OFF64",
            _ => return theirs::confstr(name, to, n),
        };
        let bytes = text.to_bytes_with_nul();
        if n > 0 && !to.is_null() {
            let length = bytes.len().min(n) - 1;
            to.copy_from_nonoverlapping(bytes.as_ptr().cast(), length);
            to.add(length).write(0);
        }
        bytes.len()
    }
    // musl has these fail, because Linux's are of threads; glibc and its programs take them so.
    fn sched_getscheduler(process: c_int) -> c_int {
        errno::ret(gate::call(Sysno::sched_getscheduler, [process as usize])) as c_int
    }
    fn sched_setscheduler(process: c_int, policy: c_int, param: *const c_void) -> c_int {
        errno::ret(gate::call(Sysno::sched_setscheduler, [process as usize, policy as usize, param.addr()])) as c_int
    }
    fn sched_getparam(process: c_int, param: *mut c_void) -> c_int {
        errno::ret(gate::call(Sysno::sched_getparam, [process as usize, param.addr()])) as c_int
    }
    fn sched_setparam(process: c_int, param: *const c_void) -> c_int {
        errno::ret(gate::call(Sysno::sched_setparam, [process as usize, param.addr()])) as c_int
    }
    fn strverscmp(left: *const c_char, right: *const c_char) -> c_int {
        compare_versions(CStr::from_ptr(left).to_bytes(), CStr::from_ptr(right).to_bytes())
    }
    fn __strverscmp(left: *const c_char, right: *const c_char) -> c_int {
        strverscmp(left, right)
    }
    fn gethostname(to: *mut c_char, n: usize) -> c_int {
        const FIELD: usize = 65;
        let mut names = [0u8; 6 * FIELD];
        if let Err(error) = gate::try_call(Sysno::uname, [names.as_mut_ptr().addr()]) {
            return errno::fail(error) as c_int;
        }
        let node = &names[FIELD..2 * FIELD];
        let length = node.iter().position(|&byte| byte == 0).unwrap_or(FIELD - 1) + 1;
        to.copy_from_nonoverlapping(node.as_ptr().cast(), length.min(n));
        if length > n { errno::fail(Errno::ENAMETOOLONG) as c_int } else { 0 }
    }
    fn memfrob(bytes: *mut u8, n: usize) -> *mut u8 {
        for index in 0..n {
            *bytes.add(index) ^= 42;
        }
        bytes
    }
    fn strfry(text: *mut c_char) -> *mut c_char {
        let length = CStr::from_ptr(text).count_bytes();
        for index in 1..length {
            let other = crate::glibc::arc4random_uniform(index as u32 + 1) as usize;
            core::ptr::swap(text.add(index), text.add(other));
        }
        text
    }
    fn basename_gnu(path: *const c_char) -> *const c_char {
        let text = CStr::from_ptr(path).to_bytes();
        path.add(text.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1))
    }
}
