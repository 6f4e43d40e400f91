//! Who there is: processes and threads by number. [`children`] has the families, [`groups`] the process groups and
//! sessions, [`terminals`] what sessions have of terminals.

pub mod children;
pub mod groups;
pub mod terminals;

pub use children::{ChildEvent, Kinds, Wanted, Which, child_event};
pub(crate) use children::{forget, orphan_children};
pub(crate) use groups::is_in_orphaned_group;
pub use groups::{group_and_session, group_members, new_session, set_group};

use crate::creds::Credentials;
use crate::process::{self, Process};
use crate::thread::Thread;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use osv_abi::Errno;
use osv_sync::{Mutex, SpinLock};
use osv_tty::Tty;
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
    /// The thread of the parent that made it.
    maker: u32,
    group: u32,
    session: u32,
    /// The controlling terminal.
    terminal: Option<Arc<Tty>>,
    /// Of a session leader whose terminal was hung up: the process group that was in the foreground.
    last_foreground: u32,
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
                parent: None,
            });
            let node = Node {
                process: init.clone(),
                parent: 0,
                maker: 0,
                group: INIT,
                session: INIT,
                terminal: None,
                last_foreground: 0,
            };
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

/// Enters a process as a child of `parent`, made by its thread `maker`, in the group and session of process `like`.
pub(crate) fn add_process(process: &Arc<Process>, parent: u32, maker: u32, like: u32) {
    let mut tree = TREE.lock();
    let (group, session, terminal) = match tree.processes.get(&like) {
        // Init's own child is a session of its own.
        Some(node) if like != INIT => (node.group, node.session, node.terminal.clone()),
        _ => (process.pid(), process.pid(), None),
    };
    let process = process.clone();
    let node = Node { process, parent, maker, group, session, terminal, last_foreground: 0 };
    tree.processes.insert(node.process.pid(), node);
}

pub(crate) fn add_thread(thread: &Arc<Thread>) {
    TREE.lock().threads.insert(thread.tid(), Arc::downgrade(thread));
    thread.process().add_thread(thread);
}

/// Takes a thread that ends from the numbers, unless another has taken its number over.
pub(crate) fn remove_thread(thread: &Thread) {
    let mut tree = TREE.lock();
    let me: *const Thread = thread;
    if tree.threads.get(&thread.tid()).is_some_and(|t| core::ptr::eq(t.as_ptr(), me)) {
        tree.threads.remove(&thread.tid());
    }
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
    parent_and_maker(pid).0
}

/// The parent, and its thread that made the process.
pub(crate) fn parent_and_maker(pid: u32) -> (u32, u32) {
    TREE.lock().processes.get(&pid).map_or((0, 0), |node| (node.parent, node.maker))
}

/// Whether user `user` has `most` threads or more.
pub(crate) fn has_as_many_threads(user: u32, most: u64) -> bool {
    let tree = TREE.lock();
    // Counted only where all together are so many.
    tree.threads.len() as u64 >= most
        && tree
            .processes
            .values()
            .filter(|node| node.process.credentials().user.real == user)
            .map(|node| u64::from(node.process.thread_count()))
            .sum::<u64>()
            >= most
}
