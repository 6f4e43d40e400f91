//! clone(2), fork(2), vfork(2), clone3(2): new threads and processes.

use crate::exit;
use crate::process::{self, Process};
use crate::registry;
use crate::shared_page;
use crate::signal::deliver;
use crate::thread::{self, Start, Thread, Vectors, current};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use osv_abi::uapi::process::clone as flag;
use osv_abi::uapi::process::rlimit;
use osv_abi::uapi::signal::SigStack;
use osv_abi::{Errno, UserAddr};
use osv_base::{Pages, Res};
use osv_hw::cpu::fpu;
use osv_hw::gate::Frame;
use osv_hw::{context, usercopy};
use osv_mm::pressure;
use osv_sync::Wait;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// CLONE_*.
    pub flags: u64,
    /// The child's stack pointer; 0: the caller's.
    pub stack: u64,
    /// For CLONE_PARENT_SETTID.
    pub parent_tid: u64,
    /// For CLONE_CHILD_SETTID and CLONE_CHILD_CLEARTID.
    pub child_tid: u64,
    /// For CLONE_SETTLS.
    pub tls: u64,
    /// Signal to the parent at the end.
    pub exit_signal: u32,
}

/// What a thread soon takes: its kernel stack, the top of its own stack, page tables.
const ROOM: Pages = Pages(16);

/// Flags that nothing here stands for.
const REFUSED: u64 = flag::NAMESPACES | flag::INTO_CGROUP;

fn check(request: &Request) -> Result<(), Errno> {
    let has = |bits| request.flags & bits == bits;
    let invalid = has(flag::SIGHAND) && !has(flag::VM)
        || has(flag::THREAD) && !has(flag::SIGHAND)
        || has(flag::FS | flag::NEWNS)
        || has(flag::SIGHAND | flag::CLEAR_SIGHAND)
        || request.flags & REFUSED != 0
        || request.exit_signal > 64;
    if invalid { Err(Errno::EINVAL) } else { Ok(()) }
}

/// Makes a thread or process that goes on from `frame` with result 0, and gives its number.
pub fn clone(frame: &Frame, request: &Request) -> Res<u32> {
    clone_process(frame, request).map(|(tid, _)| tid)
}

/// As [`clone`], and gives the process that the new thread belongs to. CLONE_PIDFD is the caller's to look after.
pub fn clone_process(frame: &Frame, request: &Request) -> Res<(u32, Arc<Process>)> {
    check(request)?;
    let me = current();
    let has = |bit| request.flags & bit != 0;
    let mut regs = context::child_regs(frame);
    if request.stack != 0 {
        regs.rsp = request.stack;
    }
    let parent = me.process();
    let credentials = parent.credentials();
    let most = parent.limits.soft(rlimit::NPROC);
    if !credentials.is_privileged() && registry::has_as_many_threads(credentials.user.real, most) {
        return Err(Errno::EAGAIN.into());
    }
    // The door: its mapping for a stack may not have been asked.
    pressure::admit(ROOM).map_err(|_| Errno::EAGAIN)?;
    let tid = registry::draw_pid()?;
    let process = if has(flag::THREAD) { parent.clone() } else { new_process(&me, tid, request)? };
    // Threads share memory and start without an alternate stack, unless the parent sleeps meanwhile.
    let keeps_alt_stack = !has(flag::VM) || has(flag::VFORK);
    let made = Thread::create(thread::Plan {
        tid,
        process: process.clone(),
        name: me.name(),
        mask: me.mask(),
        space: process.space(),
        fs_base: if has(flag::SETTLS) { request.tls } else { context::current_fs_base() },
        clear_child_tid: if has(flag::CHILD_CLEARTID) { request.child_tid } else { 0 },
        alt_stack: if keeps_alt_stack { me.own().alt_stack.get() } else { SigStack::default() },
        // A child that shares memory shares the area, which is the parent's.
        rseq: if has(flag::VM) { Default::default() } else { me.own().rseq.get() },
        start: Start::Application {
            regs: Box::new(regs),
            // A thread takes the control words over; a process goes on where its parent is.
            vectors: if has(flag::THREAD) {
                Vectors::Initial(fpu::control())
            } else {
                Vectors::Copied(Box::new(deliver::state_at(frame)))
            },
            set_tid: if has(flag::CHILD_SETTID) { request.child_tid } else { 0 },
        },
    })
    .map_err(|_| Errno::EAGAIN)?;
    made.attributes.inherit(&me.attributes);
    made.attributes.weigh(&made.entity, parent.nice.load(Ordering::Relaxed));
    made.entity.set_affinity(me.entity.affinity());
    if has(flag::PARENT_SETTID) {
        usercopy::store_u32(UserAddr(request.parent_tid), tid)?;
    }
    if !has(flag::THREAD) {
        let (father, maker) = if has(flag::PARENT) {
            registry::parent_and_maker(parent.pid())
        } else {
            (parent.pid(), me.tid())
        };
        registry::add_process(&process, father, maker, parent.pid());
    }
    registry::add_thread(&made);
    if parent.ending().is_some() && has(flag::THREAD) {
        // The process began to end while we were at it.
        made.notify(osv_base::percpu::exit_work::EXIT);
    }
    made.launch();
    drop(made);
    if has(flag::VFORK) {
        let done = || process.vfork_done.0.load(Ordering::SeqCst).then_some(());
        let killed = || done().or_else(|| me.is_ending().then_some(()));
        let _ = process.vfork_done.1.wait_until(Wait::UNINTERRUPTIBLE, killed);
    }
    Ok((tid, process))
}

fn new_process(me: &thread::Current, pid: u32, request: &Request) -> Res<Arc<Process>> {
    let has = |bit| request.flags & bit != 0;
    let parent = me.process();
    shared_page::forget_pid(parent.pid());
    let space = me.space_arc().ok_or(Errno::EINVAL)?;
    let space = if has(flag::VM) { space } else { space.fork()? };
    let actions = if has(flag::SIGHAND) { parent.actions.clone() } else { Arc::new(parent.actions.fork()) };
    if has(flag::CLEAR_SIGHAND) {
        actions.clear();
    }
    let child = Process::new(process::Plan {
        pid,
        fds: if has(flag::FILES) { parent.fds().clone() } else { Arc::new(parent.fds().fork()) },
        fs: Some(if has(flag::FS) { parent.fs().clone() } else { Arc::new(parent.fs().fork()) }),
        actions,
        credentials: parent.credentials(),
        limits: parent.limits.fork(),
        space: Some(space),
        exit_signal: request.exit_signal,
        executable: parent.executable(),
        regions: *parent.regions.lock(),
        nice: parent.nice.load(Ordering::Relaxed),
        parent: Some(parent.clone()),
    });
    child.timers.follow_limit(&child);
    if has(flag::VM) {
        child.shares_space.store(true, Ordering::SeqCst);
        if !has(flag::VFORK) {
            parent.shares_space.store(true, Ordering::SeqCst);
        }
    }
    if !has(flag::VFORK) {
        exit::finish_vfork(&child);
    }
    Ok(child)
}
