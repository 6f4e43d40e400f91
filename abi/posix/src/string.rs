//! The memory functions that everything leans on, with SSE2. In assembly: a compiler makes loops of this kind into
//! calls of the very functions that they are.
//!
//! Up to 64 bytes all loads come before all stores, so that overlap does not matter. Above the threshold, and where
//! the processor is said to be good at it (ERMS), a copy is one `rep movsb`.

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// From this length on `rep movsb` and `rep stosb` are used; never, until start-up has asked the processor.
static REP_FROM: AtomicUsize = AtomicUsize::new(usize::MAX);
const REP_THRESHOLD: usize = 2048;

/// Asks the processor whether it has fast string operations.
pub fn init() {
    const ERMS: u32 = 1 << 9;
    let has_leaf_7 = core::arch::x86_64::__cpuid(0).eax >= 7;
    if has_leaf_7 && core::arch::x86_64::__cpuid_count(7, 0).ebx & ERMS != 0 {
        REP_FROM.store(REP_THRESHOLD, Relaxed);
    }
}

/// memmove(3).
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_memmove")]
pub unsafe extern "C" fn memmove(to: *mut c_void, from: *const c_void, n: usize) -> *mut c_void {
    naked_asm!(
        ".cfi_startproc",
        "mov rax, rdi",
        "cmp rdx, 16",
        "jb 20f",
        "cmp rdx, 32",
        "ja 2f",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "ret",
        "2:",
        "cmp rdx, 64",
        "ja 3f",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups xmm2, [rsi + rdx - 32]",
        "movups xmm3, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "movups [rdi + rdx - 32], xmm2",
        "movups [rdi + rdx - 16], xmm3",
        "ret",
        // More than 64: a destination inside the source is copied from its end.
        "3:",
        "mov rcx, rdi",
        "sub rcx, rsi",
        "cmp rcx, rdx",
        "jb 8f",
        "cmp rdx, [rip + {rep_from}]",
        "jae 9f",
        "movups xmm4, [rsi + rdx - 64]",
        "movups xmm5, [rsi + rdx - 48]",
        "movups xmm6, [rsi + rdx - 32]",
        "movups xmm7, [rsi + rdx - 16]",
        "lea r8, [rdi + rdx - 64]",
        "4:",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups xmm2, [rsi + 32]",
        "movups xmm3, [rsi + 48]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "movups [rdi + 32], xmm2",
        "movups [rdi + 48], xmm3",
        "add rsi, 64",
        "add rdi, 64",
        "cmp rdi, r8",
        "jb 4b",
        "movups [r8], xmm4",
        "movups [r8 + 16], xmm5",
        "movups [r8 + 32], xmm6",
        "movups [r8 + 48], xmm7",
        "ret",
        "9:",
        "mov rcx, rdx",
        "rep movsb",
        "ret",
        "8:",
        "movups xmm4, [rsi]",
        "movups xmm5, [rsi + 16]",
        "movups xmm6, [rsi + 32]",
        "movups xmm7, [rsi + 48]",
        "lea rcx, [rdi + rdx]",
        "lea r9, [rsi + rdx]",
        "lea r8, [rdi + 64]",
        "7:",
        "movups xmm0, [r9 - 16]",
        "movups xmm1, [r9 - 32]",
        "movups xmm2, [r9 - 48]",
        "movups xmm3, [r9 - 64]",
        "movups [rcx - 16], xmm0",
        "movups [rcx - 32], xmm1",
        "movups [rcx - 48], xmm2",
        "movups [rcx - 64], xmm3",
        "sub r9, 64",
        "sub rcx, 64",
        "cmp rcx, r8",
        "ja 7b",
        "movups [rdi], xmm4",
        "movups [rdi + 16], xmm5",
        "movups [rdi + 32], xmm6",
        "movups [rdi + 48], xmm7",
        "ret",
        // Less than 16.
        "20:",
        "cmp edx, 8",
        "jb 21f",
        "mov rcx, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], r8",
        "ret",
        "21:",
        "cmp edx, 4",
        "jb 22f",
        "mov ecx, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "22:",
        "test edx, edx",
        "je 23f",
        // First, middle and last byte are all there are.
        "mov r9, rdx",
        "shr r9, 1",
        "movzx ecx, byte ptr [rsi]",
        "movzx r8d, byte ptr [rsi + rdx - 1]",
        "movzx r10d, byte ptr [rsi + r9]",
        "mov [rdi], cl",
        "mov [rdi + r9], r10b",
        "mov [rdi + rdx - 1], r8b",
        "23:",
        "ret",
        ".cfi_endproc",
        rep_from = sym REP_FROM,
    )
}

/// memcpy(3): a memmove, as programs rely on it more often than they know.
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_memcpy")]
pub unsafe extern "C" fn memcpy(to: *mut c_void, from: *const c_void, n: usize) -> *mut c_void {
    naked_asm!("jmp {}", sym memmove)
}

/// mempcpy(3).
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_mempcpy")]
pub unsafe extern "C" fn mempcpy(to: *mut c_void, from: *const c_void, n: usize) -> *mut c_void {
    naked_asm!(
        ".cfi_startproc",
        "push rdx",
        ".cfi_def_cfa_offset 16",
        "call {}",
        "pop rdx",
        ".cfi_def_cfa_offset 8",
        "add rax, rdx",
        "ret",
        ".cfi_endproc",
        sym memmove
    )
}

/// memset(3).
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_memset")]
pub unsafe extern "C" fn memset(to: *mut c_void, byte: c_int, n: usize) -> *mut c_void {
    naked_asm!(
        ".cfi_startproc",
        "mov rax, rdi",
        "movzx ecx, sil",
        "mov r8, 0x0101010101010101",
        "imul rcx, r8",
        "cmp rdx, 16",
        "jb 20f",
        "movq xmm0, rcx",
        "punpcklqdq xmm0, xmm0",
        "cmp rdx, 64",
        "ja 3f",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm0",
        "cmp rdx, 32",
        "jbe 2f",
        "movups [rdi + 16], xmm0",
        "movups [rdi + rdx - 32], xmm0",
        "2:",
        "ret",
        "3:",
        "cmp rdx, [rip + {rep_from}]",
        "jae 9f",
        "lea r8, [rdi + rdx - 64]",
        "4:",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm0",
        "movups [rdi + 32], xmm0",
        "movups [rdi + 48], xmm0",
        "add rdi, 64",
        "cmp rdi, r8",
        "jb 4b",
        "movups [r8], xmm0",
        "movups [r8 + 16], xmm0",
        "movups [r8 + 32], xmm0",
        "movups [r8 + 48], xmm0",
        "ret",
        "9:",
        "mov r8, rax",
        "mov rax, rcx",
        "mov rcx, rdx",
        "rep stosb",
        "mov rax, r8",
        "ret",
        "20:",
        "cmp edx, 8",
        "jb 21f",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], rcx",
        "ret",
        "21:",
        "cmp edx, 4",
        "jb 22f",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], ecx",
        "ret",
        "22:",
        "test edx, edx",
        "je 23f",
        "mov [rdi], cl",
        "mov [rdi + rdx - 1], cl",
        "shr edx, 1",
        "mov [rdi + rdx], cl",
        "23:",
        "ret",
        ".cfi_endproc",
        rep_from = sym REP_FROM,
    )
}

/// memcmp(3).
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_memcmp")]
pub unsafe extern "C" fn memcmp(left: *const c_void, right: *const c_void, n: usize) -> c_int {
    naked_asm!(
        ".cfi_startproc",
        "xor ecx, ecx",
        "2:",
        "lea r8, [rcx + 16]",
        "cmp r8, rdx",
        "ja 4f",
        "movups xmm0, [rdi + rcx]",
        "movups xmm1, [rsi + rcx]",
        "pcmpeqb xmm0, xmm1",
        "pmovmskb eax, xmm0",
        "xor eax, 0xffff",
        "jne 3f",
        "mov rcx, r8",
        "jmp 2b",
        "3:",
        "bsf eax, eax",
        "add rcx, rax",
        "movzx eax, byte ptr [rdi + rcx]",
        "movzx edx, byte ptr [rsi + rcx]",
        "sub eax, edx",
        "ret",
        "4:",
        "cmp rcx, rdx",
        "je 5f",
        "movzx eax, byte ptr [rdi + rcx]",
        "movzx r8d, byte ptr [rsi + rcx]",
        "inc rcx",
        "sub eax, r8d",
        "je 4b",
        "ret",
        "5:",
        "xor eax, eax",
        "ret",
        ".cfi_endproc",
    )
}

/// bcmp(3).
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_bcmp")]
pub unsafe extern "C" fn bcmp(left: *const c_void, right: *const c_void, n: usize) -> c_int {
    naked_asm!("jmp {}", sym memcmp)
}

/// strlen(3): whole aligned blocks, which never cross into a page that the string does not reach.
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_strlen")]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    naked_asm!(
        ".cfi_startproc",
        "pxor xmm0, xmm0",
        "mov rax, rdi",
        "and rax, -16",
        "movdqa xmm1, [rax]",
        "pcmpeqb xmm1, xmm0",
        "pmovmskb edx, xmm1",
        "mov ecx, edi",
        "and ecx, 15",
        "shr edx, cl",
        "test edx, edx",
        "jne 3f",
        "2:",
        "add rax, 16",
        "movdqa xmm1, [rax]",
        "pcmpeqb xmm1, xmm0",
        "pmovmskb edx, xmm1",
        "test edx, edx",
        "je 2b",
        "bsf edx, edx",
        "add rax, rdx",
        "sub rax, rdi",
        "ret",
        "3:",
        "bsf eax, edx",
        "ret",
        ".cfi_endproc",
    )
}

// The compiler's own calls use the plain names; they stay inside the object.
#[cfg(feature = "object")]
core::arch::global_asm!(
    ".macro osv_alias name",
    ".globl \\name",
    ".hidden \\name",
    ".set \\name, __osv_\\name",
    ".endm",
    "osv_alias memcpy",
    "osv_alias memmove",
    "osv_alias memset",
    "osv_alias memcmp",
    "osv_alias bcmp",
    "osv_alias strlen",
);

#[cfg(test)]
mod tests;
