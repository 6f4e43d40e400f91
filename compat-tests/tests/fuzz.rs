//! Every row of the table of system calls with arguments drawn from a seed: no panic, no hang.
//!
//! `OSV_FUZZ_SEED` chooses the seed, `OSV_FUZZ_SECONDS` how long in all, `OSV_FUZZ_ROUND` one round of it: what a
//! finding names, to see it again.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::fuzz;
use osv_compat_tests::guest::Guest;
use osv_compat_tests::programs::{self, Build};
use std::time::Duration;

/// Program by program; half of the time each.
const BUILDS: &[(&str, Build)] = &[("vector", Build::Glibc), ("trap", Build::GlibcStatic)];

fn main() {
    let trial = |&(name, build): &(&'static str, Build)| {
        Trial::test(format!("arguments.{name}"), move || arguments(name, build))
    };
    libtest_mimic::run(&Arguments::from_args(), BUILDS.iter().map(trial).collect()).exit();
}

fn setting(name: &str, otherwise: u64) -> Result<u64, Failed> {
    match std::env::var(name) {
        Ok(text) => Ok(text.parse().map_err(|_| format!("{name}={text} is no number"))?),
        Err(_) => Ok(otherwise),
    }
}

fn arguments(name: &str, build: Build) -> Result<(), Failed> {
    let program = programs::build("fuzz/fuzz.c", build)?;
    let rows = programs::output().join("fuzz.rows");
    std::fs::write(&rows, fuzz::rows())?;
    let seed = setting("OSV_FUZZ_SEED", 1)?;
    let seconds = setting("OSV_FUZZ_SECONDS", 60)? / BUILDS.len() as u64;
    let rows = format!("{}:/rows", rows.display());
    let flags = ["--add", &rows, "--net", "none", "-m", "512M", "-c", "2"];
    let mut args = vec!["/rows".to_owned(), seed.to_string(), seconds.to_string()];
    if std::env::var_os("OSV_FUZZ_ROUND").is_some() {
        args.push(setting("OSV_FUZZ_ROUND", 0)?.to_string());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let limit = Duration::from_secs(seconds + 120);
    let outcome = Guest::new(program).flags(&flags).args(&args).timeout(limit).run()?;
    if outcome.status == Some(0) && outcome.stdout.contains(": no findings") {
        return Ok(());
    }
    let mut last: Vec<&str> = outcome.stdout.lines().rev().take(5).collect();
    last.reverse();
    let last = last.join("\n");
    let status = outcome.status;
    let why = format!("{name}: status {status:?}, seed {seed}; the last of it:\n{last}\n{}", outcome.stderr);
    Err(why.into())
}
