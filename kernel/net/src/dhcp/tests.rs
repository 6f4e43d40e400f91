//! The client against a server that is made of smoltcp's wire types, over time that the test makes.

use super::{Change, Client, Lease};
use crate::host::{self, ETHERNET_HEADER, HostConfig};
use osv_base::Instant;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress,
    IpProtocol, Ipv4Packet, UdpPacket, UdpRepr,
};
use std::net::Ipv4Addr;
use std::time::Duration;
use std::vec::Vec;

pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
pub(crate) const SERVER_MAC: [u8; 6] = [2, 9, 9, 9, 9, 9];
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

/// What the server is to say.
pub(crate) struct Server {
    pub(crate) offers: Ipv4Addr,
    pub(crate) lease_secs: u32,
    pub(crate) refuses: bool,
    pub(crate) mute: bool,
    pub(crate) heard: Vec<DhcpMessageType>,
}

impl Server {
    pub(crate) fn new(offers: Ipv4Addr) -> Server {
        Server { offers, lease_secs: 600, refuses: false, mute: false, heard: Vec::new() }
    }

    /// The answer to a frame of the client's.
    pub(crate) fn answer(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let ethernet = EthernetFrame::new_checked(frame).unwrap();
        let mac = ethernet.src_addr().0;
        if self.mute {
            return None;
        }
        if ethernet.ethertype() == EthernetProtocol::Arp {
            return crate::arp::input(ethernet.payload(), SERVER_MAC, SERVER).and_then(|input| input.reply);
        }
        let ip = Ipv4Packet::new_checked(ethernet.payload()).unwrap();
        let udp = UdpPacket::new_checked(ip.payload()).unwrap();
        if udp.dst_port() != 67 {
            return None;
        }
        let packet = DhcpPacket::new_checked(udp.payload()).unwrap();
        let asked = DhcpRepr::parse(&packet).unwrap();
        self.heard.push(asked.message_type);
        let message_type = match asked.message_type {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            DhcpMessageType::Request if self.refuses => DhcpMessageType::Nak,
            DhcpMessageType::Request => DhcpMessageType::Ack,
            _ => return None,
        };
        let reply = DhcpRepr {
            message_type,
            transaction_id: asked.transaction_id,
            secs: 0,
            client_hardware_address: EthernetAddress(mac),
            client_ip: Ipv4Addr::UNSPECIFIED,
            your_ip: self.offers,
            server_ip: SERVER,
            router: Some(SERVER),
            subnet_mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: false,
            requested_ip: None,
            client_identifier: None,
            server_identifier: Some(SERVER),
            parameter_request_list: None,
            dns_servers: Some([Ipv4Addr::new(10, 9, 0, 53)].into_iter().collect()),
            max_size: None,
            lease_duration: Some(self.lease_secs),
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let udp = UdpRepr { src_port: 67, dst_port: 68 };
        let len = udp.header_len() + reply.buffer_len();
        let packet = host::ip_packet((SERVER.into(), self.offers.into()), IpProtocol::Udp, 64, len, |out| {
            let (from, to) = (IpAddress::Ipv4(SERVER), IpAddress::Ipv4(self.offers));
            let emit = |payload: &mut [u8]| reply.emit(&mut DhcpPacket::new_unchecked(payload)).unwrap();
            let checksums = ChecksumCapabilities::default();
            udp.emit(&mut UdpPacket::new_unchecked(out), &from, &to, reply.buffer_len(), emit, &checksums);
        });
        let mut frame = std::vec![0; ETHERNET_HEADER + packet.len()];
        host::write_ethernet(&mut frame, SERVER_MAC, mac, EthernetProtocol::Ipv4);
        frame[ETHERNET_HEADER..].copy_from_slice(&packet);
        Some(frame)
    }
}

struct Net {
    client: Client,
    server: Server,
    now: Instant,
}

impl Net {
    fn new(offers: Ipv4Addr) -> Net {
        let now = Instant(1_000_000_000);
        Net { client: Client::new(MAC, 1500, 7, now), server: Server::new(offers), now }
    }

    /// Lets the two talk for so long, and tells what the client made of it.
    fn run(&mut self, time: Duration) -> Vec<Change> {
        let until = self.now + time;
        let mut changes = Vec::new();
        let mut frames: Vec<Vec<u8>> = Vec::new();
        loop {
            let frame = (!frames.is_empty()).then(|| frames.remove(0));
            let mut sent = Vec::new();
            let (change, next) =
                self.client.poll(self.now, frame.as_deref(), &mut |frame| sent.push(frame.to_vec()));
            changes.extend(change);
            frames.extend(sent.iter().filter_map(|frame| self.server.answer(frame)));
            if frames.is_empty() {
                if next > until {
                    self.now = until;
                    return changes;
                }
                self.now = next;
            }
        }
    }
}

fn lease(address: Ipv4Addr) -> Lease {
    let config = HostConfig { address, prefix_len: 24, gateway: Some(SERVER) };
    Lease { config, dns: std::vec![Ipv4Addr::new(10, 9, 0, 53)] }
}

const FIRST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 20);
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 21);

#[test]
fn a_lease_is_had_and_renewed_without_a_change() {
    let mut net = Net::new(FIRST);
    assert_eq!(net.run(Duration::from_secs(1)), [Change::Bound(lease(FIRST))]);
    let asked = net.server.heard.len();
    assert_eq!(net.run(Duration::from_secs(3600)), [], "the same lease, renewed, is no news");
    assert!(net.server.heard[asked..].iter().all(|m| *m == DhcpMessageType::Request));
    assert!(net.server.heard.len() >= asked + 6, "half the lease, again and again");
}

#[test]
fn a_server_that_is_late_is_asked_again() {
    let mut net = Net::new(FIRST);
    net.server.mute = true;
    assert_eq!(net.run(Duration::from_secs(30)), []);
    net.server.mute = false;
    assert_eq!(net.run(Duration::from_secs(10)), [Change::Bound(lease(FIRST))]);
}

#[test]
fn a_lease_that_is_not_renewed_is_lost_and_another_taken() {
    let mut net = Net::new(FIRST);
    net.run(Duration::from_secs(1));
    net.server.mute = true;
    assert_eq!(net.run(Duration::from_secs(700)), [Change::Lost]);
    net.server.mute = false;
    net.server.offers = SECOND;
    assert_eq!(net.run(Duration::from_secs(10)), [Change::Bound(lease(SECOND))]);
}

#[test]
fn a_renewal_with_another_address_is_told() {
    let mut net = Net::new(FIRST);
    net.run(Duration::from_secs(1));
    net.server.offers = SECOND;
    let changes = net.run(Duration::from_secs(700));
    assert_eq!(changes.last(), Some(&Change::Bound(lease(SECOND))));
}

#[test]
fn a_server_that_says_no_is_asked_for_another() {
    let mut net = Net::new(FIRST);
    net.run(Duration::from_secs(1));
    net.server.refuses = true;
    let heard = net.server.heard.len();
    assert_eq!(net.run(Duration::from_secs(400)), [Change::Lost]);
    assert!(net.server.heard.len() - heard < 800, "it does not shout");
    net.server.refuses = false;
    assert_eq!(net.run(Duration::from_secs(60)), [Change::Bound(lease(FIRST))]);
}

proptest! {
    #[test]
    fn damaged_answers_do_no_harm(at in 0usize..320, value: u8, cut in 0usize..320) {
        let mut client = Client::new(MAC, 1500, 7, Instant(0));
        let mut server = Server::new(FIRST);
        let mut sent = Vec::new();
        client.poll(Instant(0), None, &mut |frame| sent.push(frame.to_vec()));
        let mut answer = server.answer(&sent[0]).unwrap();
        if let Some(byte) = answer.get_mut(at) {
            *byte = value;
        }
        answer.truncate(answer.len().saturating_sub(cut).max(ETHERNET_HEADER));
        if let Ok(frame) = EthernetFrame::new_checked(&answer[..]) {
            let _ = super::is_for_client(&frame);
        }
        client.poll(Instant(1_000_000), Some(&answer), &mut |_| {});
    }
}
