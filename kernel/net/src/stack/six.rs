//! The stack's IPv6 addresses from the routers of its link.

use super::Stack;
use crate::ndp::{self, Host6, Outcome, Own};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use osv_base::{Instant, warn};

impl Stack {
    /// Has IPv6 on the link; `told` hears of resolvers that a router announces, on the thread that found out. Needs
    /// the link.
    pub fn start_ipv6(self: &Arc<Self>, told: fn(&[Ipv6Addr])) {
        let Some(link) = self.link.get() else { return };
        let (host, outcome) = Host6::new(link.mac(), self.now());
        self.resolvers6_told.call_once(|| told);
        *self.six.lock() = Some(host);
        self.follow(outcome);
        (self.env.kick)();
    }

    /// Own IPv6 addresses on the link.
    pub fn addresses6(&self) -> Vec<Own> {
        self.six.lock().as_ref().map_or_else(Vec::new, |six| six.addresses().to_vec())
    }

    /// The router for IPv6.
    pub fn router6(&self) -> Option<Ipv6Addr> {
        self.six.lock().as_ref().and_then(Host6::router)
    }

    /// Does what is due; returns when something is again.
    pub(super) fn drive_six(self: &Arc<Self>, now: Instant) -> Option<Instant> {
        let mut outcome = Outcome::default();
        let next = self.six.lock().as_mut()?.poll(now, &mut outcome);
        self.follow(outcome);
        next
    }

    pub(super) fn receive_icmpv6(
        self: &Arc<Self>,
        (from, to): (Ipv6Addr, Ipv6Addr),
        hop_limit: u8,
        sender: [u8; 6],
        message: &[u8],
    ) -> Option<()> {
        if !ndp::verified(from, to, message) {
            self.counters.bad_checksums.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
            return None;
        }
        let now = self.now();
        let outcome = self.six.lock().as_mut()?.input((from, to), hop_limit, sender, message, now);
        self.follow(outcome);
        Some(())
    }

    fn follow(self: &Arc<Self>, outcome: Outcome) {
        if let Some((address, mac, insert)) = outcome.learned {
            self.learn(address.into(), mac, insert);
        }
        outcome.send.iter().for_each(|packet| self.send_packet(packet));
        if let Some(address) = outcome.duplicate {
            warn!("network: {address} is another machine's; it is not used");
        }
        outcome.lost.iter().for_each(|address| self.end_connections_of((*address).into()));
        if outcome.new_resolvers
            && let Some(told) = self.resolvers6_told.get()
        {
            let resolvers = self.six.lock().as_ref().map_or_else(Vec::new, |six| six.resolvers().to_vec());
            told(&resolvers);
        }
    }
}
