//! Ways to end badly, for tests of what is printed then: `crash=panic`, `crash=fault`, `crash=overflow`.

/// Ends as `how` says; returns when it says nothing known.
pub fn crash(how: &str) {
    match how {
        "panic" => panic!("as asked for on the command line"),
        "fault" => {
            // SAFETY: none: the read faults, which is what it is for.
            unsafe { core::ptr::with_exposed_provenance::<u64>(0xffff_e000_dead_0000).read_volatile() };
        }
        "overflow" => {
            core::hint::black_box(deep(core::hint::black_box(1)));
        }
        _ => {}
    }
}

#[expect(unconditional_recursion, reason = "it is meant to run out of stack")]
fn deep(n: u64) -> u64 {
    let room = core::hint::black_box([n; 64]);
    deep(n + 1) + room[(n % 64) as usize]
}
