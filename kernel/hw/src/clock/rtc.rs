//! The CMOS clock.

use crate::port::{in8, out8};

fn register(number: u8) -> u8 {
    // SAFETY: the CMOS index and data ports; bit 7 keeps NMIs off as it is by default.
    unsafe {
        out8(0x70, number);
        in8(0x71)
    }
}

fn reading() -> [u8; 6] {
    [0, 2, 4, 7, 8, 9].map(register)
}

/// Wall time in whole seconds, as nanoseconds since 1970; `None` where there is no such clock.
pub(super) fn unix_ns() -> Option<u64> {
    if register(0x0d) == 0xff {
        return None;
    }
    for _ in 0..100 {
        if register(0x0a) & 0x80 != 0 {
            continue;
        }
        let first = reading();
        if first != reading() {
            continue;
        }
        let status = register(0x0b);
        let binary = status & 4 != 0;
        let value = |byte: u8| u64::from(if binary { byte } else { (byte >> 4) * 10 + (byte & 15) });
        let [second, minute, hour, day, month, year] = first;
        let afternoon = status & 2 == 0 && hour & 0x80 != 0;
        let mut hours = value(hour & 0x7f);
        if status & 2 == 0 {
            hours = hours % 12 + if afternoon { 12 } else { 0 };
        }
        let days = days_from_civil(2000 + value(year), value(month), value(day))?;
        return Some((((days * 24 + hours) * 60 + value(minute)) * 60 + value(second)) * 1_000_000_000);
    }
    None
}

/// Days from 1970-01-01 to a date of this century.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March: the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}
