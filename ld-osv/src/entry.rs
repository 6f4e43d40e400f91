//! The first instructions. Until the object's own relocations are applied no Rust runs: the compiler may turn any
//! line into a call through an address that is not there yet.

use core::arch::naked_asm;

/// Where the kernel enters: applies RELR, RELATIVE, and GLOB_DAT, JUMP_SLOT and 64 with the object's own symbols, then
/// calls [`start::start`](crate::start::start) with the initial stack and the load base, and jumps to what it returns.
///
/// # Safety
/// Entered by the kernel alone.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "xor ebp, ebp",
        "mov rdi, rsp",
        "lea rsi, [rip + __ehdr_start]",
        "lea rax, [rip + _DYNAMIC]",
        "xor r8d, r8d",  // DT_RELA
        "xor r9d, r9d",  // DT_RELASZ
        "xor r10d, r10d", // DT_JMPREL
        "xor r11d, r11d", // DT_PLTRELSZ
        "xor r12d, r12d", // DT_SYMTAB
        "xor r14d, r14d", // DT_RELR
        "xor r15d, r15d", // DT_RELRSZ
        "2:",
        "mov rcx, [rax]",
        "mov rdx, [rax + 8]",
        "add rax, 16",
        "test rcx, rcx",
        "je 3f",
        "cmp rcx, 7",
        "cmove r8, rdx",
        "cmp rcx, 8",
        "cmove r9, rdx",
        "cmp rcx, 23",
        "cmove r10, rdx",
        "cmp rcx, 2",
        "cmove r11, rdx",
        "cmp rcx, 6",
        "cmove r12, rdx",
        "cmp rcx, 36",
        "cmove r14, rdx",
        "cmp rcx, 35",
        "cmove r15, rdx",
        "jmp 2b",
        "3:",
        "add r14, rsi",
        "add r15, r14", // its end
        "20:", // a word of RELR: an address, or the 63 words after the last, as bits
        "cmp r14, r15",
        "jae 23f",
        "mov rax, [r14]",
        "add r14, 8",
        "test al, 1",
        "jne 21f",
        "add [rsi + rax], rsi",
        "lea rbx, [rsi + rax + 8]",
        "jmp 20b",
        "21:",
        "mov rcx, rbx",
        "add rbx, 63 * 8",
        "shr rax",
        "je 20b",
        "22:",
        "bsf rdx, rax",
        "add [rcx + rdx * 8], rsi",
        "lea rdx, [rax - 1]",
        "and rax, rdx",
        "jne 22b",
        "jmp 20b",
        "23:",
        "add r8, rsi",
        "add r10, rsi",
        "add r12, rsi",
        "xor r13d, r13d",
        "4:", // one table: r8, r9 bytes
        "test r9, r9",
        "jle 7f",
        "mov rax, [r8]",
        "mov ecx, [r8 + 8]",
        "mov ebx, [r8 + 12]",
        "mov rdx, [r8 + 16]",
        "cmp ecx, 8",
        "je 5f",
        "cmp ecx, 6",
        "je 6f",
        "cmp ecx, 7",
        "je 6f",
        "cmp ecx, 1",
        "jne 8f",
        "6:",
        "lea rbx, [rbx + rbx * 2]",
        "add rdx, [r12 + rbx * 8 + 8]",
        "5:",
        "add rdx, rsi",
        "mov [rsi + rax], rdx",
        "8:",
        "add r8, 24",
        "sub r9, 24",
        "jmp 4b",
        "7:",
        "test r13d, r13d",
        "jne 9f",
        "inc r13d",
        "mov r8, r10",
        "mov r9, r11",
        "jmp 4b",
        "9:",
        "mov r12, rsp",
        "and rsp, -16",
        "call {start}",
        // rax: the program's entry; rdx: its stack pointer, when arguments were shifted.
        "mov rsp, rdx",
        "lea rdx, [rip + {fini}]",
        "jmp rax",
        start = sym crate::start::start,
        fini = sym crate::start::finish_from_entry,
    )
}
