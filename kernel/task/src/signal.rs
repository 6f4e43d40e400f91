//! Signals: what is pending, what is to be done, and how a handler is entered and left.
//!
//! * [`set`]: sets of signals and their default actions.
//! * [`pending`]: queues of signals, one for each thread and one for each process.
//! * [`send`]: from a sender to a queue, and the thread that must look.
//! * [`deliver`]: on the thread's own way back to the application: default actions, handler frames, restarts.
//! * [`frame`]: the frame on the application's stack, built and read back.

mod crash;
pub mod deliver;
pub mod frame;
pub mod pending;
pub mod send;
pub mod set;

pub use pending::Pending;
pub use send::sigpipe as raise_sigpipe;
pub use set::{Default as DefaultAction, SigSet};

use osv_abi::uapi::signal::{SIG_DFL, SIG_IGN, Sigaction, sig};
use osv_sync::SpinLock;

/// What a handler's shim returns when a signal interrupted the call before it did anything: the exit path restarts
/// the call or makes EINTR of it. The application never sees it.
pub const RESTART: isize = -512;

/// The actions of a process: shared by threads, and by processes that CLONE_SIGHAND made.
#[derive(Debug)]
pub struct Actions {
    table: SpinLock<[Sigaction; sig::MAX as usize]>,
}

impl Default for Actions {
    fn default() -> Self {
        Actions { table: SpinLock::new([Sigaction::default(); sig::MAX as usize]) }
    }
}

impl Actions {
    /// A copy, as fork(2) makes.
    pub fn fork(&self) -> Self {
        Actions { table: SpinLock::new(*self.table.lock()) }
    }

    /// The action for `signo`, 1 to 64; the default one for what is no signal.
    pub fn get(&self, signo: u32) -> Sigaction {
        self.table.lock().get((signo as usize).wrapping_sub(1)).copied().unwrap_or_default()
    }

    /// Changes the action for `signo` and gives the old one.
    pub fn set(&self, signo: u32, action: Sigaction) -> Sigaction {
        match self.table.lock().get_mut((signo as usize).wrapping_sub(1)) {
            Some(slot) => core::mem::replace(slot, action),
            None => Sigaction::default(),
        }
    }

    /// As execve(2) leaves them: handlers become the default, what is ignored stays so.
    pub fn exec(&self) {
        for action in self.table.lock().iter_mut() {
            let handler = if action.handler == SIG_IGN { SIG_IGN } else { SIG_DFL };
            *action = Sigaction { handler, ..Sigaction::default() };
        }
    }

    /// Makes every action the default (CLONE_CLEAR_SIGHAND).
    pub fn clear(&self) {
        *self.table.lock() = [Sigaction::default(); sig::MAX as usize];
    }

    /// Whether `signo` would have no effect if it were delivered now.
    pub fn ignores(&self, signo: u32) -> bool {
        match self.get(signo).handler {
            SIG_IGN => true,
            SIG_DFL => set::default_action(signo) == DefaultAction::Ignore,
            _ => false,
        }
    }

    /// Signals that are ignored and those that have a handler, for /proc.
    pub fn summary(&self) -> (SigSet, SigSet) {
        let (mut ignored, mut caught) = (SigSet::EMPTY, SigSet::EMPTY);
        for (at, action) in self.table.lock().iter().enumerate() {
            let signo = at as u32 + 1;
            match action.handler {
                SIG_DFL => {}
                SIG_IGN => ignored = ignored.with(signo),
                _ => caught = caught.with(signo),
            }
        }
        (ignored, caught)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler(at: u64) -> Sigaction {
        Sigaction { handler: at, ..Sigaction::default() }
    }

    #[test]
    fn exec_keeps_what_is_ignored_and_drops_handlers() {
        let actions = Actions::default();
        actions.set(sig::USR1, handler(0x1000));
        actions.set(sig::HUP, handler(SIG_IGN));
        let (ignored, caught) = actions.summary();
        assert_eq!((ignored.first(), caught.first()), (Some(sig::HUP), Some(sig::USR1)));
        actions.exec();
        assert_eq!(actions.get(sig::USR1), Sigaction::default());
        assert_eq!(actions.get(sig::HUP).handler, SIG_IGN);
    }

    #[test]
    fn a_signal_without_effect_is_known_as_such() {
        let actions = Actions::default();
        assert!(actions.ignores(sig::CHLD) && !actions.ignores(sig::TERM));
        actions.set(sig::CHLD, handler(0x1000));
        assert!(!actions.ignores(sig::CHLD));
        // What is no signal has no action.
        assert_eq!(actions.set(0, handler(1)), Sigaction::default());
        assert_eq!(actions.get(65), Sigaction::default());
    }
}
