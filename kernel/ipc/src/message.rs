//! System V message queues.
//!
//! [`State::take`] and [`State::put`] are the machine: a message goes in when it fits, and comes out by its type.
//! Senders and receivers sleep on queues of their own and try again after each change.

use crate::ids::{self, Registry};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use osv_abi::Errno;
use osv_abi::uapi::ipc::{MsqidDs, Perm, msg};
use osv_base::{Fail, Res};
use osv_sync::{Mutex, Wait, WaitQueue};
use osv_vfs::Creds;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its type, above zero.
    pub kind: i64,
    /// Its text.
    pub text: Box<[u8]>,
}

/// Which message a receiver wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The first.
    Any,
    /// The first of this type.
    Equal(i64),
    /// The first of another type.
    Other(i64),
    /// The first of the lowest type, which is at most this.
    AtMost(i64),
    /// A copy of the one at this place; it stays.
    Copy(usize),
}

impl Wanted {
    /// What the type and flags of msgrcv(2) mean. MSG_COPY without IPC_NOWAIT, or with MSG_EXCEPT: EINVAL.
    pub fn decode(kind: i64, flags: u32, nowait: bool) -> Result<Wanted, Errno> {
        if flags & msg::COPY != 0 {
            if flags & msg::EXCEPT != 0 || !nowait {
                return Err(Errno::EINVAL);
            }
            return Ok(Wanted::Copy(usize::try_from(kind).unwrap_or(usize::MAX)));
        }
        Ok(match kind {
            0 => Wanted::Any,
            ..0 => Wanted::AtMost(kind.checked_neg().unwrap_or(i64::MAX)),
            _ if flags & msg::EXCEPT != 0 => Wanted::Other(kind),
            _ => Wanted::Equal(kind),
        })
    }
}

/// The messages of a queue and what belongs to them.
#[derive(Debug)]
pub struct State {
    ds: MsqidDs,
    messages: VecDeque<Message>,
    removed: bool,
}

impl State {
    fn new(perm: Perm, now: i64) -> State {
        let ds = MsqidDs { perm, ctime: now, qbytes: msg::MNB as u64, ..MsqidDs::default() };
        State { ds, messages: VecDeque::new(), removed: false }
    }

    fn fits(&self, len: usize) -> bool {
        len as u64 + self.ds.cbytes <= self.ds.qbytes && self.ds.qnum < self.ds.qbytes
    }

    /// Puts what `message` holds at the end, if it fits.
    pub fn put(&mut self, message: &mut Option<Message>, pid: u32, now: i64) -> Option<Result<(), Errno>> {
        let len = message.as_ref().map_or(0, |message| message.text.len());
        if self.removed {
            return Some(Err(Errno::EIDRM));
        }
        if !self.fits(len) {
            return None;
        }
        if self.messages.try_reserve(1).is_err() {
            return Some(Err(Errno::ENOMEM));
        }
        self.messages.extend(message.take());
        self.ds.cbytes += len as u64;
        self.ds.qnum += 1;
        (self.ds.lspid, self.ds.stime) = (pid, now);
        Some(Ok(()))
    }

    fn position(&self, wanted: Wanted) -> Option<usize> {
        let mut all = self.messages.iter();
        match wanted {
            Wanted::Any => (!self.messages.is_empty()).then_some(0),
            Wanted::Equal(kind) => all.position(|message| message.kind == kind),
            Wanted::Other(kind) => all.position(|message| message.kind != kind),
            Wanted::AtMost(most) => {
                let least = all.map(|message| message.kind).filter(|&kind| kind <= most).min()?;
                self.position(Wanted::Equal(least))
            }
            Wanted::Copy(place) => (place < self.messages.len()).then_some(place),
        }
    }

    /// Takes the message that is wanted, if there is one: E2BIG when it is longer than `room`, unless `cuts`.
    pub fn take(
        &mut self,
        wanted: Wanted,
        room: usize,
        cuts: bool,
        pid: u32,
        now: i64,
    ) -> Option<Result<Message, Errno>> {
        if self.removed {
            return Some(Err(Errno::EIDRM));
        }
        let at = self.position(wanted)?;
        let message = &self.messages[at];
        if message.text.len() > room && !cuts {
            return Some(Err(Errno::E2BIG));
        }
        if let Wanted::Copy(_) = wanted {
            // A copy is never cut.
            let fits = message.text.len() <= room;
            return Some(if fits { Ok(message.clone()) } else { Err(Errno::EINVAL) });
        }
        let message = self.messages.remove(at)?;
        self.ds.cbytes -= message.text.len() as u64;
        self.ds.qnum -= 1;
        (self.ds.lrpid, self.ds.rtime) = (pid, now);
        Some(Ok(message))
    }
}

/// A message queue.
#[derive(Debug)]
pub struct Queue {
    id: i32,
    state: Mutex<State>,
    /// Who waits for room, and for a message.
    senders: WaitQueue,
    receivers: WaitQueue,
}

/// How msgsnd(2) and msgrcv(2) go about it.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// On whose behalf.
    pub creds: &'a Creds,
    /// The calling process.
    pub pid: u32,
    /// IPC_NOWAIT.
    pub nowait: bool,
    /// The time in seconds.
    pub now: fn() -> i64,
}

impl Queue {
    /// Its number.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Its permissions.
    pub fn perm(&self) -> Perm {
        self.state.lock().ds.perm
    }

    /// What IPC_STAT shows.
    pub fn ds(&self) -> MsqidDs {
        self.state.lock().ds
    }

    /// msgsnd(2): EACCES, EAGAIN, EIDRM.
    pub fn send(&self, message: Message, how: How<'_>) -> Res<()> {
        let mut message = Some(message);
        let mut attempt = || {
            let mut state = self.state.lock();
            if let Err(errno) = ids::may(&state.ds.perm, how.creds, 2) {
                return Some(Err(errno));
            }
            state.put(&mut message, how.pid, (how.now)())
        };
        let result = if how.nowait {
            attempt().ok_or(Errno::EAGAIN)?
        } else {
            let waited = self.senders.wait_until(Wait::INTERRUPTIBLE, attempt);
            waited.map_err(|error| error.or_timeout(Errno::EAGAIN))?
        };
        if result.is_ok() {
            self.receivers.wake_all();
        }
        result.map_err(Fail::Errno)
    }

    /// msgrcv(2): EACCES, E2BIG, EIDRM; without waiting ENOMSG.
    pub fn receive(&self, wanted: Wanted, room: usize, cuts: bool, how: How<'_>) -> Res<Message> {
        let attempt = || {
            let mut state = self.state.lock();
            if let Err(errno) = ids::may(&state.ds.perm, how.creds, 4) {
                return Some(Err(errno));
            }
            state.take(wanted, room, cuts, how.pid, (how.now)())
        };
        let result = if how.nowait {
            attempt().ok_or(Errno::ENOMSG)?
        } else {
            let waited = self.receivers.wait_until(Wait::INTERRUPTIBLE, attempt);
            waited.map_err(|error| error.or_timeout(Errno::ENOMSG))?
        };
        if result.is_ok() {
            self.senders.wake_all();
        }
        result.map_err(Fail::Errno)
    }

    /// IPC_SET: EPERM.
    pub fn change(&self, given: &MsqidDs, creds: &Creds, now: i64) -> Result<(), Errno> {
        {
            let mut state = self.state.lock();
            ids::owns(&state.ds.perm, creds)?;
            if given.qbytes > msg::MNB as u64 && !creds.is_root() {
                return Err(Errno::EPERM);
            }
            state.ds.qbytes = given.qbytes;
            ids::set_perm(&mut state.ds.perm, &given.perm);
            state.ds.ctime = now;
        }
        // Who may go on now is for each to find out.
        self.senders.wake_all();
        self.receivers.wake_all();
        Ok(())
    }
}

/// The queues.
pub static QUEUES: Mutex<Registry<Queue>> = Mutex::new(Registry::new(msg::MNI as usize));

/// The queue with number `id`: EINVAL.
pub fn find(id: i32) -> Result<Arc<Queue>, Errno> {
    QUEUES.lock().find(id, Queue::id)
}

/// msgget(2): ENOENT, EEXIST, EACCES, ENOSPC.
pub fn get(key: i32, flags: u32, creds: &Creds, now: i64) -> Result<i32, Errno> {
    let mut queues = QUEUES.lock();
    if let ids::Found::Existing(queue) = queues.look_up(key, flags)? {
        ids::may_get(&queue.perm(), creds, flags)?;
        return Ok(queue.id);
    }
    queues.add(key, |id, seq| {
        let state = State::new(ids::new_perm(key, flags, seq, creds), now);
        let (senders, receivers) = (WaitQueue::new(), WaitQueue::new());
        Arc::new(Queue { id, state: Mutex::new(state), senders, receivers })
    })
}

/// IPC_RMID: EINVAL, EPERM. Who waits gets EIDRM.
pub fn remove(id: i32, creds: &Creds) -> Result<(), Errno> {
    let mut queues = QUEUES.lock();
    let queue = queues.find(id, Queue::id)?;
    {
        let mut state = queue.state.lock();
        ids::owns(&state.ds.perm, creds)?;
        state.removed = true;
    }
    queues.remove(id, false);
    drop(queues);
    queue.senders.wake_all();
    queue.receivers.wake_all();
    Ok(())
}

#[cfg(test)]
mod tests;
