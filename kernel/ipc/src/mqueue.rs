//! POSIX message queues (mq_overview(7)).
//!
//! A [`Queue`] is a file with a name of its own kind. Messages leave by priority, then by age. One process may ask to
//! be told when a message comes to the empty queue and nobody waits for it; whom to tell is what [`Queue::send`] gives
//! back, for the layer that knows processes.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::cmp::Reverse;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use osv_abi::uapi::file::{mode, open as o};
use osv_abi::uapi::ipc::MqAttr;
use osv_base::io::Sink;
use osv_base::{Errno, Fail, Res};
use osv_sync::{Events, Mutex, Readiness, Wait, WaitQueue};
use osv_vfs::context::{MAY_READ, MAY_WRITE};
use osv_vfs::inode::NAME_MAX;
use osv_vfs::{At, Attr, Creds, File, Io, clock};

/// Priorities are below this.
pub const PRIO_MAX: u32 = 32_768;
/// Queues at most, for those without privilege.
const QUEUES_MAX: usize = 256;
/// Messages of a queue at most, without and with privilege.
const MESSAGES_MAX: [i64; 2] = [10, 65_536];
/// Length of a message at most, without and with privilege.
const LENGTH_MAX: [i64; 2] = [8192, 16 << 20];
/// What Linux counts for a message beside its text.
const OVERHEAD: u64 = 48 + 48;

/// Whom to tell, and how.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The process.
    pub pid: u32,
    /// The signal; 0: none (SIGEV_NONE).
    pub signo: u32,
    /// The value that goes with it.
    pub value: u64,
    /// Another way than by a signal (SIGEV_THREAD).
    pub teller: Option<Arc<dyn Tell>>,
}

/// A way to tell that a layer above knows.
pub trait Tell: Send + Sync + core::fmt::Debug {
    /// A message arrived, or (`false`) nobody will be told any more.
    fn tell(&self, arrived: bool);
}

#[derive(Debug, Default)]
struct State {
    messages: BTreeMap<(Reverse<u32>, u64), Box<[u8]>>,
    next: u64,
    bytes: u64,
    receivers: usize,
    notice: Option<Notice>,
}

/// A queue.
pub struct Queue {
    attr: Attr,
    maxmsg: usize,
    msgsize: usize,
    /// What its owner was charged for it.
    charged: u64,
    state: Mutex<State>,
    senders: WaitQueue,
    receivers: WaitQueue,
    readiness: Readiness,
}

/// How to make a queue.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// Flags of mq_open(3).
    pub flags: u32,
    /// Permission bits, umask applied.
    pub mode: u32,
    /// Its limits; those of `None` are the system's.
    pub attr: Option<&'a MqAttr>,
    /// RLIMIT_MSGQUEUE.
    pub limit: u64,
}

impl Queue {
    fn new(new: &New<'_>, creds: &Creds, charges: &mut BTreeMap<u32, u64>) -> Result<Arc<Queue>, Errno> {
        let (maxmsg, msgsize) = new.attr.map_or((10, 8192), |attr| (attr.maxmsg, attr.msgsize));
        let privileged = usize::from(creds.is_root());
        if !(1..=MESSAGES_MAX[privileged]).contains(&maxmsg)
            || !(1..=LENGTH_MAX[privileged]).contains(&msgsize)
        {
            return Err(Errno::EINVAL);
        }
        let charged = maxmsg.unsigned_abs() * (OVERHEAD + msgsize.unsigned_abs());
        let charge = charges.entry(creds.uid).or_default();
        if *charge + charged > new.limit {
            return Err(Errno::EMFILE);
        }
        *charge += charged;
        static NEXT: AtomicU64 = AtomicU64::new(16);
        let made = clock::now();
        let attr = Attr {
            ino: NEXT.fetch_add(1, Ordering::Relaxed),
            nlink: 1,
            mode: mode::IFREG | new.mode & 0o7777,
            uid: creds.uid,
            gid: creds.gid,
            size: 80,
            blksize: 4096,
            atime: made,
            mtime: made,
            ctime: made,
            ..Attr::default()
        };
        Ok(Arc::new(Queue {
            attr,
            maxmsg: maxmsg as usize,
            msgsize: msgsize as usize,
            charged,
            state: Mutex::new(State::default()),
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
            readiness: Readiness::new(),
        }))
    }

    /// Its limits and how many messages wait.
    pub fn limits(&self) -> MqAttr {
        MqAttr {
            maxmsg: self.maxmsg as i64,
            msgsize: self.msgsize as i64,
            curmsgs: self.state.lock().messages.len() as i64,
            ..MqAttr::default()
        }
    }

    /// Longest message.
    pub fn longest(&self) -> usize {
        self.msgsize
    }

    /// Puts a message in, waiting for room unless `nonblock`: EAGAIN, ETIMEDOUT. Gives whom to tell.
    pub fn send(&self, text: Box<[u8]>, priority: u32, nonblock: bool, how: Wait) -> Res<Option<Notice>> {
        let mut text = Some(text);
        let mut attempt = || {
            let mut state = self.state.lock();
            if state.messages.len() >= self.maxmsg {
                return None;
            }
            let text = text.take()?;
            let (at, was_empty) = (state.next, state.messages.is_empty());
            state.next += 1;
            state.bytes += text.len() as u64;
            state.messages.insert((Reverse(priority), at), text);
            // A receiver that waits takes it; the one who asked is told of what nobody takes, once.
            let tell = was_empty && state.receivers == 0;
            Some(if tell { state.notice.take() } else { None })
        };
        let notice = if nonblock {
            attempt().ok_or(Errno::EAGAIN)?
        } else {
            self.senders.wait_until(how, attempt).map_err(|error| error.or_timeout(Errno::ETIMEDOUT))?
        };
        if notice.is_some() {
            count_notices();
        }
        self.receivers.wake_all();
        self.readiness.changed(Events::IN | Events::RDNORM);
        Ok(notice)
    }

    /// Takes the next message and its priority, waiting for one unless `nonblock`: EAGAIN, ETIMEDOUT.
    pub fn receive(&self, nonblock: bool, how: Wait) -> Res<(Box<[u8]>, u32)> {
        let mut waits = false;
        let mut attempt = || {
            let mut state = self.state.lock();
            let first = state.messages.pop_first();
            if let Some((_, text)) = &first {
                state.bytes -= text.len() as u64;
            }
            let now_waits = first.is_none() && !nonblock;
            if now_waits != waits {
                state.receivers = if now_waits { state.receivers + 1 } else { state.receivers - 1 };
                waits = now_waits;
            }
            first
        };
        let got = if nonblock {
            attempt().ok_or(Fail::Errno(Errno::EAGAIN))
        } else {
            let waited = self.receivers.wait_until(how, &mut attempt);
            waited.map_err(|error| error.or_timeout(Errno::ETIMEDOUT))
        };
        if waits {
            self.state.lock().receivers -= 1;
        }
        let ((Reverse(priority), _), text) = got?;
        self.senders.wake_all();
        self.readiness.changed(Events::OUT | Events::WRNORM);
        Ok((text, priority))
    }

    /// Asks to be told: EBUSY when another, or the same process, already did.
    pub fn notify(self: &Arc<Self>, notice: Notice) -> Result<(), Errno> {
        {
            let mut state = self.state.lock();
            if state.notice.is_some() {
                return Err(Errno::EBUSY);
            }
            state.notice = Some(notice);
        }
        let mut notified = NOTIFIED.lock();
        notified.push(Arc::downgrade(self));
        drop(notified);
        count_notices();
        Ok(())
    }

    /// Process `pid` does not want to be told any more.
    pub fn forget(&self, pid: u32) {
        let gone = self.state.lock().notice.take_if(|notice| notice.pid == pid);
        if let Some(teller) = gone.and_then(|notice| notice.teller) {
            teller.tell(false);
        }
        count_notices();
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let mut names = NAMES.lock();
        if let Some(charge) = names.charges.get_mut(&self.attr.uid) {
            *charge = charge.saturating_sub(self.charged);
        }
    }
}

impl File for Queue {
    /// What reading the file in a mounted mqueue shows, too.
    fn read(&self, at: At, to: &mut dyn Sink, _io: Io) -> Res<usize> {
        let text = {
            let state = self.state.lock();
            let (signo, pid) = state.notice.as_ref().map_or((0, 0), |notice| (notice.signo, notice.pid));
            alloc::format!(
                "QSIZE:{:<10} NOTIFY:{:<5} SIGNO:{:<5} NOTIFY_PID:{:<6}\n",
                state.bytes,
                0,
                signo,
                pid
            )
        };
        let start = match at {
            At::Offset(at) => usize::try_from(at).unwrap_or(usize::MAX).min(text.len()),
            At::Stream => 0,
        };
        Ok(to.put(&text.as_bytes()[start..]))
    }

    fn can_write(&self) -> bool {
        false
    }

    fn seekable(&self) -> bool {
        true
    }

    fn poll(&self) -> Events {
        let waiting = self.state.lock().messages.len();
        let mut events = Events::empty();
        if waiting > 0 {
            events |= Events::IN | Events::RDNORM;
        }
        if waiting < self.maxmsg {
            events |= Events::OUT | Events::WRNORM;
        }
        events
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.readiness)
    }

    fn attr(&self) -> Attr {
        self.attr
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl core::fmt::Debug for Queue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Queue({} of {})", self.state.lock().messages.len(), self.maxmsg)
    }
}

struct Names {
    queues: BTreeMap<Box<[u8]>, Arc<Queue>>,
    /// Bytes by owner.
    charges: BTreeMap<u32, u64>,
}

static NAMES: Mutex<Names> = Mutex::new(Names { queues: BTreeMap::new(), charges: BTreeMap::new() });

/// Queues whose messages somebody wants to be told of.
static NOTIFIED: Mutex<Vec<Weak<Queue>>> = Mutex::new(Vec::new());
static NOTIFIED_COUNT: AtomicUsize = AtomicUsize::new(0);

fn count_notices() {
    let mut notified = NOTIFIED.lock();
    let queues: Vec<Arc<Queue>> = notified.iter().filter_map(Weak::upgrade).collect();
    let wants = |queue: &Arc<Queue>| queue.state.lock().notice.is_some();
    *notified = queues.iter().filter(|queue| wants(queue)).map(Arc::downgrade).collect();
    NOTIFIED_COUNT.store(notified.len(), Ordering::Relaxed);
    // A queue that goes here must find the lock free.
    drop(notified);
    drop(queues);
}

/// Whether anybody waits to be told: what closing a descriptor asks first.
#[inline]
pub fn any_notified() -> bool {
    NOTIFIED_COUNT.load(Ordering::Relaxed) != 0
}

/// Process `pid` ended: it is told no more.
pub fn forget_process(pid: u32) {
    if any_notified() {
        let queues: Vec<Arc<Queue>> = NOTIFIED.lock().iter().filter_map(Weak::upgrade).collect();
        for queue in queues {
            queue.forget(pid);
        }
    }
}

fn check_name(name: &[u8]) -> Result<(), Errno> {
    match name {
        b"" => Err(Errno::ENOENT),
        b"." | b".." => Err(Errno::EACCES),
        _ if name.contains(&b'/') => Err(Errno::EACCES),
        _ if name.len() > NAME_MAX => Err(Errno::ENAMETOOLONG),
        _ => Ok(()),
    }
}

/// mq_open(2), of a name without its slash: ENOENT, EEXIST, EACCES, EINVAL, ENOSPC, EMFILE.
pub fn open(name: &[u8], new: &New<'_>, creds: &Creds) -> Res<Arc<Queue>> {
    check_name(name)?;
    let mut names = NAMES.lock();
    if new.flags & o::DIRECT != 0 && (new.flags & o::CREAT != 0 || names.queues.contains_key(name)) {
        return Err(Errno::EINVAL.into());
    }
    if let Some(queue) = names.queues.get(name) {
        if new.flags & (o::CREAT | o::EXCL) == o::CREAT | o::EXCL {
            return Err(Errno::EEXIST.into());
        }
        let wanted = match new.flags & o::ACCMODE {
            o::RDONLY => MAY_READ,
            o::WRONLY => MAY_WRITE,
            o::RDWR => MAY_READ | MAY_WRITE,
            _ => return Err(Errno::EINVAL.into()),
        };
        creds.may(&queue.attr, wanted)?;
        return Ok(queue.clone());
    }
    if new.flags & o::CREAT == 0 {
        return Err(Errno::ENOENT.into());
    }
    if names.queues.len() >= QUEUES_MAX && !creds.is_root() {
        return Err(Errno::ENOSPC.into());
    }
    let queue = Queue::new(new, creds, &mut names.charges)?;
    names.queues.insert(name.into(), queue.clone());
    Ok(queue)
}

/// mq_unlink(2): ENOENT, EACCES, EPERM.
pub fn unlink(name: &[u8], creds: &Creds) -> Res<()> {
    check_name(name)?;
    let mut names = NAMES.lock();
    let queue = names.queues.get(name).ok_or(Errno::ENOENT)?;
    // Names lie in a directory that everybody may write to, with the sticky bit.
    creds.owns(&queue.attr)?;
    let queue = names.queues.remove(name);
    // Its end takes the lock.
    drop(names);
    drop(queue);
    Ok(())
}

#[cfg(test)]
mod tests;
