//! Regular expressions: regex.h with POSIX's functions and GNU's, which share one engine and glibc's struct.
//!
//! [`parse`] reads a pattern in one of GNU's syntaxes into a tree, [`program`] makes instructions of it, [`search`] runs
//! them: all paths at once, so that time is linear in the text; only patterns with back-references try one path after
//! the other. A match is the leftmost, then the longest one; among the ways to match it, the one that prefers earlier
//! alternatives and longer repetitions gives the subexpressions, which is what glibc reports.

mod functions;
mod parse;
mod program;
mod search;
mod set;
#[cfg(test)]
mod tests;

pub use functions::*;
pub(crate) use set::Class;

/// REG_ errors, glibc's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Error {
    /// An invalid expression.
    BadPattern = 2,
    /// An unknown collating element.
    Collate = 3,
    /// An unknown class.
    Class = 4,
    /// A backslash at the end.
    Escape = 5,
    /// A back-reference to no group.
    Subexpression = 6,
    /// `[` without end.
    Bracket = 7,
    /// `(` without end.
    Paren = 8,
    /// `{` without end.
    Brace = 9,
    /// A wrong interval.
    Interval = 10,
    /// A range whose end comes first.
    Range = 11,
    /// No memory.
    Space = 12,
    /// Nothing to repeat.
    Repeat = 13,
    /// Too big.
    Size = 15,
    /// `)` without start.
    RightParen = 16,
}

impl From<crate::vector::Full> for Error {
    fn from(_: crate::vector::Full) -> Self {
        Error::Space
    }
}

/// The bits of `reg_syntax_t`.
pub(crate) mod syntax {
    pub const BACKSLASH_ESCAPE_IN_LISTS: u64 = 1;
    pub const BK_PLUS_QM: u64 = 1 << 1;
    pub const CHAR_CLASSES: u64 = 1 << 2;
    pub const CONTEXT_INDEP_ANCHORS: u64 = 1 << 3;
    pub const CONTEXT_INDEP_OPS: u64 = 1 << 4;
    pub const CONTEXT_INVALID_OPS: u64 = 1 << 5;
    pub const DOT_NEWLINE: u64 = 1 << 6;
    pub const DOT_NOT_NULL: u64 = 1 << 7;
    pub const HAT_LISTS_NOT_NEWLINE: u64 = 1 << 8;
    pub const INTERVALS: u64 = 1 << 9;
    pub const LIMITED_OPS: u64 = 1 << 10;
    pub const NEWLINE_ALT: u64 = 1 << 11;
    pub const NO_BK_BRACES: u64 = 1 << 12;
    pub const NO_BK_PARENS: u64 = 1 << 13;
    pub const NO_BK_REFS: u64 = 1 << 14;
    pub const NO_BK_VBAR: u64 = 1 << 15;
    pub const NO_EMPTY_RANGES: u64 = 1 << 16;
    pub const UNMATCHED_RIGHT_PAREN_ORD: u64 = 1 << 17;
    pub const NO_GNU_OPS: u64 = 1 << 19;
    pub const INVALID_INTERVAL_ORD: u64 = 1 << 21;
    pub const ICASE: u64 = 1 << 22;
    pub const CARET_ANCHORS_HERE: u64 = 1 << 23;
    pub const CONTEXT_INVALID_DUP: u64 = 1 << 24;
    pub const NO_SUB: u64 = 1 << 25;

    const COMMON: u64 = CHAR_CLASSES | DOT_NEWLINE | DOT_NOT_NULL | INTERVALS | NO_EMPTY_RANGES;
    pub const POSIX_BASIC: u64 = COMMON | BK_PLUS_QM | CONTEXT_INVALID_DUP;
    pub const POSIX_EXTENDED: u64 = COMMON
        | CONTEXT_INDEP_ANCHORS
        | CONTEXT_INDEP_OPS
        | NO_BK_BRACES
        | NO_BK_PARENS
        | NO_BK_VBAR
        | CONTEXT_INVALID_OPS
        | UNMATCHED_RIGHT_PAREN_ORD;
}

/// Characters: bytes, or UTF-8 in a locale of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alphabet {
    /// UTF-8.
    pub wide: bool,
    /// Upper and lower case are the same.
    pub fold: bool,
}

/// A byte that is no character stands for this plus itself; nothing but itself matches it.
const STRAY: u32 = 0x8000_0000;

impl Alphabet {
    /// The character at the start of `text`, and its length. `text` is not empty.
    pub fn decode(self, text: &[u8]) -> (u32, usize) {
        let first = text[0];
        if !self.wide || first < 128 {
            return (first.into(), 1);
        }
        for length in 2..=text.len().min(4) {
            if let Ok(character) = core::str::from_utf8(&text[..length]) {
                return (character.chars().next().map_or(0, u32::from), length);
            }
        }
        (STRAY + u32::from(first), 1)
    }

    /// The character before `at`.
    pub fn before(self, text: &[u8], at: usize) -> Option<u32> {
        (1..=at.min(4))
            .rev()
            .find_map(|length| {
                let (code, used) = self.decode(&text[at - length..at]);
                (used == length && code < STRAY).then_some(code)
            })
            .or_else(|| Some(STRAY + u32::from(*text[..at].last()?)))
    }

    /// The one form of all cases of a character.
    pub fn folded(self, code: u32) -> u32 {
        unsafe extern "C" {
            fn towlower(code: u32) -> u32;
        }
        match code {
            _ if !self.fold => code,
            0..128 => u32::from((code as u8).to_ascii_lowercase()),
            // SAFETY: any number will do.
            _ if self.wide && code < STRAY => unsafe { towlower(code) },
            _ => code,
        }
    }

    /// Letters, digits and `_`.
    pub fn is_word(self, code: u32) -> bool {
        code == u32::from(b'_') || Class::Alnum.has(code, self.wide)
    }
}
