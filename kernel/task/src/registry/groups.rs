//! Process groups and sessions: setpgid(2), setsid(2), and what happens to groups that nobody looks after.

use super::{Node, TREE, Tree};
use crate::process::Process;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use osv_abi::Errno;

impl Tree {
    /// Whether nobody in the session but outside the group could continue the group's stopped processes: no member
    /// has a parent there. `leaving` does not count any more.
    fn is_orphaned(&self, group: u32, leaving: Option<u32>) -> bool {
        !self.processes.iter().any(|(&pid, node)| {
            node.group == group
                && Some(pid) != leaving
                && node.process.ended().is_none()
                && self.looks_after(node.parent, node)
        })
    }

    /// Whether process `parent` is in the session of `child` but not in its group.
    fn looks_after(&self, parent: u32, child: &Node) -> bool {
        self.processes
            .get(&parent)
            .is_some_and(|parent| parent.session == child.session && parent.group != child.group)
    }

    /// The group of `child`, if it loses its last guard and a stopped process is in it: now that `parent` does not
    /// look after `child` any more (and `leaving` is gone).
    pub(super) fn abandoned_group(&self, child: &Node, parent: u32, leaving: Option<u32>) -> Option<u32> {
        let group = child.group;
        let has_stopped =
            || self.processes.values().any(|node| node.group == group && node.process.is_stopped());
        (self.looks_after(parent, child) && has_stopped() && self.is_orphaned(group, leaving))
            .then_some(group)
    }
}

/// Whether the process group of `pid` is orphaned: terminal stops do nothing to it.
pub(crate) fn is_in_orphaned_group(pid: u32) -> bool {
    let tree = TREE.lock();
    tree.processes.get(&pid).is_some_and(|node| tree.is_orphaned(node.group, None))
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
    if node.session != caller_session {
        return Err(Errno::EPERM);
    }
    if pid != caller && node.process.did_exec.load(Ordering::Relaxed) {
        return Err(Errno::EACCES);
    }
    if node.session == pid {
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
    let terminal = node.terminal.take();
    drop(tree);
    drop(terminal);
    Ok(pid)
}
