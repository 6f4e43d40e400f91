//! Two outputs, line by line, against the list of differences that have a reason.
//!
//! A line is `key: value`; a key that stands more than once gets a number. The list (`programs/diff/*.expected`) has a
//! reason, as a comment, above the differences that it explains:
//!
//! ```text
//! # Page 0 is never mapped, not even for root.
//! mmap flags=0x32: 0 | EPERM
//! ```
//!
//! Left of the bar is Linux's value, right of it the guest's. `*` stands for any run of characters in each of the
//! three. An entry must explain at least one difference: what is mended must leave the list.

use super::arguments::matches;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    key: String,
    linux: String,
    guest: String,
}

/// What a missing line counts as.
const NOTHING: &str = "(nothing)";

fn parse(list: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut reason = false;
    for line in list.lines().map(str::trim) {
        if line.is_empty() {
            reason = false;
        } else if line.starts_with('#') {
            reason = true;
        } else {
            let parts =
                line.split_once(" | ").and_then(|(left, guest)| Some((left.rsplit_once(": ")?, guest)));
            let ((key, linux), guest) = parts.ok_or_else(|| format!("not `key: linux | guest`: {line}"))?;
            if !reason {
                return Err(format!("a difference without a reason: {line}"));
            }
            entries.push(Entry { key: key.into(), linux: linux.into(), guest: guest.into() });
        }
    }
    Ok(entries)
}

fn lines(output: &str) -> Vec<(String, String)> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let pairs = output
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.rsplit_once(": ").unwrap_or((line, "")));
    let numbered = pairs.map(|(key, value)| {
        let count = seen.entry(key.to_owned()).or_default();
        *count += 1;
        let key = if *count == 1 { key.to_owned() } else { format!("{key} ({count})") };
        (key, value.to_owned())
    });
    numbered.collect()
}

/// Compares what Linux and the guest printed: every difference must be on the list, and every entry must be needed.
pub fn compare(linux: &str, guest: &str, list: &str) -> Result<(), String> {
    let entries = parse(list)?;
    let mut used = vec![false; entries.len()];
    let (linux, guest) = (lines(linux), lines(guest));
    let of_guest: HashMap<&str, &str> = guest.iter().map(|(key, value)| (&**key, &**value)).collect();
    let of_linux: HashMap<&str, &str> = linux.iter().map(|(key, value)| (&**key, &**value)).collect();
    let mut differences: BTreeMap<usize, (&str, &str, &str)> = BTreeMap::new();
    for (at, (key, value)) in linux.iter().enumerate() {
        let other = of_guest.get(&**key).copied().unwrap_or(NOTHING);
        if other != value {
            differences.insert(at, (key, value, other));
        }
    }
    for (at, (key, value)) in guest.iter().enumerate() {
        if !of_linux.contains_key(&**key) {
            differences.insert(linux.len() + at, (key, NOTHING, value));
        }
    }
    let mut report = String::new();
    for (key, linux, guest) in differences.values() {
        let explains = |entry: &Entry| {
            matches(&entry.key, key) && matches(&entry.linux, linux) && matches(&entry.guest, guest)
        };
        match entries.iter().position(explains) {
            Some(at) => used[at] = true,
            // Writing to a string cannot fail.
            None => drop(writeln!(report, "{key}: {linux} | {guest}")),
        }
    }
    for (entry, _) in entries.iter().zip(used).filter(|(_, used)| !used) {
        let _ =
            writeln!(report, "expected, but no longer so: {}: {} | {}", entry.key, entry.linux, entry.guest);
    }
    if report.is_empty() { Ok(()) } else { Err(format!("key: linux | guest\n{report}")) }
}

#[cfg(test)]
mod tests;
