//! Floating numbers in decimal: `e`, `f`, `g`.
//!
//! A number is an integer times a power of two, which has finitely many decimal digits. They are computed all, in limbs
//! of nine digits, and rounded once; so every digit printed is right, in each rounding mode.

use super::Layout;
use super::list::Value;
use super::output::{Cell, Output};
use core::cmp::Ordering;

const LIMB: u32 = 1_000_000_000;
const WIDE_LIMB: u64 = LIMB as u64;
const LIMB_DIGITS: i32 = 9;

/// A number taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Not a number.
    Nan,
    /// Infinity.
    Infinite,
    /// `mantissa * 2^exponent`
    Finite {
        /// Of a normal double it has 53 bits, of a normal long double 64.
        mantissa: u64,
        /// The power of two.
        exponent: i32,
    },
}

/// Takes a number apart: whether it is negative, and the rest.
#[must_use]
pub fn decode(value: Value) -> (bool, Number) {
    match value {
        Value::LongDouble(mantissa, top) => {
            let exponent = i32::from(top & 0x7fff);
            let number = match (exponent, mantissa << 1) {
                (0x7fff, 0) => Number::Infinite,
                (0x7fff, _) => Number::Nan,
                _ => Number::Finite { mantissa, exponent: exponent.max(1) - 16383 - 63 },
            };
            (top & 0x8000 != 0, number)
        }
        value => {
            let value = if let Value::Double(value) = value { value } else { 0.0 };
            let bits = value.to_bits();
            let exponent = (bits >> 52 & 0x7ff) as i32;
            let fraction = bits & ((1 << 52) - 1);
            let number = match (exponent, fraction) {
                (0x7ff, 0) => Number::Infinite,
                (0x7ff, _) => Number::Nan,
                (0, _) => Number::Finite { mantissa: fraction, exponent: -1074 },
                _ => Number::Finite { mantissa: fraction | 1 << 52, exponent: exponent - 1075 },
            };
            (bits >> 63 != 0, number)
        }
    }
}

/// How the processor rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, halves to even.
    Nearest,
    /// Towards minus infinity.
    Down,
    /// Towards plus infinity.
    Up,
    /// Towards zero.
    Zero,
}

impl Rounding {
    /// The thread's.
    #[must_use]
    pub fn current() -> Self {
        let mut status = 0u32;
        // SAFETY: stores the control register into a word of ours.
        unsafe { core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut status, options(nostack)) };
        match status >> 13 & 3 {
            0 => Rounding::Nearest,
            1 => Rounding::Down,
            2 => Rounding::Up,
            _ => Rounding::Zero,
        }
    }

    /// Whether a magnitude grows when a rest is dropped that compares so to half a unit.
    #[must_use]
    pub fn grows(self, negative: bool, odd: bool, rest: Option<Ordering>) -> bool {
        match (self, rest) {
            (_, None) | (Rounding::Zero, _) => false,
            (Rounding::Nearest, Some(half)) => half == Ordering::Greater || (half == Ordering::Equal && odd),
            (Rounding::Up, _) => !negative,
            (Rounding::Down, _) => negative,
        }
    }
}

/// Decimal digits. Position 0 is the digit before the point.
struct Digits<'a> {
    limbs: &'a mut [u32],
    /// The limb behind the point.
    point: usize,
    start: usize,
    end: usize,
}

impl<'a> Digits<'a> {
    /// The digits of `mantissa * 2^exponent`; `limbs` has `point` of them before the point.
    fn new(limbs: &'a mut [u32], point: usize, mut mantissa: u64, mut exponent: i32) -> Self {
        let mut digits = Digits { limbs, point, start: point, end: point };
        if mantissa == 0 {
            return digits;
        }
        let zeros = mantissa.trailing_zeros();
        mantissa >>= zeros;
        exponent += zeros as i32;
        while mantissa > 0 {
            digits.start -= 1;
            digits.limbs[digits.start] = (mantissa % WIDE_LIMB) as u32;
            mantissa /= WIDE_LIMB;
        }
        while exponent > 0 {
            let step = exponent.min(29);
            digits.double(step as u32);
            exponent -= step;
        }
        while exponent < 0 {
            let step = (-exponent).min(9);
            digits.halve(step as u32);
            exponent += step;
        }
        digits
    }

    fn double(&mut self, times: u32) {
        let mut carry = 0;
        for limb in self.limbs[self.start..self.end].iter_mut().rev() {
            let value = (u64::from(*limb) << times) + carry;
            *limb = (value % WIDE_LIMB) as u32;
            carry = value / WIDE_LIMB;
        }
        if carry > 0 {
            self.start -= 1;
            self.limbs[self.start] = carry as u32;
        }
    }

    fn halve(&mut self, times: u32) {
        let mut rest = 0;
        for limb in &mut self.limbs[self.start..self.end] {
            let value = *limb;
            *limb = (value >> times) + rest;
            rest = (LIMB >> times) * (value & ((1 << times) - 1));
        }
        if rest > 0 {
            self.limbs[self.end] = rest;
            self.end += 1;
        }
        if self.start < self.end && self.limbs[self.start] == 0 {
            self.start += 1;
        }
    }

    /// The limb that has a position, and the position's unit in it.
    fn place(&self, position: i32) -> (isize, u32) {
        let limb = self.point as isize - 1 - position.div_euclid(LIMB_DIGITS) as isize;
        (limb, 10u32.pow(position.rem_euclid(LIMB_DIGITS) as u32))
    }

    fn limb(&self, index: isize) -> u32 {
        let within = index >= self.start as isize && index < self.end as isize;
        if within { self.limbs[index as usize] } else { 0 }
    }

    fn digit(&self, position: i32) -> u8 {
        let (limb, unit) = self.place(position);
        (self.limb(limb) / unit % 10) as u8
    }

    /// The position of the first digit that is not zero; 0 for zero.
    fn exponent(&self) -> i32 {
        let first = (self.start..self.end).find(|&index| self.limbs[index] != 0);
        first.map_or(0, |index| {
            (self.point as i32 - 1 - index as i32) * LIMB_DIGITS + self.limbs[index].ilog10() as i32
        })
    }

    /// The position of the last digit that is not zero; 0 for zero.
    fn last(&self) -> i32 {
        let last = (self.start..self.end).rev().find(|&index| self.limbs[index] != 0);
        last.map_or(0, |index| {
            let (mut limb, mut zeros) = (self.limbs[index], 0);
            while limb % 10 == 0 {
                limb /= 10;
                zeros += 1;
            }
            (self.point as i32 - 1 - index as i32) * LIMB_DIGITS + zeros
        })
    }

    /// Drops what is behind a position.
    fn round(&mut self, last: i32, negative: bool) {
        let (index, unit) = self.place(last);
        if index >= self.end as isize {
            return;
        }
        // There is a limb to grow, even where the number is smaller than the unit.
        while (self.start as isize) > index {
            self.start -= 1;
            self.limbs[self.start] = 0;
        }
        let index = index as usize;
        let limb = self.limbs[index];
        let (rest, half, behind) = if unit == 1 {
            (self.limb(index as isize + 1), LIMB / 2, index + 2)
        } else {
            (limb % unit, unit / 2, index + 1)
        };
        let tail = behind < self.end && self.limbs[behind..self.end].iter().any(|&limb| limb != 0);
        let comparison = (rest > 0 || tail)
            .then(|| rest.cmp(&half).then(if tail { Ordering::Greater } else { Ordering::Equal }));
        self.limbs[index] = limb - limb % unit;
        self.end = index + 1;
        if Rounding::current().grows(negative, limb / unit % 2 == 1, comparison) {
            self.limbs[index] += unit;
            let mut at = index;
            while self.limbs[at] >= LIMB {
                self.limbs[at] -= LIMB;
                if at == self.start {
                    self.start -= 1;
                    self.limbs[self.start] = 0;
                }
                at -= 1;
                self.limbs[at] += 1;
            }
        }
    }

    /// Prints the digits from one position down to another.
    fn print<U: Cell>(&self, out: &mut Output<U>, from: i32, to: i32) {
        let mut buffer = [0; 32];
        let mut position = from;
        while position >= to {
            let mut filled = 0;
            while filled < buffer.len() && position >= to {
                buffer[filled] = b'0' + self.digit(position);
                filled += 1;
                position -= 1;
            }
            out.ascii(&buffer[..filled]);
        }
    }
}

/// Prints what is no number or infinite.
pub fn print_special<U: Cell>(out: &mut Output<U>, number: Number, sign: &str, upper: bool, layout: &Layout) {
    let text: &[u8] = match (number, upper) {
        (Number::Nan, false) => b"nan",
        (Number::Nan, true) => b"NAN",
        (_, false) => b"inf",
        (_, true) => b"INF",
    };
    let fill = layout.width.saturating_sub(text.len() + sign.len());
    if !layout.left {
        out.fill(b' ', fill);
    }
    out.ascii(sign.as_bytes());
    out.ascii(text);
    if layout.left {
        out.fill(b' ', fill);
    }
}

/// Limbs before and behind the point that a double needs, with one to spare for rounding.
const DOUBLE: (usize, usize) = (37, 122);
/// The same for a long double.
const LONG: (usize, usize) = (551, 1830);

/// Prints a number by one of the letters `eEfFgG`.
pub fn print<U: Cell>(out: &mut Output<U>, value: Value, conversion: u8, layout: &Layout) {
    let (negative, number) = decode(value);
    let sign = if negative { "-" } else { layout.plus };
    let upper = conversion.is_ascii_uppercase();
    let Number::Finite { mantissa, exponent } = number else {
        return print_special(out, number, sign, upper, layout);
    };
    if matches!(value, Value::LongDouble(..)) {
        print_long(out, (mantissa, exponent), sign, conversion, layout);
    } else {
        let mut limbs = [0; DOUBLE.0 + DOUBLE.1];
        let digits = Digits::new(&mut limbs, DOUBLE.0, mantissa, exponent);
        print_digits(out, digits, sign, conversion, layout);
    }
}

/// Apart, for the stack that it needs.
#[inline(never)]
fn print_long<U: Cell>(out: &mut Output<U>, number: (u64, i32), sign: &str, conversion: u8, layout: &Layout) {
    let mut limbs = [0; LONG.0 + LONG.1];
    let digits = Digits::new(&mut limbs, LONG.0, number.0, number.1);
    print_digits(out, digits, sign, conversion, layout);
}

/// More digits than any number has are zeros; a position never comes near the end of its type.
const MOST_DIGITS: usize = i32::MAX as usize / 4;

fn print_digits<U: Cell>(
    out: &mut Output<U>,
    mut digits: Digits<'_>,
    sign: &str,
    conversion: u8,
    layout: &Layout,
) {
    let negative = sign == "-";
    let asked = layout.precision.unwrap_or(6);
    let precision = asked.min(MOST_DIGITS) as i32;
    // The zeros that go beyond.
    let mut beyond = asked - precision as usize;
    let (by_exponent, fraction) = match conversion | 32 {
        b'f' => {
            digits.round(-precision, negative);
            (false, precision)
        }
        b'e' => {
            digits.round(digits.exponent() - precision, negative);
            (true, precision)
        }
        _ => {
            let precision = precision.max(1);
            digits.round(digits.exponent() - (precision - 1), negative);
            let exponent = digits.exponent();
            let by_exponent = exponent < -4 || exponent >= precision;
            let lowest = if by_exponent { exponent } else { 0 };
            let full = precision - 1 - exponent + lowest;
            if !layout.alternative {
                beyond = 0;
            }
            let used = (lowest - digits.last()).max(0);
            (by_exponent, if layout.alternative { full } else { full.min(used) })
        }
    };
    let exponent = digits.exponent();
    let (first, point) = if by_exponent { (exponent, exponent) } else { (exponent.max(0), 0) };
    let has_point = fraction > 0 || beyond > 0 || layout.alternative;

    let mut tail = [0; 8];
    let mut tail_start = tail.len();
    if by_exponent {
        let mut rest = exponent.unsigned_abs();
        while rest > 0 || tail_start > tail.len() - 2 {
            tail_start -= 1;
            tail[tail_start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        tail_start -= 2;
        tail[tail_start + 1] = if exponent < 0 { b'-' } else { b'+' };
        tail[tail_start] = if conversion.is_ascii_uppercase() { b'E' } else { b'e' };
    }
    let tail = &tail[tail_start..];

    let length = sign.len()
        + (first - point + 1) as usize
        + usize::from(has_point)
        + fraction as usize
        + beyond
        + tail.len();
    let fill = layout.width.saturating_sub(length);
    if !layout.left && !layout.zero {
        out.fill(b' ', fill);
    }
    out.ascii(sign.as_bytes());
    if layout.zero {
        out.fill(b'0', fill);
    }
    digits.print(out, first, point);
    if has_point {
        out.ascii(b".");
    }
    digits.print(out, point - 1, point - fraction);
    out.fill(b'0', beyond);
    out.ascii(tail);
    if layout.left {
        out.fill(b' ', fill);
    }
}
