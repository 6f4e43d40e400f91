//! From a sender to the thread that must look.

use crate::process::Process;
use crate::registry;
use crate::signal::set::SigSet;
use crate::thread::{Thread, current};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use osv_abi::uapi::process::rlimit;
use osv_abi::uapi::signal::{Siginfo, code, sa, sig};
use osv_base::percpu::exit_work;
use osv_sync::Events;

/// Whether `info` may be dropped: nobody could ever see it.
fn is_dropped(process: &Process, signo: u32, blocked: bool) -> bool {
    // Init takes no signals; a blocked signal may get a handler before it is unblocked.
    process.pid() == registry::INIT || !blocked && process.actions.ignores(signo)
}

/// What a signal does at the moment of sending: SIGCONT and the stopping ones cancel each other.
fn on_arrival(process: &Process, signo: u32) {
    if signo == sig::CONT {
        discard(process, SigSet::STOPPING);
        if process.stopped.0.swap(false, Ordering::SeqCst) {
            process.stop_event.store(0xffff, Ordering::SeqCst);
            process.stopped.1.wake_all();
            child_changed(process, code::CLD_CONTINUED, sig::CONT);
        }
    } else if SigSet::STOPPING.has(signo) {
        discard(process, SigSet::EMPTY.with(sig::CONT));
    }
}

/// SIGKILL lets a stopped process go on, to its end. Only now that it is queued: else what was queued before it, and
/// waited for the process to continue, could be what ends it.
fn release_for_kill(process: &Process, signo: u32) {
    if signo == sig::KILL {
        process.stopped.0.store(false, Ordering::SeqCst);
        process.stopped.1.wake_all();
    }
}

/// Takes `signals` out of the queues of a process and its threads.
fn discard(process: &Process, signals: SigSet) {
    process.pending.lock().discard(signals);
    for thread in process.threads() {
        thread.pending.lock().discard(signals);
    }
}

/// Tells the parent that a signal stopped or continued `process`, unless it does not want to know.
pub(crate) fn child_changed(process: &Process, why: i32, signo: u32) {
    let Some(parent) = registry::process(registry::parent_of(process.pid())) else { return };
    if parent.actions.get(sig::CHLD).flags & sa::NOCLDSTOP == 0 {
        let uid = process.credentials().user.real;
        to_process(&parent, Siginfo::child(why, process.pid(), uid, signo as i32, 0, 0));
    }
    parent.children.wake_all();
}

/// The calling thread takes none of `signals` any more, though it may have been told of them: tells another that does.
pub(crate) fn retarget(process: &Process, signals: SigSet) {
    let mut left = process.pending.lock().set().and(signals);
    while let Some(signo) = left.first() {
        left = left.without(signo);
        if let Some(thread) = taker(&process.threads(), signo) {
            thread.notify(exit_work::SIGNAL);
        }
    }
}

/// One that wants `signo`; the first thread if it does, as programs expect.
fn taker(threads: &[Arc<Thread>], signo: u32) -> Option<&Arc<Thread>> {
    threads.iter().find(|thread| !thread.blocks(signo) && !thread.is_ending())
}

fn queue_limit(process: &Process) -> usize {
    usize::try_from(process.limits.soft(rlimit::SIGPENDING)).unwrap_or(usize::MAX)
}

/// Sends a signal to a process. `false`: a real-time signal found the queue full (EAGAIN).
pub fn to_process(process: &Arc<Process>, info: Siginfo) -> bool {
    let signo = info.signo.cast_unsigned();
    if process.ended().is_some() {
        return true;
    }
    on_arrival(process, signo);
    let blocked_by_all = process.threads().iter().all(|thread| thread.blocks(signo));
    if is_dropped(process, signo, blocked_by_all) {
        return true;
    }
    let Some(added) = process.pending.lock().push(info, queue_limit(process)) else { return false };
    release_for_kill(process, signo);
    if !added {
        return true;
    }
    process.arrivals.changed(Events::IN);
    // Looked for after it was queued: a thread that ends or blocks it meanwhile calls `retarget`.
    if let Some(thread) = taker(&process.threads(), signo) {
        thread.notify(exit_work::SIGNAL);
    }
    true
}

/// Sends a signal to a thread. `false` as for [`to_process`].
pub fn to_thread(thread: &Thread, info: Siginfo) -> bool {
    let signo = info.signo.cast_unsigned();
    let process = thread.process();
    on_arrival(process, signo);
    if is_dropped(process, signo, thread.blocks(signo)) {
        return true;
    }
    match thread.pending.lock().push(info, queue_limit(process)) {
        None => return false,
        Some(false) => return true,
        Some(true) => {}
    }
    release_for_kill(process, signo);
    process.arrivals.changed(Events::IN);
    if !thread.blocks(signo) {
        thread.notify(exit_work::SIGNAL);
    }
    true
}

/// A fault of the calling thread: the signal cannot be blocked or ignored; where the application does so, it ends.
pub fn force(info: Siginfo) {
    let me = current();
    let signo = info.signo.cast_unsigned();
    let process = me.process();
    if me.mask().has(signo) || process.actions.ignores(signo) {
        process.actions.set(signo, Default::default());
        me.set_mask(me.mask().without(signo));
    }
    // There is room for a standard signal unless memory is gone; then the process ends.
    if me.pending.lock().push(info, usize::MAX).is_none() {
        crate::exit::group(crate::status::Status::signaled(signo));
    }
    me.entity.head.exit_work.fetch_or(exit_work::SIGNAL, Ordering::SeqCst);
}

/// SIGPIPE to the calling thread.
pub fn sigpipe(thread: &Thread) {
    let process = thread.process();
    let uid = process.credentials().user.real;
    to_thread(thread, Siginfo::sent(sig::PIPE, code::SI_USER, process.pid(), uid, 0));
}
