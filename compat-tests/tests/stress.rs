//! stress-ng in the guest, with `--verify`: a bounded selection of its stressors, a guest for each group, all of a
//! group at the same time. Each stops after some operations; what it then says about itself counts. stress-ng's
//! stressors of memory, files, communication and processors are not here: they did not end in the time there is.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::Guest;
use std::time::Duration;

const GROUPS: &[(&str, &str)] = &[
    ("processes", "fork vfork wait kill clone zombie"),
    ("signals", "signal sigq sigfd sigpending sigsuspend timer timerfd itimer nanosleep"),
];
const OPERATIONS: &str = "20";

fn main() {
    let trial =
        |&(name, stressors): &(&'static str, &'static str)| Trial::test(name, move || stress(stressors));
    libtest_mimic::run(&Arguments::from_args(), GROUPS.iter().map(trial).collect()).exit();
}

fn stress(stressors: &str) -> Result<(), Failed> {
    let mut args = vec!["--verify".to_owned(), "--temp-path".to_owned(), "/tmp".to_owned()];
    for name in stressors.split(' ') {
        args.extend([format!("--{name}"), "1".to_owned(), format!("--{name}-ops"), OPERATIONS.to_owned()]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let guest = Guest::new("stress-ng").flags(&["--net", "none", "-m", "512M", "-c", "2"]).args(&args);
    let outcome = guest.timeout(Duration::from_secs(240)).run()?;
    // It reports on standard output or standard error, as its version likes.
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let failed = |line: &&str| line.contains("stress-ng: fail:") || line.contains("stress-ng: error:");
    if outcome.status == Some(0)
        && said.contains("successful run completed")
        && said.lines().find(failed).is_none()
    {
        return Ok(());
    }
    Err(format!("status {:?}\n{said}", outcome.status).into())
}
