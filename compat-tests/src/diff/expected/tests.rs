use super::*;

const LIST: &str = "# A reason.\nread *=null: EFAULT | EINVAL\n";

#[test]
fn equal_outputs_are_equal() {
    assert_eq!(compare("a: 1\nb: 2\n", "a: 1\nb: 2\n", ""), Ok(()));
}

#[test]
fn a_difference_counts_unless_it_is_expected() {
    assert!(compare("a: 1\n", "a: 2\n", "").is_err());
    assert!(compare("a: 1\na: 2\n", "a: 1\na: 3\n", "").is_err());
    assert_eq!(compare("read buf=null: EFAULT\n", "read buf=null: EINVAL\n", LIST), Ok(()));
    assert!(compare("read buf=null: EFAULT\n", "read buf=null: EIO\n", LIST).is_err());
}

#[test]
fn a_line_that_only_one_side_has_is_a_difference() {
    assert!(compare("a: 1\nend\n", "a: 1\n", "").is_err());
    assert!(compare("a: 1\n", "a: 1\nend\n", "").is_err());
}

#[test]
fn an_expected_difference_that_vanished_counts() {
    assert!(compare("read buf=null: EFAULT\n", "read buf=null: EFAULT\n", LIST).is_err());
}

#[test]
fn an_expected_difference_needs_a_reason() {
    assert!(compare("", "", "read buf=null: EFAULT | EINVAL\n").is_err());
    assert!(compare("", "", "# A reason.\n\nread buf=null: EFAULT | EINVAL\n").is_err());
}
