use super::*;
use crate::libraries::Search;
use crate::sysroot::Sysroot;
use std::path::Path;
use std::process::Command;

struct Built {
    _temp: tempfile::TempDir,
    program: Found,
}

fn build(source: &str, flags: &[&str]) -> Built {
    let temp = tempfile::tempdir().expect("a folder");
    fs::write(temp.path().join("p.c"), source).expect("written");
    let mut gcc = Command::new("gcc");
    let output =
        gcc.current_dir(temp.path()).args(["-w", "-O1", "p.c", "-o", "p"]).args(flags).output().expect("gcc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let program = Found { host: temp.path().join("p"), guest: "/usr/local/bin/p".into(), in_sysroot: false };
    Built { _temp: temp, program }
}

fn report(program: &Found) -> Report {
    let sysroot = Sysroot::new(Path::new("/")).expect("a folder");
    let libraries =
        Search::new(&sysroot, crate::libraries::Family::Table).closure(program).expect("all are there");
    check(program, &libraries, true).expect("readable")
}

fn of(report: &Report, what: &str) -> Vec<Verdict> {
    report
        .findings
        .iter()
        .filter(|finding| finding.what == what)
        .map(|finding| finding.verdict.clone())
        .collect()
}

#[test]
fn symbols_are_held_against_the_table() {
    let built = build(
        "#include <stdio.h>\n#include <dlfcn.h>\nint main(int c, char **v) { puts(v[0]); return dlsym(0, v[1]) == 0; }",
        &[],
    );
    let report = report(&built.program);
    assert_eq!(of(&report, "puts@GLIBC_2.2.5"), [Verdict::Full]);
    assert!(matches!(&of(&report, "dlsym")[..], [Verdict::Undecidable(_)]));
    assert!(of(&report, "__gmon_start__").is_empty(), "weak and absent is no matter");
}

#[test]
fn a_symbol_that_nobody_has_is_missing() {
    let built =
        build("int no_such_function(void); int main() { return no_such_function(); }", &["-shared", "-fPIC"]);
    let report = report(&built.program);
    assert_eq!(of(&report, "no_such_function"), [Verdict::Missing]);
    assert!(report.text().contains("missing: 1\n    no_such_function: p\n"), "{}", report.text());
}

#[test]
fn another_version_than_the_tables_is_partial() {
    let temp = tempfile::tempdir().expect("a folder");
    fs::write(temp.path().join("future"), "GLIBC_9.9 { global: strlen; local: *; };").expect("written");
    fs::write(temp.path().join("future.c"), "unsigned long strlen(const char *t) { return 0; }")
        .expect("written");
    let mut gcc = Command::new("gcc");
    gcc.current_dir(temp.path()).args(["-w", "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libm.so.6"]);
    gcc.args(["-Wl,--version-script=future", "future.c", "-o", "libfuture.so"]);
    assert!(gcc.status().expect("gcc").success());
    let library = temp.path().join("libfuture.so").display().to_string();
    let source = "unsigned long strlen(const char *); int main(int c, char **v) { return strlen(v[0]); }";
    let built = build(source, &["-fno-builtin", &library]);
    let verdicts = of(&report(&built.program), "strlen@GLIBC_9.9");
    assert!(
        matches!(&verdicts[..], [Verdict::Partial(text)] if text.contains("GLIBC_2.2.5")),
        "{verdicts:?}"
    );
}

#[test]
fn what_the_program_defines_itself_is_not_ours() {
    let built = build(
        "char *no_such; void *malloc(unsigned long n) { return 0; } int main() { return malloc(3) != 0; }",
        &["-rdynamic"],
    );
    assert!(report(&built.program).findings.iter().all(|finding| !finding.what.starts_with("malloc")));
}

#[test]
fn system_call_sites_are_found_with_their_numbers() {
    let built = build(
        r#"long known(void) { long r; asm volatile("syscall" : "=a"(r) : "a"(39) : "rcx", "r11"); return r; }
           long zero(void) { long r; asm volatile("syscall" : "=a"(r) : "a"(0) : "rcx", "r11"); return r; }
           long any(long n) { long r; asm volatile("syscall" : "=a"(r) : "a"(n) : "rcx", "r11"); return r; }
           void halt(void) { asm volatile("hlt; cli"); }
           int main(int c, char **v) { halt(); return known() + zero() + any(c); }"#,
        &["-fno-inline"],
    );
    let report = report(&built.program);
    assert_eq!(of(&report, "syscall getpid").len(), 1);
    assert_eq!(of(&report, "syscall read").len(), 1);
    assert!(matches!(&of(&report, "syscall instruction")[..], [Verdict::Undecidable(_)]));
    let privileged =
        report.findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Privileged(_)));
    let names: Vec<_> = privileged.map(|finding| finding.what.as_str()).collect();
    assert_eq!(names, ["cli", "hlt"], "and not the one at the end of _start");
}

#[test]
fn data_between_functions_is_not_taken_for_instructions() {
    let built = build(
        r#"asm(".text\n .byte 0xf4, 0xfa, 0x0f, 0x05, 0xee, 0xf4\n .p2align 4");
           int main() { return 0; }"#,
        &[],
    );
    let report = report(&built.program);
    assert!(report.findings.iter().all(|finding| finding.verdict == Verdict::Full), "{}", report.text());
}

#[test]
fn a_static_program_is_its_system_calls() {
    let built = build("#include <unistd.h>\nint main() { return write(1, \"x\", 1) != 1; }", &["-static"]);
    let report = report(&built.program);
    assert_eq!(report.libraries, 0);
    assert!(!of(&report, "syscall write").is_empty(), "{}", report.text());
    let objdump = Command::new("objdump").arg("-d").arg(&built.program.host).output().expect("binutils");
    let listing = String::from_utf8_lossy(&objdump.stdout);
    let expected = listing.lines().filter(|line| line.trim_end().ends_with("\tsyscall")).count();
    let found = report.findings.iter().filter(|finding| finding.what.starts_with("syscall ")).count();
    assert_eq!(found, expected, "as many as objdump finds");
}

#[test]
fn a_program_that_needs_nobody_lacks_nothing() {
    let temp = tempfile::tempdir().expect("a folder");
    crate::image::tests::tiny_program(temp.path());
    let program =
        Found { host: temp.path().join("prog"), guest: "/usr/local/bin/prog".into(), in_sysroot: false };
    assert_eq!(report(&program).findings, []);
}
