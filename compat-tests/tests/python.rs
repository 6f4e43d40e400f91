//! Python's own regression suite in the guest: modules of it that exercise the system, several to a machine. What does
//! not pass, and why, stands in `python/expected`; anything else that fails is a failure here, and so is a test that
//! stands there and passes. `make test` runs the bounded groups, `make python` all.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::Guest;
use osv_compat_tests::programs::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A group's modules, without `test_`.
const GROUPS: &[(&str, &str)] = &[
    ("files", "os fcntl mmap tempfile fileio file stat glob posixpath resource"),
    ("processes", "posix pty openpty popen pwd grp time"),
    ("readiness", "epoll select thread threading_local"),
];

/// Groups that take minutes: ten in all.
const LONG: &[(&str, &str)] = &[
    ("signals", "signal eintr faulthandler"),
    ("children", "subprocess fork1 wait3 wait4 poll multiprocessing_main_handling"),
    ("sockets", "socket socketserver selectors asyncore asynchat ftplib httplib"),
    ("threads", "threading queue threadedtempfile sched"),
    ("streams", "io largefile shutil pathlib zipfile gzip"),
    (
        "asyncio",
        "asyncio.test_selector_events asyncio.test_unix_events asyncio.test_subprocess asyncio.test_streams \
         asyncio.test_sock_lowlevel asyncio.test_pep492 asyncio.test_locks",
    ),
];

const LIBRARY: &str = "/usr/lib/python3.11";

fn main() {
    let trial = |&(name, modules): &(&'static str, &'static str), long: bool| {
        Trial::test(name, move || run(modules, long)).with_ignored_flag(long)
    };
    let bounded = GROUPS.iter().map(|group| trial(group, false));
    let trials = bounded.chain(LONG.iter().map(|group| trial(group, true))).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// What is known of a test.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
enum Known {
    /// It fails.
    Fails,
    /// It fails at times: on a slow machine, or by its own races.
    Varies,
    /// It is not run, since it would not end.
    LeftOut,
}

/// `python/expected`: a line for each test, with `fails`, `varies` or `left-out`, its name and the reason.
fn expected() -> Result<BTreeMap<String, Known>, Failed> {
    let path = repository().join("compat-tests/python/expected");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let known = match words.next()? {
            "fails" => Known::Fails,
            "varies" => Known::Varies,
            "left-out" => Known::LeftOut,
            _ => return None,
        };
        let name = words.next()?.to_owned();
        words.next().map(|_reason| (name, known))
    };
    lines.map(|text| line(text).ok_or_else(|| format!("{}: {text:?}", path.display()).into())).collect()
}

fn run(modules: &str, long: bool) -> Result<(), Failed> {
    let expected = expected()?;
    let of_these = |name: &str| {
        let of = |module: &str| {
            name.strip_prefix("test.test_").is_some_and(|rest| rest.starts_with(&format!("{module}.")))
        };
        modules.split_whitespace().any(of)
    };
    let known: Vec<_> = expected.iter().filter(|(name, _)| of_these(name)).collect();
    let left_out = known.iter().filter(|(_, known)| **known == Known::LeftOut).map(|(name, _)| name.as_str());
    let left_out = left_out.collect::<Vec<_>>().join(",");

    let driver = repository().join("compat-tests/python/run.py");
    let driver = format!("{}:/run.py", driver.display());
    let flags = [
        "--add",
        LIBRARY,
        "--add",
        &driver,
        "--add",
        "/usr/bin/dash:/bin/sh",
        "--add",
        "/usr/bin/cat:/bin/cat",
        "--add",
        "/usr/bin/sleep:/bin/sleep",
    ];
    let mut args = vec!["/run.py", &left_out];
    args.extend(modules.split_whitespace());
    let guest =
        Guest::new("/usr/bin/python3.11").flags(&flags).flags(&["--net", "none", "-m", "1G", "-c", "2"]);
    let limit = Duration::from_secs(if long { 1800 } else { 420 });
    let outcome = guest.args(&args).timeout(limit).run()?;
    if outcome.status != Some(0) || !outcome.stdout.lines().any(|line| line.starts_with("ran ")) {
        return Err(
            format!("it did not end: {:?}\n{}\n{}", outcome.status, outcome.stdout, outcome.stderr).into()
        );
    }

    let failed: BTreeSet<&str> =
        outcome.stdout.lines().filter_map(|line| line.strip_prefix("failed: ")).collect();
    let new = failed.iter().filter(|name| !expected.contains_key(**name));
    let passed =
        known.iter().filter(|(name, known)| **known == Known::Fails && !failed.contains(name.as_str()));
    let wrong: Vec<String> = new
        .map(|name| format!("{name} failed"))
        .chain(passed.map(|(name, _)| format!("{name} passed, but is expected to fail")))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{}", wrong.join("\n"), outcome.stderr).into()) }
}
