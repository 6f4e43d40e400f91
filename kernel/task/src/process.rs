//! Processes.

use crate::creds::Credentials;
use crate::limits::Limits;
use crate::signal::{Actions, Pending};
use crate::status::Status;
use crate::thread::{Attributes, Thread};
use crate::usage::Usage;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use osv_abi::uapi::process::rlimit;
use osv_base::Instant;
use osv_mm::space::AddressSpace;
use osv_sync::{Readiness, SpinLock, Wait, WaitError, WaitQueue};
use osv_vfs::context::FsContext;
use osv_vfs::fd_table::FdTable;
use osv_vfs::text::Running;
use spin::Once;

/// A process: an address space, descriptors, credentials, signal actions, and its threads.
pub struct Process {
    pid: u32,
    fds: Arc<FdTable>,
    fs: Once<Arc<FsContext>>,
    /// Signal actions.
    pub actions: Arc<Actions>,
    /// Signals sent to the process.
    pub pending: SpinLock<Pending>,
    credentials: SpinLock<Credentials>,
    /// Resource limits.
    pub limits: Limits,
    space: SpinLock<Option<Arc<AddressSpace>>>,
    /// Another process runs, or ran, in the same address space (CLONE_VM without CLONE_THREAD).
    pub(crate) shares_space: AtomicBool,
    /// A thread is in execve(2), ending the others.
    pub(crate) is_execing: AtomicBool,
    pub(crate) threads: SpinLock<Vec<Weak<Thread>>>,
    /// Threads that have not ended.
    pub(crate) live: AtomicU32,
    /// Once exit_group(2) or a fatal signal has decided it: the wait status, plus one.
    ending: AtomicI32,
    /// The wait status, once all threads have ended.
    pub(crate) ended: Once<Status>,
    /// Readable when it has ended: pidfd_open(2).
    pub end: Readiness,
    /// Readable when a signal was queued, for the process or one of its threads: signalfd(2).
    pub arrivals: Readiness,
    /// Where wait4(2) sleeps: an event of a child.
    pub(crate) children: WaitQueue,
    /// Signal to the parent at the end.
    pub(crate) exit_signal: AtomicU32,
    /// Where vfork(2) waits for the child to exec or end.
    pub(crate) vfork_done: (AtomicBool, WaitQueue),
    /// Stopped by a signal; where its threads wait for SIGCONT.
    pub(crate) stopped: (AtomicBool, WaitQueue),
    /// A stop or continue that the parent has not seen: signal number, or 0xffff for a continue.
    pub(crate) stop_event: AtomicU32,
    pub(crate) executable: SpinLock<Option<Running>>,
    /// Where the arguments and the environment lie: for /proc.
    pub regions: SpinLock<Regions>,
    /// Whether execve(2) has been called since fork(2).
    pub(crate) did_exec: AtomicBool,
    /// How its first thread was scheduled when it ended: asked for until the process is waited for.
    pub last_attributes: Attributes,
    /// What ended threads used.
    pub(crate) ended_usage: SpinLock<Usage>,
    /// What waited-for children used.
    pub(crate) children_usage: SpinLock<Usage>,
    /// When it started.
    pub started: Instant,
    /// The nice value.
    pub nice: AtomicI32,
    /// prctl(PR_SET_DUMPABLE) and others that are only remembered.
    pub flags: Remembered,
    /// Signal to get when the parent ends: prctl(PR_SET_PDEATHSIG).
    pub parent_death_signal: AtomicU32,
    /// Interval timers.
    pub timers: crate::itimer::Timers,
}

/// Attributes that are kept and given back, and change nothing else.
#[derive(Debug)]
pub struct Remembered {
    /// PR_SET_DUMPABLE.
    pub dumpable: AtomicU32,
    /// PR_SET_NO_NEW_PRIVS.
    pub no_new_privs: AtomicBool,
    /// PR_SET_KEEPCAPS.
    pub keep_caps: AtomicBool,
    /// PR_SET_CHILD_SUBREAPER.
    pub subreaper: AtomicBool,
    /// PR_SET_TIMERSLACK, nanoseconds.
    pub timer_slack: AtomicU64,
    /// PR_SET_THP_DISABLE.
    pub no_huge_pages: AtomicBool,
    /// personality(2).
    pub personality: AtomicU32,
    /// ioprio_set(2).
    pub io_priority: AtomicU32,
    /// /proc/PID/oom_score_adj: who is ended when memory runs out is whoever asks for it then.
    pub oom_score_adj: AtomicI32,
}

impl Default for Remembered {
    fn default() -> Self {
        Remembered {
            dumpable: AtomicU32::new(1),
            no_new_privs: AtomicBool::new(false),
            keep_caps: AtomicBool::new(false),
            subreaper: AtomicBool::new(false),
            timer_slack: AtomicU64::new(50_000),
            no_huge_pages: AtomicBool::new(false),
            personality: AtomicU32::new(0),
            io_priority: AtomicU32::new(0),
            oom_score_adj: AtomicI32::new(0),
        }
    }
}

impl Remembered {
    /// What a forked child starts with: all but whether it adopts orphans.
    fn fork(&self) -> Remembered {
        let relaxed = Ordering::Relaxed;
        Remembered {
            dumpable: AtomicU32::new(self.dumpable.load(relaxed)),
            no_new_privs: AtomicBool::new(self.no_new_privs.load(relaxed)),
            keep_caps: AtomicBool::new(self.keep_caps.load(relaxed)),
            subreaper: AtomicBool::new(false),
            timer_slack: AtomicU64::new(self.timer_slack.load(relaxed)),
            no_huge_pages: AtomicBool::new(self.no_huge_pages.load(relaxed)),
            personality: AtomicU32::new(self.personality.load(relaxed)),
            io_priority: AtomicU32::new(self.io_priority.load(relaxed)),
            oom_score_adj: AtomicI32::new(self.oom_score_adj.load(relaxed)),
        }
    }
}

/// Ranges of the address space that /proc shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in proc(5)")]
pub struct Regions {
    pub arg_start: u64,
    pub arg_end: u64,
    pub env_start: u64,
    pub env_end: u64,
    pub start_stack: u64,
    pub auxv_start: u64,
    pub auxv_end: u64,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.pid)
    }
}

/// What makes a process.
pub(crate) struct Plan {
    pub(crate) pid: u32,
    pub(crate) fds: Arc<FdTable>,
    pub(crate) fs: Option<Arc<FsContext>>,
    pub(crate) actions: Arc<Actions>,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    pub(crate) space: Option<Arc<AddressSpace>>,
    pub(crate) exit_signal: u32,
    pub(crate) executable: Option<Running>,
    pub(crate) regions: Regions,
    pub(crate) nice: i32,
    /// The process that it is forked from.
    pub(crate) parent: Option<Arc<Process>>,
}

impl Process {
    pub(crate) fn new(plan: Plan) -> Arc<Process> {
        let fs = Once::new();
        if let Some(context) = plan.fs {
            fs.call_once(|| context);
        }
        Arc::new(Process {
            pid: plan.pid,
            fds: plan.fds,
            fs,
            actions: plan.actions,
            pending: SpinLock::new(Pending::new()),
            credentials: SpinLock::new(plan.credentials),
            limits: plan.limits,
            space: SpinLock::new(plan.space),
            shares_space: AtomicBool::new(false),
            is_execing: AtomicBool::new(false),
            threads: SpinLock::new(Vec::new()),
            live: AtomicU32::new(0),
            ending: AtomicI32::new(0),
            ended: Once::new(),
            end: Readiness::new(),
            arrivals: Readiness::new(),
            children: WaitQueue::new(),
            exit_signal: AtomicU32::new(plan.exit_signal),
            vfork_done: (AtomicBool::new(false), WaitQueue::new()),
            stopped: (AtomicBool::new(false), WaitQueue::new()),
            stop_event: AtomicU32::new(0),
            executable: SpinLock::new(plan.executable),
            regions: SpinLock::new(plan.regions),
            did_exec: AtomicBool::new(false),
            last_attributes: Attributes::default(),
            ended_usage: SpinLock::new(Usage::default()),
            children_usage: SpinLock::new(Usage::default()),
            started: osv_hw::clock::now(),
            nice: AtomicI32::new(plan.nice),
            flags: plan.parent.map(|parent| parent.flags.fork()).unwrap_or_default(),
            parent_death_signal: AtomicU32::new(0),
            timers: crate::itimer::Timers::default(),
        })
    }

    /// Its number.
    #[inline]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its descriptors.
    #[inline]
    pub fn fds(&self) -> &Arc<FdTable> {
        &self.fds
    }

    /// RLIMIT_NOFILE: descriptors are below it.
    #[inline]
    pub fn nofile_limit(&self) -> u64 {
        self.limits.soft(rlimit::NOFILE)
    }

    /// Its credentials as file systems see them.
    pub fn creds(&self) -> osv_vfs::Creds {
        self.credentials.lock().for_files()
    }

    /// Root, working directory, umask.
    ///
    /// # Panics
    /// For init before a root file system is mounted.
    #[inline]
    pub fn fs(&self) -> &Arc<FsContext> {
        self.fs.get().expect("the root is mounted before a process uses files")
    }

    /// Gives init its root.
    pub(crate) fn set_fs(&self, context: Arc<FsContext>) {
        self.fs.call_once(|| context);
    }

    /// The address space; `None` for init and for a process that has ended.
    pub fn space(&self) -> Option<Arc<AddressSpace>> {
        self.space.lock().clone()
    }

    pub(crate) fn set_space(&self, space: Option<Arc<AddressSpace>>) -> Option<Arc<AddressSpace>> {
        core::mem::replace(&mut self.space.lock(), space)
    }

    /// Its credentials.
    pub fn credentials(&self) -> Credentials {
        self.credentials.lock().clone()
    }

    /// Changes its credentials.
    pub fn change_credentials<R>(&self, change: impl FnOnce(&mut Credentials) -> R) -> R {
        change(&mut self.credentials.lock())
    }

    /// The program that it runs.
    pub fn executable(&self) -> Option<Running> {
        self.executable.lock().clone()
    }

    /// Its threads that have not ended.
    pub fn threads(&self) -> Vec<Arc<Thread>> {
        self.threads.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// How many threads have not ended.
    pub fn thread_count(&self) -> u32 {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether a signal has stopped it.
    pub fn is_stopped(&self) -> bool {
        self.stopped.0.load(Ordering::SeqCst)
    }

    /// The wait status that was decided on, if the process is to end.
    pub fn ending(&self) -> Option<Status> {
        match self.ending.load(Ordering::SeqCst) {
            0 => None,
            status => Some(Status(status - 1)),
        }
    }

    /// Decides how the process ends, unless that was decided; gives whether it was done here.
    pub(crate) fn decide_end(&self, status: Status) -> bool {
        self.ending.compare_exchange(0, status.0 + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Whether all its threads have ended, and how.
    pub fn ended(&self) -> Option<Status> {
        self.ended.get().copied()
    }

    /// Nanoseconds that its threads ran, the ended ones included.
    pub fn ran_ns(&self) -> u64 {
        let live: u64 = self.threads().iter().map(|thread| thread.entity.ran_ns_now()).sum();
        self.ended_usage.lock().ran_ns + live
    }

    /// What its waited-for children used, and theirs.
    pub fn children_usage(&self) -> Usage {
        *self.children_usage.lock()
    }

    /// Sleeps until `look` gives something; it is asked after each event of a child.
    pub fn wait_for_child<R>(&self, how: Wait, look: impl FnMut() -> Option<R>) -> Result<R, WaitError> {
        self.children.wait_until(how, look)
    }

    /// Takes a thread that ends from those that signals go to.
    pub(crate) fn remove_thread(&self, thread: &Thread) {
        self.threads.lock().retain(|t| !core::ptr::eq(t.as_ptr(), thread));
    }

    pub(crate) fn add_thread(&self, thread: &Arc<Thread>) {
        self.live.fetch_add(1, Ordering::SeqCst);
        let mut threads = self.threads.lock();
        threads.retain(|t| t.strong_count() > 0);
        threads.push(Arc::downgrade(thread));
    }
}
