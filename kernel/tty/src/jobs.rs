//! What terminals need to know of processes: registered by the crate that has them.

use crate::terminal::Tty;
use alloc::sync::Arc;
use osv_abi::uapi::signal::sig;
use osv_base::{Errno, Fail, Res};
use spin::Once;

/// Who makes the call.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Its session.
    pub session: u32,
    /// Its process group.
    pub group: u32,
    /// Whether it leads its session.
    pub leads: bool,
    /// Its controlling terminal.
    pub terminal: Option<Arc<Tty>>,
    /// Whether it may do what takes CAP_SYS_ADMIN.
    pub is_privileged: bool,
    /// User and group of the files it makes.
    pub owner: (u32, u32),
}

/// Processes, groups and sessions.
pub trait Jobs: Send + Sync {
    /// Who makes the call.
    fn caller(&self) -> Caller;
    /// Whether the calling thread blocks `signo` or its process ignores it.
    fn caller_ignores(&self, signo: u32) -> bool;
    /// Whether the caller's process group is orphaned.
    fn caller_is_orphaned(&self) -> bool;
    /// Sends `signo` to the caller's process group. The calling thread looks for signals before it returns to the
    /// application, so that a call which fails with [`Fail::Interrupted`] is restarted there.
    fn signal_callers_group(&self, signo: u32);
    /// Sends `signo` to a process group.
    fn signal_group(&self, group: u32, signo: u32);
    /// The session that a process group is in.
    fn session_of_group(&self, group: u32) -> Option<u32>;
    /// Makes `tty` the caller's controlling terminal.
    fn attach_caller(&self, tty: &Arc<Tty>);
    /// Takes the caller's controlling terminal away.
    fn detach_caller(&self);
    /// Takes `tty` away from all processes of `session`. When it was hung up, the session's leader gets SIGHUP and
    /// SIGCONT, and `foreground` gets them when the leader ends.
    fn detach_session(&self, session: u32, tty: &Tty, hung_up: bool, foreground: u32);
}

static JOBS: Once<Arc<dyn Jobs>> = Once::new();

/// Registers who knows the processes; the first counts.
pub fn register(jobs: Arc<dyn Jobs>) {
    JOBS.call_once(|| jobs);
}

/// Without processes nobody is signalled.
struct Nobody;

impl Jobs for Nobody {
    fn caller(&self) -> Caller {
        Caller::default()
    }
    fn caller_ignores(&self, _signo: u32) -> bool {
        true
    }
    fn caller_is_orphaned(&self) -> bool {
        false
    }
    fn signal_callers_group(&self, _signo: u32) {}
    fn signal_group(&self, _group: u32, _signo: u32) {}
    fn session_of_group(&self, _group: u32) -> Option<u32> {
        None
    }
    fn attach_caller(&self, _tty: &Arc<Tty>) {}
    fn detach_caller(&self) {}
    fn detach_session(&self, _session: u32, _tty: &Tty, _hung_up: bool, _foreground: u32) {}
}

/// Who knows the processes.
pub(crate) fn jobs() -> &'static dyn Jobs {
    match JOBS.get() {
        Some(jobs) => &**jobs,
        None => &Nobody,
    }
}

/// The caller's controlling terminal.
pub fn terminal_of_caller() -> Option<Arc<Tty>> {
    jobs().caller().terminal
}

impl Tty {
    fn is_terminal_of(&self, caller: &Caller) -> bool {
        caller.terminal.as_ref().is_some_and(|tty| core::ptr::eq(&**tty, self))
    }

    /// Job control: whether the caller may read (SIGTTIN) or change (SIGTTOU) its controlling terminal. A process in
    /// the background is stopped, and its call made again when it goes on.
    pub fn check(&self, signo: u32) -> Res<()> {
        let caller = jobs().caller();
        let foreground = self.foreground();
        if !self.is_terminal_of(&caller) || foreground == 0 || foreground == caller.group {
            return Ok(());
        }
        if jobs().caller_ignores(signo) {
            return if signo == sig::TTIN { Err(Errno::EIO.into()) } else { Ok(()) };
        }
        if jobs().caller_is_orphaned() {
            return Err(Errno::EIO.into());
        }
        jobs().signal_callers_group(signo);
        Err(Fail::Interrupted)
    }

    /// open(2) without O_NOCTTY: becomes the terminal of a session that has none, if its leader opens it to read.
    pub(crate) fn offer(self: &Arc<Self>) {
        let caller = jobs().caller();
        if caller.leads && caller.terminal.is_none() && self.take_session(&caller) {
            jobs().attach_caller(self);
        }
    }

    /// Gives itself to the caller's session, unless another one has it.
    fn take_session(&self, caller: &Caller) -> bool {
        let mut state = self.state.lock();
        let free = state.session == 0;
        if free {
            (state.session, state.foreground) = (caller.session, caller.group);
        }
        free
    }

    /// TIOCSCTTY.
    pub(crate) fn become_controlling(self: &Arc<Self>, may_steal: bool, is_readable: bool) -> Res<()> {
        let caller = jobs().caller();
        if caller.leads && self.session() == caller.session {
            return Ok(());
        }
        if !caller.leads || caller.terminal.is_some() {
            return Err(Errno::EPERM.into());
        }
        let session = self.session();
        if session != 0 {
            if !(may_steal && caller.is_privileged) {
                return Err(Errno::EPERM.into());
            }
            self.leave_session(session, false);
        }
        if !is_readable && !caller.is_privileged || !self.take_session(&caller) {
            return Err(Errno::EPERM.into());
        }
        jobs().attach_caller(self);
        Ok(())
    }

    /// TIOCNOTTY. A session leader takes the terminal from the whole session, and the foreground hears of it.
    pub(crate) fn give_up(&self) -> Res<()> {
        let caller = jobs().caller();
        if !self.is_terminal_of(&caller) {
            return Err(Errno::ENOTTY.into());
        }
        if !caller.leads {
            jobs().detach_caller();
            return Ok(());
        }
        self.signal_foreground(&[sig::HUP, sig::CONT]);
        self.leave_session(caller.session, false);
        Ok(())
    }

    /// The leader of `session`, whose terminal this is, has ended.
    pub fn leader_ended(&self, session: u32) {
        self.signal_foreground(&[sig::HUP]);
        self.leave_session(session, false);
    }

    /// No process of `session` has it as its terminal any more.
    pub(crate) fn leave_session(&self, session: u32, hung_up: bool) {
        let foreground = {
            let mut state = self.state.lock();
            if state.session != session || session == 0 {
                return;
            }
            state.session = 0;
            core::mem::take(&mut state.foreground)
        };
        jobs().detach_session(session, self, hung_up, foreground);
    }

    /// TIOCGPGRP. The far side may always ask.
    pub(crate) fn foreground_for(&self, from_far: bool) -> Res<u32> {
        if !from_far && !self.is_terminal_of(&jobs().caller()) {
            return Err(Errno::ENOTTY.into());
        }
        Ok(self.foreground())
    }

    /// TIOCGSID.
    pub(crate) fn session_for(&self, from_far: bool) -> Res<u32> {
        if !from_far && !self.is_terminal_of(&jobs().caller()) {
            return Err(Errno::ENOTTY.into());
        }
        match self.session() {
            0 => Err(Errno::ENOTTY.into()),
            session => Ok(session),
        }
    }

    /// TIOCSPGRP.
    pub(crate) fn set_foreground(&self, group: impl FnOnce() -> Result<i32, Errno>) -> Res<()> {
        match self.check(sig::TTOU) {
            Err(Fail::Errno(Errno::EIO)) => return Err(Errno::ENOTTY.into()),
            other => other?,
        }
        let group = u32::try_from(group()?).map_err(|_| Errno::EINVAL)?;
        let caller = jobs().caller();
        if !self.is_terminal_of(&caller) || self.session() != caller.session {
            return Err(Errno::ENOTTY.into());
        }
        let session = jobs().session_of_group(group).ok_or(Errno::ESRCH)?;
        if session != caller.session {
            return Err(Errno::EPERM.into());
        }
        self.state.lock().foreground = group;
        Ok(())
    }

    /// Sends signals to the foreground process group.
    pub fn signal_foreground(&self, signals: &[u32]) {
        let group = self.foreground();
        if group != 0 {
            signals.iter().for_each(|&signo| jobs().signal_group(group, signo));
        }
    }
}
