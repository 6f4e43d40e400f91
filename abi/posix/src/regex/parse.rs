//! A pattern's tree. What is an operator, an anchor or a plain character depends on the syntax bits and on the place.

use super::set::{Class, Item, Set};
use super::syntax::*;
use super::{Alphabet, Error};
use crate::vector::Vector;

/// A node's index; 0 is none.
pub type Index = u32;

/// What a node matches.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Nothing, everywhere.
    Empty,
    /// A character, folded where case does not matter.
    Char(u32),
    /// Any character.
    Any,
    /// A bracket expression.
    Set(u32),
    /// The nodes of a list one after the other.
    Sequence(Index),
    /// One of a list.
    Choice(Index),
    /// A node several times: at least, and at most unless [`MANY`].
    Repeat(Index, u16, u16),
    /// A numbered group.
    Group(Index, u32),
    /// A place.
    Assert(Place),
    /// What a group matched.
    Reference(u32),
}

/// No upper bound.
pub const MANY: u16 = u16::MAX;

/// Places in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line's start.
    LineStart,
    /// A line's end.
    LineEnd,
    /// The text's start.
    TextStart,
    /// The text's end.
    TextEnd,
    /// A word's start.
    WordStart,
    /// A word's end.
    WordEnd,
    /// Either of them.
    WordEdge,
    /// Neither.
    NoWordEdge,
}

/// A node, and the next one of the list that it is in.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// What it matches.
    pub kind: Kind,
    /// The next in its list.
    pub next: Index,
}

/// A pattern read.
#[derive(Debug)]
pub struct Tree {
    /// The nodes; the first is not used.
    pub nodes: Vector<Node>,
    /// Bracket expressions.
    pub sets: Vector<Set>,
    /// What they list.
    pub items: Vector<Item>,
    /// The whole.
    pub root: Index,
    /// How many groups.
    pub groups: u32,
    /// Whether there is a back-reference.
    pub refers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    End,
    Char(u32),
    Backslash,
    Alternative,
    Open,
    Close,
    Star,
    Plus,
    Question,
    OpenInterval,
    CloseInterval,
    Bracket,
    Dot,
    Place(Place),
    Word(bool),
    Space(bool),
    Reference(u32),
}

/// Groups may nest so deep.
const DEEPEST: u32 = 500;
const DUP_MAX: u32 = 0x7fff;

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    syntax: u64,
    alphabet: Alphabet,
    token: Token,
    /// Where the token begins.
    start: usize,
    tree: Tree,
    depth: u32,
    /// The groups that have ended, by bit.
    complete: u64,
}

/// Reads a pattern.
pub fn parse(text: &[u8], syntax: u64, alphabet: Alphabet) -> Result<Tree, Error> {
    let tree = Tree {
        nodes: Vector::new(),
        sets: Vector::new(),
        items: Vector::new(),
        root: 0,
        groups: 0,
        refers: false,
    };
    let mut parser =
        Parser { text, at: 0, syntax, alphabet, token: Token::End, start: 0, tree, depth: 0, complete: 0 };
    parser.node(Kind::Empty)?;
    parser.advance(CARET_ANCHORS_HERE);
    parser.tree.root = parser.choice()?;
    Ok(parser.tree)
}

impl Parser<'_> {
    fn has(&self, bit: u64) -> bool {
        self.syntax & bit != 0
    }

    fn node(&mut self, kind: Kind) -> Result<Index, Error> {
        Ok(self.tree.nodes.push(Node { kind, next: 0 })? as Index)
    }

    fn advance(&mut self, more: u64) {
        self.start = self.at;
        let (token, length) = self.peek(self.at, more);
        self.token = token;
        self.at += length;
    }

    fn peek(&self, at: usize, more: u64) -> (Token, usize) {
        let Some(&byte) = self.text.get(at) else { return (Token::End, 0) };
        let operators = !self.has(LIMITED_OPS);
        if byte == b'\\' {
            let Some(&escaped) = self.text.get(at + 1) else { return (Token::Backslash, 1) };
            let gnu = !self.has(NO_GNU_OPS);
            let token = match escaped {
                b'|' if operators && !self.has(NO_BK_VBAR) => Token::Alternative,
                b'1'..=b'9' if !self.has(NO_BK_REFS) => Token::Reference((escaped - b'0').into()),
                b'<' if gnu => Token::Place(Place::WordStart),
                b'>' if gnu => Token::Place(Place::WordEnd),
                b'b' if gnu => Token::Place(Place::WordEdge),
                b'B' if gnu => Token::Place(Place::NoWordEdge),
                b'`' if gnu => Token::Place(Place::TextStart),
                b'\'' if gnu => Token::Place(Place::TextEnd),
                b'w' if gnu => Token::Word(true),
                b'W' if gnu => Token::Word(false),
                b's' if gnu => Token::Space(true),
                b'S' if gnu => Token::Space(false),
                b'(' if !self.has(NO_BK_PARENS) => Token::Open,
                b')' if !self.has(NO_BK_PARENS) => Token::Close,
                b'+' if operators && self.has(BK_PLUS_QM) => Token::Plus,
                b'?' if operators && self.has(BK_PLUS_QM) => Token::Question,
                b'{' if self.has(INTERVALS) && !self.has(NO_BK_BRACES) => Token::OpenInterval,
                b'}' if self.has(INTERVALS) && !self.has(NO_BK_BRACES) => Token::CloseInterval,
                _ => {
                    let (code, length) = self.alphabet.decode(&self.text[at + 1..]);
                    return (Token::Char(code), 1 + length);
                }
            };
            return (token, 2);
        }
        let token = match byte {
            b'\n' if self.has(NEWLINE_ALT) => Token::Alternative,
            b'|' if operators && self.has(NO_BK_VBAR) => Token::Alternative,
            b'*' => Token::Star,
            b'+' if operators && !self.has(BK_PLUS_QM) => Token::Plus,
            b'?' if operators && !self.has(BK_PLUS_QM) => Token::Question,
            b'{' if self.has(INTERVALS) && self.has(NO_BK_BRACES) => Token::OpenInterval,
            b'}' if self.has(INTERVALS) && self.has(NO_BK_BRACES) => Token::CloseInterval,
            b'(' if self.has(NO_BK_PARENS) => Token::Open,
            b')' if self.has(NO_BK_PARENS) => Token::Close,
            b'[' => Token::Bracket,
            b'.' => Token::Dot,
            b'^' if (self.syntax | more) & (CONTEXT_INDEP_ANCHORS | CARET_ANCHORS_HERE) != 0
                || at == 0
                || (self.has(NEWLINE_ALT) && self.text[at - 1] == b'\n') =>
            {
                Token::Place(Place::LineStart)
            }
            b'$' if self.has(CONTEXT_INDEP_ANCHORS)
                || matches!(self.peek(at + 1, 0).0, Token::End | Token::Alternative | Token::Close) =>
            {
                Token::Place(Place::LineEnd)
            }
            _ => {
                let (code, length) = self.alphabet.decode(&self.text[at..]);
                return (Token::Char(code), length);
            }
        };
        (token, 1)
    }

    /// Links nodes to a list.
    fn link(&mut self, last: &mut Index, first: &mut Index, node: Index) {
        if *last == 0 {
            *first = node;
        } else {
            self.tree.nodes[*last as usize].next = node;
        }
        *last = node;
    }

    fn choice(&mut self) -> Result<Index, Error> {
        let (mut first, mut last) = (0, 0);
        let complete = self.complete;
        let mut any = complete;
        loop {
            self.complete = complete;
            let branch = self.branch()?;
            any |= self.complete;
            self.link(&mut last, &mut first, branch);
            if self.token != Token::Alternative {
                break;
            }
            self.advance(CARET_ANCHORS_HERE);
        }
        self.complete = any;
        if first == last { Ok(first) } else { self.node(Kind::Choice(first)) }
    }

    fn branch(&mut self) -> Result<Index, Error> {
        let (mut first, mut last) = (0, 0);
        loop {
            match self.token {
                Token::End | Token::Alternative => break,
                Token::Close if self.depth > 0 => break,
                _ => {}
            }
            let node = self.expression()?;
            self.link(&mut last, &mut first, node);
        }
        if first == 0 {
            return self.node(Kind::Empty);
        }
        if first == last { Ok(first) } else { self.node(Kind::Sequence(first)) }
    }

    fn literal(&mut self) -> Result<Index, Error> {
        let byte = self.text[self.at - 1];
        self.node(Kind::Char(byte.into()))
    }

    fn expression(&mut self) -> Result<Index, Error> {
        let node = match self.token {
            Token::Char(code) => {
                let code = self.alphabet.folded(code);
                self.node(Kind::Char(code))?
            }
            Token::Open => self.group()?,
            Token::Bracket => self.bracket()?,
            Token::Reference(number) => {
                if self.complete & 1 << number == 0 {
                    return Err(Error::Subexpression);
                }
                self.tree.refers = true;
                self.node(Kind::Reference(number))?
            }
            Token::OpenInterval if self.has(CONTEXT_INVALID_DUP) => return Err(Error::Repeat),
            Token::OpenInterval | Token::Star | Token::Plus | Token::Question
                if self.has(CONTEXT_INVALID_OPS) =>
            {
                return Err(Error::Repeat);
            }
            Token::OpenInterval | Token::Star | Token::Plus | Token::Question
                if self.has(CONTEXT_INDEP_OPS) =>
            {
                self.advance(0);
                return match self.token {
                    Token::End | Token::Alternative => self.node(Kind::Empty),
                    Token::Close if self.depth > 0 => self.node(Kind::Empty),
                    _ => self.expression(),
                };
            }
            Token::Close if !self.has(UNMATCHED_RIGHT_PAREN_ORD) => return Err(Error::RightParen),
            Token::Place(place) => {
                // Nothing repeats a place: what follows stands for itself or is an error.
                self.advance(CARET_ANCHORS_HERE);
                return self.node(Kind::Assert(place));
            }
            Token::Dot => self.node(Kind::Any)?,
            Token::Word(positive) => self.class(&[Item::Class(Class::Alnum), UNDERSCORE], !positive)?,
            Token::Space(positive) => self.class(&[Item::Class(Class::Space)], !positive)?,
            Token::Backslash => return Err(Error::Escape),
            _ => self.literal()?,
        };
        self.advance(0);
        self.repetitions(node)
    }

    fn class(&mut self, items: &[Item], negated: bool) -> Result<Index, Error> {
        let first = self.tree.items.len() as u32;
        for &item in items {
            self.tree.items.push(item)?;
        }
        let end = self.tree.items.len() as u32;
        let set = self.tree.sets.push(Set { first, end, negated, not_newline: false })?;
        self.node(Kind::Set(set as u32))
    }

    fn group(&mut self) -> Result<Index, Error> {
        self.tree.groups += 1;
        let number = self.tree.groups;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Error::Space);
        }
        self.advance(CARET_ANCHORS_HERE);
        let inner = if self.token == Token::Close { self.node(Kind::Empty)? } else { self.choice()? };
        if self.token != Token::Close {
            return Err(Error::Paren);
        }
        self.depth -= 1;
        if number <= 9 {
            self.complete |= 1 << number;
        }
        self.node(Kind::Group(inner, number))
    }

    fn repetitions(&mut self, mut node: Index) -> Result<Index, Error> {
        loop {
            let (least, most) = match self.token {
                Token::Star => (0, MANY),
                Token::Plus => (1, MANY),
                Token::Question => (0, 1),
                Token::OpenInterval => {
                    let start = self.start;
                    match self.interval() {
                        Ok(bounds) => bounds,
                        Err((error, ended)) => {
                            if !ended || !self.has(INVALID_INTERVAL_ORD) {
                                return Err(error);
                            }
                            // The brace stands for itself.
                            self.start = start;
                            self.at = start + 1;
                            self.token = Token::Char(b'{'.into());
                            return Ok(node);
                        }
                    }
                }
                _ => return Ok(node),
            };
            self.advance(0);
            node = self.node(Kind::Repeat(node, least, most))?;
            let again = matches!(self.token, Token::Star | Token::OpenInterval);
            if again && self.has(CONTEXT_INVALID_DUP) {
                return Err(Error::Repeat);
            }
        }
    }

    /// Reads `2,3}`. An error says whether the interval may stand for itself instead.
    fn interval(&mut self) -> Result<(u16, u16), (Error, bool)> {
        let (first, found) = self.number();
        let comma = self.token == Token::Char(b','.into());
        let least = match (first, found) {
            (_, false) if comma => Some(0),
            (_, false) if self.token == Token::CloseInterval => return Err((Error::Interval, true)),
            (number, _) => number,
        };
        let most = if self.token == Token::CloseInterval {
            least
        } else if comma {
            match self.number() {
                (_, false) if self.token == Token::CloseInterval => Some(u32::MAX),
                (number, true) => number,
                _ => None,
            }
        } else {
            None
        };
        let (Some(least), Some(most)) = (least, most) else {
            let error = if self.token == Token::End { Error::Brace } else { Error::Interval };
            return Err((error, true));
        };
        if self.token != Token::CloseInterval || least > most {
            return Err((Error::Interval, false));
        }
        let largest = if most == u32::MAX { least } else { most };
        if largest > DUP_MAX {
            return Err((Error::Size, false));
        }
        Ok((least as u16, if most == u32::MAX { MANY } else { most as u16 }))
    }

    /// Reads up to `,` or the brace: a number, `None` for what is none; and whether there was anything.
    fn number(&mut self) -> (Option<u32>, bool) {
        let (mut number, mut found) = (Some(0u32), false);
        loop {
            self.advance(0);
            match self.token {
                Token::End => return (None, true),
                Token::CloseInterval => return (number, found),
                Token::Char(code) if code == u32::from(b',') => return (number, found),
                Token::Char(code) => {
                    let digit = char::from_u32(code).and_then(|c| c.to_digit(10));
                    number = number.zip(digit).map(|(n, d)| (n * 10 + d).min(DUP_MAX + 1));
                }
                _ => number = None,
            }
            found = true;
        }
    }

    fn bracket(&mut self) -> Result<Index, Error> {
        let first = self.tree.items.len() as u32;
        if self.at >= self.text.len() {
            return Err(Error::BadPattern);
        }
        let negated = self.text[self.at] == b'^';
        self.at += usize::from(negated);
        if self.at >= self.text.len() {
            return Err(Error::BadPattern);
        }
        let mut is_first = true;
        loop {
            let byte = *self.text.get(self.at).ok_or(Error::Bracket)?;
            if byte == b']' && !is_first {
                self.at += 1;
                break;
            }
            is_first = false;
            match self.element()? {
                Element::Class(class) => {
                    if self.text.get(self.at) == Some(&b'-')
                        && self.text.get(self.at + 1).is_some_and(|&byte| byte != b']')
                    {
                        return Err(Error::Range);
                    }
                    self.tree.items.push(Item::Class(class))?;
                }
                Element::Char(low) => {
                    let mut high = low;
                    if self.text.get(self.at) == Some(&b'-') {
                        match self.text.get(self.at + 1) {
                            None => return Err(Error::Bracket),
                            Some(b']') => {}
                            Some(_) => {
                                self.at += 1;
                                let Element::Char(end) = self.element()? else { return Err(Error::Range) };
                                high = end;
                            }
                        }
                    }
                    if low > high {
                        if self.has(NO_EMPTY_RANGES) {
                            return Err(Error::Range);
                        }
                        continue;
                    }
                    self.tree.items.push(Item::Range(low, high))?;
                }
            }
        }
        let end = self.tree.items.len() as u32;
        let not_newline = negated && self.has(HAT_LISTS_NOT_NEWLINE);
        let set = self.tree.sets.push(Set { first, end, negated, not_newline })?;
        self.node(Kind::Set(set as u32))
    }

    fn element(&mut self) -> Result<Element, Error> {
        let rest = &self.text[self.at..];
        let kind = match rest {
            [b'[', kind @ (b'.' | b'='), ..] => Some(*kind),
            [b'[', b':', ..] if self.has(CHAR_CLASSES) => Some(b':'),
            _ => None,
        };
        if let Some(kind) = kind {
            let inner = &rest[2..];
            let Some(length) = inner.windows(2).position(|pair| pair == [kind, b']']) else {
                return Err(Error::Bracket);
            };
            let name = &inner[..length];
            self.at += length + 4;
            if kind == b':' {
                return Class::named(name).map(Element::Class).ok_or(Error::Class);
            }
            if name.is_empty() {
                return Err(Error::Collate);
            }
            let (code, used) = self.alphabet.decode(name);
            return if used == name.len() { Ok(Element::Char(code)) } else { Err(Error::Collate) };
        }
        if rest[0] == b'\\' && self.has(BACKSLASH_ESCAPE_IN_LISTS) && rest.len() > 1 {
            self.at += 1;
        }
        let (code, length) = self.alphabet.decode(&self.text[self.at..]);
        self.at += length;
        Ok(Element::Char(code))
    }
}

const UNDERSCORE: Item = Item::Range(b'_' as u32, b'_' as u32);

enum Element {
    Char(u32),
    Class(Class),
}
