//! `osv-ltp --root LTPROOT [--jobs N] [--times N] [--cpus N] [--timeout SECONDS] [NAME|TIER...]`: see
//! `osv_compat_tests::ltp`. One test that is named alone is shown in full. Ends with 1 if there is a regression.

use osv_compat_tests::ltp::expected::{Comparison, Exception, Listed, TIERS, compare, exceptions, tests};
use osv_compat_tests::ltp::report::Verdict;
use osv_compat_tests::ltp::run::{Finding, Options, folder, once, run};
use osv_compat_tests::ltp::suite::Suite;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const HELP: &str = "usage: osv-ltp --root LTPROOT [OPTION VALUE]... [NAME|TIER...]
Runs system call tests of an installed Linux Test Project in the guest, a machine for each, and compares the results with
compat-tests/ltp. Without a name: tier1 tier2 tier3. One test that is named alone is shown in full.
  --root LTPROOT     folder of the installed LTP
  --jobs N           machines at once (2)
  --times N          runs of each test; it passes if it always does (3)
  --cpus N           processors of a machine (1)
  --memory SIZE      its memory, as osv-pack takes it (512M)
  --timeout SECONDS  for one run (120)
Ends with 1 if there is a regression, with 2 if it could not be run.";

struct Arguments {
    root: PathBuf,
    jobs: usize,
    options: Options,
    wanted: Vec<String>,
}

/// Tests that were asked for together.
struct Group {
    title: String,
    tests: Vec<Listed>,
    exceptions: BTreeMap<String, Exception>,
}

fn main() -> ExitCode {
    if std::env::args().skip(1).any(|word| word == "--help" || word == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match arguments().and_then(|arguments| execute(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("osv-ltp: {error}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<Arguments, String> {
    let mut root = None;
    let mut jobs = 2;
    let mut options = Options::default();
    let mut wanted = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            wanted.push(word);
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} takes a value"))?;
        let number = || value.parse::<u32>().map_err(|_| format!("{word} {value}: not a number"));
        match word.as_str() {
            "--root" => root = Some(PathBuf::from(&value)),
            "--jobs" => jobs = number()?.max(1) as usize,
            "--times" => options.times = number()?.max(1),
            "--cpus" => options.cpus = number()?.max(1),
            "--timeout" => options.timeout = Duration::from_secs(u64::from(number()?.max(1))),
            "--memory" => options.memory = value,
            _ => return Err(format!("{word} is unknown")),
        }
    }
    let root = root.ok_or("--root LTPROOT is missing: the folder of an installed LTP")?;
    if wanted.is_empty() {
        wanted.extend(TIERS.iter().map(|tier| (*tier).to_owned()));
    }
    Ok(Arguments { root, jobs, options, wanted })
}

/// The tiers that were named, and one group with all tests that were named by themselves.
fn groups(wanted: &[String]) -> Result<Vec<Group>, String> {
    let mut groups = Vec::new();
    let mut known = BTreeMap::new();
    let mut listed = Vec::new();
    for tier in TIERS {
        let (exceptions, tests) = (exceptions(tier)?, tests(tier)?);
        known.extend(exceptions.clone());
        listed.extend(tests.clone());
        if wanted.iter().any(|word| word == tier) {
            groups.push(Group { title: (*tier).to_owned(), tests, exceptions });
        }
    }
    let single: Vec<Listed> = wanted
        .iter()
        .filter(|word| !TIERS.contains(&word.as_str()))
        .map(|name| with_needs(&listed, name))
        .collect();
    if !single.is_empty() {
        groups.push(Group { title: "named".to_owned(), tests: single, exceptions: known });
    }
    Ok(groups)
}

/// A test by its name, with its needs if it is on a list.
fn with_needs(listed: &[Listed], name: &str) -> Listed {
    let found = listed.iter().find(|test| test.name == name).cloned();
    found.unwrap_or_else(|| Listed { name: name.to_owned(), ..Listed::default() })
}

fn execute(arguments: &Arguments) -> Result<bool, String> {
    let suite = Suite::open(&arguments.root)?;
    let groups = groups(&arguments.wanted)?;
    if let [name] = arguments.wanted.as_slice()
        && let [group] = groups.as_slice()
        && let [test] = group.tests.as_slice()
        && test.name == *name
        && arguments.options.times == 1
    {
        let outcome = once(&suite.test(name)?, &test.options(&arguments.options))?;
        print!("{}{}", outcome.stdout, outcome.stderr);
    }
    let mut good = true;
    for group in groups {
        good &= judge(&group, &suite, arguments);
    }
    println!("output of each test: {}/NAME.log", folder().display());
    Ok(good)
}

/// Runs a group, a job for each processor that may be taken, and prints what came of it.
fn judge(group: &Group, suite: &Suite, arguments: &Arguments) -> bool {
    let next = AtomicUsize::new(0);
    let findings = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                while let Some(listed) = group.tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (name, options) = (&listed.name, listed.options(&arguments.options));
                    let found = suite.test(name).and_then(|test| run(&test, &options));
                    let found = found.unwrap_or_else(|error| Finding {
                        name: name.clone(),
                        verdict: Verdict::Broken,
                        passes: 0,
                        complaint: error,
                        took: Duration::ZERO,
                    });
                    let expected = group.exceptions.get(name).map(|exception| exception.verdict);
                    let comparison = compare(expected, found.verdict);
                    println!("{}", line(&found, comparison, arguments.options.times));
                    if let Ok(mut findings) = findings.lock() {
                        findings.push((found, comparison));
                    }
                }
            });
        }
    });
    total(group, &findings.into_inner().unwrap_or_default())
}

fn line(found: &Finding, comparison: Comparison, times: u32) -> String {
    let note = match comparison {
        Comparison::Same => "",
        Comparison::Better => "  BETTER than expected",
        Comparison::Changed => "  not as expected",
        Comparison::Worse => "  REGRESSION",
    };
    let seconds = found.took.as_secs_f64();
    let mut line = format!("{:<12}{:<28}{seconds:>6.1} s{note}", found.verdict.to_string(), found.name);
    if found.verdict != Verdict::Pass {
        line += &format!("  {}/{times}  {}", found.passes, found.complaint);
    }
    line
}

fn total(group: &Group, findings: &[(Finding, Comparison)]) -> bool {
    let count = |verdict| findings.iter().filter(|(found, _)| found.verdict == verdict).count();
    let parts: Vec<String> = Verdict::all().map(|verdict| format!("{} {verdict}", count(verdict))).collect();
    let share = 100.0 * count(Verdict::Pass) as f64 / findings.len().max(1) as f64;
    println!("\n{}: {} tests: {} ({share:.1} %)", group.title, findings.len(), parts.join(", "));
    for (kind, title) in [
        (Comparison::Worse, "worse than expected"),
        (Comparison::Changed, "not as expected"),
        (Comparison::Better, "better than expected"),
    ] {
        let mut names: Vec<&str> = findings
            .iter()
            .filter(|(_, comparison)| *comparison == kind)
            .map(|(found, _)| found.name.as_str())
            .collect();
        names.sort_unstable();
        if !names.is_empty() {
            println!("{}: {title}: {}", group.title, names.join(" "));
        }
    }
    findings.len() == group.tests.len()
        && !findings.iter().any(|(_, comparison)| *comparison == Comparison::Worse)
}
