//! rtnetlink(7), as far as it is read: links, addresses, routes. Each request is answered at once, into the queue of
//! the socket that sent it; nothing is changed by it, and no changes are announced.

use crate::address::{AF_INET, AF_INET6};
use crate::interface::{Interface, LINK_INDEX};
use crate::stack::Stack;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};
use osv_base::Errno;

const HEAD: usize = 16;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
/// The first type that is not for the protocol itself.
const NLMSG_MIN_TYPE: u16 = 16;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_MULTI: u16 = 2;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;

const IFLA_ADDRESS: u16 = 1;
const IFLA_BROADCAST: u16 = 2;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_TXQLEN: u16 = 13;
const IFLA_OPERSTATE: u16 = 16;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_BROADCAST: u16 = 4;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;
const RTA_TABLE: u16 = 15;

const SCOPE_UNIVERSE: u8 = 0;
const SCOPE_LINK: u8 = 253;
const SCOPE_HOST: u8 = 254;
const IFA_F_PERMANENT: u8 = 0x80;
const OPER_UNKNOWN: u8 = 0;
const OPER_UP: u8 = 6;
const TABLE_MAIN: u8 = 254;
const PROTOCOL_KERNEL: u8 = 2;
const PROTOCOL_BOOT: u8 = 3;
const PROTOCOL_RA: u8 = 9;
const UNICAST: u8 = 1;

/// The head of a request.
#[derive(Clone, Copy)]
struct Head {
    len: usize,
    kind: u16,
    flags: u16,
    seq: u32,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Head> {
        let len = u32_at(bytes, 0) as usize;
        let fits = bytes.len() >= HEAD && len >= HEAD && len <= bytes.len();
        fits.then(|| Head { len, kind: u16_at(bytes, 4), flags: u16_at(bytes, 6), seq: u32_at(bytes, 8) })
    }
}

/// Makes messages for one socket in answer to one request.
struct Answer {
    seq: u32,
    port: u32,
    flags: u16,
    bytes: Vec<u8>,
}

impl Answer {
    /// Adds a message whose fixed part is `body`, and what `attributes` adds to it.
    fn message(&mut self, kind: u16, body: &[u8], attributes: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(self.flags.to_ne_bytes());
        self.bytes.extend(self.seq.to_ne_bytes());
        self.bytes.extend(self.port.to_ne_bytes());
        self.bytes.extend(body);
        pad(&mut self.bytes);
        attributes(&mut self.bytes);
        let len = (self.bytes.len() - start) as u32;
        self.bytes[start..start + 4].copy_from_slice(&len.to_ne_bytes());
    }

    fn error(&mut self, errno: i32, request: &[u8]) {
        self.flags = 0;
        let mut body = Vec::from((-errno).to_ne_bytes());
        // The whole request comes back with an error, its head alone with an acknowledgement.
        body.extend(if errno == 0 { &request[..HEAD] } else { request });
        self.message(NLMSG_ERROR, &body, |_| {});
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    to.extend((4 + value.len() as u16).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    pad(to);
}

fn name(to: &mut Vec<u8>, kind: u16, name: &str) {
    let mut value = Vec::from(name.as_bytes());
    value.push(0);
    attribute(to, kind, &value);
}

fn address(to: &mut Vec<u8>, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(address) => attribute(to, kind, &address.octets()),
        IpAddr::V6(address) => attribute(to, kind, &address.octets()),
    }
}

/// The answers to what the socket with the number `port` sent, one datagram each.
pub fn answer(stack: &Stack, request: &[u8], port: u32) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    let mut rest = request;
    while let Some(head) = Head::parse(rest) {
        let (message, behind) = rest.split_at(head.len);
        rest = behind.get(head.len.next_multiple_of(4) - head.len..).unwrap_or(&[]);
        if head.flags & NLM_F_REQUEST == 0 || head.kind < NLMSG_MIN_TYPE {
            continue;
        }
        answers.extend(answer_one(stack, head, message, port));
    }
    answers
}

fn answer_one(stack: &Stack, head: Head, message: &[u8], port: u32) -> Vec<Vec<u8>> {
    let dump = head.flags & NLM_F_DUMP != 0;
    let flags = if dump { NLM_F_MULTI } else { 0 };
    let mut answer = Answer { seq: head.seq, port, flags, bytes: Vec::new() };
    let family = u16::from(message.get(HEAD).copied().unwrap_or(0));
    let done = match head.kind {
        RTM_GETLINK if dump => {
            stack.interfaces().iter().for_each(|interface| link(&mut answer, interface));
            Ok(())
        }
        RTM_GETLINK => one_link(stack, &mut answer, message),
        RTM_GETADDR if dump => {
            // One family after the other, as Linux lists them.
            let all = stack.interfaces();
            for listed in [AF_INET, AF_INET6].into_iter().filter(|f| family == 0 || family == *f) {
                all.iter().for_each(|interface| addresses(&mut answer, interface, listed));
            }
            Ok(())
        }
        RTM_GETROUTE if dump => {
            routes(stack, &mut answer, family);
            Ok(())
        }
        _ => Err(Errno::EOPNOTSUPP),
    };
    let body = core::mem::take(&mut answer.bytes);
    match done {
        Err(errno) => answer.error(errno.get(), message),
        Ok(()) if dump => answer.message(NLMSG_DONE, &0i32.to_ne_bytes(), |_| {}),
        Ok(()) if head.flags & NLM_F_ACK != 0 => answer.error(0, message),
        Ok(()) => {}
    }
    [body, answer.bytes].into_iter().filter(|bytes| !bytes.is_empty()).collect()
}

/// RTM_GETLINK of one, by number or by name.
fn one_link(stack: &Stack, answer: &mut Answer, message: &[u8]) -> Result<(), Errno> {
    const FIXED: usize = 16;
    let index = u32_at(message, HEAD + 4);
    let mut wanted: Option<&[u8]> = None;
    let mut rest = message.get(HEAD + FIXED..).unwrap_or(&[]);
    while rest.len() >= 4 {
        let len = usize::from(u16_at(rest, 0));
        let Some(value) = rest.get(4..len) else { break };
        if u16_at(rest, 2) == IFLA_IFNAME {
            wanted = value.split(|&b| b == 0).next();
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
    }
    let all = stack.interfaces();
    let is_wanted = |interface: &&Interface| match wanted {
        Some(name) if index == 0 => interface.name.as_bytes() == name,
        _ => interface.index == index,
    };
    link(answer, all.iter().find(is_wanted).ok_or(Errno::ENODEV)?);
    Ok(())
}

fn link(answer: &mut Answer, interface: &Interface) {
    let mut body = alloc::vec![0, 0];
    body.extend(interface.hardware.to_ne_bytes());
    body.extend(interface.index.to_ne_bytes());
    body.extend(interface.flags.to_ne_bytes());
    body.extend(0u32.to_ne_bytes());
    let loopback = interface.index == 1;
    answer.message(RTM_NEWLINK, &body, |to| {
        name(to, IFLA_IFNAME, interface.name);
        attribute(to, IFLA_TXQLEN, &1000u32.to_ne_bytes());
        attribute(to, IFLA_OPERSTATE, &[if loopback { OPER_UNKNOWN } else { OPER_UP }]);
        attribute(to, IFLA_MTU, &interface.mtu.to_ne_bytes());
        attribute(to, IFLA_ADDRESS, &interface.mac);
        attribute(to, IFLA_BROADCAST, &[if loopback { 0 } else { 0xff }; 6]);
    });
}

fn family_of(address: IpAddr) -> u16 {
    if address.is_ipv4() { AF_INET } else { AF_INET6 }
}

fn addresses(answer: &mut Answer, interface: &Interface, family: u16) {
    for own in interface.addresses.iter().filter(|a| family == family_of(a.address)) {
        let scope = match own.address {
            address if address.is_loopback() => SCOPE_HOST,
            IpAddr::V6(address) if address.is_unicast_link_local() => SCOPE_LINK,
            _ => SCOPE_UNIVERSE,
        };
        let mut body = alloc::vec![family_of(own.address) as u8, own.prefix_len, IFA_F_PERMANENT, scope];
        body.extend(interface.index.to_ne_bytes());
        answer.message(RTM_NEWADDR, &body, |to| {
            address(to, IFA_ADDRESS, own.address);
            if own.address.is_ipv4() {
                address(to, IFA_LOCAL, own.address);
                name(to, IFA_LABEL, interface.name);
            }
            if let Some(broadcast) = own.broadcast {
                address(to, IFA_BROADCAST, broadcast.into());
            }
        });
    }
}

/// A route over the link, and what tells it from others.
fn route(answer: &mut Answer, head: [u8; 4], attributes: impl FnOnce(&mut Vec<u8>)) {
    let [family, dst_len, protocol, scope] = head;
    let body = [family, dst_len, 0, 0, TABLE_MAIN, protocol, scope, UNICAST, 0, 0, 0, 0];
    answer.message(RTM_NEWROUTE, &body, |to| {
        attribute(to, RTA_TABLE, &u32::from(TABLE_MAIN).to_ne_bytes());
        attributes(to);
        attribute(to, RTA_OIF, &LINK_INDEX.to_ne_bytes());
    });
}

fn routes(stack: &Stack, answer: &mut Answer, family: u16) {
    if let Some(config) = stack.config().filter(|_| family == 0 || family == AF_INET) {
        if let Some(gateway) = config.gateway {
            route(answer, [AF_INET as u8, 0, PROTOCOL_BOOT, SCOPE_UNIVERSE], |to| {
                address(to, RTA_GATEWAY, gateway.into());
            });
        }
        route(answer, [AF_INET as u8, config.prefix_len, PROTOCOL_KERNEL, SCOPE_LINK], |to| {
            address(to, RTA_DST, config.network().into());
            address(to, RTA_PREFSRC, config.address.into());
        });
    }
    if family == 0 || family == AF_INET6 {
        for own in stack.addresses6() {
            let network =
                u128::from(own.address) & u128::MAX.checked_shl(128 - u32::from(own.prefix_len)).unwrap_or(0);
            route(answer, [AF_INET6 as u8, own.prefix_len, PROTOCOL_KERNEL, SCOPE_UNIVERSE], |to| {
                address(to, RTA_DST, Ipv6Addr::from(network).into());
            });
        }
        if let Some(router) = stack.router6() {
            route(answer, [AF_INET6 as u8, 0, PROTOCOL_RA, SCOPE_UNIVERSE], |to| {
                address(to, RTA_GATEWAY, router.into());
            });
        }
    }
}

#[cfg(test)]
mod tests;
