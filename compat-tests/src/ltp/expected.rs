//! The tiers: which tests there are, and what we expect of those that do not pass.
//!
//! `tierN.txt` names the tests, each with what its machine needs more than others: `getcwd04 cpus=2`,
//! `mallinfo2_01 memory=3G`. `tierN.expected` has a line for each that does not pass: name, result, reason. A test
//! without a line is to pass.

use super::report::Verdict;
use super::run::Options;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The tiers that there are.
pub const TIERS: &[&str] = &["tier1", "tier2", "tier3"];

/// What is expected of a test that does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// What it gives instead.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// Where the lists lie.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ltp")
}

/// Lines without comments.
fn lines(path: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// A test of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Processors that it needs.
    pub cpus: Option<u32>,
    /// Memory that it needs.
    pub memory: Option<String>,
}

impl Listed {
    /// How it is run where others are run as `options` say.
    pub fn options(&self, options: &Options) -> Options {
        let mut own = options.clone();
        own.cpus = own.cpus.max(self.cpus.unwrap_or(1));
        if let Some(memory) = &self.memory {
            own.memory.clone_from(memory);
        }
        own
    }
}

/// The tests of a tier.
pub fn tests(tier: &str) -> Result<Vec<Listed>, String> {
    let path = folder().join(format!("{tier}.txt"));
    let read = |line: &String| listed(line).map_err(|error| format!("{}: {error}", path.display()));
    lines(&path)?.iter().map(read).collect()
}

/// One line: name, needs.
pub fn listed(line: &str) -> Result<Listed, String> {
    let mut words = line.split_whitespace();
    let mut test = Listed { name: words.next().unwrap_or_default().to_owned(), ..Listed::default() };
    for word in words {
        match word.split_once('=') {
            Some(("cpus", cpus)) if cpus.parse::<u32>().is_ok() => test.cpus = cpus.parse().ok(),
            Some(("memory", memory)) if !memory.is_empty() => test.memory = Some(memory.to_owned()),
            _ => return Err(format!("{line:?}: a line is NAME [cpus=N] [memory=SIZE]")),
        }
    }
    Ok(test)
}

/// The tests of a tier that are not expected to pass.
pub fn exceptions(tier: &str) -> Result<BTreeMap<String, Exception>, String> {
    let path = folder().join(format!("{tier}.expected"));
    let mut exceptions = BTreeMap::new();
    for line in lines(&path)? {
        let (name, exception) = exception(&line).map_err(|error| format!("{}: {error}", path.display()))?;
        if exceptions.insert(name.clone(), exception).is_some() {
            return Err(format!("{}: {name} is there twice", path.display()));
        }
    }
    Ok(exceptions)
}

/// One line: name, result, reason.
pub fn exception(line: &str) -> Result<(String, Exception), String> {
    let mut words = line.splitn(3, char::is_whitespace);
    let (Some(name), Some(rest)) = (words.next(), words.next()) else {
        return Err(format!("{line:?}: a line is NAME RESULT REASON"));
    };
    let rest = [rest, words.next().unwrap_or("")].join(" ");
    let (verdict, reason) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let verdict: Verdict = verdict.parse().map_err(|error| format!("{name}: {error}"))?;
    let reason = reason.trim().to_owned();
    if verdict == Verdict::Pass || reason.is_empty() {
        return Err(format!("{name}: a line names what does not pass, with its reason"));
    }
    Ok((name.to_owned(), Exception { verdict, reason }))
}

/// How a result compares with what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// As expected.
    Same,
    /// Better: the line may go.
    Better,
    /// Not worse, but otherwise than the line says.
    Changed,
    /// A regression.
    Worse,
}

/// Compares. All ways not to pass are alike but for `unsupported`, which claims less than they do.
pub fn compare(expected: Option<Verdict>, got: Verdict) -> Comparison {
    let rank = |verdict| match verdict {
        Verdict::Pass => 0,
        Verdict::Unsupported => 1,
        Verdict::Fail | Verdict::Broken | Verdict::Timeout => 2,
    };
    let expected = expected.unwrap_or(Verdict::Pass);
    match rank(got).cmp(&rank(expected)) {
        std::cmp::Ordering::Less => Comparison::Better,
        std::cmp::Ordering::Greater => Comparison::Worse,
        std::cmp::Ordering::Equal if got == expected => Comparison::Same,
        std::cmp::Ordering::Equal => Comparison::Changed,
    }
}
