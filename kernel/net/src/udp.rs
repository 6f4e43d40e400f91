//! Queues of datagrams: UDP sockets and Unix datagram sockets receive into one.

use crate::address::Address;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use osv_sync::{Events, Readiness, SpinLock};

/// One datagram.
pub struct Datagram {
    /// Who sent it.
    pub from: Address,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Datagrams that were received and not yet read, bounded in bytes.
pub struct Datagrams {
    queue: SpinLock<VecDeque<Datagram>>,
    bytes: AtomicUsize,
    limit: AtomicUsize,
    dropped: AtomicU64,
    only_from: SpinLock<Option<Address>>,
    readiness: Arc<Readiness>,
}

/// Bytes counted for a datagram besides its payload, so that empty ones do not pile up without end.
const OVERHEAD: usize = 128;

impl Datagrams {
    /// An empty queue of at most `limit` bytes.
    pub fn new(limit: usize, readiness: Arc<Readiness>) -> Self {
        Datagrams {
            queue: SpinLock::new(VecDeque::new()),
            bytes: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            dropped: AtomicU64::new(0),
            only_from: SpinLock::new(None),
            readiness,
        }
    }

    /// SO_RCVBUF
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Takes datagrams of this peer only (a connected socket), or of anyone.
    pub fn connect(&self, peer: Option<Address>) {
        *self.only_from.lock() = peer;
    }

    /// Queues a datagram; `false` when it was dropped for want of room or because it is not the peer's.
    pub fn push(&self, datagram: Datagram) -> bool {
        if self.only_from.lock().as_ref().is_some_and(|peer| *peer != datagram.from) {
            return false;
        }
        let cost = datagram.bytes.len() + OVERHEAD;
        {
            let mut queue = self.queue.lock();
            if self.bytes.load(Ordering::Relaxed) + cost > self.limit.load(Ordering::Relaxed) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            self.bytes.fetch_add(cost, Ordering::Relaxed);
            queue.push_back(datagram);
        }
        self.readiness.changed(Events::IN | Events::RDNORM);
        true
    }

    /// Gives the first datagram to `read`, which returns whether to take it off the queue.
    pub fn with_first<R>(&self, read: impl FnOnce(&Datagram) -> (bool, R)) -> Option<R> {
        let mut queue = self.queue.lock();
        let (take, result) = read(queue.front()?);
        if take && let Some(taken) = queue.pop_front() {
            self.bytes.fetch_sub(taken.bytes.len() + OVERHEAD, Ordering::Relaxed);
        }
        Some(result)
    }

    /// Length of the first datagram.
    pub fn first_len(&self) -> Option<usize> {
        self.queue.lock().front().map(|d| d.bytes.len())
    }

    /// Datagrams dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
