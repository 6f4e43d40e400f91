//! Queues of datagrams: UDP, Unix datagram and netlink sockets receive into one.

use crate::address::Address;
use crate::control::Control;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::mem;
use osv_base::Errno;
use osv_sync::{Events, Readiness, SpinLock};
use osv_vfs::OpenFile;

/// One datagram.
pub struct Datagram {
    /// Who sent it.
    pub from: Address,
    /// The identity of the socket that sent it, within the machine.
    pub sender: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What travels beside them.
    pub control: Control,
}

/// Whose datagrams a connected socket takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Only {
    /// Those from an address.
    From(Address),
    /// Those of one socket within the machine.
    Sender(u64),
}

/// Why a datagram was not queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejected {
    /// There is no room; the sender may wait for some.
    Full,
    /// The receiver is connected to somebody else.
    Stranger,
    /// The receiver will not read any more (SHUT_RD).
    Shut,
    /// The receiver was closed.
    Gone,
}

/// Datagrams that were received and not yet read, bounded in bytes and, between Unix sockets, in number.
pub struct Datagrams {
    /// The identity of the socket that receives.
    pub id: u64,
    queue: SpinLock<Queue>,
    readiness: Arc<Readiness>,
}

struct Queue {
    messages: VecDeque<Datagram>,
    bytes: usize,
    limit: usize,
    most: usize,
    dropped: u64,
    only: Option<Only>,
    error: Option<Errno>,
    shut: bool,
    closed: bool,
    /// Senders that found no room.
    wanting: Vec<Weak<Readiness>>,
}

/// Bytes counted for a datagram besides its payload, so that empty ones do not pile up without end.
const OVERHEAD: usize = 768;

/// Messages that wait in a Unix datagram socket at most, beyond the first (net.unix.max_dgram_qlen of Linux).
pub const UNIX_QUEUE: usize = 10;

const IN: Events = Events::IN.union(Events::RDNORM);
const OUT: Events = Events::OUT.union(Events::WRNORM);

impl Queue {
    fn fits(&self, len: usize) -> bool {
        self.messages.len() <= self.most
            && (self.messages.is_empty() || self.bytes + len + OVERHEAD <= self.limit)
    }

    fn admit(&mut self, datagram: &Datagram, wanting: Option<&Arc<Readiness>>) -> Result<(), Rejected> {
        let stranger = match &self.only {
            None => false,
            Some(Only::From(address)) => *address != datagram.from,
            Some(Only::Sender(id)) => *id != datagram.sender,
        };
        if self.closed {
            return Err(Rejected::Gone);
        }
        if stranger {
            return Err(Rejected::Stranger);
        }
        if self.shut {
            return Err(Rejected::Shut);
        }
        if self.fits(datagram.bytes.len()) {
            return Ok(());
        }
        match wanting {
            Some(sender) => self.want(sender),
            None => self.dropped += 1,
        }
        Err(Rejected::Full)
    }

    fn want(&mut self, sender: &Arc<Readiness>) {
        self.wanting.retain(|w| w.strong_count() > 0);
        if !self.wanting.iter().any(|w| core::ptr::eq(w.as_ptr(), Arc::as_ptr(sender))) {
            self.wanting.push(Arc::downgrade(sender));
        }
    }
}

impl Datagrams {
    /// An empty queue of socket `id`, of at most `limit` bytes, and `most` messages beyond the first.
    pub fn new(id: u64, limit: usize, most: usize, readiness: Arc<Readiness>) -> Self {
        let queue = Queue {
            messages: VecDeque::new(),
            bytes: 0,
            limit,
            most,
            dropped: 0,
            only: None,
            error: None,
            shut: false,
            closed: false,
            wanting: Vec::new(),
        };
        Datagrams { id, queue: SpinLock::new(queue), readiness }
    }

    /// SO_RCVBUF
    pub fn set_limit(&self, limit: usize) {
        self.queue.lock().limit = limit;
    }

    /// Takes datagrams of this peer only (a connected socket), or of anyone.
    pub fn connect(&self, only: Option<Only>) {
        self.queue.lock().only = only;
    }

    /// Queues the datagram in `slot`, or leaves it there and says why. `wanting` is told when there is room again.
    pub fn push(
        &self,
        slot: &mut Option<Datagram>,
        wanting: Option<&Arc<Readiness>>,
    ) -> Result<(), Rejected> {
        {
            let mut queue = self.queue.lock();
            let Some(datagram) = slot.as_ref() else { return Ok(()) };
            queue.admit(datagram, wanting)?;
            let Some(datagram) = slot.take() else { return Ok(()) };
            queue.bytes += datagram.bytes.len() + OVERHEAD;
            queue.messages.push_back(datagram);
        }
        self.readiness.changed(IN);
        Ok(())
    }

    /// Whether a sender would find room; if not, it is told when there is.
    pub fn has_room_for(&self, sender: &Arc<Readiness>) -> bool {
        let mut queue = self.queue.lock();
        let room = queue.closed || queue.shut || queue.fits(0);
        if !room {
            queue.want(sender);
        }
        room
    }

    /// Gives the first datagram to `read`, which returns whether it is done with it, so that it leaves the queue.
    pub fn with_first<R>(&self, read: impl FnOnce(&mut Datagram) -> (bool, R)) -> Option<R> {
        let (result, taken, wanting) = {
            let mut queue = self.queue.lock();
            let (take, result) = read(queue.messages.front_mut()?);
            let taken = if take { queue.messages.pop_front() } else { None };
            if let Some(taken) = &taken {
                queue.bytes -= taken.bytes.len() + OVERHEAD;
            }
            let wanting = if take { mem::take(&mut queue.wanting) } else { Vec::new() };
            (result, taken, wanting)
        };
        drop(taken);
        tell(&wanting);
        Some(result)
    }

    /// Length of the first datagram.
    pub fn first_len(&self) -> Option<usize> {
        self.queue.lock().messages.front().map(|d| d.bytes.len())
    }

    /// Datagrams dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.queue.lock().dropped
    }

    /// An error for the next call on the socket (SO_ERROR).
    pub fn set_error(&self, errno: Errno) {
        self.queue.lock().error = Some(errno);
        self.readiness.changed(Events::ERR | IN | OUT);
    }

    /// Takes the pending error.
    pub fn take_error(&self) -> Option<Errno> {
        self.queue.lock().error.take()
    }

    /// Whether an error is pending.
    pub fn has_error(&self) -> bool {
        self.queue.lock().error.is_some()
    }

    /// Nothing more is received (SHUT_RD); what is queued may be read.
    pub fn shut(&self) {
        let wanting = {
            let mut queue = self.queue.lock();
            queue.shut = true;
            mem::take(&mut queue.wanting)
        };
        self.readiness.changed(IN | Events::RDHUP);
        tell(&wanting);
    }

    /// Whether [`Datagrams::shut`] was called.
    pub fn is_shut(&self) -> bool {
        self.queue.lock().shut
    }

    /// The socket is gone: what is queued with it.
    pub fn close(&self) {
        let (messages, wanting) = {
            let mut queue = self.queue.lock();
            queue.closed = true;
            queue.bytes = 0;
            (mem::take(&mut queue.messages), mem::take(&mut queue.wanting))
        };
        drop(messages);
        tell(&wanting);
    }

    /// Whether the socket is gone.
    pub fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Shows the files that are queued.
    pub fn visit_files(&self, visit: &mut dyn FnMut(&Arc<OpenFile>)) {
        let queue = self.queue.lock();
        let passed = queue.messages.iter().filter_map(|d| d.control.passed.as_ref());
        passed.flat_map(|p| p.files()).for_each(visit);
    }

    /// Lets go of the files that are queued.
    pub fn discard_files(&self) {
        let taken: Vec<Control> =
            self.queue.lock().messages.iter_mut().map(|d| mem::take(&mut d.control)).collect();
        drop(taken);
    }
}

fn tell(wanting: &[Weak<Readiness>]) {
    for sender in wanting.iter().filter_map(Weak::upgrade) {
        sender.changed(OUT);
    }
}
