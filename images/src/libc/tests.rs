use super::*;
use std::path::PathBuf;
use std::process::Command;

/// A library of a version that nobody but libm.so.6 has, and a program that asks for one of its functions.
fn program(source: &str) -> (tempfile::TempDir, Found) {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = temp.path();
    fs::write(folder.join("fake.c"), "int osv_no_such_function(void){return 7;}").expect("written");
    fs::write(folder.join("map"), "GLIBC_2.2.5 { osv_no_such_function; };").expect("written");
    fs::write(folder.join("prog.c"), source).expect("written");
    let gcc = |arguments: &[&str]| {
        let done = Command::new("gcc").current_dir(folder).args(arguments).output().expect("gcc");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    gcc(&[
        "-shared",
        "-fPIC",
        "-nostdlib",
        "-Wl,-soname,libm.so.6",
        "-Wl,--version-script,map",
        "-o",
        "fake.so",
        "fake.c",
    ]);
    gcc(&["-w", "-pthread", "-o", "prog", "prog.c", "fake.so", "-Wl,--allow-shlib-undefined"]);
    let host = folder.join("prog");
    (temp, Found { host, guest: PathBuf::from("/usr/local/bin/prog"), in_sysroot: false })
}

fn decided(choice: Choice, source: &str) -> Decision {
    let (_temp, program) = program(source);
    let sysroot = Sysroot::new(Path::new("/")).expect("a folder");
    decide(choice, &sysroot, &program, &[], &[]).expect("all libraries are there")
}

const LACKING: &str = "int main(void) { return osv_no_such_function(); }";

#[test]
fn the_table_serves_whoever_it_can() {
    let decision = decided(Choice::Auto, "#include <stdio.h>\nint main(void) { return puts(\"x\"); }");
    assert_eq!((decision.libc, decision.missing.len(), decision.notes.len()), (Libc::Table, 0, 0));
}

#[test]
fn what_the_table_lacks_brings_the_images_own_libc_and_says_so() {
    let decision = decided(Choice::Auto, LACKING);
    assert_eq!(decision.libc, Libc::Image);
    assert_eq!(decision.missing, ["osv_no_such_function@GLIBC_2.2.5"]);
    assert!(
        matches!(&decision.notes[..], [note] if note.contains("osv_no_such_function") && note.contains("trap"))
    );
    assert!(decision.libraries.iter().any(|library| library.soname == "libc.so.6"));
}

#[test]
fn the_table_stays_where_it_is_asked_for() {
    let decision = decided(Choice::Table, LACKING);
    assert_eq!((decision.libc, decision.notes.len()), (Libc::Table, 0));
    assert_eq!(decision.missing.len(), 1);
}

#[test]
fn what_glibc_loads_to_unwind_comes_along() {
    let wants = |source: &str| {
        let decision = decided(Choice::Image, source);
        decision.libraries.iter().any(|library| library.soname == UNWINDER)
    };
    assert!(!wants("int main(void) { return 0; }"));
    assert!(wants("int main(void) { pthread_exit(0); }"));
}
