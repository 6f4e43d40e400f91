//! bind(2), listen(2), getsockname(2), getpeername(2).

use super::{Family, Kind, Peer, Socket, State};
use crate::address::{Address, UnixName, takes};
use crate::listener::Listener;
use crate::namespace::UnixTarget;
use crate::stream::Stream;
use alloc::format;
use alloc::sync::Arc;
use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::Ordering;
use osv_base::{Errno, Res};
use osv_sync::Events;

/// Ports below this are for the privileged.
const FIRST_FREE_PORT: u16 = 1024;

impl Socket {
    /// bind(2). A Unix path comes with the inode that was made for it.
    pub fn bind(&self, address: &Address) -> Res<()> {
        if self.is_unix() {
            let Address::Unix(name) = address else { return Err(Errno::EINVAL.into()) };
            return self.bind_unix(name);
        }
        if self.family == Family::Netlink {
            return self.bind_netlink(address);
        }
        let at = self.inet(address)?;
        if !self.stack.is_own(at.ip()) {
            return Err(Errno::EADDRNOTAVAIL.into());
        }
        if (1..FIRST_FREE_PORT).contains(&at.port()) && self.stack.who().uid != 0 {
            return Err(Errno::EACCES.into());
        }
        self.bind_inet(at)
    }

    /// The application may choose a number, and share it: nothing but its own requests is answered.
    fn bind_netlink(&self, address: &Address) -> Res<()> {
        let Address::Netlink(port, _) = address else { return Err(Errno::EINVAL.into()) };
        let own = if *port == 0 { self.netlink_port() } else { *port };
        match self.port_id.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed) {
            Err(before) if before != own => Err(Errno::EINVAL.into()),
            _ => Ok(()),
        }
    }

    /// The number of a netlink socket, from now on at the latest.
    pub(super) fn netlink_port(&self) -> u32 {
        // Numbers that Linux gives to the second and later sockets of a process.
        let fresh = 0x8000_0000 | self.id as u32;
        match self.port_id.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(own) => own,
        }
    }

    pub(super) fn bind_inet(&self, at: SocketAddr) -> Res<()> {
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
            None => UnixTarget::Nobody(self.kind),
        };
        self.stack.unix_names.lock().bind(&name, target)?;
        *self.unix_name.lock() = name;
        self.owns_name.store(true, Ordering::Release);
        Ok(())
    }

    /// listen(2)
    pub fn listen(&self, backlog: usize) -> Res<()> {
        if self.kind == Kind::Datagram {
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
        let who = self.stack.who();
        if self.is_unix() {
            let name = self.unix_name.lock().clone();
            if name == UnixName::Unnamed {
                return Err(Errno::EINVAL.into());
            }
            let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
            let listener = Arc::new(Listener::new(nowhere, backlog, self.readiness.clone(), who));
            let target = UnixTarget::Listener(Arc::downgrade(&listener), self.kind);
            self.stack.unix_names.lock().answer(&name, target);
            *self.peer_creds.lock() = who;
            *self.state.lock() = State::Listening(listener);
            return Ok(());
        }
        if self.bound.lock().is_none() {
            self.bind_inet(SocketAddr::new(self.any(), 0))?;
        }
        let Some(local) = *self.bound.lock() else { return Err(Errno::EINVAL.into()) };
        let listener = Arc::new(Listener::new(local, backlog, self.readiness.clone(), who));
        self.stack.tcp_ports.lock().answer(self.id, local.port(), listener.clone())?;
        *self.state.lock() = State::Listening(listener);
        Ok(())
    }

    /// getsockname(2)
    pub fn local(&self) -> Address {
        if self.is_unix() {
            return Address::Unix(self.unix_name.lock().clone());
        }
        if self.family == Family::Netlink {
            return Address::Netlink(self.port_id.load(Ordering::Relaxed), 0);
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
        Ok(match stream.peer() {
            Some(address) => self.show(address),
            None => Address::Unix(self.peer_name.lock().clone()),
        })
    }

    /// Whether this socket, bound, would take what is sent to `to`; for tests and /proc/net.
    pub fn takes(&self, to: SocketAddr) -> bool {
        let v6only = self.bind_options().v6only;
        self.bound.lock().is_some_and(|b| b.port() == to.port() && takes(b.ip(), v6only, to.ip()))
    }
}
