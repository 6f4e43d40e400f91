//! The kernel's own tests, which need ring 0: `selftest` on its command line runs them (kernel/kmain/README.md).
//!
//! Each is a record in a section of the kernel's file, so that they can be listed without booting; a boot runs all of
//! them and says how they ended in TAP lines on the serial port.

use crate::programs::repository;
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object, ObjectSection, ObjectSegment};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Section of the records: for each test the address and length of its name and the address of its function.
const SECTION: &str = ".osv.selftest";
const RECORD: usize = 24;

/// The kernel under test: in `OSV_HOME`, or as `make` leaves it.
pub fn kernel() -> PathBuf {
    let home = std::env::var_os("OSV_HOME").map_or_else(|| repository().join("target/osv"), PathBuf::from);
    home.join("kernel.elf")
}

/// The names of the tests, in the kernel's order.
pub fn names() -> Result<Vec<String>, String> {
    let path = kernel();
    let file = std::fs::read(&path).map_err(|error| format!("{}: {error}: run `make`", path.display()))?;
    let elf = ElfFile64::<LittleEndian>::parse(&*file).map_err(|error| error.to_string())?;
    let section = elf.section_by_name(SECTION).ok_or("the kernel's file has no section of tests")?;
    let records = section.data().map_err(|error| error.to_string())?;
    let name = |record: &[u8; RECORD]| {
        let word = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
        let (address, len) = (word(0)?, word(8)?);
        let bytes = elf.segments().find_map(|segment| segment.data_range(address, len).ok()?)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    let names = records.as_chunks::<RECORD>().0.iter();
    names.map(|record| name(record).ok_or("a test's name lies nowhere".into())).collect()
}

/// How a boot of the tests went.
#[derive(Debug)]
pub struct Report {
    /// The reason for each test that failed; `None` for those that passed.
    results: HashMap<String, Option<String>>,
    /// What the kernel printed, and how QEMU ended.
    output: String,
}

/// Boots the kernel and has it run its tests.
pub fn run(cpus: &str, limit: Duration) -> Report {
    let output = Command::new("timeout")
        .arg(limit.as_secs().to_string())
        .args(["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
        .args(["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "256M", "-smp", cpus])
        .args(["-serial", "stdio", "-device", "isa-debug-exit,iobase=0x501,iosize=0x04"])
        .args(["-append", "selftest", "-kernel"])
        .arg(kernel())
        .stdin(std::process::Stdio::null())
        .output();
    match output {
        Err(error) => Report { results: HashMap::new(), output: format!("QEMU: {error}") },
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let results = parse(&text);
            let stderr = String::from_utf8_lossy(&output.stderr);
            Report { results, output: format!("{text}\n{stderr}\nQEMU: {}", output.status) }
        }
    }
}

/// Results by name, from `ok 1 - NAME` and `not ok 2 - NAME: why`.
fn parse(tap: &str) -> HashMap<String, Option<String>> {
    let result = |line: &str| {
        let (failed, rest) = match line.strip_prefix("not ok ") {
            Some(rest) => (true, rest),
            None => (false, line.strip_prefix("ok ")?),
        };
        let (_, rest) = rest.split_once(" - ")?;
        let (name, why) = rest.split_once(": ").unwrap_or((rest, "no reason given"));
        Some((name.trim().to_owned(), failed.then(|| why.trim().to_owned())))
    };
    tap.lines().filter_map(|line| result(line.trim())).collect()
}

impl Report {
    /// How the test called `name` ended.
    pub fn of(&self, name: &str) -> Result<(), String> {
        match self.results.get(name) {
            Some(None) => Ok(()),
            Some(Some(why)) => Err(why.clone()),
            None => Err(format!("no result\n{}", self.output)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_from_tap_lines() {
        let results = parse("1..3\r\nok 1 - FIRST\r\nnoise\r\nnot ok 2 - SECOND: too late\r\n");
        assert_eq!(results.get("FIRST"), Some(&None));
        assert_eq!(results.get("SECOND"), Some(&Some("too late".to_owned())));
        let report = Report { results, output: String::new() };
        assert!(report.of("FIRST").is_ok() && report.of("SECOND").is_err() && report.of("THIRD").is_err());
    }
}
