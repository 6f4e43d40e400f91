//! Tests that only make sense in ring 0: the word `selftest` on the command line runs them instead of an application.
//!
//! Each test is a record in section `.osv.selftest`, so a host can list them without booting. Results are TAP lines
//! on the serial port; the status of the debug-exit port is 0 when all passed. `selftest=NAME` runs those whose name
//! contains NAME.

mod app;
mod copies;
mod crash;
mod faults;
mod gate;
mod memory;
mod others;

use core::fmt::Write;
use osv_hw::{power, serial};

/// A test: its name and its body, which panics or returns `Err` when the law is broken.
#[repr(C)]
pub struct Test {
    name: &'static str,
    run: fn() -> Result<(), &'static str>,
}

unsafe extern "C" {
    static osv_selftest_start: u8;
    static osv_selftest_end: u8;
}

/// Declares a test: `test!(name, { body that gives Result<(), &'static str> })`.
macro_rules! test {
    ($name:ident, $body:block) => {
        #[used]
        #[unsafe(link_section = ".osv.selftest")]
        static $name: crate::selftest::Test = crate::selftest::Test::new(stringify!($name), || $body);
    };
}
use test;

impl Test {
    const fn new(name: &'static str, run: fn() -> Result<(), &'static str>) -> Test {
        Test { name, run }
    }
}

/// `Err(what)` unless `holds`.
fn check(holds: bool, what: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(what) }
}

/// Ends badly if a `crash=` word among `words` says so.
pub fn crash_if_wanted(words: &[alloc::vec::Vec<u8>]) {
    let ways = words.iter().filter_map(|word| core::str::from_utf8(word).ok()?.strip_prefix("crash="));
    ways.for_each(crash::crash);
}

/// The filter of a `selftest` word among `words`, if there is one.
pub fn wanted(words: &[alloc::vec::Vec<u8>]) -> Option<&str> {
    words.iter().find_map(|word| {
        let rest = core::str::from_utf8(word).ok()?.strip_prefix("selftest")?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('=') }
    })
}

/// Runs the tests whose names contain `filter`, and ends the machine.
pub fn run(filter: &str) -> ! {
    app::prepare();
    let start = (&raw const osv_selftest_start).cast::<Test>();
    let end = &raw const osv_selftest_end;
    let count = (end.addr() - start.addr()) / size_of::<Test>();
    // SAFETY: the linker collects the records between the two symbols.
    let tests = unsafe { core::slice::from_raw_parts(start, count) };
    let chosen = || tests.iter().filter(|test| test.name.contains(filter));
    let _ = writeln!(serial::Writer, "1..{}", chosen().count());
    let mut failed = 0;
    for (number, test) in chosen().enumerate() {
        let line = number + 1;
        let _ = match (test.run)() {
            Ok(()) => writeln!(serial::Writer, "ok {line} - {}", test.name),
            Err(why) => {
                failed += 1;
                writeln!(serial::Writer, "not ok {line} - {}: {why}", test.name)
            }
        };
    }
    power::off(u8::from(failed != 0))
}
