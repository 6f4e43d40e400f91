use super::parse::parse;
use super::program::Program;
use super::search::{NONE, Text};
use super::syntax::{POSIX_BASIC, POSIX_EXTENDED};
use super::{Alphabet, Error};
use crate::vector::Vector;
use std::vec::Vec;

const BYTES: Alphabet = Alphabet { wide: false, fold: false };

fn groups(pattern: &str, syntax: u64, text: &str) -> Result<Option<Vec<(usize, usize)>>, Error> {
    let program = Program::new(parse(pattern.as_bytes(), syntax, BYTES)?, syntax, BYTES)?;
    let text = Text { bytes: text.as_bytes(), not_bol: false, not_eol: false, lines: false };
    let mut slots = Vector::new();
    slots.extend(NONE, 2 * (program.groups as usize + 1))?;
    if program.refers {
        let mut tries = 0;
        for start in 0..=text.bytes.len() {
            if program.try_paths(&text, start, &mut slots, &mut tries)?.is_some() {
                return Ok(Some(pairs(&slots)));
            }
        }
        return Ok(None);
    }
    let Some((start, end)) = program.find(&text, 0, text.bytes.len())? else { return Ok(None) };
    program.groups(&text, start, end, &mut slots)?;
    assert_eq!((slots[0], slots[1]), (start, end), "{pattern}");
    Ok(Some(pairs(&slots)))
}

fn pairs(slots: &[usize]) -> Vec<(usize, usize)> {
    slots.chunks(2).map(|pair| (pair[0], pair[1])).collect()
}

fn extended(pattern: &str, text: &str) -> Option<Vec<(usize, usize)>> {
    groups(pattern, POSIX_EXTENDED, text).unwrap()
}

#[test]
fn the_longest_of_the_leftmost_wins() {
    assert_eq!(extended("a|ab|abc", "xabc").unwrap()[0], (1, 4));
    assert_eq!(extended("(foo|foobar)(bar)?baz", "foobarbaz").unwrap(), [(0, 9), (0, 3), (3, 6)]);
    assert_eq!(extended("((a)|(b))*", "ab").unwrap(), [(0, 2), (1, 2), (0, 1), (1, 2)]);
    assert_eq!(extended("(x*)*", "xx").unwrap(), [(0, 2), (0, 2)]);
}

#[test]
fn a_reference_matches_what_its_group_did() {
    assert_eq!(extended("([a-z]+) \\1", "hello hello world").unwrap(), [(0, 11), (0, 5)]);
    assert_eq!(extended("(a*)\\1b", "aaaab").unwrap(), [(0, 5), (0, 2)]);
    assert_eq!(groups("\\1", POSIX_BASIC, "a"), Err(Error::Subexpression));
}

#[test]
fn nested_repetition_takes_linear_time() {
    let text: std::string::String = std::iter::repeat_n('a', 20_000).collect();
    assert_eq!(extended("(a*)*b", &text[..2000]), None);
    assert_eq!(extended("((a|aa)+)+$", &text).unwrap()[0], (0, 20_000));
}

#[test]
fn errors_are_named_as_in_posix() {
    let error = |pattern, syntax| groups(pattern, syntax, "").unwrap_err();
    assert_eq!(error("a{3,2}", POSIX_EXTENDED), Error::Interval);
    assert_eq!(error("a{1", POSIX_EXTENDED), Error::Brace);
    assert_eq!(error("[a", POSIX_EXTENDED), Error::Bracket);
    assert_eq!(error("(a", POSIX_EXTENDED), Error::Paren);
    assert_eq!(error("*a", POSIX_EXTENDED), Error::Repeat);
    assert_eq!(error("a\\{1,2\\}\\{2\\}", POSIX_BASIC), Error::Repeat);
    assert_eq!(error("[[:none:]]", POSIX_BASIC), Error::Class);
    assert_eq!(error("a{40000}", POSIX_EXTENDED), Error::Size);
    let deep = "(".repeat(100_000);
    assert_eq!(error(&deep, POSIX_EXTENDED), Error::Space);
}

#[test]
fn damaged_patterns_are_errors_or_matches() {
    let alphabet = b"ab()[]{}*+?|\\.^$-,:=0129";
    let mut state = 1u64;
    for _ in 0..20_000 {
        let mut pattern = Vec::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            pattern.push(alphabet[(state >> 33) as usize % alphabet.len()]);
        }
        let pattern = std::string::String::from_utf8(pattern).unwrap();
        for syntax in [POSIX_BASIC, POSIX_EXTENDED] {
            let _ = groups(&pattern, syntax, "abba0");
        }
    }
}
