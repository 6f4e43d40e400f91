//! What /proc shows of processes: [`Processes`] over the task crate.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use core::time::Duration;
use osv_abi::Errno;
use osv_base::{Instant, Res};
use osv_fs::proc::{Processes, Regions, State, TaskInfo};
use osv_mm::space::AddressSpace;
use osv_task::registry::terminals::terminal_of;
use osv_task::thread::name_of;
use osv_task::{Process, Thread, registry};
use osv_vfs::{Entry, FdTable};

/// The processes of the task crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskProcesses;

/// Name without the NULs behind it.
fn comm(thread: &Thread) -> Vec<u8> {
    thread.name().iter().copied().take_while(|&b| b != 0).collect()
}

fn state(thread: &Thread) -> State {
    if thread.entity.is_dead() {
        State::Zombie
    } else if thread.entity.is_parked() {
        State::Sleeping
    } else {
        State::Running
    }
}

/// A process as one of its threads shows it; without a thread, as a zombie.
fn info(process: &Process, thread: Option<&Thread>) -> TaskInfo {
    let (user, group) = {
        let credentials = process.credentials();
        (credentials.user, credentials.group)
    };
    let ids = |ids: osv_task::creds::Ids| [ids.real, ids.effective, ids.saved, ids.fs];
    let (pgid, sid) = registry::group_and_session(process.pid()).unwrap_or((0, 0));
    let (ignored, caught) = process.actions.summary();
    TaskInfo {
        tid: process.pid(),
        pid: process.pid(),
        ppid: registry::parent_of(process.pid()),
        terminal: terminal_of(process.pid()).map(|tty| (tty.number(), tty.foreground())),
        pgid,
        sid,
        comm: thread.map(comm).unwrap_or_default(),
        state: thread.map_or(State::Zombie, state),
        threads: process.thread_count(),
        uids: ids(user),
        gids: ids(group),
        groups: process.creds().groups.to_vec(),
        cpu_time: Duration::from_nanos(process.ran_ns()),
        children_time: Duration::from_nanos(process.children_usage().ran_ns),
        started: process.started.since(Instant::ZERO),
        nice: process.nice.load(Ordering::Relaxed),
        cpu: thread.map_or(0, |thread| thread.entity.cpu() as u32),
        pending: thread.map_or(0, |thread| thread.pending.lock().set().0),
        shared_pending: process.pending.lock().set().0,
        blocked: thread.map_or(0, |thread| thread.mask().0),
        ignored: ignored.0,
        caught: caught.0,
        umask: if process.space().is_some() { process.fs().umask() } else { 0o022 },
        exit_signal: osv_abi::uapi::signal::sig::CHLD,
        switches: thread.map_or((0, 0), |thread| thread.entity.switches()),
        no_new_privs: process.flags.no_new_privs.load(Ordering::Relaxed),
    }
}

fn thread_of(pid: u32, tid: u32) -> Option<Arc<Thread>> {
    registry::thread(tid).filter(|thread| thread.process().pid() == pid)
}

impl Processes for TaskProcesses {
    fn current(&self) -> (u32, u32) {
        let me = osv_task::current();
        (me.process().pid(), me.tid())
    }
    fn pids(&self) -> Vec<u32> {
        registry::processes().iter().map(|process| process.pid()).collect()
    }
    fn tids(&self, pid: u32) -> Vec<u32> {
        let threads = registry::process(pid).map(|process| process.threads()).unwrap_or_default();
        threads.iter().map(|thread| thread.tid()).filter(|&tid| tid != 0).collect()
    }
    fn process(&self, pid: u32) -> Option<TaskInfo> {
        let process = registry::process(pid)?;
        let threads = process.threads();
        let leader = threads.iter().find(|thread| thread.tid() == pid).or(threads.first());
        Some(info(&process, leader.map(|thread| &**thread)))
    }
    fn thread(&self, pid: u32, tid: u32) -> Option<TaskInfo> {
        let thread = thread_of(pid, tid)?;
        let whole = info(thread.process(), Some(&thread));
        let cpu_time = Duration::from_nanos(thread.entity.ran_ns());
        Some(TaskInfo { tid, cpu_time, started: thread.started.since(Instant::ZERO), ..whole })
    }
    fn set_comm(&self, pid: u32, tid: u32, name: &[u8]) -> Res<()> {
        thread_of(pid, tid).ok_or(Errno::ESRCH)?.set_name(name_of(name));
        Ok(())
    }
    fn space(&self, pid: u32) -> Option<Arc<AddressSpace>> {
        registry::process(pid)?.space()
    }
    fn regions(&self, pid: u32) -> Regions {
        let Some(process) = registry::process(pid) else { return Regions::default() };
        let regions = *process.regions.lock();
        Regions {
            arg_start: regions.arg_start,
            arg_end: regions.arg_end,
            env_start: regions.env_start,
            env_end: regions.env_end,
            auxv_start: regions.auxv_start,
            auxv_end: regions.auxv_end,
            start_stack: regions.start_stack,
        }
    }
    fn files(&self, pid: u32) -> Option<Arc<FdTable>> {
        Some(registry::process(pid)?.fds().clone())
    }
    fn places(&self, pid: u32) -> [Option<Arc<Entry>>; 3] {
        let Some(process) = registry::process(pid) else { return [None, None, None] };
        if process.space().is_none() {
            return [None, None, None];
        }
        [
            process.executable().map(|running| running.entry().clone()),
            Some(process.fs().cwd()),
            Some(process.fs().root()),
        ]
    }
    fn limit(&self, pid: u32, resource: usize) -> (u64, u64) {
        let limit = registry::process(pid).and_then(|process| process.limits.get(resource).ok());
        limit.map_or((u64::MAX, u64::MAX), |limit| (limit.cur, limit.max))
    }
    fn oom_score_adj(&self, pid: u32) -> i32 {
        registry::process(pid).map_or(0, |process| process.flags.oom_score_adj.load(Ordering::Relaxed))
    }
    fn set_oom_score_adj(&self, pid: u32, value: i32) -> Res<()> {
        let process = registry::process(pid).ok_or(Errno::ESRCH)?;
        let lower = value < process.flags.oom_score_adj.load(Ordering::Relaxed);
        if lower && !osv_task::current().process().credentials().is_privileged() {
            return Err(Errno::EACCES.into());
        }
        process.flags.oom_score_adj.store(value, Ordering::Relaxed);
        Ok(())
    }
}
