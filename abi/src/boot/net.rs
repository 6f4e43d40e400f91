//! The configuration of the first network interface: `dhcp`, `none`, or
//! `ADDRESS/PREFIX[,gw=ADDRESS][,dns=ADDRESS]...`.

use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

/// How the first network interface gets its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Net {
    /// Loopback only.
    None,
    /// From the network.
    #[default]
    Dhcp,
    /// From here.
    Static(StaticNet),
}

/// Addresses that are given rather than asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticNet {
    /// The interface's own address.
    pub address: Ipv4Addr,
    /// Length of the network prefix, 0 to 32.
    pub prefix: u8,
    /// Default route.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
}

impl Net {
    pub(super) const EXPECTED: &str = "dhcp, none or ADDRESS/PREFIX[,gw=ADDRESS][,dns=ADDRESS]...";

    /// Reads what `Display` prints.
    pub fn parse(value: &[u8]) -> Option<Self> {
        match core::str::from_utf8(value).ok()? {
            "none" => Some(Self::None),
            "dhcp" => Some(Self::Dhcp),
            text => StaticNet::parse(text).map(Self::Static),
        }
    }
}

impl StaticNet {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let (address, prefix) = parts.next()?.split_once('/')?;
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        let mut net = Self { address: address.parse().ok()?, prefix, gateway: None, dns: Vec::new() };
        for part in parts {
            match part.split_once('=')? {
                ("gw", gateway) => net.gateway = Some(gateway.parse().ok()?),
                ("dns", server) => net.dns.push(server.parse().ok()?),
                _ => return None,
            }
        }
        Some(net)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Dhcp => f.write_str("dhcp"),
            Self::Static(net) => {
                write!(f, "{}/{}", net.address, net.prefix)?;
                net.gateway.iter().try_for_each(|gateway| write!(f, ",gw={gateway}"))?;
                net.dns.iter().try_for_each(|server| write!(f, ",dns={server}"))
            }
        }
    }
}
