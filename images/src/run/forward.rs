//! Ports of this machine that lead into the guest.

use crate::error::{Error, Result};
use std::fmt;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::str::FromStr;

/// `[ADDRESS:]HOST:GUEST[/udp]`; without an address only this machine reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Where we listen.
    pub host: SocketAddrV4,
    /// Port in the guest.
    pub guest: u16,
    /// Whether it is UDP.
    pub udp: bool,
}

impl Forward {
    fn protocol(&self) -> &'static str {
        if self.udp { "udp" } else { "tcp" }
    }

    /// The port of a `-netdev user` option.
    pub(super) fn argument(&self) -> String {
        format!("hostfwd={}:{}-:{}", self.protocol(), self.host, self.guest)
    }

    /// An error when somebody listens there already.
    pub fn require_free(&self) -> Result<()> {
        let bound = if self.udp {
            UdpSocket::bind(self.host).map(drop)
        } else {
            TcpListener::bind(self.host).map(drop)
        };
        let Err(error) = bound else { return Ok(()) };
        let (port, protocol) = (self.host.port(), self.protocol());
        let help = match error.kind() {
            ErrorKind::AddrInUse => format!(
                "`ss -lnp sport = :{port}` shows who has it; or take another: -p {}:{}",
                port.wrapping_add(10_000).max(1024),
                self.guest
            ),
            ErrorKind::PermissionDenied => "ports below 1024 need root; take a higher one".into(),
            _ => error.to_string(),
        };
        Err(Error::PortTaken { port: format!("{}/{protocol}", self.host), help })
    }
}

impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let expected = || format!("{text}: expected [ADDRESS:]HOST:GUEST[/udp], such as 8080:80");
        let (ports, udp) = match text.rsplit_once('/') {
            Some((ports, "udp")) => (ports, true),
            Some((ports, "tcp")) => (ports, false),
            Some(_) => return Err(expected()),
            None => (text, false),
        };
        let parts: Vec<_> = ports.split(':').collect();
        let (address, host, guest) = match parts[..] {
            [host, guest] => (Ipv4Addr::LOCALHOST, host, guest),
            [address, host, guest] => (address.parse().map_err(|_| expected())?, host, guest),
            _ => return Err(expected()),
        };
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(expected);
        Ok(Self { host: SocketAddrV4::new(address, port(host)?), guest: port(guest)?, udp })
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.host, self.guest, self.protocol())
    }
}
