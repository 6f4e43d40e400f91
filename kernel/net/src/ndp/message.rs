//! The ICMPv6 messages of neighbour discovery (RFC 4861, 4), of multicast listeners (RFC 3810) and echo (RFC 4443).

use crate::host::{internet_checksum, ip_packet, pseudo_header_sum};
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use core::time::Duration;
use smoltcp::wire::IpProtocol;

pub(super) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub(super) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// RFC 3810, 5.2.14.
const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const LISTENER_REPORT_V2: u8 = 143;

const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
const PREFIX_INFORMATION: u8 = 3;
const RECURSIVE_DNS: u8 = 25;

const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;
const ON_LINK: u8 = 0x80;
const AUTONOMOUS: u8 = 0x40;

/// `None`: for ever.
pub(super) type Lifetime = Option<Duration>;

/// The group of all nodes whose address ends as `address` does (RFC 4291, 2.7.1).
pub(super) fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from(b) << 8 | u16::from(c))
}

/// Whether an ICMPv6 message's checksum is right.
pub fn verified(from: Ipv6Addr, to: Ipv6Addr, bytes: &[u8]) -> bool {
    let sum = pseudo_header_sum(from.into(), to.into(), IpProtocol::Icmpv6.into(), bytes.len());
    bytes.len() >= 4 && internet_checksum(sum, bytes) == 0
}

/// Sets the checksum of a message.
fn seal(from: Ipv6Addr, to: Ipv6Addr, bytes: &mut [u8]) {
    bytes[2..4].fill(0);
    let sum = pseudo_header_sum(from.into(), to.into(), IpProtocol::Icmpv6.into(), bytes.len());
    let sum = internet_checksum(sum, bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
}

fn packet((from, to): (Ipv6Addr, Ipv6Addr), hop_limit: u8, kind: u8, rest: &[&[u8]]) -> Vec<u8> {
    let mut body = alloc::vec![kind, 0, 0, 0];
    rest.iter().for_each(|part| body.extend_from_slice(part));
    seal(from, to, &mut body);
    ip_packet((from.into(), to.into()), IpProtocol::Icmpv6, hop_limit, body.len(), |out| {
        out.copy_from_slice(&body);
    })
}

/// A link-layer address option.
fn link_layer(kind: u8, mac: [u8; 6]) -> [u8; 8] {
    let [a, b, c, d, e, f] = mac;
    [kind, 1, a, b, c, d, e, f]
}

/// Asks where `target` is; from the unspecified address, whether anybody has it.
pub fn neighbour_solicitation(own: Ipv6Addr, target: Ipv6Addr, mac: [u8; 6]) -> Vec<u8> {
    let ends = (own, solicited_node(target));
    let option = link_layer(SOURCE_LINK_LAYER, mac);
    let option: &[u8] = if own.is_unspecified() { &[] } else { &option };
    packet(ends, 255, NEIGHBOUR_SOLICITATION, &[&[0; 4], &target.octets(), option])
}

pub(super) fn neighbour_advertisement(
    target: Ipv6Addr,
    to: Ipv6Addr,
    solicited: bool,
    mac: [u8; 6],
) -> Vec<u8> {
    let flags = if solicited { SOLICITED | OVERRIDE } else { OVERRIDE };
    let option = link_layer(TARGET_LINK_LAYER, mac);
    packet((target, to), 255, NEIGHBOUR_ADVERTISEMENT, &[&[flags, 0, 0, 0], &target.octets(), &option])
}

pub(super) fn router_solicitation(own: Ipv6Addr, mac: [u8; 6]) -> Vec<u8> {
    let option = link_layer(SOURCE_LINK_LAYER, mac);
    let option: &[u8] = if own.is_unspecified() { &[] } else { &option };
    packet((own, ALL_ROUTERS), 255, ROUTER_SOLICITATION, &[&[0; 4], option])
}

pub(super) fn echo_reply(ends: (Ipv6Addr, Ipv6Addr), hop_limit: u8, rest: &[u8]) -> Vec<u8> {
    packet(ends, hop_limit, ECHO_REPLY, &[rest])
}

/// Tells switches that listen that packets to `group` are wanted here: a change to EXCLUDE mode without sources,
/// behind the Router Alert option (RFC 3810, 5.2).
pub(super) fn join_group(own: Ipv6Addr, group: Ipv6Addr) -> Vec<u8> {
    const CHANGE_TO_EXCLUDE: u8 = 4;
    let router_alert = [u8::from(IpProtocol::Icmpv6), 0, 5, 2, 0, 0, 1, 0];
    let mut report = alloc::vec![LISTENER_REPORT_V2, 0, 0, 0, 0, 0, 0, 1, CHANGE_TO_EXCLUDE, 0, 0, 0];
    report.extend_from_slice(&group.octets());
    seal(own, ALL_MLDV2_ROUTERS, &mut report);
    let (ends, len) = ((own.into(), ALL_MLDV2_ROUTERS.into()), router_alert.len() + report.len());
    ip_packet(ends, IpProtocol::HopByHop, 1, len, |out| {
        let (options, body) = out.split_at_mut(router_alert.len());
        options.copy_from_slice(&router_alert);
        body.copy_from_slice(&report);
    })
}

/// A prefix that a router announces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Prefix {
    pub(super) prefix: Ipv6Addr,
    pub(super) len: u8,
    pub(super) on_link: bool,
    pub(super) autonomous: bool,
    pub(super) valid: Lifetime,
    pub(super) preferred: Lifetime,
}

/// A message that concerns the host.
pub(super) enum Body<'a> {
    /// Identifier, sequence number and data.
    Echo(&'a [u8]),
    NeighbourSolicitation {
        target: Ipv6Addr,
        mac: Option<[u8; 6]>,
    },
    NeighbourAdvertisement {
        target: Ipv6Addr,
        mac: Option<[u8; 6]>,
    },
    RouterAdvertisement(Advertisement<'a>),
}

/// What a router announces.
pub(super) struct Advertisement<'a> {
    /// How long it is a default router; zero: it is none.
    pub(super) lifetime: Duration,
    options: &'a [u8],
}

fn address_at(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    let octets: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
    Some(octets.into())
}

fn lifetime_at(bytes: &[u8], at: usize) -> Option<Lifetime> {
    let seconds = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
    Some((seconds != u32::MAX).then(|| Duration::from_secs(seconds.into())))
}

/// The options of a message with their bytes; `None` stands for one that is cut or has no length.
fn options(mut rest: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    core::iter::from_fn(move || {
        let [kind, units, ..] = *rest else {
            let cut = !rest.is_empty();
            rest = &[];
            return cut.then_some(None);
        };
        let len = usize::from(units) * 8;
        let Some((option, behind)) = rest.split_at_checked(len).filter(|_| len > 0) else {
            rest = &[];
            return Some(None);
        };
        rest = behind;
        Some(Some((kind, option)))
    })
}

fn mac_in(bytes: &[u8], wanted: u8) -> Option<[u8; 6]> {
    let found = options(bytes).flatten().find(|(kind, _)| *kind == wanted)?;
    found.1.get(2..8)?.try_into().ok()
}

impl Body<'_> {
    /// Reads a message; `None` for those that are of no concern, or malformed (RFC 4861, 6.1.2, 7.1).
    pub(super) fn parse(bytes: &[u8]) -> Option<Body<'_>> {
        let (&[kind, code, ..], rest) = bytes.split_at_checked(4)? else { return None };
        if code != 0 {
            return None;
        }
        let well_formed = |at: usize| options(rest.get(at..).unwrap_or(&[])).all(|option| option.is_some());
        match kind {
            ECHO_REQUEST => rest.get(..4).map(|_| Body::Echo(rest)),
            NEIGHBOUR_SOLICITATION | NEIGHBOUR_ADVERTISEMENT => {
                let target =
                    address_at(rest, 4).filter(|target| !target.is_multicast() && well_formed(20))?;
                Some(if kind == NEIGHBOUR_SOLICITATION {
                    Body::NeighbourSolicitation { target, mac: mac_in(&rest[20..], SOURCE_LINK_LAYER) }
                } else {
                    Body::NeighbourAdvertisement { target, mac: mac_in(&rest[20..], TARGET_LINK_LAYER) }
                })
            }
            ROUTER_ADVERTISEMENT => {
                let lifetime = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
                let options = rest.get(12..).filter(|_| well_formed(12))?;
                let lifetime = Duration::from_secs(lifetime.into());
                Some(Body::RouterAdvertisement(Advertisement { lifetime, options }))
            }
            _ => None,
        }
    }
}

impl Advertisement<'_> {
    pub(super) fn mac(&self) -> Option<[u8; 6]> {
        mac_in(self.options, SOURCE_LINK_LAYER)
    }

    pub(super) fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        let informations = options(self.options).flatten().filter(|(kind, _)| *kind == PREFIX_INFORMATION);
        informations.filter_map(|(_, option)| {
            Some(Prefix {
                prefix: address_at(option, 16)?,
                len: *option.get(2).filter(|len| **len <= 128)?,
                on_link: option.get(3)? & ON_LINK != 0,
                autonomous: option.get(3)? & AUTONOMOUS != 0,
                valid: lifetime_at(option, 4)?,
                preferred: lifetime_at(option, 8)?,
            })
        })
    }

    pub(super) fn resolvers(&self) -> impl Iterator<Item = (Ipv6Addr, Lifetime)> {
        let lists = options(self.options).flatten().filter(|(kind, _)| *kind == RECURSIVE_DNS);
        lists.flat_map(|(_, option)| {
            let lifetime = lifetime_at(option, 4).unwrap_or(None);
            let addresses = option.get(8..).unwrap_or(&[]).chunks_exact(16);
            addresses.filter_map(move |address| Some((address_at(address, 0)?, lifetime)))
        })
    }
}
