//! Floating numbers in hexadecimal: `a`. A normal double's first digit is 1, a subnormal one's 0; a long double's is the
//! top four bits of its mantissa.

use super::Layout;
use super::decimal::{Number, Rounding, decode, print_special};
use super::list::Value;
use super::output::{Cell, Output};

/// Prints a number.
pub fn print<U: Cell>(out: &mut Output<U>, value: Value, upper: bool, layout: &Layout) {
    let (negative, number) = decode(value);
    let sign = if negative { "-" } else { layout.plus };
    let Number::Finite { mantissa, exponent } = number else {
        return print_special(out, number, sign, upper, layout);
    };
    // Digits behind the first, and the power of two that the first counts.
    let (digits, mut power) = match value {
        Value::LongDouble(..) => (15usize, exponent + 60),
        _ => (13, exponent + 52),
    };
    if mantissa == 0 {
        power = 0;
    }
    let mut bits = u128::from(mantissa);
    let mut shown = digits;
    match layout.precision {
        Some(precision) if precision < digits => {
            let dropped = 4 * (digits - precision);
            let rest = bits & ((1 << dropped) - 1);
            bits >>= dropped;
            let comparison = (rest != 0).then(|| rest.cmp(&(1 << (dropped - 1))));
            bits += u128::from(Rounding::current().grows(negative, bits & 1 == 1, comparison));
            shown = precision;
            // A first digit of 16 is a 1 four places on.
            if bits >> (4 * shown) == 16 {
                bits >>= 4;
                power += 4;
            }
        }
        Some(_) => {}
        None => {
            while shown > 0 && bits & 15 == 0 {
                bits >>= 4;
                shown -= 1;
            }
        }
    }
    let zeros = layout.precision.unwrap_or(0).saturating_sub(digits);
    let alphabet: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let digit = |index: usize| alphabet[(bits >> (4 * index)) as usize & 15];
    let mut body = [0; 20];
    let mut length = 1;
    body[0] = digit(shown);
    if shown > 0 || zeros > 0 || layout.alternative {
        body[1] = b'.';
        length = 2;
    }
    for index in (0..shown).rev() {
        body[length] = digit(index);
        length += 1;
    }
    let mut tail = [0; 8];
    let mut start = tail.len();
    let mut rest = power.unsigned_abs();
    while rest > 0 || start == tail.len() {
        start -= 1;
        tail[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    start -= 2;
    tail[start + 1] = if power < 0 { b'-' } else { b'+' };
    tail[start] = if upper { b'P' } else { b'p' };
    let tail = &tail[start..];

    let fill = layout.width.saturating_sub(sign.len() + 2 + length + zeros + tail.len());
    if !layout.left && !layout.zero {
        out.fill(b' ', fill);
    }
    out.ascii(sign.as_bytes());
    out.ascii(if upper { b"0X" } else { b"0x" });
    if layout.zero {
        out.fill(b'0', fill);
    }
    out.ascii(&body[..length]);
    out.fill(b'0', zeros);
    out.ascii(tail);
    if layout.left {
        out.fill(b' ', fill);
    }
}
