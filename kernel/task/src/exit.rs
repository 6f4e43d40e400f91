//! The end of threads and processes.

use crate::observe;
use crate::process::Process;
use crate::registry;
use crate::robust;
use crate::signal::{SigSet, send};
use crate::status::Status;
use crate::thread::current;
use crate::usage::Usage;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use osv_abi::UserAddr;
use osv_abi::uapi::signal::{SIG_IGN, Siginfo, code, sa, sig};
use osv_base::percpu::exit_work;
use osv_hw::usercopy;
use osv_sync::Events;
use spin::Once;

static AT_END: Once<fn(&Process)> = Once::new();

/// Registers what a layer above does when a process ends. The first registration stays.
pub fn register_at_end(hook: fn(&Process)) {
    AT_END.call_once(|| hook);
}

/// exit_group(2), and what a fatal signal does: ends the process with `status`, the calling thread at once.
pub fn group(status: Status) -> ! {
    end_others(status);
    thread(0)
}

/// Tells every other thread of the calling thread's process to end, and that the process ends with `status`.
pub(crate) fn end_others(status: Status) {
    let me = current();
    let process = me.process();
    process.decide_end(status);
    for other in process.threads() {
        if other.tid() != me.tid() {
            other.notify(exit_work::EXIT);
        }
    }
    process.stopped.1.wake_all();
}

/// exit(2): ends the calling thread, and the process with it if it is the last. `code` counts only then, and only if
/// nothing else was decided.
pub fn thread(code: i32) -> ! {
    {
        let mut me = current();
        let process = me.process().clone();
        if me.tid() != 0 {
            observe::thread_ended(me.tid());
            robust::release(&me);
            let clear = me.own().clear_child_tid.get();
            // Only where somebody is left to see it: another thread, or another process that shares the memory.
            let is_shared = process.live.load(Ordering::SeqCst) > 1
                || process.shares_space.load(Ordering::SeqCst)
                || !process.vfork_done.0.load(Ordering::SeqCst);
            if clear != 0 && is_shared {
                let word = UserAddr(clear);
                if usercopy::store_u32(word, 0).is_ok()
                    && let Some(space) = me.space()
                    && let Ok(key) = space.futex_key(clear, true)
                {
                    let _ = crate::futex::wake(key, 1, u32::MAX);
                }
            }
            process.remove_thread(&me);
            process.ended_usage.lock().add(&Usage::of_thread(&me));
            if me.tid() == process.pid() {
                process.last_attributes.take_over(&me.attributes);
            }
            // What it was told of but did not take is for the others.
            send::retarget(&process, SigSet(u64::MAX));
            let space = me.set_space(None);
            let last = process.live.fetch_sub(1, Ordering::SeqCst) == 1;
            if last {
                end_process(&process, Status::exited(code), space);
            } else {
                drop(space);
                // execve(2) may wait to be alone.
                process.children.wake_all();
            }
            // To the end it can be seen where it is.
            registry::remove_thread(&me);
        }
    }
    osv_sched::exit()
}

/// The last thread of `process` is about to end.
fn end_process(process: &Arc<Process>, otherwise: Status, space: Option<Arc<osv_mm::space::AddressSpace>>) {
    process.decide_end(otherwise);
    let status = process.ending().unwrap_or(otherwise);
    observe::ended(process, status);
    process.timers.disarm_all();
    if let Some(at_end) = AT_END.get() {
        at_end(process);
    }
    // Descriptors first: what the peers see must not wait for the memory.
    if Arc::strong_count(process.fds()) == 1 {
        drop(process.fds().close_all());
    }
    process.executable.lock().take();
    drop(process.set_space(None));
    if let Some(space) = space {
        let peak = space.counts().resident_peak;
        process.ended_usage.lock().add(&Usage { resident_peak: peak, ..Usage::default() });
        // The last user's duty, should several processes have shared it.
        if !process.shares_space.load(Ordering::SeqCst) || Arc::strong_count(&space) == 1 {
            crate::activation::evict(&space);
        }
        drop(space);
    }
    finish_vfork(process);
    registry::terminals::leave(process.pid());
    bereave(process);
    tell_parent(process, status);
    process.end.changed(Events::IN);
}

/// Finds the children of a process that ends another parent, and tells those whom its end leaves alone.
fn bereave(process: &Arc<Process>) {
    let bereaved = registry::orphan_children(process.pid());
    for orphan in &bereaved.children {
        let signo = orphan.parent_death_signal.load(Ordering::Relaxed);
        if signo != 0 {
            send::to_process(orphan, Siginfo::sent(signo, code::SI_USER, process.pid(), 0, 0));
        }
        orphan.exit_signal.store(sig::CHLD, Ordering::Relaxed);
        if let Some(status) = orphan.ended() {
            tell_parent(orphan, status);
        }
    }
    if !bereaved.children.is_empty() {
        bereaved.reaper.children.wake_all();
    }
    for group in bereaved.groups {
        for member in registry::group_members(group) {
            for signo in [sig::HUP, sig::CONT] {
                send::to_process(&member, Siginfo::new(signo, code::SI_KERNEL));
            }
        }
    }
}

/// Marks `process` as ended, for its parent to see, and tells that.
fn tell_parent(process: &Arc<Process>, status: Status) {
    loop {
        let parent_pid = registry::parent_of(process.pid());
        let parent = registry::process(parent_pid);
        let signo = process.exit_signal.load(Ordering::Relaxed);
        let unwanted = parent.as_ref().is_some_and(|parent| {
            let action = parent.actions.get(sig::CHLD);
            parent_pid != registry::INIT
                && signo == sig::CHLD
                && (action.handler == SIG_IGN || action.flags & sa::NOCLDWAIT != 0)
        });
        if unwanted {
            // Before anybody can see that it has ended: no wait is to find it.
            registry::forget(process.pid());
        }
        process.ended.call_once(|| status);
        if let Some(parent) = parent {
            if signo != 0 && parent_pid != registry::INIT {
                send::to_process(&parent, notice(process, status, signo));
            }
            parent.children.wake_all();
        }
        // A parent that ended meanwhile may have passed it on before it was marked.
        if unwanted || registry::parent_of(process.pid()) == parent_pid {
            return;
        }
    }
}

/// What the signal says that tells of the end of `process`.
fn notice(process: &Process, status: Status, signo: u32) -> Siginfo {
    let (why, value) = match status.signal() {
        Some(signo) => (code::CLD_KILLED, signo as i32),
        None => (code::CLD_EXITED, i32::from(status.code())),
    };
    let ticks = (process.ran_ns() / 10_000_000) as i64;
    let mut info = Siginfo::child(why, process.pid(), process.credentials().user.real, value, ticks, 0);
    info.signo = signo as i32;
    info
}

/// Lets a parent that sleeps in vfork(2) go on.
pub(crate) fn finish_vfork(process: &Process) {
    if !process.vfork_done.0.swap(true, Ordering::SeqCst) {
        process.vfork_done.1.wake_all();
    }
}
