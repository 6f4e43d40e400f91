//! Signals.

use crate::cx::Cx;
use crate::time::timeout_instant;
use osv_abi::arg::{In, Int, Out, Pid, Sig, Size};
use osv_abi::uapi::signal::*;
use osv_abi::uapi::time::Timespec;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Fail, Res};
use osv_sync::park::{self, Woken};
use osv_task::signal::{SigSet, deliver, frame, send};
use osv_task::{Process, registry};
use zerocopy::{FromZeros, IntoBytes};

/// The size of the kernel's sigset_t.
fn check_size(size: Size) -> Result<(), Errno> {
    if size.0 == 8 { Ok(()) } else { Err(Errno::EINVAL) }
}

/// A signal's number; 0 is one where `null` says so.
fn number(signo: Sig, null: bool) -> Result<u32, Errno> {
    match u32::try_from(signo.0) {
        Ok(signo) if signo <= sig::MAX && (signo > 0 || null) => Ok(signo),
        _ => Err(Errno::EINVAL),
    }
}

/// rt_sigaction(2).
pub fn rt_sigaction(
    cx: &mut Cx<'_>,
    signo: Sig,
    new: In<Sigaction>,
    old: Out<Sigaction>,
    size: Size,
) -> Res<()> {
    check_size(size)?;
    let new = new.read_opt(cx)?;
    let signo = number(signo, false)?;
    if new.is_some() && SigSet::UNBLOCKABLE.has(signo) {
        return Err(Errno::EINVAL.into());
    }
    let before = match new {
        None => cx.process().actions.get(signo),
        Some(mut action) => {
            // Unknown flags are cleared, so that programs can find out which ones are known.
            action.flags &= sa::NOCLDSTOP
                | sa::NOCLDWAIT
                | sa::SIGINFO
                | sa::ONSTACK
                | sa::RESTART
                | sa::NODEFER
                | sa::RESETHAND
                | sa::RESTORER;
            action.mask = SigSet(action.mask).minus(SigSet::UNBLOCKABLE).0;
            let process = cx.process();
            let before = process.actions.set(signo, action);
            if process.actions.ignores(signo) {
                // POSIX: what is pending and becomes ignored is discarded.
                let set = SigSet::EMPTY.with(signo);
                process.pending.lock().discard(set);
                for thread in process.threads() {
                    thread.pending.lock().discard(set);
                }
            }
            before
        }
    };
    Ok(old.write_opt(cx, &before)?)
}

/// rt_sigprocmask(2).
pub fn rt_sigprocmask(cx: &mut Cx<'_>, operation: Int, new: In<u64>, old: Out<u64>, size: Size) -> Res<()> {
    check_size(size)?;
    let current = osv_task::current();
    let before = current.mask();
    if let Some(set) = new.read_opt(cx)? {
        let set = SigSet(set);
        current.set_mask(match operation.0 {
            how::BLOCK => before.union(set),
            how::UNBLOCK => before.minus(set),
            how::SETMASK => set,
            _ => return Err(Errno::EINVAL.into()),
        });
    }
    Ok(old.write_opt(cx, &before.0)?)
}

/// rt_sigpending(2).
pub fn rt_sigpending(cx: &mut Cx<'_>, set: UserAddr, size: Size) -> Res<()> {
    if size.0 > 8 {
        return Err(Errno::EINVAL.into());
    }
    let current = osv_task::current();
    let pending = current.pending_set().and(current.mask());
    Ok(cx.write_bytes(set, &pending.0.to_le_bytes()[..size.0])?)
}

/// rt_sigreturn(2).
pub fn rt_sigreturn(cx: &mut Cx<'_>) -> Res<()> {
    deliver::sigreturn(cx.frame.rsp)
}

/// sigaltstack(2).
pub fn sigaltstack(cx: &mut Cx<'_>, new: In<SigStack>, old: Out<SigStack>) -> Res<()> {
    let current = osv_task::current();
    let cell = &current.own().alt_stack;
    let before = cell.get();
    let sp = cx.frame.rsp;
    if let Some(stack) = new.read_opt(cx)? {
        if frame::on_alt_stack(&before, sp) {
            return Err(Errno::EPERM.into());
        }
        match stack.flags & !SS_AUTODISARM {
            SS_DISABLE => cell.set(SigStack::default()),
            0 | SS_ONSTACK => {
                // As Linux: what changes nothing is not looked at any further.
                let same = (stack.sp, stack.size, stack.flags) == (before.sp, before.size, before.flags);
                if stack.size < MINSIGSTKSZ && !same {
                    return Err(Errno::ENOMEM.into());
                }
                cell.set(SigStack { flags: stack.flags & SS_AUTODISARM, pad: 0, ..stack });
            }
            _ => return Err(Errno::EINVAL.into()),
        }
    }
    let reported = SigStack { flags: frame::stack_flags(&before, sp), ..before };
    Ok(old.write_opt(cx, &reported)?)
}

/// Sleeps until a signal comes.
fn wait_for_signal() -> Fail {
    loop {
        if park::scheduler().park(None, true) == Woken::Interrupted {
            return Fail::Interrupted;
        }
    }
}

/// pause(2).
pub fn pause(_cx: &mut Cx<'_>) -> Res<()> {
    Err(wait_for_signal())
}

/// rt_sigsuspend(2).
pub fn rt_sigsuspend(cx: &mut Cx<'_>, mask: In<u64>, size: Size) -> Res<()> {
    check_size(size)?;
    let mask = SigSet(mask.read(cx)?);
    let current = osv_task::current();
    current.own().saved_mask.set(Some(current.mask()));
    current.set_mask(mask);
    Err(wait_for_signal())
}

/// rt_sigtimedwait(2).
pub fn rt_sigtimedwait(
    cx: &mut Cx<'_>,
    set: In<u64>,
    info: UserAddr,
    timeout: In<Timespec>,
    size: Size,
) -> Res<i32> {
    check_size(size)?;
    let wanted = SigSet(set.read(cx)?).minus(SigSet::UNBLOCKABLE);
    let deadline = match timeout.read_opt(cx)? {
        None => None,
        Some(timeout) => Some(timeout_instant(timeout)?),
    };
    let current = osv_task::current();
    current.set_awaited(wanted);
    let taken = loop {
        if let Some(info) = current.take_signal(wanted) {
            break Ok(info);
        }
        if deadline.is_some_and(|at| osv_hw::clock::now() >= at) {
            break Err(Fail::Errno(Errno::EAGAIN));
        }
        match park::scheduler().park(deadline, true) {
            Woken::Unparked => {}
            Woken::TimedOut | Woken::Interrupted => match current.take_signal(wanted) {
                Some(info) => break Ok(info),
                None if deadline.is_some_and(|at| osv_hw::clock::now() >= at) => {
                    break Err(Fail::Errno(Errno::EAGAIN));
                }
                None => break Err(Fail::Errno(Errno::EINTR)),
            },
        }
    };
    current.set_awaited(SigSet::EMPTY);
    let taken = taken?;
    if !info.is_null() {
        cx.write_bytes(info, taken.as_bytes())?;
    }
    Ok(taken.signo)
}

fn sent_info(cx: &Cx<'_>, signo: u32, why: i32) -> Siginfo {
    Siginfo::sent(signo, why, cx.process().pid(), cx.process().credentials().user.real, 0)
}

fn may_signal(cx: &Cx<'_>, target: &Process, signo: u32) -> Result<(), Errno> {
    let same_session = || {
        registry::group_and_session(cx.process().pid()).map(|g| g.1)
            == registry::group_and_session(target.pid()).map(|g| g.1)
    };
    let allowed =
        cx.process().credentials().may_signal(&target.credentials()) || signo == sig::CONT && same_session();
    if allowed { Ok(()) } else { Err(Errno::EPERM) }
}

/// The process that a number means: its own, or that of one of its threads.
fn process_of(pid: u32) -> Result<alloc::sync::Arc<Process>, Errno> {
    let of_thread = || registry::thread(pid).map(|thread| thread.process().clone());
    registry::process(pid).or_else(of_thread).ok_or(Errno::ESRCH)
}

/// kill(2).
pub fn kill(cx: &mut Cx<'_>, pid: Pid, signo: Sig) -> Res<()> {
    let signo = number(signo, true)?;
    let info = sent_info(cx, signo, code::SI_USER);
    if pid.0 > 0 {
        let process = process_of(pid.0.cast_unsigned())?;
        may_signal(cx, &process, signo)?;
        return deliver_to(&process, info);
    }
    let targets = match pid.0 {
        0 => registry::group_members(registry::group_and_session(cx.process().pid()).ok_or(Errno::ESRCH)?.0),
        -1 => {
            let mut all = registry::processes();
            all.retain(|p| p.pid() != registry::INIT && p.pid() != cx.process().pid());
            all
        }
        i32::MIN => return Err(Errno::ESRCH.into()),
        group => registry::group_members(group.unsigned_abs()),
    };
    let mut result = Err(Errno::ESRCH);
    for process in &targets {
        match may_signal(cx, process, signo) {
            Ok(()) => {
                deliver_to(process, info)?;
                result = Ok(());
            }
            Err(errno) if result.is_err() => result = Err(errno),
            Err(_) => {}
        }
    }
    Ok(result?)
}

fn deliver_to(process: &alloc::sync::Arc<Process>, info: Siginfo) -> Res<()> {
    if info.signo != 0 && !send::to_process(process, info) {
        return Err(Errno::EAGAIN.into());
    }
    Ok(())
}

/// A signal to one process, with the caller's details where there are some: pidfd_send_signal(2).
pub(crate) fn send_to(
    cx: &Cx<'_>,
    process: &alloc::sync::Arc<Process>,
    signo: Sig,
    info: UserAddr,
) -> Res<()> {
    let info = given_info(cx, process, signo, info, code::SI_USER)?;
    deliver_to(process, info)
}

/// As [`send_to`], to the thread that has the process's number.
pub(crate) fn send_to_first_thread(
    cx: &Cx<'_>,
    process: &alloc::sync::Arc<Process>,
    signo: Sig,
    info: UserAddr,
) -> Res<()> {
    let info = given_info(cx, process, signo, info, code::SI_TKILL)?;
    let thread = registry::thread(process.pid()).ok_or(Errno::ESRCH)?;
    if info.signo != 0 && !send::to_thread(&thread, info) {
        return Err(Errno::EAGAIN.into());
    }
    Ok(())
}

fn given_info(
    cx: &Cx<'_>,
    process: &alloc::sync::Arc<Process>,
    signo: Sig,
    info: UserAddr,
    why: i32,
) -> Res<Siginfo> {
    let signo = number(signo, true)?;
    let info = if info.is_null() {
        sent_info(cx, signo, why)
    } else {
        let mut given = Siginfo::new_zeroed();
        cx.read_bytes(info, given.as_mut_bytes())?;
        if given.signo.cast_unsigned() != signo {
            return Err(Errno::EINVAL.into());
        }
        let pretends = given.code >= 0 || given.code == code::SI_TKILL;
        if pretends && process.pid() != cx.process().pid() {
            return Err(Errno::EPERM.into());
        }
        given
    };
    may_signal(cx, process, signo)?;
    Ok(info)
}

fn to_thread(cx: &Cx<'_>, group: Option<i32>, tid: i32, info: Siginfo) -> Res<()> {
    let bad_group = group.is_some_and(|group| group <= 0);
    if tid <= 0 || bad_group {
        return Err(Errno::EINVAL.into());
    }
    let thread = registry::thread(tid.cast_unsigned()).ok_or(Errno::ESRCH)?;
    if group.is_some_and(|group| group.cast_unsigned() != thread.process().pid()) {
        return Err(Errno::ESRCH.into());
    }
    may_signal(cx, thread.process(), info.signo.cast_unsigned())?;
    if info.signo != 0 && !send::to_thread(&thread, info) {
        return Err(Errno::EAGAIN.into());
    }
    Ok(())
}

/// tkill(2).
pub fn tkill(cx: &mut Cx<'_>, tid: Pid, signo: Sig) -> Res<()> {
    let signo = number(signo, true)?;
    to_thread(cx, None, tid.0, sent_info(cx, signo, code::SI_TKILL))
}

/// tgkill(2).
pub fn tgkill(cx: &mut Cx<'_>, group: Pid, tid: Pid, signo: Sig) -> Res<()> {
    let signo = number(signo, true)?;
    to_thread(cx, Some(group.0), tid.0, sent_info(cx, signo, code::SI_TKILL))
}

/// Reads the details that the caller of rt_sigqueueinfo(2) made up; only the kernel may pretend to be the kernel.
fn read_info(cx: &Cx<'_>, target: i32, caller: u32, signo: u32, info: UserAddr) -> Res<Siginfo> {
    let mut value = Siginfo::new_zeroed();
    cx.read_bytes(info, value.as_mut_bytes())?;
    value.signo = signo as i32;
    let pretends = value.code >= 0 || value.code == code::SI_TKILL;
    if pretends && target.cast_unsigned() != caller {
        return Err(Errno::EPERM.into());
    }
    Ok(value)
}

/// rt_sigqueueinfo(2).
pub fn rt_sigqueueinfo(cx: &mut Cx<'_>, pid: Pid, signo: Sig, info: UserAddr) -> Res<()> {
    let signo = number(signo, true)?;
    let info = read_info(cx, pid.0, cx.process().pid(), signo, info)?;
    let pid = u32::try_from(pid.0).map_err(|_| Errno::ESRCH)?;
    let process = process_of(pid)?;
    may_signal(cx, &process, signo)?;
    deliver_to(&process, info)
}

/// rt_tgsigqueueinfo(2).
pub fn rt_tgsigqueueinfo(cx: &mut Cx<'_>, group: Pid, tid: Pid, signo: Sig, info: UserAddr) -> Res<()> {
    let signo = number(signo, true)?;
    if group.0 <= 0 || tid.0 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    let info = read_info(cx, tid.0, cx.thread().tid(), signo, info)?;
    to_thread(cx, Some(group.0), tid.0, info)
}

/// restart_syscall(2): nothing here needs it; the kernel restarts calls as they were.
pub fn restart_syscall(_cx: &mut Cx<'_>) -> Res<()> {
    Err(Errno::EINTR.into())
}
