//! Who looks on: told of signals and ends, when somebody asked for it (strace).

use crate::process::Process;
use crate::status::Status;
use osv_abi::uapi::signal::Siginfo;
use spin::Once;

/// What an observer hears, each on the thread that it is about.
#[derive(Debug)]
pub struct Observer {
    /// The running thread takes this signal.
    pub signal: fn(&Siginfo),
    /// This process has ended, and its last thread runs.
    pub ended: fn(&Process, Status),
    /// The running thread, of this number, is about to end.
    pub thread_ended: fn(u32),
}

static OBSERVER: Once<Observer> = Once::new();

/// Registers the one observer.
pub fn register(observer: Observer) {
    OBSERVER.call_once(|| observer);
}

pub(crate) fn signal(info: &Siginfo) {
    if let Some(observer) = OBSERVER.get() {
        (observer.signal)(info);
    }
}

pub(crate) fn ended(process: &Process, status: Status) {
    if let Some(observer) = OBSERVER.get() {
        (observer.ended)(process, status);
    }
}

pub(crate) fn thread_ended(tid: u32) {
    if let Some(observer) = OBSERVER.get() {
        (observer.thread_ended)(tid);
    }
}
