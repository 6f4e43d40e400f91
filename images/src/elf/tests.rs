use super::*;
use proptest::prelude::*;

fn parse(data: &[u8]) -> Result<Elf<'_>> {
    Elf::parse(Path::new("prog"), data)
}

fn program() -> Vec<u8> {
    std::fs::read("/bin/true").expect("coreutils")
}

fn message(data: &[u8]) -> String {
    match parse(data).and_then(|elf| elf.require_program()) {
        Ok(()) => "fine".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_program_is_read() {
    let data = program();
    let elf = parse(&data).expect("a program");
    elf.require_program().expect("a program");
    assert_eq!(elf.interpreter(), Some(Path::new("/lib64/ld-linux-x86-64.so.2")));
    assert!(elf.needed().any(|soname| soname == "libc.so.6"));
    let imports = elf.imports();
    let start = imports.get("__libc_start_main").expect("every glibc program wants it");
    assert_eq!(start.version.map(|(_, file)| file), Some("libc.so.6"));
    assert!(imports.get("__gmon_start__").expect("gcc's start files").weak);
    assert!(
        elf.code()
            .into_iter()
            .any(|(vaddr, bytes)| (vaddr..vaddr + bytes.len() as u64).contains(&elf.image.entry))
    );
}

#[test]
fn errors_say_what_the_file_is() {
    let mut foreign = program();
    foreign[18] = 183;
    let mut object = program();
    object[16] = 1;
    for (data, expected) in [
        (&b""[..], "prog is not an ELF file: it is empty"),
        (b"#!/usr/bin/env python3\n", "prog is not an ELF file: it is a script for /usr/bin/env python3"),
        (b"MZ\x90", "prog is not an ELF file: it doesn't begin as one"),
        (&foreign, "prog is for another machine: AArch64"),
        (&object, "prog is not a program but an object file (.o)"),
        (
            &program()[..40],
            "prog is damaged: it is cut off after 40 bytes (the ELF header lies behind the end)",
        ),
        (
            &program()[..20_000],
            "prog is damaged: it is cut off after 20000 bytes (the segment lies behind the end)",
        ),
    ] {
        assert_eq!(message(data), expected);
    }
}

#[test]
fn a_library_is_no_program() {
    let library = "/lib/x86_64-linux-gnu/libz.so.1";
    if let Ok(data) = std::fs::read(library) {
        assert_eq!(message(&data), "prog is not a program but a shared library (it has no entry point)");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_mutated_program_never_makes_it_panic(changes in prop::collection::vec((0usize..2000, any::<u8>()), 1..8), len in 0usize..40_000) {
        let mut data = program();
        changes.iter().for_each(|(at, byte)| data[*at] = *byte);
        data.truncate(len.max(2000));
        if let Ok(elf) = parse(&data) {
            let _ = (elf.imports().len(), elf.needed().count(), elf.code().len(), elf.require_program().is_ok());
        }
    }
}
