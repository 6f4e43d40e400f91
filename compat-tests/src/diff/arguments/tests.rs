use super::*;
use std::collections::HashSet;

#[test]
fn every_row_that_looks_at_arguments_has_cases_or_a_reason() {
    let cases = cases();
    let named: HashSet<&str> = cases.iter().filter_map(|case| case.key.split(' ').next()).collect();
    for row in table::all() {
        let excluded = EXCLUDED.iter().any(|(name, _)| *name == row.name);
        assert!(row.is_handled || !excluded, "{} is excluded, but a stub", row.name);
        assert_eq!(named.contains(row.name), row.is_handled && !excluded, "{}", row.name);
    }
}

#[test]
fn what_is_said_of_rows_and_arguments_names_some_that_exist() {
    let has = |row: &str| table::all().any(|other| other.name == row);
    assert!(EXCLUDED.iter().all(|(row, _)| has(row)));
    assert!(RESULT_IS_ITS_OWN.iter().all(|row| has(row)));
    for (row, argument, _) in MEANT {
        let rows = table::all().filter(|other| *row == "*" || other.name == *row);
        let mut arguments = rows.flat_map(|row| row.args);
        assert!(arguments.any(|(name, _)| name == argument), "{row} {argument}");
    }
    let all: Vec<_> = table::all().filter(|row| row.is_handled).flat_map(of_row).collect();
    for (pattern, _) in LEFT_OUT {
        assert!(all.iter().any(|case| matches(pattern, &case.key)), "{pattern}");
    }
}

#[test]
fn keys_are_unique() {
    let mut keys = HashSet::new();
    for case in cases() {
        assert!(keys.insert(case.key.clone()), "{}", case.key);
    }
}

#[test]
fn a_star_matches_any_run() {
    assert!(matches("a*c", "abbc") && matches("*", "") && matches("a b", "a b") && matches("*b*", "abc"));
    assert!(!matches("a*c", "abcd") && !matches("", "a") && !matches("a*b*c", "acb"));
}

#[test]
fn what_is_a_systems_own_does_not_compare() {
    let shown =
        "getpid as meant: 17\ngetrandom as meant: 64, wrote 63\nread as meant: 10, wrote 10\nend of cases\n";
    let same = "getpid as meant: ok\ngetrandom as meant: 64\nread as meant: 10, wrote 10\nend of cases\n";
    assert_eq!(comparable(shown), same);
}
