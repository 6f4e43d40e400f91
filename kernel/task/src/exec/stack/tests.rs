use super::*;
use std::vec;

const TOP: u64 = 0x7fff_ffff_f000;

fn word(stack: &Stack, at: u64) -> u64 {
    let offset = (at - stack.pointer) as usize;
    u64::from_le_bytes(stack.bytes[offset..offset + 8].try_into().expect("8 bytes"))
}

fn string(stack: &Stack, at: u64) -> &[u8] {
    let bytes = &stack.bytes[(at - stack.pointer) as usize..];
    &bytes[..bytes.iter().position(|&b| b == 0).expect("NUL")]
}

fn contents<'a>(args: &'a [Vec<u8>], env: &'a [Vec<u8>]) -> Contents<'a> {
    Contents { args, env, path: b"/bin/x", random: [7; 16], aux: &[(6, 4096)] }
}

#[test]
fn a_program_finds_its_arguments_environment_and_vector() {
    let (args, env) = (vec![b"x".to_vec(), b"--flag".to_vec()], vec![b"A=b".to_vec()]);
    let stack = build(TOP, &contents(&args, &env), 1 << 20).expect("fits");
    let sp = stack.pointer;
    assert_eq!(sp % 16, 0);
    assert_eq!(sp + stack.bytes.len() as u64, TOP);
    assert_eq!(word(&stack, sp), 2);
    assert_eq!(string(&stack, word(&stack, sp + 8)), b"x");
    assert_eq!(string(&stack, word(&stack, sp + 16)), b"--flag");
    assert_eq!(word(&stack, sp + 24), 0);
    assert_eq!(string(&stack, word(&stack, sp + 32)), b"A=b");
    assert_eq!(word(&stack, sp + 40), 0);
    assert_eq!((word(&stack, sp + 48), word(&stack, sp + 56)), (6, 4096));
    assert_eq!(word(&stack, sp + 64), AT_RANDOM);
    assert_eq!(word(&stack, stack.regions.auxv_end - 16), AT_NULL);
    assert_eq!(stack.regions.auxv_start, sp + 48);
    assert_eq!(stack.regions.arg_end - stack.regions.arg_start, 9);
}

#[test]
fn too_much_is_refused() {
    let args = vec![vec![b'a'; STRING_MAX]];
    assert_eq!(build(TOP, &contents(&args, &[]), 1 << 30), Err(Errno::E2BIG));
    let many = vec![b"abc".to_vec(); 1000];
    assert_eq!(build(TOP, &contents(&many, &[]), 4096), Err(Errno::E2BIG));
}
