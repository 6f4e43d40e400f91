//! Bracket expressions and classes.

use super::{Alphabet, STRAY};
use core::ffi::c_int;

/// A character class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Alnum,
    Alpha,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Xdigit,
}

const CLASSES: [(&[u8], Class); 12] = [
    (b"alnum", Class::Alnum),
    (b"alpha", Class::Alpha),
    (b"blank", Class::Blank),
    (b"cntrl", Class::Cntrl),
    (b"digit", Class::Digit),
    (b"graph", Class::Graph),
    (b"lower", Class::Lower),
    (b"print", Class::Print),
    (b"punct", Class::Punct),
    (b"space", Class::Space),
    (b"upper", Class::Upper),
    (b"xdigit", Class::Xdigit),
];

unsafe extern "C" {
    fn iswalnum(code: u32) -> c_int;
    fn iswalpha(code: u32) -> c_int;
    fn iswblank(code: u32) -> c_int;
    fn iswcntrl(code: u32) -> c_int;
    fn iswgraph(code: u32) -> c_int;
    fn iswlower(code: u32) -> c_int;
    fn iswprint(code: u32) -> c_int;
    fn iswpunct(code: u32) -> c_int;
    fn iswspace(code: u32) -> c_int;
    fn iswupper(code: u32) -> c_int;
}

impl Class {
    /// The class of that name.
    pub fn named(name: &[u8]) -> Option<Class> {
        CLASSES.iter().find(|(known, _)| *known == name).map(|&(_, class)| class)
    }

    /// Whether a character belongs to it; outside ASCII that is asked of libc.
    pub fn has(self, code: u32, wide: bool) -> bool {
        if code < 128 {
            let byte = code as u8;
            return match self {
                Class::Alnum => byte.is_ascii_alphanumeric(),
                Class::Alpha => byte.is_ascii_alphabetic(),
                Class::Blank => matches!(byte, b' ' | b'\t'),
                Class::Cntrl => byte.is_ascii_control(),
                Class::Digit => byte.is_ascii_digit(),
                Class::Graph => byte.is_ascii_graphic(),
                Class::Lower => byte.is_ascii_lowercase(),
                Class::Print => byte.is_ascii_graphic() || byte == b' ',
                Class::Punct => byte.is_ascii_punctuation(),
                Class::Space => matches!(byte, b' ' | 9..14),
                Class::Upper => byte.is_ascii_uppercase(),
                Class::Xdigit => byte.is_ascii_hexdigit(),
            };
        }
        if !wide || code >= STRAY {
            return false;
        }
        // SAFETY: any number will do.
        let found = unsafe {
            match self {
                Class::Alnum => iswalnum(code),
                Class::Alpha => iswalpha(code),
                Class::Blank => iswblank(code),
                Class::Cntrl => iswcntrl(code),
                Class::Graph => iswgraph(code),
                Class::Lower => iswlower(code),
                Class::Print => iswprint(code),
                Class::Punct => iswpunct(code),
                Class::Space => iswspace(code),
                Class::Upper => iswupper(code),
                Class::Digit | Class::Xdigit => 0,
            }
        };
        found != 0
    }
}

/// What a bracket expression lists.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// From one character to another, both included; folded where case does not matter.
    Range(u32, u32),
    /// A class.
    Class(Class),
}

/// A bracket expression: some of the program's items.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// The first item's index.
    pub first: u32,
    /// One past the last's.
    pub end: u32,
    /// All other characters.
    pub negated: bool,
    /// Never a newline.
    pub not_newline: bool,
}

impl Set {
    /// Whether a character is in it.
    pub fn has(&self, items: &[Item], code: u32, alphabet: Alphabet) -> bool {
        if (self.not_newline && code == u32::from(b'\n')) || (self.negated && code >= STRAY) {
            return false;
        }
        let own = &items[self.first as usize..self.end as usize];
        let folded = alphabet.folded(code);
        let found = own.iter().any(|item| match *item {
            Item::Range(low, high) => {
                (low..=high).contains(&code)
                    || (alphabet.fold
                        && ((low..=high).contains(&folded) || {
                            let other =
                                if code < 128 { u32::from((code as u8).to_ascii_uppercase()) } else { code };
                            (low..=high).contains(&other)
                        }))
            }
            Item::Class(Class::Upper | Class::Lower) if alphabet.fold => {
                Class::Alpha.has(code, alphabet.wide)
            }
            Item::Class(class) => class.has(code, alphabet.wide),
        });
        found != self.negated
    }
}
