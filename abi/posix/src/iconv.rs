//! iconv as glibc's programs know it. musl's own conversion writes `*` for what the target lacks, takes UTF-16 without a
//! mark for big-endian, writes none, and knows no `//IGNORE`; what is good in it are its tables, which are asked here.
//!
//! A character goes through its code point: [`Side::decode`] takes one from the input, [`Side::encode`] puts it out.
//! One-byte encodings are a table of 256, made when the descriptor is; those of more bytes ask musl for each character.

use crate::errno;
use crate::locale;
use crate::malloc::slots;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;
use osv_abi::errno::Errno;

mod theirs {
    use super::{c_char, c_int, c_void};
    unsafe extern "C" {
        // The build renames musl's own behind these rows.
        #[link_name = "__osv_iconv_open"]
        pub fn iconv_open(to: *const c_char, from: *const c_char) -> *mut c_void;
        #[link_name = "__osv_iconv"]
        pub fn iconv(
            descriptor: *mut c_void,
            from: *mut *mut u8,
            from_left: *mut usize,
            to: *mut *mut u8,
            to_left: *mut usize,
        ) -> usize;
        #[link_name = "__osv_iconv_close"]
        pub fn iconv_close(descriptor: *mut c_void) -> c_int;
    }
}

const FAILED: usize = usize::MAX;
/// A byte that a one-byte encoding leaves undefined.
const NONE: u32 = u32::MAX;
const MARK: u32 = 0xfeff;
/// glibc's bound for what it calls UCS-4.
const MOST: u32 = 0x7fff_ffff;

type Table = [u32; 256];

/// An encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
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

/// One end of a conversion.
#[derive(Clone, Copy, Debug)]
struct Side {
    kind: Kind,
    /// The order of bytes in force.
    big: bool,
    /// Whether the mark was dealt with.
    begun: bool,
}

#[derive(Debug)]
struct Conversion {
    from: Side,
    to: Side,
    ignore: bool,
    approximate: bool,
}

/// Names that musl has not, in its way of writing them.
const ALIASES: &[(&str, &CStr)] = &[
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
const PLAIN: &[(&str, Kind)] = &[
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
fn plain(name: &[u8], to: &mut [u8; 64]) -> usize {
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

impl Side {
    /// The encoding of this name; `None`: there is none. `encoding` says which way musl's own is needed.
    unsafe fn open(name: &[u8], encoding: bool) -> Option<Side> {
        let name = match name {
            // The locale's own.
            // SAFETY: a constant text.
            b"" => unsafe { CStr::from_ptr(locale::nl_langinfo(CODESET)).to_bytes() },
            name => name,
        };
        let mut buffer = [0; 64];
        let length = plain(name, &mut buffer);
        let mut wanted: &[u8] = &buffer[..=length];
        if let Some((_, alias)) = ALIASES.iter().find(|row| row.0.as_bytes() == &buffer[..length]) {
            wanted = alias.to_bytes_with_nul();
        }
        let found = PLAIN.iter().find(|row| row.0.as_bytes() == &wanted[..wanted.len() - 1]);
        let kind = match found {
            Some(&(_, kind)) => kind,
            // SAFETY: the name ends as C's do.
            None => unsafe { of_musl(wanted.as_ptr().cast(), encoding)? },
        };
        let big = matches!(kind, Kind::Units { big: true, .. });
        Some(Side { kind, big, begun: false })
    }

    unsafe fn close(&self) {
        // SAFETY: what `open` made.
        unsafe {
            match self.kind {
                Kind::Table(table) => slots::free(table.cast()),
                Kind::Other(descriptor) => drop(theirs::iconv_close(descriptor)),
                _ => {}
            }
        }
    }

    fn reset(&mut self) {
        self.big = matches!(self.kind, Kind::Units { big: true, .. });
        self.begun = false;
    }

    fn unit(&self, bytes: &[u8]) -> u32 {
        let place = |index: usize| if self.big { bytes.len() - 1 - index } else { index };
        (0..bytes.len()).fold(0, |value, index| value | u32::from(bytes[place(index)]) << (8 * index))
    }

    /// The first character of `input` and its length; a length of nothing but a mark has no character. EINVAL: it is cut
    /// off; EILSEQ: it is none.
    unsafe fn decode(&mut self, input: &[u8]) -> Result<(Option<u32>, usize), Errno> {
        match self.kind {
            Kind::Ascii if input[0] < 0x80 => Ok((Some(input[0].into()), 1)),
            Kind::Ascii => Err(Errno::EILSEQ),
            Kind::Utf8 => utf8(input),
            Kind::Table(table) => {
                // SAFETY: the table of 256 that `open` made.
                let value = unsafe { (*table)[usize::from(input[0])] };
                if value == NONE { Err(Errno::EILSEQ) } else { Ok((Some(value), 1)) }
            }
            Kind::Units { size, utf, marked, .. } => {
                let first = self.unit(input.get(..size).ok_or(Errno::EINVAL)?);
                if marked && !core::mem::replace(&mut self.begun, true) {
                    let swapped = if size == 2 { first.swap_bytes() >> 16 } else { first.swap_bytes() };
                    if first == MARK || swapped == MARK {
                        self.big ^= first != MARK;
                        return Ok((None, size));
                    }
                }
                let is_surrogate = first & !0x7ff == 0xd800;
                if is_surrogate && (size == 4 || !utf || first & 0x400 != 0) {
                    return Err(Errno::EILSEQ);
                }
                if is_surrogate {
                    let second = self.unit(input.get(2..4).ok_or(Errno::EINVAL)?);
                    if second & !0x3ff != 0xdc00 {
                        return Err(Errno::EILSEQ);
                    }
                    return Ok((Some(0x1_0000 + ((first & 0x3ff) << 10 | second & 0x3ff)), 4));
                }
                let most = if utf { 0x10_ffff } else { MOST };
                if first > most { Err(Errno::EILSEQ) } else { Ok((Some(first), size)) }
            }
            Kind::Other(descriptor) => {
                let mut out = [0u8; 4];
                let (mut from, mut left) = (input.as_ptr().cast_mut(), input.len());
                let (mut to, mut room) = (out.as_mut_ptr(), out.len());
                // SAFETY: both ends are ours; room for one character ends it there.
                let result = unsafe {
                    theirs::iconv(descriptor, &raw mut from, &raw mut left, &raw mut to, &raw mut room)
                };
                let used = input.len() - left;
                if room == 0 {
                    return Ok((Some(u32::from_le_bytes(out)), used));
                }
                let is_cut = result == FAILED && errno::get() == Errno::EINVAL.get();
                match used {
                    _ if is_cut => Err(Errno::EINVAL),
                    0 => Err(Errno::EILSEQ),
                    // A change of state.
                    used => Ok((None, used)),
                }
            }
        }
    }

    /// Writes a character; gives its length. EILSEQ: the encoding has it not; E2BIG: no room.
    unsafe fn encode(&mut self, character: u32, output: &mut [u8]) -> Result<usize, Errno> {
        let mut put = |bytes: &[u8]| match output.get_mut(..bytes.len()) {
            Some(to) => {
                to.copy_from_slice(bytes);
                Ok(bytes.len())
            }
            None => Err(Errno::E2BIG),
        };
        match self.kind {
            Kind::Ascii if character < 0x80 => put(&[character as u8]),
            Kind::Ascii => Err(Errno::EILSEQ),
            Kind::Utf8 => {
                let mut bytes = [0; 6];
                let length = to_utf8(character, &mut bytes).ok_or(Errno::EILSEQ)?;
                put(&bytes[..length])
            }
            Kind::Table(table) => {
                // SAFETY: the table of 256 that `open` made.
                let table = unsafe { &*table };
                let byte = table.iter().position(|&value| value == character).ok_or(Errno::EILSEQ)?;
                put(&[byte as u8])
            }
            Kind::Units { size, utf, big, .. } => {
                let most = if utf { 0x10_ffff } else { MOST };
                let fits = size == 4 || character < 0x1_0000 || utf;
                if character > most || character & !0x7ff == 0xd800 || !fits {
                    return Err(Errno::EILSEQ);
                }
                let mut bytes = [0; 4];
                let mut length = 0;
                let mut unit = |value: u32| {
                    for index in 0..size {
                        let shift = if big { size - 1 - index } else { index };
                        bytes[length + index] = (value >> (8 * shift)) as u8;
                    }
                    length += size;
                };
                if size == 2 && character >= 0x1_0000 {
                    let rest = character - 0x1_0000;
                    unit(0xd800 | rest >> 10);
                    unit(0xdc00 | rest & 0x3ff);
                } else {
                    unit(character);
                }
                put(&bytes[..length])
            }
            Kind::Other(descriptor) => {
                let mut bytes = character.to_le_bytes();
                let mut out = [0u8; 16];
                let (mut from, mut left) = (bytes.as_mut_ptr(), bytes.len());
                let (mut to, mut room) = (out.as_mut_ptr(), out.len());
                // SAFETY: both ends are ours.
                let replaced = unsafe {
                    theirs::iconv(descriptor, &raw mut from, &raw mut left, &raw mut to, &raw mut room)
                };
                if replaced != 0 { Err(Errno::EILSEQ) } else { put(&out[..out.len() - room]) }
            }
        }
    }
}

const CODESET: c_int = 14;

/// What musl makes of a name.
unsafe fn of_musl(name: *const c_char, encoding: bool) -> Option<Kind> {
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

/// The first character of UTF-8.
fn utf8(input: &[u8]) -> Result<(Option<u32>, usize), Errno> {
    let (length, least, bits) = match input[0] {
        byte @ ..0x80 => return Ok((Some(byte.into()), 1)),
        byte @ 0xc2..0xe0 => (2, 0x80, byte & 0x1f),
        byte @ 0xe0..0xf0 => (3, 0x800, byte & 0x0f),
        byte @ 0xf0..0xf5 => (4, 0x1_0000, byte & 0x07),
        _ => return Err(Errno::EILSEQ),
    };
    let mut value = u32::from(bits);
    for (index, &byte) in input.iter().enumerate().take(length).skip(1) {
        if byte & 0xc0 != 0x80 {
            return Err(Errno::EILSEQ);
        }
        value = value << 6 | u32::from(byte & 0x3f);
        // What cannot become a character is wrong, however much is still to come.
        let missing = 6 * (length - 1 - index);
        let (low, high) = (value << missing, (value << missing) | ((1 << missing) - 1));
        if high < least || low > 0x10_ffff || low >= 0xd800 && high < 0xe000 {
            return Err(Errno::EILSEQ);
        }
    }
    if input.len() < length { Err(Errno::EINVAL) } else { Ok((Some(value), length)) }
}

/// UTF-8 as it was first defined, with up to six bytes, as glibc writes it.
fn to_utf8(character: u32, to: &mut [u8; 6]) -> Option<usize> {
    if character & !0x7ff == 0xd800 || character > MOST {
        return None;
    }
    if character < 0x80 {
        to[0] = character as u8;
        return Some(1);
    }
    let length = (2..6).find(|&length| character < 1 << (5 * length + 1)).unwrap_or(6);
    let mut rest = character;
    for at in (1..length).rev() {
        to[at] = 0x80 | (rest & 0x3f) as u8;
        rest >>= 6;
    }
    to[0] = (0xff00_u32 >> length) as u8 | rest as u8;
    Some(length)
}

/// What may stand for a character that the target lacks, in plain letters.
const LIKE: &[(u32, &str)] = &[
    (0xa0, " "),
    (0xa9, "(C)"),
    (0xab, "<<"),
    (0xad, "-"),
    (0xae, "(R)"),
    (0xb5, "u"),
    (0xb8, ","),
    (0xbb, ">>"),
    (0xc6, "AE"),
    (0xd7, "x"),
    (0xdf, "ss"),
    (0xe6, "ae"),
    (0x132, "IJ"),
    (0x133, "ij"),
    (0x152, "OE"),
    (0x153, "oe"),
    (0x2010, "-"),
    (0x2011, "-"),
    (0x2012, "-"),
    (0x2013, "-"),
    (0x2014, "-"),
    (0x2015, "-"),
    (0x2018, "'"),
    (0x2019, "'"),
    (0x201a, ","),
    (0x201b, "'"),
    (0x201c, "\""),
    (0x201d, "\""),
    (0x201e, ",,"),
    (0x201f, "\""),
    (0x2020, "+"),
    (0x2022, "o"),
    (0x2026, "..."),
    (0x2039, "<"),
    (0x203a, ">"),
    (0x20ac, "EUR"),
    (0x2122, "TM"),
    (0xfb00, "ff"),
    (0xfb01, "fi"),
    (0xfb02, "fl"),
];

impl Conversion {
    /// Writes something like the character.
    unsafe fn approximate(&mut self, character: u32, output: &mut [u8]) -> Result<usize, Errno> {
        let like = LIKE.iter().find(|row| row.0 == character).map_or("?", |row| row.1);
        let mut done = 0;
        for letter in like.bytes() {
            // SAFETY: as in `convert`.
            done += unsafe { self.to.encode(letter.into(), &mut output[done..])? };
        }
        Ok(done)
    }

    /// Converts what it can; gives (taken, written, replaced) and what stopped it.
    unsafe fn convert(&mut self, input: &[u8], output: &mut [u8]) -> (usize, usize, usize, Option<Errno>) {
        let (mut taken, mut written, mut replaced, mut skipped) = (0, 0, 0, false);
        // SAFETY: descriptors and tables are whose `open` made them.
        unsafe {
            while taken < input.len() {
                if let Kind::Units { marked: true, .. } = self.to.kind
                    && !self.to.begun
                {
                    match self.to.encode(MARK, &mut output[written..]) {
                        Ok(length) => written += length,
                        Err(error) => return (taken, written, replaced, Some(error)),
                    }
                    self.to.begun = true;
                }
                let before = self.from;
                let (character, length) = match self.from.decode(&input[taken..]) {
                    Ok(found) => found,
                    Err(Errno::EILSEQ) if self.ignore => {
                        skipped = true;
                        taken += 1;
                        continue;
                    }
                    Err(error) => return (taken, written, replaced, Some(error)),
                };
                if let Some(character) = character {
                    let mut put = self.to.encode(character, &mut output[written..]);
                    if put == Err(Errno::EILSEQ) && self.approximate {
                        put = self.approximate(character, &mut output[written..]);
                        replaced += usize::from(put.is_ok());
                    }
                    match put {
                        Ok(length) => written += length,
                        Err(Errno::EILSEQ) if self.ignore => skipped = true,
                        Err(error) => {
                            self.from = before;
                            return (taken, written, replaced, Some(error));
                        }
                    }
                }
                taken += length;
            }
        }
        (taken, written, replaced, skipped.then_some(Errno::EILSEQ))
    }
}

/// A name without its suffixes, and whether they are //IGNORE and //TRANSLIT.
fn suffixes(name: &[u8]) -> (&[u8], bool, bool) {
    let end = name.windows(2).position(|pair| pair == b"//").unwrap_or(name.len());
    let words = || name[end..].split(|&byte| byte == b'/' || byte == b',');
    let has = |wanted: &[u8]| words().any(|word| word.eq_ignore_ascii_case(wanted));
    (&name[..end], has(b"IGNORE"), has(b"TRANSLIT"))
}

posix! {
    fn iconv_open_gnu(to: *const c_char, from: *const c_char) -> *mut c_void {
        let (to, ignore, approximate) = suffixes(CStr::from_ptr(to).to_bytes());
        let (from, ..) = suffixes(CStr::from_ptr(from).to_bytes());
        let failed = core::ptr::without_provenance_mut(FAILED);
        let Some(from) = Side::open(from, false) else {
            errno::set(Errno::EINVAL);
            return failed;
        };
        let Some(to) = Side::open(to, true) else {
            from.close();
            errno::set(Errno::EINVAL);
            return failed;
        };
        let conversion: *mut Conversion = slots::malloc(size_of::<Conversion>()).cast();
        if conversion.is_null() {
            from.close();
            to.close();
            errno::set(Errno::ENOMEM);
            return failed;
        }
        conversion.write(Conversion { from, to, ignore, approximate });
        conversion.cast()
    }
    fn iconv_gnu(descriptor: *mut c_void, from: *mut *mut u8, from_left: *mut usize, to: *mut *mut u8, to_left: *mut usize) -> usize {
        let conversion = &mut *descriptor.cast::<Conversion>();
        if from.is_null() || (*from).is_null() {
            if let (Kind::Other(theirs), false) = (conversion.to.kind, to.is_null() || (*to).is_null()) {
                return theirs::iconv(theirs, null_mut(), null_mut(), to, to_left);
            }
            conversion.from.reset();
            conversion.to.reset();
            return 0;
        }
        let input = core::slice::from_raw_parts(*from, *from_left);
        let output = core::slice::from_raw_parts_mut(*to, *to_left);
        let (taken, written, replaced, error) = conversion.convert(input, output);
        *from = (*from).add(taken);
        *from_left -= taken;
        *to = (*to).add(written);
        *to_left -= written;
        match error {
            Some(error) => errno::fail(error) as usize,
            None => replaced,
        }
    }
    fn iconv_close_gnu(descriptor: *mut c_void) -> c_int {
        let conversion: *mut Conversion = descriptor.cast();
        (*conversion).from.close();
        (*conversion).to.close();
        slots::free(descriptor);
        0
    }
}
