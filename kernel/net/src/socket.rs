//! Sockets: what a descriptor refers to, over streams, listeners and datagram queues.

use crate::address::{Address, UnixName, as_v6, takes, unmapped};
use crate::flow::Flow;
use crate::listener::{Incoming, Listener};
use crate::local;
use crate::namespace::{BindOptions, UnixTarget};
use crate::options::{self, Options, level, so, tcp};
use crate::stack::Stack;
use crate::stream::{Shutdown, Stream, Try};
use crate::udp::{Datagram, Datagrams};
use alloc::format;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use core::time::Duration;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Fail, Res};
use osv_sync::{Events, Readiness, SpinLock, Wait};
use osv_vfs::file::{At, File, Io, IoctlArg};

/// Address family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// AF_UNIX
    Unix,
    /// AF_INET
    Inet,
    /// AF_INET6
    Inet6,
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
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Bytes copied.
    pub len: usize,
    /// Length of the datagram, which may be more (MSG_TRUNC).
    pub full_len: usize,
    /// Who sent the datagram; `None` for streams.
    pub from: Option<Address>,
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
    /// MSG_TRUNC
    pub trunc: bool,
    /// MSG_MORE
    pub more: bool,
}

enum State {
    Fresh,
    Stream { stream: Arc<dyn Stream>, flow: Option<Arc<Flow>>, reported: bool },
    Listening(Arc<Listener>),
    Datagram { queue: Arc<Datagrams>, peer: Option<Peer> },
    Closed,
}

#[derive(Clone)]
struct Peer {
    address: Address,
    /// Unix datagram and seqpacket sockets reach their peer directly.
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
    unix_name: SpinLock<UnixName>,
    options: SpinLock<Options>,
}

const DATAGRAM_MAX: usize = 65_507;
const SIOCOUTQ: u32 = 0x5411;
const FIONREAD: u32 = 0x541b;

impl Socket {
    fn with_state(
        stack: &Arc<Stack>,
        family: Family,
        kind: Kind,
        state: State,
        readiness: Arc<Readiness>,
    ) -> Arc<Socket> {
        Arc::new(Socket {
            stack: stack.clone(),
            family,
            kind,
            id: stack.new_id(),
            readiness,
            state: SpinLock::new(state),
            bound: SpinLock::new(None),
            unix_name: SpinLock::new(UnixName::Unnamed),
            options: SpinLock::new(Options::default()),
        })
    }

    /// socket(2)
    pub fn new(stack: &Arc<Stack>, family: Family, kind: Kind) -> Res<Arc<Socket>> {
        let readiness = Arc::new(Readiness::new());
        let state = match (family, kind) {
            (Family::Inet | Family::Inet6, Kind::SeqPacket) => return Err(Errno::ESOCKTNOSUPPORT.into()),
            (_, Kind::Datagram) => {
                let limit = Options::default().receive_buffer as usize;
                State::Datagram { queue: Arc::new(Datagrams::new(limit, readiness.clone())), peer: None }
            }
            // Connected seqpacket sockets come from socketpair; listening ones would need records in streams.
            (Family::Unix, Kind::SeqPacket) => return Err(Errno::ESOCKTNOSUPPORT.into()),
            (_, Kind::Stream) => State::Fresh,
        };
        Ok(Self::with_state(stack, family, kind, state, readiness))
    }

    /// socketpair(2)
    pub fn pair(stack: &Arc<Stack>, kind: Kind) -> Res<[Arc<Socket>; 2]> {
        let readiness = [0, 1].map(|_| Arc::new(Readiness::new()));
        let make =
            |state, end: usize| Self::with_state(stack, Family::Unix, kind, state, readiness[end].clone());
        if kind == Kind::Stream {
            let [a, b] = local::pair(readiness.clone(), None);
            let state =
                |stream: Arc<local::LocalStream>| State::Stream { stream, flow: None, reported: true };
            return Ok([make(state(a), 0), make(state(b), 1)]);
        }
        let limit = Options::default().receive_buffer as usize;
        let queues = [0, 1].map(|end: usize| Arc::new(Datagrams::new(limit, readiness[end].clone())));
        Ok([0, 1].map(|end: usize| {
            let queue = Some(Arc::downgrade(&queues[1 - end]));
            let peer = Some(Peer { address: Address::Unix(UnixName::Unnamed), queue });
            make(State::Datagram { queue: queues[end].clone(), peer }, end)
        }))
    }

    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn stream(&self) -> Option<Arc<dyn Stream>> {
        match &*self.state.lock() {
            State::Stream { stream, .. } => Some(stream.clone()),
            _ => None,
        }
    }

    fn datagrams(&self) -> Option<(Arc<Datagrams>, Option<Peer>)> {
        match &*self.state.lock() {
            State::Datagram { queue, peer } => Some((queue.clone(), peer.clone())),
            _ => None,
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
            _ => Err(Errno::EAFNOSUPPORT.into()),
        }
    }

    fn show(&self, address: SocketAddr) -> Address {
        Address::Inet(if self.family == Family::Inet6 { as_v6(address) } else { address })
    }

    fn any(&self) -> IpAddr {
        if self.family == Family::Inet6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
    }

    /// bind(2)
    pub fn bind(&self, address: &Address) -> Res<()> {
        if self.family == Family::Unix {
            let Address::Unix(name) = address else { return Err(Errno::EINVAL.into()) };
            return self.bind_unix(name);
        }
        let at = self.inet(address)?;
        if !self.stack.is_own(at.ip()) {
            return Err(Errno::EADDRNOTAVAIL.into());
        }
        self.bind_inet(at)
    }

    fn bind_inet(&self, at: SocketAddr) -> Res<()> {
        if self.bound.lock().is_some() {
            return Err(Errno::EINVAL.into());
        }
        let (options, random) = (self.bind_options(), self.stack.random_u64());
        let port = if self.kind == Kind::Stream {
            self.stack.tcp_ports.lock().bind(self.id, at, options, random)?
        } else {
            let mut ports = self.stack.udp_ports.lock();
            let port = ports.bind(self.id, at, options, random)?;
            if let Some((queue, _)) = self.datagrams()
                && let Err(error) = ports.answer(self.id, port, queue)
                && !(options.reuse_address || options.reuse_port)
            {
                ports.release(self.id, port);
                return Err(error.into());
            }
            port
        };
        *self.bound.lock() = Some(SocketAddr::new(at.ip(), port));
        Ok(())
    }

    fn bind_unix(&self, name: &UnixName) -> Res<()> {
        if *self.unix_name.lock() != UnixName::Unnamed {
            return Err(Errno::EINVAL.into());
        }
        let name = match name {
            // Autobind: five hexadecimal digits in the abstract namespace (unix(7)).
            UnixName::Unnamed => UnixName::Abstract(format!("{:05x}", self.id & 0xf_ffff).into_bytes()),
            name => name.clone(),
        };
        let target = match self.datagrams() {
            Some((queue, _)) => UnixTarget::Datagrams(Arc::downgrade(&queue)),
            None => UnixTarget::Nobody,
        };
        self.stack.unix_names.lock().bind(name.clone(), target)?;
        *self.unix_name.lock() = name;
        Ok(())
    }

    /// listen(2)
    pub fn listen(&self, backlog: usize) -> Res<()> {
        if self.kind != Kind::Stream {
            return Err(Errno::EOPNOTSUPP.into());
        }
        match &*self.state.lock() {
            State::Listening(listener) => {
                listener.set_backlog(backlog);
                return Ok(());
            }
            State::Fresh => {}
            _ => return Err(Errno::EINVAL.into()),
        }
        if self.family == Family::Unix {
            let name = self.unix_name.lock().clone();
            if name == UnixName::Unnamed {
                return Err(Errno::EINVAL.into());
            }
            let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
            let listener = Arc::new(Listener::new(nowhere, backlog, self.readiness.clone()));
            self.stack.unix_names.lock().answer(&name, UnixTarget::Listener(Arc::downgrade(&listener)));
            *self.state.lock() = State::Listening(listener);
            return Ok(());
        }
        if self.bound.lock().is_none() {
            self.bind_inet(SocketAddr::new(self.any(), 0))?;
        }
        let Some(local) = *self.bound.lock() else { return Err(Errno::EINVAL.into()) };
        let listener = Arc::new(Listener::new(local, backlog, self.readiness.clone()));
        self.stack.tcp_ports.lock().answer(self.id, local.port(), listener.clone())?;
        *self.state.lock() = State::Listening(listener);
        Ok(())
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

    /// accept(2)
    pub fn accept(&self, nonblock: bool) -> Res<Arc<Socket>> {
        let listener = match &*self.state.lock() {
            State::Listening(listener) => listener.clone(),
            _ if self.kind != Kind::Stream => return Err(Errno::EOPNOTSUPP.into()),
            _ => return Err(Errno::EINVAL.into()),
        };
        let timeout = self.options.lock().receive_timeout;
        let incoming = self.wait(nonblock, timeout, || {
            if listener.is_closed() { Some(Err(Errno::EINVAL.into())) } else { listener.pop().map(Ok) }
        })?;
        let Incoming { stream, readiness } = incoming;
        let options = *self.options.lock();
        if options.nodelay {
            stream.set_nodelay(true);
        }
        if options.keepalive {
            stream.set_keepalive(Some(options.keepalive_idle));
        }
        let state = State::Stream { stream, flow: None, reported: true };
        let socket = Self::with_state(&self.stack, self.family, self.kind, state, readiness);
        *socket.options.lock() = options;
        *socket.unix_name.lock() = self.unix_name.lock().clone();
        Ok(socket)
    }

    /// connect(2)
    pub fn connect(&self, address: &Address, nonblock: bool) -> Res<()> {
        if self.kind == Kind::Datagram {
            return self.connect_datagrams(address);
        }
        let pending = match &*self.state.lock() {
            State::Fresh => None,
            State::Stream { flow: Some(flow), reported: false, .. } => Some(flow.clone()),
            State::Stream { .. } => return Err(Errno::EISCONN.into()),
            State::Listening(_) | State::Datagram { .. } | State::Closed => return Err(Errno::EINVAL.into()),
        };
        if let Some(flow) = pending {
            return match flow.connected() {
                None if nonblock => Err(Errno::EALREADY.into()),
                _ => self.finish_connect(&flow),
            };
        }
        if self.family == Family::Unix {
            let Address::Unix(name) = address else { return Err(Errno::EINVAL.into()) };
            return self.connect_unix(name);
        }
        let mut to = self.inet(address)?;
        if to.ip().is_unspecified() {
            let loopback: IpAddr =
                if to.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
            to.set_ip(loopback);
        }
        if self.stack.is_own(to.ip()) {
            return self.connect_local(to);
        }
        let SocketAddr::V4(remote) = to else { return Err(Errno::ENETUNREACH.into()) };
        let bound = *self.bound.lock();
        let source = match bound.map(|b| b.ip()) {
            Some(IpAddr::V4(own)) if !own.is_unspecified() && !own.is_loopback() => own,
            _ => self.stack.source_for(*remote.ip())?,
        };
        let port = bound.map_or(0, |b| b.port());
        let flow = self.stack.connect(source, port, remote, self.readiness.clone())?;
        let options = *self.options.lock();
        flow.set_nodelay(options.nodelay);
        if options.keepalive {
            flow.set_keepalive(Some(options.keepalive_idle));
        }
        *self.state.lock() =
            State::Stream { stream: flow.clone(), flow: Some(flow.clone()), reported: false };
        if let Err(error) = flow.start() {
            self.stack.remove_flow(&flow.key);
            *self.state.lock() = State::Fresh;
            return Err(error.into());
        }
        if nonblock {
            return Err(Errno::EINPROGRESS.into());
        }
        self.finish_connect(&flow)
    }

    /// Waits for the handshake and tells its outcome once.
    fn finish_connect(&self, flow: &Arc<Flow>) -> Res<()> {
        let timeout = self.options.lock().send_timeout;
        let outcome = self.wait(false, timeout, || flow.connected());
        let mut state = self.state.lock();
        match (&outcome, &mut *state) {
            (Ok(()), State::Stream { reported, .. }) => *reported = true,
            (Err(Fail::Errno(errno)), _) if *errno != Errno::EAGAIN => {
                *state = State::Fresh;
                drop(state);
                flow.close(true);
            }
            (Err(Fail::Errno(_)), _) => return Err(Errno::EINPROGRESS.into()),
            _ => {}
        }
        outcome
    }

    fn connect_local(&self, to: SocketAddr) -> Res<()> {
        let listener = self.stack.tcp_ports.lock().find(to, self.id).ok_or(Errno::ECONNREFUSED)?;
        if self.bound.lock().is_none() {
            self.bind_inet(SocketAddr::new(to.ip(), 0))?;
        }
        let port = self.bound.lock().map_or(0, |b| b.port());
        let own = SocketAddr::new(to.ip(), port);
        self.join(&listener, Some([own, to]))
    }

    fn connect_unix(&self, name: &UnixName) -> Res<()> {
        let target = self.stack.unix_names.lock().find(name);
        let listener = match target {
            Some(UnixTarget::Listener(listener)) => listener.upgrade().ok_or(Errno::ECONNREFUSED)?,
            Some(UnixTarget::Datagrams(_)) => return Err(Errno::EPROTOTYPE.into()),
            Some(UnixTarget::Nobody) => return Err(Errno::ECONNREFUSED.into()),
            None if matches!(name, UnixName::Path(_)) => return Err(Errno::ENOENT.into()),
            None => return Err(Errno::ECONNREFUSED.into()),
        };
        self.join(&listener, None)
    }

    fn join(&self, listener: &Listener, addresses: Option<[SocketAddr; 2]>) -> Res<()> {
        let theirs = Arc::new(Readiness::new());
        let [mine, other] = local::pair([self.readiness.clone(), theirs.clone()], addresses);
        *self.state.lock() = State::Stream { stream: mine, flow: None, reported: true };
        if listener.push(Incoming { stream: other, readiness: theirs }).is_err() {
            *self.state.lock() = State::Fresh;
            return Err(Errno::ECONNREFUSED.into());
        }
        self.readiness.changed(Events::OUT | Events::WRNORM);
        Ok(())
    }

    fn connect_datagrams(&self, address: &Address) -> Res<()> {
        let peer = match address {
            Address::Unspec => None,
            Address::Unix(name) if self.family == Family::Unix => {
                let target = self.stack.unix_names.lock().find(name);
                let Some(UnixTarget::Datagrams(queue)) = target else {
                    return Err(Errno::ECONNREFUSED.into());
                };
                Some(Peer { address: address.clone(), queue: Some(queue) })
            }
            _ => {
                let to = self.inet(address)?;
                if self.bound.lock().is_none() {
                    let own = match to.ip() {
                        ip if self.stack.is_own(ip) => ip,
                        IpAddr::V4(ip) => IpAddr::V4(self.stack.source_for(ip)?),
                        IpAddr::V6(_) => return Err(Errno::ENETUNREACH.into()),
                    };
                    self.bind_inet(SocketAddr::new(own, 0))?;
                }
                Some(Peer { address: Address::Inet(to), queue: None })
            }
        };
        if let State::Datagram { queue, peer: slot } = &mut *self.state.lock() {
            if self.family != Family::Unix {
                queue.connect(peer.as_ref().map(|p| p.address.clone()));
            }
            *slot = peer;
        }
        Ok(())
    }

    /// send(2), sendto(2): EPIPE is for the caller to turn into SIGPIPE.
    pub fn send(&self, from: &mut dyn Source, to: Option<&Address>, flags: MessageFlags) -> Res<usize> {
        if let Some((_, peer)) = self.datagrams() {
            return self.send_datagram(from, to, peer, flags);
        }
        let Some(stream) = self.stream() else {
            let refused =
                if matches!(*self.state.lock(), State::Fresh) { Errno::EPIPE } else { Errno::ENOTCONN };
            return Err(refused.into());
        };
        let timeout = self.options.lock().send_timeout;
        let mut sent = 0;
        loop {
            match self.wait(flags.nonblock, timeout, || stream.try_send(from)) {
                Ok(n) => sent += n,
                Err(_) if sent > 0 => return Ok(sent),
                Err(error) => return Err(error),
            }
            if from.remaining() == 0 || from.faulted() {
                return Ok(sent);
            }
        }
    }

    fn send_datagram(
        &self,
        from: &mut dyn Source,
        to: Option<&Address>,
        peer: Option<Peer>,
        flags: MessageFlags,
    ) -> Res<usize> {
        let len = from.remaining();
        if len > DATAGRAM_MAX {
            return Err(Errno::EMSGSIZE.into());
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| Errno::ENOBUFS)?;
        bytes.resize(len, 0);
        if from.take(&mut bytes) < len {
            // The page is faulted in and the call made again, whole.
            return Ok(0);
        }
        if self.family == Family::Unix {
            let queue = match (to, &peer) {
                (Some(Address::Unix(name)), _) => match self.stack.unix_names.lock().find(name) {
                    Some(UnixTarget::Datagrams(queue)) => queue,
                    Some(_) => return Err(Errno::EPROTOTYPE.into()),
                    None => return Err(Errno::ENOENT.into()),
                },
                (Some(_), _) => return Err(Errno::EINVAL.into()),
                (None, Some(Peer { queue: Some(queue), .. })) => queue.clone(),
                (None, _) => return Err(Errno::ENOTCONN.into()),
            };
            let gone = if self.kind == Kind::SeqPacket { Errno::EPIPE } else { Errno::ECONNREFUSED };
            let queue = queue.upgrade().ok_or(gone)?;
            let from = Address::Unix(self.unix_name.lock().clone());
            // A full queue: the sender polls for room, as there is no wake from the reader yet.
            return if queue.push(Datagram { from, bytes }) { Ok(len) } else { Err(Errno::EAGAIN.into()) };
        }
        let _ = flags;
        let to = match (to, &peer) {
            (Some(address), _) => self.inet(address)?,
            (None, Some(Peer { address: Address::Inet(address), .. })) => *address,
            (None, _) => return Err(Errno::EDESTADDRREQ.into()),
        };
        if to.port() == 0 {
            return Err(Errno::EINVAL.into());
        }
        if self.bound.lock().is_none() {
            self.bind_inet(SocketAddr::new(self.any(), 0))?;
        }
        let Some(own) = *self.bound.lock() else { return Err(Errno::EINVAL.into()) };
        if self.stack.is_own(to.ip()) {
            let ip = if own.ip().is_unspecified() { to.ip() } else { own.ip() };
            let target = self.stack.udp_ports.lock().find(to, u64::from(own.port()));
            if let Some(target) = target {
                target.push(Datagram { from: Address::Inet(SocketAddr::new(ip, own.port())), bytes });
            } else if peer.is_some() {
                return Err(Errno::ECONNREFUSED.into());
            }
            return Ok(len);
        }
        let SocketAddr::V4(remote) = to else { return Err(Errno::ENETUNREACH.into()) };
        if remote.ip().is_broadcast() && !self.options.lock().broadcast {
            return Err(Errno::EACCES.into());
        }
        let source = match own.ip() {
            IpAddr::V4(ip) if !ip.is_unspecified() && !ip.is_loopback() => ip,
            _ => self.stack.source_for(*remote.ip())?,
        };
        self.stack.send_udp(SocketAddrV4::new(source, own.port()), remote, &bytes)?;
        Ok(len)
    }

    /// recv(2), recvfrom(2)
    pub fn recv(&self, to: &mut dyn Sink, flags: MessageFlags) -> Res<Received> {
        let timeout = self.options.lock().receive_timeout;
        if let Some((queue, peer)) = self.datagrams() {
            return self.wait(flags.nonblock, timeout, || {
                let received = queue.with_first(|datagram| {
                    let want = datagram.bytes.len().min(to.remaining());
                    let len = to.put(&datagram.bytes[..want]);
                    let from = Some(match &datagram.from {
                        Address::Inet(a) => self.show(*a),
                        other => other.clone(),
                    });
                    let done = !to.faulted();
                    let received = Received { len, full_len: datagram.bytes.len(), from };
                    (done && !flags.peek, received)
                });
                let hung_up = || {
                    let gone = |p: &Peer| p.queue.as_ref().is_some_and(|q| q.strong_count() == 0);
                    self.kind == Kind::SeqPacket && peer.as_ref().is_some_and(gone)
                };
                match received {
                    Some(received) => Some(Ok(received)),
                    None if hung_up() => Some(Ok(Received { len: 0, full_len: 0, from: None })),
                    None => None,
                }
            });
        }
        let stream = self.stream().ok_or(Errno::ENOTCONN)?;
        let mut len = 0;
        loop {
            match self.wait(flags.nonblock, timeout, || stream.try_recv(to, flags.peek)) {
                Ok(n) => {
                    len += n;
                    if !flags.wait_all || flags.peek || n == 0 || to.remaining() == 0 || to.faulted() {
                        break;
                    }
                }
                Err(_) if len > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Received { len, full_len: len, from: None })
    }

    /// shutdown(2)
    pub fn shutdown(&self, how: Shutdown) -> Res<()> {
        if let Some(stream) = self.stream() {
            stream.shutdown(how);
            return Ok(());
        }
        let listener = match &*self.state.lock() {
            State::Listening(listener) if how.read() => Some(listener.clone()),
            _ => None,
        };
        match listener {
            Some(listener) => listener.close(),
            None => return Err(Errno::ENOTCONN.into()),
        }
        Ok(())
    }

    /// getsockname(2)
    pub fn local(&self) -> Address {
        if self.family == Family::Unix {
            return Address::Unix(self.unix_name.lock().clone());
        }
        let of_stream = self.stream().and_then(|s| s.local());
        let any = SocketAddr::new(self.any(), 0);
        self.show(of_stream.or(*self.bound.lock()).unwrap_or(any))
    }

    /// getpeername(2): ENOTCONN without a peer.
    pub fn peer(&self) -> Res<Address> {
        if let Some((_, peer)) = self.datagrams() {
            return match peer {
                Some(Peer { address: Address::Inet(a), .. }) => Ok(self.show(a)),
                Some(peer) => Ok(peer.address),
                None => Err(Errno::ENOTCONN.into()),
            };
        }
        let stream = match &*self.state.lock() {
            State::Stream { stream, flow, reported }
                if *reported || flow.as_ref().is_none_or(|f| f.poll().contains(Events::OUT)) =>
            {
                stream.clone()
            }
            _ => return Err(Errno::ENOTCONN.into()),
        };
        Ok(stream.peer().map_or(Address::Unix(UnixName::Unnamed), |a| self.show(a)))
    }

    /// setsockopt(2)
    pub fn set_option(&self, level: i32, name: i32, value: &[u8]) -> Res<()> {
        let int = || options::int(value).ok_or(Errno::EINVAL);
        let mut options = self.options.lock();
        match (level, name) {
            (level::SOL_SOCKET, so::REUSEADDR) => options.reuse_address = int()? != 0,
            (level::SOL_SOCKET, so::REUSEPORT) => options.reuse_port = int()? != 0,
            (level::SOL_SOCKET, so::BROADCAST) => options.broadcast = int()? != 0,
            (level::SOL_SOCKET, so::RCVBUF) => {
                options.receive_buffer = (int()?.clamp(1152, 4 << 20) as u32).saturating_mul(2);
                if let Some((queue, _)) = self.datagrams() {
                    queue.set_limit(options.receive_buffer as usize);
                }
            }
            (level::SOL_SOCKET, so::SNDBUF) => {
                options.send_buffer = (int()?.clamp(2304, 4 << 20) as u32).saturating_mul(2);
            }
            (level::SOL_SOCKET, so::LINGER) => {
                let seconds = options::int(value.get(4..).unwrap_or(&[])).ok_or(Errno::EINVAL)?;
                options.linger = (int()? != 0).then_some(seconds.max(0) as u32);
            }
            (level::SOL_SOCKET, so::RCVTIMEO) => {
                options.receive_timeout = options::timeval(value).ok_or(Errno::EDOM)?;
            }
            (level::SOL_SOCKET, so::SNDTIMEO) => {
                options.send_timeout = options::timeval(value).ok_or(Errno::EDOM)?;
            }
            (level::SOL_SOCKET, so::KEEPALIVE) => {
                options.keepalive = int()? != 0;
                let idle = options.keepalive.then_some(options.keepalive_idle);
                drop(options);
                if let Some(stream) = self.stream() {
                    stream.set_keepalive(idle);
                }
            }
            (level::IPPROTO_TCP, tcp::KEEPIDLE) if self.kind == Kind::Stream => {
                let seconds = u64::try_from(int()?).ok().filter(|s| (1..=32767).contains(s));
                options.keepalive_idle = Duration::from_secs(seconds.ok_or(Errno::EINVAL)?);
            }
            (level::IPPROTO_TCP, tcp::NODELAY) if self.kind == Kind::Stream => {
                options.nodelay = int()? != 0;
                let on = options.nodelay;
                drop(options);
                if let Some(stream) = self.stream() {
                    stream.set_nodelay(on);
                }
            }
            (level::IPPROTO_IPV6, options::IPV6_V6ONLY) if self.family == Family::Inet6 => {
                if self.bound.lock().is_some() {
                    return Err(Errno::EINVAL.into());
                }
                options.v6only = int()? != 0;
            }
            _ => return Err(Errno::ENOPROTOOPT.into()),
        }
        Ok(())
    }

    /// getsockopt(2): writes the value to `out`, cut to its length; returns how long it is.
    pub fn get_option(&self, level: i32, name: i32, out: &mut [u8]) -> Res<usize> {
        let options = *self.options.lock();
        let flag = |on: bool| i32::from(on);
        let value: i32 = match (level, name) {
            (level::SOL_SOCKET, so::REUSEADDR) => flag(options.reuse_address),
            (level::SOL_SOCKET, so::REUSEPORT) => flag(options.reuse_port),
            (level::SOL_SOCKET, so::BROADCAST) => flag(options.broadcast),
            (level::SOL_SOCKET, so::KEEPALIVE) => flag(options.keepalive),
            (level::SOL_SOCKET, so::RCVBUF) => options.receive_buffer as i32,
            (level::SOL_SOCKET, so::SNDBUF) => options.send_buffer as i32,
            (level::SOL_SOCKET, so::TYPE) => match self.kind {
                Kind::Stream => 1,
                Kind::Datagram => 2,
                Kind::SeqPacket => 5,
            },
            (level::SOL_SOCKET, so::DOMAIN) => match self.family {
                Family::Unix => 1,
                Family::Inet => 2,
                Family::Inet6 => 10,
            },
            (level::SOL_SOCKET, so::PROTOCOL) => match (self.family, self.kind) {
                (Family::Unix, _) | (_, Kind::SeqPacket) => 0,
                (_, Kind::Stream) => 6,
                (_, Kind::Datagram) => 17,
            },
            (level::SOL_SOCKET, so::ERROR) => {
                self.stream().and_then(|s| s.take_error()).map_or(0, Errno::get)
            }
            (level::SOL_SOCKET, so::ACCEPTCONN) => flag(matches!(*self.state.lock(), State::Listening(_))),
            (level::SOL_SOCKET, so::RCVLOWAT | so::SNDLOWAT) => 1,
            (level::SOL_SOCKET, so::LINGER) => {
                let mut bytes = [0; 8];
                bytes[..4].copy_from_slice(&flag(options.linger.is_some()).to_ne_bytes());
                bytes[4..].copy_from_slice(&options.linger.unwrap_or(0).to_ne_bytes());
                return Ok(put(out, &bytes));
            }
            (level::SOL_SOCKET, so::RCVTIMEO) => {
                return Ok(put(out, &options::put_timeval(options.receive_timeout)));
            }
            (level::SOL_SOCKET, so::SNDTIMEO) => {
                return Ok(put(out, &options::put_timeval(options.send_timeout)));
            }
            (level::IPPROTO_TCP, tcp::NODELAY) if self.kind == Kind::Stream => flag(options.nodelay),
            (level::IPPROTO_TCP, tcp::MAXSEG) if self.kind == Kind::Stream => self.stack.mtu() as i32 - 40,
            (level::IPPROTO_TCP, tcp::KEEPIDLE) if self.kind == Kind::Stream => {
                options.keepalive_idle.as_secs() as i32
            }
            (level::IPPROTO_IPV6, options::IPV6_V6ONLY) if self.family == Family::Inet6 => {
                flag(options.v6only)
            }
            _ => return Err(Errno::ENOPROTOOPT.into()),
        };
        Ok(put(out, &value.to_ne_bytes()))
    }

    /// Whether this socket, bound, would take what is sent to `to`; for tests and /proc/net.
    pub fn takes(&self, to: SocketAddr) -> bool {
        let v6only = self.bind_options().v6only;
        self.bound.lock().is_some_and(|b| b.port() == to.port() && takes(b.ip(), v6only, to.ip()))
    }
}

fn put(out: &mut [u8], value: &[u8]) -> usize {
    let n = value.len().min(out.len());
    out[..n].copy_from_slice(&value[..n]);
    n
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
        self.send(from, None, MessageFlags { nonblock: io.nonblock, ..MessageFlags::default() })
    }

    fn poll(&self) -> Events {
        let stream = match &*self.state.lock() {
            State::Fresh => return Events::OUT | Events::WRNORM | Events::HUP,
            State::Closed => return Events::HUP,
            State::Listening(listener) => {
                return if listener.pending() { Events::IN | Events::RDNORM } else { Events::empty() };
            }
            State::Datagram { queue, .. } => {
                let room = Events::OUT | Events::WRNORM;
                return if queue.first_len().is_some() { room | Events::IN | Events::RDNORM } else { room };
            }
            State::Stream { stream, .. } => stream.clone(),
        };
        stream.poll()
    }

    fn whole(&self) -> bool {
        self.kind != Kind::Stream
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.readiness)
    }

    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        let value = match request {
            FIONREAD => match (self.stream(), self.datagrams()) {
                (Some(stream), _) => stream.readable_bytes(),
                (None, Some((queue, _))) => queue.first_len().unwrap_or(0),
                (None, None) => return Err(Errno::EINVAL.into()),
            },
            SIOCOUTQ => self.stream().map_or(0, |s| s.unsent_bytes()),
            _ => return Err(Errno::ENOTTY.into()),
        };
        arg.write(&(value.min(i32::MAX as usize) as i32).to_ne_bytes())?;
        Ok(0)
    }

    fn describe(&self) -> Vec<u8> {
        format!("socket:[{}]", self.id).into_bytes()
    }

    fn released(&self) {
        let state = core::mem::replace(&mut *self.state.lock(), State::Closed);
        match state {
            State::Stream { stream, .. } => stream.close(self.options.lock().linger == Some(0)),
            State::Listening(listener) => listener.close(),
            State::Fresh | State::Datagram { .. } | State::Closed => {}
        }
        if let Some(bound) = self.bound.lock().take() {
            if self.kind == Kind::Stream {
                self.stack.tcp_ports.lock().release(self.id, bound.port());
            } else {
                self.stack.udp_ports.lock().release(self.id, bound.port());
            }
        }
        let name = self.unix_name.lock().clone();
        // An accepted socket shows its listener's name and does not own it.
        let owns = self.stack.unix_names.lock().find(&name).is_some_and(|target| match target {
            UnixTarget::Listener(listener) => listener.upgrade().is_none_or(|l| l.is_closed()),
            UnixTarget::Datagrams(_) => self.kind != Kind::Stream,
            UnixTarget::Nobody => true,
        });
        if name != UnixName::Unnamed && owns {
            self.stack.unix_names.lock().release(&name);
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
