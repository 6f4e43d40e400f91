//! What takes long, and memory that runs out.
//!
//! `make test` runs the cases of memory pressure; `make soak` the long ones too, which are marked as ignored.
//! `OSV_SOAK_SECONDS` makes those shorter or longer than ten minutes, `OSV_SOAK_STARTS` Java's starts fewer or more than
//! fifty.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::Guest;
use osv_compat_tests::java;
use osv_compat_tests::programs::{self, Build};
use std::time::Duration;

fn main() {
    let mut trials = Vec::new();
    for case in ["heap", "files", "sockets", "processes"] {
        trials.push(Trial::test(format!("pressure.{case}"), move || pressure(case)));
    }
    for (name, build) in [("vector", Build::Glibc), ("trap", Build::GlibcStatic)] {
        let test = move || coming_and_going(build);
        trials.push(Trial::test(format!("coming_and_going.{name}"), test).with_ignored_flag(true));
    }
    for collector in ["G1", "Serial", "Parallel"] {
        let test = move || java_for_long(collector);
        trials.push(Trial::test(format!("java.{collector}"), test).with_ignored_flag(true));
    }
    for cpus in ["1", "2"] {
        let test = move || java_starts(cpus);
        trials.push(Trial::test(format!("java.starts.c{cpus}"), test).with_ignored_flag(true));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Each in a machine of its own, so small that it is soon full.
fn pressure(case: &str) -> Result<(), Failed> {
    let program = programs::build("soak/pressure.c", Build::GlibcStatic)?;
    let guest = Guest::new(program).flags(&["--net", "none", "-m", "128M", "-c", "2"]).args(&[case]);
    let end = "the machine survived, and the right one paid";
    Ok(guest.timeout(Duration::from_secs(240)).run()?.expect(0, end)?)
}

fn number(name: &str, default: u64) -> Result<u64, Failed> {
    let Ok(text) = std::env::var(name) else { return Ok(default) };
    Ok(text.parse().map_err(|_| format!("{name}={text} is no number"))?)
}

fn coming_and_going(build: Build) -> Result<(), Failed> {
    let limit = number("OSV_SOAK_SECONDS", 600)?;
    let seconds = limit.to_string();
    let program = programs::build("soak/coming_and_going.c", build)?;
    let guest = Guest::new(program).flags(&["--net", "none", "-m", "512M", "-c", "2"]).args(&[&seconds]);
    let guest = guest.timeout(Duration::from_secs(limit * 2 + 120));
    Ok(guest.run()?.expect(0, "everything was given back")?)
}

/// Allocation, threads and exceptions with one of the collectors.
fn java_for_long(collector: &str) -> Result<(), Failed> {
    let limit = number("OSV_SOAK_SECONDS", 600)?;
    let collector = format!("-XX:+Use{collector}GC");
    let guest =
        java::guest("Soak", &["-Xmx64m", &collector])?.flags(&["--net", "none", "-m", "512M", "-c", "2"]);
    let guest = guest.args(&[&limit.to_string()]).timeout(Duration::from_secs(limit * 2 + 300));
    let outcome = guest.run()?;
    eprint!("{}", outcome.stderr);
    Ok(outcome.expect(0, "everything was right")?)
}

/// One machine after another; each must say its line and end well.
fn java_starts(cpus: &str) -> Result<(), Failed> {
    let starts = number("OSV_SOAK_STARTS", 50)?;
    for start in 1..=starts {
        let guest = java::guest("Hello", &[])?.flags(&["--net", "none", "-c", cpus]);
        let outcome = guest.timeout(Duration::from_secs(240)).run()?;
        let is_right = outcome.stdout == "Hello from Java 17\n" && outcome.expect(0, "").is_ok();
        if !is_right {
            return Err(format!("start {start} of {starts}: {outcome:?}").into());
        }
    }
    eprintln!("{starts} starts");
    Ok(())
}
