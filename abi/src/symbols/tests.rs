extern crate std;
use super::*;

#[test]
fn every_row_is_found_by_its_name() {
    for (index, row) in ROWS.iter().enumerate() {
        assert_eq!(find(row.name), Some(index), "{}", row.name);
    }
    assert_eq!(find("no_such_symbol"), None);
}

#[test]
fn a_version_is_matched_exactly_and_none_matches_all() {
    let row = &ROWS[find("memcpy").unwrap()];
    assert!(row.has_version(None) && row.has_version(Some("GLIBC_2.14")));
    assert!(!row.has_version(Some("GLIBC_9.9")));
}
