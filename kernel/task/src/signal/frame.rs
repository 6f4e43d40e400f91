//! The frame on the application's stack: what a handler finds, and what rt_sigreturn(2) reads back.
//!
//! From the top: the extended state in XSAVE format (64-byte aligned), then `siginfo_t`, `struct ucontext`, and the
//! return address, which is the restorer. Everything read back is untrusted.

use super::set::SigSet;
use osv_abi::uapi::signal::*;
use osv_abi::{Fault, UserAddr};
use osv_hw::cpu::fpu::{self, State};
use osv_hw::gate::UserRegs;
use osv_hw::usercopy;
use zerocopy::{FromZeros, IntoBytes};

/// Below the stack pointer lies the red zone.
const RED_ZONE: u64 = 128;

/// Bytes that a handler's frame takes at most: AT_MINSIGSTKSZ.
pub fn largest() -> u64 {
    (size_of::<RtSigframe>() + fpu::size() + 4 + 64 + 16 + RED_ZONE as usize) as u64
}

/// Whether `sp` lies on the alternate stack.
pub fn on_alt_stack(stack: &SigStack, sp: u64) -> bool {
    stack.flags & (SS_DISABLE | SS_AUTODISARM) == 0
        && stack.size != 0
        && sp > stack.sp
        && sp - stack.sp <= stack.size
}

/// The flags that sigaltstack(2) reports.
pub fn stack_flags(stack: &SigStack, sp: u64) -> u32 {
    if stack.size == 0 {
        SS_DISABLE
    } else if on_alt_stack(stack, sp) {
        SS_ONSTACK
    } else {
        stack.flags & SS_AUTODISARM
    }
}

/// Writes the frame for a handler of `info`, and gives the registers that it starts with. `regs` and `state` are what
/// was interrupted, `mask` what is to be blocked after the return, `alt_stack` the thread's.
pub(super) fn build(
    info: &Siginfo,
    action: &Sigaction,
    regs: &UserRegs,
    state: &mut State,
    mask: SigSet,
    alt_stack: &SigStack,
    fault: (u64, u64, u64),
) -> Result<UserRegs, Fault> {
    let mut sp = regs.rsp.wrapping_sub(RED_ZONE);
    let nested = on_alt_stack(alt_stack, regs.rsp);
    let switch = action.flags & sa::ONSTACK != 0 && alt_stack.size != 0 && !nested;
    if switch {
        sp = alt_stack.sp.wrapping_add(alt_stack.size);
    }
    let size = fpu::size();
    let extended = fpu::enabled() != 0;
    let tail = if extended { 4 } else { 0 };
    let state_at = sp.wrapping_sub((size + tail) as u64) & !63;
    // As at a function's entry: 8 below a multiple of 16.
    let frame_at = (state_at.wrapping_sub(size_of::<RtSigframe>() as u64) & !15).wrapping_sub(8);
    if (switch || nested) && alt_stack.flags & SS_AUTODISARM == 0 && frame_at <= alt_stack.sp {
        return Err(Fault);
    }

    if extended {
        // struct _fpx_sw_bytes: magic, sizes, components.
        let words = &mut state.0[FP_SW_BYTES..512];
        words.fill(0);
        words[..4].copy_from_slice(&FP_XSTATE_MAGIC1.to_le_bytes());
        words[4..8].copy_from_slice(&((size + tail) as u32).to_le_bytes());
        words[8..16].copy_from_slice(&fpu::enabled().to_le_bytes());
        words[16..20].copy_from_slice(&(size as u32).to_le_bytes());
    }
    usercopy::copy_out(UserAddr(state_at), &state.0[..size])?;
    if extended {
        usercopy::copy_out(UserAddr(state_at).add(size), &FP_XSTATE_MAGIC2.to_le_bytes())?;
    }

    let (error, trap, cr2) = fault;
    let frame = RtSigframe {
        pretcode: action.restorer,
        uc: Ucontext {
            flags: UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | if extended { UC_FP_XSTATE } else { 0 },
            link: 0,
            stack: SigStack { flags: stack_flags(alt_stack, regs.rsp), ..*alt_stack },
            mcontext: Sigcontext {
                r8: regs.r8,
                r9: regs.r9,
                r10: regs.r10,
                r11: regs.r11,
                r12: regs.r12,
                r13: regs.r13,
                r14: regs.r14,
                r15: regs.r15,
                rdi: regs.rdi,
                rsi: regs.rsi,
                rbp: regs.rbp,
                rbx: regs.rbx,
                rdx: regs.rdx,
                rax: regs.rax,
                rcx: regs.rcx,
                rsp: regs.rsp,
                rip: regs.rip,
                eflags: regs.rflags,
                // What programs expect to see; both are ignored on return.
                cs: 0x33,
                gs: 0,
                fs: 0,
                ss: 0x2b,
                err: error,
                trapno: trap,
                oldmask: mask.0,
                cr2,
                fpstate: state_at,
                reserved: [0; 8],
            },
            sigmask: mask.0,
        },
        info: *info,
    };
    usercopy::copy_out(UserAddr(frame_at), frame.as_bytes())?;
    let uc_at = frame_at + core::mem::offset_of!(RtSigframe, uc) as u64;
    let info_at = frame_at + core::mem::offset_of!(RtSigframe, info) as u64;
    Ok(UserRegs {
        rax: 0,
        rdi: info.signo.cast_unsigned().into(),
        rsi: info_at,
        rdx: uc_at,
        rsp: frame_at,
        rip: action.handler,
        // DF, TF and RF off, as Linux.
        rflags: regs.rflags & !0x1_0500,
        ..*regs
    })
}

/// What rt_sigreturn(2) found.
pub(super) struct Restored {
    pub(super) regs: UserRegs,
    pub(super) mask: SigSet,
    pub(super) stack: SigStack,
}

/// Flags that an application may set: the arithmetic ones, TF, DF, NT, RF, AC, ID.
const FLAGS: u64 = 0x0025_4dd5;

/// Reads the frame back whose return address has just been popped: `sp` points behind it. Fills `state`, which is that
/// of a program's start.
pub(super) fn read_back(sp: u64, state: &mut State) -> Result<Restored, Fault> {
    let mut uc = Ucontext::new_zeroed();
    let at = sp.wrapping_add(core::mem::offset_of!(RtSigframe, uc) as u64 - 8);
    usercopy::copy_in(uc.as_mut_bytes(), UserAddr(at))?;
    let m = &uc.mcontext;
    if m.fpstate != 0 {
        read_state(UserAddr(m.fpstate), state)?;
    }
    Ok(Restored {
        regs: UserRegs {
            rax: m.rax,
            rbx: m.rbx,
            rcx: m.rcx,
            rdx: m.rdx,
            rsi: m.rsi,
            rdi: m.rdi,
            rbp: m.rbp,
            r8: m.r8,
            r9: m.r9,
            r10: m.r10,
            r11: m.r11,
            r12: m.r12,
            r13: m.r13,
            r14: m.r14,
            r15: m.r15,
            // Wherever that is: entry code turns what is not canonical into a fault of the application. An
            // interrupted call that came through the vector goes back into the vector.
            rip: m.rip,
            rflags: m.eflags & FLAGS | 0x202,
            rsp: m.rsp,
        },
        mask: SigSet(uc.sigmask),
        stack: uc.stack,
    })
}

/// Reads the extended state: the whole XSAVE image when it says that it is one, else the FXSAVE part.
fn read_state(at: UserAddr, state: &mut State) -> Result<(), Fault> {
    usercopy::copy_in(&mut state.0[..512], at)?;
    let size = fpu::size();
    let word = |offset: usize| {
        state.0[offset..offset + 4].iter().rev().fold(0u32, |value, &byte| value << 8 | u32::from(byte))
    };
    let claims = word(FP_SW_BYTES) == FP_XSTATE_MAGIC1 && word(FP_SW_BYTES + 16) as usize == size;
    if fpu::enabled() == 0 {
        return Ok(());
    }
    let mut magic2 = [0; 4];
    if claims
        && usercopy::copy_in(&mut magic2, at.add(size)).is_ok()
        && u32::from_le_bytes(magic2) == FP_XSTATE_MAGIC2
    {
        usercopy::copy_in(&mut state.0[512..size], at.add(512))?;
    } else {
        // x87 and SSE only; the rest starts anew.
        state.0[512..520].copy_from_slice(&3u64.to_le_bytes());
    }
    Ok(())
}
