use super::expected::{Comparison, Listed, TIERS, compare, exception, exceptions, listed, tests};
use super::report::{Counts, Verdict, complaint, counts, verdict};
use super::run::Options;
use super::suite::{Suite, runtest_line, strings};
use crate::guest::Outcome;
use std::collections::BTreeSet;

fn outcome(status: Option<i32>, stderr: &str) -> Outcome {
    Outcome { status, stdout: String::new(), stderr: stderr.to_owned() }
}

#[test]
fn both_libraries_lines_count() {
    let said = "a.c:1: TPASS: ok\nb01    1  TPASS  :  ok\nx.c:2: TFAIL: no\nx.c:3: TINFO: a TPASS of words\n\
                a.c:9: TCONF: absent\nb01  2  TBROK  :  c.c:3: gone\n TWARN: x\nTPASS: no file\n";
    let expected = Counts { passed: 2, failed: 1, broken: 1, unsupported: 1, warnings: 0 };
    assert_eq!(counts(said), expected);
}

#[test]
fn a_pass_needs_a_line_and_a_status() {
    let pass = "a.c:1: TPASS: ok\n";
    let fail = "a.c:1: TPASS: ok\na.c:2: TFAIL: no\n";
    let absent = "a.c:1: TCONF: absent\n";
    for (status, said, expected) in [
        (Some(0), pass, Verdict::Pass),
        (Some(0), "", Verdict::Broken),
        (Some(0), fail, Verdict::Fail),
        (Some(0), "a.c:1: TPASS: ok\na.c:2: TCONF: absent\n", Verdict::Pass),
        (Some(1), fail, Verdict::Fail),
        (Some(1), "the machine ended\n", Verdict::Broken),
        (Some(2), "a.c:1: TBROK: gone\n", Verdict::Broken),
        (Some(4), pass, Verdict::Broken),
        (Some(32), absent, Verdict::Unsupported),
        (Some(139), pass, Verdict::Broken),
        (Some(125), pass, Verdict::Broken),
        (Some(124), pass, Verdict::Timeout),
        (None, pass, Verdict::Timeout),
        (Some(2), "a.c:1: TINFO: x\nt.c:5: TBROK: Test killed, Test timeouted\n", Verdict::Timeout),
    ] {
        assert_eq!(verdict(&outcome(status, said)), expected, "{status:?} {said:?}");
    }
}

#[test]
fn the_complaint_is_the_first_line_against_it() {
    let said = "a.c:1: TCONF: part\na.c:1: TPASS: ok\na.c:2: TFAIL: no\na.c:3: TBROK: gone\n";
    assert_eq!(complaint(&outcome(Some(3), said)), "a.c:2: TFAIL: no");
    assert_eq!(complaint(&outcome(Some(32), "a.c:1: TCONF: part\n\n")), "a.c:1: TCONF: part");
    assert_eq!(complaint(&outcome(Some(1), "panic\n\n")), "panic");
}

#[test]
fn a_result_is_read_as_it_is_written() {
    for verdict in Verdict::all() {
        assert_eq!(verdict.to_string().parse(), Ok(verdict));
    }
    assert!("passed".parse::<Verdict>().is_err());
}

#[test]
fn an_exception_has_a_result_and_a_reason() {
    let (name, read) = exception("open01   unsupported  no device here").expect("a line");
    assert_eq!(
        (name.as_str(), read.verdict, read.reason.as_str()),
        ("open01", Verdict::Unsupported, "no device here")
    );
    for bad in ["open01", "open01 fail", "open01 pass it does", "open01 maybe it does"] {
        assert!(exception(bad).is_err(), "{bad}");
    }
}

#[test]
fn less_than_expected_is_a_regression() {
    use Verdict::{Broken, Fail, Pass, Timeout, Unsupported};
    for (expected, got, comparison) in [
        (None, Pass, Comparison::Same),
        (None, Unsupported, Comparison::Worse),
        (None, Fail, Comparison::Worse),
        (Some(Unsupported), Fail, Comparison::Worse),
        (Some(Unsupported), Pass, Comparison::Better),
        (Some(Fail), Unsupported, Comparison::Better),
        (Some(Fail), Timeout, Comparison::Changed),
        (Some(Broken), Broken, Comparison::Same),
    ] {
        assert_eq!(compare(expected, got), comparison, "{expected:?} {got}");
    }
}

#[test]
fn every_exception_names_a_test_of_its_tier_and_no_test_is_in_two() {
    let mut seen = BTreeSet::new();
    for tier in TIERS {
        let names: Vec<String> = tests(tier).expect("a list").into_iter().map(|test| test.name).collect();
        for name in &names {
            assert!(seen.insert(name.clone()), "{name} is there twice");
        }
        for name in exceptions(tier).expect("expectations").keys() {
            assert!(names.contains(name), "{name} is not of {tier}");
        }
    }
}

#[test]
fn a_test_may_need_more_than_others() {
    let plain = Options::default();
    let own = listed("getcwd04  cpus=2 memory=3G").expect("a line").options(&plain);
    assert_eq!((own.cpus, own.memory.as_str(), own.times), (2, "3G", plain.times));
    assert_eq!(listed("open01"), Ok(Listed { name: "open01".to_owned(), ..Listed::default() }));
    assert_eq!(listed("open01").expect("a line").options(&Options { cpus: 4, ..plain }).cpus, 4);
    for bad in ["open01 cpus", "open01 cpus=two", "open01 memory=", "open01 disk=1G"] {
        assert!(listed(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_runtest_line_is_a_name_and_a_command() {
    let words = |line| runtest_line(line).map(|(name, command)| (name, command.join(" ")));
    assert_eq!(words("mlock03 mlock03 -i 20"), Some(("mlock03".into(), "mlock03 -i 20".into())));
    assert_eq!(words("#chmod01 chmod01"), None);
    assert_eq!(words(""), None);
}

#[test]
fn a_test_brings_the_programs_that_it_names() {
    let root = std::env::temp_dir().join(format!("osv-ltp-suite-{}", std::process::id()));
    let bin = root.join("testcases/bin");
    let write = |path: &str, bytes: &[u8]| std::fs::write(root.join(path), bytes).expect("a file");
    std::fs::create_dir_all(&bin).expect("a folder");
    std::fs::create_dir_all(root.join("runtest")).expect("a folder");
    write("testcases/bin/exec01", b"\0exec01\0./exec01_child\0./elsewhere\0exec01_childs\0\xff\0");
    write("testcases/bin/exec01_child", b"");
    write("runtest/syscalls", b"exec exec01 -n 2\n");
    let test = Suite::open(&root).and_then(|suite| suite.test("exec"));
    std::fs::remove_dir_all(&root).expect("it was made above");
    let test = test.expect("a test");
    assert_eq!(test.program, bin.join("exec01"));
    assert_eq!(test.arguments, ["-n", "2"]);
    assert_eq!(test.helpers, [bin.join("exec01_child")]);
    assert_eq!(strings(b"a\0..\0abc\0a/b\0./def\0").collect::<Vec<_>>(), ["abc", "def"]);
}
