//! The instructions that may fault, and the table that says where to go on.
//!
//! A table entry is two 32-bit distances, each relative to its own place: the instruction and where to go on.

use super::Fault;
use core::arch::asm;

/// Emits a fix-up entry: a fault of the instruction at label `$at` goes on at label `$to`.
macro_rules! entry {
    ($at:literal, $to:literal) => {
        concat!(
            ".pushsection .osv.fixup, \"a\"\n.balign 4\n.long ",
            $at,
            " - .\n.long ",
            $to,
            " - .\n.popsection"
        )
    };
}

unsafe extern "C" {
    static osv_fixup_start: [i32; 2];
    static osv_fixup_end: [i32; 2];
}

pub(super) fn fixup(rip: u64) -> Option<u64> {
    let start = &raw const osv_fixup_start;
    let end = &raw const osv_fixup_end;
    let mut at = start;
    while at < end {
        // SAFETY: between the section's bounds, which the linker script aligns.
        let [insn, to] = unsafe { at.read() };
        let place = at.addr() as u64;
        if place.wrapping_add_signed(insn.into()) == rip {
            return Some((place + 4).wrapping_add_signed(to.into()));
        }
        at = at.wrapping_add(1);
    }
    None
}

/// Copies; gives what is left. `rep movsb` above a threshold when the CPU is good at it, else vector registers, with
/// the bytes left over copied singly. What is left is exact to the byte, because a wide access that faults is tried
/// again by bytes. Not inlined: with its twenty entries in hundreds of places the table took 6,000 steps to search.
#[inline(never)]
pub(super) unsafe fn copy(to: *mut u8, from: *const u8, len: usize) -> usize {
    let left: usize;
    if len >= 512 && crate::cpu::features().erms {
        // SAFETY: the caller answers for the kernel's side, the fix-up for the other; rcx counts what is left.
        unsafe {
            asm!(
                "2: rep movsb",
                "3:",
                entry!("2b", "3b"),
                inout("rcx") len => left, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags)
            );
        }
        return left;
    }
    // SAFETY: as above. Each pass moves 128, then 16, then 1 byte; a fault in a wider loop drops to the byte loop,
    // which finds the exact place.
    unsafe {
        asm!(
            "sub rcx, 128",
            "jb 3f",
            "20: movups xmm0, [rsi]",
            "21: movups xmm1, [rsi + 16]",
            "22: movups xmm2, [rsi + 32]",
            "23: movups xmm3, [rsi + 48]",
            "24: movups xmm4, [rsi + 64]",
            "25: movups xmm5, [rsi + 80]",
            "26: movups xmm6, [rsi + 96]",
            "27: movups xmm7, [rsi + 112]",
            "30: movups [rdi], xmm0",
            "31: movups [rdi + 16], xmm1",
            "32: movups [rdi + 32], xmm2",
            "33: movups [rdi + 48], xmm3",
            "34: movups [rdi + 64], xmm4",
            "35: movups [rdi + 80], xmm5",
            "36: movups [rdi + 96], xmm6",
            "37: movups [rdi + 112], xmm7",
            "add rsi, 128",
            "add rdi, 128",
            "sub rcx, 128",
            "jae 20b",
            "3: add rcx, 112",
            "jnc 5f",
            "40: movups xmm0, [rsi]",
            "41: movups [rdi], xmm0",
            "add rsi, 16",
            "add rdi, 16",
            "sub rcx, 16",
            "jae 40b",
            "5: add rcx, 16",
            "jz 9f",
            "7: mov al, [rsi]",
            "8: mov [rdi], al",
            "inc rsi",
            "inc rdi",
            "dec rcx",
            "jnz 7b",
            "jmp 9f",
            // What is left is 128, or 16, more than rcx says in the loops above.
            "4: add rcx, 128",
            "jmp 7b",
            "6: add rcx, 16",
            "jmp 7b",
            "9:",
            entry!("20b", "4b"), entry!("21b", "4b"), entry!("22b", "4b"), entry!("23b", "4b"),
            entry!("24b", "4b"), entry!("25b", "4b"), entry!("26b", "4b"), entry!("27b", "4b"),
            entry!("30b", "4b"), entry!("31b", "4b"), entry!("32b", "4b"), entry!("33b", "4b"),
            entry!("34b", "4b"), entry!("35b", "4b"), entry!("36b", "4b"), entry!("37b", "4b"),
            entry!("40b", "6b"), entry!("41b", "6b"), entry!("7b", "9b"), entry!("8b", "9b"),
            inout("rcx") len => left, inout("rdi") to => _, inout("rsi") from => _,
            out("rax") _, out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            options(nostack)
        );
    }
    left
}

#[inline(never)]
pub(super) unsafe fn clear(to: *mut u8, len: usize) -> usize {
    let left: usize;
    // SAFETY: writes only to the application's half, and recovers from faults.
    unsafe {
        asm!(
            "pxor xmm0, xmm0",
            "cmp rcx, 16",
            "jb 6f",
            "2: movups [rdi], xmm0",
            "add rdi, 16",
            "sub rcx, 16",
            "cmp rcx, 16",
            "jae 2b",
            "6: test rcx, rcx",
            "jz 9f",
            "7: mov byte ptr [rdi], 0",
            "inc rdi",
            "dec rcx",
            "jnz 7b",
            "9:",
            entry!("2b", "6b"), entry!("7b", "9b"),
            inout("rcx") len => left, inout("rdi") to => _, out("xmm0") _,
            options(nostack)
        );
    }
    left
}

/// One access to a word: `ok` stays 1 unless it faulted.
macro_rules! word_access {
    ($insn:literal, $($operands:tt)*) => {{
        let mut ok: u32 = 1;
        asm!(
            concat!("2: ", $insn),
            "jmp 4f",
            "3: xor {ok:e}, {ok:e}",
            "4:",
            entry!("2b", "3b"),
            ok = inout(reg) ok, $($operands)*
            options(nostack)
        );
        ok != 0
    }};
}

pub(super) unsafe fn load(at: *mut u32) -> Result<u32, Fault> {
    let value: u32;
    // SAFETY: reads the application's memory, and recovers from faults.
    let ok = unsafe { word_access!("mov {value:e}, [{at}]", at = in(reg) at, value = out(reg) value,) };
    if ok { Ok(value) } else { Err(Fault) }
}

pub(super) unsafe fn swap(at: *mut u32, value: u32) -> Result<u32, Fault> {
    let mut value = value;
    // SAFETY: writes the application's memory, and recovers from faults.
    let ok = unsafe { word_access!("xchg [{at}], {value:e}", at = in(reg) at, value = inout(reg) value,) };
    if ok { Ok(value) } else { Err(Fault) }
}

pub(super) unsafe fn compare_exchange(at: *mut u32, old: u32, new: u32) -> Result<u32, Fault> {
    let found: u32;
    // SAFETY: writes the application's memory, and recovers from faults.
    let ok = unsafe {
        word_access!("lock cmpxchg [{at}], {new:e}", at = in(reg) at, new = in(reg) new, inout("eax") old => found,)
    };
    if ok { Ok(found) } else { Err(Fault) }
}
