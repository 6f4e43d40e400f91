//! A flow as a stream: what socket calls do with it.

use super::{ACK_DELAY, CORK_TIME, FIN_TIME, Flow, RECV_BUFFER, TCP_HEADER};
use crate::host::header_len;
use crate::options::Tuning;
use crate::stream::{Shutdown, Stream, Try};
use core::net::SocketAddr;
use core::sync::atomic::Ordering;
use osv_base::Errno;
use osv_base::io::{Sink, Source};
use osv_sync::Events;
use smoltcp::socket::tcp::State;

impl Stream for Flow {
    fn try_recv(&self, to: &mut dyn Sink, peek: bool) -> Try<usize> {
        let Some(stack) = self.stack.upgrade() else { return Some(Err(Errno::ENETDOWN.into())) };
        let mut core = self.core.lock();
        if !self.inbox.is_empty() {
            self.drive(&stack, &mut core, None);
        }
        let socket = core.socket();
        let answer = if socket.can_recv() {
            let before = socket.recv_queue();
            let mut done = 0;
            if peek {
                if let Ok(bytes) = socket.peek(to.remaining()) {
                    done = to.put(bytes);
                }
            } else {
                // Twice at most: the ring may wrap.
                while to.remaining() > 0 && !to.faulted() && socket.can_recv() {
                    match socket.recv(|bytes| {
                        let n = to.put(bytes);
                        (n, n)
                    }) {
                        Ok(0) | Err(_) => break,
                        Ok(n) => done += n,
                    }
                }
                if before * 2 >= RECV_BUFFER {
                    // The window was small: the peer wants to know of the room.
                    let now = stack.now();
                    self.egress(&stack, &mut core, now);
                }
                self.publish(&mut core, false);
            }
            Some(Ok(done))
        } else if let Some(error) = core.error.take() {
            self.publish(&mut core, false);
            Some(if error == Errno::EPIPE { Ok(0) } else { Err(error.into()) })
        } else if core.receive_shut || !core.socket().may_recv() && core.last != State::SynSent {
            Some(Ok(0))
        } else {
            None
        };
        self.release(&stack, core);
        answer
    }

    fn try_send(&self, from: &mut dyn Source) -> Try<usize> {
        self.send_bytes(from, false)
    }

    fn try_send_more(&self, from: &mut dyn Source) -> Try<usize> {
        self.send_bytes(from, true)
    }

    fn poll(&self) -> Events {
        if !self.inbox.is_empty()
            && let Some(stack) = self.stack.upgrade()
        {
            self.drain(&stack);
        }
        Events::from_bits_retain(self.events.load(Ordering::Acquire))
    }

    fn readable_bytes(&self) -> usize {
        self.core.lock().socket().recv_queue()
    }

    fn unsent_bytes(&self) -> usize {
        self.core.lock().socket().send_queue()
    }

    fn shutdown(&self, how: Shutdown) {
        let Some(stack) = self.stack.upgrade() else { return };
        let mut core = self.core.lock();
        if how.read() {
            core.receive_shut = true;
        }
        if how.write() {
            core.socket().close();
        }
        self.drive(&stack, &mut core, None);
        self.release(&stack, core);
    }

    fn close(&self, reset: bool) {
        let Some(stack) = self.stack.upgrade() else { return };
        let mut core = self.core.lock();
        if core.released {
            return;
        }
        core.released = true;
        // Unread bytes at close reset the connection (RFC 1122, 4.2.2.13).
        if reset || core.socket().can_recv() {
            core.socket().abort();
        } else {
            core.socket().close();
        }
        self.drive(&stack, &mut core, None);
        if core.socket().state() == State::FinWait2 {
            core.deadline = Some(stack.now() + FIN_TIME);
        }
        if core.socket().state() == State::TimeWait && !core.removed {
            let now = stack.now();
            self.changed_state(&stack, &mut core, State::TimeWait, now);
        }
        self.release(&stack, core);
    }

    fn take_error(&self) -> Option<Errno> {
        let mut core = self.core.lock();
        let error = core.error.take();
        self.publish(&mut core, false);
        error
    }

    fn local(&self) -> Option<SocketAddr> {
        Some(self.key.local)
    }
    fn peer(&self) -> Option<SocketAddr> {
        Some(self.key.remote)
    }
    fn set_nodelay(&self, on: bool) {
        self.core.lock().socket().set_nagle_enabled(!on);
    }
    fn set_cork(&self, on: bool) {
        let Some(stack) = self.stack.upgrade() else { return };
        let mut core = self.core.lock();
        if core::mem::replace(&mut core.corked, on) && !on {
            self.drive(&stack, &mut core, None);
        }
        self.release(&stack, core);
    }
    fn tune(&self, tuning: &Tuning) {
        let Some(stack) = self.stack.upgrade() else { return };
        let mut core = self.core.lock();
        let (now, old) = (stack.now(), core.keeping.tuning);
        core.keeping.tune(*tuning, now);
        let socket = core.socket();
        // IPv6 lets one ask for 0, which no packet may have.
        socket.set_hop_limit(tuning.marks(self.key.remote.ip()).hop_limit.map(|hops| hops.max(1)));
        if let Some(quick) = tuning.quickack {
            socket.set_ack_delay((!quick).then_some(ACK_DELAY));
        }
        if *tuning != old && socket.state() != State::Closed {
            self.drive(&stack, &mut core, None);
        }
        self.release(&stack, core);
    }
    fn tcp_state(&self) -> u8 {
        match self.core.lock().socket().state() {
            State::Established => 1,
            State::SynSent => 2,
            State::SynReceived => 3,
            State::FinWait1 => 4,
            State::FinWait2 => 5,
            State::TimeWait => 6,
            State::Closed => 7,
            State::CloseWait => 8,
            State::LastAck => 9,
            State::Listen => 10,
            State::Closing => 11,
        }
    }
}

impl Flow {
    /// Queues bytes to send; less than a full segment waits if there is a cork, or `more` to come.
    fn send_bytes(&self, from: &mut dyn Source, more: bool) -> Try<usize> {
        let Some(stack) = self.stack.upgrade() else { return Some(Err(Errno::ENETDOWN.into())) };
        let mut core = self.core.lock();
        if !self.inbox.is_empty() {
            self.drive(&stack, &mut core, None);
        }
        let answer = if core.socket().may_send() {
            let socket = core.socket();
            let mut done = 0;
            while from.remaining() > 0 && !from.faulted() {
                match socket.send(|room| {
                    let n = from.take(room);
                    (n, n)
                }) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => done += n,
                }
            }
            let segment = stack.mtu().saturating_sub(header_len(self.key.local.ip()) + TCP_HEADER);
            if done > 0 && (core.corked || more) && core.socket().send_queue() < segment {
                self.arm(&stack, stack.now() + CORK_TIME);
                self.publish(&mut core, false);
                Some(Ok(done))
            } else if done > 0 {
                let now = stack.now();
                self.egress(&stack, &mut core, now);
                self.settle(&stack, &mut core, now, false);
                Some(Ok(done))
            } else if from.remaining() == 0 || from.faulted() {
                Some(Ok(0))
            } else {
                core.wants_room = true;
                self.publish(&mut core, false);
                None
            }
        } else if matches!(core.last, State::SynSent | State::SynReceived) {
            None
        } else {
            let error = core.error.take().unwrap_or(Errno::EPIPE);
            Some(Err(error.into()))
        };
        self.release(&stack, core);
        answer
    }
}
