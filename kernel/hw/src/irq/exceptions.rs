//! What entry code calls on interrupts and exceptions, and the way back out of them.

use crate::gate::{InterruptFrame, UserRegs, entry};
use crate::upcall::{self, Access};
use crate::{cpu, percpu, usercopy};
use core::sync::atomic::Ordering::Relaxed;

const IF: u64 = 1 << 9;
const TF: u64 = 1 << 8;
const DEBUG: u64 = 1;
const GENERAL_PROTECTION: u64 = 13;
const PAGE_FAULT: u64 = 14;

/// Every interrupt and exception but NMI, double fault and machine check. Interrupts are off, on entry and on return.
#[unsafe(no_mangle)]
extern "C" fn osv_interrupt(frame: &mut InterruptFrame) {
    match frame.vector {
        PAGE_FAULT => page_fault(frame),
        0..32 => exception(frame),
        _ => super::dispatch(frame),
    }
    leave(frame);
}

fn page_fault(frame: &mut InterruptFrame) {
    let addr = cpu::read_cr2();
    frame.cr2 = addr;
    let lower = addr >> 47 == 0;
    let access = Access {
        protection: frame.error & 1 != 0,
        write: frame.error & 2 != 0,
        execute: frame.error & 16 != 0,
    };
    if frame.from_app != 0 {
        entry::settle(frame);
        if !(lower && resolve(addr, access, frame)) {
            app_fault(frame);
        }
        return;
    }
    let Some(fixup) = usercopy::fixup(frame.regs.rip) else { kernel_fault(frame) };
    let may_sleep = percpu::head().pagefault_disabled.load(Relaxed) == 0;
    if !(lower && may_sleep && resolve(addr, access, frame)) {
        frame.regs.rip = fixup;
    }
}

fn resolve(addr: u64, access: Access, frame: &mut InterruptFrame) -> bool {
    let Some(upcalls) = upcall::get() else { return false };
    with_interrupts_of(frame, |frame| (upcalls.page_fault)(addr, access, frame))
}

/// Runs `f` with interrupts as they were where the exception happened.
fn with_interrupts_of<R>(frame: &mut InterruptFrame, f: impl FnOnce(&mut InterruptFrame) -> R) -> R {
    if frame.regs.rflags & IF != 0 {
        cpu::enable_interrupts();
    }
    let result = f(frame);
    cpu::disable_interrupts();
    result
}

fn exception(frame: &mut InterruptFrame) {
    if frame.vector == DEBUG && frame.regs.rip >> 63 != 0 {
        // Single-stepping ran into the kernel. On the way out the flag is the application's again.
        let before = frame.regs.rip;
        entry::settle(frame);
        if frame.regs.rip == before {
            frame.regs.rflags &= !TF;
        }
        return;
    }
    if frame.from_app != 0 {
        entry::settle(frame);
        app_fault(frame);
        return;
    }
    match usercopy::fixup(frame.regs.rip) {
        Some(fixup) if frame.vector == GENERAL_PROTECTION => frame.regs.rip = fixup,
        _ => kernel_fault(frame),
    }
}

/// The application executed an `int` that is no system call here.
pub(super) fn software_interrupt(frame: &mut InterruptFrame) {
    if frame.from_app == 0 {
        kernel_fault(frame);
    }
    frame.error = frame.vector * 8 + 2;
    frame.vector = GENERAL_PROTECTION;
    app_fault(frame);
}

fn app_fault(frame: &mut InterruptFrame) {
    match upcall::get() {
        Some(upcalls) => with_interrupts_of(frame, upcalls.app_fault),
        None => fatal("application fault before there was an application", frame),
    }
}

fn kernel_fault(frame: &InterruptFrame) -> ! {
    fatal("kernel fault", frame)
}

fn fatal(what: &str, frame: &InterruptFrame) -> ! {
    let regs = &frame.regs;
    crate::backtrace::note_fault(regs.rip, regs.rbp);
    panic!(
        "{what}: vector {} error {:#x} cr2 {:#x} rip {:#x} rsp {:#x} rflags {:#x}\n\
         rax {:#x} rbx {:#x} rcx {:#x} rdx {:#x} rsi {:#x} rdi {:#x} rbp {:#x}\n\
         r8 {:#x} r9 {:#x} r10 {:#x} r11 {:#x} r12 {:#x} r13 {:#x} r14 {:#x} r15 {:#x}",
        frame.vector,
        frame.error,
        frame.cr2,
        regs.rip,
        regs.rsp,
        regs.rflags,
        regs.rax,
        regs.rbx,
        regs.rcx,
        regs.rdx,
        regs.rsi,
        regs.rdi,
        regs.rbp,
        regs.r8,
        regs.r9,
        regs.r10,
        regs.r11,
        regs.r12,
        regs.r13,
        regs.r14,
        regs.r15,
    )
}

/// The way back: preempts, lets the application's thread look at its work, and settles a half-done exit.
fn leave(frame: &mut InterruptFrame) {
    let Some(upcalls) = upcall::get() else { return };
    loop {
        let head = percpu::head();
        let may_preempt = head.preempt_count.load(Relaxed) == 0
            && head.current.load(Relaxed) != 0
            && frame.regs.rflags & IF != 0;
        if may_preempt && head.need_resched.load(Relaxed) != 0 {
            (upcalls.preempt)();
            continue;
        }
        if entry::in_entry_section(frame.regs.rip) {
            entry::settle(frame);
        }
        if frame.from_app != 1 {
            return;
        }
        // SAFETY: an application runs only on a thread, whose head is current.
        if unsafe { (*percpu::current()).exit_work.load(Relaxed) } != 0 {
            cpu::enable_interrupts();
            (upcalls.before_return_to_app)(frame);
            cpu::disable_interrupts();
            continue;
        }
        if entry::canonical(frame.regs.rip) {
            frame.regs.rflags = entry::legal_flags(frame.regs.rflags);
            return;
        }
        frame.vector = GENERAL_PROTECTION;
        frame.error = 0;
        app_fault(frame);
    }
}

/// A program is about to be entered at an address that cannot be loaded: it gets the fault that it would get.
pub(crate) fn bad_rip(regs: UserRegs) -> UserRegs {
    let mut frame =
        InterruptFrame { xmm: [[0; 2]; 16], regs, vector: GENERAL_PROTECTION, error: 0, cr2: 0, from_app: 1 };
    app_fault(&mut frame);
    leave(&mut frame);
    frame.regs
}

/// What is on the stack of a fatal exception.
#[repr(C)]
struct FatalFrame {
    rax: u64,
    rbx: u64,
    rcx: u64,
    rdx: u64,
    rsi: u64,
    rdi: u64,
    rbp: u64,
    r: [u64; 8],
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

/// NMI, double fault, machine check, and any exception for which the kernel has no stack left.
#[unsafe(no_mangle)]
extern "C" fn osv_fatal(frame: &mut FatalFrame) {
    if frame.vector == 2 {
        crate::smp::nmi();
        return;
    }
    let what = match frame.vector {
        8 => "double fault",
        18 => "machine check",
        _ => "exception without a kernel stack (overflow?)",
    };
    crate::backtrace::note_fault(frame.rip, frame.rbp);
    panic!(
        "{what}: vector {} error {:#x} cr2 {:#x} rip {:#x} rsp {:#x} rflags {:#x}\n\
         rax {:#x} rbx {:#x} rcx {:#x} rdx {:#x} rsi {:#x} rdi {:#x} r8.. {:x?}",
        frame.vector,
        frame.error,
        cpu::read_cr2(),
        frame.rip,
        frame.rsp,
        frame.rflags,
        frame.rax,
        frame.rbx,
        frame.rcx,
        frame.rdx,
        frame.rsi,
        frame.rdi,
        frame.r
    )
}
