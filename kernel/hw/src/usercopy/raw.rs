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

/// Copies; gives what is left. `rep movsb` above a threshold when the CPU is good at it, else quadwords with the
/// bytes left over copied singly. Faults are taken at the word; the remaining count is exact to the byte because a
/// word that faults is tried again by bytes.
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
    // SAFETY: as above. Each pass moves 32, then 8, then 1 byte; a fault in a wider loop drops to the byte loop,
    // which finds the exact place.
    unsafe {
        asm!(
            "cmp rcx, 32",
            "jb 4f",
            "2: movups xmm0, [rsi]",
            "3: movups xmm1, [rsi + 16]",
            "20: movups [rdi], xmm0",
            "21: movups [rdi + 16], xmm1",
            "add rsi, 32",
            "add rdi, 32",
            "sub rcx, 32",
            "cmp rcx, 32",
            "jae 2b",
            "4: cmp rcx, 8",
            "jb 6f",
            "5: mov rax, [rsi]",
            "22: mov [rdi], rax",
            "add rsi, 8",
            "add rdi, 8",
            "sub rcx, 8",
            "cmp rcx, 8",
            "jae 5b",
            "6: test rcx, rcx",
            "jz 9f",
            "7: mov al, [rsi]",
            "8: mov [rdi], al",
            "inc rsi",
            "inc rdi",
            "dec rcx",
            "jnz 7b",
            "9:",
            entry!("2b", "6b"), entry!("3b", "6b"), entry!("20b", "6b"), entry!("21b", "6b"),
            entry!("5b", "6b"), entry!("22b", "6b"), entry!("7b", "9b"), entry!("8b", "9b"),
            inout("rcx") len => left, inout("rdi") to => _, inout("rsi") from => _,
            out("rax") _, out("xmm0") _, out("xmm1") _,
            options(nostack)
        );
    }
    left
}

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
