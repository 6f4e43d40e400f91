//! IPv6 over the link: two stacks that know each other by nothing but their link.

use super::{Net, echo, recv_to_end, send_all};
use crate::address::Address;
use crate::control::Control;
use crate::socket::{Family, Kind, MessageFlags, Socket};
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Fail};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::vec;

fn net(lose: u64) -> Net {
    let net = Net::new(lose);
    net.stacks.iter().for_each(|stack| stack.start_ipv6(|_| {}));
    net
}

/// The link-local address of a stack.
fn address(net: &Net, i: usize) -> Ipv6Addr {
    net.stacks[i].addresses6()[0].address
}

fn at(ip: Ipv6Addr, port: u16) -> Address {
    Address::Inet(SocketAddr::new(ip.into(), port))
}

fn socket(net: &Net, i: usize, kind: Kind) -> Arc<Socket> {
    Socket::new(&net.stacks[i], Family::Inet6, kind).unwrap()
}

fn listener(net: &Net, port: u16) -> Arc<Socket> {
    let socket = socket(net, 0, Kind::Stream);
    socket.bind(&at(Ipv6Addr::UNSPECIFIED, port)).unwrap();
    socket.listen(16).unwrap();
    socket
}

#[test]
fn a_stream_comes_back_whole() {
    let net = net(0);
    let to = at(address(&net, 0), 7);
    echo(listener(&net, 7), socket(&net, 1, Kind::Stream), to, 1_000_000);
}

#[test]
fn a_stream_survives_loss() {
    let net = net(41);
    let to = at(address(&net, 0), 7);
    echo(listener(&net, 7), socket(&net, 1, Kind::Stream), to, 50_000);
}

#[test]
fn both_families_reach_a_dual_stack_listener_over_the_link() {
    let net = net(0);
    let server = listener(&net, 7);
    for (family, to) in [
        (Family::Inet6, at(address(&net, 0), 7)),
        (Family::Inet, super::at(super::ADDRESSES[0], 7)),
        (Family::Inet6, at(super::ADDRESSES[0].to_ipv6_mapped(), 7)),
    ] {
        let client = Socket::new(&net.stacks[1], family, Kind::Stream).unwrap();
        client.connect(&to, false).unwrap();
        let peer = server.accept(false).unwrap();
        send_all(&client, b"x");
        client.shutdown(crate::stream::Shutdown::Write).unwrap();
        assert_eq!(recv_to_end(&peer), b"x");
        assert!(matches!(peer.peer(), Ok(Address::Inet(from)) if from.is_ipv6()), "{:?}", peer.peer());
    }
}

#[test]
fn datagrams_reach_the_other_end() {
    let net = net(0);
    let server = socket(&net, 0, Kind::Datagram);
    server.bind(&at(Ipv6Addr::UNSPECIFIED, 53)).unwrap();
    let client = socket(&net, 1, Kind::Datagram);
    let to = at(address(&net, 0), 53);
    let flags = MessageFlags::default();
    client.send(&mut SliceSource::new(b"query"), Some(&to), flags, &mut Control::default()).unwrap();
    let mut buf = [0; 16];
    let received = server.recv(&mut SliceSink::new(&mut buf), flags).unwrap();
    let from = IpAddr::V6(address(&net, 1));
    assert!(matches!(received.from, Some(Address::Inet(a)) if a.ip() == from));
    assert_eq!(&buf[..received.len], b"query");
    let long = vec![0; 1500 - 40 - 8 + 1];
    let sent = client.send(&mut SliceSource::new(&long), Some(&to), flags, &mut Control::default());
    assert_eq!(sent, Err(Fail::Errno(Errno::EMSGSIZE)));
}

#[test]
fn nobody_listening_refuses_and_nowhere_is_unreachable() {
    let net = net(0);
    let refused = socket(&net, 1, Kind::Stream).connect(&at(address(&net, 0), 9), false);
    assert_eq!(refused, Err(Fail::Errno(Errno::ECONNREFUSED)));
    let nowhere = socket(&net, 1, Kind::Stream).connect(&at("2001:db8::1".parse().unwrap(), 9), false);
    assert_eq!(nowhere, Err(Fail::Errno(Errno::ENETUNREACH)));
}

#[test]
fn an_own_address_is_within_the_machine() {
    let net = net(0);
    let to = at(address(&net, 0), 7);
    echo(listener(&net, 7), socket(&net, 0, Kind::Stream), to, 10_000);
    assert_eq!(net.stacks[0].flow_count(), 0);
}

#[test]
fn a_link_local_address_is_shown_with_its_scope() {
    let mut bytes = [0; 128];
    assert_eq!(at("fe80::1".parse().unwrap(), 7).encode(&mut bytes), 28);
    assert_eq!(bytes[24..28], 2u32.to_ne_bytes());
    at("2001:db8::1".parse().unwrap(), 7).encode(&mut bytes);
    assert_eq!(bytes[24..28], [0; 4]);
}
