use super::*;
use std::format;
use std::string::String;

#[test]
fn names_and_numbers_are_those_of_linux() {
    for row in all() {
        let sysno = syscalls::Sysno::new(usize::from(row.nr)).unwrap_or_else(|| panic!("{row:?} is no call"));
        assert_eq!(sysno.name(), row.name);
    }
}

#[test]
fn every_linux_call_has_a_row() {
    for sysno in syscalls::Sysno::iter() {
        assert!(by_number(sysno as usize).is_some(), "{sysno} has no row");
    }
}

#[test]
fn no_row_takes_more_than_six_registers() {
    struct Text(&'static Row);
    impl fmt::Display for Text {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.show(&[0; 6], f, None)
        }
    }
    for row in all() {
        let _: String = format!("{}", Text(row));
    }
}

#[test]
fn three_hundred_rows_are_no_stubs() {
    let count = all().filter(|row| !matches!(row.status, Status::Stub(_))).count();
    assert!(count >= 300, "{count} rows are more than stubs");
}

#[test]
fn only_stubs_ignore_their_arguments() {
    for row in all() {
        assert!(row.is_handled || matches!(row.status, Status::Stub(_)), "{row:?} has no handler");
    }
}
