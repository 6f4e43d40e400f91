//! The stack's addresses from a DHCP server.

use super::Stack;
use crate::dhcp::{self, Change, Client, Lease};
use alloc::sync::Arc;
use osv_base::Instant;
use osv_sync::{SpinLock, Wait, WaitError};
use smoltcp::wire::EthernetFrame;

/// The client, and who wants to know.
pub(super) struct Dhcp {
    state: SpinLock<State>,
    told: fn(&Lease),
}

struct State {
    client: Client,
    next: Instant,
}

impl Stack {
    /// Has the addresses come from a DHCP server; `told` hears of each lease, on the thread that found out. Needs the
    /// link.
    pub fn start_dhcp(self: &Arc<Self>, told: fn(&Lease)) {
        let Some(link) = self.link.get() else { return };
        let now = self.now();
        let client = Client::new(link.mac(), link.mtu(), self.random_u64(), now);
        self.dhcp.call_once(|| Dhcp { state: SpinLock::new(State { client, next: now }), told });
        (self.env.kick)();
    }

    /// Waits until there are addresses, or `deadline`; returns whether there are.
    pub fn wait_configured(&self, deadline: Instant) -> bool {
        let how = Wait { deadline: Some(deadline), interruptible: false };
        let configured: Result<(), WaitError> =
            self.configured.wait_until(how, || self.config().is_some().then_some(()));
        configured.is_ok()
    }

    /// Shows the client a frame that is for it; returns whether nobody else need look at it.
    pub(super) fn feed_dhcp(self: &Arc<Self>, frame: &EthernetFrame<&[u8]>) -> bool {
        let Some(dhcp) = self.dhcp.get() else { return false };
        if !dhcp::is_for_client(frame) {
            return false;
        }
        self.poll_client(dhcp, Some(frame.as_ref()));
        frame.ethertype() == smoltcp::wire::EthernetProtocol::Ipv4
    }

    /// Does what the client has to do now; returns when it has something to do again.
    pub(super) fn drive_dhcp(self: &Arc<Self>, now: Instant) -> Option<Instant> {
        let dhcp = self.dhcp.get()?;
        let next = dhcp.state.lock().next;
        if now < next {
            return Some(next);
        }
        Some(self.poll_client(dhcp, None))
    }

    fn poll_client(self: &Arc<Self>, dhcp: &Dhcp, frame: Option<&[u8]>) -> Instant {
        let Some(link) = self.link.get() else { return Instant(u64::MAX) };
        let mut send = |frame: &[u8]| self.transmit_frame(link, frame);
        let (change, next) = {
            let mut state = dhcp.state.lock();
            let (change, next) = state.client.poll(self.now(), frame, &mut send);
            state.next = next;
            (change, next)
        };
        match change {
            Some(Change::Bound(lease)) => {
                self.configure(lease.config);
                (dhcp.told)(&lease);
            }
            Some(Change::Lost) => self.deconfigure(),
            None => {}
        }
        next
    }
}
