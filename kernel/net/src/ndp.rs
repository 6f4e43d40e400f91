//! IPv6 on the link: own addresses by stateless autoconfiguration (RFC 4862), neighbours and routers (RFC 4861).
//!
//! [`Host6`] takes ICMPv6 messages and the time, and says which packets to send. An address is used from the start
//! while its duplicate address detection runs (RFC 4429), and is given up when another node has it. What is not done:
//! DHCPv6, redirects, reachability probes, privacy addresses.

mod message;

use crate::host::HOP_LIMIT;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use core::time::Duration;
use message::{Advertisement, Body, Lifetime, Prefix};
pub use message::{neighbour_solicitation, verified};
use osv_base::Instant;

/// How many there may be: whoever sends advertisements on the link must not fill the memory.
const ADDRESSES_MAX: usize = 16;
const PREFIXES_MAX: usize = 16;
const ROUTERS_MAX: usize = 8;
const RESOLVERS_MAX: usize = 3;

/// MAX_RTR_SOLICITATIONS and RTR_SOLICITATION_INTERVAL (RFC 4861, 10).
const SOLICITATIONS: u8 = 3;
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);
/// RetransTimer: how long an address may turn out to be another node's (RFC 4862, 5.1, with one transmission).
const DETECTION: Duration = Duration::from_secs(1);
/// RFC 4862, 5.5.3 e): an unauthenticated advertisement cannot shorten a lifetime below this.
const TWO_HOURS: Duration = Duration::from_secs(2 * 60 * 60);

/// An address of this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Own {
    /// The address.
    pub address: Ipv6Addr,
    /// Bits of its network's prefix.
    pub prefix_len: u8,
    valid_until: Option<Instant>,
    preferred_until: Option<Instant>,
    tentative_until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Expiring<T> {
    what: T,
    /// `None`: never.
    until: Option<Instant>,
}

/// What the interface knows of IPv6.
#[derive(Debug)]
pub struct Host6 {
    mac: [u8; 6],
    addresses: Vec<Own>,
    on_link: Vec<Expiring<Prefix>>,
    routers: Vec<Expiring<Ipv6Addr>>,
    resolvers: Vec<Ipv6Addr>,
    solicitations: u8,
    next_solicitation: Instant,
}

/// What follows from a message, or from the time.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// IP packets to send.
    pub send: Vec<Vec<u8>>,
    /// Where a neighbour is; to be remembered even if nobody asked, when the last is true.
    pub learned: Option<(Ipv6Addr, [u8; 6], bool)>,
    /// An address that is not ours any more.
    pub lost: Vec<Ipv6Addr>,
    /// An address that another node has.
    pub duplicate: Option<Ipv6Addr>,
    /// Resolvers were announced, or others than before.
    pub new_resolvers: bool,
}

fn has_passed(until: Option<Instant>, now: Instant) -> bool {
    until.is_some_and(|until| until <= now)
}

fn end_of(lifetime: Lifetime, now: Instant) -> Option<Instant> {
    lifetime.map(|lifetime| now + lifetime)
}

/// The interface identifier that a hardware address gives (RFC 4291, appendix A).
fn interface_identifier(mac: [u8; 6]) -> u64 {
    let [a, b, c, d, e, f] = mac;
    u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

fn in_prefix(prefix: Ipv6Addr, len: u8, address: Ipv6Addr) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0);
    (u128::from(prefix) ^ u128::from(address)) & mask == 0
}

impl Host6 {
    /// An interface that comes up: it takes its link-local address.
    pub fn new(mac: [u8; 6], now: Instant) -> (Host6, Outcome) {
        let mut host = Host6 {
            mac,
            addresses: Vec::new(),
            on_link: Vec::new(),
            routers: Vec::new(),
            resolvers: Vec::new(),
            solicitations: SOLICITATIONS,
            next_solicitation: now,
        };
        let mut outcome = Outcome::default();
        let link_local = (0xfe80u128 << 112 | u128::from(interface_identifier(mac))).into();
        host.take_address(link_local, 64, (None, None), now, &mut outcome);
        (host, outcome)
    }

    /// Own addresses.
    pub fn addresses(&self) -> &[Own] {
        &self.addresses
    }

    /// Whether `address` is own.
    pub fn is_own(&self, address: Ipv6Addr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
    }

    /// Resolvers that a router announced (RFC 8106).
    pub fn resolvers(&self) -> &[Ipv6Addr] {
        &self.resolvers
    }

    /// The router for what is not on the link.
    pub fn router(&self) -> Option<Ipv6Addr> {
        self.routers.first().map(|router| router.what)
    }

    /// The address to send from to `destination` (RFC 6724, 5, rules 2, 3 and 8); `None`: no way there.
    pub fn source_for(&self, destination: Ipv6Addr, now: Instant) -> Option<Ipv6Addr> {
        let near = destination.is_unicast_link_local() || destination.is_multicast();
        let suitable = self.addresses.iter().filter(|own| own.address.is_unicast_link_local() == near);
        let common = |own: &Own| (u128::from(own.address) ^ u128::from(destination)).leading_zeros();
        let best = suitable.max_by_key(|own| (!has_passed(own.preferred_until, now), common(own)))?;
        (near || self.next_hop(destination).is_some()).then_some(best.address)
    }

    /// The neighbour through which `destination` is reached.
    pub fn next_hop(&self, destination: Ipv6Addr) -> Option<Ipv6Addr> {
        let on_link = destination.is_unicast_link_local()
            || self.on_link.iter().any(|p| in_prefix(p.what.prefix, p.what.len, destination));
        if on_link { Some(destination) } else { self.router() }
    }

    /// Whether packets to the group `to` are for this interface.
    pub fn listens_to(&self, to: Ipv6Addr) -> bool {
        to == message::ALL_NODES
            || self.addresses.iter().any(|own| message::solicited_node(own.address) == to)
    }

    /// Does what is due; `send` has packets then. Returns when to call again.
    pub fn poll(&mut self, now: Instant, outcome: &mut Outcome) -> Option<Instant> {
        self.on_link.retain(|prefix| !has_passed(prefix.until, now));
        self.routers.retain(|router| !has_passed(router.until, now));
        self.addresses.retain(|own| {
            let gone = has_passed(own.valid_until, now);
            outcome.lost.extend(gone.then_some(own.address));
            !gone
        });
        let looking = self.solicitations > 0 && self.routers.is_empty();
        if looking && self.next_solicitation <= now {
            self.solicitations -= 1;
            self.next_solicitation = now + SOLICITATION_INTERVAL;
            let own = self.source_for(message::ALL_ROUTERS, now).unwrap_or(Ipv6Addr::UNSPECIFIED);
            outcome.send.push(message::router_solicitation(own, self.mac));
        }
        let ends = self.addresses.iter().map(|own| own.valid_until);
        let ends =
            ends.chain(self.on_link.iter().map(|p| p.until)).chain(self.routers.iter().map(|r| r.until));
        let asks = (self.solicitations > 0 && self.routers.is_empty()).then_some(self.next_solicitation);
        ends.flatten().chain(asks).min()
    }

    /// An ICMPv6 message, whose checksum was verified, in a frame from `sender`.
    pub fn input(
        &mut self,
        (from, to): (Ipv6Addr, Ipv6Addr),
        hop_limit: u8,
        sender: [u8; 6],
        bytes: &[u8],
        now: Instant,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(body) = Body::parse(bytes) else { return outcome };
        // What crossed a router is none of the link's business (RFC 4861, 6.1, 7.1).
        let is_near = hop_limit == 255;
        match body {
            Body::Echo(_) if to.is_multicast() => {}
            Body::Echo(rest) => outcome.send.push(message::echo_reply((to, from), HOP_LIMIT, rest)),
            Body::NeighbourSolicitation { target, mac } if is_near => {
                self.solicited(from, target, mac, now, &mut outcome);
            }
            Body::NeighbourAdvertisement { target, mac } if is_near => {
                if self.is_own(target) {
                    self.contested(target, now, &mut outcome);
                } else {
                    outcome.learned = Some((target, mac.unwrap_or(sender), false));
                }
            }
            Body::RouterAdvertisement(advertisement) if is_near && from.is_unicast_link_local() => {
                outcome.learned = advertisement.mac().map(|mac| (from, mac, true));
                self.advertised(from, &advertisement, now, &mut outcome);
            }
            _ => {}
        }
        outcome
    }

    fn solicited(
        &mut self,
        from: Ipv6Addr,
        target: Ipv6Addr,
        mac: Option<[u8; 6]>,
        now: Instant,
        outcome: &mut Outcome,
    ) {
        if !self.is_own(target) {
            return;
        }
        if from.is_unspecified() {
            // Another node wants the address; if we only try it as well, neither has it.
            self.contested(target, now, outcome);
            if self.is_own(target) {
                outcome.send.push(message::neighbour_advertisement(
                    target,
                    message::ALL_NODES,
                    false,
                    self.mac,
                ));
            }
            return;
        }
        outcome.learned = mac.map(|mac| (from, mac, true));
        outcome.send.push(message::neighbour_advertisement(target, from, true, self.mac));
    }

    fn contested(&mut self, address: Ipv6Addr, now: Instant, outcome: &mut Outcome) {
        let before = self.addresses.len();
        self.addresses.retain(|own| own.address != address || own.tentative_until <= now);
        if self.addresses.len() < before {
            outcome.lost.push(address);
            outcome.duplicate = Some(address);
        }
    }

    fn advertised(
        &mut self,
        router: Ipv6Addr,
        advertisement: &Advertisement<'_>,
        now: Instant,
        outcome: &mut Outcome,
    ) {
        self.routers.retain(|known| known.what != router);
        if !advertisement.lifetime.is_zero() && self.routers.len() < ROUTERS_MAX {
            self.routers.push(Expiring { what: router, until: Some(now + advertisement.lifetime) });
        }
        for prefix in advertisement.prefixes() {
            if prefix.on_link {
                self.set_on_link(prefix, now);
            }
            if prefix.autonomous && prefix.len == 64 {
                self.take_prefix(prefix, now, outcome);
            }
        }
        let before = self.resolvers.clone();
        for (resolver, lifetime) in advertisement.resolvers() {
            self.resolvers.retain(|known| *known != resolver);
            if lifetime != Some(Duration::ZERO) && self.resolvers.len() < RESOLVERS_MAX {
                self.resolvers.push(resolver);
            }
        }
        outcome.new_resolvers = self.resolvers != before;
    }

    fn set_on_link(&mut self, prefix: Prefix, now: Instant) {
        self.on_link.retain(|known| (known.what.prefix, known.what.len) != (prefix.prefix, prefix.len));
        if prefix.valid != Some(Duration::ZERO) && self.on_link.len() < PREFIXES_MAX {
            self.on_link.push(Expiring { what: prefix, until: end_of(prefix.valid, now) });
        }
    }

    /// RFC 4862, 5.5.3.
    fn take_prefix(&mut self, prefix: Prefix, now: Instant, outcome: &mut Outcome) {
        let preferred_is_longer = match (prefix.preferred, prefix.valid) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(preferred), Some(valid)) => preferred > valid,
        };
        if prefix.prefix.is_unicast_link_local() || preferred_is_longer {
            return;
        }
        let network = u128::from(prefix.prefix) >> 64 << 64;
        let address = Ipv6Addr::from(network | u128::from(interface_identifier(self.mac)));
        let (valid, preferred) = (end_of(prefix.valid, now), end_of(prefix.preferred, now));
        if let Some(own) = self.addresses.iter_mut().find(|own| own.address == address) {
            let remaining = own.valid_until.map(|until| until.since(now));
            let longer = match (prefix.valid, remaining) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(new), Some(remaining)) => new > remaining,
            };
            if longer || prefix.valid.is_some_and(|new| new > TWO_HOURS) {
                own.valid_until = valid;
            } else if remaining.is_none_or(|remaining| remaining > TWO_HOURS) {
                own.valid_until = Some(now + TWO_HOURS);
            }
            own.preferred_until = preferred;
        } else if prefix.valid != Some(Duration::ZERO) {
            self.take_address(address, prefix.len, (valid, preferred), now, outcome);
        }
    }

    /// Takes an address and asks whether another node has it.
    fn take_address(
        &mut self,
        address: Ipv6Addr,
        prefix_len: u8,
        (valid_until, preferred_until): (Option<Instant>, Option<Instant>),
        now: Instant,
        outcome: &mut Outcome,
    ) {
        if self.addresses.len() == ADDRESSES_MAX {
            return;
        }
        let tentative_until = now + DETECTION;
        self.addresses.push(Own { address, prefix_len, valid_until, preferred_until, tentative_until });
        let own = self.source_for(message::ALL_ROUTERS, now).unwrap_or(Ipv6Addr::UNSPECIFIED);
        outcome.send.push(message::join_group(own, message::solicited_node(address)));
        outcome.send.push(neighbour_solicitation(Ipv6Addr::UNSPECIFIED, address, self.mac));
    }
}

#[cfg(test)]
mod tests;
