//! Two stacks joined by a link that may lose frames, driven by a worker thread each, as in a guest.

mod cork;
mod keeping;
pub(crate) mod lease;
mod six;
mod stream;
mod unix;

use crate::address::Address;
use crate::control::{Control, Ucred};
use crate::host::HostConfig;
use crate::link::{LinkDevice, LinkFull, NeedsChecksum};
use crate::socket::{Family, Kind, MessageFlags, Socket};
use crate::stack::{Env, Stack};
use crate::stream::Shutdown;
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Fail};
use osv_sync::Events;
use osv_vfs::file::File;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::string::ToString;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use std::vec::Vec;

type Wire = Arc<Mutex<VecDeque<Vec<u8>>>>;

struct Cable {
    mac: [u8; 6],
    out: Wire,
    inn: Wire,
    /// Every how many-th frame is lost; 0: none.
    lose: u64,
    sent: AtomicU64,
}

impl LinkDevice for Cable {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }
    fn mtu(&self) -> usize {
        1500
    }
    fn completes_checksums(&self) -> bool {
        false
    }
    fn has_room(&self) -> bool {
        self.out.lock().unwrap().len() < 256
    }
    fn transmit(
        &self,
        len: usize,
        _: Option<NeedsChecksum>,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), LinkFull> {
        let mut frame = std::vec![0; len];
        fill(&mut frame);
        let n = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if self.lose == 0 || !n.is_multiple_of(self.lose) {
            self.out.lock().unwrap().push_back(frame);
        }
        Ok(())
    }
    fn receive(&self, budget: usize, each: &mut dyn FnMut(&[u8], bool)) -> usize {
        for n in 0..budget {
            let Some(frame) = self.inn.lock().unwrap().pop_front() else { return n };
            each(&frame, false);
        }
        budget
    }
    fn arm(&self) -> bool {
        self.inn.lock().unwrap().is_empty()
    }
}

fn random(out: &mut [u8]) {
    static SEED: AtomicU64 = AtomicU64::new(0x1234_5678_9abc_def1);
    for byte in out {
        let x = SEED.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        *byte = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes()[7];
    }
}

fn who() -> Ucred {
    Ucred { pid: 2, uid: 0, gid: 0 }
}

pub(crate) const ENV: Env = Env { now: osv_sync::park::now, random, kick: || {}, who };

struct Net {
    stacks: [Arc<Stack>; 2],
    stop: Arc<AtomicBool>,
    workers: Vec<thread::JoinHandle<()>>,
}

const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];

impl Net {
    fn new(lose: u64) -> Net {
        let wires: [Wire; 2] = Default::default();
        let stop = Arc::new(AtomicBool::new(false));
        let stacks = [0, 1].map(|i| {
            let stack = Stack::new(ENV);
            stack.configure(HostConfig { address: ADDRESSES[i], prefix_len: 24, gateway: None });
            stack.attach(Arc::new(Cable {
                mac: [2, 0, 0, 0, 0, i as u8],
                out: wires[i].clone(),
                inn: wires[1 - i].clone(),
                lose,
                sent: AtomicU64::new(0),
            }));
            stack
        });
        let workers = stacks
            .iter()
            .map(|stack| {
                let (stack, stop) = (stack.clone(), stop.clone());
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        stack.poll();
                        thread::sleep(Duration::from_micros(100));
                    }
                })
            })
            .collect();
        Net { stacks, stop, workers }
    }
    fn socket(&self, i: usize, kind: Kind) -> Arc<Socket> {
        Socket::new(&self.stacks[i], Family::Inet, kind).unwrap()
    }
    fn listener(&self, i: usize, port: u16) -> Arc<Socket> {
        let socket = self.socket(i, Kind::Stream);
        socket.bind(&at(Ipv4Addr::UNSPECIFIED, port)).unwrap();
        socket.listen(16).unwrap();
        socket
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            worker.join().unwrap();
        }
    }
}

fn at(ip: Ipv4Addr, port: u16) -> Address {
    Address::Inet(SocketAddr::new(ip.into(), port))
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn send_all(socket: &Socket, bytes: &[u8]) {
    let mut source = SliceSource::new(bytes);
    assert_eq!(
        socket.send(&mut source, None, MessageFlags::default(), &mut Control::default()).unwrap(),
        bytes.len()
    );
}

fn recv_to_end(socket: &Socket) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = std::vec![0; 10_000];
    loop {
        let mut sink = SliceSink::new(&mut buf);
        let n = socket.recv(&mut sink, MessageFlags::default()).unwrap().len;
        if n == 0 {
            return all;
        }
        all.extend_from_slice(&buf[..n]);
    }
}

/// Client sends, half-closes; server echoes all and closes.
fn echo(server: Arc<Socket>, client: Arc<Socket>, to: Address, len: usize) {
    let echoing = thread::spawn(move || {
        let peer = server.accept(false).unwrap();
        let all = recv_to_end(&peer);
        send_all(&peer, &all);
        peer.released();
        server.released();
    });
    client.connect(&to, false).unwrap();
    let bytes = pattern(len);
    send_all(&client, &bytes);
    client.shutdown(Shutdown::Write).unwrap();
    let back = recv_to_end(&client);
    assert_eq!(back.len(), bytes.len());
    assert!(back == bytes, "the bytes came back changed");
    client.released();
    echoing.join().unwrap();
}

#[test]
fn a_stream_comes_back_whole_over_the_link() {
    let net = Net::new(0);
    echo(net.listener(0, 7), net.socket(1, Kind::Stream), at(ADDRESSES[0], 7), 1_000_000);
}

#[test]
fn a_stream_survives_loss() {
    let net = Net::new(41);
    echo(net.listener(0, 7), net.socket(1, Kind::Stream), at(ADDRESSES[0], 7), 100_000);
}

#[test]
fn the_first_bytes_after_the_peer_closed_are_taken_and_the_next_are_not() {
    let stack = Stack::new(ENV);
    let [server, client] = [(); 2].map(|()| Socket::new(&stack, Family::Inet, Kind::Stream).unwrap());
    server.bind(&at(Ipv4Addr::LOCALHOST, 7)).unwrap();
    server.listen(1).unwrap();
    client.connect(&at(Ipv4Addr::LOCALHOST, 7), true).unwrap();
    drop(server.accept(true).unwrap());
    let send = |bytes: &[u8]| {
        client.send(&mut SliceSource::new(bytes), None, MessageFlags::default(), &mut Control::default())
    };
    assert_eq!(send(b""), Ok(0));
    assert_eq!(send(b"abc"), Ok(3));
    assert_eq!(send(b"abc"), Err(Fail::Errno(Errno::EPIPE)));
}

#[test]
fn a_stream_within_the_machine_needs_no_link() {
    let stack = Stack::new(ENV);
    let server = Socket::new(&stack, Family::Inet, Kind::Stream).unwrap();
    server.bind(&at(Ipv4Addr::LOCALHOST, 7)).unwrap();
    server.listen(1).unwrap();
    let client = Socket::new(&stack, Family::Inet, Kind::Stream).unwrap();
    echo(server, client, at(Ipv4Addr::LOCALHOST, 7), 3_000_000);
}

#[test]
fn nobody_listening_refuses() {
    let net = Net::new(0);
    let far = net.socket(1, Kind::Stream).connect(&at(ADDRESSES[0], 9), false);
    assert_eq!(far, Err(Fail::Errno(Errno::ECONNREFUSED)));
    let near = net.socket(1, Kind::Stream).connect(&at(Ipv4Addr::LOCALHOST, 9), false);
    assert_eq!(near, Err(Fail::Errno(Errno::ECONNREFUSED)));
}

#[test]
fn ended_flows_leave_the_classifier() {
    let net = Net::new(0);
    for _ in 0..20 {
        echo(net.listener(0, 0x4000), net.socket(1, Kind::Stream), at(ADDRESSES[0], 0x4000), 10);
    }
    for _ in 0..200 {
        if net.stacks.iter().all(|s| s.flow_count() == 0) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("flows left: {:?}", net.stacks.iter().map(|s| s.flow_count()).collect::<Vec<_>>());
}

#[test]
fn a_non_blocking_connect_becomes_writable() {
    let net = Net::new(0);
    let server = net.listener(0, 7);
    let client = net.socket(1, Kind::Stream);
    assert_eq!(client.connect(&at(ADDRESSES[0], 7), true), Err(Fail::Errno(Errno::EINPROGRESS)));
    for _ in 0..1000 {
        if client.poll().contains(Events::OUT) {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    assert!(client.poll().contains(Events::OUT));
    assert_eq!(client.get_option(1, 4, &mut [0; 4]), Ok(4));
    let peer = server.accept(false).unwrap();
    assert!(!peer.poll().contains(Events::IN));
    send_all(&client, b"x");
    let mut byte = [0];
    assert_eq!(peer.recv(&mut SliceSink::new(&mut byte), MessageFlags::default()).unwrap().len, 1);
    assert_eq!(&byte, b"x");
}

#[test]
fn datagrams_keep_their_bounds_and_senders() {
    let net = Net::new(0);
    let server = net.socket(0, Kind::Datagram);
    server.bind(&at(Ipv4Addr::UNSPECIFIED, 53)).unwrap();
    let client = net.socket(1, Kind::Datagram);
    for text in [&b"one"[..], b"", b"three"] {
        let mut source = SliceSource::new(text);
        client
            .send(&mut source, Some(&at(ADDRESSES[0], 53)), MessageFlags::default(), &mut Control::default())
            .unwrap();
        let mut buf = [0; 4];
        let mut sink = SliceSink::new(&mut buf);
        let received = server.recv(&mut sink, MessageFlags::default()).unwrap();
        assert_eq!((received.len, received.full_len), (text.len().min(4), text.len()));
        assert!(matches!(received.from, Some(Address::Inet(a)) if a.ip() == ADDRESSES[1]));
    }
}

#[test]
fn a_port_is_bound_once() {
    let net = Net::new(0);
    let first = net.listener(0, 7);
    let second = net.socket(0, Kind::Stream);
    assert_eq!(second.bind(&at(Ipv4Addr::UNSPECIFIED, 7)), Err(Fail::Errno(Errno::EADDRINUSE)));
    first.released();
    second.bind(&at(Ipv4Addr::UNSPECIFIED, 7)).unwrap();
}

#[test]
fn a_dual_stack_listener_takes_both_families() {
    let stack = Stack::new(ENV);
    let six = |ip: &str, port| Address::Inet(SocketAddr::new(ip.parse().unwrap(), port));
    let server = Socket::new(&stack, Family::Inet6, Kind::Stream).unwrap();
    server.bind(&six("::", 7)).unwrap();
    server.listen(4).unwrap();
    for (family, to, from) in [
        (Family::Inet, at(Ipv4Addr::LOCALHOST, 7), "::ffff:127.0.0.1"),
        (Family::Inet6, six("::1", 7), "::1"),
        (Family::Inet6, six("::ffff:127.0.0.1", 7), "::ffff:127.0.0.1"),
    ] {
        let client = Socket::new(&stack, family, Kind::Stream).unwrap();
        client.connect(&to, true).unwrap();
        let peer = server.accept(true).unwrap().peer();
        assert!(matches!(peer, Ok(Address::Inet(a)) if a.ip().to_string() == from), "{peer:?}");
    }
    // IPV6_V6ONLY leaves IPv4 alone.
    let only = Socket::new(&stack, Family::Inet6, Kind::Stream).unwrap();
    only.set_option(41, 26, &1i32.to_ne_bytes()).unwrap();
    only.bind(&six("::", 8)).unwrap();
    only.listen(4).unwrap();
    let client = Socket::new(&stack, Family::Inet, Kind::Stream).unwrap();
    let refused = client.connect(&at(Ipv4Addr::LOCALHOST, 8), true);
    assert_eq!(refused, Err(Fail::Errno(Errno::ECONNREFUSED)));
}
