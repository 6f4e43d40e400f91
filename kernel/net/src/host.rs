//! The host interface: addresses, the neighbour cache with its queue, ARP, ICMP echo, and resets for segments
//! that belong to nobody.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;
use osv_base::Instant;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress,
    IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

/// Bytes of an Ethernet header.
pub const ETHERNET_HEADER: usize = 14;
/// Bytes of an IPv4 header without options.
pub const IPV4_HEADER: usize = 20;

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
        /// An ARP request is due.
        ask: bool,
    },
}

/// Neighbour cache with a short queue for each address that is being asked for (RFC 1122, 2.3.2).
#[derive(Default)]
pub struct Neighbours {
    entries: BTreeMap<Ipv4Addr, Neighbour>,
}

impl Neighbours {
    /// Looks `hop` up for sending; `packet` makes the IP packet to keep when it is unknown.
    pub fn resolve(&mut self, hop: Ipv4Addr, now: Instant, packet: impl FnOnce() -> Vec<u8>) -> Resolution {
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
    pub fn known(&self, hop: Ipv4Addr, now: Instant) -> Option<[u8; 6]> {
        match self.entries.get(&hop) {
            Some(Neighbour::Known { mac, until }) if now < *until => Some(*mac),
            _ => None,
        }
    }

    /// `ip` is at `mac`; returns the packets that waited. Unasked for, only refreshes known neighbours unless
    /// `insert`.
    pub fn learn(&mut self, ip: Ipv4Addr, mac: [u8; 6], now: Instant, insert: bool) -> VecDeque<Vec<u8>> {
        if !insert && !self.entries.contains_key(&ip) || self.entries.len() >= NEIGHBOURS_MAX {
            return VecDeque::new();
        }
        match self.entries.insert(ip, Neighbour::Known { mac, until: now + VALID }) {
            Some(Neighbour::Asked { pending, .. }) => pending,
            _ => VecDeque::new(),
        }
    }
}

/// Writes an Ethernet header.
pub fn write_ethernet(frame: &mut [u8], from: [u8; 6], to: [u8; 6], protocol: EthernetProtocol) {
    let mut frame = EthernetFrame::new_unchecked(frame);
    frame.set_src_addr(EthernetAddress(from));
    frame.set_dst_addr(EthernetAddress(to));
    frame.set_ethertype(protocol);
}

/// An ARP request for `target`, as an Ethernet frame.
pub fn arp_request(mac: [u8; 6], own: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    arp_frame(ArpOperation::Request, mac, own, [0xff; 6], target)
}

fn arp_frame(operation: ArpOperation, mac: [u8; 6], own: Ipv4Addr, to: [u8; 6], target: Ipv4Addr) -> Vec<u8> {
    let request = operation == ArpOperation::Request;
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(mac),
        source_protocol_addr: own,
        target_hardware_addr: EthernetAddress(if request { [0; 6] } else { to }),
        target_protocol_addr: target,
    };
    let mut frame = alloc::vec![0; ETHERNET_HEADER + repr.buffer_len()];
    write_ethernet(&mut frame, mac, to, EthernetProtocol::Arp);
    repr.emit(&mut ArpPacket::new_unchecked(&mut frame[ETHERNET_HEADER..]));
    frame
}

/// What an ARP packet asks for or tells.
pub struct ArpInput {
    /// The sender, to be learned.
    pub sender: (Ipv4Addr, [u8; 6]),
    /// Whether the packet was meant for us, so that the sender is worth remembering.
    pub for_us: bool,
    /// The reply to send.
    pub reply: Option<Vec<u8>>,
}

/// Reads an ARP packet (RFC 826).
pub fn arp_input(packet: &[u8], mac: [u8; 6], own: Ipv4Addr) -> Option<ArpInput> {
    let packet = ArpPacket::new_checked(packet).ok()?;
    let ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    if !source_hardware_addr.is_unicast() || source_protocol_addr.is_unspecified() {
        return None;
    }
    let for_us = target_protocol_addr == own;
    let reply = (for_us && operation == ArpOperation::Request)
        .then(|| arp_frame(ArpOperation::Reply, mac, own, source_hardware_addr.0, source_protocol_addr));
    Some(ArpInput { sender: (source_protocol_addr, source_hardware_addr.0), for_us, reply })
}

/// Makes an IPv4 packet with `payload_len` bytes that `fill` writes.
pub fn ipv4_packet(
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: IpProtocol,
    payload_len: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let repr = Ipv4Repr { src_addr: from, dst_addr: to, next_header: protocol, payload_len, hop_limit: 64 };
    let mut packet = alloc::vec![0; IPV4_HEADER + payload_len];
    repr.emit(&mut Ipv4Packet::new_unchecked(&mut packet), &ChecksumCapabilities::default());
    fill(&mut packet[IPV4_HEADER..]);
    packet
}

/// The reply to an ICMP echo request (RFC 792), as an IPv4 packet.
pub fn icmp_input(ip: &Ipv4Packet<&[u8]>) -> Option<Vec<u8>> {
    let payload = ip.payload();
    if payload.len() < 8 || payload[0] != 8 || payload[1] != 0 || internet_checksum(0, payload) != 0 {
        return None;
    }
    Some(ipv4_packet(ip.dst_addr(), ip.src_addr(), IpProtocol::Icmp, payload.len(), |out| {
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

/// Unfolded sum of the pseudo header of TCP and UDP over IPv4.
pub fn pseudo_header_sum(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, len: usize) -> u32 {
    let halves = |a: Ipv4Addr| (u32::from(a) >> 16) + (u32::from(a) & 0xffff);
    halves(from) + halves(to) + u32::from(protocol) + len as u32
}

/// The reset that answers a segment for which there is no connection (RFC 9293, 3.5.2), as an IPv4 packet.
/// `None` when the segment is itself a reset.
pub fn tcp_reset(ip: &Ipv4Packet<&[u8]>, segment: &TcpPacket<&[u8]>) -> Option<Vec<u8>> {
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
    Some(tcp_packet(ip.dst_addr(), ip.src_addr(), &repr))
}

/// The acknowledgement that a connection in TIME-WAIT owes to a repeated FIN.
pub fn tcp_last_ack(ip: &Ipv4Packet<&[u8]>, segment: &TcpPacket<&[u8]>) -> Vec<u8> {
    let repr = TcpRepr {
        src_port: segment.dst_port(),
        dst_port: segment.src_port(),
        seq_number: segment.ack_number(),
        ack_number: Some(segment.seq_number() + segment.segment_len()),
        ..plain_segment()
    };
    tcp_packet(ip.dst_addr(), ip.src_addr(), &repr)
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

fn tcp_packet(from: Ipv4Addr, to: Ipv4Addr, repr: &TcpRepr<'_>) -> Vec<u8> {
    ipv4_packet(from, to, IpProtocol::Tcp, repr.buffer_len(), |out| {
        repr.emit(
            &mut TcpPacket::new_unchecked(out),
            &IpAddress::Ipv4(from),
            &IpAddress::Ipv4(to),
            &ChecksumCapabilities::default(),
        );
    })
}
