//! Laws 1 to 4 and 7: entry and exit.

use super::app::{self, CODE, End, STACK_TOP, blob};
use super::{check, test};
use core::sync::atomic::Ordering;

fn done(end: End) -> Result<osv_hw::gate::Frame, &'static str> {
    match end {
        End::Done(frame) => Ok(frame),
        End::Fault(_) => Err("the application faulted"),
    }
}

test!(CALL_KEEPS_WHAT_C_KEEPS, {
    let code = blob!(
        call_keeps,
        "mov r15, rdi",
        "mov rbx, 1",
        "mov rbp, 2",
        "mov r12, 3",
        "mov r13, 4",
        "mov r14, 5",
        "mov r8, rsp",
        "push r8",
        "mov edi, 41",
        "call [r15 + 8]",
        "pop r8",
        "sub r8, rsp",
        "mov rdi, rax",
        "mov rsi, rbx",
        "mov rdx, r12",
        "mov rcx, r13",
        "mov r9, rbp",
        "call [r15]",
    );
    let frame = done(app::run(code, 0, |_| {}))?;
    check(frame.args == [42, 1, 3, 4, 0, 2], "registers after a call")?;
    check(frame.rsp == STACK_TOP - 256, "stack pointer in the frame")?;
    check(frame.rip == CODE + code.len() as u64, "return address in the frame")
});

test!(TRAP_KEEPS_ALL_BUT_RAX_RCX_R11, {
    let code = blob!(
        trap_keeps,
        "mov r15, rdi",
        "mov rbx, 1",
        "mov rbp, 2",
        "mov r12, 3",
        "mov r13, 4",
        "mov r14, 5",
        "mov rdi, 6",
        "mov rsi, 7",
        "mov rdx, 8",
        "mov r10, 9",
        "mov r8, 10",
        "mov r9, 11",
        "mov rax, 0x1234567",
        "movq xmm0, rax",
        "movq xmm7, rax",
        "movq xmm15, rax",
        "mov [rsp - 8], rax",
        "mov [rsp - 128], rax",
        "mov eax, 2",
        "syscall",
        // Whatever differs from what was set adds to rdi.
        "sub rdi, 6",
        "sub rsi, 7",
        "or rdi, rsi",
        "sub rdx, 8",
        "or rdi, rdx",
        "sub r10, 9",
        "or rdi, r10",
        "sub r8, 10",
        "or rdi, r8",
        "sub r9, 11",
        "or rdi, r9",
        "dec rbx",
        "or rdi, rbx",
        "sub rbp, 2",
        "or rdi, rbp",
        "sub r12, 3",
        "or rdi, r12",
        "sub r13, 4",
        "or rdi, r13",
        "sub r14, 5",
        "or rdi, r14",
        "mov rsi, 0x1234567",
        "movq rdx, xmm0",
        "xor rdx, rsi",
        "or rdi, rdx",
        "movq rdx, xmm7",
        "xor rdx, rsi",
        "or rdi, rdx",
        "movq rdx, xmm15",
        "xor rdx, rsi",
        "or rdi, rdx",
        "mov rdx, [rsp - 8]",
        "xor rdx, rsi",
        "or rdi, rdx",
        "mov rdx, [rsp - 128]",
        "xor rdx, rsi",
        "or rdi, rdx",
        "xor eax, eax",
        "syscall",
    );
    check(done(app::run(code, 0, |_| {}))?.args[0] == 0, "a register or the red zone changed")
});

test!(TRAP_WITHOUT_ROW_IS_ENOSYS, {
    let code = blob!(
        no_row,
        "mov eax, 512",
        "syscall",
        "mov rdi, rax",
        "mov eax, -1",
        "syscall",
        "mov rsi, rax",
        "mov eax, 400",
        "syscall",
        "mov rdx, rax",
        "xor eax, eax",
        "syscall",
    );
    let enosys = -38i64 as u64;
    check(done(app::run(code, 0, |_| {}))?.args[..3] == [enosys; 3], "result")
});

test!(CALL_AND_TRAP_CLEAR_DF_TF_NT, {
    let code = blob!(
        odd_flags,
        "mov r15, rdi",
        "push 0x44602",
        "popfq",
        "call [r15 + 16]",
        "mov rbx, rax",
        "push 0x44602",
        "popfq",
        "mov eax, 2",
        "syscall",
        "mov rsi, rax",
        "mov rdi, rbx",
        "push 0x202",
        "popfq",
        "xor eax, eax",
        "syscall",
    );
    let frame = done(app::run(code, 0, |_| {}))?;
    check(frame.args[0] & 0x4_4500 == 0, "flags in a called handler")?;
    check(frame.args[1] & 0x4_4500 == 0, "flags in a trapped handler")?;
    check(frame.args[0] & frame.args[1] & 0x200 != 0, "interrupts are on in handlers")
});

test!(TRAP_RESTORES_FLAGS, {
    let code = blob!(
        trap_flags,
        "push 0x602",
        "popfq",
        "stc",
        "mov eax, 1",
        "syscall",
        "pushfq",
        "pop rdi",
        "cld",
        "xor eax, eax",
        "syscall",
    );
    check(done(app::run(code, 0, |_| {}))?.args[0] & 0x601 == 0x601, "DF and CF after a trap")
});

test!(ENTERING_FORCES_IF_AND_IOPL, {
    let code = blob!(forced_flags, "pushfq", "pop rdi", "xor eax, eax", "syscall");
    let frame = done(app::run(code, 0, |regs| regs.rflags = 0x7002))?;
    check(frame.args[0] & 0x7200 == 0x200, "IF on, IOPL 0, NT off")
});

test!(EXIT_WORK_IS_DONE_BY_CALL_AND_BY_TRAP, {
    let code = blob!(
        exit_work,
        "mov r15, rdi",
        "mov ebx, 10",
        "mov r12, rsp",
        "call [r15 + 24]",
        "sub r12, rsp",
        "mov r14, rax",
        "mov eax, 3",
        "syscall",
        "mov rdi, rbx",
        "mov rsi, rax",
        "mov rdx, r14",
        "mov r10, r12",
        "xor eax, eax",
        "syscall",
    );
    let before = app::EXITS.load(Ordering::Relaxed);
    let frame = done(app::run(code, 0, |_| {}))?;
    check(app::EXITS.load(Ordering::Relaxed) == before + 2, "the upcall ran twice")?;
    check(frame.args[..4] == [12, 7, 7, 0], "a changed register, the results, the stack pointer")
});

test!(RED_ZONE_SURVIVES_INTERRUPTS, {
    let code = blob!(
        red_zone,
        "mov rcx, 2000000",
        "mov rax, 0x55aa55aa",
        "mov [rsp - 8], rax",
        "mov [rsp - 64], rax",
        "mov [rsp - 128], rax",
        "movq xmm3, rax",
        "2: cmp [rsp - 8], rax",
        "jne 3f",
        "cmp [rsp - 64], rax",
        "jne 3f",
        "cmp [rsp - 128], rax",
        "jne 3f",
        "movq rdx, xmm3",
        "cmp rdx, rax",
        "jne 3f",
        "dec rcx",
        "jnz 2b",
        "3: mov rdi, rcx",
        "xor eax, eax",
        "syscall",
    );
    // On a busy host an emulated timer may be late: again until there were enough.
    let enough = app::TICKS.load(Ordering::Relaxed) + 10;
    for _ in 0..200 {
        let frame = done(app::run(code, 20_000, |_| {}))?;
        check(frame.args[0] == 0, "the red zone or a register changed")?;
        if app::TICKS.load(Ordering::Relaxed) > enough {
            return Ok(());
        }
    }
    Err("the timer ticked")
});

test!(SPINNING_APPLICATION_GETS_ITS_WORK, {
    let code = blob!(spin, "2: jmp 2b", "nop", "nop", "mov rdi, 77", "xor eax, eax", "syscall");
    app::TICK_WORK.store(1, Ordering::Relaxed);
    let leave: fn(&mut osv_hw::gate::InterruptFrame) = |frame| frame.regs.rip = CODE + 2;
    app::ON_RETURN.store(leave as *mut (), Ordering::Relaxed);
    check(done(app::run(code, 100_000, |_| {}))?.args[0] == 77, "left the loop")
});

test!(A_HALF_DONE_EXIT_IS_ROLLED_BACK_OR_COMPLETED, {
    use osv_hw::gate::exits::{points, settle};
    use osv_hw::gate::{InterruptFrame, UserRegs};
    let at = |rip, rsp, from_app| {
        let regs = UserRegs { rip, rsp, rcx: 0x1234, rax: 5, ..UserRegs::default() };
        let mut frame = InterruptFrame { xmm: [[0; 2]; 16], regs, vector: 240, error: 0, cr2: 0, from_app };
        settle(&mut frame);
        (frame.regs.rip, frame.regs.rsp, frame.from_app, frame.regs.rax)
    };
    let points = points();
    let base = 0xffff_c000_0000_1000;
    for rip in points.call_check..points.call_jump {
        check(at(rip, base, 0) == (points.call_check, base, 0, 5), "a call looks again")?;
    }
    for rip in points.trap_check..points.trap_popfq {
        check(at(rip, base, 0) == (points.trap_check, base, 0, 5), "a trap looks again")?;
    }
    let words = [0x246u64, 0x7000];
    let flags = words.as_ptr().expose_provenance() as u64;
    check(at(points.trap_popfq, flags, 0) == (0x1234, 0x7000, 1, 5), "before the flags are loaded")?;
    check(at(points.trap_rsp, flags + 8, 0) == (0x1234, 0x7000, 1, 5), "after the flags are loaded")?;
    for jump in [points.call_jump, points.trap_jump] {
        check(at(jump, 0x7000, 2) == (0x1234, 0x7000, 1, 5), "the last jump is completed")?;
    }
    check(at(CODE, 0x7000, 1) == (CODE, 0x7000, 1, 5), "the application is left alone")
});

test!(TICKS_AT_ANY_POINT_OF_ENTRY_AND_EXIT, {
    let code = blob!(
        exits,
        "mov r15, rdi",
        "mov rbx, 300000",
        "mov r12, 0x5a5a",
        "mov [rsp - 128], r12",
        "2: mov edi, 1",
        "call [r15 + 8]",
        "cmp rax, 2",
        "jne 3f",
        "movq xmm6, r12",
        "mov edi, 1",
        "mov eax, 1",
        "syscall",
        "cmp rax, 2",
        "jne 3f",
        "movq r14, xmm6",
        "cmp r14, r12",
        "jne 3f",
        "cmp [rsp - 128], r12",
        "jne 3f",
        "dec rbx",
        "jnz 2b",
        "3: mov rdi, rsp",
        "mov rsi, rbx",
        "xor eax, eax",
        "syscall",
    );
    let enough = app::TICKS.load(Ordering::Relaxed) + 20;
    for _ in 0..20 {
        app::TICK_WORK.store(1, Ordering::Relaxed);
        let frame = done(app::run(code, 7_000, |_| {}))?;
        check(frame.args[..2] == [STACK_TOP - 256, 0], "results, stack pointer, red zone, xmm")?;
        if app::TICKS.load(Ordering::Relaxed) > enough {
            return Ok(());
        }
    }
    Err("the timer ticked")
});

test!(THREADS_KEEP_THEIR_VECTOR_STATE, {
    let code = blob!(
        vectors,
        "mov rax, 0x1122334455667788",
        "movq xmm9, rax",
        "movq mm2, rax",
        "mov eax, 1",
        "mov edi, 3",
        "syscall",
        "movq rsi, mm2",
        "emms",
        "movq rdi, xmm9",
        "xor eax, eax",
        "syscall",
    );
    let frame = done(app::run(code, 0, |_| {}))?;
    check(frame.args[..2] == [0x1122_3344_5566_7788; 2], "xmm and mmx")
});
