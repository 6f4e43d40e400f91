//! Every symbol that stock programs import is in the table, under every version that they ask for, and works.

use osv_abi::symbols::{self, ROWS};
use osv_abi::table::Status;

/// Hooks into printf's own parsing: they fail, and say so.
const STUBS: &[&str] = &["register_printf_modifier", "register_printf_specifier", "register_printf_type"];

#[test]
fn what_stock_programs_import_is_served() {
    let list = include_str!("imports.tsv");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (name, versions) = line.split_once('\t').expect("two columns");
        count += 1;
        let Some(row) = symbols::find(name).map(|row| &ROWS[row]) else {
            wrong.push(format!("{name} is not there"));
            continue;
        };
        let lacking =
            versions.split(',').filter(|version| *version != "-" && !row.has_version(Some(version)));
        wrong.extend(lacking.map(|version| format!("{name} has no {version}")));
        if matches!(row.status, Status::Stub(_)) && !STUBS.contains(&name) {
            wrong.push(format!("{name} is a stub"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(count, 1331);
}
