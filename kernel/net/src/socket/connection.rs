//! connect(2) and accept(2).

use super::{Family, Kind, Peer, Socket, State};
use crate::address::{Address, UnixName};
use crate::datagram::Only;
use crate::flow::Flow;
use crate::listener::{Incoming, Listener};
use crate::local;
use crate::namespace::UnixTarget;
use crate::stream::Stream;
use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use osv_base::{Errno, Fail, Res};
use osv_sync::{Events, Readiness, Wait};

/// Connections within the machine that a full queue takes all the same, from sockets that do not wait: on a network
/// their handshakes would be under way.
const BEYOND_BACKLOG: usize = 128;

impl Socket {
    /// accept(2)
    pub fn accept(&self, nonblock: bool) -> Res<Arc<Socket>> {
        let listener = match &*self.state.lock() {
            State::Listening(listener) => listener.clone(),
            _ if self.kind == Kind::Datagram => return Err(Errno::EOPNOTSUPP.into()),
            _ => return Err(Errno::EINVAL.into()),
        };
        let timeout = self.options.lock().receive_timeout;
        let incoming = self.wait(nonblock, timeout, || {
            if listener.is_closed() { Some(Err(Errno::EINVAL.into())) } else { listener.pop().map(Ok) }
        })?;
        let Incoming { stream, readiness, from } = incoming;
        let options = *self.options.lock();
        if options.nodelay {
            stream.set_nodelay(true);
        }
        stream.set_cork(options.cork);
        stream.tune(&options.tuning);
        if options.pass_creds {
            stream.set_pass_creds(true);
        }
        let state = State::Stream { stream, flow: None, reported: true };
        let id = self.stack.new_id();
        let socket = Self::with_state(&self.stack, self.family, self.kind, id, state, readiness);
        *socket.options.lock() = options;
        *socket.unix_name.lock() = self.unix_name.lock().clone();
        if let Some((creds, name)) = from {
            *socket.peer_creds.lock() = creds;
            *socket.peer_name.lock() = name;
        }
        Ok(socket)
    }

    /// connect(2). A Unix path comes with the inode that was found there.
    pub fn connect(&self, address: &Address, nonblock: bool) -> Res<()> {
        if self.kind == Kind::Datagram {
            return self.connect_datagrams(address);
        }
        if *address == Address::Unspec && !self.is_unix() {
            return self.disconnect();
        }
        if self.is_unix() && !matches!(address, Address::Unix(_)) {
            return Err(Errno::EINVAL.into());
        }
        let pending = match &*self.state.lock() {
            State::Fresh => None,
            State::Stream { flow: Some(flow), reported: false, .. } => Some(flow.clone()),
            State::Stream { .. } => return Err(Errno::EISCONN.into()),
            State::Listening(_) if !self.is_unix() => return Err(Errno::EISCONN.into()),
            State::Listening(_) | State::Datagram { .. } | State::Closed => return Err(Errno::EINVAL.into()),
        };
        if let Some(flow) = pending {
            return match flow.connected() {
                None if nonblock => Err(Errno::EALREADY.into()),
                _ => self.finish_connect(&flow),
            };
        }
        if self.is_unix() {
            let Address::Unix(name) = address else { return Err(Errno::EINVAL.into()) };
            return self.connect_unix(name, nonblock);
        }
        let to = self.somewhere(self.inet(address)?);
        if self.stack.is_own(to.ip()) {
            return self.connect_local(to, nonblock);
        }
        let bound = *self.bound.lock();
        let source = self.source_for(to.ip(), bound.map(|b| b.ip()))?;
        let port = bound.map_or(0, |b| b.port());
        let flow = self.stack.connect(source, port, to, self.readiness.clone())?;
        let options = *self.options.lock();
        flow.set_nodelay(options.nodelay);
        flow.set_cork(options.cork);
        flow.tune(&options.tuning);
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

    /// The address to send from over the link: the one that was bound, if it is of the family.
    pub(super) fn source_for(&self, to: IpAddr, bound: Option<IpAddr>) -> Result<IpAddr, Errno> {
        match bound {
            Some(own) if own.is_ipv4() == to.is_ipv4() && !own.is_unspecified() && !own.is_loopback() => {
                Ok(own)
            }
            _ => self.stack.source_for(to),
        }
    }

    /// An address to send to: the unspecified one means this machine.
    pub(super) fn somewhere(&self, mut to: SocketAddr) -> SocketAddr {
        if to.ip().is_unspecified() {
            let v6 = to.is_ipv6();
            to.set_ip(if v6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() });
        }
        to
    }

    /// connect(2) with AF_UNSPEC: the connection is given up, and the socket may connect anew.
    fn disconnect(&self) -> Res<()> {
        let old = {
            let mut state = self.state.lock();
            match &*state {
                State::Stream { .. } => core::mem::replace(&mut *state, State::Fresh),
                _ => State::Fresh,
            }
        };
        if let State::Stream { stream, .. } = old {
            stream.close(true);
        }
        Ok(())
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

    fn connect_local(&self, to: SocketAddr, nonblock: bool) -> Res<()> {
        let listener = self.stack.tcp_ports.lock().find(to, self.id).ok_or(Errno::ECONNREFUSED)?;
        if self.bound.lock().is_none() {
            self.bind_inet(SocketAddr::new(to.ip(), 0))?;
        }
        let port = self.bound.lock().map_or(0, |b| b.port());
        let own = SocketAddr::new(to.ip(), port);
        let over = if nonblock { BEYOND_BACKLOG } else { 0 };
        self.join(&listener, Some([own, to]), nonblock, over).map_err(|fail| match fail {
            // A queue that stays full is as a host that does not answer.
            Fail::Errno(Errno::EAGAIN) if nonblock => Errno::ECONNREFUSED.into(),
            Fail::Errno(Errno::EAGAIN) => Errno::ETIMEDOUT.into(),
            other => other,
        })
    }

    fn connect_unix(&self, name: &UnixName, nonblock: bool) -> Res<()> {
        let target = self.stack.unix_names.lock().find(name);
        let listener = match target {
            Some(UnixTarget::Listener(_, kind) | UnixTarget::Nobody(kind)) if kind != self.kind => {
                return Err(Errno::EPROTOTYPE.into());
            }
            Some(UnixTarget::Listener(listener, _)) => listener.upgrade().ok_or(Errno::ECONNREFUSED)?,
            Some(UnixTarget::Datagrams(_)) => return Err(Errno::EPROTOTYPE.into()),
            Some(UnixTarget::Nobody(_)) => return Err(Errno::ECONNREFUSED.into()),
            None if *name == UnixName::Unnamed => return Err(Errno::EINVAL.into()),
            None if matches!(name, UnixName::Path(_, None)) => return Err(Errno::ENOENT.into()),
            None => return Err(Errno::ECONNREFUSED.into()),
        };
        self.join(&listener, None, nonblock, 0)?;
        *self.peer_creds.lock() = listener.creds;
        *self.peer_name.lock() = name.clone();
        Ok(())
    }

    /// Connects with a listener of this machine; waits for room in its queue. EAGAIN when there is none.
    fn join(
        &self,
        listener: &Listener,
        addresses: Option<[SocketAddr; 2]>,
        nonblock: bool,
        over: usize,
    ) -> Res<()> {
        let theirs = Arc::new(Readiness::new());
        let records = self.kind == Kind::SeqPacket;
        let [mine, other] = local::pair(
            [self.readiness.clone(), theirs.clone()],
            addresses.map(|addresses| (&self.stack, addresses)),
            records,
        );
        let options = *self.options.lock();
        mine.set_cork(options.cork);
        if options.pass_creds {
            mine.set_pass_creds(true);
        }
        let from = self.is_unix().then(|| (self.stack.who(), self.unix_name.lock().clone()));
        let mut incoming = Some(Incoming { stream: other, readiness: theirs, from });
        let mut attempt = || {
            let Err(back) = listener.push(incoming.take()?, over) else { return Some(Ok(())) };
            incoming = Some(back);
            listener.is_closed().then_some(Err(Fail::Errno(Errno::ECONNREFUSED)))
        };
        if nonblock {
            attempt().unwrap_or(Err(Errno::EAGAIN.into()))?;
        } else {
            let deadline = options.send_timeout.map(|t| self.stack.now() + t);
            let waited = listener.room.wait_until(Wait::until(deadline), attempt);
            waited.map_err(|error| error.or_timeout(Errno::EAGAIN))??;
        }
        *self.state.lock() = State::Stream { stream: mine, flow: None, reported: true };
        self.readiness.changed(Events::OUT | Events::WRNORM | Events::IN);
        Ok(())
    }

    fn connect_datagrams(&self, address: &Address) -> Res<()> {
        let (peer, only) = match address {
            Address::Unspec => (None, None),
            Address::Unix(name) if self.is_unix() => {
                let queue = self.unix_target(name)?;
                let only = Some(Only::Sender(queue.id));
                let weak = Some(Arc::downgrade(&queue));
                (Some(Peer { address: address.clone(), queue: weak }), only)
            }
            _ if self.is_unix() => return Err(Errno::EINVAL.into()),
            Address::Netlink(0, _) if self.family == Family::Netlink => {
                self.netlink_port();
                (Some(Peer { address: address.clone(), queue: None }), None)
            }
            _ if self.family == Family::Netlink => return Err(Errno::ECONNREFUSED.into()),
            _ => {
                let to = self.somewhere(self.inet(address)?);
                if self.bound.lock().is_none() {
                    let own = match to.ip() {
                        ip if self.stack.is_own(ip) => ip,
                        ip => self.stack.source_for(ip)?,
                    };
                    self.bind_inet(SocketAddr::new(own, 0))?;
                }
                let address = Address::Inet(to);
                (Some(Peer { address: address.clone(), queue: None }), Some(Only::From(address)))
            }
        };
        if let State::Datagram { queue, peer: slot, .. } = &mut *self.state.lock() {
            queue.connect(only);
            *slot = peer;
        }
        Ok(())
    }

    /// The datagram socket that a name leads to.
    pub(super) fn unix_target(&self, name: &UnixName) -> Res<Arc<crate::datagram::Datagrams>> {
        let target = self.stack.unix_names.lock().find(name);
        match target {
            Some(UnixTarget::Datagrams(queue)) => {
                Ok(queue.upgrade().filter(|q| !q.is_closed()).ok_or(Errno::ECONNREFUSED)?)
            }
            Some(_) => Err(Errno::EPROTOTYPE.into()),
            None if *name == UnixName::Unnamed => Err(Errno::EINVAL.into()),
            None if matches!(name, UnixName::Path(_, None)) => Err(Errno::ENOENT.into()),
            None => Err(Errno::ECONNREFUSED.into()),
        }
    }
}
