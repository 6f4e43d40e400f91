//! Socket addresses in the layout of bind(2) and its kin: `sockaddr_in`, `sockaddr_in6`, `sockaddr_un`.

use crate::interface::LINK_INDEX;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use osv_base::Errno;

/// AF_UNSPEC
pub const AF_UNSPEC: u16 = 0;
/// AF_UNIX
pub const AF_UNIX: u16 = 1;
/// AF_INET
pub const AF_INET: u16 = 2;
/// AF_INET6
pub const AF_INET6: u16 = 10;
/// AF_NETLINK
pub const AF_NETLINK: u16 = 16;

/// Name of a Unix socket (unix(7)).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum UnixName {
    /// Never bound.
    Unnamed,
    /// In the abstract namespace, without the leading NUL.
    Abstract(Vec<u8>),
    /// A path, without its NUL, and the device and number of the inode that bind(2) made or connect(2) found there.
    Path(Vec<u8>, Option<(u64, u64)>),
}

/// A socket address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// AF_UNSPEC: connect(2) with it dissolves the association.
    Unspec,
    /// AF_INET or AF_INET6.
    Inet(SocketAddr),
    /// AF_UNIX
    Unix(UnixName),
    /// AF_NETLINK: the number of a socket, 0 for the kernel's, and multicast groups.
    Netlink(u32, u32),
    /// Of another family, or too short for its own; with its length.
    Other(u16, usize),
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

impl Address {
    /// Reads an address. EINVAL when it has no family, or a path that is too long.
    pub fn parse(bytes: &[u8]) -> Result<Address, Errno> {
        if bytes.len() < 2 {
            return Err(Errno::EINVAL);
        }
        match u16::from_ne_bytes([bytes[0], bytes[1]]) {
            AF_UNSPEC => Ok(Address::Unspec),
            AF_INET if bytes.len() >= 16 => {
                let ip = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
                Ok(Address::Inet(SocketAddr::new(ip.into(), be16(bytes, 2))))
            }
            AF_INET6 if bytes.len() >= 24 => {
                let mut ip = [0; 16];
                ip.copy_from_slice(&bytes[8..24]);
                Ok(Address::Inet(SocketAddr::new(Ipv6Addr::from(ip).into(), be16(bytes, 2))))
            }
            AF_UNIX => {
                let path = &bytes[2..];
                if path.len() > 108 {
                    return Err(Errno::EINVAL);
                }
                Ok(Address::Unix(match path.first() {
                    None => UnixName::Unnamed,
                    Some(0) => UnixName::Abstract(path[1..].to_vec()),
                    Some(_) => {
                        let end = path.iter().position(|&b| b == 0).unwrap_or(path.len());
                        UnixName::Path(path[..end].to_vec(), None)
                    }
                }))
            }
            AF_NETLINK if bytes.len() >= 12 => {
                let word =
                    |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
                Ok(Address::Netlink(word(4), word(8)))
            }
            family => Ok(Address::Other(family, bytes.len())),
        }
    }

    /// Writes the address; returns its length.
    pub fn encode(&self, out: &mut [u8; 128]) -> usize {
        out.fill(0);
        match self {
            Address::Unspec | Address::Other(..) => 2,
            Address::Netlink(port, groups) => {
                out[..2].copy_from_slice(&AF_NETLINK.to_ne_bytes());
                out[4..8].copy_from_slice(&port.to_ne_bytes());
                out[8..12].copy_from_slice(&groups.to_ne_bytes());
                12
            }
            Address::Inet(SocketAddr::V4(address)) => {
                out[..2].copy_from_slice(&AF_INET.to_ne_bytes());
                out[2..4].copy_from_slice(&address.port().to_be_bytes());
                out[4..8].copy_from_slice(&address.ip().octets());
                16
            }
            Address::Inet(SocketAddr::V6(address)) => {
                out[..2].copy_from_slice(&AF_INET6.to_ne_bytes());
                out[2..4].copy_from_slice(&address.port().to_be_bytes());
                out[8..24].copy_from_slice(&address.ip().octets());
                // There is one link: its number is the scope of all that is local to a link (RFC 4007).
                let scope = if address.ip().is_unicast_link_local() { LINK_INDEX } else { 0 };
                out[24..28].copy_from_slice(&scope.to_ne_bytes());
                28
            }
            Address::Unix(name) => {
                out[..2].copy_from_slice(&AF_UNIX.to_ne_bytes());
                match name {
                    UnixName::Unnamed => 2,
                    UnixName::Abstract(bytes) => {
                        let n = bytes.len().min(107);
                        out[3..3 + n].copy_from_slice(&bytes[..n]);
                        3 + n
                    }
                    UnixName::Path(bytes, _) => {
                        let n = bytes.len().min(108);
                        out[2..2 + n].copy_from_slice(&bytes[..n]);
                        (3 + n).min(110)
                    }
                }
            }
        }
    }
}

/// An address as an AF_INET6 socket shows it: IPv4 is mapped (RFC 4291, 2.5.5.2).
pub fn as_v6(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => SocketAddr::V6(SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0)),
        v6 => v6,
    }
}

/// An address with IPv4 out of its mapping.
pub fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether a socket bound to `bound` takes what is sent to `to`. `::` takes IPv4 too unless `v6only`.
pub fn takes(bound: IpAddr, v6only: bool, to: IpAddr) -> bool {
    bound == to
        || match (bound, to) {
            (IpAddr::V4(any), IpAddr::V4(_)) => any.is_unspecified(),
            (IpAddr::V6(any), IpAddr::V6(_)) => any.is_unspecified(),
            (IpAddr::V6(any), IpAddr::V4(_)) => any.is_unspecified() && !v6only,
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
}
