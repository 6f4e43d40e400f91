//! TCP between two stacks over a link that loses, doubles and reorders frames, against the plainest oracle: what
//! arrives is what was sent, in order, once. One thread drives all of it and makes the time, so that a failure comes
//! again with its seed.

use super::{ADDRESSES, at, random, who};
use crate::control::Control;
use crate::host::{self, HostConfig};
use crate::link::{LinkDevice, LinkFull, NeedsChecksum};
use crate::listener::HALF_OPEN_MAX;
use crate::options;
use crate::socket::{Family, Kind, MessageFlags, Socket};
use crate::stack::{Env, Stack};
use crate::stream::Shutdown;
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Fail, Instant};
use osv_sync::Events;
use osv_vfs::file::File;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{EthernetProtocol, IpProtocol, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::vec::Vec;

std::thread_local! {
    static NOW: Cell<u64> = const { Cell::new(1_000_000_000) };
}

fn now() -> Instant {
    Instant(NOW.get())
}

const ENV: Env = Env { now, random, kick: || {}, who };
const EAGAIN: Fail = Fail::Errno(Errno::EAGAIN);
const MILLI: u64 = 1_000_000;

/// How bad the link is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) seed: u64,
    /// Of a hundred frames, so many are lost, and so many come twice.
    pub(super) lost: u64,
    pub(super) doubled: u64,
    /// Longest delay of a frame in milliseconds; those sent later may come before it.
    pub(super) delay: u64,
}

/// The frames on their way, by time of arrival.
pub(super) struct Air {
    frames: BTreeMap<(u64, u64), (usize, Vec<u8>)>,
    /// What was sent, by when and to whom, as far as somebody wants to know.
    pub(super) sent: Option<Vec<(u64, usize, Vec<u8>)>>,
    pub(super) weather: Weather,
    state: u64,
    count: u64,
}

impl Air {
    fn draw(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) % below.max(1)
    }

    fn send(&mut self, to: usize, frame: &[u8]) {
        let weather = self.weather;
        if let Some(sent) = &mut self.sent {
            sent.push((NOW.get(), to, frame.to_vec()));
        }
        if self.draw(100) < weather.lost {
            return;
        }
        let copies = if self.draw(100) < weather.doubled { 2 } else { 1 };
        for _ in 0..copies {
            let due = NOW.get() + self.draw(weather.delay * MILLI + 1);
            self.count += 1;
            self.frames.insert((due, self.count), (to, frame.to_vec()));
        }
    }
}

struct End {
    air: Arc<Mutex<Air>>,
    index: usize,
    inbox: Mutex<Vec<Vec<u8>>>,
}

impl LinkDevice for End {
    fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.index as u8]
    }
    fn mtu(&self) -> usize {
        1500
    }
    fn completes_checksums(&self) -> bool {
        false
    }
    fn has_room(&self) -> bool {
        true
    }
    fn transmit(
        &self,
        len: usize,
        _: Option<NeedsChecksum>,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), LinkFull> {
        let mut frame = std::vec![0; len];
        fill(&mut frame);
        self.air.lock().unwrap().send(1 - self.index, &frame);
        Ok(())
    }
    fn receive(&self, _: usize, each: &mut dyn FnMut(&[u8], bool)) -> usize {
        let frames = core::mem::take(&mut *self.inbox.lock().unwrap());
        frames.iter().for_each(|frame| each(frame, false));
        frames.len()
    }
    fn arm(&self) -> bool {
        true
    }
}

pub(super) struct World {
    pub(super) stacks: [Arc<Stack>; 2],
    ends: [Arc<End>; 2],
    pub(super) air: Arc<Mutex<Air>>,
}

impl World {
    pub(super) fn new(weather: Weather) -> World {
        NOW.set(1_000_000_000);
        let air = Air { frames: BTreeMap::new(), sent: None, weather, state: weather.seed, count: 0 };
        let air = Arc::new(Mutex::new(air));
        let ends = [0, 1].map(|index| Arc::new(End { air: air.clone(), index, inbox: Mutex::default() }));
        let stacks = [0, 1].map(|index: usize| {
            let stack = Stack::new(ENV);
            stack.attach(ends[index].clone());
            stack.configure(HostConfig { address: ADDRESSES[index], prefix_len: 24, gateway: None });
            stack
        });
        World { stacks, ends, air }
    }

    /// Lets `time` pass, with all that happens in it.
    pub(super) fn run(&self, time: Duration) {
        let until = NOW.get() + time.as_nanos() as u64;
        loop {
            let timers = self.stacks.iter().filter_map(Stack::poll).map(|at| at.0).min();
            let frame = self.air.lock().unwrap().frames.first_key_value().map(|((at, _), _)| *at);
            let next = timers.into_iter().chain(frame).min().unwrap_or(u64::MAX).max(NOW.get());
            if next > until {
                NOW.set(until);
                return;
            }
            // Time moves on even where a timer is always due.
            NOW.set(next.max(NOW.get() + 1000));
            let mut air = self.air.lock().unwrap();
            while let Some(entry) = air.frames.first_entry().filter(|e| e.key().0 <= NOW.get()) {
                let (to, frame) = entry.remove();
                self.ends[to].inbox.lock().unwrap().push(frame);
            }
        }
    }

    /// Runs until `done`, for at most ten minutes.
    pub(super) fn until<R>(&self, what: &str, mut done: impl FnMut() -> Option<R>) -> R {
        for _ in 0..60_000 {
            if let Some(result) = done() {
                return result;
            }
            self.run(Duration::from_millis(10));
        }
        panic!("not within ten minutes: {what}");
    }

    /// Two ends of a connection that was made in good weather: a handshake that loses its last segment too often is
    /// given up by the server alone, which is another story.
    pub(super) fn connected(&self) -> [Arc<Socket>; 2] {
        let lost = core::mem::take(&mut self.air.lock().unwrap().weather.lost);
        let listener = Socket::new(&self.stacks[0], Family::Inet, Kind::Stream).unwrap();
        listener.bind(&at(Ipv4Addr::UNSPECIFIED, 7)).unwrap();
        listener.listen(4).unwrap();
        let client = Socket::new(&self.stacks[1], Family::Inet, Kind::Stream).unwrap();
        let first = client.connect(&at(ADDRESSES[0], 7), true);
        assert_eq!(first, Err(Fail::Errno(Errno::EINPROGRESS)));
        self.until("connect", || client.poll().contains(Events::OUT).then_some(()));
        assert!(!client.poll().contains(Events::ERR));
        let server = self.until("accept", || listener.accept(true).ok());
        listener.released();
        self.air.lock().unwrap().weather.lost = lost;
        [server, client]
    }
}

/// Byte `n` of what `side` sends.
fn byte(side: usize, n: usize) -> u8 {
    (n.wrapping_mul(31) ^ (n >> 8).wrapping_mul(7) ^ side.wrapping_mul(0x55)) as u8
}

#[derive(Clone, Debug)]
enum Step {
    Send(usize, usize),
    Receive(usize, usize),
    Peek(usize, usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2usize, 0..150_000usize).prop_map(|(side, len)| Step::Send(side, len)),
        6 => (0..2usize, 0..100_000usize).prop_map(|(side, len)| Step::Receive(side, len)),
        2 => (0..2usize, 0..5_000usize).prop_map(|(side, len)| Step::Peek(side, len)),
        6 => (0..3_000u64).prop_map(Step::Wait),
    ]
}

fn weather() -> impl Strategy<Value = Weather> {
    (any::<u64>(), 0..20u64, 0..20u64, 0..60u64).prop_map(|(seed, lost, doubled, delay)| Weather {
        seed,
        lost,
        doubled,
        delay,
    })
}

/// What one side sent and received.
#[derive(Default)]
struct Tally {
    sent: [usize; 2],
    received: [usize; 2],
    shut: [bool; 2],
    ended: [bool; 2],
}

impl Tally {
    fn send(&mut self, socket: &Socket, side: usize, len: usize) {
        let start = self.sent[side];
        let bytes: Vec<u8> = (start..start + len).map(|n| byte(side, n)).collect();
        let flags = MessageFlags { nonblock: true, ..MessageFlags::default() };
        match socket.send(&mut SliceSource::new(&bytes), None, flags, &mut Control::default()) {
            Ok(n) => self.sent[side] += n,
            Err(fail) if self.shut[side] => assert_eq!(fail, Fail::Errno(Errno::EPIPE)),
            Err(fail) => assert_eq!(fail, EAGAIN),
        }
    }

    fn receive(&mut self, socket: &Socket, side: usize, len: usize, peek: bool) {
        let mut bytes = std::vec![0; len.max(1)];
        let flags = MessageFlags { nonblock: true, peek, ..MessageFlags::default() };
        let other = 1 - side;
        match socket.recv(&mut SliceSink::new(&mut bytes), flags) {
            Ok(received) => {
                let start = self.received[side];
                for (n, got) in bytes[..received.len].iter().enumerate() {
                    assert_eq!(*got, byte(other, start + n), "byte {} to side {side}", start + n);
                }
                if received.len == 0 {
                    assert!(self.shut[other], "the end of what was not ended");
                    assert_eq!(start, self.sent[other], "an end before the end");
                    self.ended[side] = true;
                } else if !peek {
                    self.received[side] += received.len;
                }
            }
            Err(fail) => assert_eq!(fail, EAGAIN),
        }
    }
}

/// A SYN from port `port` of a host that answers nothing, as a frame.
fn stray_syn(port: u16) -> Vec<u8> {
    let from = Ipv4Addr::new(10, 0, 0, 99);
    let syn = TcpRepr {
        src_port: port,
        dst_port: 7,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(i32::from(port)),
        ack_number: None,
        window_len: 1000,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let packet =
        host::ip_packet((from.into(), ADDRESSES[0].into()), IpProtocol::Tcp, 64, syn.buffer_len(), |out| {
            let (from, to) = (from.into(), ADDRESSES[0].into());
            syn.emit(&mut TcpPacket::new_unchecked(out), &from, &to, &ChecksumCapabilities::default());
        });
    let mut frame = std::vec![0; host::ETHERNET_HEADER + packet.len()];
    host::write_ethernet(&mut frame, [2, 9, 9, 9, 9, 9], [2, 0, 0, 0, 0, 0], EthernetProtocol::Ipv4);
    frame[host::ETHERNET_HEADER..].copy_from_slice(&packet);
    frame
}

#[test]
fn a_flood_of_openings_is_held_off_and_passes() {
    let world = World::new(Weather { seed: 1, lost: 0, doubled: 0, delay: 1 });
    let stack = &world.stacks[0];
    let listener = Socket::new(stack, Family::Inet, Kind::Stream).unwrap();
    listener.bind(&at(Ipv4Addr::UNSPECIFIED, 7)).unwrap();
    listener.listen(4096).unwrap();
    for port in 1..=1000 {
        stack.receive(&stray_syn(port), false);
    }
    assert_eq!(stack.flow_count(), HALF_OPEN_MAX);
    assert_eq!(stack.counters.refused_handshakes.load(Ordering::Relaxed), 1000 - HALF_OPEN_MAX as u64);
    assert_eq!(listener.accept(true).map(drop), Err(EAGAIN));
    // Nobody answers; the places are given back, and others come in.
    world.run(Duration::from_secs(12));
    assert_eq!((stack.flow_count(), stack.timer_count()), (0, 0));
    let client = Socket::new(&world.stacks[1], Family::Inet, Kind::Stream).unwrap();
    let _ = client.connect(&at(ADDRESSES[0], 7), true);
    world.until("accept", || listener.accept(true).ok());
}

#[test]
fn timers_do_not_pile_up() {
    let world = World::new(Weather { seed: 1, lost: 0, doubled: 0, delay: 1 });
    let sockets = world.connected();
    let mut tally = Tally::default();
    let mut most = 0;
    for _ in 0..2000 {
        for side in [1, 0] {
            tally.send(&sockets[side], side, 100);
            world.run(Duration::from_millis(20));
            tally.receive(&sockets[1 - side], 1 - side, 1000, false);
        }
        most = most.max(world.stacks[0].timer_count());
    }
    assert_eq!(tally.received, [200_000; 2]);
    assert!(most <= 1, "{most} timers for one connection");
}

#[test]
fn a_cork_gathers_what_is_written() {
    let world = World::new(Weather { seed: 1, lost: 0, doubled: 0, delay: 1 });
    let [server, client] = world.connected();
    let (tcp, cork) = (options::level::IPPROTO_TCP, options::tcp::CORK);
    let mut tally = Tally::default();
    let arrived = |tally: &mut Tally| {
        tally.receive(&client, 1, 65_536, false);
        tally.received[1]
    };
    server.set_option(tcp, cork, &1i32.to_ne_bytes()).unwrap();
    tally.send(&server, 0, 100);
    tally.send(&server, 0, 100);
    world.run(Duration::from_millis(100));
    assert_eq!(arrived(&mut tally), 0, "less than a segment waits");
    tally.send(&server, 0, 2000);
    world.run(Duration::from_millis(10));
    assert!(arrived(&mut tally) >= 1460, "a full segment does not");
    world.run(Duration::from_millis(300));
    assert_eq!(arrived(&mut tally), 2200, "and nothing does for longer than 200 ms");
    let frames = world.air.lock().unwrap().count;
    (0..5).for_each(|_| tally.send(&server, 0, 100));
    server.set_option(tcp, cork, &0i32.to_ne_bytes()).unwrap();
    assert_eq!(world.air.lock().unwrap().count, frames + 1, "all in one segment, once the cork is drawn");
    world.run(Duration::from_millis(10));
    assert_eq!(arrived(&mut tally), 2700);
}

#[test]
fn two_that_send_again_at_once_hear_each_other() {
    let world = World::new(Weather { seed: 1, lost: 0, doubled: 0, delay: 10 });
    let sockets = world.connected();
    let mut tally = Tally::default();
    for (side, socket) in sockets.iter().enumerate() {
        tally.send(socket, side, 20_000);
    }
    // The data arrives on both sides, and nothing of what acknowledges it.
    world.run(Duration::from_millis(12));
    world.air.lock().unwrap().weather.lost = 100;
    world.run(Duration::from_secs(5));
    world.air.lock().unwrap().weather.lost = 0;
    world.until("all of both", || {
        for (side, socket) in sockets.iter().enumerate() {
            tally.receive(socket, side, 65_536, false);
        }
        (tally.received == tally.sent).then_some(())
    });
    world.until("all acknowledged", || sockets.iter().all(|s| s.unsent() == 0).then_some(()));
}

#[test]
fn what_arrived_is_there_for_a_reader_that_takes_his_time() {
    let world = World::new(Weather { seed: 1, lost: 0, doubled: 0, delay: 1 });
    let sockets = world.connected();
    let mut tally = Tally { shut: [true; 2], ..Tally::default() };
    sockets[0].shutdown(Shutdown::Write).unwrap();
    tally.send(&sockets[1], 1, 30_000);
    sockets[1].shutdown(Shutdown::Write).unwrap();
    world.run(Duration::from_secs(300));
    tally.receive(&sockets[0], 0, 65_536, false);
    assert_eq!(tally.received[0], 30_000);
    sockets.iter().for_each(|socket| socket.released());
    world.until("no flows", || world.stacks.iter().all(|s| s.flow_count() == 0).then_some(()));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_is_what_was_sent(weather in weather(), steps in prop::collection::vec(step(), 0..40)) {
        let world = World::new(weather);
        let sockets = world.connected();
        let mut tally = Tally::default();
        for step in steps {
            match step {
                Step::Send(side, len) => tally.send(&sockets[side], side, len),
                Step::Receive(side, len) => tally.receive(&sockets[side], side, len, false),
                Step::Peek(side, len) => tally.receive(&sockets[side], side, len, true),
                Step::Wait(millis) => world.run(Duration::from_millis(millis)),
            }
        }
        // An end that meets a closed window is not part of this: smoltcp forgets to ask for the window in CLOSING.
        world.until("all of both", || {
            for (side, socket) in sockets.iter().enumerate() {
                tally.receive(socket, side, 65_536, false);
            }
            (tally.received == [tally.sent[1], tally.sent[0]]).then_some(())
        });
        for (socket, shut) in sockets.iter().zip(&mut tally.shut) {
            socket.shutdown(Shutdown::Write).unwrap();
            *shut = true;
        }
        world.until("both ends", || {
            for (side, socket) in sockets.iter().enumerate() {
                if !tally.ended[side] {
                    tally.receive(socket, side, 65_536, false);
                }
            }
            (tally.ended == [true; 2]).then_some(())
        });
        prop_assert_eq!(tally.received[0], tally.sent[1]);
        prop_assert_eq!(tally.received[1], tally.sent[0]);
        sockets.iter().for_each(|socket| socket.released());
        for stack in &world.stacks {
            prop_assert!(stack.timer_count() <= 1);
        }
        world.until("no flows", || world.stacks.iter().all(|s| s.flow_count() == 0).then_some(()));
    }
}
