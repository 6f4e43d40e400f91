//! memcpy and kin, which this target's compiler-builtins leave to libc.
//!
//! Bytes are moved in SSE registers; `rep movsb` and `rep stosb` take over for long runs on CPUs that are good at
//! it. Written in assembly, since the compiler would turn such loops in Rust into calls of themselves.

use core::arch::global_asm;

/// From how many bytes on the string instructions are used.
const STRING_FROM: usize = 1024;

#[unsafe(export_name = "osv_has_erms")]
static HAS_ERMS: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(0);

/// Looks at the CPU once; until then plain loops are used.
pub(crate) fn init() {
    HAS_ERMS.store(crate::cpu::features().erms.into(), core::sync::atomic::Ordering::Relaxed);
}

global_asm!(
    r#"
    .pushsection .text.osv_string, "ax"
    .globl memcpy
    .balign 16
memcpy:
    mov rax, rdi
    cmp rdx, 16
    jb 5f
    cmp rdx, 32
    ja 2f
    movups xmm0, [rsi]
    movups xmm1, [rsi + rdx - 16]
    movups [rdi], xmm0
    movups [rdi + rdx - 16], xmm1
    ret
2:  cmp rdx, {long}
    jae 8f
3:  // More than 32: 128 at a time, then 32, then the last 32 once more, overlapping.
    movups xmm8, [rsi + rdx - 32]
    movups xmm9, [rsi + rdx - 16]
    lea rcx, [rdi + rdx - 32]
    sub rdx, 128
    jb 4f
20: movups xmm0, [rsi]
    movups xmm1, [rsi + 16]
    movups xmm2, [rsi + 32]
    movups xmm3, [rsi + 48]
    movups xmm4, [rsi + 64]
    movups xmm5, [rsi + 80]
    movups xmm6, [rsi + 96]
    movups xmm7, [rsi + 112]
    movups [rdi], xmm0
    movups [rdi + 16], xmm1
    movups [rdi + 32], xmm2
    movups [rdi + 48], xmm3
    movups [rdi + 64], xmm4
    movups [rdi + 80], xmm5
    movups [rdi + 96], xmm6
    movups [rdi + 112], xmm7
    add rsi, 128
    add rdi, 128
    sub rdx, 128
    jae 20b
    cmp rdi, rcx
    jae 21f
4:  movups xmm0, [rsi]
    movups xmm1, [rsi + 16]
    add rsi, 32
    movups [rdi], xmm0
    movups [rdi + 16], xmm1
    add rdi, 32
    cmp rdi, rcx
    jb 4b
21: movups [rcx], xmm8
    movups [rcx + 16], xmm9
    ret
5:  cmp edx, 8
    jb 6f
    mov rcx, [rsi]
    mov r8, [rsi + rdx - 8]
    mov [rdi], rcx
    mov [rdi + rdx - 8], r8
    ret
6:  cmp edx, 4
    jb 7f
    mov ecx, [rsi]
    mov r8d, [rsi + rdx - 4]
    mov [rdi], ecx
    mov [rdi + rdx - 4], r8d
    ret
7:  test edx, edx
    je 9f
    // 1 to 3 bytes: the first, the middle and the last, which may be the same.
    movzx ecx, byte ptr [rsi]
    movzx r8d, byte ptr [rsi + rdx - 1]
    mov r10, rdx
    shr r10
    movzx r9d, byte ptr [rsi + r10]
    mov [rdi], cl
    mov [rdi + r10], r9b
    mov [rdi + rdx - 1], r8b
    ret
8:  cmp dword ptr [osv_has_erms], 0
    je 3b
    mov rcx, rdx
    rep movsb
9:  ret

    .globl memmove
    .balign 16
memmove:
    mov rcx, rdi
    sub rcx, rsi
    cmp rcx, rdx
    jae memcpy
    // The destination begins inside the source: from the end downwards.
    mov rax, rdi
2:  cmp rdx, 16
    jb 3f
    movups xmm0, [rsi + rdx - 16]
    movups [rdi + rdx - 16], xmm0
    sub rdx, 16
    jmp 2b
3:  cmp rdx, 8
    jb 4f
    mov rcx, [rsi + rdx - 8]
    mov [rdi + rdx - 8], rcx
    sub rdx, 8
4:  test rdx, rdx
    je 6f
5:  movzx ecx, byte ptr [rsi + rdx - 1]
    mov [rdi + rdx - 1], cl
    dec rdx
    jne 5b
6:  ret

    .globl memset
    .balign 16
memset:
    mov r8, rdi
    movzx esi, sil
    mov rax, 0x0101010101010101
    imul rax, rsi
    cmp rdx, 16
    jb 5f
    cmp rdx, {long}
    jae 8f
3:  movq xmm0, rax
    punpcklqdq xmm0, xmm0
    lea rcx, [rdi + rdx - 16]
    sub rdx, 128
    jb 4f
20: movups [rdi], xmm0
    movups [rdi + 16], xmm0
    movups [rdi + 32], xmm0
    movups [rdi + 48], xmm0
    movups [rdi + 64], xmm0
    movups [rdi + 80], xmm0
    movups [rdi + 96], xmm0
    movups [rdi + 112], xmm0
    add rdi, 128
    sub rdx, 128
    jae 20b
    cmp rdi, rcx
    jae 21f
4:  movups [rdi], xmm0
    add rdi, 16
    cmp rdi, rcx
    jb 4b
21: movups [rcx], xmm0
    mov rax, r8
    ret
5:  cmp edx, 8
    jb 6f
    mov [rdi], rax
    mov [rdi + rdx - 8], rax
    mov rax, r8
    ret
6:  test edx, edx
    je 9f
7:  mov [rdi + rdx - 1], al
    dec edx
    jne 7b
9:  mov rax, r8
    ret
8:  cmp dword ptr [osv_has_erms], 0
    je 3b
    mov rcx, rdx
    rep stosb
    mov rax, r8
    ret

    .globl memcmp
    .globl bcmp
    .balign 16
memcmp:
bcmp:
    xor ecx, ecx
2:  lea r8, [rcx + 8]
    cmp r8, rdx
    ja 3f
    mov rax, [rdi + rcx]
    cmp rax, [rsi + rcx]
    jne 3f
    mov rcx, r8
    jmp 2b
3:  cmp rcx, rdx
    jae 4f
    movzx eax, byte ptr [rdi + rcx]
    movzx r8d, byte ptr [rsi + rcx]
    inc rcx
    sub eax, r8d
    je 3b
    ret
4:  xor eax, eax
    ret

    .globl strlen
    .balign 16
strlen:
    xor eax, eax
2:  cmp byte ptr [rdi + rax], 0
    je 3f
    inc rax
    jmp 2b
3:  ret
    .popsection
"#,
    long = const STRING_FROM,
);
