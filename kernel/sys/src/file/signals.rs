//! Signals for input and output: F_SETOWN, F_SETSIG, O_ASYNC (fcntl(2), signal(7)).

use super::dnotify::DirectoryWatch;
use crate::cx::Cx;
use alloc::sync::Arc;
use core::any::Any;
use osv_abi::Errno;
use osv_abi::arg::Fd;
use osv_abi::uapi::file::owner;
use osv_abi::uapi::signal::{Siginfo, code, sig};
use osv_sync::readiness::Observer;
use osv_sync::{Events, SpinLock};
use osv_task::creds::Credentials;
use osv_task::registry;
use osv_task::signal::send;
use osv_vfs::{OpenFile, SignalOwner};

/// Who is to get the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One thread, by number.
    Thread(u32),
    /// A process.
    Process(u32),
    /// A process group.
    Group(u32),
}

#[derive(Clone)]
struct Target {
    owner: Owner,
    /// Of who named the owner: signals go where that one might send them.
    by: Credentials,
}

#[derive(Default)]
struct State {
    target: Option<Target>,
    /// 0: SIGIO, without details.
    signo: u32,
    /// The descriptor that O_ASYNC was set on; `None`: it is not set.
    fd: Option<i32>,
    /// F_NOTIFY.
    directory: Option<Arc<DirectoryWatch>>,
}

/// What a description keeps for its signals.
pub struct Signals {
    state: SpinLock<State>,
}

impl SignalOwner for Signals {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn find(open: &OpenFile) -> Option<&Signals> {
    open.signal_owner()?.as_any().downcast_ref()
}

fn find_or_make(open: &OpenFile) -> Option<&Signals> {
    let made = open.signal_owner_or(|| {
        let made = Arc::new(Signals { state: SpinLock::default() });
        if let Some(readiness) = open.file().readiness() {
            let observer: Arc<dyn Observer> = made.clone();
            readiness.observe(Arc::downgrade(&observer));
        }
        made
    });
    made.as_any().downcast_ref()
}

impl Owner {
    /// As F_SETOWN names it: a process, or a group by its negative number; `None` for 0.
    pub fn from_number(number: i32) -> Result<Option<Owner>, Errno> {
        match number {
            0 => Ok(None),
            i32::MIN => Err(Errno::EINVAL),
            1.. => Ok(Some(Owner::Process(number.unsigned_abs()))),
            _ => Ok(Some(Owner::Group(number.unsigned_abs()))),
        }
    }

    /// As `struct f_owner_ex` names it.
    pub fn from_pair([kind, number]: [i32; 2]) -> Result<Option<Owner>, Errno> {
        let make = match kind {
            owner::TID => Owner::Thread,
            owner::PID => Owner::Process,
            owner::PGRP => Owner::Group,
            _ => return Err(Errno::EINVAL),
        };
        match u32::try_from(number) {
            Ok(0) => Ok(None),
            Ok(number) => Ok(Some(make(number))),
            Err(_) => Err(Errno::ESRCH),
        }
    }

    fn exists(self) -> bool {
        match self {
            Owner::Thread(tid) => registry::thread(tid).is_some(),
            Owner::Process(pid) => registry::process(pid).is_some(),
            Owner::Group(group) => !registry::group_members(group).is_empty(),
        }
    }

    /// The reverse of [`Owner::from_number`].
    pub fn number(self) -> i32 {
        match self {
            Owner::Thread(number) | Owner::Process(number) => number.cast_signed(),
            Owner::Group(number) => -number.cast_signed(),
        }
    }

    /// The reverse of [`Owner::from_pair`].
    pub fn pair(self) -> [i32; 2] {
        match self {
            Owner::Thread(number) => [owner::TID, number.cast_signed()],
            Owner::Process(number) => [owner::PID, number.cast_signed()],
            Owner::Group(number) => [owner::PGRP, number.cast_signed()],
        }
    }
}

/// F_SETOWN, F_SETOWN_EX. ESRCH: no such owner.
pub fn set_owner(cx: &Cx<'_>, open: &OpenFile, owner: Option<Owner>) -> Result<(), Errno> {
    if owner.is_some_and(|owner| !owner.exists()) {
        return Err(Errno::ESRCH);
    }
    if let Some(signals) = find_or_make(open) {
        let by = cx.process().credentials();
        signals.state.lock().target = owner.map(|owner| Target { owner, by });
    }
    Ok(())
}

/// F_GETOWN, F_GETOWN_EX.
pub fn owner(open: &OpenFile) -> Option<Owner> {
    find(open)?.state.lock().target.as_ref().map(|target| target.owner)
}

/// F_SETSIG; 0 is SIGIO without details.
pub fn set_signal(open: &OpenFile, signo: u64) -> Result<(), Errno> {
    let signo = u32::try_from(signo).ok().filter(|&signo| signo <= sig::MAX).ok_or(Errno::EINVAL)?;
    if let Some(signals) = find_or_make(open) {
        signals.state.lock().signo = signo;
    }
    Ok(())
}

/// F_GETSIG.
pub fn signal(open: &OpenFile) -> u32 {
    find(open).map_or(0, |signals| signals.state.lock().signo)
}

/// O_ASYNC was set or cleared by way of `fd`.
pub fn set_async(open: &OpenFile, fd: Fd, on: bool) {
    let signals = if on { find_or_make(open) } else { find(open) };
    if let Some(signals) = signals {
        signals.state.lock().fd = on.then_some(fd.0);
    }
}

/// POLL_MSG of signal.h, and the events that go with it: POLLIN, POLLRDNORM and POLLMSG.
pub const MESSAGE: (i32, u32) = (3, 0x441);

/// Codes of signal.h's POLL_*, by what holds; the first that does is told.
const REASONS: [(Events, i32); 5] = [
    (Events::ERR, code::POLL_ERR),
    (Events::HUP, code::POLL_HUP),
    (Events::PRI, code::POLL_PRI),
    (Events::IN, code::POLL_IN),
    (Events::OUT, code::POLL_OUT),
];

impl Observer for Signals {
    fn notify(&self, events: Events) {
        let Some(fd) = self.state.lock().fd else { return };
        let Some((_, reason)) = REASONS.iter().find(|(event, _)| events.intersects(*event)) else { return };
        self.tell(*reason, events.bits(), fd);
    }
}

impl Signals {
    fn tell(&self, reason: i32, band: u32, fd: i32) {
        let (target, signo) = {
            let state = self.state.lock();
            let Some(target) = &state.target else { return };
            (target.clone(), state.signo)
        };
        target.send(match signo {
            0 => Siginfo::new(sig::IO, code::SI_KERNEL),
            _ => Siginfo::io(signo, reason, band, fd),
        });
    }
}

/// Signals what happened to a description by itself: `reason` is one of POLL_*, `band` the events of poll(2).
pub fn tell(open: &OpenFile, reason: i32, band: u32, fd: i32) {
    if let Some(signals) = find(open) {
        signals.tell(reason, band, fd);
    }
}

/// The caller is told, unless somebody is already.
pub fn own_if_nobody_does(cx: &Cx<'_>, open: &OpenFile) {
    if let Some(signals) = find_or_make(open) {
        let (owner, by) = (Owner::Process(cx.process().pid()), cx.process().credentials());
        signals.state.lock().target.get_or_insert(Target { owner, by });
    }
}

/// What F_NOTIFY set.
pub fn directory_watch(open: &OpenFile) -> Option<Arc<DirectoryWatch>> {
    find(open)?.state.lock().directory.clone()
}

/// Changes what F_NOTIFY set.
pub fn set_directory_watch(open: &OpenFile, watch: Option<Arc<DirectoryWatch>>) {
    if let Some(signals) = find_or_make(open) {
        let old = core::mem::replace(&mut signals.state.lock().directory, watch);
        // Its end takes other locks.
        drop(old);
    }
}

impl Target {
    fn send(&self, info: Siginfo) {
        // A queue that is full loses the details, not the signal (fcntl(2), F_SETSIG).
        let plain = Siginfo::new(sig::IO, code::SI_KERNEL);
        let to_process = |process: &Arc<osv_task::Process>| {
            if self.by.may_signal(&process.credentials()) && !send::to_process(process, info) {
                send::to_process(process, plain);
            }
        };
        match self.owner {
            Owner::Thread(tid) => {
                let thread = registry::thread(tid);
                let allowed = |t: &Arc<_>| self.by.may_signal(&osv_task::Thread::process(t).credentials());
                if let Some(thread) = thread.filter(allowed)
                    && !send::to_thread(&thread, info)
                {
                    send::to_thread(&thread, plain);
                }
            }
            Owner::Process(pid) => registry::process(pid).iter().for_each(to_process),
            Owner::Group(group) => registry::group_members(group).iter().for_each(to_process),
        }
    }
}
