//! One TCP connection: a bounded inbox, and a smoltcp instance behind a lock that is the owner bit.
//!
//! Whoever holds the lock drives the flow: takes packets from the inbox, lets smoltcp send, sets the timer and
//! publishes readiness. [`Flow::input`] never waits for it. An owner looks at the inbox again after letting go,
//! with a fence between; a producer tries the lock again after queueing, with the same fence: one of the two
//! sees the packet.

mod keeping;
mod phase;
mod port;
mod stream;

use crate::listener::Listener;
use crate::stack::Stack;
use crate::stream::Try;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use core::time::Duration;
use crossbeam_queue::ArrayQueue;
use keeping::Keeping;
use osv_base::{Errno, Instant};
use osv_sync::{Mutex, MutexGuard, Readiness, SpinLock};
use port::Port;
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::Instant as SmolInstant;
use smoltcp::wire::{HardwareAddress, IpCidr, TcpSeqNumber};

/// A connection's 5-tuple; the protocol is TCP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FlowKey {
    /// Own end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
}

/// Packets that wait for an owner at most; more are dropped and counted.
const INBOX: usize = 64;
/// Receive buffer of a connection.
pub const RECV_BUFFER: usize = 64 * 1024;
/// Send buffer of a connection.
pub const SEND_BUFFER: usize = 64 * 1024;
/// How long a handshake that a peer began may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long an acknowledgement waits for data to travel with, unless TCP_QUICKACK asks for it at once: smoltcp's own.
const ACK_DELAY: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(10);
/// How long a closed connection waits in FIN-WAIT-2 for the peer's FIN (tcp_fin_timeout).
const FIN_TIME: Duration = Duration::from_secs(60);
/// When the device has no room, how soon to try again.
const NO_ROOM_RETRY: Duration = Duration::from_millis(1);

/// How long a cork holds less than a full segment back (tcp(7)).
pub(crate) const CORK_TIME: Duration = Duration::from_millis(200);

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
    /// TCP_CORK: less than a full segment waits for more.
    corked: bool,
    /// When the present phase (handshake, FIN-WAIT-2) is given up.
    deadline: Option<Instant>,
    /// How long a silent peer is waited for.
    keeping: Keeping,
    removed: bool,
    /// The sequence number behind the last that was ever sent.
    highest: Option<TcpSeqNumber>,
}

fn smol(now: Instant) -> SmolInstant {
    SmolInstant::from_micros((now.0 / 1000) as i64)
}

impl Core {
    /// In TIME-WAIT with a descriptor still open: smoltcp would empty the buffers when the time is over, and what the
    /// application has not read yet is its. There is nothing to send; the wait begins anew when it closes.
    fn waits_for_reader(&mut self) -> bool {
        !self.released && self.socket().state() == State::TimeWait
    }

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
        let mut port = Port { stack, key, packet: None, highest: &mut None, class: 0 };
        let mut iface = Interface::new(config, &mut port, smol(now));
        iface.update_ip_addrs(|addresses| {
            // The list has room for several; this is the first.
            let own = key.local.ip();
            let _ = addresses.push(IpCidr::new(own.into(), if own.is_ipv4() { 32 } else { 128 }));
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
            corked: false,
            deadline: None,
            keeping: Keeping::new(now),
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
            let local = (key.local.ip(), key.local.port());
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
        core.deadline = Some(stack.now() + core.keeping.tuning.connect_time());
        let (remote, local) = (self.key.remote, self.key.local);
        let Core { iface, sockets, handle, .. } = &mut *core;
        sockets
            .get_mut::<tcp::Socket<'_>>(*handle)
            .connect(iface.context(), (remote.ip(), remote.port()), (local.ip(), local.port()))
            .map_err(|_| Errno::EINVAL)?;
        core.last = State::SynSent;
        self.drive(&stack, &mut core, None);
        self.release(&stack, core);
        Ok(())
    }

    /// A packet for this flow (IP, header included, checksums verified). Never waits.
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
        if core.patience(now).is_some_and(|end| now >= end) {
            core.error = Some(Errno::ETIMEDOUT);
            core.socket().abort();
        }
        core.set_probes(now);
        self.egress(stack, core, now);
        let more = core.socket().recv_queue() > received_before;
        self.settle(stack, core, now, more);
    }

    fn ingress(&self, stack: &Stack, core: &mut Core, now: Instant, packet: &[u8]) {
        core.keeping.heard(now);
        core.set_probes(now);
        let class = core.keeping.tuning.marks(self.key.remote.ip()).class;
        let Core { iface, sockets, highest, .. } = core;
        let mut port = Port { stack, key: self.key, packet: Some(packet), highest, class };
        iface.poll_ingress_single(smol(now), &mut port, sockets);
    }

    fn egress(&self, stack: &Stack, core: &mut Core, now: Instant) {
        // The round that enters TIME-WAIT still acknowledges the peer's FIN.
        if core.last == State::TimeWait && core.waits_for_reader() {
            return;
        }
        let class = core.keeping.tuning.marks(self.key.remote.ip()).class;
        let Core { iface, sockets, highest, .. } = core;
        let mut port = Port { stack, key: self.key, packet: None, highest, class };
        while iface.poll_egress(smol(now), &mut port, sockets) == PollResult::SocketStateChanged {}
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

/// A timer among a stack's: its time, and a number that no other has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimerId(pub Instant, pub u64);

/// Pending work that a stack's timers hold weakly.
pub type TimerTarget = Weak<dyn Timed>;

/// What a timer of the stack acts on.
pub trait Timed: Send + Sync {
    /// Called when the time of `timer` has come. One that was moved at the last moment is not this one any more.
    fn on_timer(&self, stack: &Arc<Stack>, timer: TimerId);
}

/// Keeps a shard's flows.
pub type Shard = SpinLock<hashbrown::HashMap<FlowKey, Arc<Flow>>>;

impl Timed for Flow {
    fn on_timer(&self, stack: &Arc<Stack>, timer: TimerId) {
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
}
