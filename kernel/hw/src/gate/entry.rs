//! The instructions of entry and exit, of system calls here and of [`interrupts`].
//!
//! All of them lie in section `.osv.entry`. An interrupt that finds a thread there sees one of these:
//!
//! * still on the application's stack, on the way in: nothing has happened yet; it is resumed as it was;
//! * on the kernel stack, on the way in: as any kernel code;
//! * between `osv_*_exit_check` and the point where rsp leaves the frame's base: the look at `exit_work` may be out of
//!   date, so the exit is rolled back to the look ([`settle`]); the frame is still whole, the result stays in rax;
//! * after that: the few registers that are left are loaded for it, so the exit is complete.
//!
//! Registers: a call may clobber what the C ABI lets a function clobber, a trap only rax, rcx and r11.

#[macro_use]
mod vectors;
mod interrupts;

use super::{Frame, InterruptFrame, Kind, UserRegs};
use core::arch::global_asm;
use core::mem::offset_of;
use osv_base::percpu::{cpu_offset, thread_offset};

/// Flags that make a call take the slow way in: TF, DF, NT, AC.
const ODD_FLAGS: u32 = 0x4_4500;
/// What a program may set of the flags: CF, PF, AF, ZF, SF, TF, DF, OF, AC, ID.
const USER_FLAGS: u64 = 0x24_0dd5;

unsafe extern "C" {
    static osv_vector: u8;
    static osv_interrupt_stubs: u8;
    static osv_entry_start: u8;
    static osv_entry_end: u8;
    static osv_call_exit_check: u8;
    static osv_call_exit_jump: u8;
    static osv_trap_exit_check: u8;
    static osv_trap_exit_popfq: u8;
    static osv_trap_exit_rsp: u8;
    static osv_trap_exit_jump: u8;
    fn osv_enter_application(regs: *const UserRegs) -> !;
    fn osv_syscall_entry();
}

pub(super) fn vector_address() -> u64 {
    (&raw const osv_vector).addr() as u64
}

/// Address of the stub for interrupt `vector`.
pub(crate) fn interrupt_stub(vector: usize) -> u64 {
    (&raw const osv_interrupt_stubs).addr() as u64 + vector as u64 * 16
}

/// Where `syscall` goes.
pub(crate) fn syscall_entry() -> u64 {
    osv_syscall_entry as *const () as u64
}

/// Registers as law 7 wants them: IF on, IOPL 0, nothing that a program may not set.
pub(crate) fn legal_flags(flags: u64) -> u64 {
    flags & USER_FLAGS | 0x202
}

pub(crate) fn canonical(addr: u64) -> bool {
    (addr as i64) << 16 >> 16 == addr as i64
}

/// See [`super::enter_application`].
///
/// # Safety
/// As there.
pub(super) unsafe fn enter_application(regs: &UserRegs) -> ! {
    let mut regs = *regs;
    crate::cpu::disable_interrupts();
    if !canonical(regs.rip) {
        regs = crate::irq::exceptions::bad_rip(regs);
    }
    regs.rflags = legal_flags(regs.rflags);
    // SAFETY: interrupts are off; the registers are a program's, and lie below the frame at the stack's top.
    unsafe { osv_enter_application(&regs) }
}

/// See [`super::enter_application_with`] and [`super::enter_application_fresh`]: `load` loads the extended state.
///
/// # Safety
/// As there.
#[inline]
pub(super) unsafe fn enter_application_after(regs: &UserRegs, load: impl FnOnce()) -> ! {
    let mut regs = *regs;
    crate::cpu::disable_interrupts();
    if !canonical(regs.rip) {
        regs = crate::irq::exceptions::bad_rip(regs);
    }
    regs.rflags = legal_flags(regs.rflags);
    // The last Rust that may use vector registers is behind us.
    load();
    // SAFETY: interrupts are off; the registers are a program's, and lie below the frame at the stack's top.
    unsafe { osv_enter_application(&regs) }
}

/// Completes or rolls back an exit that an interrupt found half done, so that the frame is either the
/// application's or that of code which looks at `exit_work` again.
pub fn settle(frame: &mut InterruptFrame) {
    let rip = frame.regs.rip;
    let points = points();
    if rip == points.call_jump || rip == points.trap_jump {
        frame.regs.rip = frame.regs.rcx;
        frame.from_app = 1;
    } else if (points.call_check..points.call_jump).contains(&rip) {
        frame.regs.rip = points.call_check;
    } else if (points.trap_check..points.trap_popfq).contains(&rip) {
        frame.regs.rip = points.trap_check;
    } else if rip == points.trap_popfq || rip == points.trap_rsp {
        // The interrupt's frame lies over the vector registers of the system call's, so there is no way back; but
        // what is left to load lies above the stack pointer.
        let word = |offset: usize| {
            let at = frame.regs.rsp as usize + offset;
            // SAFETY: the stack pointer points into the thread's frame, at its flags or its stack pointer.
            unsafe { core::ptr::with_exposed_provenance::<u64>(at).read() }
        };
        let (flags, rsp) =
            if rip == points.trap_popfq { (word(0), word(8)) } else { (frame.regs.rflags, word(0)) };
        frame.regs.rflags = flags;
        frame.regs.rsp = rsp;
        frame.regs.rip = frame.regs.rcx;
        frame.from_app = 1;
    }
}

/// Addresses of instructions on the way out.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "named as the labels are")]
pub struct Points {
    pub call_check: u64,
    pub call_jump: u64,
    pub trap_check: u64,
    pub trap_popfq: u64,
    pub trap_rsp: u64,
    pub trap_jump: u64,
}

/// The instructions between which an exit may be interrupted.
pub fn points() -> Points {
    let at = |label: *const u8| label.addr() as u64;
    Points {
        call_check: at(&raw const osv_call_exit_check),
        call_jump: at(&raw const osv_call_exit_jump),
        trap_check: at(&raw const osv_trap_exit_check),
        trap_popfq: at(&raw const osv_trap_exit_popfq),
        trap_rsp: at(&raw const osv_trap_exit_rsp),
        trap_jump: at(&raw const osv_trap_exit_jump),
    }
}

/// Whether `rip` is an instruction of this file.
pub(crate) fn in_entry_section(rip: u64) -> bool {
    ((&raw const osv_entry_start).addr() as u64..(&raw const osv_entry_end).addr() as u64).contains(&rip)
}

/// The slow way out. The frame is complete.
#[unsafe(no_mangle)]
extern "C" fn osv_exit_slow(frame: &mut Frame, ret: isize) -> isize {
    match crate::upcall::get() {
        Some(upcalls) => (upcalls.exit_to_app)(frame, ret),
        None => {
            crate::percpu::head().need_resched.store(0, core::sync::atomic::Ordering::Relaxed);
            ret
        }
    }
}

/// The way out with every register from the frame.
#[unsafe(no_mangle)]
extern "C" fn osv_exit_full(frame: &Frame, ret: isize) -> ! {
    let regs = frame.user_regs(ret);
    // SAFETY: the entry code calls this at the end of a system call, with nothing left to drop.
    unsafe { enter_application(&regs) }
}

global_asm!(
    r#"
    .pushsection .osv.entry, "ax"
    .balign 16
osv_call_stubs:
    .set nr, 0
    .rept {vector_len}
    .balign 16
    mov eax, nr
    jmp osv_call_entry
    .set nr, nr + 1
    .endr

    // By call. rax = number; arguments as in C; everything that C lets a function clobber is free.
    .balign 16
osv_call_entry:
    pop r10                             // where the application goes on
    mov r11, rsp
    mov rsp, gs:[{kst}]
    push r11
    pushfq
    push r10
    push {kind_call}
    push rax
    push r9
    push r8
    push rcx
    push rdx
    push rsi
    push rdi
    test dword ptr [rsp + {flags_from_args}], {odd_flags}
    jnz osv_call_odd_flags
osv_call_ready:
    sub rsp, {below_args}
    mov rdi, rsp
    call [osv_gate_handlers + rax * 8]
    .globl osv_call_exit_check
osv_call_exit_check:
    mov rdx, gs:[{current}]
    mov ecx, [rdx + {exit_work}]
    or ecx, gs:[{need_resched}]
    jnz osv_call_exit_slow
    mov rcx, [rsp + {rip}]
    mov rsp, [rsp + {rsp_slot}]
    .globl osv_call_exit_jump
osv_call_exit_jump:
    jmp rcx

osv_call_odd_flags:
    push 0x202
    popfq
    jmp osv_call_ready

osv_call_exit_slow:
    mov [rsp + {rbx}], rbx
    mov [rsp + {rbp}], rbp
    mov [rsp + {r12}], r12
    mov [rsp + {r13}], r13
    mov [rsp + {r14}], r14
    mov [rsp + {r15}], r15
    mov qword ptr [rsp + {full}], 0
    mov rdi, rsp
    mov rsi, rax
    call osv_exit_slow
    cmp qword ptr [rsp + {full}], 0
    je osv_call_exit_check
    mov rdi, rsp
    mov rsi, rax
    call osv_exit_full
    ud2

    // By `syscall`: rcx = rip, r11 = flags, interrupts off, rsp the application's with a live red zone below.
    .balign 16
    .globl osv_syscall_entry
osv_syscall_entry:
    mov gs:[{scratch}], rsp
    mov rsp, gs:[{kst}]
    push gs:[{scratch}]
    push r11
    push rcx
    push {kind_trap}
    mov eax, eax
    push rax
    push r9
    push r8
    push r10
    push rdx
    push rsi
    push rdi
    sti
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    sub rsp, {below_saved}
"#,
    save_xmm!(),
    r#"
    mov rdi, rsp
    cmp eax, {vector_len}
    jae osv_trap_no_row
    call [osv_gate_handlers + rax * 8]
    .globl osv_trap_exit_check
osv_trap_exit_check:
    mov rdx, gs:[{current}]
    mov ecx, [rdx + {exit_work}]
    or ecx, gs:[{need_resched}]
    jnz osv_trap_exit_slow
"#,
    load_xmm!(),
    r#"
    mov rdi, [rsp + {args}]
    mov rsi, [rsp + {args} + 8]
    mov rdx, [rsp + {args} + 16]
    mov r10, [rsp + {args} + 24]
    mov r8, [rsp + {args} + 32]
    mov r9, [rsp + {args} + 40]
    mov rcx, [rsp + {rip}]
    mov r11, [rsp + {rflags}]
    lea rsp, [rsp + {rflags}]
    .globl osv_trap_exit_popfq
osv_trap_exit_popfq:
    popfq
    .globl osv_trap_exit_rsp
osv_trap_exit_rsp:
    mov rsp, [rsp]
    .globl osv_trap_exit_jump
osv_trap_exit_jump:
    jmp rcx

osv_trap_no_row:
    mov rax, -38
    jmp osv_trap_exit_check

osv_trap_exit_slow:
    mov qword ptr [rsp + {full}], 0
    mov rdi, rsp
    mov rsi, rax
    call osv_exit_slow
    cmp qword ptr [rsp + {full}], 0
    je osv_trap_exit_check
    mov rdi, rsp
    mov rsi, rax
    call osv_exit_full
    ud2

    // rdi = registers, somewhere below the last 40 bytes of the kernel stack; interrupts off.
    .globl osv_enter_application
osv_enter_application:
    mov rsp, gs:[{kst}]
    push 0x10
    push [rdi + 136]
    push [rdi + 128]
    push 0x08
    push [rdi + 120]
    mov rax, [rdi]
    mov rbx, [rdi + 8]
    mov rcx, [rdi + 16]
    mov rdx, [rdi + 24]
    mov rsi, [rdi + 32]
    mov rbp, [rdi + 48]
    mov r8, [rdi + 56]
    mov r9, [rdi + 64]
    mov r10, [rdi + 72]
    mov r11, [rdi + 80]
    mov r12, [rdi + 88]
    mov r13, [rdi + 96]
    mov r14, [rdi + 104]
    mov r15, [rdi + 112]
    mov rdi, [rdi + 40]
    iretq

    .popsection

    .pushsection .rodata.osv_vector, "a"
    .balign 4096
    .globl osv_vector
osv_vector:
    .set nr, 0
    .rept {vector_len}
    .quad osv_call_stubs + nr * 16
    .set nr, nr + 1
    .endr
    .popsection
"#,
    vector_len = const osv_abi::shared::VECTOR_LEN,
    kst = const cpu_offset::KERNEL_STACK_TOP,
    current = const cpu_offset::CURRENT,
    need_resched = const cpu_offset::NEED_RESCHED,
    scratch = const cpu_offset::SCRATCH,
    exit_work = const thread_offset::EXIT_WORK,
    kind_call = const Kind::CALL.0,
    kind_trap = const Kind::TRAP.0,
    odd_flags = const ODD_FLAGS,
    flags_from_args = const offset_of!(Frame, rflags) - offset_of!(Frame, args),
    below_args = const offset_of!(Frame, args),
    below_saved = const offset_of!(Frame, r15),
    full = const offset_of!(Frame, full_restore),
    rbx = const offset_of!(Frame, rbx),
    rbp = const offset_of!(Frame, rbp),
    r12 = const offset_of!(Frame, r12),
    r13 = const offset_of!(Frame, r13),
    r14 = const offset_of!(Frame, r14),
    r15 = const offset_of!(Frame, r15),
    args = const offset_of!(Frame, args),
    rip = const offset_of!(Frame, rip),
    rflags = const offset_of!(Frame, rflags),
    rsp_slot = const offset_of!(Frame, rsp),
);

/// Offsets that the assembly spells as numbers.
const _: () = {
    assert!(offset_of!(UserRegs, rip) == 120);
    assert!(offset_of!(UserRegs, rsp) == 136);
    assert!(offset_of!(Frame, rflags) + 8 == offset_of!(Frame, rsp));
};
