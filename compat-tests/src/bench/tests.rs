use super::cpio::Archive;
use super::linux::{libraries, package};
use super::machine::{Boot, Machine, Output};
use super::measure::{judge, least};
use super::rows::{ROWS, Source, select};
use super::table::{Better, Row, json, parse, print};
use crate::programs::{self, Build};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

fn row(name: &'static str, better: Better, ours: Option<f64>, linux: Option<f64>) -> Row {
    Row { name, unit: "instructions", better, ours, linux }
}

#[test]
fn figures_stand_between_kernel_messages() {
    let text = "[    0.0012] ACPI BIOS Error\ngetpid.bound 44.5\r\nosv error: 1 GHz\nmutex 47\nbad x\nmutex.twice 1 2\nn NaN\n";
    let figures: Vec<_> = parse(text).into_iter().collect();
    assert_eq!(figures, [("getpid.bound".to_owned(), 44.5), ("mutex".to_owned(), 47.0)]);
}

#[test]
fn a_program_that_ends_early_keeps_its_figures_and_is_told() {
    let output = Output { text: "a 1\nb 2\n".into(), messages: "qemu: oh".into(), status: Some(3) };
    let (figures, failure) = judge(&output, &["a", "b"]);
    assert_eq!((figures.len(), failure), (2, None));
    let (figures, failure) = judge(&output, &["a", "c"]);
    let failure = failure.expect("c is not there");
    assert_eq!(figures.get("a"), Some(&1.0));
    assert!(failure.starts_with("no figure for c: status 3"), "{failure}");
    assert!(failure.contains("qemu: oh"), "{failure}");
}

#[test]
fn advantage_is_above_one_when_ours_is_better() {
    assert_eq!(row("a", Better::Lower, Some(50.0), Some(100.0)).advantage(), Some(2.0));
    assert_eq!(row("a", Better::Higher, Some(50.0), Some(100.0)).advantage(), Some(0.5));
    assert_eq!(row("a", Better::Lower, Some(50.0), None).advantage(), None);
    assert_eq!(row("a", Better::Lower, Some(0.0), Some(100.0)).advantage(), None);
}

#[test]
fn table_has_a_line_for_each_row() {
    let rows = [
        row("getpid", Better::Lower, Some(50.0), Some(1_234_567.8)),
        row("missing", Better::Lower, Some(1_234.5), None),
    ];
    let text = print(&rows);
    let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(cells[0], ["row", "osv-rs", "Linux", "advantage", "unit"]);
    assert_eq!(cells[1], ["getpid", "50", "1,234,568", "24691.36x", "instructions"]);
    assert_eq!(cells[2], ["missing", "1,234.5", "-", "-", "instructions"]);
}

#[test]
fn json_has_the_five_fields_of_each_row() {
    let rows =
        [row("a\"b", Better::Lower, Some(44.0), Some(312.5)), row("c", Better::Higher, None, Some(1.0))];
    let expected = concat!(
        "{\n  \"rows\": [\n",
        r#"    {"name": "a\"b", "unit": "instructions", "ours": 44, "linux": 312.5, "better": "lower"},"#,
        "\n",
        r#"    {"name": "c", "unit": "instructions", "ours": null, "linux": 1, "better": "higher"}"#,
        "\n  ]\n}\n"
    );
    assert_eq!(json(&rows), expected);
}

#[test]
fn rows_are_selected_by_prefix() {
    assert_eq!(select(&[]).expect("all").len(), ROWS.len());
    let names: Vec<_> =
        select(&["close".into(), "mutex".into()]).expect("some").iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["close.bound", "close.trapped", "mutex"]);
    assert!(select(&["nonsense".into()]).expect_err("none").contains("nonsense"));
}

#[test]
fn row_names_are_unique() {
    let names: BTreeSet<_> = ROWS.iter().map(|spec| spec.name).collect();
    assert_eq!(names.len(), ROWS.len());
}

/// The oracle of what rows there are is the program: it runs on this machine, too.
#[test]
fn the_program_prints_every_row_that_is_expected_of_it() {
    let program = programs::build("bench.c", Build::Glibc).expect("built");
    let of_program = || ROWS.iter().filter(|spec| spec.source == Source::Program).map(|spec| spec.name);
    let output = Command::new(program).args(of_program()).output().expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = parse(&String::from_utf8_lossy(&output.stdout));
    let missing: Vec<_> = of_program().filter(|&name| !printed.contains_key(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(printed.len(), of_program().count(), "{printed:?}");
}

#[test]
fn kernel_package_is_what_the_meta_package_depends_on() {
    let depends = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-9-cloud-amd64\n  Suggests: other\n";
    assert_eq!(package(depends).as_deref(), Some("linux-image-6.1.0-9-cloud-amd64"));
    assert_eq!(package("linux-image-cloud-amd64\n"), None);
}

#[test]
fn libraries_are_the_paths_that_ldd_names() {
    let ldd = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
               \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
    let expected: BTreeSet<String> =
        ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(str::to_owned).into();
    assert_eq!(libraries(ldd), expected);
}

/// busybox has a cpio of its own.
#[test]
fn archive_is_read_by_another_cpio() {
    let mut archive = Archive::default();
    archive.device("/dev/console", 5, 1);
    archive.file("/etc/deep/file", b"five!");
    archive.file("/etc/empty", b"");
    let mut cpio = Command::new("busybox");
    cpio.args(["cpio", "-t"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut cpio = cpio.spawn().expect("busybox");
    cpio.stdin.take().expect("piped").write_all(&archive.finish()).expect("written");
    let output = cpio.wait_with_output().expect("cpio");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let names: Vec<_> = listed.lines().collect();
    assert_eq!(names, ["dev", "dev/console", "etc", "etc/deep", "etc/deep/file", "etc/empty"]);
}

#[test]
fn least_is_found_and_absence_is_said() {
    assert_eq!(least(4..256, |number| Ok(number >= 72)), Ok(Some(72)));
    assert_eq!(least(4..256, |_| Ok(true)), Ok(Some(4)));
    assert_eq!(least(4..256, |_| Ok(false)), Ok(None));
    assert_eq!(least(4..256, |_| Err("broken".into())), Err("broken".to_owned()));
}

#[test]
fn both_sides_get_the_same_machine() {
    let ours = Boot { kernel: "k".into(), initrd: None, command_line: "a b".into() };
    let linux = Boot { initrd: Some("i".into()), ..ours.clone() };
    let machine = Machine::default();
    let with_initrd = machine.arguments(&linux);
    let without: Vec<_> =
        with_initrd.iter().filter(|word| !["-initrd", "i"].contains(&word.as_str())).cloned().collect();
    assert_eq!(without, machine.arguments(&ours));
    assert!(with_initrd.contains(&"a b".to_owned()), "one word: {with_initrd:?}");
}
