//! Controlling terminals: which process has which, and what terminals ask of processes ([`Jobs`]).
//!
//! A terminal is never asked for anything while the tree is locked.

use super::{TREE, group_members, is_in_orphaned_group};
use crate::signal::send;
use crate::thread::current;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use osv_abi::uapi::signal::{Siginfo, code, sig};
use osv_base::percpu::exit_work;
use osv_tty::{Caller, Jobs, Tty};

/// The controlling terminal of a process.
pub fn terminal_of(pid: u32) -> Option<Arc<Tty>> {
    TREE.lock().processes.get(&pid).and_then(|node| node.terminal.clone())
}

/// Gives process `pid`, which is about to start as a session of its own, the controlling terminal `tty`.
pub fn start_session_on(pid: u32, tty: &Arc<Tty>) {
    tty.start_session(pid);
    if let Some(node) = TREE.lock().processes.get_mut(&pid) {
        node.terminal = Some(tty.clone());
    }
}

/// Process `pid` ends: a session leader gives its terminal up, and the foreground hears of it.
pub(crate) fn leave(pid: u32) {
    let (terminal, leads, last_foreground) = {
        let mut tree = TREE.lock();
        let Some(node) = tree.processes.get_mut(&pid) else { return };
        (node.terminal.take(), node.session == pid, core::mem::take(&mut node.last_foreground))
    };
    match terminal {
        Some(tty) if leads => tty.leader_ended(pid),
        _ if leads && last_foreground != 0 => {
            [sig::HUP, sig::CONT].into_iter().for_each(|signo| signal(last_foreground, signo));
        }
        _ => {}
    }
}

fn signal(group: u32, signo: u32) {
    for member in group_members(group) {
        send::to_process(&member, Siginfo::new(signo, code::SI_KERNEL));
    }
}

/// The processes of this crate, as terminals see them.
#[derive(Clone, Copy, Debug)]
pub struct Processes;

impl Jobs for Processes {
    fn caller(&self) -> Caller {
        let me = current();
        let process = me.process();
        let (is_privileged, owner) = {
            let credentials = process.credentials();
            (credentials.is_privileged(), (credentials.user.fs, credentials.group.fs))
        };
        let tree = TREE.lock();
        let Some(node) = tree.processes.get(&process.pid()) else { return Caller::default() };
        Caller {
            session: node.session,
            group: node.group,
            leads: node.session == process.pid(),
            terminal: node.terminal.clone(),
            is_privileged,
            owner,
        }
    }

    fn caller_ignores(&self, signo: u32) -> bool {
        let me = current();
        me.mask().has(signo) || me.process().actions.ignores(signo)
    }

    fn caller_is_orphaned(&self) -> bool {
        is_in_orphaned_group(current().process().pid())
    }

    fn signal_callers_group(&self, signo: u32) {
        let me = current();
        if let Some((group, _)) = super::group_and_session(me.process().pid()) {
            signal(group, signo);
        }
        // Another thread may have been told of it; this one is to wait for what comes of it as well.
        me.entity.head.exit_work.fetch_or(exit_work::SIGNAL, Ordering::SeqCst);
    }

    fn signal_group(&self, group: u32, signo: u32) {
        signal(group, signo);
    }

    fn session_of_group(&self, group: u32) -> Option<u32> {
        TREE.lock().processes.values().find(|node| node.group == group).map(|node| node.session)
    }

    fn attach_caller(&self, tty: &Arc<Tty>) {
        let pid = current().process().pid();
        let old = TREE.lock().processes.get_mut(&pid).and_then(|node| node.terminal.replace(tty.clone()));
        drop(old);
    }

    fn detach_caller(&self) {
        let pid = current().process().pid();
        let old = TREE.lock().processes.get_mut(&pid).and_then(|node| node.terminal.take());
        drop(old);
    }

    fn detach_session(&self, session: u32, tty: &Tty, hung_up: bool, foreground: u32) {
        let mut taken = Vec::new();
        let mut leader = None;
        {
            let mut tree = TREE.lock();
            for (&pid, node) in tree.processes.iter_mut().filter(|(_, node)| node.session == session) {
                if node.terminal.as_deref().is_some_and(|t| core::ptr::eq(t, tty)) {
                    taken.extend(node.terminal.take());
                }
                if pid == session && hung_up {
                    node.last_foreground = foreground;
                    leader = Some(node.process.clone());
                }
            }
        }
        if let Some(leader) = leader {
            for signo in [sig::HUP, sig::CONT] {
                send::to_process(&leader, Siginfo::new(signo, code::SI_KERNEL));
            }
        }
    }
}
