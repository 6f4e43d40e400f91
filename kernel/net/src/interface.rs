//! The machine's interfaces as programs see them: `lo`, and `eth0` when there is a link. Read by netlink(7) and by the
//! ioctls of netdevice(7).

use crate::address::AF_INET;
use crate::stack::Stack;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use osv_base::{Errno, Res};
use osv_vfs::file::IoctlArg;

/// Flags of an interface (netdevice(7)).
pub mod flag {
    #![expect(missing_docs, reason = "the names of netdevice(7)")]
    pub const UP: u32 = 0x1;
    pub const BROADCAST: u32 = 0x2;
    pub const LOOPBACK: u32 = 0x8;
    pub const RUNNING: u32 = 0x40;
    pub const MULTICAST: u32 = 0x1000;
    pub const LOWER_UP: u32 = 0x10000;
}

/// The number of the interface on the link.
pub const LINK_INDEX: u32 = 2;

/// ARPHRD_ETHER
pub const HARDWARE_ETHER: u16 = 1;
/// ARPHRD_LOOPBACK
pub const HARDWARE_LOOPBACK: u16 = 772;

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// Bits of its network's prefix.
    pub prefix_len: u8,
    /// Reaches all on the link.
    pub broadcast: Option<Ipv4Addr>,
}

/// An interface.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its number, from 1 on.
    pub index: u32,
    /// Its name.
    pub name: &'static str,
    /// See [`flag`].
    pub flags: u32,
    /// ARPHRD_*
    pub hardware: u16,
    /// Hardware address.
    pub mac: [u8; 6],
    /// Largest IP packet.
    pub mtu: u32,
    /// Its addresses.
    pub addresses: Vec<InterfaceAddress>,
}

impl Interface {
    fn ipv4(&self) -> Option<(Ipv4Addr, &InterfaceAddress)> {
        self.addresses.iter().find_map(|a| match a.address {
            IpAddr::V4(address) => Some((address, a)),
            IpAddr::V6(_) => None,
        })
    }
}

impl Stack {
    /// What there is now.
    pub fn interfaces(&self) -> Vec<Interface> {
        let local = |address: IpAddr, prefix_len| InterfaceAddress { address, prefix_len, broadcast: None };
        let mut all = alloc::vec![Interface {
            index: 1,
            name: "lo",
            flags: flag::UP | flag::LOOPBACK | flag::RUNNING | flag::LOWER_UP,
            hardware: HARDWARE_LOOPBACK,
            mac: [0; 6],
            mtu: 65_536,
            addresses: alloc::vec![
                local(Ipv4Addr::LOCALHOST.into(), 8),
                local(Ipv6Addr::LOCALHOST.into(), 128),
            ],
        }];
        if let Some(mac) = self.mac() {
            let four = self.config().map(|config| InterfaceAddress {
                address: config.address.into(),
                prefix_len: config.prefix_len,
                broadcast: config.broadcast(),
            });
            let six = self.addresses6();
            let six = six.iter().map(|own| local(own.address.into(), own.prefix_len));
            all.push(Interface {
                index: LINK_INDEX,
                name: "eth0",
                flags: flag::UP | flag::BROADCAST | flag::RUNNING | flag::MULTICAST | flag::LOWER_UP,
                hardware: HARDWARE_ETHER,
                mac,
                mtu: self.mtu() as u32,
                addresses: four.into_iter().chain(six).collect(),
            });
        }
        all
    }
}

const SIOCGIFNAME: u32 = 0x8910;
const SIOCGIFCONF: u32 = 0x8912;
const SIOCGIFFLAGS: u32 = 0x8913;
const SIOCSIFFLAGS: u32 = 0x8914;
const SIOCGIFADDR: u32 = 0x8915;
const SIOCGIFDSTADDR: u32 = 0x8917;
const SIOCGIFBRDADDR: u32 = 0x8919;
const SIOCGIFNETMASK: u32 = 0x891b;
const SIOCGIFMETRIC: u32 = 0x891d;
const SIOCGIFMTU: u32 = 0x8921;
const SIOCGIFHWADDR: u32 = 0x8927;
const SIOCGIFINDEX: u32 = 0x8933;
const SIOCGIFTXQLEN: u32 = 0x8942;

/// Flags that SIOCSIFFLAGS would change: IFF_UP, IFF_DEBUG, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI, IFF_MULTICAST.
const SETTABLE: u32 = 0x1 | 0x4 | 0x80 | 0x100 | 0x200 | 0x1000;

/// Bytes of `struct ifreq`, of its name, and of `struct ifconf`.
const IFREQ: usize = 40;
const IFNAMSIZ: usize = 16;
const IFCONF: usize = 16;

fn put_ipv4(request: &mut [u8; IFREQ], address: Ipv4Addr) {
    request[IFNAMSIZ..].fill(0);
    request[IFNAMSIZ..][..2].copy_from_slice(&AF_INET.to_ne_bytes());
    request[IFNAMSIZ + 4..][..4].copy_from_slice(&address.octets());
}

fn put_name(request: &mut [u8; IFREQ], name: &str) {
    request[..IFNAMSIZ].fill(0);
    request[..name.len()].copy_from_slice(name.as_bytes());
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

/// The ioctls that ask about interfaces: ENOTTY for others, ENODEV for an interface that is not there.
pub fn ioctl(stack: &Stack, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
    let known = [
        SIOCGIFNAME,
        SIOCGIFFLAGS,
        SIOCSIFFLAGS,
        SIOCGIFADDR,
        SIOCGIFDSTADDR,
        SIOCGIFBRDADDR,
        SIOCGIFNETMASK,
        SIOCGIFMETRIC,
        SIOCGIFMTU,
        SIOCGIFHWADDR,
        SIOCGIFINDEX,
        SIOCGIFTXQLEN,
    ];
    if request == SIOCGIFCONF {
        return list(stack, arg);
    }
    if !known.contains(&request) {
        return Err(Errno::ENOTTY.into());
    }
    let mut ifreq = [0; IFREQ];
    arg.read(&mut ifreq)?;
    if request == SIOCSIFFLAGS && stack.who().uid != 0 {
        return Err(Errno::EPERM.into());
    }
    let all = stack.interfaces();
    if request == SIOCGIFNAME {
        let index = u32_at(&ifreq, IFNAMSIZ);
        let found = all.iter().find(|i| i.index == index).ok_or(Errno::ENODEV)?;
        put_name(&mut ifreq, found.name);
        arg.write(&ifreq)?;
        return Ok(0);
    }
    let end = ifreq[..IFNAMSIZ].iter().position(|&b| b == 0).unwrap_or(IFNAMSIZ);
    let found = all.iter().find(|i| i.name.as_bytes() == &ifreq[..end]).ok_or(Errno::ENODEV)?;
    let ipv4 = || found.ipv4().ok_or(Errno::EADDRNOTAVAIL);
    let mut number = |value: u32| ifreq[IFNAMSIZ..][..4].copy_from_slice(&value.to_ne_bytes());
    match request {
        SIOCGIFFLAGS => {
            let low = (found.flags & 0xffff) as u16;
            ifreq[IFNAMSIZ..][..2].copy_from_slice(&low.to_ne_bytes());
        }
        // They stay as they are; what asks for that has it.
        SIOCSIFFLAGS => {
            let same = u32_at(&ifreq, IFNAMSIZ) & SETTABLE == found.flags & SETTABLE;
            return if same { Ok(0) } else { Err(Errno::EOPNOTSUPP.into()) };
        }
        SIOCGIFINDEX => number(found.index),
        SIOCGIFMTU => number(found.mtu),
        SIOCGIFMETRIC => number(0),
        SIOCGIFTXQLEN => number(1000),
        SIOCGIFHWADDR => {
            ifreq[IFNAMSIZ..].fill(0);
            ifreq[IFNAMSIZ..][..2].copy_from_slice(&found.hardware.to_ne_bytes());
            ifreq[IFNAMSIZ + 2..][..6].copy_from_slice(&found.mac);
        }
        SIOCGIFADDR | SIOCGIFDSTADDR => put_ipv4(&mut ifreq, ipv4()?.0),
        SIOCGIFBRDADDR => put_ipv4(&mut ifreq, ipv4()?.1.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED)),
        _ => put_ipv4(&mut ifreq, Ipv4Addr::from(mask(ipv4()?.1.prefix_len))),
    }
    arg.write(&ifreq)?;
    Ok(0)
}

fn mask(prefix_len: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix_len.min(32))).unwrap_or(0)
}

/// SIOCGIFCONF: those with an IPv4 address, as many as there is room for; without a buffer, how much it takes.
fn list(stack: &Stack, arg: &mut dyn IoctlArg) -> Res<usize> {
    let mut ifconf = [0; IFCONF];
    arg.read(&mut ifconf)?;
    let room = u32_at(&ifconf, 0) as usize;
    let buffer = u64::from(u32_at(&ifconf, 8)) | u64::from(u32_at(&ifconf, 12)) << 32;
    let mut len = 0;
    for interface in stack.interfaces() {
        let Some((address, _)) = interface.ipv4() else { continue };
        if buffer != 0 {
            if len + IFREQ > room {
                break;
            }
            let mut ifreq = [0; IFREQ];
            put_name(&mut ifreq, interface.name);
            put_ipv4(&mut ifreq, address);
            arg.write_at(buffer.wrapping_add(len as u64), &ifreq)?;
        }
        len += IFREQ;
    }
    ifconf[..4].copy_from_slice(&(len as u32).to_ne_bytes());
    arg.write(&ifconf)?;
    Ok(0)
}
