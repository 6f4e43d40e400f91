//! Autoconfiguration against the numbers of the RFCs, and against whatever the link may send.

use super::*;
use crate::host::IPV6_HEADER;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::Duration as SmolDuration;
use smoltcp::wire::{
    Icmpv6Packet, Icmpv6Repr, Ipv6Packet, NdiscNeighborFlags, NdiscPrefixInfoFlags, NdiscPrefixInformation,
    NdiscRepr, NdiscRouterFlags, RawHardwareAddress,
};
use std::string::ToString;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const LINK_LOCAL: &str = "fe80::5054:ff:fe12:3456";
const GLOBAL: &str = "2001:db8::5054:ff:fe12:3456";
const ROUTER: &str = "fe80::2";
const ROUTER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const START: Instant = Instant(1_000_000_000);

fn ip(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn after(seconds: u64) -> Instant {
    START + Duration::from_secs(seconds)
}

/// What another implementation makes of a message.
fn read(packet: &[u8]) -> (Ipv6Addr, Ipv6Addr, u8, Icmpv6Repr<'_>) {
    let ip = Ipv6Packet::new_checked(packet).unwrap();
    let message = Icmpv6Packet::new_checked(ip.payload()).unwrap();
    let repr = Icmpv6Repr::parse(&ip.src_addr(), &ip.dst_addr(), &message, &ChecksumCapabilities::default());
    (ip.src_addr(), ip.dst_addr(), ip.hop_limit(), repr.unwrap())
}

/// A message that another implementation made.
fn message(from: Ipv6Addr, to: Ipv6Addr, repr: &NdiscRepr<'_>) -> Vec<u8> {
    let repr = Icmpv6Repr::Ndisc(*repr);
    let mut bytes = std::vec![0; repr.buffer_len()];
    repr.emit(&from, &to, &mut Icmpv6Packet::new_unchecked(&mut bytes[..]), &ChecksumCapabilities::default());
    assert!(verified(from, to, &bytes));
    bytes
}

fn advertisement(router_lifetime: u64, prefix: &str, valid: u64, preferred: u64) -> Vec<u8> {
    let seconds = SmolDuration::from_secs;
    let repr = NdiscRepr::RouterAdvert {
        hop_limit: 64,
        flags: NdiscRouterFlags::empty(),
        router_lifetime: seconds(router_lifetime),
        reachable_time: seconds(0),
        retrans_time: seconds(0),
        lladdr: Some(RawHardwareAddress::from_bytes(&ROUTER_MAC)),
        mtu: None,
        prefix_info: Some(NdiscPrefixInformation {
            prefix_len: 64,
            flags: NdiscPrefixInfoFlags::ON_LINK | NdiscPrefixInfoFlags::ADDRCONF,
            valid_lifetime: seconds(valid),
            preferred_lifetime: seconds(preferred),
            prefix: ip(prefix),
        }),
    };
    message(ip(ROUTER), message::ALL_NODES, &repr)
}

fn up() -> Host6 {
    Host6::new(MAC, START).0
}

fn hear(host: &mut Host6, from: &str, to: Ipv6Addr, bytes: &[u8], now: Instant) -> Outcome {
    host.input((ip(from), to), 255, ROUTER_MAC, bytes, now)
}

fn configured() -> Host6 {
    let mut host = up();
    let outcome = hear(
        &mut host,
        ROUTER,
        message::ALL_NODES,
        &advertisement(1800, "2001:db8::", 86_400, 14_400),
        START,
    );
    assert_eq!(outcome.learned, Some((ip(ROUTER), ROUTER_MAC, true)));
    host
}

fn own(host: &Host6) -> Vec<std::string::String> {
    host.addresses().iter().map(|own| own.address.to_string()).collect()
}

#[test]
fn an_interface_takes_its_link_local_address_and_asks_whether_it_is_alone() {
    let (host, outcome) = Host6::new(MAC, START);
    assert_eq!(own(&host), [LINK_LOCAL]);
    let [report, asked] = &outcome.send[..] else { panic!("{outcome:?}") };
    let (from, to, hop_limit, repr) = read(asked);
    assert_eq!((from, to, hop_limit), (ip("::"), ip("ff02::1:ff12:3456"), 255));
    assert_eq!(
        repr,
        Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: ip(LINK_LOCAL), lladdr: None })
    );
    // The report lies behind a Router Alert and names the group.
    let report = Ipv6Packet::new_checked(&report[..]).unwrap();
    assert_eq!((report.dst_addr(), report.hop_limit()), (ip("ff02::16"), 1));
    let body = &report.payload()[8..];
    assert!(verified(report.src_addr(), report.dst_addr(), body));
    assert_eq!(body[12..], ip("ff02::1:ff12:3456").octets());
}

#[test]
fn routers_are_asked_for_three_times() {
    let mut host = up();
    let mut sent = Vec::new();
    let mut now = START;
    for _ in 0..10 {
        let mut outcome = Outcome::default();
        let next = host.poll(now, &mut outcome);
        sent.extend(outcome.send.iter().map(|_| now));
        let Some(next) = next else { break };
        now = next;
    }
    assert_eq!(sent, [START, after(4), after(8)]);
}

#[test]
fn a_router_gives_a_prefix_and_a_way_out() {
    let host = configured();
    assert_eq!(own(&host), [LINK_LOCAL, GLOBAL]);
    assert_eq!(host.router(), Some(ip(ROUTER)));
    assert_eq!(host.next_hop(ip("2001:db8::7")), Some(ip("2001:db8::7")));
    assert_eq!(host.next_hop(ip("2606:4700::1111")), Some(ip(ROUTER)));
    assert_eq!(host.source_for(ip("2606:4700::1111"), START), Some(ip(GLOBAL)));
    assert_eq!(host.source_for(ip("fe80::9"), START), Some(ip(LINK_LOCAL)));
    let mut host = host;
    assert_eq!(host.poll(START, &mut Outcome::default()), Some(after(1800)), "no more solicitations");
}

#[test]
fn without_a_router_there_is_no_way_out() {
    let host = up();
    assert_eq!(host.next_hop(ip("2001:db8::7")), None);
    assert_eq!(host.source_for(ip("2001:db8::7"), START), None);
}

#[test]
fn lifetimes_end() {
    let mut host = configured();
    let mut outcome = Outcome::default();
    host.poll(after(1800), &mut outcome);
    assert_eq!(host.router(), None);
    host.poll(after(86_400), &mut outcome);
    assert_eq!(own(&host), [LINK_LOCAL]);
    assert_eq!(outcome.lost, [ip(GLOBAL)]);
    assert_eq!(host.next_hop(ip("2001:db8::7")), None);
}

#[test]
fn an_advertisement_shortens_a_lifetime_to_two_hours_at_most() {
    let mut host = configured();
    hear(&mut host, ROUTER, message::ALL_NODES, &advertisement(1800, "2001:db8::", 1, 1), START);
    let until = |host: &Host6| host.addresses()[1].valid_until;
    assert_eq!(until(&host), Some(after(7200)));
    // Within the last two hours it is left alone, and a longer one counts.
    hear(&mut host, ROUTER, message::ALL_NODES, &advertisement(1800, "2001:db8::", 1, 1), after(100));
    assert_eq!(until(&host), Some(after(7200)));
    hear(&mut host, ROUTER, message::ALL_NODES, &advertisement(1800, "2001:db8::", 7150, 1), after(100));
    assert_eq!(until(&host), Some(after(7250)));
}

#[test]
fn a_deprecated_address_is_the_last_choice() {
    let mut host = configured();
    hear(
        &mut host,
        ROUTER,
        message::ALL_NODES,
        &advertisement(1800, "2001:db9::", 86_400, 14_400),
        after(15_000),
    );
    assert_eq!(host.source_for(ip("2001:db8::7"), after(15_000)), Some(ip("2001:db9::5054:ff:fe12:3456")));
}

#[test]
fn what_crossed_a_router_is_not_believed() {
    let mut host = up();
    let bytes = advertisement(1800, "2001:db8::", 86_400, 14_400);
    let ends = (ip(ROUTER), message::ALL_NODES);
    assert_eq!(host.input(ends, 254, ROUTER_MAC, &bytes, START), Outcome::default());
    assert_eq!(own(&host), [LINK_LOCAL]);
    // A router speaks from its link-local address.
    let ends = (ip("2001:db8::1"), message::ALL_NODES);
    assert_eq!(host.input(ends, 255, ROUTER_MAC, &bytes, START), Outcome::default());
}

fn solicit(target: &str, lladdr: Option<[u8; 6]>) -> NdiscRepr<'static> {
    let lladdr = lladdr.map(|mac| RawHardwareAddress::from_bytes(&mac));
    NdiscRepr::NeighborSolicit { target_addr: ip(target), lladdr }
}

#[test]
fn a_neighbour_is_told_where_we_are() {
    let mut host = configured();
    let group = ip("ff02::1:ff12:3456");
    assert!(host.listens_to(group) && !host.listens_to(ip("ff02::1:ff12:3457")));
    let bytes = message(ip("fe80::9"), group, &solicit(GLOBAL, Some([2, 0, 0, 0, 0, 9])));
    let outcome = hear(&mut host, "fe80::9", group, &bytes, START);
    assert_eq!(outcome.learned, Some((ip("fe80::9"), [2, 0, 0, 0, 0, 9], true)));
    let (from, to, hop_limit, repr) = read(&outcome.send[0]);
    assert_eq!((from, to, hop_limit), (ip(GLOBAL), ip("fe80::9"), 255));
    let flags = NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE;
    let lladdr = Some(RawHardwareAddress::from_bytes(&MAC));
    let expected = NdiscRepr::NeighborAdvert { flags, target_addr: ip(GLOBAL), lladdr };
    assert_eq!(repr, Icmpv6Repr::Ndisc(expected));
    // An address that is not ours is not answered for.
    let bytes = message(ip("fe80::9"), group, &solicit("2001:db8::7", None));
    assert_eq!(hear(&mut host, "fe80::9", group, &bytes, START), Outcome::default());
}

#[test]
fn an_answer_is_learned() {
    let mut host = configured();
    let lladdr = Some(RawHardwareAddress::from_bytes(&[2, 0, 0, 0, 0, 7]));
    let flags = NdiscNeighborFlags::SOLICITED;
    let repr = NdiscRepr::NeighborAdvert { flags, target_addr: ip("2001:db8::7"), lladdr };
    let bytes = message(ip("2001:db8::7"), ip(GLOBAL), &repr);
    let outcome = hear(&mut host, "2001:db8::7", ip(GLOBAL), &bytes, START);
    assert_eq!(outcome.learned, Some((ip("2001:db8::7"), [2, 0, 0, 0, 0, 7], false)));
}

#[test]
fn an_address_that_another_has_is_given_up_while_we_ask_and_defended_later() {
    let group = ip("ff02::1:ff12:3456");
    let asks = message(ip("::"), group, &solicit(LINK_LOCAL, None));
    let mut host = up();
    let outcome = hear(&mut host, "::", group, &asks, START);
    assert_eq!((outcome.duplicate, own(&host).len()), (Some(ip(LINK_LOCAL)), 0));

    let mut host = up();
    let outcome = hear(&mut host, "::", group, &asks, after(2));
    assert_eq!((outcome.duplicate, own(&host).len()), (None, 1));
    let (from, to, _, repr) = read(&outcome.send[0]);
    assert_eq!((from, to), (ip(LINK_LOCAL), ip("ff02::1")));
    assert!(
        matches!(repr, Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { target_addr, .. }) if target_addr == from)
    );
}

#[test]
fn resolvers_are_taken_from_an_advertisement() {
    let mut host = up();
    let mut bytes = advertisement(1800, "2001:db8::", 86_400, 14_400);
    bytes.extend([25, 3, 0, 0, 0, 0, 0, 60]);
    bytes.extend(ip("2001:db8::53").octets());
    assert!(hear(&mut host, ROUTER, message::ALL_NODES, &bytes, START).new_resolvers);
    assert_eq!(host.resolvers(), [ip("2001:db8::53")]);
    assert!(!hear(&mut host, ROUTER, message::ALL_NODES, &bytes, START).new_resolvers);
}

#[test]
fn an_echo_request_is_answered() {
    let mut host = configured();
    let repr = Icmpv6Repr::EchoRequest { ident: 7, seq_no: 1, data: b"abc" };
    let mut bytes = std::vec![0; repr.buffer_len()];
    let (from, to) = (ip("2606:4700::1111"), ip(GLOBAL));
    repr.emit(&from, &to, &mut Icmpv6Packet::new_unchecked(&mut bytes[..]), &ChecksumCapabilities::default());
    let outcome = host.input((from, to), 60, ROUTER_MAC, &bytes, START);
    let (back_from, back_to, _, repr) = read(&outcome.send[0]);
    assert_eq!((back_from, back_to), (to, from));
    assert_eq!(repr, Icmpv6Repr::EchoReply { ident: 7, seq_no: 1, data: b"abc" });
}

#[test]
fn advertisements_without_end_fill_no_memory() {
    let mut host = up();
    for n in 0..1000u64 {
        let prefix = std::format!("2001:db8:{n:x}::");
        let router = std::format!("fe80::{:x}", n + 2);
        let bytes = advertisement(1800, &prefix, 86_400, 14_400);
        hear(&mut host, &router, message::ALL_NODES, &bytes, START);
    }
    assert_eq!(host.addresses.len(), ADDRESSES_MAX);
    assert_eq!((host.routers.len(), host.on_link.len()), (ROUTERS_MAX, PREFIXES_MAX));
}

proptest! {
    /// Whatever comes, the answer is an answer.
    #[test]
    fn any_bytes_are_borne(
        kind in prop_oneof![Just(128u8), 133..=136u8, any::<u8>()],
        rest in proptest::collection::vec(any::<u8>(), 0..120),
        from in any::<u128>(),
        seconds in 0..100_000u64,
    ) {
        let mut host = configured();
        let mut bytes = std::vec![kind, 0, 0, 0];
        bytes.extend(rest);
        for (from, to) in [(Ipv6Addr::from(from), ip(GLOBAL)), (ip(ROUTER), message::ALL_NODES)] {
            let outcome = host.input((from, to), 255, ROUTER_MAC, &bytes, after(seconds));
            for packet in outcome.send {
                prop_assert!(packet.len() > IPV6_HEADER && Ipv6Packet::new_checked(&packet[..]).is_ok());
            }
            host.poll(after(seconds), &mut Outcome::default());
        }
    }
}
