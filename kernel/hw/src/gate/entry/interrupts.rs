//! The instructions of interrupts and exceptions.
//!
//! They come on an IST stack. All but those that may find anything (NMI, double fault, machine check) move to the thread's
//! kernel stack before they run any Rust, so that the next may come.

use super::super::{Frame, InterruptFrame, Kind};
use core::arch::global_asm;
use core::mem::offset_of;
use osv_base::percpu::cpu_offset;

const FRAME: usize = size_of::<Frame>();

global_asm!(
    r#"
    .pushsection .osv.entry, "ax"
    // Interrupts and exceptions, on the IST stack with interrupts off:
    // [vector][error][rip][cs][rflags][rsp][ss]
    .balign 16
    .globl osv_interrupt_stubs
osv_interrupt_stubs:
    .set nr, 0
    .rept 256
    .balign 16
    .if (nr == 8) || ((nr >= 10) && (nr <= 14)) || (nr == 17) || (nr == 21) || (nr == 29) || (nr == 30)
    .else
    push 0
    .endif
    push nr
    .if (nr == 2) || (nr == 8) || (nr == 18)
    jmp osv_fatal_entry
    .else
    jmp osv_interrupt_entry
    .endif
    .set nr, nr + 1
    .endr

    // Moves to the thread's kernel stack: below what is in use there (and below its red zone), or to the place
    // under the system call frame when the application was interrupted.
    .balign 16
osv_interrupt_entry:
    push rax
    push rcx
    push rdx
    mov rax, [rsp + 64]
    mov rcx, gs:[{kst}]
    mov rdx, rcx
    sub rdx, rax
    cmp rdx, {stack_size}
    ja 2f
    cmp rdx, {stack_size} - {stack_margin}
    ja osv_stack_overflow
    lea rax, [rax - 128]
    and rax, -16
    xor ecx, ecx
    jmp 4f
2:  mov rdx, [rsp + 40]                 // a rip outside of the kernel's text: the application's, however wild
    cmp rdx, offset osv_text_start
    jb 3f
    cmp rdx, offset osv_text_end
    jae 3f
    cmp rdx, offset osv_entry_start
    jb osv_stack_overflow
    cmp rdx, offset osv_entry_end
    jae osv_stack_overflow
    lea rax, [rcx - {frame}]
    mov qword ptr [rax + {kind_slot}], {kind_interrupt}
    mov ecx, 2
    jmp 4f
3:  lea rax, [rcx - {frame}]
    mov qword ptr [rax + {kind_slot}], {kind_interrupt}
    mov ecx, 1
4:  sub rax, {iframe}
    mov [rax + 424], rcx
    mov rdx, [rsp]
    mov [rax + 280], rdx
    mov rdx, [rsp + 8]
    mov [rax + 272], rdx
    mov rdx, [rsp + 16]
    mov [rax + 256], rdx
    mov rdx, [rsp + 24]
    mov [rax + 400], rdx
    mov rdx, [rsp + 32]
    mov [rax + 408], rdx
    mov rdx, [rsp + 40]
    mov [rax + 376], rdx
    mov rdx, [rsp + 56]
    mov [rax + 384], rdx
    mov rdx, [rsp + 64]
    mov [rax + 392], rdx
    mov rsp, rax
    mov [rsp + 264], rbx
    mov [rsp + 288], rsi
    mov [rsp + 296], rdi
    mov [rsp + 304], rbp
    mov [rsp + 312], r8
    mov [rsp + 320], r9
    mov [rsp + 328], r10
    mov [rsp + 336], r11
    mov [rsp + 344], r12
    mov [rsp + 352], r13
    mov [rsp + 360], r14
    mov [rsp + 368], r15
"#,
    save_xmm!(),
    r#"
    cld
    mov rdi, rsp
    call osv_interrupt
"#,
    load_xmm!(),
    r#"
    mov rax, [rsp + 256]
    mov rbx, [rsp + 264]
    mov rcx, [rsp + 272]
    mov rdx, [rsp + 280]
    mov rsi, [rsp + 288]
    mov rdi, [rsp + 296]
    mov rbp, [rsp + 304]
    mov r8, [rsp + 312]
    mov r9, [rsp + 320]
    mov r10, [rsp + 328]
    mov r11, [rsp + 336]
    mov r12, [rsp + 344]
    mov r13, [rsp + 352]
    mov r14, [rsp + 360]
    mov r15, [rsp + 368]
    push 0x10
    push [rsp + 8 + 392]
    push [rsp + 16 + 384]
    push 0x08
    push [rsp + 32 + 376]
    iretq

    // The kernel ran out of stack, or ran on none that is known: [rdx][rcx][rax][vector][error][rip]... on the IST.
osv_stack_overflow:
    pop rdx
    pop rcx
    pop rax
    // fall through

    // NMI, double fault, machine check: on their own stacks, which they do not leave.
osv_fatal_entry:
    push r15
    push r14
    push r13
    push r12
    push r11
    push r10
    push r9
    push r8
    push rbp
    push rdi
    push rsi
    push rdx
    push rcx
    push rbx
    push rax
    cld
    mov rdi, rsp
    mov rbx, rsp
    and rsp, -16
    sub rsp, 256
"#,
    save_xmm!(),
    r#"
    call osv_fatal
"#,
    load_xmm!(),
    r#"
    mov rsp, rbx
    pop rax
    pop rbx
    pop rcx
    pop rdx
    pop rsi
    pop rdi
    pop rbp
    pop r8
    pop r9
    pop r10
    pop r11
    pop r12
    pop r13
    pop r14
    pop r15
    add rsp, 16
    iretq
    .popsection
"#,
    kst = const cpu_offset::KERNEL_STACK_TOP,
    kind_interrupt = const Kind::INTERRUPT.0,
    kind_slot = const offset_of!(Frame, kind),
    frame = const FRAME,
    iframe = const size_of::<InterruptFrame>(),
    stack_size = const crate::layout::KERNEL_STACK_SIZE,
    stack_margin = const 2048,
);

/// Offsets that the assembly spells as numbers.
const _: () = {
    assert!(offset_of!(InterruptFrame, regs) == 256);
    assert!(offset_of!(InterruptFrame, vector) == 400);
    assert!(offset_of!(InterruptFrame, from_app) == 424);
};
