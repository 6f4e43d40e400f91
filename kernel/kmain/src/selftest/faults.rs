//! Law 5: interrupt stacks and where frames go; and what an application's mistakes become.

use super::app::{self, CODE, End, HOLE, blob};
use super::{check, test};
use core::sync::atomic::Ordering;

fn fault(end: End) -> Result<osv_hw::gate::InterruptFrame, &'static str> {
    match end {
        End::Fault(frame) => Ok(frame),
        End::Done(_) => Err("no fault"),
    }
}

test!(EVERY_GATE_HAS_AN_INTERRUPT_STACK, {
    let mut pointer = [0u8; 10];
    // SAFETY: stores ten bytes.
    unsafe { core::arch::asm!("sidt [{}]", in(reg) pointer.as_mut_ptr(), options(nostack)) };
    let limit = u16::from_le_bytes([pointer[0], pointer[1]]);
    let base = u64::from_le_bytes(pointer[2..].try_into().map_err(|_| "size")?);
    check(limit == 4095, "256 gates")?;
    for vector in 0..256 {
        // SAFETY: inside the table that the CPU uses.
        let low =
            unsafe { core::ptr::with_exposed_provenance::<u64>(base as usize + vector * 16).read_volatile() };
        check(low >> 47 & 1 != 0, "present")?;
        check(low >> 32 & 7 != 0, "names a stack")?;
        check(low >> 40 & 15 == 14, "turns interrupts off")?;
    }
    Ok(())
});

test!(NULL_IS_A_FAULT_OF_THE_APPLICATION, {
    let frame = fault(app::run(blob!(null, "xor eax, eax", "mov rdi, [rax + 8]"), 0, |_| {}))?;
    check(frame.vector == 14 && frame.cr2 == 8 && frame.regs.rip == CODE + 2 && frame.from_app == 1, "frame")
});

test!(ILLEGAL_INSTRUCTION_IS_A_FAULT_OF_THE_APPLICATION, {
    let frame = fault(app::run(blob!(illegal, "mov edi, 5", "ud2"), 0, |_| {}))?;
    check(frame.vector == 6 && frame.regs.rdi == 5 && frame.regs.rip == CODE + 5, "frame")
});

test!(A_LEGACY_SYSTEM_CALL_IS_A_FAULT_OF_THE_APPLICATION, {
    let frame = fault(app::run(blob!(legacy, "mov eax, 1", "int 0x80"), 0, |_| {}))?;
    check(frame.vector == 13 && frame.from_app == 1, "frame")
});

test!(A_DIVISION_BY_ZERO_IS_A_FAULT_OF_THE_APPLICATION, {
    let frame = fault(app::run(blob!(divide, "xor ecx, ecx", "div ecx"), 0, |_| {}))?;
    check(frame.vector == 0 && frame.from_app == 1, "frame")
});

test!(A_JUMP_OUT_OF_THE_ADDRESS_SPACE_IS_A_FAULT_OF_THE_APPLICATION, {
    let frame = fault(app::run(blob!(far, "mov rax, 0x8000000000000000", "jmp rax"), 0, |_| {}))?;
    check(frame.vector == 13 && frame.from_app == 1, "frame")
});

test!(A_JUMP_INTO_THE_KERNELS_HALF_IS_A_FAULT_OF_THE_APPLICATION, {
    let frame = fault(app::run(blob!(upper, "mov rax, 0xffff800000100000", "jmp rax"), 0, |_| {}))?;
    check(frame.vector == 14 && frame.from_app == 1, "frame")
});

test!(RETURNING_TO_A_WILD_ADDRESS_IS_A_FAULT_OF_THE_APPLICATION, {
    // The return address of a call is changed before the handler is through: as a corrupt stack would.
    let code = blob!(wild, "mov rax, 0x8000000000000000", "push rax", "mov eax, 1", "jmp [rdi + 8]",);
    let frame = fault(app::run(code, 0, |_| {}))?;
    check(frame.vector == 13 && frame.from_app == 1 && frame.regs.rip == 1 << 63, "frame")
});

test!(ENTERING_AT_A_WILD_ADDRESS_IS_A_FAULT_OF_THE_APPLICATION, {
    let frame = fault(app::run(&[0x90], 0, |regs| regs.rip = 1 << 63))?;
    check(frame.vector == 13 && frame.from_app == 1, "frame")
});

test!(A_BAD_STACK_IS_A_FAULT_OF_THE_APPLICATION, {
    let frame = fault(app::run(blob!(bad_stack, "mov esp, 0x1000", "push rax"), 0, |_| {}))?;
    check(frame.vector == 14 && frame.cr2 == 0xff8, "frame")
});

test!(SINGLE_STEPPING_REACHES_THE_APPLICATION, {
    let frame = fault(app::run(blob!(step, "push 0x302", "popfq", "nop", "nop"), 0, |_| {}))?;
    check(frame.vector == 1 && frame.from_app == 1, "a debug exception")
});

test!(A_PAGE_FAULT_IS_SERVED_WITH_INTERRUPTS_ON, {
    let code = blob!(
        hole,
        "mov rax, 0x12345678",
        "mov [rsp - 8], rax",
        "mov [rsp - 128], rax",
        "movq xmm5, rax",
        "mov rcx, 0x700010",
        "mov [rcx], rax",
        "mov rdi, [rcx]",
        "mov rsi, [rsp - 8]",
        "mov rdx, [rsp - 128]",
        "movq r10, xmm5",
        "mov r8, rax",
        "xor eax, eax",
        "syscall",
    );
    let before = app::TICKS.load(Ordering::Relaxed);
    let end = app::run(code, 50_000, |_| {});
    app::unmap_hole();
    let End::Done(frame) = end else { return Err("the application faulted") };
    check(frame.args[..5] == [0x1234_5678; 5], "memory, red zone and registers")?;
    check(app::TICKS.load(Ordering::Relaxed) >= before + 3 && HOLE == 0x70_0000, "the timer ticked meanwhile")
});
