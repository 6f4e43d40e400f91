//! The neighbour cache: which hardware address an IP address on the link has, with a short queue of packets for each
//! address that is being asked for.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use osv_base::Instant;

const PENDING_PER_NEIGHBOUR: usize = 16;
const NEIGHBOURS_MAX: usize = 1024;
const RESOLVE_AGAIN: Duration = Duration::from_secs(1);
const VALID: Duration = Duration::from_secs(300);

enum Neighbour {
    Known { mac: [u8; 6], until: Instant },
    Asked { at: Instant, pending: VecDeque<Vec<u8>> },
}

/// What to do with a packet for a neighbour.
#[derive(Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Send it to this hardware address.
    Send([u8; 6]),
    /// It waits for an answer; ask for the address if `ask`.
    Wait {
        /// A request (ARP) or solicitation (NDP) is due.
        ask: bool,
    },
}

/// Neighbour cache with a short queue for each address that is being asked for (RFC 1122, 2.3.2).
#[derive(Default)]
pub struct Neighbours {
    entries: BTreeMap<IpAddr, Neighbour>,
}

impl Neighbours {
    /// Looks `hop` up for sending; `packet` makes the IP packet to keep when it is unknown.
    pub fn resolve(&mut self, hop: IpAddr, now: Instant, packet: impl FnOnce() -> Vec<u8>) -> Resolution {
        if let Some(Neighbour::Known { mac, until }) = self.entries.get(&hop)
            && now < *until
        {
            return Resolution::Send(*mac);
        }
        if self.entries.len() >= NEIGHBOURS_MAX && !self.entries.contains_key(&hop) {
            // Any entry will do: it is asked for again when it is needed.
            self.entries.pop_first();
        }
        let mut ask = false;
        let entry = self.entries.entry(hop).or_insert_with(|| {
            ask = true;
            Neighbour::Asked { at: now, pending: VecDeque::new() }
        });
        if let Neighbour::Known { .. } = entry {
            ask = true;
            *entry = Neighbour::Asked { at: now, pending: VecDeque::new() };
        }
        if let Neighbour::Asked { at, pending } = entry {
            if now.since(*at) >= RESOLVE_AGAIN {
                ask = true;
                *at = now;
            }
            if pending.len() == PENDING_PER_NEIGHBOUR {
                pending.pop_front();
            }
            pending.push_back(packet());
        }
        Resolution::Wait { ask }
    }

    /// The hardware address of `hop`, if it is known now.
    pub fn known(&self, hop: IpAddr, now: Instant) -> Option<[u8; 6]> {
        match self.entries.get(&hop) {
            Some(Neighbour::Known { mac, until }) if now < *until => Some(*mac),
            _ => None,
        }
    }

    /// `ip` is at `mac`; returns the packets that waited. Unasked for, only refreshes known neighbours unless
    /// `insert`.
    pub fn learn(&mut self, ip: IpAddr, mac: [u8; 6], now: Instant, insert: bool) -> VecDeque<Vec<u8>> {
        if !insert && !self.entries.contains_key(&ip) || self.entries.len() >= NEIGHBOURS_MAX {
            return VecDeque::new();
        }
        match self.entries.insert(ip, Neighbour::Known { mac, until: now + VALID }) {
            Some(Neighbour::Asked { pending, .. }) => pending,
            _ => VecDeque::new(),
        }
    }
}
