//! Parents and children: who waits for whom, and who takes the orphans.

use super::{INIT, TREE, Tree};
use crate::process::Process;
use crate::status::Status;
use crate::usage::Usage;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use osv_abi::Errno;
use osv_abi::uapi::signal::sig;

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
    /// What it and the children that it waited for had used by then.
    pub usage: Usage,
}

/// Which kinds of children count: those whose end SIGCHLD tells, and the others ("clone children").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kinds {
    /// Only those that SIGCHLD tells of.
    Normal,
    /// Only the others (__WCLONE).
    Clone,
    /// Both (__WALL).
    All,
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
    /// Only children that this thread made (__WNOTHREAD).
    pub made_by: Option<u32>,
    pub kinds: Kinds,
}

impl Wanted {
    /// Ends of all children: what init waits for.
    pub const ENDS: Wanted = Wanted {
        exited: true,
        stopped: false,
        continued: false,
        keep: false,
        made_by: None,
        kinds: Kinds::All,
    };

    fn means(&self, tree: &Tree, pid: u32, which: Which) -> bool {
        let Some(node) = tree.processes.get(&pid) else { return false };
        let named = match which {
            Which::Any => true,
            Which::Pid(wanted) => wanted == pid,
            Which::Group(group) => node.group == group,
        };
        let is_normal = node.process.exit_signal.load(Ordering::Relaxed) == sig::CHLD;
        let kind = match self.kinds {
            Kinds::Normal => is_normal,
            Kinds::Clone => !is_normal,
            Kinds::All => true,
        };
        // The children of a thread that ended are the first thread's.
        let made_here = self.made_by.is_none_or(|tid| {
            node.maker == tid || tid == node.parent && !tree.threads.contains_key(&node.maker)
        });
        named && kind && made_here
    }
}

/// An event of a child of `parent` that is there now; ECHILD when there is no such child.
pub fn child_event(parent: u32, which: Which, wanted: Wanted) -> Result<Option<ChildEvent>, Errno> {
    let mut tree = TREE.lock();
    let mut any = false;
    let mut found = None;
    for (&pid, node) in tree.processes.iter().filter(|(_, node)| node.parent == parent) {
        if !wanted.means(&tree, pid, which) {
            continue;
        }
        any = true;
        let process = &node.process;
        let status = match process.ended() {
            Some(status) if wanted.exited => status,
            Some(_) => continue,
            None => match process.stop_event.load(Ordering::SeqCst) {
                0 => continue,
                0xffff if wanted.continued => Status::CONTINUED,
                0xffff => continue,
                signo if wanted.stopped => Status::stopped(signo),
                _ => continue,
            },
        };
        found = Some((process.clone(), status));
        break;
    }
    let Some((process, status)) = found else {
        return if any { Ok(None) } else { Err(Errno::ECHILD) };
    };
    let has_ended = process.ended().is_some();
    if has_ended && !wanted.keep {
        tree.processes.remove(&process.pid());
    }
    if !has_ended && !wanted.keep {
        process.stop_event.store(0, Ordering::SeqCst);
    }
    let waiter = tree.processes.get(&parent).map(|node| node.process.clone());
    drop(tree);
    let mut usage = Usage::of_process(&process);
    usage.add(&process.children_usage());
    if let Some(waiter) = waiter
        && has_ended
        && !wanted.keep
    {
        waiter.children_usage.lock().add(&usage);
    }
    Ok(Some(ChildEvent { process, status, usage }))
}

/// Forgets a process that ended and for which nobody will wait.
pub(crate) fn forget(pid: u32) {
    let node = TREE.lock().processes.remove(&pid);
    drop(node);
}

/// What the end of a process means to others.
pub(crate) struct Bereaved {
    /// Its children.
    pub(crate) children: Vec<Arc<Process>>,
    /// Who takes them.
    pub(crate) reaper: Arc<Process>,
    /// Groups with stopped processes that have nobody left to continue them.
    pub(crate) groups: Vec<u32>,
}

/// Gives the children of process `pid`, which ends, to its nearest ancestor that asked for orphans
/// (PR_SET_CHILD_SUBREAPER), or to init.
pub(crate) fn orphan_children(pid: u32) -> Bereaved {
    let mut tree = TREE.lock();
    let mut reaper = INIT;
    let mut at = tree.processes.get(&pid).map_or(INIT, |node| node.parent);
    while at != INIT {
        let Some(node) = tree.processes.get(&at) else { break };
        let takes = node.process.flags.subreaper.load(Ordering::Relaxed);
        if takes && node.process.ending().is_none() && node.process.ended().is_none() {
            reaper = at;
            break;
        }
        at = node.parent;
    }
    let pids: Vec<u32> =
        tree.processes.iter().filter(|(_, node)| node.parent == pid).map(|(&pid, _)| pid).collect();
    let mut children = Vec::with_capacity(pids.len());
    let mut groups = Vec::new();
    for &child in &pids {
        if let Some(node) = tree.processes.get_mut(&child) {
            (node.parent, node.maker) = (reaper, reaper);
            children.push(node.process.clone());
        }
    }
    for child in &pids {
        let group = tree.processes.get(child).and_then(|node| tree.abandoned_group(node, pid, None));
        groups.extend(group);
    }
    if let Some(me) = tree.processes.get(&pid) {
        groups.extend(tree.abandoned_group(me, me.parent, Some(pid)));
    }
    groups.dedup();
    let reaper = tree.processes.get(&reaper).map(|node| node.process.clone());
    drop(tree);
    Bereaved { children, reaper: reaper.unwrap_or_else(super::kernel_process), groups }
}
