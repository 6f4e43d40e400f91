//! The DHCP client (RFC 2131), around smoltcp's: an interface of its own on the link, which sees only what is meant
//! for it. Time, frames and randomness are arguments.

use crate::host::HostConfig;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;
use osv_base::Instant;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::dhcpv4::{Event, RetryConfig, Socket};
use smoltcp::time::{Duration as SmolDuration, Instant as SmolInstant};
use smoltcp::wire::{
    ArpOperation, ArpPacket, EthernetAddress, EthernetFrame, EthernetProtocol, HardwareAddress, IpCidr,
    IpProtocol, Ipv4Packet, UdpPacket,
};

/// What a server gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Address, prefix and router.
    pub config: HostConfig,
    /// Resolvers.
    pub dns: Vec<Ipv4Addr>,
}

/// What became of the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is one, or another than before.
    Bound(Lease),
    /// It ran out, or the server took it back.
    Lost,
}

/// How soon to ask again at first.
const RETRY: SmolDuration = SmolDuration::from_secs(2);
/// When smoltcp has nothing planned: look again then.
const IDLE: Duration = Duration::from_secs(60);
/// The soonest to look again.
const SOON: Duration = Duration::from_millis(10);
/// Most frames within each pause.
const BURST: u32 = 8;
const PAUSE: Duration = Duration::from_secs(5);
const CLIENT_PORT: u16 = 68;

/// The client.
pub struct Client {
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    lease: Option<Lease>,
    mtu: usize,
    /// Frames sent since this time: a server that refuses all must not make the client shout without a pause.
    since: Instant,
    sent: u32,
}

fn smol(now: Instant) -> SmolInstant {
    SmolInstant::from_micros((now.0 / 1000) as i64)
}

/// Whether a frame is for the client: a datagram for its port, or the answer to an ARP request.
pub fn is_for_client(frame: &EthernetFrame<&[u8]>) -> bool {
    match frame.ethertype() {
        EthernetProtocol::Arp => {
            ArpPacket::new_checked(frame.payload()).is_ok_and(|arp| arp.operation() == ArpOperation::Reply)
        }
        EthernetProtocol::Ipv4 => is_for_port(frame.payload()),
        _ => false,
    }
}

fn is_for_port(packet: &[u8]) -> bool {
    Ipv4Packet::new_checked(packet).is_ok_and(|ip| {
        ip.next_header() == IpProtocol::Udp
            && ip.frag_offset() == 0
            && UdpPacket::new_checked(ip.payload()).is_ok_and(|udp| udp.dst_port() == CLIENT_PORT)
    })
}

impl Client {
    /// Asks for a lease from the first [`Client::poll`] on.
    pub fn new(mac: [u8; 6], mtu: usize, seed: u64, now: Instant) -> Client {
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress(mac)));
        config.random_seed = seed;
        let iface =
            Interface::new(config, &mut Port { mtu, frame: None, out: &mut |_| {}, sent: &mut 0 }, smol(now));
        let mut socket = Socket::new();
        let mut retry = RetryConfig::default();
        (retry.discover_timeout, retry.initial_request_timeout) = (RETRY, RETRY);
        socket.set_retry_config(retry);
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        Client { iface, sockets, handle, lease: None, mtu, since: now, sent: 0 }
    }

    /// The lease that holds.
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Takes a frame, if there is one, and does what is due; `out` sends frames. Returns what changed, and when to
    /// call again at the latest.
    pub fn poll(
        &mut self,
        now: Instant,
        frame: Option<&[u8]>,
        out: &mut dyn FnMut(&[u8]),
    ) -> (Option<Change>, Instant) {
        if now >= self.since + PAUSE {
            (self.since, self.sent) = (now, 0);
        }
        let mut port = Port { mtu: self.mtu, frame, out, sent: &mut self.sent };
        self.iface.poll(smol(now), &mut port, &mut self.sockets);
        let change = match self.sockets.get_mut::<Socket<'_>>(self.handle).poll() {
            None => None,
            Some(Event::Deconfigured) => self.lease.take().map(|_| Change::Lost),
            Some(Event::Configured(given)) => {
                let config = HostConfig {
                    address: given.address.address(),
                    prefix_len: given.address.prefix_len(),
                    gateway: given.router,
                };
                let lease = Lease { config, dns: given.dns_servers.iter().copied().collect() };
                let news = self.lease.as_ref() != Some(&lease);
                self.lease = Some(lease.clone());
                news.then_some(Change::Bound(lease))
            }
        };
        if change.is_some() {
            Self::adopt(&mut self.iface, self.lease.as_ref());
            // With its address the interface may have something to send at once.
            self.iface.poll(smol(now), &mut port, &mut self.sockets);
        }
        let next = self.iface.poll_at(smol(now), &self.sockets);
        let next = next.map(|at| Instant((at.total_micros().max(0) as u64) * 1000));
        let earliest = if self.sent >= BURST { self.since + PAUSE } else { now + SOON };
        (change, next.map_or(now + IDLE, |at| at.max(earliest)))
    }

    /// Renewals are asked for from the leased address, by way of its router where the server is far.
    fn adopt(iface: &mut Interface, lease: Option<&Lease>) {
        let config = lease.map(|lease| lease.config);
        iface.update_ip_addrs(|addresses| {
            addresses.clear();
            if let Some(config) = config {
                // The list has room for several; this is the first.
                let _ = addresses.push(IpCidr::new(config.address.into(), config.prefix_len));
            }
        });
        let routes = iface.routes_mut();
        routes.remove_default_ipv4_route();
        if let Some(gateway) = config.and_then(|config| config.gateway) {
            // As with the addresses.
            let _ = routes.add_default_ipv4_route(gateway);
        }
    }
}

/// What smoltcp takes for its device: at most one frame in, and a way out.
struct Port<'a> {
    mtu: usize,
    frame: Option<&'a [u8]>,
    out: &'a mut dyn FnMut(&[u8]),
    sent: &'a mut u32,
}

struct RxToken<'a>(&'a [u8]);
struct TxToken<'a>(&'a mut dyn FnMut(&[u8]), &'a mut u32);

impl phy::Device for Port<'_> {
    type RxToken<'b>
        = RxToken<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = TxToken<'b>
    where
        Self: 'b;

    fn receive(&mut self, _: SmolInstant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let frame = self.frame.take()?;
        Some((RxToken(frame), TxToken(self.out, self.sent)))
    }

    fn transmit(&mut self, _: SmolInstant) -> Option<TxToken<'_>> {
        (*self.sent < BURST).then_some(TxToken(self.out, self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu + crate::host::ETHERNET_HEADER;
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = alloc::vec![0; len];
        let result = f(&mut frame);
        (self.0)(&frame);
        *self.1 += 1;
        result
    }
}

#[cfg(test)]
pub(crate) mod tests;
