use super::decimal::{Number, decode};
use super::list::Value;
use super::output::Output;
use super::spec::{Amount, Length, Spec};
use super::{Layout, decimal, hex};
use std::string::String;

const PLAIN: Layout =
    Layout { width: 0, left: false, zero: false, plus: "", alternative: false, precision: None };

fn text(print: impl FnOnce(&mut Output<u8>)) -> String {
    let mut bytes = [0; 512];
    // SAFETY: the buffer is as large as said.
    let mut out = unsafe { Output::to_buffer(bytes.as_mut_ptr(), bytes.len()) };
    print(&mut out);
    String::from_utf8(bytes[..out.total()].to_vec()).unwrap()
}

fn decimal(value: f64, conversion: u8, precision: usize) -> String {
    let layout = Layout { precision: Some(precision), ..PLAIN };
    text(|out| decimal::print(out, Value::Double(value), conversion, &layout))
}

#[test]
fn digits_agree_with_the_standard_library() {
    let mut bits: u64 = 0x1234_5678_9abc_def0;
    for _ in 0..2000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let value = f64::from_bits(bits);
        if !value.is_finite() {
            continue;
        }
        let ours = decimal(value, b'e', 16);
        let theirs = std::format!("{value:.16e}");
        let (mantissa, exponent) = theirs.split_once('e').unwrap();
        let exponent: i32 = exponent.parse().unwrap();
        let sign = if exponent < 0 { '-' } else { '+' };
        assert_eq!(ours, std::format!("{mantissa}e{sign}{:02}", exponent.abs()));
        if value.abs() < 1e100 {
            assert_eq!(decimal(value, b'f', 30), std::format!("{value:.30}"));
        }
    }
}

#[test]
fn halves_go_to_even() {
    assert_eq!(decimal(0.5, b'f', 0), "0");
    assert_eq!(decimal(1.5, b'f', 0), "2");
    assert_eq!(decimal(2.5, b'e', 0), "2e+00");
    assert_eq!(decimal(999_999.5, b'g', 6), "1e+06");
    assert_eq!(decimal(0.0001, b'g', 6), "0.0001");
}

#[test]
fn a_long_double_has_all_its_digits() {
    // The least: 2^-16445.
    let least = Value::LongDouble(1, 0);
    assert_eq!(decode(least), (false, Number::Finite { mantissa: 1, exponent: -16445 }));
    let layout = Layout { precision: Some(20), ..PLAIN };
    assert_eq!(text(|out| decimal::print(out, least, b'e', &layout)), "3.64519953188247460253e-4951");
    let one = Value::LongDouble(1 << 63, 0x3fff);
    assert_eq!(text(|out| hex::print(out, one, false, &PLAIN)), "0x8p-3");
}

#[test]
fn hexadecimal_rounds_its_last_digit() {
    let value = |precision| Layout { precision: Some(precision), ..PLAIN };
    assert_eq!(text(|out| hex::print(out, Value::Double(1.999), false, &value(1))), "0x2.0p+0");
    assert_eq!(text(|out| hex::print(out, Value::Double(5e-324), false, &PLAIN)), "0x0.0000000000001p-1022");
}

#[test]
fn a_directive_is_read_whole() {
    // SAFETY: texts that end with a zero.
    let read = |text: &std::ffi::CStr| unsafe { Spec::read(text.as_ptr().cast::<u8>()) };
    let (spec, length) = read(c"%2$-08.*3$hhd").unwrap();
    assert_eq!(length, 13);
    assert_eq!((spec.number, spec.left, spec.zero), (Some(2), true, true));
    assert_eq!(spec.width, Amount::Number(8));
    assert_eq!(spec.precision, Amount::Argument(Some(3)));
    assert_eq!((spec.length, spec.conversion), (Length::Char, b'd'));
    assert!(read(c"%").is_err() && read(c"%-").is_err() && read(c"%99999999999d").is_err());
}
