use super::*;

#[test]
fn every_row_is_listed_or_excluded_with_a_reason() {
    let listed = rows();
    for row in table::all() {
        let is_listed = listed.lines().any(|line| line.split(' ').nth(1) == Some(row.name));
        let is_excluded = EXCLUDED.iter().any(|(name, why)| *name == row.name && !why.is_empty());
        assert!(is_listed != is_excluded, "{}", row.name);
    }
}

#[test]
fn a_line_is_what_the_program_reads() {
    let listed = rows();
    let line =
        |name: &str| listed.lines().find(|line| line.split(' ').nth(1) == Some(name)).map(str::to_owned);
    assert_eq!(line("read").as_deref(), Some("0 read fd buf"));
    assert_eq!(line("kill").as_deref(), Some("62 kill pid sig"));
    assert!(line("openat").is_some_and(|line| line.starts_with("257 openat fd path bits:40,80,")));
    // As long as its line buffer, and as many values as it keeps.
    for line in listed.lines() {
        assert!(line.len() < 2047, "{line}");
        assert!(line.split(' ').all(|word| word.split(',').count() <= 64), "{line}");
    }
}
