//! Locales: C, and C.UTF-8 under its own name or, where the system has a locale of UTF-8 by that name installed, under
//! that one. All have C's conventions; they differ in how bytes make characters.
//!
//! Locale objects are glibc's: programs reach ctype's tables through them. Their first words are musl's struct, whose
//! C code asks only whether a category is C (null) or C.UTF-8.

use crate::ctype::{ENTRIES, Entry};
use crate::errno;
use crate::lock::Lock;
use crate::malloc::slots;
use crate::musl;
use core::ffi::{CStr, c_char, c_int, c_ushort, c_void};
use core::ptr::{null, null_mut};
use osv_abi::errno::Errno;

const LC_ALL: usize = 6;
const COUNT: usize = 13;
/// As many categories musl knows.
const KNOWN: usize = 6;
const ALL_MASK: c_int = 0x1fbf;
const LONGEST_NAME: usize = 31;

const NAMES: [&str; COUNT] = [
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_ALL",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
];

/// A category's locale by name; one that is not C is UTF-8.
#[derive(Clone, Copy)]
struct Name([u8; LONGEST_NAME + 1]);

impl Name {
    const C: Name = Name({
        let mut bytes = [0; LONGEST_NAME + 1];
        bytes[0] = b'C';
        bytes
    });

    fn bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    fn is_utf8(&self) -> bool {
        self.bytes() != b"C"
    }

    /// The locale called `name`, if there is one.
    fn find(name: &[u8]) -> Option<Name> {
        if name == b"C" || name == b"POSIX" {
            return Some(Name::C);
        }
        let dot = name.iter().position(|&byte| byte == b'.')?;
        let (language, codeset) = (&name[..dot], &name[dot + 1..]);
        let codeset = codeset.split(|&byte| byte == b'@').next().unwrap_or_default();
        let is_utf8 = codeset
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(u8::to_ascii_lowercase)
            .eq(*b"utf8");
        let fits = name.len() <= LONGEST_NAME && !name.contains(&b'/');
        if !is_utf8 || !fits || !(language == b"C" || is_installed(language)) {
            return None;
        }
        let mut bytes = [0; LONGEST_NAME + 1];
        bytes[..name.len()].copy_from_slice(name);
        Some(Name(bytes))
    }
}

/// Whether the system has a locale of this language in UTF-8.
fn is_installed(language: &[u8]) -> bool {
    const ROOT: &[u8] = b"/usr/lib/locale/";
    const CODESET: &[u8] = b".utf8";
    let mut path = [0u8; 64];
    let parts = [ROOT, language, CODESET];
    if parts.iter().map(|part| part.len()).sum::<usize>() >= path.len() {
        return false;
    }
    let mut length = 0;
    for part in parts {
        path[length..][..part.len()].copy_from_slice(part);
        length += part.len();
    }
    unsafe extern "C" {
        fn access(path: *const c_char, mode: c_int) -> c_int;
    }
    let kept = errno::get();
    // SAFETY: both paths end with a zero.
    let found = unsafe {
        access(path.as_ptr().cast(), 0) == 0 || access(c"/usr/lib/locale/locale-archive".as_ptr(), 0) == 0
    };
    errno::set_raw(kept);
    found
}

/// What the environment says of a category.
fn from_environment(category: usize) -> Option<Name> {
    unsafe extern "C" {
        fn getenv(name: *const c_char) -> *const c_char;
    }
    let mut own = [0u8; 24];
    own[..NAMES[category].len()].copy_from_slice(NAMES[category].as_bytes());
    for variable in [c"LC_ALL".as_ptr(), own.as_ptr().cast(), c"LANG".as_ptr()] {
        // SAFETY: names that end with a zero; the value is a string of the environment.
        unsafe {
            let value = getenv(variable);
            if !value.is_null() && *value != 0 {
                return Name::find(CStr::from_ptr(value).to_bytes());
            }
        }
    }
    Some(Name::C)
}

/// The names for the categories in `wanted` (a mask), from one name, a list `LC_X=name;...`, or the environment.
fn parse(text: &[u8], wanted: c_int) -> Option<[Name; COUNT]> {
    let mut names = [Name::C; COUNT];
    let asked = |category: usize| wanted & 1 << category != 0 && category != LC_ALL;
    if text.contains(&b';') || text.contains(&b'=') {
        let mut seen = 0;
        for part in text.split(|&byte| byte == b';') {
            let equals = part.iter().position(|&byte| byte == b'=')?;
            let category = NAMES.iter().position(|name| name.as_bytes() == &part[..equals])?;
            names[category] = Name::find(&part[equals + 1..])?;
            seen |= 1 << category;
        }
        return (0..COUNT).all(|category| !asked(category) || seen & 1 << category != 0).then_some(names);
    }
    for category in (0..COUNT).filter(|&category| asked(category)) {
        names[category] = if text.is_empty() { from_environment(category)? } else { Name::find(text)? };
    }
    Some(names)
}

pub(crate) static LOCK: Lock = Lock::new();
static mut GLOBAL: [Name; COUNT] = [Name::C; COUNT];

/// Room for every category with a name.
static mut LISTED: [u8; COUNT * (LONGEST_NAME + 24)] = [0; COUNT * (LONGEST_NAME + 24)];

/// The name of all categories together.
unsafe fn listed(names: &[Name; COUNT]) -> *const c_char {
    let categories = (0..COUNT).filter(|&category| category != LC_ALL);
    if categories.clone().all(|category| names[category].0 == names[0].0) {
        // SAFETY: the global names, which stay in place.
        return unsafe { (&raw const GLOBAL).cast::<c_char>() };
    }
    let mut length = 0;
    // SAFETY: the buffer has room for all of it; called under the lock.
    unsafe {
        let to: *mut u8 = (&raw mut LISTED).cast();
        for category in categories {
            for part in [NAMES[category].as_bytes(), b"=", names[category].bytes(), b";"] {
                to.add(length).copy_from_nonoverlapping(part.as_ptr(), part.len());
                length += part.len();
            }
        }
        to.add(length - 1).write(0);
        to.cast()
    }
}

/// `struct __locale_struct`.
#[repr(C)]
#[derive(Debug)]
pub struct Locale {
    categories: [*const c_void; COUNT],
    classes: *const c_ushort,
    lower: *const c_int,
    upper: *const c_int,
    names: [*const c_char; COUNT],
}

const _: () = assert!(size_of::<Locale>() == 232);

// SAFETY: never written.
unsafe impl Sync for Locale {}

unsafe extern "C" {
    /// musl's mark of a category in UTF-8.
    static __c_dot_utf8: u8;
}

fn mark(is_utf8: bool) -> *const c_void {
    if is_utf8 { (&raw const __c_dot_utf8).cast() } else { null() }
}

const fn entry<T>(entry: &Entry<T>) -> *const T {
    entry.0
}

static C: Locale = Locale {
    categories: [null(); COUNT],
    classes: entry(&ENTRIES.0),
    lower: entry(&ENTRIES.1),
    upper: entry(&ENTRIES.2),
    names: [c"C".as_ptr(); COUNT],
};

const GLOBAL_LOCALE: *mut Locale = core::ptr::without_provenance_mut(usize::MAX);

/// A new object with the categories of `old`.
unsafe fn copy(old: *const Locale) -> *mut Locale {
    // SAFETY: the caller's object, or musl's struct of the global locale.
    unsafe {
        let new: *mut Locale = slots::malloc(size_of::<Locale>()).cast();
        if new.is_null() {
            return null_mut();
        }
        new.copy_from_nonoverlapping(&raw const C, 1);
        let from: *const *const c_void =
            if old == GLOBAL_LOCALE { musl::global_locale().cast() } else { old.cast() };
        for category in 0..KNOWN {
            (*new).categories[category] = *from.add(category);
            (*new).names[category] = if (*from.add(category)).is_null() { c"C" } else { c"C.UTF-8" }.as_ptr();
        }
        new
    }
}

posix! {
    fn setlocale(category: c_int, name: *const c_char) -> *const c_char {
        let Some(category) = usize::try_from(category).ok().filter(|&category| category < COUNT) else {
            errno::set(Errno::EINVAL);
            return null();
        };
        let _guard = LOCK.guard();
        let global = &mut *(&raw mut GLOBAL);
        if !name.is_null() {
            let wanted = if category == LC_ALL { ALL_MASK } else { 1 << category };
            let Some(names) = parse(CStr::from_ptr(name).to_bytes(), wanted) else { return null() };
            let state: *mut *const c_void = musl::global_locale().cast();
            for category in (0..COUNT).filter(|category| wanted & 1 << category != 0) {
                global[category] = names[category];
                if category < KNOWN {
                    state.add(category).write(mark(names[category].is_utf8()));
                }
            }
        }
        if category == LC_ALL { listed(global) } else { global[category].0.as_ptr().cast() }
    }
    fn newlocale(mask: c_int, name: *const c_char, base: *mut Locale) -> *mut Locale {
        if name.is_null() || mask & !(ALL_MASK | 1 << LC_ALL) != 0 {
            errno::set(Errno::EINVAL);
            return null_mut();
        }
        let mask = if mask & 1 << LC_ALL != 0 { ALL_MASK } else { mask };
        let text = CStr::from_ptr(name).to_bytes();
        let Some(names) = parse(text, mask) else {
            errno::set(if text.contains(&b';') { Errno::EINVAL } else { Errno::ENOENT });
            return null_mut();
        };
        let is_c = names.iter().all(|name| !name.is_utf8());
        if is_c && (mask == ALL_MASK || base.is_null()) {
            freelocale(base);
            return (&raw const C).cast_mut();
        }
        let new = if base.is_null() || base.cast_const() == &raw const C {
            copy(&raw const C)
        } else {
            base
        };
        if new.is_null() {
            return null_mut();
        }
        for category in (0..COUNT).filter(|category| mask & 1 << category != 0) {
            (*new).categories[category] = mark(names[category].is_utf8());
            (*new).names[category] = if names[category].is_utf8() { c"C.UTF-8" } else { c"C" }.as_ptr();
        }
        new
    }
    fn __newlocale(mask: c_int, name: *const c_char, base: *mut Locale) -> *mut Locale {
        newlocale(mask, name, base)
    }
    fn duplocale(old: *const Locale) -> *mut Locale {
        if old == &raw const C { old.cast_mut() } else { copy(old) }
    }
    fn __duplocale(old: *const Locale) -> *mut Locale {
        duplocale(old)
    }
    fn freelocale(old: *mut Locale) {
        if !old.is_null() && old.cast_const() != &raw const C && old != GLOBAL_LOCALE {
            slots::free(old.cast());
        }
    }
    fn __freelocale(old: *mut Locale) {
        freelocale(old)
    }
    fn bind_textdomain_codeset(domain: *const c_char, codeset: *const c_char) -> *const c_char {
        const ALIKE: [&[u8]; 2] = [b"UTF-8", b"UTF8"];
        if domain.is_null() || *domain == 0 || codeset.is_null() {
            return null();
        }
        let name = CStr::from_ptr(codeset).to_bytes();
        if ALIKE.iter().any(|alike| name.eq_ignore_ascii_case(alike)) {
            return c"UTF-8".as_ptr();
        }
        errno::set(Errno::EINVAL);
        null()
    }
    fn nl_langinfo_l(item: c_int, locale: *const Locale) -> *const c_char {
        langinfo(item, !(*locale).categories[0].is_null())
    }
    fn nl_langinfo(item: c_int) -> *const c_char {
        langinfo(item, crate::multibyte::is_utf8())
    }
}

/// langinfo.h: most of it as musl has it, which knows C's conventions.
fn langinfo(item: c_int, is_utf8: bool) -> *const c_char {
    const CODESET: c_int = 14;
    const CRNCYSTR: c_int = 0x4000f;
    const D_T_FMT: c_int = 0x20028;
    /// ERA to ERA_T_FMT, alternative digits among them.
    const ERAS: core::ops::RangeInclusive<c_int> = 0x2002c..=0x20031;
    const LOCALE_NAME: c_int = 0xffff;
    unsafe extern "C" {
        fn __nl_langinfo(item: c_int) -> *const c_char;
    }
    let text = match item {
        CODESET if is_utf8 => c"UTF-8",
        CODESET => c"ANSI_X3.4-1968",
        CRNCYSTR => c"-",
        D_T_FMT => c"%a %b %e %H:%M:%S %Y",
        _ if ERAS.contains(&item) => c"",
        _ if item & LOCALE_NAME == LOCALE_NAME && item >> 16 < COUNT as c_int => c"C",
        // SAFETY: any number will do.
        _ => return unsafe { __nl_langinfo(item) },
    };
    text.as_ptr()
}
