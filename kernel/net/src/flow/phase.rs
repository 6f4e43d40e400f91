//! What follows from a connection's state: who is told, which timer is set, when it is given up.

use super::{Core, FIN_TIME, Flow, NO_ROOM_RETRY, SEND_BUFFER, smol};
use crate::listener::Incoming;
use crate::stack::Stack;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use osv_base::{Errno, Instant};
use osv_sync::Events;
use smoltcp::socket::tcp::State;
use smoltcp::time::Duration as SmolDuration;

impl Core {
    /// Whether keep-alive probes are sent. A probe is a byte at the last number that was sent. Once that is the FIN's, a
    /// peer that has not seen the FIN would take the byte for data; the FIN itself is sent until it is acknowledged.
    fn is_probed(&mut self) -> bool {
        matches!(self.socket().state(), State::Established | State::CloseWait)
    }

    /// Tells smoltcp when to probe.
    pub(super) fn set_probes(&mut self, now: Instant) {
        let interval = if self.is_probed() { self.keeping.interval(now) } else { None };
        // A little more, so that the time to give up comes before one probe too many.
        let interval = interval.map(|time| SmolDuration::from_millis(time.as_millis() as u64 + 1));
        self.socket().set_keep_alive(interval);
    }

    /// When the peer is given up if nothing is heard of it.
    pub(super) fn patience(&mut self, now: Instant) -> Option<Instant> {
        let socket = self.socket();
        let owes = match socket.state() {
            State::Established | State::CloseWait => socket.send_queue() > 0,
            State::FinWait1 | State::Closing | State::LastAck => true,
            // The deadline of the phase holds.
            _ => return None,
        };
        self.keeping.owes(owes, now);
        let is_probed = self.is_probed();
        self.keeping.patience(is_probed)
    }
}

impl Flow {
    /// The deadline of the phase passed.
    pub(super) fn give_up(&self, core: &mut Core) {
        core.deadline = None;
        match core.socket().state() {
            State::SynSent => {
                core.error = Some(Errno::ETIMEDOUT);
                core.socket().abort();
                core.last = State::Closed;
            }
            State::Listen
            | State::SynReceived
            | State::FinWait2
            | State::FinWait1
            | State::Closing
            | State::LastAck => {
                core.socket().abort();
                core.last = State::Closed;
            }
            _ => {}
        }
    }

    /// Follows the state machine, publishes readiness, sets the timer.
    pub(super) fn settle(&self, stack: &Arc<Stack>, core: &mut Core, now: Instant, data_arrived: bool) {
        let state = core.socket().state();
        if state != core.last {
            self.changed_state(stack, core, state, now);
            core.last = state;
        }
        self.publish(core, data_arrived);
        let closed = core.socket().state() == State::Closed;
        let finished = closed && (core.released || core.listener.is_some());
        if (finished
            || core.listener.is_some() && state == State::Listen && self.inbox.is_empty() && !data_arrived)
            && !core.removed
        {
            if let Some(listener) = core.listener.take() {
                listener.half_open_done();
            }
            core.removed = true;
            self.disarm(stack);
            stack.remove_flow(&self.key);
            return;
        }
        if core.waits_for_reader() {
            return;
        }
        let wanted = core.iface.poll_at(smol(now), &core.sockets).map(|at| {
            let at = Instant((at.total_micros().max(0) as u64) * 1000);
            // "Now" after all was sent that could be: the device had no room.
            if at <= now { now + NO_ROOM_RETRY } else { at }
        });
        let patience = core.patience(now);
        let probes = if core.is_probed() { core.keeping.probes_at().filter(|at| now < *at) } else { None };
        if let Some(at) = [wanted, core.deadline, patience, probes].into_iter().flatten().min() {
            self.arm(stack, at);
        }
    }

    pub(super) fn changed_state(&self, stack: &Arc<Stack>, core: &mut Core, state: State, now: Instant) {
        match state {
            State::Established | State::CloseWait if core.listener.is_some() => {
                core.deadline = None;
                if let (Some(listener), Some(me)) = (core.listener.take(), self.me.upgrade()) {
                    listener.half_open_done();
                    let incoming = Incoming { stream: me, readiness: self.readiness.clone(), from: None };
                    if listener.push(incoming, 0).is_err() {
                        core.socket().abort();
                        core.released = true;
                        self.egress(stack, core, now);
                    }
                }
            }
            State::Established => {
                core.deadline = None;
            }
            State::FinWait2 if core.released => core.deadline = Some(now + FIN_TIME),
            State::TimeWait if core.released => {
                // A connection that nobody holds waits without buffers.
                stack.enter_time_wait(self.key, now);
                core.socket().abort();
                core.removed = true;
                self.disarm(stack);
                stack.remove_flow(&self.key);
            }
            State::Closed => {
                core.deadline = None;
                core.error = match core.last {
                    State::SynSent => core.error.or(Some(Errno::ECONNREFUSED)),
                    State::Established | State::FinWait1 | State::FinWait2 | State::SynReceived => {
                        core.error.or(Some(Errno::ECONNRESET))
                    }
                    State::CloseWait => core.error.or(Some(Errno::EPIPE)),
                    _ => core.error,
                };
            }
            _ => {}
        }
    }

    pub(super) fn publish(&self, core: &mut Core, data_arrived: bool) {
        let events = self.compute(core);
        let old = Events::from_bits_retain(self.events.swap(events.bits(), Ordering::AcqRel));
        let mut news = events - old;
        if data_arrived {
            news |= events & (Events::IN | Events::RDNORM);
        }
        if core.wants_room && events.contains(Events::OUT) {
            core.wants_room = false;
            news |= Events::OUT | Events::WRNORM;
        }
        if !news.is_empty() {
            self.readiness.changed(news);
        }
    }

    fn compute(&self, core: &mut Core) -> Events {
        let (error, receive_shut, wants_room) = (core.error.is_some(), core.receive_shut, core.wants_room);
        let socket = core.socket();
        let state = socket.state();
        let mut events = Events::empty();
        let receive_done = receive_shut
            || matches!(
                state,
                State::CloseWait | State::LastAck | State::Closing | State::TimeWait | State::Closed
            );
        let send_done = !matches!(
            state,
            State::Established | State::CloseWait | State::SynSent | State::SynReceived | State::Listen
        );
        if socket.can_recv() || receive_done || error {
            events |= Events::IN | Events::RDNORM;
        }
        if receive_done {
            events |= Events::RDHUP;
        }
        // As Linux does, say "room" again only when a third of the buffer is free.
        let free = socket.send_capacity() - socket.send_queue();
        let room = if wants_room { free >= SEND_BUFFER / 3 } else { free > 0 };
        if socket.may_send() && room || send_done || error {
            events |= Events::OUT | Events::WRNORM;
        }
        if receive_done && send_done {
            events |= Events::HUP;
        }
        if error {
            events |= Events::ERR;
        }
        events
    }
}
