//! Encodings by name.

use super::{FAILED, theirs};
use crate::errno;
use crate::malloc::slots;
use core::ffi::{CStr, c_char, c_void};
use osv_abi::errno::Errno;

/// A byte that a one-byte encoding leaves undefined.
pub(super) const NONE: u32 = u32::MAX;

pub(super) type Table = [u32; 256];

/// An encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Ascii,
    Utf8,
    /// Bytes of a unit, big-endian, whether surrogates pair or are wrong, whether a mark tells the order.
    Units {
        size: usize,
        big: bool,
        utf: bool,
        marked: bool,
    },
    /// One byte each.
    Table(*mut Table),
    /// What musl knows: descriptors to UTF-32LE and from it.
    Other(*mut c_void),
}

/// Names that musl has not, in its way of writing them.
pub(super) const ALIASES: &[(&str, &CStr)] = &[
    ("ansix341968", c"ascii"),
    ("ansix341986", c"ascii"),
    ("us", c"ascii"),
    ("cp367", c"ascii"),
    ("ibm367", c"ascii"),
    ("iso646us", c"ascii"),
    ("l1", c"latin1"),
    ("88591", c"latin1"),
    ("cp819", c"latin1"),
    ("ibm819", c"latin1"),
    ("isoir100", c"latin1"),
    ("iso885911987", c"latin1"),
    ("l2", c"iso88592"),
    ("latin2", c"iso88592"),
    ("l5", c"iso88599"),
    ("latin5", c"iso88599"),
    ("cyrillic", c"iso88595"),
    ("greek", c"iso88597"),
    ("latin9", c"iso885915"),
    ("ibm437", c"cp437"),
    ("437", c"cp437"),
    ("ibm850", c"cp850"),
    ("850", c"cp850"),
    ("ibm866", c"cp866"),
    ("866", c"cp866"),
    ("mscyrl", c"cp1251"),
    ("msansi", c"cp1252"),
];

const fn units(size: usize, big: bool, utf: bool, marked: bool) -> Kind {
    Kind::Units { size, big, utf, marked }
}

/// Encodings that need no table.
pub(super) const PLAIN: &[(&str, Kind)] = &[
    ("ascii", Kind::Ascii),
    ("usascii", Kind::Ascii),
    ("utf8", Kind::Utf8),
    ("utf16", units(2, false, true, true)),
    ("unicode", units(2, false, true, true)),
    ("utf16le", units(2, false, true, false)),
    ("utf16be", units(2, true, true, false)),
    ("ucs2", units(2, false, false, false)),
    ("iso10646ucs2", units(2, false, false, false)),
    ("ucs2le", units(2, false, false, false)),
    ("unicodelittle", units(2, false, false, false)),
    ("ucs2be", units(2, true, false, false)),
    ("unicodebig", units(2, true, false, false)),
    ("utf32", units(4, false, true, true)),
    ("utf32le", units(4, false, true, false)),
    ("utf32be", units(4, true, true, false)),
    ("ucs4", units(4, true, false, false)),
    ("iso10646ucs4", units(4, true, false, false)),
    ("ucs4be", units(4, true, false, false)),
    ("ucs4le", units(4, false, false, false)),
    ("wchart", units(4, false, false, false)),
    ("internal", units(4, false, false, false)),
];

/// A name as musl compares it: letters and digits, in lower case; the end of text follows.
pub(super) fn plain(name: &[u8], to: &mut [u8; 64]) -> usize {
    let mut length = 0;
    for byte in name.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        if length + 1 < to.len() {
            to[length] = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    to[length] = 0;
    length
}

/// What musl makes of a name.
pub(super) unsafe fn of_musl(name: *const c_char, encoding: bool) -> Option<Kind> {
    const UTF32: *const c_char = c"utf32le".as_ptr();
    // SAFETY: names end as C's do; descriptors and the table are ours.
    unsafe {
        let valid = |descriptor: *mut c_void| (descriptor.addr() != FAILED).then_some(descriptor);
        let decoder = valid(theirs::iconv_open(UTF32, name))?;
        let table: *mut Table = slots::malloc(size_of::<Table>()).cast();
        let made = !table.is_null();
        let mut is_table = made;
        for byte in (0..=u8::MAX).filter(|_| made) {
            let (mut one, mut out) = (byte, [0u8; 4]);
            let (mut from, mut left, mut to, mut room) = (&raw mut one, 1, out.as_mut_ptr(), out.len());
            let result = theirs::iconv(decoder, &raw mut from, &raw mut left, &raw mut to, &raw mut room);
            is_table &= result != FAILED || errno::get() != Errno::EINVAL.get();
            let defined = result == 0 && room == 0;
            (*table)[usize::from(byte)] = if defined { u32::from_le_bytes(out) } else { NONE };
        }
        if is_table {
            theirs::iconv_close(decoder);
            return Some(Kind::Table(table));
        }
        slots::free(table.cast());
        if !encoding {
            return Some(Kind::Other(decoder));
        }
        theirs::iconv_close(decoder);
        valid(theirs::iconv_open(name, UTF32)).map(Kind::Other)
    }
}
