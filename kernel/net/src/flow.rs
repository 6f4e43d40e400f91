//! One TCP connection: a bounded inbox, and a smoltcp instance behind a lock that is the owner bit.
//!
//! Whoever holds the lock drives the flow: takes packets from the inbox, lets smoltcp send, sets the timer and
//! publishes readiness. [`Flow::input`] never waits for it. An owner looks at the inbox again after letting go,
//! with a fence between; a producer tries the lock again after queueing, with the same fence: one of the two
//! sees the packet.

use crate::host;
use crate::listener::{Incoming, Listener};
use crate::stack::Stack;
use crate::stream::{Shutdown, Stream, Try};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr, SocketAddrV4};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use core::time::Duration;
use crossbeam_queue::ArrayQueue;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Instant};
use osv_sync::{Events, Mutex, MutexGuard, Readiness, SpinLock};
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{self, Checksum, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::{Duration as SmolDuration, Instant as SmolInstant};
use smoltcp::wire::{HardwareAddress, IpCidr, TcpPacket, TcpSeqNumber};

/// A connection's 5-tuple; the protocol is TCP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FlowKey {
    /// Own end.
    pub local: SocketAddrV4,
    /// The peer's end.
    pub remote: SocketAddrV4,
}

/// Packets that wait for an owner at most; more are dropped and counted.
const INBOX: usize = 64;
/// Receive buffer of a connection.
pub const RECV_BUFFER: usize = 64 * 1024;
/// Send buffer of a connection.
pub const SEND_BUFFER: usize = 64 * 1024;
/// How long a handshake that a peer began may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long connect(2) tries: Linux's tcp_syn_retries of 6 come to 127 s.
const CONNECT_TIME: Duration = Duration::from_secs(127);
/// How long unacknowledged data is sent again: Linux's tcp_retries2 of 15 come to 924 s.
const RETRANSMIT_TIME: Duration = Duration::from_secs(924);
/// How long a closed connection waits in FIN-WAIT-2 for the peer's FIN (tcp_fin_timeout).
const FIN_TIME: Duration = Duration::from_secs(60);
/// How often a peer whose window is closed is asked, once smoltcp no longer does.
const WINDOW_PROBE: SmolDuration = SmolDuration::from_secs(1);
/// When the device has no room, how soon to try again.
const NO_ROOM_RETRY: Duration = Duration::from_millis(1);

/// Bytes of a TCP header without options.
const TCP_HEADER: usize = 20;

/// One TCP connection over the link.
pub struct Flow {
    /// Which connection.
    pub key: FlowKey,
    stack: Weak<Stack>,
    inbox: ArrayQueue<Vec<u8>>,
    core: Mutex<Core>,
    readiness: Arc<Readiness>,
    events: AtomicU32,
    /// Its one timer.
    timer: SpinLock<Option<TimerId>>,
    dropped: AtomicU64,
    me: Weak<Flow>,
}

struct Core {
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    /// The listener to tell when the handshake is done; passive flows only, until then.
    listener: Option<Arc<Listener>>,
    error: Option<Errno>,
    last: State,
    /// The descriptor is gone.
    released: bool,
    /// A send found no room: tell when there is some.
    wants_room: bool,
    receive_shut: bool,
    /// When the present phase (handshake, FIN-WAIT-2) is given up.
    deadline: Option<Instant>,
    removed: bool,
    /// The sequence number behind the last that was ever sent.
    highest: Option<TcpSeqNumber>,
}

fn smol(now: Instant) -> SmolInstant {
    SmolInstant::from_micros((now.0 / 1000) as i64)
}

impl Core {
    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }
}

impl Flow {
    fn new(
        stack: &Arc<Stack>,
        key: FlowKey,
        listener: Option<Arc<Listener>>,
        readiness: Arc<Readiness>,
    ) -> Arc<Self> {
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = stack.random_u64();
        let now = stack.now();
        let mut port = Port { stack, key, packet: None, highest: &mut None };
        let mut iface = Interface::new(config, &mut port, smol(now));
        iface.update_ip_addrs(|addresses| {
            // The list has room for several; this is the first.
            let _ = addresses.push(IpCidr::new((*key.local.ip()).into(), 32));
        });
        let buffer = |len: usize| tcp::SocketBuffer::new(alloc::vec![0u8; len]);
        let mut socket = tcp::Socket::new(buffer(RECV_BUFFER), buffer(SEND_BUFFER));
        socket.set_congestion_control(tcp::CongestionControl::Reno);
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        let core = Core {
            iface,
            sockets,
            handle,
            listener,
            error: None,
            last: State::Closed,
            released: false,
            wants_room: false,
            receive_shut: false,
            deadline: None,
            removed: false,
            highest: None,
        };
        Arc::new_cyclic(|me| Flow {
            key,
            stack: Arc::downgrade(stack),
            inbox: ArrayQueue::new(INBOX),
            core: Mutex::new(core),
            readiness,
            events: AtomicU32::new(0),
            timer: SpinLock::new(None),
            dropped: AtomicU64::new(0),
            me: me.clone(),
        })
    }

    /// A flow for a SYN that `listener` admitted; the SYN itself is the first [`Flow::input`].
    pub fn passive(stack: &Arc<Stack>, key: FlowKey, listener: Arc<Listener>) -> Option<Arc<Self>> {
        let flow = Flow::new(stack, key, Some(listener), Arc::new(Readiness::new()));
        {
            let mut core = flow.core.lock();
            core.deadline = Some(stack.now() + HANDSHAKE_TIME);
            let local = (*key.local.ip(), key.local.port());
            core.socket().listen(local).ok()?;
            core.last = State::Listen;
        }
        Some(flow)
    }

    /// A flow that connects; it is registered with the stack by the caller, then [`Flow::start`]ed.
    pub fn active(stack: &Arc<Stack>, key: FlowKey, readiness: Arc<Readiness>) -> Arc<Self> {
        Flow::new(stack, key, None, readiness)
    }

    /// Sends the SYN of an active flow.
    pub fn start(&self) -> Result<(), Errno> {
        let Some(stack) = self.stack.upgrade() else { return Err(Errno::ENETDOWN) };
        let mut core = self.core.lock();
        core.deadline = Some(stack.now() + CONNECT_TIME);
        let (remote, local) = (self.key.remote, self.key.local);
        let Core { iface, sockets, handle, .. } = &mut *core;
        sockets
            .get_mut::<tcp::Socket<'_>>(*handle)
            .connect(iface.context(), (*remote.ip(), remote.port()), (*local.ip(), local.port()))
            .map_err(|_| Errno::EINVAL)?;
        core.last = State::SynSent;
        self.drive(&stack, &mut core, None);
        self.release(&stack, core);
        Ok(())
    }

    /// A packet for this flow (IPv4, header included, checksums verified). Never waits.
    pub fn input(&self, stack: &Arc<Stack>, packet: &[u8]) {
        if let Some(mut core) = self.core.try_lock() {
            self.drive(stack, &mut core, Some(packet));
            self.release(stack, core);
            return;
        }
        if self.inbox.push(packet.to_vec()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.drain(stack);
    }

    /// Called when the time of a timer has come. One that was moved at the last moment is not this one any more.
    pub fn on_timer(&self, stack: &Arc<Stack>, timer: TimerId) {
        if self.timer.lock().take_if(|mine| *mine == timer).is_none() {
            return;
        }
        match self.core.try_lock() {
            Some(mut core) => {
                self.drive(stack, &mut core, None);
                self.release(stack, core);
            }
            // The owner sets the timer anew when it settles; this covers an owner that is past that point.
            None => self.arm(stack, stack.now() + NO_ROOM_RETRY),
        }
    }

    /// Lets go of the flow, and drives it again if a packet came meanwhile.
    fn release(&self, stack: &Arc<Stack>, core: MutexGuard<'_, Core>) {
        drop(core);
        self.drain(stack);
    }

    fn drain(&self, stack: &Arc<Stack>) {
        loop {
            // Orders the push (producer) or the unlock (owner) before the look at the other side.
            fence(Ordering::SeqCst);
            if self.inbox.is_empty() {
                return;
            }
            let Some(mut core) = self.core.try_lock() else { return };
            self.drive(stack, &mut core, None);
        }
    }

    /// One round: packets in, packets out, timer, readiness.
    fn drive(&self, stack: &Arc<Stack>, core: &mut Core, first: Option<&[u8]>) {
        let now = stack.now();
        let received_before = core.socket().recv_queue();
        if let Some(packet) = first {
            self.ingress(stack, core, now, packet);
        }
        while let Some(packet) = self.inbox.pop() {
            self.ingress(stack, core, now, &packet);
        }
        if core.deadline.is_some_and(|deadline| now >= deadline) {
            self.give_up(core);
        }
        self.egress(stack, core, now);
        let more = core.socket().recv_queue() > received_before;
        self.settle(stack, core, now, more);
    }

    fn ingress(&self, stack: &Stack, core: &mut Core, now: Instant, packet: &[u8]) {
        let Core { iface, sockets, highest, .. } = core;
        let mut port = Port { stack, key: self.key, packet: Some(packet), highest };
        iface.poll_ingress_single(smol(now), &mut port, sockets);
    }

    fn egress(&self, stack: &Stack, core: &mut Core, now: Instant) {
        let Core { iface, sockets, highest, .. } = core;
        let mut port = Port { stack, key: self.key, packet: None, highest };
        while iface.poll_egress(smol(now), &mut port, sockets) == PollResult::SocketStateChanged {}
    }

    /// The deadline of the phase passed.
    fn give_up(&self, core: &mut Core) {
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
    fn settle(&self, stack: &Arc<Stack>, core: &mut Core, now: Instant, data_arrived: bool) {
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
        let wanted = core.iface.poll_at(smol(now), &core.sockets).map(|at| {
            let at = Instant((at.total_micros().max(0) as u64) * 1000);
            // "Now" after all was sent that could be: the device had no room.
            if at <= now { now + NO_ROOM_RETRY } else { at }
        });
        let wanted = match (wanted, core.deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if let Some(at) = wanted {
            self.arm(stack, at);
        }
    }

    fn changed_state(&self, stack: &Arc<Stack>, core: &mut Core, state: State, now: Instant) {
        match state {
            State::Established | State::CloseWait if core.listener.is_some() => {
                core.deadline = None;
                core.socket().set_timeout(Some(SmolDuration::from_secs(RETRANSMIT_TIME.as_secs())));
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
                core.socket().set_timeout(Some(SmolDuration::from_secs(RETRANSMIT_TIME.as_secs())));
            }
            // smoltcp's timer is idle from here on, even where data waits for a window that the peer may have opened
            // by a segment that was lost: ask it.
            State::Closing if core.socket().send_queue() > 0 => {
                core.socket().set_keep_alive(Some(WINDOW_PROBE));
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

    fn publish(&self, core: &mut Core, data_arrived: bool) {
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

    fn arm(&self, stack: &Stack, at: Instant) {
        let mut timer = self.timer.lock();
        if timer.is_none_or(|TimerId(armed, _)| at < armed) {
            *timer = Some(stack.move_timer(*timer, at, self.me.clone()));
        }
    }

    /// It left the classifier and needs no timer.
    fn disarm(&self, stack: &Stack) {
        if let Some(timer) = self.timer.lock().take() {
            stack.cancel_timer(timer);
        }
    }

    /// Whether connect(2) is done: `None` while the handshake runs.
    pub fn connected(&self) -> Try<()> {
        let Some(stack) = self.stack.upgrade() else { return Some(Err(Errno::ENETDOWN.into())) };
        let mut core = self.core.lock();
        if !self.inbox.is_empty() {
            self.drive(&stack, &mut core, None);
        }
        let answer = match core.socket().state() {
            State::SynSent | State::SynReceived => None,
            State::Closed => Some(Err(core.error.take().unwrap_or(Errno::ECONNREFUSED).into())),
            _ => Some(Ok(())),
        };
        self.release(&stack, core);
        answer
    }

    /// The link or the address went away.
    pub fn fail(&self, errno: Errno) {
        let Some(stack) = self.stack.upgrade() else { return };
        let mut core = self.core.lock();
        core.error = Some(errno);
        core.socket().abort();
        self.drive(&stack, &mut core, None);
        self.release(&stack, core);
    }

    /// Packets that found the inbox full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

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
            if done > 0 {
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
        Some(SocketAddr::V4(self.key.local))
    }
    fn peer(&self) -> Option<SocketAddr> {
        Some(SocketAddr::V4(self.key.remote))
    }
    fn set_nodelay(&self, on: bool) {
        self.core.lock().socket().set_nagle_enabled(!on);
    }
    fn set_keepalive(&self, idle: Option<Duration>) {
        let idle = idle.map(|d| SmolDuration::from_millis(d.as_millis() as u64));
        self.core.lock().socket().set_keep_alive(idle);
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

/// What smoltcp takes for its device: one packet in, and the way out through the shared link layer.
struct Port<'a> {
    stack: &'a Stack,
    key: FlowKey,
    packet: Option<&'a [u8]>,
    highest: &'a mut Option<TcpSeqNumber>,
}

struct RxToken<'a>(&'a [u8]);
struct TxToken<'a> {
    stack: &'a Stack,
    key: FlowKey,
    highest: &'a mut Option<TcpSeqNumber>,
}

/// When smoltcp sends again what was not acknowledged, its acknowledgements bear the old sequence number too. A peer
/// that has those bytes must not accept such a segment, nor what it acknowledges (RFC 9293, 3.10.7.4); two such peers
/// in that state at once would never hear each other again. So an acknowledgement without data bears the number
/// behind all that was sent (SND.NXT before the retransmission), as other stacks' do. Returns whether it changed
/// the segment.
fn mend_acknowledgement(segment: &mut TcpPacket<&mut [u8]>, highest: &mut Option<TcpSeqNumber>) -> bool {
    let (start, len) = (segment.seq_number(), segment.segment_len());
    if segment.rst() {
        return false;
    }
    match *highest {
        Some(sent) if len == 0 && start < sent => {
            segment.set_seq_number(sent);
            return true;
        }
        Some(sent) if start + len <= sent && !segment.syn() => {}
        _ => *highest = Some(start + len),
    }
    false
}

impl phy::Device for Port<'_> {
    type RxToken<'b>
        = RxToken<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = TxToken<'b>
    where
        Self: 'b;

    fn receive(&mut self, _: SmolInstant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let packet = self.packet.take()?;
        let transmit = TxToken { stack: self.stack, key: self.key, highest: self.highest };
        Some((RxToken(packet), transmit))
    }

    fn transmit(&mut self, _: SmolInstant) -> Option<TxToken<'_>> {
        let Port { stack, key, highest, .. } = self;
        stack.has_room().then_some(TxToken { stack, key: *key, highest })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.stack.mtu();
        // The classifier verified what the device does not vouch for.
        capabilities.checksum.tcp =
            if self.stack.completes_checksums() { Checksum::None } else { Checksum::Tx };
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let offload = self.stack.completes_checksums();
        let remote = *self.key.remote.ip();
        self.stack.transmit_ip(remote, len, offload.then_some(16), |packet| {
            let result = f(packet);
            if packet.len() < host::IPV4_HEADER + TCP_HEADER {
                return result;
            }
            let local = *self.key.local.ip();
            let mut segment = TcpPacket::new_unchecked(&mut packet[host::IPV4_HEADER..]);
            let mended = mend_acknowledgement(&mut segment, self.highest);
            if offload {
                let sum = host::pseudo_header_sum(local, remote, 6, len - host::IPV4_HEADER);
                segment.set_checksum(!host::internet_checksum(sum, &[]));
            } else if mended {
                segment.fill_checksum(&local.into(), &remote.into());
            }
            result
        })
    }
}

/// Whether a key's own end is `address`.
pub fn is_local_to(key: &FlowKey, address: IpAddr) -> bool {
    IpAddr::V4(*key.local.ip()) == address
}

/// A timer among a stack's: its time, and a number that no other has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimerId(pub Instant, pub u64);

/// Pending work that a stack's timers hold weakly.
pub type TimerTarget = Weak<Flow>;

/// Keeps a shard's flows.
pub type Shard = SpinLock<hashbrown::HashMap<FlowKey, Arc<Flow>>>;
