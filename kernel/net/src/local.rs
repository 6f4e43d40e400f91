//! Streams within the machine: two rings, one for each direction. Loopback TCP and Unix stream and seqpacket sockets
//! are made of them; nothing becomes a packet.

mod ring;

use crate::control::Control;
use crate::flow::{CORK_TIME, Timed, TimerId};
use crate::stack::Stack;
use crate::stream::{Shutdown, Stream, Try};
use alloc::sync::{Arc, Weak};
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use osv_base::Errno;
use osv_base::io::{Sink, Source};
use osv_sync::{Events, Readiness, SpinLock};
use osv_vfs::OpenFile;
use ring::Ring;
pub use ring::{CAPACITY, RECORD_MAX, Taken};

struct Pair {
    /// `rings[i]` carries what end `i` reads.
    rings: [SpinLock<Ring>; 2],
    readiness: [Arc<Readiness>; 2],
    /// SO_PASSCRED of each end.
    pass_creds: [AtomicBool; 2],
}

/// One end of a local stream.
pub struct LocalStream {
    pair: Arc<Pair>,
    end: usize,
    closed: AtomicBool,
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
    /// Of TCP: whose timers end a cork.
    stack: Weak<Stack>,
    /// TCP_CORK
    corked: AtomicBool,
    me: Weak<LocalStream>,
}

/// Two connected ends. `readiness[i]` is told when end `i` may have something to do. `tcp` has a stack and addresses;
/// `records` keep their bounds.
pub fn pair(
    readiness: [Arc<Readiness>; 2],
    tcp: Option<(&Arc<Stack>, [SocketAddr; 2])>,
    records: bool,
) -> [Arc<LocalStream>; 2] {
    let pair = Arc::new(Pair {
        rings: [0, 1].map(|_| SpinLock::new(Ring::new(records))),
        readiness,
        pass_creds: [AtomicBool::new(false), AtomicBool::new(false)],
    });
    [0, 1].map(|end| {
        Arc::new_cyclic(|me| LocalStream {
            pair: pair.clone(),
            end,
            closed: AtomicBool::new(false),
            local: tcp.map(|(_, a)| a[end]),
            peer: tcp.map(|(_, a)| a[1 - end]),
            stack: tcp.map_or_else(Weak::new, |(stack, _)| Arc::downgrade(stack)),
            corked: AtomicBool::new(false),
            me: me.clone(),
        })
    })
}

const IN: Events = Events::IN.union(Events::RDNORM);
const OUT: Events = Events::OUT.union(Events::WRNORM);

impl LocalStream {
    fn incoming(&self) -> &SpinLock<Ring> {
        &self.pair.rings[self.end]
    }
    fn outgoing(&self) -> &SpinLock<Ring> {
        &self.pair.rings[1 - self.end]
    }
    fn tell_peer(&self, events: Events) {
        self.pair.readiness[1 - self.end].changed(events);
    }
    fn tell_self(&self, events: Events) {
        self.pair.readiness[self.end].changed(events);
    }

    /// Queues bytes. Less than a full segment is not shown to the peer while there is a cork, or `more` to come, for
    /// as long as Linux holds it back.
    fn send_bytes(&self, from: &mut dyn Source, control: &mut Control, more: bool) -> Try<usize> {
        if let Some(errno) = self.take_error() {
            return Some(Err(errno.into()));
        }
        let stack = if more || self.corked.load(Ordering::Relaxed) { self.stack.upgrade() } else { None };
        let is_tcp = self.stack.strong_count() > 0;
        let until = stack.as_ref().map(|stack| stack.now() + CORK_TIME);
        let (sent, shown, arm) = {
            let mut ring = self.outgoing().lock();
            if ring.gone && !ring.finished && is_tcp {
                // TCP learns that nobody reads any more by what comes back for the first bytes, which go nowhere.
                ring.finished = from.remaining() > 0;
                drop(ring);
                return Some(Ok(discard(from)));
            }
            if ring.finished || ring.refused {
                return Some(Err(Errno::EPIPE.into()));
            }
            if ring.is_full() && from.remaining() > 0 {
                ring.wants_room = true;
                return None;
            }
            let before = ring.shown();
            match ring.put(from, control) {
                Ok(sent) => {
                    let arm = ring.hold(sent, until);
                    (sent, ring.shown() > before, arm)
                }
                Err(errno) => return Some(Err(errno.into())),
            }
        };
        if let (Some(stack), Some(at)) = (stack, arm) {
            stack.move_timer(None, at, self.me.clone());
        }
        if shown {
            self.tell_peer(IN);
        }
        Some(Ok(sent))
    }

    /// Shows the peer what was held back.
    fn uncork(&self) {
        let shown = {
            let mut ring = self.outgoing().lock();
            let before = ring.shown();
            ring.hold(0, None);
            ring.shown() > before
        };
        if shown {
            self.tell_peer(IN);
        }
    }
}

/// Takes up to a buffer's worth of bytes that go nowhere.
fn discard(from: &mut dyn Source) -> usize {
    const MOST: usize = 64 << 10;
    let (mut done, mut scratch) = (0, [0; 512]);
    while done < MOST {
        let n = from.take(&mut scratch);
        done += n;
        if n < scratch.len() {
            break;
        }
    }
    done
}

impl Timed for LocalStream {
    fn on_timer(&self, stack: &Arc<Stack>, _: TimerId) {
        let again = self.outgoing().lock().hold_on(stack.now());
        match again {
            Some(at) => {
                stack.move_timer(None, at, self.me.clone());
            }
            None => self.uncork(),
        }
    }
}

impl Stream for LocalStream {
    fn try_recv(&self, to: &mut dyn Sink, peek: bool) -> Try<usize> {
        self.try_recv_message(to, peek).map(|result| result.map(|taken| taken.len))
    }

    fn try_recv_message(&self, to: &mut dyn Sink, peek: bool) -> Try<Taken> {
        let (taken, room_again) = {
            let mut ring = self.incoming().lock();
            if ring.is_empty() {
                if core::mem::take(&mut ring.reset) {
                    return Some(Err(Errno::ECONNRESET.into()));
                }
                return (ring.finished || ring.refused).then(|| Ok(Taken::default()));
            }
            let was_full = ring.is_full();
            let taken = ring.take(to, peek, self.passes_creds());
            let room_again = !peek && (was_full || ring.wants_room) && !ring.is_full();
            if room_again {
                ring.wants_room = false;
            }
            (taken, room_again)
        };
        if room_again {
            self.tell_peer(OUT);
        }
        Some(Ok(taken))
    }

    fn try_send(&self, from: &mut dyn Source) -> Try<usize> {
        self.try_send_with(from, &mut Control::default())
    }

    fn try_send_with(&self, from: &mut dyn Source, control: &mut Control) -> Try<usize> {
        self.send_bytes(from, control, false)
    }

    fn try_send_more(&self, from: &mut dyn Source) -> Try<usize> {
        self.send_bytes(from, &mut Control::default(), true)
    }

    fn try_send_record(&self, bytes: &[u8], control: &mut Control) -> Try<usize> {
        if let Some(errno) = self.take_error() {
            return Some(Err(errno.into()));
        }
        {
            let mut ring = self.outgoing().lock();
            if ring.finished || ring.refused {
                return Some(Err(Errno::EPIPE.into()));
            }
            match ring.put_record(bytes, control) {
                Ok(true) => {}
                Ok(false) => {
                    ring.wants_room = true;
                    return None;
                }
                Err(errno) => return Some(Err(errno.into())),
            }
        }
        self.tell_peer(IN);
        Some(Ok(bytes.len()))
    }

    fn poll(&self) -> Events {
        let mut events = Events::empty();
        let in_finished = {
            let ring = self.incoming().lock();
            if !ring.is_empty() || ring.finished || ring.refused || ring.reset {
                events |= IN;
            }
            if ring.finished || ring.refused {
                events |= Events::RDHUP;
            }
            if ring.reset {
                events |= Events::ERR | Events::HUP;
            }
            ring.finished
        };
        let mut ring = self.outgoing().lock();
        if !ring.is_full() || ring.finished || ring.refused {
            events |= OUT;
        } else {
            ring.wants_room = true;
        }
        if in_finished && (ring.finished || ring.refused) {
            events |= Events::HUP;
        }
        events
    }

    fn readable_bytes(&self) -> usize {
        self.incoming().lock().next_len()
    }

    fn unsent_bytes(&self) -> usize {
        self.outgoing().lock().len()
    }

    fn shutdown(&self, how: Shutdown) {
        if how.write() {
            let mut ring = self.outgoing().lock();
            ring.hold(0, None);
            ring.finished = true;
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
        let (unread, gone) = {
            let mut ring = self.incoming().lock();
            ring.refused = true;
            let unread = !ring.is_empty();
            ring.gone = !(reset || unread);
            (unread, ring.clear())
        };
        drop(gone);
        {
            let mut ring = self.outgoing().lock();
            ring.hold(0, None);
            ring.finished = true;
            // Unread bytes at close reset the connection (RFC 1122, 4.2.2.13). What was sent before may be read first.
            ring.reset = reset || unread;
        }
        self.tell_peer(Events::IN | Events::RDHUP | Events::HUP | Events::OUT | Events::ERR);
    }

    fn take_error(&self) -> Option<Errno> {
        let reset = core::mem::take(&mut self.incoming().lock().reset);
        reset.then_some(Errno::ECONNRESET)
    }
    fn local(&self) -> Option<SocketAddr> {
        self.local
    }
    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
    fn set_nodelay(&self, on: bool) {
        if on {
            self.uncork();
        }
    }
    fn set_cork(&self, on: bool) {
        if self.corked.swap(on, Ordering::Relaxed) && !on {
            self.uncork();
        }
    }
    fn tcp_state(&self) -> u8 {
        let theirs = self.incoming().lock().finished;
        match (self.outgoing().lock().finished, theirs) {
            (false, false) => 1, // ESTABLISHED
            (true, false) => 5,  // FIN_WAIT2
            (false, true) => 8,  // CLOSE_WAIT
            (true, true) => 7,   // CLOSE
        }
    }
    fn set_pass_creds(&self, on: bool) {
        self.pair.pass_creds[self.end].store(on, Ordering::Relaxed);
    }
    fn passes_creds(&self) -> bool {
        self.pair.pass_creds[self.end].load(Ordering::Relaxed)
    }
    fn wants_creds(&self) -> bool {
        self.pair.pass_creds.iter().any(|on| on.load(Ordering::Relaxed))
    }
    fn visit_files(&self, visit: &mut dyn FnMut(&Arc<OpenFile>)) {
        self.incoming().lock().visit_files(visit);
    }
    fn discard_files(&self) {
        let taken = self.incoming().lock().take_files();
        drop(taken);
    }
}

impl Drop for LocalStream {
    fn drop(&mut self) {
        self.close(false);
    }
}
