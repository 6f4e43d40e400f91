//! getopt, getopt_long, getopt_long_only as GNU's programs know them: arguments are permuted, so that options may stand
//! behind other arguments, and complaints are worded as in glibc.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{null, null_mut};

/// `struct option`.
#[repr(C)]
#[derive(Debug)]
pub struct LongOption {
    name: *const c_char,
    has_argument: c_int,
    flag: *mut c_int,
    value: c_int,
}

unsafe extern "C" {
    static mut optarg: *mut c_char;
    static mut optind: c_int;
    static mut opterr: c_int;
    static mut optopt: c_int;
    static stderr: *mut c_void;
    fn getenv(name: *const c_char) -> *const c_char;
    #[link_name = "__osv_fprintf"]
    fn fprintf(stream: *mut c_void, format: *const c_char, ...) -> c_int;
}

const UNKNOWN: c_int = b'?' as c_int;
const MISSING: c_int = b':' as c_int;
const END: c_int = -1;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Options may stand anywhere.
    Permute,
    /// The first other argument ends them.
    Require,
    /// Other arguments are given out as the option 1.
    Give,
}

/// Where a scan stands.
struct Scan {
    started: bool,
    order: Order,
    /// The rest of an argument with several short options.
    rest: *const c_char,
    /// Arguments that are no options, passed over so far: first and one past the last.
    first: usize,
    last: usize,
}

static mut SCAN: Scan = Scan { started: false, order: Order::Permute, rest: null(), first: 1, last: 1 };

/// One call's arguments.
struct Call<'a> {
    argv: &'a mut [*mut c_char],
    shorts: &'a [u8],
    longs: *const LongOption,
    index: *mut c_int,
    only: bool,
    complain: bool,
    /// What is returned for a missing argument.
    missing: c_int,
}

impl Call<'_> {
    unsafe fn text(&self, index: usize) -> &CStr {
        // SAFETY: the program's arguments.
        unsafe { CStr::from_ptr(self.argv[index]) }
    }

    unsafe fn is_option(&self, index: usize) -> bool {
        // SAFETY: the program's arguments.
        matches!(unsafe { self.text(index) }.to_bytes(), [b'-', _, ..])
    }

    fn short(&self, letter: u8) -> Option<&[u8]> {
        let known = self.shorts.iter().position(|&known| known == letter)?;
        (letter != b':' && letter != b';').then(|| &self.shorts[known + 1..])
    }

    /// Brings what was passed over behind the options just read.
    fn exchange(&mut self, scan: &mut Scan, at: usize) {
        self.argv[scan.first..at].rotate_left(scan.last - scan.first);
        scan.first += at - scan.last;
        scan.last = at;
    }

    unsafe fn complain_of_letter(&self, format: &CStr, letter: u8) {
        if self.complain {
            // SAFETY: the format takes a name and a character.
            unsafe { fprintf(stderr, format.as_ptr(), self.argv[0], c_int::from(letter)) };
        }
    }

    unsafe fn complain_of_name(&self, format: &CStr, prefix: &CStr, name: *const c_char) {
        if self.complain {
            // SAFETY: the format takes three strings.
            unsafe { fprintf(stderr, format.as_ptr(), self.argv[0], prefix.as_ptr(), name) };
        }
    }

    unsafe fn next(&mut self, scan: &mut Scan) -> c_int {
        // SAFETY: the program's arguments, and the scan's place in them.
        unsafe {
            let count = self.argv.len();
            let ind = &raw mut optind;
            *(&raw mut optarg) = null_mut();
            let mut at = (*ind).max(0) as usize;
            if at == 0 || !scan.started {
                at = at.max(1);
                *scan = Scan { started: true, order: scan.order, rest: null(), first: at, last: at };
                scan.order = match self.shorts.first() {
                    Some(b'-') => Order::Give,
                    Some(b'+') => Order::Require,
                    _ if !getenv(c"POSIXLY_CORRECT".as_ptr()).is_null() => Order::Require,
                    _ => Order::Permute,
                };
            }
            *ind = at as c_int;
            if let Some(b'-' | b'+') = self.shorts.first() {
                self.shorts = &self.shorts[1..];
            }
            if self.shorts.first() == Some(&b':') {
                self.complain = false;
                self.missing = MISSING;
            }
            if scan.rest.is_null() || *scan.rest == 0 {
                scan.last = scan.last.min(at);
                scan.first = scan.first.min(at);
                if scan.order == Order::Permute {
                    if scan.first != scan.last && scan.last != at {
                        self.exchange(scan, at);
                    } else if scan.last != at {
                        scan.first = at;
                    }
                    while at < count && !self.is_option(at) {
                        at += 1;
                    }
                    scan.last = at;
                }
                if at < count && self.text(at) == c"--" {
                    at += 1;
                    if scan.first != scan.last && scan.last != at {
                        self.exchange(scan, at);
                    } else if scan.first == scan.last {
                        scan.first = at;
                    }
                    scan.last = count;
                    at = count;
                }
                *ind = at as c_int;
                if at >= count {
                    if scan.first != scan.last {
                        *ind = scan.first as c_int;
                    }
                    return END;
                }
                if !self.is_option(at) {
                    if scan.order == Order::Require {
                        return END;
                    }
                    *(&raw mut optarg) = self.argv[at];
                    *ind += 1;
                    return 1;
                }
                let bytes = self.text(at).to_bytes();
                if !self.longs.is_null() {
                    if bytes[1] == b'-' {
                        scan.rest = self.argv[at].add(2);
                        return self.long(scan, self.only, c"--");
                    }
                    if self.only && (bytes.len() > 2 || self.short(bytes[1]).is_none()) {
                        scan.rest = self.argv[at].add(1);
                        let code = self.long(scan, true, c"-");
                        if code != END {
                            return code;
                        }
                    }
                }
                scan.rest = self.argv[at].add(1);
            }
            self.letter(scan)
        }
    }

    unsafe fn letter(&mut self, scan: &mut Scan) -> c_int {
        // SAFETY: the program's arguments, and the scan's place in them.
        unsafe {
            let ind = &raw mut optind;
            let letter = *scan.rest as u8;
            scan.rest = scan.rest.add(1);
            let more = *scan.rest != 0;
            if !more {
                *ind += 1;
            }
            let Some(takes) = self.short(letter) else {
                self.complain_of_letter(c"%s: invalid option -- '%c'\n", letter);
                *(&raw mut optopt) = letter.into();
                return UNKNOWN;
            };
            let by_name = letter == b'W' && takes.first() == Some(&b';') && !self.longs.is_null();
            let (required, optional) = match takes {
                [b':', b':', ..] => (false, true),
                [b':', ..] => (true, false),
                _ => (by_name, false),
            };
            if !required && !optional {
                return letter.into();
            }
            let argument = if more {
                // The rest of this argument.
                let rest = scan.rest;
                if !by_name {
                    *ind += 1;
                }
                rest
            } else if optional {
                null()
            } else if *ind as usize >= self.argv.len() {
                self.complain_of_letter(c"%s: option requires an argument -- '%c'\n", letter);
                *(&raw mut optopt) = letter.into();
                scan.rest = null();
                return self.missing;
            } else {
                let argument = self.argv[*ind as usize];
                if !by_name {
                    *ind += 1;
                }
                argument
            };
            if by_name {
                scan.rest = argument;
                return self.long(scan, false, c"-W ");
            }
            scan.rest = null();
            *(&raw mut optarg) = argument.cast_mut();
            letter.into()
        }
    }

    /// A long option, whose name begins at the scan's rest.
    unsafe fn long(&mut self, scan: &mut Scan, only: bool, prefix: &CStr) -> c_int {
        // SAFETY: the program's options, which end with a name of null.
        unsafe {
            let ind = &raw mut optind;
            let given = CStr::from_ptr(scan.rest).to_bytes();
            let name = given.split(|&byte| byte == b'=').next().unwrap_or_default();
            let options = |index: usize| &*self.longs.add(index);
            let name_of = |index: usize| CStr::from_ptr(options(index).name).to_bytes();
            let (mut found, mut ambiguous, mut count) = (None, false, 0);
            while !options(count).name.is_null() {
                count += 1;
            }
            if let Some(exact) = (0..count).find(|&index| name_of(index) == name) {
                found = Some(exact);
            } else {
                for index in (0..count).filter(|&index| name_of(index).starts_with(name)) {
                    let Some(before) = found else {
                        found = Some(index);
                        continue;
                    };
                    let (a, b) = (options(before), options(index));
                    ambiguous |=
                        only || a.has_argument != b.has_argument || a.flag != b.flag || a.value != b.value;
                }
            }
            if ambiguous {
                if self.complain {
                    self.complain_of_name(
                        c"%s: option '%s%s' is ambiguous; possibilities:",
                        prefix,
                        scan.rest,
                    );
                    for index in (0..count).filter(|&index| name_of(index).starts_with(name)) {
                        fprintf(stderr, c" '%s%s'".as_ptr(), prefix.as_ptr(), options(index).name);
                    }
                    fprintf(stderr, c"\n".as_ptr());
                }
                scan.rest = null();
                *ind += 1;
                *(&raw mut optopt) = 0;
                return UNKNOWN;
            }
            let Some(found) = found else {
                let at = *ind as usize;
                let double = at < self.argv.len() && self.text(at).to_bytes().get(1) == Some(&b'-');
                let is_letter = given.first().is_some_and(|&letter| self.short(letter).is_some());
                if only && !double && is_letter {
                    return END;
                }
                self.complain_of_name(c"%s: unrecognized option '%s%s'\n", prefix, scan.rest);
                scan.rest = null();
                *ind += 1;
                *(&raw mut optopt) = 0;
                return UNKNOWN;
            };
            let option = options(found);
            *ind += 1;
            let value = (name.len() < given.len()).then(|| scan.rest.add(name.len() + 1));
            scan.rest = null();
            match value {
                Some(value) if option.has_argument != 0 => *(&raw mut optarg) = value.cast_mut(),
                Some(_) => {
                    self.complain_of_name(
                        c"%s: option '%s%s' doesn't allow an argument\n",
                        prefix,
                        option.name,
                    );
                    *(&raw mut optopt) = option.value;
                    return UNKNOWN;
                }
                None if option.has_argument == 1 => {
                    if *ind as usize >= self.argv.len() {
                        self.complain_of_name(
                            c"%s: option '%s%s' requires an argument\n",
                            prefix,
                            option.name,
                        );
                        *(&raw mut optopt) = option.value;
                        return self.missing;
                    }
                    *(&raw mut optarg) = self.argv[*ind as usize];
                    *ind += 1;
                }
                None => {}
            }
            if !self.index.is_null() {
                self.index.write(found as c_int);
            }
            if option.flag.is_null() {
                return option.value;
            }
            option.flag.write(option.value);
            0
        }
    }
}

unsafe fn scan(
    argc: c_int,
    argv: *mut *mut c_char,
    shorts: *const c_char,
    longs: *const LongOption,
    index: *mut c_int,
    only: bool,
) -> c_int {
    // SAFETY: the program's arguments and options; the manual page calls this unsafe for threads.
    unsafe {
        if argc < 1 {
            return END;
        }
        let mut call = Call {
            argv: core::slice::from_raw_parts_mut(argv, argc as usize),
            shorts: CStr::from_ptr(shorts).to_bytes(),
            longs,
            index,
            only,
            complain: *(&raw const opterr) != 0,
            missing: UNKNOWN,
        };
        call.next(&mut *(&raw mut SCAN))
    }
}

posix! {
    fn getopt_gnu(argc: c_int, argv: *mut *mut c_char, shorts: *const c_char) -> c_int {
        scan(argc, argv, shorts, null(), null_mut(), false)
    }
    fn getopt_long_gnu(
        argc: c_int, argv: *mut *mut c_char, shorts: *const c_char, longs: *const LongOption, index: *mut c_int,
    ) -> c_int {
        scan(argc, argv, shorts, longs, index, false)
    }
    fn getopt_long_only_gnu(
        argc: c_int, argv: *mut *mut c_char, shorts: *const c_char, longs: *const LongOption, index: *mut c_int,
    ) -> c_int {
        scan(argc, argv, shorts, longs, index, true)
    }
}
