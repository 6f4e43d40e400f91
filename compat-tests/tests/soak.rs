//! What takes long, and memory that runs out.
//!
//! `make test` runs the cases of memory pressure; `make soak` the long ones too, which are marked as ignored.
//! `OSV_SOAK_SECONDS` makes those shorter or longer than ten minutes.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::Guest;
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
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Each in a machine of its own, so small that it is soon full.
fn pressure(case: &str) -> Result<(), Failed> {
    let program = programs::build("soak/pressure.c", Build::GlibcStatic)?;
    let guest = Guest::new(program).flags(&["--net", "none", "-m", "128M", "-c", "2"]).args(&[case]);
    let end = "the machine survived, and the right one paid";
    Ok(guest.timeout(Duration::from_secs(240)).run()?.expect(0, end)?)
}

fn coming_and_going(build: Build) -> Result<(), Failed> {
    let seconds = std::env::var("OSV_SOAK_SECONDS").unwrap_or_else(|_| "600".to_owned());
    let limit: u64 = seconds.parse().map_err(|_| format!("OSV_SOAK_SECONDS={seconds} is no number"))?;
    let program = programs::build("soak/coming_and_going.c", build)?;
    let guest = Guest::new(program).flags(&["--net", "none", "-m", "512M", "-c", "2"]).args(&[&seconds]);
    let guest = guest.timeout(Duration::from_secs(limit * 2 + 120));
    Ok(guest.run()?.expect(0, "everything was given back")?)
}
