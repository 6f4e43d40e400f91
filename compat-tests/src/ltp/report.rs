//! What a test said: lines with a verdict, and an exit status, which must agree.

use crate::guest::Outcome;
use std::fmt;
use std::str::FromStr;

/// A test's result, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Something was checked, and all of it was right.
    Pass,
    /// The test found that it does not apply (`TCONF`).
    Unsupported,
    /// Something was not as it should be.
    Fail,
    /// The test could not do its work, ended without a verdict, or the machine did.
    Broken,
    /// It took too long.
    Timeout,
}

const NAMES: &[(Verdict, &str)] = &[
    (Verdict::Pass, "pass"),
    (Verdict::Unsupported, "unsupported"),
    (Verdict::Fail, "fail"),
    (Verdict::Broken, "broken"),
    (Verdict::Timeout, "timeout"),
];

impl Verdict {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Verdict> {
        NAMES.iter().map(|(verdict, _)| *verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(verdict, _)| verdict == self);
        f.pad(name.map_or("?", |(_, name)| name))
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Verdict, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(verdict, _)| *verdict).ok_or_else(|| format!("{text:?} is no result"))
    }
}

/// How often a test said each of its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `TPASS`.
    pub passed: u32,
    /// `TFAIL`.
    pub failed: u32,
    /// `TBROK`.
    pub broken: u32,
    /// `TCONF`.
    pub unsupported: u32,
    /// `TWARN`.
    pub warnings: u32,
}

/// Counts the lines that judge: `file.c:12: TPASS: text` of the newer library, `name  1  TPASS  :  text` of the older.
pub fn counts(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        let Some((word, _)) = judgement(line) else { continue };
        match word {
            "TPASS" => counts.passed += 1,
            "TFAIL" => counts.failed += 1,
            "TBROK" => counts.broken += 1,
            "TCONF" => counts.unsupported += 1,
            "TWARN" => counts.warnings += 1,
            _ => {}
        }
    }
    counts
}

/// The word of a line that judges, and what it says besides.
fn judgement(line: &str) -> Option<(&'static str, &str)> {
    ["TPASS", "TFAIL", "TBROK", "TCONF", "TWARN"].into_iter().find_map(|word| {
        let (before, after) = line.split_once(word)?;
        let said = after.trim_start().strip_prefix(':')?;
        let whole = before.ends_with(' ') && before.len() > 1;
        whole.then(|| (word, said.trim()))
    })
}

/// The first line that speaks against the test, for a list of results.
pub fn complaint(outcome: &Outcome) -> String {
    let text = format!("{}\n{}", outcome.stdout, outcome.stderr);
    for wanted in [&["TFAIL", "TBROK", "TWARN"][..], &["TCONF"]] {
        let said = text.lines().find(|line| judgement(line).is_some_and(|(word, _)| wanted.contains(&word)));
        if let Some(line) = said {
            return line.trim().to_owned();
        }
    }
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.unwrap_or("nothing was said").trim().to_owned()
}

/// The verdict that lines and exit status give together. The status has a bit each for what happened: 1 failed, 2 broken,
/// 4 warned, 32 not supported; a test of which some parts passed and others do not apply ends with 0.
pub fn verdict(outcome: &Outcome) -> Verdict {
    let counts = counts(&format!("{}\n{}", outcome.stdout, outcome.stderr));
    let late = outcome.stderr.contains("Test timeouted") || outcome.stderr.contains("Test timed out");
    match outcome.status {
        None | Some(124) => Verdict::Timeout,
        Some(_) if late => Verdict::Timeout,
        Some(0) if counts.failed > 0 => Verdict::Fail,
        Some(0) if counts.broken > 0 => Verdict::Broken,
        Some(0) if counts.passed > 0 => Verdict::Pass,
        Some(32) => Verdict::Unsupported,
        Some(status) if status < 64 && status & 1 != 0 && counts.failed > 0 => Verdict::Fail,
        Some(_) => Verdict::Broken,
    }
}
