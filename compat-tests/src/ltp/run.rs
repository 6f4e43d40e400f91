//! A test in a machine of its own.

use super::report::{Verdict, complaint, verdict};
use super::suite::Test;
use crate::guest::{Guest, Outcome};
use crate::programs::{find, target};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How tests are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// A test passes when it passes so often in a row.
    pub times: u32,
    /// Processors of the machine.
    pub cpus: u32,
    /// Its memory.
    pub memory: String,
    /// How long one run may take.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options { times: 3, cpus: 1, memory: "512M".to_owned(), timeout: Duration::from_secs(120) }
    }
}

/// What came of a test.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its name.
    pub name: String,
    /// Its result: that of the first run that did not pass, else `Pass`.
    pub verdict: Verdict,
    /// How many runs passed before that.
    pub passes: u32,
    /// What spoke against it.
    pub complaint: String,
    /// How long all runs took.
    pub took: Duration,
}

/// What the library asks of a kernel's configuration before a test: a plain file, since nothing here unpacks
/// /proc/config.gz. It names what tests ask for and this kernel has.
const CONFIGURATION: &str = include_str!("../../ltp/kconfig");

/// Where the output of each test is kept.
pub fn folder() -> PathBuf {
    target().join("ltp")
}

/// Runs a test as often as `options` say, or until it does not pass.
pub fn run(test: &Test, options: &Options) -> Result<Finding, String> {
    let start = Instant::now();
    let guest = guest(test, options)?;
    let finding = |verdict, passes, complaint| Finding {
        name: test.name.clone(),
        verdict,
        passes,
        complaint,
        took: start.elapsed(),
    };
    let log = folder().join(format!("{}.log", test.name));
    for round in 0..options.times {
        let outcome = guest.run()?;
        let text = format!("{}{}-- status {:?}\n", outcome.stdout, outcome.stderr, outcome.status);
        std::fs::write(&log, text).map_err(|error| format!("{}: {error}", log.display()))?;
        let verdict = verdict(&outcome);
        if verdict != Verdict::Pass {
            return Ok(finding(verdict, round, complaint(&outcome)));
        }
    }
    Ok(finding(Verdict::Pass, options.times, String::new()))
}

/// One run, and everything that it said.
pub fn once(test: &Test, options: &Options) -> Result<Outcome, String> {
    guest(test, options)?.run()
}

fn guest(test: &Test, options: &Options) -> Result<Guest, String> {
    let configuration = folder().join("kconfig");
    if std::fs::read_to_string(&configuration).ok().as_deref() != Some(CONFIGURATION) {
        std::fs::create_dir_all(folder()).map_err(|error| format!("{}: {error}", folder().display()))?;
        // Another job may be doing the same: whole files only.
        let aside = configuration.with_extension(format!("{:?}", std::thread::current().id()));
        std::fs::write(&aside, CONFIGURATION)
            .and_then(|()| std::fs::rename(&aside, &configuration))
            .map_err(|error| format!("{}: {error}", configuration.display()))?;
    }
    let mut flags = vec!["--net".to_owned(), "none".to_owned()];
    flags.extend(["-m".to_owned(), options.memory.clone(), "-c".to_owned(), options.cpus.to_string()]);
    let programs = test.program.parent().unwrap_or(Path::new("/"));
    let root = programs.ancestors().nth(2).unwrap_or(Path::new("/"));
    for (name, value) in [
        ("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", programs.display())),
        ("LTPROOT", root.display().to_string()),
        ("TMPDIR", "/tmp".to_owned()),
        ("KCONFIG_PATH", "/ltp/kconfig".to_owned()),
        // It is one, and the tests that measure time make allowance for it.
        ("LTP_VIRT_OVERRIDE", "kvm".to_owned()),
        // An emulated processor is slow: the library's own limits are stretched, not its measurements.
        ("LTP_TIMEOUT_MUL", "20".to_owned()),
    ] {
        flags.extend(["-e".to_owned(), format!("{name}={value}")]);
    }
    let mut add = |host: &Path, guest: &str| {
        flags.extend(["--add".to_owned(), format!("{}:{guest}", host.display())]);
    };
    add(&configuration, "/ltp/kconfig");
    // What tests and the library start by name.
    let busybox = find("busybox")?;
    for tool in ["sh", "cp", "mkdir", "rm", "cat", "true", "sleep"] {
        add(&busybox, &format!("/bin/{tool}"));
    }
    // The program lies where it does here, and so does what it looks for.
    for path in test.helpers.iter().chain(&test.data) {
        add(path, &path.display().to_string());
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let arguments: Vec<&str> = test.arguments.iter().map(String::as_str).collect();
    Ok(Guest::new(&test.program).flags(&flags).args(&arguments).timeout(options.timeout))
}
