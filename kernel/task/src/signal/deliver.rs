//! Delivery: what a thread does about its signals on the way back to the application.
//!
//! Three ways lead here: the end of a system call ([`exit_to_app`]), the end of an interrupt or fault in the
//! application ([`before_return_to_app`]), and a thread's entry from nothing: its start, exec and rt_sigreturn
//! ([`enter`]). All three look at the application's registers as a [`UserRegs`] and hand them to [`Delivery`].

use super::send;
use super::set::{self, Default as DefaultAction, SigSet};
use super::{Actions, RESTART};
use super::{crash, frame};
use crate::exit;
use crate::observe;
use crate::process::Process;
use crate::registry;
use crate::rseq;
use crate::status::Status;
use crate::thread::{Current, current};
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;
use osv_abi::Errno;
use osv_abi::uapi::signal::*;
use osv_base::percpu::exit_work;
use osv_hw::cpu::fpu::{self, Control, State};
use osv_hw::gate::{self, Frame, InterruptFrame, Kind, UserRegs};
use osv_hw::percpu;
use osv_sync::{NoIrq, Wait};
use spin::Once;

/// Runs a system call anew that was interrupted before it did anything: registered by `sys`.
static DISPATCH: Once<fn(&mut Frame) -> isize> = Once::new();

/// Registers how a call is run anew.
pub fn register_dispatch(dispatch: fn(&mut Frame) -> isize) {
    DISPATCH.call_once(|| dispatch);
}

/// System calls that a handler always interrupts with EINTR, SA_RESTART or not: signal(7).
fn never_restarts(nr: u64, args: &[u64; 6]) -> bool {
    const FUTEX: u64 = 202;
    // FUTEX_WAIT restarts when it has no timeout.
    nr == FUTEX && args[3] != 0
        || matches!(
            nr,
            7 | 23 | 34 | 35 | 65 | 69 | 70 | 128 | 130 | 208 | 220 | 230 | 232 | 270 | 271 | 281 | 333 | 441
        )
}

/// Takes signals until one has a handler, doing what the others ask by default. May end the process.
fn next_handled(me: &Current, regs: &UserRegs) -> Option<(Siginfo, Sigaction)> {
    loop {
        if me.is_ending() {
            exit::thread(0);
        }
        wait_while_stopped(me);
        let info = me.take_signal(SigSet(!me.mask().0))?;
        observe::signal(&info);
        let signo = info.signo.cast_unsigned();
        let process = me.process();
        let actions: &Actions = &process.actions;
        let action = actions.get(signo);
        match action.handler {
            SIG_IGN => {}
            SIG_DFL => match set::default_action(signo) {
                DefaultAction::Ignore | DefaultAction::Continue => {}
                // Nobody could continue what a terminal stopped.
                DefaultAction::Stop
                    if signo != sig::STOP && registry::is_in_orphaned_group(process.pid()) => {}
                DefaultAction::Stop => stop(process, signo),
                DefaultAction::Terminate => exit::group(Status::signaled(signo)),
                DefaultAction::Core => {
                    crash::report(me, &info, regs);
                    exit::group(Status::signaled(signo))
                }
            },
            _ => {
                if action.flags & sa::RESETHAND != 0 {
                    actions.set(signo, Sigaction::default());
                }
                return Some((info, action));
            }
        }
    }
}

fn stop(process: &Process, signo: u32) {
    process.stopped.0.store(true, Ordering::SeqCst);
    process.stop_event.store(signo, Ordering::SeqCst);
    for thread in process.threads() {
        thread.notify(exit_work::SIGNAL);
    }
    send::child_changed(process, code::CLD_STOPPED, signo);
}

fn wait_while_stopped(me: &Current) {
    let process = me.process();
    if process.stopped.0.load(Ordering::SeqCst) {
        let goes_on = || (!process.stopped.0.load(Ordering::SeqCst) || me.is_ending()).then_some(());
        let _ = process.stopped.1.wait_until(Wait::UNINTERRUPTIBLE, goes_on);
        if me.is_ending() {
            exit::thread(0);
        }
    }
}

/// Enters handlers for what is pending: changes `regs` to those that the innermost handler starts with. `state` gives
/// the extended state that was interrupted; `interrupted` what to do to the registers of an interrupted call when the
/// first handler is known. Gives whether there was a handler.
fn deliver(
    regs: &mut UserRegs,
    save_state: impl FnOnce(&mut State),
    mut interrupted: impl FnMut(&Sigaction, &mut UserRegs),
) -> bool {
    let me = current();
    me.entity.head.exit_work.fetch_and(!exit_work::SIGNAL, Ordering::SeqCst);
    let Some(mut next) = next_handled(&me, regs) else { return false };
    let mut slot = MaybeUninit::uninit();
    let state = fpu::fresh(&mut slot);
    save_state(state);
    let mut handled = false;
    loop {
        let (info, action) = next;
        interrupted(&action, regs);
        let own = me.own();
        own.sleep_until.set(None);
        let saved_mask = own.saved_mask.take();
        let mask = saved_mask.unwrap_or(me.mask());
        let stack = own.alt_stack.get();
        let fault = own.fault.take();
        rseq::before_signal(regs);
        match frame::build(&info, &action, regs, state, mask, &stack, fault) {
            Ok(entered) => {
                *regs = entered;
                handled = true;
                if stack.flags & SS_AUTODISARM != 0 {
                    own.alt_stack.set(SigStack { sp: 0, flags: SS_DISABLE, pad: 0, size: 0 });
                }
                let mut blocked = me.mask().union(SigSet(action.mask));
                if action.flags & sa::NODEFER == 0 {
                    blocked = blocked.with(info.signo.cast_unsigned());
                }
                me.set_mask(blocked);
            }
            Err(_) if info.signo.cast_unsigned() != sig::SEGV => {
                // There is no room for its frame: that is a fault, which may have a handler elsewhere.
                own.saved_mask.set(saved_mask);
                send::force(Siginfo::new(sig::SEGV, code::SI_KERNEL));
            }
            Err(_) => {
                crash::report(&me, &info, regs);
                exit::group(Status::signaled(sig::SEGV))
            }
        }
        match next_handled(&me, regs) {
            Some(another) => next = another,
            None => return handled,
        }
    }
}

/// The upcall at the end of a system call with result `ret` when there is something to do.
pub fn exit_to_app(frame: &mut Frame, mut ret: isize) -> isize {
    let me = current();
    let head = &me.entity.head;
    loop {
        let work = head.exit_work.load(Ordering::SeqCst);
        if work & exit_work::EXIT != 0 {
            exit::thread(0);
        }
        if work & exit_work::OVERDRAWN != 0 {
            crate::end_overdrawn();
        }
        if percpu::head().need_resched.load(Ordering::Relaxed) != 0 {
            osv_sched::preempt();
        }
        if work & exit_work::RSEQ != 0 {
            // A section makes no system calls, so the thread is in none.
            rseq::resume(None);
            continue;
        }
        if work & exit_work::SIGNAL == 0 {
            return ret;
        }
        let mut regs = frame.user_regs(ret);
        let trapped = frame.kind == Kind::TRAP;
        let mut pending_restart = ret == RESTART;
        let (nr, args) = (frame.nr, frame.args);
        let handled = deliver(
            &mut regs,
            |state| {
                fpu::save(state);
                if trapped {
                    put_xmm(state, &frame.xmm);
                }
            },
            |action, regs| {
                if core::mem::take(&mut pending_restart) {
                    regs.rax = if action.flags & sa::RESTART == 0 || never_restarts(nr, &args) {
                        Errno::EINTR.to_ret().cast_unsigned() as u64
                    } else {
                        make_restart(nr, &args, trapped, regs);
                        regs.rax
                    };
                }
            },
        );
        if handled {
            // A handler starts with fresh extended state, as on Linux; what was interrupted is in its frame.
            enter(regs, Extended::Initial(Control::INITIAL))
        }
        if let Some(mask) = me.own().saved_mask.take() {
            me.set_mask(mask);
        }
        if ret == RESTART {
            match DISPATCH.get() {
                Some(dispatch) => ret = dispatch(frame),
                None => ret = Errno::EINTR.to_ret(),
            }
        }
    }
}

/// The extended state that the application has at the system call of `frame`.
pub fn state_at(frame: &Frame) -> State {
    let mut state = State::initial();
    fpu::save(&mut state);
    if frame.kind == Kind::TRAP {
        put_xmm(&mut state, &frame.xmm);
    }
    state
}

/// Makes `regs` those of a thread that is about to make call `nr` again.
fn make_restart(nr: u64, args: &[u64; 6], trapped: bool, regs: &mut UserRegs) {
    regs.rax = nr;
    [regs.rdi, regs.rsi, regs.rdx, _, regs.r8, regs.r9] = *args;
    if trapped {
        regs.r10 = args[3];
        // Both `syscall` and `int 0x80` have two bytes.
        regs.rip = regs.rip.wrapping_sub(2);
    } else {
        regs.rcx = args[3];
        // Back into the gate, with the return address where the call left it.
        regs.rip = gate::vector_entry(nr);
        regs.rsp = regs.rsp.wrapping_sub(8);
    }
}

fn put_xmm(state: &mut State, xmm: &[[u64; 2]; 16]) {
    for (at, register) in xmm.iter().enumerate() {
        for (half, value) in register.iter().enumerate() {
            let offset = 160 + at * 16 + half * 8;
            state.0[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        }
    }
    // The SSE component is there.
    state.0[512] |= 2;
}

/// The upcall before an interrupt or fault returns to the application when there is something to do.
pub fn before_return_to_app(frame: &mut InterruptFrame) {
    let me = current();
    let work = me.entity.head.exit_work.load(Ordering::SeqCst);
    if work & exit_work::EXIT != 0 {
        exit::thread(0);
    }
    if work & exit_work::OVERDRAWN != 0 {
        crate::end_overdrawn();
    }
    if work & exit_work::RSEQ != 0 {
        rseq::resume(Some(&mut frame.regs));
    }
    if work & exit_work::SIGNAL == 0 {
        return;
    }
    let mut regs = frame.regs;
    let xmm = &frame.xmm;
    let handled = deliver(
        &mut regs,
        |state| {
            fpu::save(state);
            put_xmm(state, xmm);
        },
        |_, _| {},
    );
    if handled {
        frame.regs = regs;
    }
}

/// rt_sigreturn(2): goes back to what a handler interrupted. `sp` is the stack pointer at the call.
pub fn sigreturn(sp: u64) -> ! {
    let me = current();
    let mut slot = MaybeUninit::uninit();
    let state = fpu::fresh(&mut slot);
    match frame::read_back(sp, state) {
        Ok(restored) => {
            me.set_mask(restored.mask);
            let stack = restored.stack;
            if stack.flags & SS_DISABLE != 0 {
                me.own().alt_stack.set(SigStack::default());
            } else if stack.size >= MINSIGSTKSZ
                && !frame::on_alt_stack(&me.own().alt_stack.get(), restored.regs.rsp)
            {
                me.own().alt_stack.set(SigStack { flags: stack.flags & SS_AUTODISARM, pad: 0, ..stack });
            }
            enter(restored.regs, Extended::State(state))
        }
        Err(_) => {
            osv_base::error!("process {}: rt_sigreturn found no frame at {sp:#x}", me.process().pid());
            exit::group(Status::signaled(sig::SEGV))
        }
    }
}

/// The extended state to go to the application with.
#[derive(Debug)]
pub enum Extended<'a> {
    /// That of a program's start, with these control words.
    Initial(Control),
    /// This one.
    State(&'a mut State),
}

/// What is looked after before a thread goes to the application.
const LEFT_TO_DO: u32 = exit_work::EXIT | exit_work::SIGNAL | exit_work::RSEQ | exit_work::OVERDRAWN;

/// Goes to the application with these registers and this extended state, after doing what is pending. The kernel
/// stack is abandoned: callers have dropped what they own.
pub fn enter(mut regs: UserRegs, mut extended: Extended<'_>) -> ! {
    let me = current();
    loop {
        let work = me.entity.head.exit_work.load(Ordering::SeqCst);
        if work & exit_work::EXIT != 0 {
            exit::thread(0);
        }
        if work & exit_work::OVERDRAWN != 0 {
            crate::end_overdrawn();
        }
        if work & exit_work::RSEQ != 0 {
            rseq::resume(Some(&mut regs));
        }
        if work & exit_work::SIGNAL != 0 {
            let handled = deliver(
                &mut regs,
                |to| match &extended {
                    // What `to` is already, but for the control words.
                    Extended::Initial(control) => control.put(to),
                    Extended::State(state) => to.0[..fpu::size()].copy_from_slice(&state.0[..fpu::size()]),
                },
                |_, _| {},
            );
            if handled {
                // A handler starts with fresh extended state; what was interrupted is in its frame.
                extended = Extended::Initial(Control::INITIAL);
            }
        }
        let irq = NoIrq::enter();
        // With interrupts off nobody's notice can be lost between this look and the way out.
        let again = me.entity.head.exit_work.load(Ordering::SeqCst) & LEFT_TO_DO != 0;
        if !again {
            // SAFETY: the thread is in its own address space, holds no lock, and owns nothing but copies.
            unsafe {
                match extended {
                    Extended::Initial(control) => gate::enter_application_fresh(&regs, control),
                    Extended::State(state) => gate::enter_application_with(&regs, state),
                }
            }
        }
        drop(irq);
    }
}

/// The upcall for a fault of the application that nothing could mend: raises the signal.
pub fn app_fault(frame: &mut InterruptFrame) {
    let (error, vector, cr2) = (frame.error, frame.vector, frame.cr2);
    let me = current();
    let rip = frame.regs.rip;
    let info = match vector {
        0 => Siginfo::fault(sig::FPE, code::FPE_INTDIV, rip),
        1 => Siginfo::fault(sig::TRAP, code::TRAP_TRACE, rip),
        3 => Siginfo::new(sig::TRAP, code::SI_KERNEL),
        6 => Siginfo::fault(sig::ILL, code::ILL_ILLOPN, rip),
        14 => {
            let (signo, why) = me.own().page_fault.take().unwrap_or((sig::SEGV, code::SEGV_MAPERR));
            Siginfo::fault(signo, why, cr2)
        }
        16 | 19 => Siginfo::fault(sig::FPE, code::FPE_FLTINV, rip),
        17 => Siginfo::fault(sig::BUS, code::BUS_ADRALN, 0),
        _ => Siginfo::new(sig::SEGV, code::SI_KERNEL),
    };
    me.own().fault.set((error, vector, cr2));
    send::force(info);
}
