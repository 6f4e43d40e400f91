//! A directive: `%`, argument number, flags, width, precision, length, conversion.

use super::list::Kind;
use crate::integer::Unit;
use core::ffi::c_int;
use osv_abi::errno::Errno;

/// A width or precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Not given.
    None,
    /// Given in the format.
    Number(u32),
    /// Given by an argument: the next, or that of a number.
    Argument(Option<u32>),
}

/// The length modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// `hh`
    Char,
    /// `h`
    Short,
    /// None.
    Int,
    /// `l`, `ll`, `q`, `j`, `z`, `Z`, `t`: all 64 bits wide.
    Long,
    /// `L`
    LongDouble,
}

impl Length {
    /// A word as a signed integer of this length.
    #[must_use]
    pub fn signed(self, word: u64) -> i64 {
        match self {
            Length::Char => i64::from(word as i8),
            Length::Short => i64::from(word as i16),
            Length::Int => i64::from(word as i32),
            Length::Long | Length::LongDouble => word as i64,
        }
    }

    /// A word as an unsigned integer of this length.
    #[must_use]
    pub fn unsigned(self, word: u64) -> u64 {
        match self {
            Length::Char => u64::from(word as u8),
            Length::Short => u64::from(word as u16),
            Length::Int => u64::from(word as u32),
            Length::Long | Length::LongDouble => word,
        }
    }

    /// Bytes.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Length::Char => 1,
            Length::Short => 2,
            Length::Int => 4,
            Length::Long | Length::LongDouble => 8,
        }
    }
}

/// A directive.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The argument's number.
    pub number: Option<u32>,
    /// `-`
    pub left: bool,
    /// `+`
    pub plus: bool,
    /// Space.
    pub space: bool,
    /// `#`
    pub alternative: bool,
    /// `0`
    pub zero: bool,
    /// The width.
    pub width: Amount,
    /// The precision.
    pub precision: Amount,
    /// The length modifier.
    pub length: Length,
    /// The conversion's letter; of `C` and `S` the small one.
    pub conversion: u8,
}

/// Reads what stands at one place after the other.
struct Cursor<U> {
    text: *const U,
    at: usize,
}

impl<U: Unit> Cursor<U> {
    fn peek(&self) -> u8 {
        // SAFETY: the text ends with a zero, at which the cursor stops.
        u8::try_from(unsafe { (*self.text.add(self.at)).code() }).unwrap_or(0xff)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    fn number(&mut self) -> Result<Option<u32>, Errno> {
        let mut number = None;
        while self.peek().is_ascii_digit() {
            let digit = u32::from(self.peek() - b'0');
            let next = number.unwrap_or(0u32).checked_mul(10).and_then(|n| n.checked_add(digit));
            number = Some(next.filter(|&n| n <= c_int::MAX as u32).ok_or(Errno::EOVERFLOW)?);
            self.at += 1;
        }
        Ok(number)
    }

    /// `12$`; nothing is read where there is no such thing.
    fn position(&mut self) -> Result<Option<u32>, Errno> {
        let start = self.at;
        if let Some(number @ 1..) = self.number()?
            && self.eat(b'$')
        {
            return Ok(Some(number));
        }
        self.at = start;
        Ok(None)
    }

    fn amount(&mut self) -> Result<Amount, Errno> {
        if self.eat(b'*') {
            return Ok(Amount::Argument(self.position()?));
        }
        Ok(self.number()?.map_or(Amount::None, Amount::Number))
    }
}

impl Spec {
    /// Reads the directive at `text`, and says how many units it takes.
    ///
    /// # Errors
    /// EINVAL where the format ends within it, EOVERFLOW for a number too large.
    ///
    /// # Safety
    /// `text` is at a `%` of a text that ends with a zero.
    pub unsafe fn read<U: Unit>(text: *const U) -> Result<(Spec, usize), Errno> {
        let mut cursor = Cursor { text, at: 1 };
        let number = cursor.position()?;
        let mut spec = Spec {
            number,
            left: false,
            plus: false,
            space: false,
            alternative: false,
            zero: false,
            width: Amount::None,
            precision: Amount::None,
            length: Length::Int,
            conversion: 0,
        };
        loop {
            match cursor.peek() {
                b'-' => spec.left = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'#' => spec.alternative = true,
                b'0' => spec.zero = true,
                // Grouping and native digits: no locale here has any.
                b'\'' | b'I' => {}
                _ => break,
            }
            cursor.at += 1;
        }
        spec.width = cursor.amount()?;
        if cursor.eat(b'.') {
            spec.precision = match cursor.amount()? {
                Amount::None => Amount::Number(0),
                amount => amount,
            };
            // A negative precision counts as none.
            if spec.precision == Amount::Number(0) && cursor.eat(b'-') {
                cursor.number()?;
                spec.precision = Amount::None;
            }
        }
        loop {
            spec.length = match cursor.peek() {
                b'h' if spec.length == Length::Short => Length::Char,
                b'h' => Length::Short,
                b'l' | b'q' | b'j' | b'z' | b'Z' | b't' => Length::Long,
                b'L' => Length::LongDouble,
                _ => break,
            };
            cursor.at += 1;
        }
        spec.conversion = cursor.peek();
        match spec.conversion {
            0 => return Err(Errno::EINVAL),
            b'C' | b'S' => {
                spec.conversion |= 32;
                spec.length = Length::Long;
            }
            _ => {}
        }
        Ok((spec, cursor.at + 1))
    }

    /// Whether any argument is named by number.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        let by_number = |amount| matches!(amount, Amount::Argument(Some(_)));
        self.number.is_some() || by_number(self.width) || by_number(self.precision)
    }

    /// What the conversion takes; `None` for `%%`, `%m` and what is no conversion.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Some(match self.conversion {
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' | b'c' | b's' | b'p' | b'n' => Kind::Int,
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' if self.length == Length::LongDouble => {
                Kind::LongDouble
            }
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' => Kind::Double,
            _ => return None,
        })
    }
}
