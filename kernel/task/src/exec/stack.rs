//! The first stack of a program, as the System V ABI draws it: strings on top, below them the auxiliary vector, the
//! environment, the arguments and their count.

use crate::process::Regions;
use alloc::vec::Vec;
use osv_abi::Errno;

/// Longest string (MAX_ARG_STRLEN of Linux).
const STRING_MAX: usize = 128 << 10;

/// What goes on the stack.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Arguments, the program's name first.
    pub args: &'a [Vec<u8>],
    /// Environment.
    pub env: &'a [Vec<u8>],
    /// Path of the program: AT_EXECFN.
    pub path: &'a [u8],
    /// AT_RANDOM.
    pub random: [u8; 16],
    /// The auxiliary vector without AT_RANDOM, AT_EXECFN, AT_PLATFORM and AT_NULL.
    pub aux: &'a [(u64, u64)],
}

/// A stack that is ready to be copied to its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its bytes, lowest first.
    pub bytes: Vec<u8>,
    /// Where the first goes: the stack pointer.
    pub pointer: u64,
    /// What lies where.
    pub regions: Regions,
}

const AT_NULL: u64 = 0;
const AT_PLATFORM: u64 = 15;
const AT_RANDOM: u64 = 25;
const AT_EXECFN: u64 = 31;

/// Lays the stack out below `top`. E2BIG when it would take more than `limit` bytes or a string is too long.
pub fn build(top: u64, contents: &Contents<'_>, limit: usize) -> Result<Stack, Errno> {
    let strings = contents.args.iter().chain(contents.env);
    if strings.clone().any(|s| s.len() >= STRING_MAX) {
        return Err(Errno::E2BIG);
    }
    let string_bytes: usize = strings.map(|s| s.len() + 1).sum();
    let platform = b"x86_64\0";
    let text = string_bytes + contents.path.len() + 1 + platform.len() + 16;
    // count, arguments, NULL, environment, NULL, vector with four more.
    let words = 1 + contents.args.len() + 1 + contents.env.len() + 1 + 2 * (contents.aux.len() + 4);
    let total = text.checked_add(words * 8).and_then(|n| n.checked_add(32)).ok_or(Errno::E2BIG)?;
    if total > limit {
        return Err(Errno::E2BIG);
    }
    let text_at = (top - 8 - text as u64) & !15;
    let pointer = (text_at - words as u64 * 8) & !15;

    let mut bytes = Vec::new();
    bytes.try_reserve_exact((top - pointer) as usize).map_err(|_| Errno::ENOMEM)?;
    let mut strings = Vec::new();
    strings.try_reserve_exact(text).map_err(|_| Errno::ENOMEM)?;
    let mut put = |text: &[u8], nul: bool| {
        let at = text_at + strings.len() as u64;
        strings.extend_from_slice(text);
        if nul {
            strings.push(0);
        }
        at
    };
    let random_at = put(&contents.random, false);
    let platform_at = put(platform, false);
    let mut regions = Regions { arg_start: platform_at + platform.len() as u64, ..Regions::default() };
    let mut word = |value: u64| bytes.extend_from_slice(&value.to_le_bytes());
    word(contents.args.len() as u64);
    for arg in contents.args {
        word(put(arg, true));
    }
    word(0);
    regions.arg_end = regions.arg_start + contents.args.iter().map(|s| s.len() as u64 + 1).sum::<u64>();
    regions.env_start = regions.arg_end;
    for var in contents.env {
        word(put(var, true));
    }
    word(0);
    regions.env_end = regions.env_start + contents.env.iter().map(|s| s.len() as u64 + 1).sum::<u64>();
    let path_at = put(contents.path, true);
    let more = [(AT_RANDOM, random_at), (AT_PLATFORM, platform_at), (AT_EXECFN, path_at), (AT_NULL, 0)];
    for &(kind, value) in contents.aux.iter().chain(&more) {
        word(kind);
        word(value);
    }
    regions.auxv_end = pointer + bytes.len() as u64;
    regions.auxv_start = regions.auxv_end - 16 * (contents.aux.len() as u64 + 4);
    regions.start_stack = pointer;
    bytes.resize((text_at - pointer) as usize, 0);
    bytes.append(&mut strings);
    bytes.resize((top - pointer) as usize, 0);
    Ok(Stack { bytes, pointer, regions })
}

#[cfg(test)]
mod tests;
