//! What a run said it lacks, held against what `osv-pack check` says before any run.

use crate::guest::osv_pack;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::process::Command;

/// Names of symbols and system calls that a run reported as missing or as stubs, from its standard error.
pub fn reported(stderr: &str) -> BTreeSet<String> {
    stderr.lines().filter_map(gap).map(str::to_owned).collect()
}

fn gap(line: &str) -> Option<&str> {
    // osv warning: system call 334 (rseq) is not implemented
    if let Some((_, call)) = line.split_once("system call ")
        && call.ends_with("is not implemented")
    {
        return call.split_once('(')?.1.split(')').next();
    }
    // osv: NAME (wanted by FILE) is missing; osv: NAME is a stub
    let text = line.strip_prefix("osv: ")?;
    let is_gap = text.ends_with(" is a stub") || text.contains(") is missing");
    text.split([' ', '@']).next().filter(|_| is_gap)
}

/// What `osv-pack check` says of `program`, packed with these flags.
pub fn check(program: &OsStr, flags: &[&str]) -> Result<String, String> {
    // Those about the machine are for `run` alone.
    const INPUT: [&str; 5] = ["--add", "--config", "--env", "--libc", "-e"];
    let flags = flags.chunks(2).filter(|pair| INPUT.contains(&pair[0])).flatten();
    let output = Command::new(osv_pack()?).arg("check").args(flags).arg(program).output();
    let output = output.map_err(|error| format!("osv-pack: {error}"))?;
    // It fails when something is missing, and says what.
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Fails when a run of `program` lacked something that the check did not list, as a stub, as missing, or as what
/// only the running program knows.
pub fn expect_listed(program: &OsStr, flags: &[&str], stderr: &str) -> Result<(), String> {
    let reported = reported(stderr);
    if reported.is_empty() {
        return Ok(());
    }
    let listed = listed(&check(program, flags)?);
    let undecidable = ["dlopen", "dlsym", "syscall"].iter().any(|name| listed.contains(*name));
    match reported.iter().find(|name| !listed.contains(*name) && !undecidable) {
        Some(name) => Err(format!("{name} was lacking, and osv-pack check did not say so")),
        None => Ok(()),
    }
}

/// The names in a check's sections that are not served.
fn listed(report: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut lacking = false;
    for line in report.lines() {
        match line.strip_prefix("    ") {
            None => lacking = ["stub", "missing", "undecidable"].iter().any(|s| line.trim().starts_with(s)),
            Some(entry) if lacking => {
                let mut words = entry.split([' ', '@', ':']);
                let first = words.next().unwrap_or_default();
                let second = words.next().unwrap_or_default();
                let is_call = first == "syscall" && !second.starts_with('(') && second != "instruction";
                names.insert(if is_call { second } else { first }.to_owned());
            }
            Some(_) => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_understood() {
        let stderr = "osv warning: system call 334 (rseq) is not implemented\nosv: backtrace is a stub\n\
                      osv: f@V_2 (wanted by /usr/bin/p) is missing; it is a datum, its use will fault\n\
                      osv: evictions is missing a word\nthe program's own words";
        assert_eq!(reported(stderr).into_iter().collect::<Vec<_>>(), ["backtrace", "f", "rseq"]);
    }

    #[test]
    fn checks_are_understood() {
        let report = "p and 1 libraries\n  full: 9\n  partial: 1\n    part@V (a note): p\n  stub (fails): 2\n    \
                      backtrace@V (ENOSYS): p\n    syscall rseq (ENOSYS): p+0x1\n  missing: 1\n    f@V_2: p\n  \
                      undecidable before it runs: 2\n    dlopen (loads): p\n    syscall instruction (its \
                      number is computed): p+0x2\n  privileged instructions: 1\n    hlt: p+0x3\n";
        let names: Vec<_> = listed(report).into_iter().collect();
        assert_eq!(names, ["backtrace", "dlopen", "f", "rseq", "syscall"]);
    }
}
