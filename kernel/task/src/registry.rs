//! Who there is: processes and threads by number, families, groups and sessions.

use crate::creds::Credentials;
use crate::process::{self, Process};
use crate::status::Status;
use crate::thread::Thread;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use osv_abi::Errno;
use osv_sync::{Mutex, SpinLock};
use osv_vfs::fd_table::FdTable;
use spin::Once;

/// Highest number of a process or thread, plus one (kernel.pid_max).
pub const PID_MAX: u32 = 1 << 22;
/// The kernel's init.
pub const INIT: u32 = 1;

/// What is known of a process beyond the process itself; it stays until a parent has waited.
struct Node {
    process: Arc<Process>,
    parent: u32,
    group: u32,
    session: u32,
}

struct Tree {
    threads: BTreeMap<u32, Weak<Thread>>,
    processes: BTreeMap<u32, Node>,
    next: u32,
}

static TREE: Mutex<Tree> =
    Mutex::new(Tree { threads: BTreeMap::new(), processes: BTreeMap::new(), next: INIT + 1 });
static KERNEL: Once<Arc<Process>> = Once::new();
static KERNEL_THREADS: SpinLock<Vec<Weak<Thread>>> = SpinLock::new(Vec::new());

impl Tree {
    fn is_free(&self, pid: u32) -> bool {
        !self.threads.contains_key(&pid)
            && !self.processes.contains_key(&pid)
            && !self.processes.values().any(|node| node.group == pid || node.session == pid)
    }

    fn draw(&mut self) -> Result<u32, Errno> {
        for _ in 0..PID_MAX {
            let pid = self.next;
            self.next = if pid + 1 >= PID_MAX { 300 } else { pid + 1 };
            if self.is_free(pid) {
                return Ok(pid);
            }
        }
        Err(Errno::EAGAIN)
    }
}

/// The process of init, whose threads are the kernel's.
pub fn kernel_process() -> Arc<Process> {
    KERNEL
        .call_once(|| {
            let init = Process::new(process::Plan {
                pid: INIT,
                fds: Arc::new(FdTable::new()),
                fs: None,
                actions: Arc::default(),
                credentials: Credentials::default(),
                limits: crate::limits::Limits::default(),
                space: None,
                exit_signal: 0,
                executable: None,
                regions: process::Regions::default(),
                nice: 0,
            });
            let node = Node { process: init.clone(), parent: 0, group: INIT, session: INIT };
            TREE.lock().processes.insert(INIT, node);
            init
        })
        .clone()
}

pub(crate) fn add_kernel_thread(thread: &Arc<Thread>) {
    let mut threads = KERNEL_THREADS.lock();
    threads.retain(|t| t.strong_count() > 0);
    threads.push(Arc::downgrade(thread));
}

/// A number that nobody has.
pub(crate) fn draw_pid() -> Result<u32, Errno> {
    TREE.lock().draw()
}

/// Enters a process as a child of `parent`, in its group and session.
pub(crate) fn add_process(process: &Arc<Process>, parent: u32) {
    let mut tree = TREE.lock();
    let (group, session) = match tree.processes.get(&parent) {
        // Init's children are sessions of their own.
        Some(node) if parent != INIT => (node.group, node.session),
        _ => (process.pid(), process.pid()),
    };
    tree.processes.insert(process.pid(), Node { process: process.clone(), parent, group, session });
}

pub(crate) fn add_thread(thread: &Arc<Thread>) {
    TREE.lock().threads.insert(thread.tid(), Arc::downgrade(thread));
    thread.process().add_thread(thread);
}

pub(crate) fn remove_thread(thread: &Thread) {
    TREE.lock().threads.remove(&thread.tid());
    let me: *const Thread = thread;
    thread.process().threads.lock().retain(|t| !core::ptr::eq(t.as_ptr(), me));
}

/// Renames the calling thread's entry: the thread that execs becomes the leader.
pub(crate) fn take_leader_tid(thread: &Arc<Thread>, old: u32) {
    let mut tree = TREE.lock();
    tree.threads.remove(&old);
    tree.threads.insert(thread.process().pid(), Arc::downgrade(thread));
}

/// A process by number; one that has ended counts until its parent has waited.
pub fn process(pid: u32) -> Option<Arc<Process>> {
    TREE.lock().processes.get(&pid).map(|node| node.process.clone())
}

/// A thread by number.
pub fn thread(tid: u32) -> Option<Arc<Thread>> {
    TREE.lock().threads.get(&tid).and_then(Weak::upgrade)
}

/// Every process, by number.
pub fn processes() -> Vec<Arc<Process>> {
    TREE.lock().processes.values().map(|node| node.process.clone()).collect()
}

/// Every thread of the applications, then the kernel's.
pub fn all_threads() -> Vec<Arc<Thread>> {
    let mut threads: Vec<_> = TREE.lock().threads.values().filter_map(Weak::upgrade).collect();
    threads.extend(KERNEL_THREADS.lock().iter().filter_map(Weak::upgrade));
    threads
}

/// The parent's number; 0 for init.
pub fn parent_of(pid: u32) -> u32 {
    TREE.lock().processes.get(&pid).map_or(0, |node| node.parent)
}

/// Group and session of a process.
pub fn group_and_session(pid: u32) -> Option<(u32, u32)> {
    TREE.lock().processes.get(&pid).map(|node| (node.group, node.session))
}

/// The members of a process group.
pub fn group_members(group: u32) -> Vec<Arc<Process>> {
    let tree = TREE.lock();
    tree.processes.values().filter(|node| node.group == group).map(|node| node.process.clone()).collect()
}

/// setpgid(2), on behalf of process `caller`.
pub fn set_group(caller: u32, pid: u32, group: u32) -> Result<(), Errno> {
    let mut tree = TREE.lock();
    let caller_session = tree.processes.get(&caller).ok_or(Errno::ESRCH)?.session;
    let node = tree.processes.get(&pid).ok_or(Errno::ESRCH)?;
    if pid != caller && node.parent != caller {
        return Err(Errno::ESRCH);
    }
    if pid != caller && node.process.did_exec.load(Ordering::Relaxed) {
        return Err(Errno::EACCES);
    }
    if node.session != caller_session || node.session == pid {
        return Err(Errno::EPERM);
    }
    let exists = group == pid
        || tree.processes.values().any(|node| node.group == group && node.session == caller_session);
    if !exists {
        return Err(Errno::EPERM);
    }
    if let Some(node) = tree.processes.get_mut(&pid) {
        node.group = group;
    }
    Ok(())
}

/// setsid(2) of process `pid`.
pub fn new_session(pid: u32) -> Result<u32, Errno> {
    let mut tree = TREE.lock();
    if tree.processes.values().any(|node| node.group == pid) {
        return Err(Errno::EPERM);
    }
    let node = tree.processes.get_mut(&pid).ok_or(Errno::ESRCH)?;
    (node.group, node.session) = (pid, pid);
    Ok(pid)
}

/// Gives the children of a process that ends to init; gives them and whether they have ended.
pub(crate) fn orphan_children(pid: u32) -> Vec<Arc<Process>> {
    let mut tree = TREE.lock();
    let mut orphans = Vec::new();
    for node in tree.processes.values_mut().filter(|node| node.parent == pid) {
        node.parent = INIT;
        orphans.push(node.process.clone());
    }
    orphans
}

/// Which children wait4(2) means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Any.
    Any,
    /// The one with this number.
    Pid(u32),
    /// Those of this process group.
    Group(u32),
}

/// What a child did.
#[derive(Clone, Debug)]
pub struct ChildEvent {
    /// The child.
    pub process: Arc<Process>,
    /// What it did.
    pub status: Status,
}

/// Which events count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named as the options of waitid(2)")]
pub struct Wanted {
    pub exited: bool,
    pub stopped: bool,
    pub continued: bool,
    /// Leave the child as it is (WNOWAIT).
    pub keep: bool,
}

/// An event of a child of `parent` that is there now; ECHILD when there is no such child.
pub fn child_event(parent: u32, which: Which, wanted: Wanted) -> Result<Option<ChildEvent>, Errno> {
    let mut tree = TREE.lock();
    let mut any = false;
    let mut found = None;
    for node in tree.processes.values().filter(|node| node.parent == parent) {
        let meant = match which {
            Which::Any => true,
            Which::Pid(pid) => node.process.pid() == pid,
            Which::Group(group) => node.group == group,
        };
        if !meant {
            continue;
        }
        any = true;
        let process = &node.process;
        if let Some(status) = process.ended() {
            if wanted.exited {
                found = Some(ChildEvent { process: process.clone(), status });
                break;
            }
            continue;
        }
        let event = process.stop_event.load(Ordering::SeqCst);
        let status = match event {
            0 => continue,
            0xffff if wanted.continued => Status::CONTINUED,
            0xffff => continue,
            signo if wanted.stopped => Status::stopped(signo),
            _ => continue,
        };
        if !wanted.keep {
            process.stop_event.store(0, Ordering::SeqCst);
        }
        return Ok(Some(ChildEvent { process: process.clone(), status }));
    }
    if !any {
        return Err(Errno::ECHILD);
    }
    if let Some(event) = &found
        && !wanted.keep
    {
        let (child, ran) = (event.process.pid(), event.process.ran_ns() + event.process.children_ran_ns());
        tree.processes.remove(&child);
        if let Some(node) = tree.processes.get(&parent) {
            node.process.children_ran_ns.fetch_add(ran, Ordering::Relaxed);
        }
    }
    Ok(found)
}

/// Forgets a process that ended and for which nobody will wait.
pub(crate) fn forget(pid: u32) {
    TREE.lock().processes.remove(&pid);
}
