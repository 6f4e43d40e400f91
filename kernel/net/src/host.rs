//! The host interface: its IPv4 configuration, headers, checksums, ICMP echo, and what answers segments that belong to
//! nobody. IPv6's configuration is in [`crate::ndp`].

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr,
    TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

/// Bytes of an Ethernet header.
pub const ETHERNET_HEADER: usize = 14;
/// Bytes of an IPv4 header without options.
pub const IPV4_HEADER: usize = 20;
/// Bytes of an IPv6 header.
pub const IPV6_HEADER: usize = 40;
/// The hop limit of packets that may be routed (RFC 1700).
pub const HOP_LIMIT: u8 = 64;

/// Bytes of the header of a packet to or from `address`.
pub fn header_len(address: IpAddr) -> usize {
    if address.is_ipv4() { IPV4_HEADER } else { IPV6_HEADER }
}

/// Addresses of the machine's one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// Own address.
    pub address: Ipv4Addr,
    /// Bits of the network prefix.
    pub prefix_len: u8,
    /// Router for everything outside the prefix.
    pub gateway: Option<Ipv4Addr>,
}

impl HostConfig {
    fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix_len.min(32))).unwrap_or(0)
    }

    /// Whether `address` is on the link.
    pub fn on_link(&self, address: Ipv4Addr) -> bool {
        (u32::from(address) ^ u32::from(self.address)) & self.mask() == 0
    }

    /// Whether `address` reaches all on the link.
    pub fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        address == Ipv4Addr::BROADCAST
            || (self.prefix_len < 31 && self.on_link(address) && u32::from(address) | self.mask() == u32::MAX)
    }

    /// The address that reaches all on the link.
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        (self.prefix_len < 31).then(|| Ipv4Addr::from(u32::from(self.address) | !self.mask()))
    }

    /// The link's network.
    pub fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & self.mask())
    }

    /// The neighbour through which `destination` is reached; `None`: unreachable.
    pub fn next_hop(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.on_link(destination) { Some(destination) } else { self.gateway }
    }
}

/// Writes an Ethernet header.
pub fn write_ethernet(frame: &mut [u8], from: [u8; 6], to: [u8; 6], protocol: EthernetProtocol) {
    let mut frame = EthernetFrame::new_unchecked(frame);
    frame.set_src_addr(EthernetAddress(from));
    frame.set_dst_addr(EthernetAddress(to));
    frame.set_ethertype(protocol);
}

/// Makes an IP packet with `payload_len` bytes that `fill` writes. Both addresses are of one family.
pub fn ip_packet(
    (from, to): (IpAddr, IpAddr),
    protocol: IpProtocol,
    hop_limit: u8,
    payload_len: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let header = header_len(from);
    let mut packet = alloc::vec![0; header + payload_len];
    match (from, to) {
        (IpAddr::V4(src_addr), IpAddr::V4(dst_addr)) => {
            Ipv4Repr { src_addr, dst_addr, next_header: protocol, payload_len, hop_limit }
                .emit(&mut Ipv4Packet::new_unchecked(&mut packet), &ChecksumCapabilities::default());
        }
        (from, to) => {
            let six = |address| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            };
            let (src_addr, dst_addr) = (six(from), six(to));
            Ipv6Repr { src_addr, dst_addr, next_header: protocol, payload_len, hop_limit }
                .emit(&mut Ipv6Packet::new_unchecked(&mut packet));
        }
    }
    fill(&mut packet[header..]);
    packet
}

/// Marks an IP packet with a type of service or traffic class.
pub fn set_class(packet: &mut [u8], class: u8) {
    match packet.first().map(|first| first >> 4) {
        _ if class == 0 => {}
        Some(4) if packet.len() >= header_len(Ipv4Addr::UNSPECIFIED.into()) => {
            let mut ip = Ipv4Packet::new_unchecked(packet);
            ip.set_dscp(class >> 2);
            ip.set_ecn(class & 3);
            ip.fill_checksum();
        }
        Some(6) if packet.len() >= header_len(Ipv6Addr::UNSPECIFIED.into()) => {
            Ipv6Packet::new_unchecked(packet).set_traffic_class(class);
        }
        _ => {}
    }
}

/// The reply to an ICMP echo request (RFC 792) from `from` to `own`, as an IP packet.
pub fn icmp_input(from: Ipv4Addr, own: Ipv4Addr, payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < 8 || payload[0] != 8 || payload[1] != 0 || internet_checksum(0, payload) != 0 {
        return None;
    }
    let ends = (own.into(), from.into());
    Some(ip_packet(ends, IpProtocol::Icmp, HOP_LIMIT, payload.len(), |out| {
        out.copy_from_slice(payload);
        out[0] = 0;
        out[2..4].fill(0);
        let sum = internet_checksum(0, out);
        out[2..4].copy_from_slice(&sum.to_be_bytes());
    }))
}

/// One's complement checksum of `bytes` (RFC 1071), starting from the unfolded sum `start`.
pub fn internet_checksum(start: u32, bytes: &[u8]) -> u16 {
    let mut sum = u64::from(start);
    let mut chunks = bytes.chunks_exact(2);
    for pair in &mut chunks {
        sum += u64::from(u16::from_be_bytes([pair[0], pair[1]]));
    }
    if let [last] = chunks.remainder() {
        sum += u64::from(*last) << 8;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Unfolded sum of the pseudo header of TCP, UDP and ICMPv6 (RFC 9293, 3.1; RFC 8200, 8.1).
pub fn pseudo_header_sum(from: IpAddr, to: IpAddr, protocol: u8, len: usize) -> u32 {
    let halves = |address: IpAddr| match address {
        IpAddr::V4(a) => (u32::from(a) >> 16) + (u32::from(a) & 0xffff),
        IpAddr::V6(a) => a.segments().into_iter().map(u32::from).sum(),
    };
    halves(from) + halves(to) + u32::from(protocol) + len as u32
}

/// Where a multicast group of IPv6 is on the link (RFC 2464, 7).
pub fn multicast_mac(group: Ipv6Addr) -> [u8; 6] {
    let [.., a, b, c, d] = group.octets();
    [0x33, 0x33, a, b, c, d]
}

/// The reset that answers a segment from `from` to `own` for which there is no connection (RFC 9293, 3.5.2), as an IP
/// packet. `None` when the segment is itself a reset.
pub fn tcp_reset(from: IpAddr, own: IpAddr, segment: &TcpPacket<&[u8]>) -> Option<Vec<u8>> {
    if segment.rst() {
        return None;
    }
    let ack = (!segment.ack()).then(|| segment.seq_number() + segment.segment_len());
    let repr = TcpRepr {
        src_port: segment.dst_port(),
        dst_port: segment.src_port(),
        control: TcpControl::Rst,
        seq_number: if segment.ack() { segment.ack_number() } else { TcpSeqNumber(0) },
        ack_number: ack,
        ..plain_segment()
    };
    Some(tcp_packet(own, from, &repr))
}

/// The acknowledgement that a connection in TIME-WAIT owes to a repeated FIN from `from`.
pub fn tcp_last_ack(from: IpAddr, own: IpAddr, segment: &TcpPacket<&[u8]>) -> Vec<u8> {
    let repr = TcpRepr {
        src_port: segment.dst_port(),
        dst_port: segment.src_port(),
        seq_number: segment.ack_number(),
        ack_number: Some(segment.seq_number() + segment.segment_len()),
        ..plain_segment()
    };
    tcp_packet(own, from, &repr)
}

fn plain_segment() -> TcpRepr<'static> {
    TcpRepr {
        src_port: 0,
        dst_port: 0,
        control: TcpControl::None,
        seq_number: TcpSeqNumber(0),
        ack_number: None,
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None, None, None],
        timestamp: None,
        payload: &[],
    }
}

fn tcp_packet(from: IpAddr, to: IpAddr, repr: &TcpRepr<'_>) -> Vec<u8> {
    ip_packet((from, to), IpProtocol::Tcp, HOP_LIMIT, repr.buffer_len(), |out| {
        repr.emit(
            &mut TcpPacket::new_unchecked(out),
            &from.into(),
            &to.into(),
            &ChecksumCapabilities::default(),
        );
    })
}
