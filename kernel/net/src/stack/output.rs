//! The way out: from an IP packet to a frame, through the neighbour cache.

use super::Stack;
use crate::host::{self, ETHERNET_HEADER, HOP_LIMIT, header_len};
use crate::link::{LinkDevice, NeedsChecksum};
use crate::neighbours::Resolution;
use crate::options::Marks;
use crate::{arp, ndp};
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::Ordering;
use osv_base::{Errno, Instant};
use smoltcp::wire::{EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, UdpPacket};

/// A packet on its way into a frame.
enum Progress<F, R> {
    Todo(F),
    Busy,
    Done(R),
}

/// Who takes a packet from us.
enum Hop {
    /// All that listen to this hardware address.
    Group([u8; 6]),
    Neighbour(IpAddr),
}

fn protocol_of(address: IpAddr) -> EthernetProtocol {
    if address.is_ipv4() { EthernetProtocol::Ipv4 } else { EthernetProtocol::Ipv6 }
}

impl Stack {
    /// Sends an IP packet of `len` bytes that `fill` writes. With `checksum_at`, the device completes the
    /// checksum at that offset behind the IP header. What cannot be sent is dropped and counted.
    pub fn transmit_ip<R>(
        &self,
        to: IpAddr,
        len: usize,
        checksum_at: Option<usize>,
        fill: impl FnOnce(&mut [u8]) -> R,
    ) -> R {
        let (Some(link), Some(hop)) = (self.link.get(), self.hop_to(to)) else {
            return self.lost(len, fill);
        };
        let header = header_len(to);
        let mac = match hop {
            Hop::Group(mac) => mac,
            Hop::Neighbour(address) => {
                let now = self.now();
                let known = self.neighbours.lock().known(address, now);
                match known {
                    Some(mac) => mac,
                    None => return self.transmit_later(link, address, len, checksum_at, now, fill),
                }
            }
        };
        let needs = checksum_at.map(|offset| NeedsChecksum { start: ETHERNET_HEADER + header, offset });
        let mut progress = Progress::Todo(fill);
        let sent = link.transmit(ETHERNET_HEADER + len, needs, &mut |frame| {
            host::write_ethernet(frame, link.mac(), mac, protocol_of(to));
            progress = match core::mem::replace(&mut progress, Progress::Busy) {
                Progress::Todo(fill) => Progress::Done(fill(&mut frame[ETHERNET_HEADER..])),
                other => other,
            };
        });
        match progress {
            Progress::Done(result) => {
                if sent.is_err() {
                    self.counters.unsent.fetch_add(1, Ordering::Relaxed);
                }
                result
            }
            Progress::Todo(fill) => self.lost(len, fill),
            Progress::Busy => unreachable!("replaced before the closure returns"),
        }
    }

    fn lost<R>(&self, len: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        self.counters.unsent.fetch_add(1, Ordering::Relaxed);
        fill(&mut alloc::vec![0; len])
    }

    fn transmit_later<R>(
        &self,
        link: &Arc<dyn LinkDevice>,
        hop: IpAddr,
        len: usize,
        checksum_at: Option<usize>,
        now: Instant,
        fill: impl FnOnce(&mut [u8]) -> R,
    ) -> R {
        let mut packet = alloc::vec![0; len];
        let result = fill(&mut packet);
        if let Some(offset) = checksum_at {
            // It is sent later and by another path: complete the checksum here.
            let header = header_len(hop);
            let sum = host::internet_checksum(0, &packet[header..]);
            packet[header + offset..][..2].copy_from_slice(&sum.to_be_bytes());
        }
        let resolution = self.neighbours.lock().resolve(hop, now, || packet);
        if resolution == (Resolution::Wait { ask: true }) {
            self.ask_for(link, hop, now);
        }
        result
    }

    /// Asks where a neighbour is.
    fn ask_for(&self, link: &Arc<dyn LinkDevice>, hop: IpAddr, now: Instant) {
        match hop {
            IpAddr::V4(hop) => {
                if let Some(config) = self.config() {
                    self.transmit_frame(link, &arp::request(link.mac(), config.address, hop));
                }
            }
            IpAddr::V6(hop) => {
                let own = self.six.lock().as_ref().and_then(|six| six.source_for(hop, now));
                if let Some(own) = own {
                    self.send_packet(&ndp::neighbour_solicitation(own, hop, link.mac()));
                }
            }
        }
    }

    /// Where a packet goes first; `None`: nowhere.
    fn hop_to(&self, to: IpAddr) -> Option<Hop> {
        match to {
            IpAddr::V4(to) => {
                let config = self.config()?;
                if config.is_broadcast(to) {
                    return Some(Hop::Group([0xff; 6]));
                }
                config.next_hop(to).map(|hop| Hop::Neighbour(hop.into()))
            }
            IpAddr::V6(to) if to.is_multicast() => Some(Hop::Group(host::multicast_mac(to))),
            IpAddr::V6(to) => {
                let hop = self.six.lock().as_ref().and_then(|six| six.next_hop(to));
                hop.map(|hop| Hop::Neighbour(hop.into()))
            }
        }
    }

    pub(super) fn transmit_frame(&self, link: &Arc<dyn LinkDevice>, frame: &[u8]) {
        let sent = link.transmit(frame.len(), None, &mut |out| out[..frame.len()].copy_from_slice(frame));
        if sent.is_err() {
            self.counters.unsent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends a whole IP packet to where its header says.
    pub(super) fn send_packet(&self, packet: &[u8]) {
        let to = match packet.first().map(|first| first >> 4) {
            Some(4) => Ipv4Packet::new_checked(packet).map(|ip| ip.dst_addr().into()),
            _ => Ipv6Packet::new_checked(packet).map(|ip| ip.dst_addr().into()),
        };
        if let Ok(to) = to {
            self.transmit_ip(to, packet.len(), None, |out| out.copy_from_slice(packet));
        }
    }

    /// Sends a UDP datagram over the link. EMSGSIZE when it does not fit a packet (there is no fragmentation).
    pub fn send_udp(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        marks: Marks,
    ) -> Result<(), Errno> {
        let len = 8 + bytes.len();
        if header_len(to.ip()) + len > self.mtu() {
            return Err(Errno::EMSGSIZE);
        }
        let ends = (from.ip(), to.ip());
        let hop_limit = marks.hop_limit.unwrap_or(HOP_LIMIT);
        let mut packet = host::ip_packet(ends, IpProtocol::Udp, hop_limit, len, |out| {
            let mut udp = UdpPacket::new_unchecked(out);
            udp.set_src_port(from.port());
            udp.set_dst_port(to.port());
            udp.set_len(len as u16);
            udp.payload_mut().copy_from_slice(bytes);
            udp.fill_checksum(&from.ip().into(), &to.ip().into());
        });
        host::set_class(&mut packet, marks.class);
        self.send_packet(&packet);
        Ok(())
    }
}
