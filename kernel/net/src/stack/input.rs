//! The way in: the classifier, from a frame to the flow, socket or host function that it is for.

use super::{Stack, shard};
use crate::address::Address;
use crate::control::Control;
use crate::datagram::Datagram;
use crate::flow::{Flow, FlowKey};
use crate::{arp, host};
use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::sync::atomic::Ordering;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket,
    UdpPacket,
};

/// A packet that is for this machine.
struct Inbound<'a> {
    from: IpAddr,
    to: IpAddr,
    /// The IP packet, without padding and without extension headers.
    packet: Cow<'a, [u8]>,
    /// The device verified its checksums.
    vouched: bool,
}

impl Inbound<'_> {
    fn payload(&self) -> &[u8] {
        self.packet.get(host::header_len(self.to)..).unwrap_or(&[])
    }
}

impl Stack {
    /// A frame from the link. `vouched`: the device verified the checksums.
    pub fn receive(self: &Arc<Self>, frame: &[u8], vouched: bool) {
        if self.receive_inner(frame, vouched).is_none() {
            self.counters.ignored.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn receive_inner(self: &Arc<Self>, frame: &[u8], vouched: bool) -> Option<()> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        if self.feed_dhcp(&ethernet) {
            return Some(());
        }
        match ethernet.ethertype() {
            EthernetProtocol::Arp => self.receive_arp(ethernet.payload()),
            EthernetProtocol::Ipv4 => self.receive_ipv4(ethernet.payload(), vouched),
            EthernetProtocol::Ipv6 => self.receive_ipv6(ethernet.src_addr(), ethernet.payload(), vouched),
            _ => None,
        }
    }

    fn receive_arp(&self, packet: &[u8]) -> Option<()> {
        let (link, config) = (self.link.get()?, self.config()?);
        let input = arp::input(packet, link.mac(), config.address)?;
        let (ip, mac) = input.sender;
        self.learn(ip.into(), mac, input.for_us);
        if let Some(reply) = input.reply {
            self.transmit_frame(link, &reply);
        }
        Some(())
    }

    /// Remembers where a neighbour is, and sends what waited for it.
    pub(super) fn learn(&self, ip: IpAddr, mac: [u8; 6], insert: bool) {
        let waiting = self.neighbours.lock().learn(ip, mac, self.now(), insert);
        waiting.iter().for_each(|packet| self.send_packet(packet));
    }

    fn receive_ipv4(self: &Arc<Self>, packet: &[u8], vouched: bool) -> Option<()> {
        let config = self.config()?;
        let ip = Ipv4Packet::new_checked(packet).ok()?;
        if ip.version() != 4 || !ip.verify_checksum() {
            self.counters.bad_checksums.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let for_us = ip.dst_addr() == config.address;
        if !for_us && !config.is_broadcast(ip.dst_addr()) || ip.more_frags() || ip.frag_offset() != 0 {
            return None;
        }
        // Ethernet pads short frames: pass on what the IP header covers.
        let packet = packet.get(..usize::from(ip.total_len()))?;
        if ip.next_header() == IpProtocol::Icmp && for_us {
            let reply = host::icmp_input(ip.src_addr(), ip.dst_addr(), ip.payload())?;
            self.send_packet(&reply);
            return Some(());
        }
        let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
        let packet = if usize::from(ip.header_len()) == host::IPV4_HEADER {
            Cow::Borrowed(packet)
        } else {
            Cow::Owned(without_options(&ip))
        };
        self.receive_transport(ip.next_header(), for_us, &Inbound { from, to, packet, vouched })
    }

    fn receive_ipv6(self: &Arc<Self>, sender: EthernetAddress, packet: &[u8], vouched: bool) -> Option<()> {
        let ip = Ipv6Packet::new_checked(packet).ok()?;
        let (from, to) = (ip.src_addr(), ip.dst_addr());
        let for_us = self.is_for_us(to);
        if ip.version() != 6 || from.is_multicast() || !for_us && !self.listens_to(to) {
            return None;
        }
        let packet = packet.get(..ip.total_len())?;
        let (protocol, skipped) = upper_layer(ip.next_header(), packet.get(host::IPV6_HEADER..)?)?;
        if protocol == IpProtocol::Icmpv6 {
            let message = packet.get(host::IPV6_HEADER + skipped..)?;
            return self.receive_icmpv6((from, to), ip.hop_limit(), sender.0, message);
        }
        let packet = match skipped {
            0 => Cow::Borrowed(packet),
            _ => Cow::Owned(without_extensions(packet, protocol, skipped)),
        };
        self.receive_transport(
            protocol,
            for_us,
            &Inbound { from: from.into(), to: to.into(), packet, vouched },
        )
    }

    fn receive_transport(
        self: &Arc<Self>,
        protocol: IpProtocol,
        for_us: bool,
        inbound: &Inbound<'_>,
    ) -> Option<()> {
        match protocol {
            IpProtocol::Tcp if for_us => self.receive_tcp(inbound),
            IpProtocol::Udp => self.receive_udp(inbound),
            _ => None,
        }
    }

    fn receive_tcp(self: &Arc<Self>, inbound: &Inbound<'_>) -> Option<()> {
        let Inbound { from, to, .. } = *inbound;
        let segment = TcpPacket::new_checked(inbound.payload()).ok()?;
        if !inbound.vouched && !segment.verify_checksum(&from.into(), &to.into()) {
            self.counters.bad_checksums.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let key = FlowKey {
            local: SocketAddr::new(to, segment.dst_port()),
            remote: SocketAddr::new(from, segment.src_port()),
        };
        let flow = self.flows[shard(&key)].lock().get(&key).cloned();
        if let Some(flow) = flow {
            flow.input(self, &inbound.packet);
            return Some(());
        }
        let opening = segment.syn() && !segment.ack() && !segment.rst();
        if self.in_time_wait(&key, opening) {
            if segment.fin() {
                self.send_packet(&host::tcp_last_ack(from, to, &segment));
            }
            return Some(());
        }
        if opening {
            let spread = u64::from(key.remote.port());
            let listener = self.tcp_ports.lock().find(key.local, spread);
            if let Some(listener) = listener.filter(|l| !l.is_closed()) {
                if !listener.admit() {
                    // Silence, as Linux: the peer tries again.
                    self.counters.refused_handshakes.fetch_add(1, Ordering::Relaxed);
                    return Some(());
                }
                match Flow::passive(self, key, listener.clone()) {
                    Some(flow) => {
                        self.flows[shard(&key)].lock().insert(key, flow.clone());
                        flow.input(self, &inbound.packet);
                    }
                    None => listener.half_open_done(),
                }
                return Some(());
            }
        }
        if let Some(reset) = host::tcp_reset(from, to, &segment) {
            self.send_packet(&reset);
        }
        Some(())
    }

    fn receive_udp(self: &Arc<Self>, inbound: &Inbound<'_>) -> Option<()> {
        let Inbound { from, to, .. } = *inbound;
        let datagram = UdpPacket::new_checked(inbound.payload()).ok()?;
        // Over IPv6 the checksum is not optional (RFC 8200, 8.1).
        let unsummed = to.is_ipv6() && datagram.checksum() == 0;
        if unsummed || !inbound.vouched && !datagram.verify_checksum(&from.into(), &to.into()) {
            self.counters.bad_checksums.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let to = SocketAddr::new(to, datagram.dst_port());
        let from = SocketAddr::new(from, datagram.src_port());
        let target = self.udp_ports.lock().find(to, u64::from(from.port()))?;
        let bytes = datagram.payload().to_vec();
        let from = Address::Inet(from);
        // Without room, or for a socket connected elsewhere, it is lost, as on any network.
        let mut datagram = Some(Datagram { from, sender: 0, bytes, control: Control::default() });
        let _ = target.push(&mut datagram, None);
        Some(())
    }

    fn is_for_us(&self, to: Ipv6Addr) -> bool {
        self.six.lock().as_ref().is_some_and(|six| six.is_own(to))
    }

    fn listens_to(&self, to: Ipv6Addr) -> bool {
        self.six.lock().as_ref().is_some_and(|six| six.listens_to(to))
    }
}

/// The same packet without IPv4 options, which mean nothing to an end of a connection.
fn without_options(ip: &Ipv4Packet<&[u8]>) -> alloc::vec::Vec<u8> {
    let ends = (ip.src_addr().into(), ip.dst_addr().into());
    let payload = ip.payload();
    host::ip_packet(ends, ip.next_header(), ip.hop_limit(), payload.len(), |out| out.copy_from_slice(payload))
}

/// The protocol behind the extension headers (RFC 8200, 4), and how many bytes they are. `None` for a fragment, a
/// route that is not at its end, or headers that are cut.
fn upper_layer(first: IpProtocol, bytes: &[u8]) -> Option<(IpProtocol, usize)> {
    let (mut protocol, mut at) = (first, 0);
    loop {
        match protocol {
            IpProtocol::HopByHop | IpProtocol::Ipv6Opts | IpProtocol::Ipv6Route => {
                let header = bytes.get(at..at + 8)?;
                if protocol == IpProtocol::Ipv6Route && header[3] != 0 {
                    return None;
                }
                protocol = header[0].into();
                at += 8 + usize::from(header[1]) * 8;
                bytes.get(at..)?;
            }
            IpProtocol::Ipv6Frag => return None,
            other => return Some((other, at)),
        }
    }
}

/// The same packet without its `skipped` bytes of extension headers.
fn without_extensions(packet: &[u8], protocol: IpProtocol, skipped: usize) -> alloc::vec::Vec<u8> {
    let (header, rest) = packet.split_at(host::IPV6_HEADER);
    let mut plain = alloc::vec::Vec::with_capacity(packet.len() - skipped);
    plain.extend_from_slice(header);
    plain.extend_from_slice(&rest[skipped..]);
    let mut ip = Ipv6Packet::new_unchecked(&mut plain[..]);
    ip.set_next_header(protocol);
    ip.set_payload_len((rest.len() - skipped) as u16);
    plain
}
