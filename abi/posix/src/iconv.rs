//! iconv as glibc's programs know it. musl's own conversion writes `*` for what the target lacks, takes UTF-16 without a
//! mark for big-endian, writes none, and knows no `//IGNORE`; what is good in it are its tables, which are asked here.
//!
//! A character goes through its code point: [`Side::decode`] takes one from the input, [`Side::encode`] puts it out.
//! One-byte encodings are a table of 256, made when the descriptor is; those of more bytes ask musl for each character.

mod encoding;
mod side;

use crate::errno;
use crate::malloc::slots;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;
use encoding::Kind;
use osv_abi::errno::Errno;
use side::Side;

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
const MARK: u32 = 0xfeff;

/// What iconv_open(3) gives.
#[derive(Debug)]
struct Conversion {
    from: Side,
    to: Side,
    ignore: bool,
    approximate: bool,
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
