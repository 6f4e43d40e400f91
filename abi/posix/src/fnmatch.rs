//! fnmatch: shell patterns, with GNU's extended ones.

use crate::multibyte;
use crate::regex::{Alphabet, Class};
use core::ffi::{CStr, c_char, c_int};

const PATHNAME: c_int = 1;
const NOESCAPE: c_int = 2;
const PERIOD: c_int = 4;
const LEADING_DIR: c_int = 8;
const CASEFOLD: c_int = 16;
const EXTMATCH: c_int = 32;
const NO_MATCH: c_int = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Yes,
    No,
    /// No, and a shorter rest would not help a `*` before it.
    Never,
}

/// Extended patterns nest so deep.
const DEEPEST: u32 = 200;

#[derive(Clone, Copy)]
struct Matcher {
    flags: c_int,
    alphabet: Alphabet,
    depth: u32,
}

impl Matcher {
    fn has(self, flag: c_int) -> bool {
        self.flags & flag != 0
    }

    fn ended(self) -> Outcome {
        if self.has(PATHNAME | EXTMATCH) { Outcome::No } else { Outcome::Never }
    }

    /// Matches a whole text; `start`: a period at its start is a leading one.
    fn run(self, mut pattern: &[u8], mut text: &[u8], mut start: bool) -> Outcome {
        while let Some(&first) = pattern.first() {
            let leading = start && self.has(PERIOD) && text.first() == Some(&b'.');
            if self.has(EXTMATCH)
                && matches!(first, b'?' | b'*' | b'+' | b'@' | b'!')
                && pattern.get(1) == Some(&b'(')
                && let Some(end) = closing(pattern)
            {
                let found = self.depth < DEEPEST
                    && Matcher { depth: self.depth + 1, ..self }.group(
                        first,
                        &pattern[2..end],
                        &pattern[end + 1..],
                        text,
                        start,
                    );
                return if found { Outcome::Yes } else { Outcome::No };
            }
            if first == b'*' {
                if leading {
                    return Outcome::No;
                }
                let rest = &pattern[1..];
                let mut at = 0;
                loop {
                    let outcome = self.run(rest, &text[at..], start && at == 0);
                    if outcome != Outcome::No {
                        return outcome;
                    }
                    match text.get(at) {
                        None => return self.ended(),
                        Some(b'/') if self.has(PATHNAME) => return Outcome::No,
                        Some(_) => at += self.alphabet.decode(&text[at..]).1,
                    }
                }
            }
            if text.is_empty() {
                // A backslash at the end is an error in either case.
                return self.ended();
            }
            let (code, length) = self.alphabet.decode(text);
            let slash = self.has(PATHNAME) && code == u32::from(b'/');
            let used = match first {
                b'?' if slash || leading => return Outcome::No,
                b'?' => 1,
                b'[' if !slash => {
                    match self.bracket(pattern, code) {
                        Some(Ok((found, used))) => {
                            if !found || leading {
                                return Outcome::No;
                            }
                            used
                        }
                        // Not a bracket expression: it stands for itself.
                        Some(Err(())) if code == u32::from(b'[') => 1,
                        _ => return Outcome::No,
                    }
                }
                b'\\' if !self.has(NOESCAPE) => {
                    let Some(escaped) = pattern.get(1..).filter(|rest| !rest.is_empty()) else {
                        return Outcome::No;
                    };
                    let (wanted, used) = self.alphabet.decode(escaped);
                    if self.alphabet.folded(wanted) != self.alphabet.folded(code) {
                        return Outcome::No;
                    }
                    1 + used
                }
                _ => {
                    let (wanted, used) = self.alphabet.decode(pattern);
                    if self.alphabet.folded(wanted) != self.alphabet.folded(code) {
                        return Outcome::No;
                    }
                    used
                }
            };
            pattern = &pattern[used..];
            text = &text[length..];
            start = slash;
        }
        let over = text.is_empty() || (self.has(LEADING_DIR) && text[0] == b'/');
        if over { Outcome::Yes } else { Outcome::No }
    }

    /// Matches `(a|b)` in one of its five kinds, and what follows.
    fn group(self, kind: u8, inner: &[u8], rest: &[u8], text: &[u8], start: bool) -> bool {
        let whole = Matcher { flags: self.flags & !LEADING_DIR, ..self };
        let any = |part: &[u8]| branches(inner).any(|branch| whole.run(branch, part, start) == Outcome::Yes);
        let follows = |at: usize| {
            let begins = if at == 0 { start } else { self.has(PATHNAME) && text[at - 1] == b'/' };
            self.run(rest, &text[at..], begins) == Outcome::Yes
        };
        match kind {
            b'?' | b'@' => {
                (kind == b'?' && follows(0)) || (0..=text.len()).any(|at| any(&text[..at]) && follows(at))
            }
            b'!' => {
                let hidden = start && self.has(PERIOD) && text.first() == Some(&b'.');
                (0..=text.len()).any(|at| !(any(&text[..at]) || (hidden && at > 0)) && follows(at))
            }
            _ => {
                (kind == b'*' && follows(0))
                    || (1..=text.len()).any(|at| {
                        any(&text[..at])
                            && (follows(at)
                                || (self.depth < DEEPEST
                                    && Matcher { depth: self.depth + 1, ..self }.group(
                                        b'*',
                                        inner,
                                        rest,
                                        &text[at..],
                                        false,
                                    )))
                    })
            }
        }
    }

    /// Whether a bracket expression has a character, and its length; an inner error when it does not end; `None` for what
    /// can match nothing.
    fn bracket(self, pattern: &[u8], code: u32) -> Option<Result<(bool, usize), ()>> {
        let mut at = 1;
        let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
        at += usize::from(negated);
        let (mut found, mut first) = (false, true);
        let folded = self.alphabet.folded(code);
        loop {
            let Some(&byte) = pattern.get(at) else { return Some(Err(())) };
            if byte == b']' && !first {
                return Some(Ok((found != negated, at + 1)));
            }
            first = false;
            if self.has(PATHNAME) && byte == b'/' {
                return Some(Err(()));
            }
            if byte == b'[' && pattern.get(at + 1) == Some(&b':') {
                let inner = &pattern[at + 2..];
                let length = inner.windows(2).position(|pair| pair == b":]");
                if let Some(length) = length {
                    let class = Class::named(&inner[..length])?;
                    let class = match class {
                        Class::Upper | Class::Lower if self.alphabet.fold => Class::Alpha,
                        class => class,
                    };
                    found |= class.has(code, self.alphabet.wide);
                    at += length + 4;
                    continue;
                }
            }
            let Some((low, used)) = self.element(&pattern[at..]) else { return Some(Err(())) };
            at += used;
            let mut high = low;
            if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_none_or(|&byte| byte != b']') {
                let (end, used) = self.element(pattern.get(at + 1..)?)?;
                high = end;
                at += 1 + used;
            }
            let fold = |code| self.alphabet.folded(code);
            found |= (low..=high).contains(&code) || (fold(low)..=fold(high)).contains(&folded);
        }
    }

    fn element(self, pattern: &[u8]) -> Option<(u32, usize)> {
        if let [b'[', kind @ (b'.' | b'='), inner @ ..] = pattern {
            let length = inner.windows(2).position(|pair| pair == [*kind, b']'])?;
            let (code, used) = self.alphabet.decode(inner);
            return (used == length).then_some((code, length + 4));
        }
        let escaped = usize::from(pattern.first() == Some(&b'\\') && !self.has(NOESCAPE));
        let rest = pattern.get(escaped..).filter(|rest| !rest.is_empty())?;
        let (code, used) = self.alphabet.decode(rest);
        Some((code, escaped + used))
    }
}

/// Where the parenthesis of an extended pattern closes.
fn closing(pattern: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0, 1);
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The alternatives between `|`, inner groups left whole.
fn branches(inner: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(inner);
    core::iter::from_fn(move || {
        let inner = rest?;
        let (mut depth, mut at) = (0, 0);
        while at < inner.len() {
            match inner[at] {
                b'\\' => at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'|' if depth == 0 => {
                    rest = Some(&inner[at + 1..]);
                    return Some(&inner[..at]);
                }
                _ => {}
            }
            at += 1;
        }
        rest = None;
        Some(inner)
    })
}

posix! {
    fn fnmatch(pattern: *const c_char, text: *const c_char, flags: c_int) -> c_int {
        let alphabet = Alphabet { wide: multibyte::is_utf8(), fold: flags & CASEFOLD != 0 };
        let matcher = Matcher { flags, alphabet, depth: 0 };
        let (pattern, text) = (CStr::from_ptr(pattern).to_bytes(), CStr::from_ptr(text).to_bytes());
        if matcher.run(pattern, text, true) == Outcome::Yes { 0 } else { NO_MATCH }
    }
}
