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

#[test]
fn the_index_says_of_each_row_what_the_row_says() {
    assert_eq!(index::Row::all().count(), ROWS.len());
    for (row, symbol) in index::Row::all().zip(ROWS) {
        assert_eq!((row.name(), row.kind()), (symbol.name.as_bytes(), symbol.kind));
        assert!(
            row.versions().eq(symbol.versions.iter().map(|version| version.as_bytes())),
            "{}",
            symbol.name
        );
        assert_eq!(index::find(index::gnu_hash(row.name()), row.name()), Some(row), "{}", symbol.name);
    }
}

#[test]
fn the_index_does_not_find_what_only_has_the_hash_of_a_row() {
    let hash = index::gnu_hash(b"memcpy");
    assert_eq!(index::find(hash, b"no_such_symbol"), None);
    assert_eq!(index::find(hash, b""), None);
    assert_eq!(index::find(0, b"memcpy"), None);
}
