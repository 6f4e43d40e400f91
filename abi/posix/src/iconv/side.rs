//! One end of a conversion: from bytes to a code point, and back.

use super::encoding::{ALIASES, Kind, NONE, PLAIN, of_musl, plain};
use super::{FAILED, MARK, theirs};
use crate::errno;
use crate::locale;
use crate::malloc::slots;
use core::ffi::{CStr, c_int};
use osv_abi::errno::Errno;

const CODESET: c_int = 14;
/// glibc's bound for what it calls UCS-4.
const MOST: u32 = 0x7fff_ffff;

/// One end of a conversion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub(super) kind: Kind,
    /// The order of bytes in force.
    big: bool,
    /// Whether the mark was dealt with.
    pub(super) begun: bool,
}

impl Side {
    /// The encoding of this name; `None`: there is none. `encoding` says which way musl's own is needed.
    pub(super) unsafe fn open(name: &[u8], encoding: bool) -> Option<Side> {
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

    pub(super) unsafe fn close(&self) {
        // SAFETY: what `open` made.
        unsafe {
            match self.kind {
                Kind::Table(table) => slots::free(table.cast()),
                Kind::Other(descriptor) => drop(theirs::iconv_close(descriptor)),
                _ => {}
            }
        }
    }

    pub(super) fn reset(&mut self) {
        self.big = matches!(self.kind, Kind::Units { big: true, .. });
        self.begun = false;
    }

    fn unit(&self, bytes: &[u8]) -> u32 {
        let place = |index: usize| if self.big { bytes.len() - 1 - index } else { index };
        (0..bytes.len()).fold(0, |value, index| value | u32::from(bytes[place(index)]) << (8 * index))
    }

    /// The first character of `input` and its length; a length of nothing but a mark has no character. EINVAL: it is cut
    /// off; EILSEQ: it is none.
    pub(super) unsafe fn decode(&mut self, input: &[u8]) -> Result<(Option<u32>, usize), Errno> {
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
    pub(super) unsafe fn encode(&mut self, character: u32, output: &mut [u8]) -> Result<usize, Errno> {
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
