use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// The host's own test program is a valid one.
fn real() -> Vec<u8> {
    std::fs::read(std::env::current_exe().expect("has a path")).expect("is readable")
}

fn load(bytes: &[u8]) -> Result<Plan, Errno> {
    let header = header(bytes)?;
    let start = usize::try_from(header.table).map_err(|_| Errno::ENOEXEC)?;
    let end = start.checked_add(header.count * PROGRAM_HEADER).ok_or(Errno::ENOEXEC)?;
    plan(&header, bytes.get(start..end).ok_or(Errno::ENOEXEC)?)
}

fn check(plan: &Plan) {
    let mut last = 0;
    for segment in &plan.segments {
        assert!(segment.pages.start >= last && segment.pages.end > segment.pages.start);
        assert!(segment.pages.end <= USER_END + PAGE && segment.pages.start % PAGE == 0);
        assert!(segment.file_end >= segment.pages.start && segment.file_end <= segment.pages.end);
        last = segment.pages.end;
    }
}

#[test]
fn a_real_program_gives_a_plan() {
    let plan = load(&real()).expect("valid");
    check(&plan);
    assert!(plan.relocatable && plan.interpreter.is_some() && plan.headers != 0 && !plan.executable_stack);
}

#[test]
fn what_is_no_program_is_refused() {
    assert_eq!(header(b"#!/bin/sh\n"), Err(Errno::ENOEXEC));
    assert_eq!(header(&[]), Err(Errno::ENOEXEC));
    let mut wrong_machine = real();
    wrong_machine[18] = 183;
    assert_eq!(load(&wrong_machine), Err(Errno::ENOEXEC));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn hostile_headers_give_an_error_or_a_sane_plan(
        edits in proptest::collection::vec((0usize..1024, any::<u8>()), 1..40)
    ) {
        let mut bytes = vec![0; 1024];
        let real = real();
        bytes.copy_from_slice(&real[..1024]);
        for (at, value) in edits {
            bytes[at] = value;
        }
        if let Ok(plan) = load(&bytes) {
            check(&plan);
        }
    }

    #[test]
    fn arbitrary_program_headers_give_an_error_or_a_sane_plan(
        table in proptest::collection::vec(any::<u8>(), PROGRAM_HEADER * 4),
        small in any::<bool>(),
    ) {
        let mut table = table;
        if small {
            for header in table.chunks_mut(PROGRAM_HEADER) {
                header[0..4].copy_from_slice(&PT_LOAD.to_le_bytes());
                for word in header[8..].chunks_mut(8) {
                    word[3..].fill(0);
                }
            }
        }
        let header = Header { table: 64, count: 4, entry: 0, relocatable: true };
        if let Ok(plan) = plan(&header, &table) {
            check(&plan);
        }
    }
}
