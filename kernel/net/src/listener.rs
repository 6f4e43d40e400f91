//! Listening sockets: the backlog of connections that wait for accept(2), and the cap on half-open ones.

use crate::address::UnixName;
use crate::control::Ucred;
use crate::stream::Stream;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use osv_sync::{Events, Readiness, SpinLock, WaitQueue};
use osv_vfs::OpenFile;

/// A connection that nobody has accepted yet.
pub struct Incoming {
    /// The stream.
    pub stream: Arc<dyn Stream>,
    /// What it tells of changes.
    pub readiness: Arc<Readiness>,
    /// Who connected, and under which name, between Unix sockets.
    pub from: Option<(Ucred, UnixName)>,
}

/// A listening socket.
pub struct Listener {
    /// Where it listens.
    pub local: SocketAddr,
    backlog: AtomicUsize,
    half_open: AtomicUsize,
    closed: AtomicBool,
    queue: SpinLock<VecDeque<Incoming>>,
    readiness: Arc<Readiness>,
    /// Who listens, between Unix sockets.
    pub creds: Ucred,
    /// Those within the machine who wait for room in the queue.
    pub room: WaitQueue,
}

/// Half-open connections that one listener may have, beyond its backlog.
const HALF_OPEN_EXTRA: usize = 128;
/// And at most, as each has buffers already: what strangers can make a listener hold must not be the machine's memory.
pub const HALF_OPEN_MAX: usize = 256;

impl Listener {
    /// Listens at `local`; up to `backlog` connections wait.
    pub fn new(local: SocketAddr, backlog: usize, readiness: Arc<Readiness>, creds: Ucred) -> Self {
        Listener {
            local,
            backlog: AtomicUsize::new(backlog.max(1)),
            half_open: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            queue: SpinLock::new(VecDeque::new()),
            readiness,
            creds,
            room: WaitQueue::new(),
        }
    }

    /// listen(2) again, with another backlog.
    pub fn set_backlog(&self, backlog: usize) {
        self.backlog.store(backlog.max(1), Ordering::Relaxed);
        self.room.wake_all();
    }

    fn full(&self) -> bool {
        self.queue.lock().len() > self.backlog.load(Ordering::Relaxed)
    }

    /// Admits a SYN: `false` when the queue is full or too many handshakes are under way. The caller reports the
    /// end of the handshake by [`Listener::half_open_done`].
    pub fn admit(&self) -> bool {
        if self.closed.load(Ordering::Acquire) || self.full() {
            return false;
        }
        let cap = (self.backlog.load(Ordering::Relaxed) + HALF_OPEN_EXTRA).min(HALF_OPEN_MAX);
        if self.half_open.fetch_add(1, Ordering::Relaxed) >= cap {
            self.half_open.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// A handshake that [`Listener::admit`] let in ended, one way or the other.
    pub fn half_open_done(&self) {
        self.half_open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Queues an established connection; gives it back when the listener is closed, or full and `over` beyond that.
    pub fn push(&self, incoming: Incoming, over: usize) -> Result<(), Incoming> {
        {
            let mut queue = self.queue.lock();
            if self.closed.load(Ordering::Acquire)
                || queue.len() > self.backlog.load(Ordering::Relaxed) + over
            {
                return Err(incoming);
            }
            queue.push_back(incoming);
        }
        self.readiness.changed(Events::IN | Events::RDNORM);
        Ok(())
    }

    /// The first connection that waits.
    pub fn pop(&self) -> Option<Incoming> {
        let first = self.queue.lock().pop_front();
        if first.is_some() {
            self.room.wake_one();
        }
        first
    }

    /// Shows the files that wait in connections nobody has accepted.
    pub fn visit_files(&self, visit: &mut dyn FnMut(&Arc<OpenFile>)) {
        let waiting: Vec<Arc<dyn Stream>> = self.queue.lock().iter().map(|i| i.stream.clone()).collect();
        for stream in waiting {
            stream.visit_files(visit);
        }
    }

    /// Lets go of them.
    pub fn discard_files(&self) {
        let waiting: Vec<Arc<dyn Stream>> = self.queue.lock().iter().map(|i| i.stream.clone()).collect();
        for stream in waiting {
            stream.discard_files();
        }
    }

    /// How many wait, and how many may.
    pub fn queued(&self) -> (usize, usize) {
        (self.queue.lock().len(), self.backlog.load(Ordering::Relaxed))
    }

    /// Whether one waits.
    pub fn pending(&self) -> bool {
        !self.queue.lock().is_empty()
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Stops listening; connections that nobody accepted are reset.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let waiting = core::mem::take(&mut *self.queue.lock());
        for incoming in waiting {
            incoming.stream.close(true);
        }
        self.readiness.changed(Events::HUP | Events::IN);
        self.room.wake_all();
    }
}
