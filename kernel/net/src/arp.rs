//! ARP (RFC 826) over Ethernet.

use crate::host::{ETHERNET_HEADER, write_ethernet};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetProtocol};

/// An ARP request for `target`, as an Ethernet frame.
pub fn request(mac: [u8; 6], own: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    frame(ArpOperation::Request, mac, own, [0xff; 6], target)
}

fn frame(operation: ArpOperation, mac: [u8; 6], own: Ipv4Addr, to: [u8; 6], target: Ipv4Addr) -> Vec<u8> {
    let request = operation == ArpOperation::Request;
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(mac),
        source_protocol_addr: own,
        target_hardware_addr: EthernetAddress(if request { [0; 6] } else { to }),
        target_protocol_addr: target,
    };
    let mut bytes = alloc::vec![0; ETHERNET_HEADER + repr.buffer_len()];
    write_ethernet(&mut bytes, mac, to, EthernetProtocol::Arp);
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes[ETHERNET_HEADER..]));
    bytes
}

/// What an ARP packet asks for or tells.
pub struct Input {
    /// The sender, to be learned.
    pub sender: (Ipv4Addr, [u8; 6]),
    /// Whether the packet was meant for us, so that the sender is worth remembering.
    pub for_us: bool,
    /// The reply to send.
    pub reply: Option<Vec<u8>>,
}

/// Reads an ARP packet (RFC 826).
pub fn input(packet: &[u8], mac: [u8; 6], own: Ipv4Addr) -> Option<Input> {
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
        .then(|| frame(ArpOperation::Reply, mac, own, source_hardware_addr.0, source_protocol_addr));
    Some(Input { sender: (source_protocol_addr, source_hardware_addr.0), for_us, reply })
}
