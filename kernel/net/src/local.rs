//! Streams within the machine: two rings, one for each direction. Loopback TCP and Unix streams are made of
//! them; nothing becomes a packet.

use crate::stream::{Shutdown, Stream, Try};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use osv_base::Errno;
use osv_base::io::{Sink, Source};
use osv_sync::{Events, Readiness, SpinLock};

/// Most bytes that one direction holds.
pub const CAPACITY: usize = 256 * 1024;
const CHUNK: usize = 4096;

struct Ring {
    bytes: VecDeque<u8>,
    /// The writer will not write any more.
    finished: bool,
    /// The reader will not read any more.
    refused: bool,
    /// The reader went away with bytes unread, or reset the connection.
    reset: bool,
}

struct Channel {
    ring: SpinLock<Ring>,
}

impl Channel {
    fn new() -> Self {
        let ring = Ring { bytes: VecDeque::new(), finished: false, refused: false, reset: false };
        Channel { ring: SpinLock::new(ring) }
    }
}

struct Pair {
    /// `channels[i]` carries what end `i` reads.
    channels: [Channel; 2],
    readiness: [Arc<Readiness>; 2],
}

/// One end of a local stream.
pub struct LocalStream {
    pair: Arc<Pair>,
    end: usize,
    closed: AtomicBool,
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
}

/// Two connected ends. `readiness[i]` is told when end `i` may have something to do.
pub fn pair(readiness: [Arc<Readiness>; 2], addresses: Option<[SocketAddr; 2]>) -> [Arc<LocalStream>; 2] {
    let pair = Arc::new(Pair { channels: [Channel::new(), Channel::new()], readiness });
    [0, 1].map(|end| {
        Arc::new(LocalStream {
            pair: pair.clone(),
            end,
            closed: AtomicBool::new(false),
            local: addresses.map(|a| a[end]),
            peer: addresses.map(|a| a[1 - end]),
        })
    })
}

impl LocalStream {
    fn incoming(&self) -> &SpinLock<Ring> {
        &self.pair.channels[self.end].ring
    }
    fn outgoing(&self) -> &SpinLock<Ring> {
        &self.pair.channels[1 - self.end].ring
    }
    fn tell_peer(&self, events: Events) {
        self.pair.readiness[1 - self.end].changed(events);
    }
    fn tell_self(&self, events: Events) {
        self.pair.readiness[self.end].changed(events);
    }
}

impl Stream for LocalStream {
    fn try_recv(&self, to: &mut dyn Sink, peek: bool) -> Try<usize> {
        let (done, room_again) = {
            let mut ring = self.incoming().lock();
            if ring.reset {
                ring.reset = false;
                ring.finished = true;
                ring.bytes.clear();
                return Some(Err(Errno::ECONNRESET.into()));
            }
            if ring.bytes.is_empty() {
                return (ring.finished || ring.refused).then_some(Ok(0));
            }
            let was_full = ring.bytes.len() >= CAPACITY;
            let (front, back) = ring.bytes.as_slices();
            let mut done = to.put(front);
            if done == front.len() && !to.faulted() {
                done += to.put(back);
            }
            if !peek {
                ring.bytes.drain(..done);
            }
            (done, was_full && !peek && done > 0)
        };
        if room_again {
            self.tell_peer(Events::OUT | Events::WRNORM);
        }
        Some(Ok(done))
    }

    fn try_send(&self, from: &mut dyn Source) -> Try<usize> {
        let mut sent = 0;
        {
            let mut ring = self.outgoing().lock();
            if ring.finished || ring.refused {
                return Some(Err(Errno::EPIPE.into()));
            }
            if ring.bytes.len() >= CAPACITY && from.remaining() > 0 {
                return None;
            }
            let mut chunk = [0u8; CHUNK];
            while from.remaining() > 0 && ring.bytes.len() < CAPACITY {
                let want = CHUNK.min(from.remaining()).min(CAPACITY - ring.bytes.len());
                if ring.bytes.try_reserve(want).is_err() {
                    break;
                }
                let got = from.take(&mut chunk[..want]);
                ring.bytes.extend(&chunk[..got]);
                sent += got;
                if got < want {
                    break;
                }
            }
            if sent == 0 && from.remaining() > 0 && !from.faulted() {
                return Some(Err(Errno::ENOBUFS.into()));
            }
        }
        if sent > 0 {
            self.tell_peer(Events::IN | Events::RDNORM);
        }
        Some(Ok(sent))
    }

    fn poll(&self) -> Events {
        let mut events = Events::empty();
        let in_finished = {
            let ring = self.incoming().lock();
            if !ring.bytes.is_empty() || ring.finished || ring.refused || ring.reset {
                events |= Events::IN | Events::RDNORM;
            }
            if ring.finished || ring.refused {
                events |= Events::RDHUP;
            }
            if ring.reset {
                events |= Events::ERR | Events::HUP;
            }
            ring.finished
        };
        let ring = self.outgoing().lock();
        if ring.bytes.len() < CAPACITY || ring.finished || ring.refused {
            events |= Events::OUT | Events::WRNORM;
        }
        if in_finished && (ring.finished || ring.refused) {
            events |= Events::HUP;
        }
        events
    }

    fn readable_bytes(&self) -> usize {
        self.incoming().lock().bytes.len()
    }

    fn unsent_bytes(&self) -> usize {
        self.outgoing().lock().bytes.len()
    }

    fn shutdown(&self, how: Shutdown) {
        if how.write() {
            self.outgoing().lock().finished = true;
        }
        if how.read() {
            self.incoming().lock().refused = true;
        }
        self.tell_peer(Events::IN | Events::RDHUP | Events::HUP | Events::OUT);
        self.tell_self(Events::IN | Events::RDHUP | Events::HUP | Events::OUT);
    }

    fn close(&self, reset: bool) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let unread = {
            let mut ring = self.incoming().lock();
            ring.refused = true;
            !core::mem::take(&mut ring.bytes).is_empty()
        };
        {
            let mut ring = self.outgoing().lock();
            ring.finished = true;
            // Unread bytes at close reset the connection (RFC 1122, 4.2.2.13), and a reset discards what was sent.
            ring.reset = reset || unread;
        }
        self.tell_peer(Events::IN | Events::RDHUP | Events::HUP | Events::OUT | Events::ERR);
    }

    fn take_error(&self) -> Option<Errno> {
        None
    }
    fn local(&self) -> Option<SocketAddr> {
        self.local
    }
    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
}

impl Drop for LocalStream {
    fn drop(&mut self) {
        self.close(false);
    }
}
