//! Sockets: what a descriptor refers to, over streams, listeners and datagram queues.

mod connection;
mod message;
mod name;
mod option;

use crate::address::{Address, UnixName, as_v6, unmapped};
use crate::control::{Control, Ucred};
use crate::datagram::{Datagrams, Only, UNIX_QUEUE};
use crate::flow::Flow;
use crate::in_flight::InFlight;
use crate::interface;
use crate::listener::Listener;
use crate::local;
use crate::namespace::BindOptions;
use crate::options::Options;
use crate::stack::Stack;
use crate::stream::{Stream, Try};
use alloc::format;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_sync::{Events, Readiness, SpinLock, Wait};
use osv_vfs::file::{At, File, Io, IoctlArg};
use osv_vfs::inode::Attr;
use osv_vfs::{Kind as FileKind, OpenFile};

/// Address family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// AF_UNIX
    Unix,
    /// AF_INET
    Inet,
    /// AF_INET6
    Inet6,
    /// AF_NETLINK, NETLINK_ROUTE
    Netlink,
}

/// Socket type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// SOCK_STREAM
    Stream,
    /// SOCK_DGRAM
    Datagram,
    /// SOCK_SEQPACKET
    SeqPacket,
}

/// What a receive gave.
#[derive(Default, Debug)]
pub struct Received {
    /// Bytes copied.
    pub len: usize,
    /// Length of the message, which may be more (MSG_TRUNC).
    pub full_len: usize,
    /// Who sent the datagram, if it has an address.
    pub from: Option<Address>,
    /// What travelled beside it.
    pub control: Control,
}

/// Flags of one send or receive.
#[derive(Clone, Copy, Default, Debug)]
pub struct MessageFlags {
    /// O_NONBLOCK or MSG_DONTWAIT
    pub nonblock: bool,
    /// MSG_PEEK
    pub peek: bool,
    /// MSG_WAITALL
    pub wait_all: bool,
    /// MSG_MORE
    pub more: bool,
    /// MSG_ERRQUEUE
    pub errors: bool,
}

enum State {
    Fresh,
    Stream { stream: Arc<dyn Stream>, flow: Option<Arc<Flow>>, reported: bool },
    Listening(Arc<Listener>),
    Datagram { queue: Arc<Datagrams>, peer: Option<Peer>, shut_write: bool },
    Closed,
}

#[derive(Clone)]
struct Peer {
    address: Address,
    /// Unix datagram sockets reach their peer directly.
    queue: Option<Weak<Datagrams>>,
}

/// A socket.
pub struct Socket {
    stack: Arc<Stack>,
    family: Family,
    kind: Kind,
    id: u64,
    readiness: Arc<Readiness>,
    state: SpinLock<State>,
    bound: SpinLock<Option<SocketAddr>>,
    /// The number of a netlink socket; 0 until it has one.
    port_id: AtomicU32,
    unix_name: SpinLock<UnixName>,
    /// An accepted socket shows its listener's name and does not own it.
    owns_name: AtomicBool,
    peer_name: SpinLock<UnixName>,
    peer_creds: SpinLock<Ucred>,
    options: SpinLock<Options>,
    /// The beginning of a UDP datagram that has more to come (MSG_MORE, UDP_CORK), and where it goes.
    begun: SpinLock<Option<(SocketAddr, Vec<u8>)>>,
}

const SIOCATMARK: u32 = 0x8905;
const SIOCOUTQ: u32 = 0x5411;
const FIONREAD: u32 = 0x541b;

impl Socket {
    fn with_state(
        stack: &Arc<Stack>,
        family: Family,
        kind: Kind,
        id: u64,
        state: State,
        readiness: Arc<Readiness>,
    ) -> Arc<Socket> {
        Arc::new(Socket {
            stack: stack.clone(),
            family,
            kind,
            id,
            readiness,
            state: SpinLock::new(state),
            bound: SpinLock::new(None),
            port_id: AtomicU32::new(0),
            unix_name: SpinLock::new(UnixName::Unnamed),
            owns_name: AtomicBool::new(false),
            peer_name: SpinLock::new(UnixName::Unnamed),
            peer_creds: SpinLock::new(Ucred::NOBODY),
            options: SpinLock::new(Options::default()),
            begun: SpinLock::new(None),
        })
    }

    /// socket(2)
    pub fn new(stack: &Arc<Stack>, family: Family, kind: Kind) -> Res<Arc<Socket>> {
        let (id, readiness) = (stack.new_id(), Arc::new(Readiness::new()));
        let state = match (family, kind) {
            (Family::Inet | Family::Inet6, Kind::SeqPacket)
            | (Family::Netlink, Kind::Stream | Kind::SeqPacket) => return Err(Errno::ESOCKTNOSUPPORT.into()),
            (_, Kind::Datagram) => {
                let limit = Options::default().receive_buffer as usize;
                let most = if family == Family::Unix { UNIX_QUEUE } else { usize::MAX };
                let queue = Arc::new(Datagrams::new(id, limit, most, readiness.clone()));
                State::Datagram { queue, peer: None, shut_write: false }
            }
            (_, Kind::Stream | Kind::SeqPacket) => State::Fresh,
        };
        Ok(Self::with_state(stack, family, kind, id, state, readiness))
    }

    /// socketpair(2)
    pub fn pair(stack: &Arc<Stack>, kind: Kind) -> Res<[Arc<Socket>; 2]> {
        let ids = [0, 1].map(|_| stack.new_id());
        let readiness = [0, 1].map(|_| Arc::new(Readiness::new()));
        let states = if kind == Kind::Datagram {
            let limit = Options::default().receive_buffer as usize;
            let queues = [0, 1].map(|end: usize| {
                Arc::new(Datagrams::new(ids[end], limit, usize::MAX, readiness[end].clone()))
            });
            [0, 1].map(|end: usize| {
                queues[end].connect(Some(Only::Sender(ids[1 - end])));
                let queue = Some(Arc::downgrade(&queues[1 - end]));
                let peer = Some(Peer { address: Address::Unix(UnixName::Unnamed), queue });
                State::Datagram { queue: queues[end].clone(), peer, shut_write: false }
            })
        } else {
            local::pair(readiness.clone(), None, kind == Kind::SeqPacket).map(|stream| State::Stream {
                stream,
                flow: None,
                reported: true,
            })
        };
        let mut ends = states.into_iter().zip(ids).zip(readiness).map(|((state, id), readiness)| {
            let socket = Self::with_state(stack, Family::Unix, kind, id, state, readiness);
            *socket.peer_creds.lock() = stack.who();
            socket
        });
        match (ends.next(), ends.next()) {
            (Some(a), Some(b)) => Ok([a, b]),
            _ => Err(Errno::ENOMEM.into()),
        }
    }

    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is a Unix socket.
    pub fn is_unix(&self) -> bool {
        self.family == Family::Unix
    }

    fn is_udp(&self) -> bool {
        self.kind == Kind::Datagram && matches!(self.family, Family::Inet | Family::Inet6)
    }

    /// SO_PASSCRED
    pub fn passes_creds(&self) -> bool {
        self.options.lock().pass_creds
    }

    /// Files in flight on its stack.
    pub fn in_flight(&self) -> &Arc<InFlight> {
        &self.stack.in_flight
    }

    fn stream(&self) -> Option<Arc<dyn Stream>> {
        match &*self.state.lock() {
            State::Stream { stream, .. } => Some(stream.clone()),
            _ => None,
        }
    }

    fn listener(&self) -> Option<Arc<Listener>> {
        match &*self.state.lock() {
            State::Listening(listener) => Some(listener.clone()),
            _ => None,
        }
    }

    fn datagrams(&self) -> Option<(Arc<Datagrams>, Option<Peer>)> {
        match &*self.state.lock() {
            State::Datagram { queue, peer, .. } => Some((queue.clone(), peer.clone())),
            _ => None,
        }
    }

    /// Bytes of a stream that the peer has not acknowledged (SIOCOUTQ).
    pub fn unsent(&self) -> usize {
        self.stream().map_or(0, |stream| stream.unsent_bytes())
    }

    /// Shows the files that wait to be received from it.
    pub fn visit_queued(&self, visit: &mut dyn FnMut(&Arc<OpenFile>)) {
        if let Some((queue, _)) = self.datagrams() {
            queue.visit_files(visit);
        } else if let Some(stream) = self.stream() {
            stream.visit_files(visit);
        } else if let Some(listener) = self.listener() {
            listener.visit_files(visit);
        }
    }

    /// Lets go of the files that wait to be received from it.
    pub fn discard_queued(&self) {
        if let Some((queue, _)) = self.datagrams() {
            queue.discard_files();
        } else if let Some(stream) = self.stream() {
            stream.discard_files();
        } else if let Some(listener) = self.listener() {
            listener.discard_files();
        }
    }

    fn bind_options(&self) -> BindOptions {
        let options = self.options.lock();
        BindOptions {
            reuse_address: options.reuse_address,
            reuse_port: options.reuse_port,
            v6only: options.v6only || self.family == Family::Inet,
        }
    }

    fn inet(&self, address: &Address) -> Res<SocketAddr> {
        match (self.family, address) {
            (Family::Inet, Address::Inet(a @ SocketAddr::V4(_))) => Ok(*a),
            (Family::Inet6, Address::Inet(a @ SocketAddr::V6(_))) => Ok(unmapped(*a)),
            // The length is looked at before the family.
            (family, Address::Other(_, len)) if *len < if family == Family::Inet6 { 24 } else { 16 } => {
                Err(Errno::EINVAL.into())
            }
            _ => Err(Errno::EAFNOSUPPORT.into()),
        }
    }

    fn show(&self, address: SocketAddr) -> Address {
        Address::Inet(if self.family == Family::Inet6 { as_v6(address) } else { address })
    }

    fn any(&self) -> IpAddr {
        if self.family == Family::Inet6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
    }

    fn wait<R>(&self, nonblock: bool, timeout: Option<Duration>, attempt: impl FnMut() -> Try<R>) -> Res<R> {
        let mut attempt = attempt;
        if nonblock {
            return attempt().unwrap_or(Err(Errno::EAGAIN.into()));
        }
        let deadline = timeout.map(|t| self.stack.now() + t);
        match self.readiness.waiters.wait_until(Wait::until(deadline), attempt) {
            Ok(result) => result,
            Err(error) => Err(error.or_timeout(Errno::EAGAIN)),
        }
    }

    fn poll_datagrams(&self) -> Events {
        let (queue, peer, shut_write) = match &*self.state.lock() {
            State::Datagram { queue, peer, shut_write } => (queue.clone(), peer.clone(), *shut_write),
            _ => return Events::HUP,
        };
        let mut events = Events::empty();
        let shut = queue.is_shut();
        if queue.first_len().is_some() || shut || queue.has_error() {
            events |= Events::IN | Events::RDNORM;
        }
        if queue.has_error() {
            events |= Events::ERR;
        }
        if shut {
            events |= Events::RDHUP;
        }
        if shut && shut_write {
            events |= Events::HUP;
        }
        let peer = peer.and_then(|p| p.queue).and_then(|q| q.upgrade());
        if peer.is_none_or(|peer| peer.has_room_for(&self.readiness)) {
            events |= Events::OUT | Events::WRNORM;
        }
        events
    }
}

impl File for Socket {
    fn read(&self, _: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        // read(2) of nothing leaves a datagram where it is, unlike recv(2).
        if to.remaining() == 0 {
            return Ok(0);
        }
        let flags = MessageFlags { nonblock: io.nonblock, ..MessageFlags::default() };
        Ok(self.recv(to, flags)?.len)
    }

    fn write(&self, _: At, from: &mut dyn Source, io: Io) -> Res<usize> {
        let flags = MessageFlags { nonblock: io.nonblock, ..MessageFlags::default() };
        self.send(from, None, flags, &mut Control::default())
    }

    fn whole(&self) -> bool {
        self.kind != Kind::Stream
    }

    fn poll(&self) -> Events {
        let stream = match &*self.state.lock() {
            State::Fresh => return Events::OUT | Events::WRNORM | Events::HUP,
            State::Closed => return Events::HUP,
            State::Listening(listener) => {
                return if listener.pending() { Events::IN | Events::RDNORM } else { Events::empty() };
            }
            State::Datagram { .. } => None,
            State::Stream { stream, .. } => Some(stream.clone()),
        };
        match stream {
            Some(stream) => stream.poll(),
            None => self.poll_datagrams(),
        }
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.readiness)
    }

    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        let value = match request {
            FIONREAD => match (self.stream(), self.datagrams()) {
                (Some(stream), _) => stream.readable_bytes(),
                (None, Some((queue, _))) => queue.first_len().unwrap_or(0),
                // There is nothing yet; what listens never has anything.
                (None, None) if matches!(*self.state.lock(), State::Fresh) => 0,
                (None, None) => return Err(Errno::EINVAL.into()),
            },
            SIOCOUTQ => self.unsent(),
            // Urgent data comes in line, without a mark.
            SIOCATMARK if self.kind == Kind::Stream && !self.is_unix() => 0,
            _ => return interface::ioctl(&self.stack, request, arg),
        };
        arg.write(&(value.min(i32::MAX as usize) as i32).to_ne_bytes())?;
        Ok(0)
    }

    fn attr(&self) -> Attr {
        Attr { mode: FileKind::Socket.mode() | 0o777, nlink: 1, ino: self.id, ..Attr::default() }
    }

    fn describe(&self) -> Vec<u8> {
        format!("socket:[{}]", self.id).into_bytes()
    }

    fn released(&self) {
        let state = core::mem::replace(&mut *self.state.lock(), State::Closed);
        match state {
            State::Stream { stream, .. } => stream.close(self.options.lock().linger == Some(0)),
            State::Listening(listener) => listener.close(),
            State::Datagram { queue, .. } => queue.close(),
            State::Fresh | State::Closed => {}
        }
        if let Some(bound) = self.bound.lock().take() {
            if self.kind == Kind::Stream {
                self.stack.tcp_ports.lock().release(self.id, bound.port());
            } else {
                self.stack.udp_ports.lock().release(self.id, bound.port());
            }
        }
        if self.owns_name.swap(false, Ordering::AcqRel) {
            let name = self.unix_name.lock().clone();
            self.stack.unix_names.lock().release(&name);
        }
        if self.is_unix() {
            self.stack.in_flight.collect();
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
