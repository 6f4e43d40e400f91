//! Who holds which port and name: bound TCP ports, listeners, UDP sockets, Unix names.

use crate::address::{UnixName, takes};
use crate::datagram::Datagrams;
use crate::listener::Listener;
use crate::socket::Kind;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use osv_base::Errno;

/// Options of a socket that matter when it is bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct BindOptions {
    /// SO_REUSEADDR
    pub reuse_address: bool,
    /// SO_REUSEPORT
    pub reuse_port: bool,
    /// IPV6_V6ONLY
    pub v6only: bool,
}

struct Bound<T> {
    id: u64,
    address: IpAddr,
    options: BindOptions,
    target: Option<T>,
}

/// The bound ports of one protocol, with what answers there.
pub struct Ports<T> {
    by_port: BTreeMap<u16, Vec<Bound<T>>>,
}

/// First and last ephemeral port, as Linux's ip_local_port_range.
pub const EPHEMERAL: (u16, u16) = (32768, 60999);

impl<T: Clone> Ports<T> {
    /// Nothing bound.
    pub const fn new() -> Self {
        Ports { by_port: BTreeMap::new() }
    }

    fn conflicts(&self, at: SocketAddr, options: BindOptions) -> bool {
        let Some(bound) = self.by_port.get(&at.port()) else { return false };
        bound.iter().any(|other| {
            let overlap = takes(other.address, other.options.v6only, at.ip())
                || takes(at.ip(), options.v6only, other.address);
            let both_port = other.options.reuse_port && options.reuse_port;
            let both_address = other.options.reuse_address && options.reuse_address && other.target.is_none();
            overlap && !both_port && !both_address
        })
    }

    /// Binds socket `id` to `at`; port 0 picks an ephemeral one, starting at `random`. Returns the port.
    pub fn bind(&mut self, id: u64, at: SocketAddr, options: BindOptions, random: u64) -> Result<u16, Errno> {
        let port = if at.port() != 0 {
            if self.conflicts(at, options) {
                return Err(Errno::EADDRINUSE);
            }
            at.port()
        } else {
            let span = u64::from(EPHEMERAL.1 - EPHEMERAL.0) + 1;
            (0..span)
                .map(|i| EPHEMERAL.0 + ((random.wrapping_add(i)) % span) as u16)
                .find(|port| !self.by_port.contains_key(port))
                .ok_or(Errno::EADDRINUSE)?
        };
        self.by_port.entry(port).or_default().push(Bound { id, address: at.ip(), options, target: None });
        Ok(port)
    }

    /// Whether a port is taken by anyone.
    pub fn is_taken(&self, port: u16) -> bool {
        self.by_port.contains_key(&port)
    }

    /// Says what answers at the port that socket `id` holds. EADDRINUSE when another listens there already.
    pub fn answer(&mut self, id: u64, port: u16, target: T) -> Result<(), Errno> {
        let Some(bound) = self.by_port.get_mut(&port) else { return Err(Errno::EINVAL) };
        let Some(mine) = bound.iter().position(|b| b.id == id) else { return Err(Errno::EINVAL) };
        let (address, options) = (bound[mine].address, bound[mine].options);
        let clash = bound.iter().any(|b| {
            b.id != id
                && b.target.is_some()
                && (takes(b.address, b.options.v6only, address) || takes(address, options.v6only, b.address))
                && !(b.options.reuse_port && options.reuse_port)
        });
        if clash {
            return Err(Errno::EADDRINUSE);
        }
        bound[mine].target = Some(target);
        Ok(())
    }

    /// Socket `id` gives its port back.
    pub fn release(&mut self, id: u64, port: u16) {
        if let Some(bound) = self.by_port.get_mut(&port) {
            bound.retain(|b| b.id != id);
            if bound.is_empty() {
                self.by_port.remove(&port);
            }
        }
    }

    /// What answers at `to`: the most exact binding; among several of SO_REUSEPORT the one that `spread` picks.
    pub fn find(&self, to: SocketAddr, spread: u64) -> Option<T> {
        let bound = self.by_port.get(&to.port())?;
        let exact: Vec<&Bound<T>> =
            bound.iter().filter(|b| b.target.is_some() && b.address == to.ip()).collect();
        let any = || {
            bound
                .iter()
                .filter(|b| b.target.is_some() && takes(b.address, b.options.v6only, to.ip()))
                .collect::<Vec<_>>()
        };
        let candidates = if exact.is_empty() { any() } else { exact };
        if candidates.is_empty() {
            return None;
        }
        candidates[(spread % candidates.len() as u64) as usize].target.clone()
    }
}

impl<T: Clone> Default for Ports<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a Unix name leads to.
#[derive(Clone)]
pub enum UnixTarget {
    /// A listening stream or seqpacket socket.
    Listener(Weak<Listener>, Kind),
    /// A datagram socket.
    Datagrams(Weak<Datagrams>),
    /// Bound, and not listening.
    Nobody(Kind),
}

/// What a Unix socket is found by: a name without a file, or the inode that bind(2) made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UnixKey {
    /// In the abstract namespace.
    Abstract(Vec<u8>),
    /// Device and number of an inode.
    Inode(u64, u64),
}

impl UnixKey {
    /// The key of a name; `None` for one that leads nowhere.
    pub fn of(name: &UnixName) -> Option<UnixKey> {
        match name {
            UnixName::Abstract(bytes) => Some(UnixKey::Abstract(bytes.clone())),
            UnixName::Path(_, Some((dev, ino))) => Some(UnixKey::Inode(*dev, *ino)),
            UnixName::Path(_, None) | UnixName::Unnamed => None,
        }
    }
}

/// The Unix sockets of the machine that have names.
#[derive(Default)]
pub struct UnixNames {
    names: BTreeMap<UnixKey, UnixTarget>,
}

impl UnixNames {
    /// Takes a name. EADDRINUSE when somebody has it.
    pub fn bind(&mut self, name: &UnixName, target: UnixTarget) -> Result<(), Errno> {
        let key = UnixKey::of(name).ok_or(Errno::EINVAL)?;
        if self.names.contains_key(&key) {
            return Err(Errno::EADDRINUSE);
        }
        self.names.insert(key, target);
        Ok(())
    }
    /// Changes what a name leads to.
    pub fn answer(&mut self, name: &UnixName, target: UnixTarget) {
        if let Some(entry) = UnixKey::of(name).and_then(|key| self.names.get_mut(&key)) {
            *entry = target;
        }
    }
    /// What it leads to.
    pub fn find(&self, name: &UnixName) -> Option<UnixTarget> {
        self.names.get(&UnixKey::of(name)?).cloned()
    }
    /// Gives a name back.
    pub fn release(&mut self, name: &UnixName) {
        if let Some(key) = UnixKey::of(name) {
            self.names.remove(&key);
        }
    }
}

/// A TCP port's listener.
pub type TcpPorts = Ports<Arc<Listener>>;
/// A UDP port's queue.
pub type UdpPorts = Ports<Arc<Datagrams>>;
