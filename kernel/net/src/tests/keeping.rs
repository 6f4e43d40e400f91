//! How long a silent peer is waited for, and how packets are marked.

use super::stream::{Weather, World};
use super::{ADDRESSES, at};
use crate::control::Control;
use crate::host::ETHERNET_HEADER;
use crate::options::{level, mark, so, tcp};
use crate::socket::{Family, Kind, MessageFlags, Socket};
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Fail, Res};
use osv_sync::Events;
use osv_vfs::file::File;
use smoltcp::wire::{IpProtocol, Ipv4Packet, TcpPacket};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

const HOUR: Duration = Duration::from_secs(3600);
const FAIR: Weather = Weather { seed: 1, lost: 0, doubled: 0, delay: 1 };
const NOW: MessageFlags =
    MessageFlags { nonblock: true, more: false, peek: false, wait_all: false, errors: false };

fn set(socket: &Socket, level: i32, name: i32, value: i32) -> Res<()> {
    socket.set_option(level, name, &value.to_ne_bytes())
}

fn get(socket: &Socket, level: i32, name: i32) -> i32 {
    let mut bytes = [0; 4];
    assert_eq!(socket.get_option(level, name, &mut bytes), Ok(4));
    i32::from_ne_bytes(bytes)
}

fn send(socket: &Socket, bytes: &[u8]) -> Res<usize> {
    socket.send(&mut SliceSource::new(bytes), None, NOW, &mut Control::default())
}

fn recv(socket: &Socket) -> Res<usize> {
    let mut bytes = std::vec![0; 1 << 16];
    Ok(socket.recv(&mut SliceSink::new(&mut bytes), NOW)?.len)
}

impl World {
    /// From now on nothing arrives.
    fn cut(&self) {
        self.air.lock().unwrap().weather.lost = 100;
    }

    /// Seconds until `socket` has an error, up to an hour.
    fn fails_after(&self, socket: &Socket) -> u64 {
        for second in 0..3600 {
            if socket.poll().contains(Events::ERR) {
                assert_eq!(get(socket, level::SOL_SOCKET, so::ERROR), Errno::ETIMEDOUT.get());
                return second;
            }
            self.run(Duration::from_secs(1));
        }
        panic!("an hour without an error");
    }

    fn watch(&self) {
        self.air.lock().unwrap().sent = Some(Vec::new());
    }

    /// Packets of IPv4 to `end` since the last look: when, and what.
    fn seen(&self, end: usize) -> Vec<(u64, Vec<u8>)> {
        let sent = self.air.lock().unwrap().sent.replace(Vec::new()).unwrap();
        let packets = sent.into_iter().filter(|(_, to, frame)| *to == end && frame[12..14] == [8, 0]);
        packets.map(|(at, _, frame)| (at / 1_000_000_000, frame[ETHERNET_HEADER..].to_vec())).collect()
    }
}

#[test]
fn a_connection_may_be_silent_for_hours() {
    let world = World::new(FAIR);
    let [server, client] = world.connected();
    world.watch();
    world.run(5 * HOUR);
    assert!(world.seen(0).is_empty() && world.seen(1).is_empty(), "nobody asked for probes");
    assert_eq!(send(&client, b"still here"), Ok(10));
    world.run(Duration::from_secs(1));
    assert_eq!(recv(&server), Ok(10));
    // Nor does the end of a long silence time out.
    world.run(HOUR);
    client.released();
    world.run(Duration::from_secs(1));
    assert_eq!(recv(&server), Ok(0));
}

#[test]
fn what_is_not_acknowledged_is_given_up() {
    let world = World::new(FAIR);
    let [_server, client] = world.connected();
    world.run(HOUR);
    world.cut();
    assert_eq!(send(&client, b"x"), Ok(1));
    let after = world.fails_after(&client);
    assert!((924..926).contains(&after), "{after} seconds, tcp_retries2 comes to 924");
    assert_eq!(send(&client, b"x"), Err(Fail::Errno(Errno::EPIPE)));
}

#[test]
fn the_user_says_how_long_data_may_be_unacknowledged() {
    let world = World::new(FAIR);
    let [_server, client] = world.connected();
    set(&client, level::IPPROTO_TCP, tcp::USER_TIMEOUT, 30_000).unwrap();
    world.run(HOUR);
    world.cut();
    assert_eq!(send(&client, b"x"), Ok(1));
    let after = world.fails_after(&client);
    assert!((30..32).contains(&after), "{after} seconds");
}

#[test]
fn probes_keep_a_connection_while_they_are_answered() {
    let world = World::new(FAIR);
    let [server, client] = world.connected();
    world.run(HOUR);
    for (name, value) in [(tcp::KEEPIDLE, 100), (tcp::KEEPINTVL, 10), (tcp::KEEPCNT, 3)] {
        set(&client, level::IPPROTO_TCP, name, value).unwrap();
    }
    world.watch();
    set(&client, level::SOL_SOCKET, so::KEEPALIVE, 1).unwrap();
    world.run(Duration::from_secs(1050));
    let probes = world.seen(0);
    assert_eq!(probes.len(), 10, "one after each 100 seconds: {probes:?}");
    assert!(!client.poll().contains(Events::ERR));
    // A silence of the other's ends it: three probes, ten seconds apart, and ten more.
    world.cut();
    let after = world.fails_after(&client);
    assert!((78..82).contains(&after), "{after} seconds, 50 into the silence");
    let times: Vec<u64> = world.seen(0).iter().map(|(at, _)| *at).collect();
    let [first, second, third, reset] = times[..] else { panic!("{times:?}") };
    assert_eq!([second - first, third - second, reset - third], [10, 10, 10]);
    drop(server);
}

#[test]
fn an_attempt_to_connect_ends_as_the_user_says() {
    let world = World::new(FAIR);
    world.cut();
    let client = Socket::new(&world.stacks[1], Family::Inet, Kind::Stream).unwrap();
    set(&client, level::IPPROTO_TCP, tcp::SYNCNT, 2).unwrap();
    let first = client.connect(&at(ADDRESSES[0], 7), true);
    assert_eq!(first, Err(Fail::Errno(Errno::EINPROGRESS)));
    let after = world.fails_after(&client);
    assert!((7..9).contains(&after), "{after} seconds, 1 + 2 + 4");
}

#[test]
fn packets_bear_what_was_set() {
    let world = World::new(FAIR);
    let [server, client] = world.connected();
    let datagrams = Socket::new(&world.stacks[1], Family::Inet, Kind::Datagram).unwrap();
    for socket in [&client, &datagrams] {
        set(socket, level::IPPROTO_IP, mark::IP_TTL, 7).unwrap();
        set(socket, level::IPPROTO_IP, mark::IP_TOS, 0x13).unwrap();
    }
    world.watch();
    assert_eq!(send(&client, b"x"), Ok(1));
    let to = at(ADDRESSES[0], 9);
    datagrams.send(&mut SliceSource::new(b"x"), Some(&to), NOW, &mut Control::default()).unwrap();
    world.run(Duration::from_millis(1));
    let packets = world.seen(0);
    let classes: Vec<_> = packets
        .iter()
        .map(|(_, packet)| {
            let ip = Ipv4Packet::new_checked(&packet[..]).unwrap();
            assert!(ip.verify_checksum());
            (ip.next_header(), ip.hop_limit(), packet[1])
        })
        .collect();
    // A connection keeps the two bits of ECN for itself.
    assert_eq!(classes, [(IpProtocol::Tcp, 7, 0x10), (IpProtocol::Udp, 7, 0x13)]);
    assert_eq!(recv(&server), Ok(1));
}

#[test]
fn acknowledgements_come_at_once_where_that_was_asked_for() {
    for (quick, expected) in [(0, 0), (1, 1)] {
        let world = World::new(FAIR);
        let [server, client] = world.connected();
        world.run(Duration::from_secs(1));
        set(&server, level::IPPROTO_TCP, tcp::QUICKACK, quick).unwrap();
        world.watch();
        assert_eq!(send(&client, b"x"), Ok(1));
        world.run(Duration::from_millis(5));
        let acks = world.seen(1);
        assert_eq!(acks.len(), expected, "{acks:?}");
        world.run(Duration::from_secs(1));
        let late = world.seen(1);
        assert_eq!(acks.len() + late.len(), 1, "{acks:?} {late:?}");
        let (_, packet) = acks.iter().chain(&late).next().unwrap();
        let ip = Ipv4Packet::new_checked(&packet[..]).unwrap();
        assert!(TcpPacket::new_checked(ip.payload()).unwrap().payload().is_empty());
    }
}

#[test]
fn options_have_linux_s_bounds() {
    let world = World::new(FAIR);
    let socket: Arc<Socket> = Socket::new(&world.stacks[0], Family::Inet, Kind::Stream).unwrap();
    let einval = Err(Fail::Errno(Errno::EINVAL));
    for (level, name, default, bad, good) in [
        (level::IPPROTO_TCP, tcp::KEEPIDLE, 7200, [0, 32768], 32767),
        (level::IPPROTO_TCP, tcp::KEEPINTVL, 75, [0, 32768], 1),
        (level::IPPROTO_TCP, tcp::KEEPCNT, 9, [0, 128], 127),
        (level::IPPROTO_TCP, tcp::SYNCNT, 6, [0, 128], 127),
        (level::IPPROTO_TCP, tcp::USER_TIMEOUT, 0, [-1, i32::MIN], 5),
        (level::IPPROTO_IP, mark::IP_TTL, 64, [0, 256], 255),
    ] {
        assert_eq!(get(&socket, level, name), default);
        for value in bad {
            assert_eq!(set(&socket, level, name, value), einval, "{name} {value}");
        }
        set(&socket, level, name, good).unwrap();
        assert_eq!(get(&socket, level, name), good);
    }
    set(&socket, level::IPPROTO_IP, mark::IP_TTL, -1).unwrap();
    assert_eq!(get(&socket, level::IPPROTO_IP, mark::IP_TTL), 64);
    socket.set_option(level::IPPROTO_IP, mark::IP_TTL, &[9]).unwrap();
    let mut byte = [0];
    assert_eq!(socket.get_option(level::IPPROTO_IP, mark::IP_TTL, &mut byte), Ok(1));
    assert_eq!(byte, [9]);
}

#[test]
fn what_is_known_of_a_connection_is_told() {
    let world = World::new(FAIR);
    let [server, client] = world.connected();
    let info = |socket: &Socket| {
        let mut bytes = [0; 256];
        assert_eq!(socket.get_option(level::IPPROTO_TCP, tcp::INFO, &mut bytes), Ok(232));
        bytes
    };
    let word = |socket: &Socket, at: usize| u32::from_ne_bytes(info(socket)[at..at + 4].try_into().unwrap());
    assert_eq!((info(&client)[0], word(&client, 16), word(&client, 60)), (1, 1460, 1500));
    server.released();
    world.run(Duration::from_secs(1));
    assert_eq!(info(&client)[0], 8, "CLOSE_WAIT");
    let listener = Socket::new(&world.stacks[0], Family::Inet, Kind::Stream).unwrap();
    assert_eq!(info(&listener)[0], 7, "CLOSE");
    listener.bind(&at(Ipv4Addr::UNSPECIFIED, 8)).unwrap();
    listener.listen(5).unwrap();
    assert_eq!((info(&listener)[0], word(&listener, 24), word(&listener, 28)), (10, 0, 5));
}
