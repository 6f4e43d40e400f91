//! The stack of the machine: the classifier, the host interface over the link, timers, and the tables of ports.

mod lease;

use crate::address::Address;
use crate::control::{Control, Ucred};
use crate::datagram::Datagram;
use crate::flow::{Flow, FlowKey, Shard, TimerId, TimerTarget};
use crate::host::{self, ETHERNET_HEADER, HostConfig, IPV4_HEADER, Neighbours, Resolution};
use crate::in_flight::InFlight;
use crate::link::{LinkDevice, NeedsChecksum};
use crate::namespace::{TcpPorts, UdpPorts, UnixNames};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use osv_base::{Errno, Instant};
use osv_sync::{SpinLock, WaitQueue};
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, TcpPacket, UdpPacket,
};

/// Time and randomness.
#[derive(Clone, Copy)]
pub struct Env {
    /// CLOCK_MONOTONIC.
    pub now: fn() -> Instant,
    /// Fills a buffer from the CSPRNG.
    pub random: fn(&mut [u8]),
    /// Wakes the worker: a timer is due earlier than it knew.
    pub kick: fn(),
    /// The credentials of the calling process.
    pub who: fn() -> Ucred,
}

const SHARDS: usize = 16;
/// Frames that one round of the worker takes.
const BUDGET: usize = 64;
/// Linux's TCP_TIMEWAIT_LEN.
const TIME_WAIT: Duration = Duration::from_secs(60);
const TIME_WAIT_MAX: usize = 16384;

/// What happened that nobody else counts.
#[derive(Default, Debug)]
pub struct Counters {
    /// Frames that were not for us, malformed, or of no protocol we speak.
    pub ignored: AtomicU64,
    /// Packets with a wrong checksum.
    pub bad_checksums: AtomicU64,
    /// SYNs that a listener did not admit.
    pub refused_handshakes: AtomicU64,
    /// Packets that could not be sent: no route, or no room in the device.
    pub unsent: AtomicU64,
}

/// A packet on its way into a frame.
enum Progress<F, R> {
    Todo(F),
    Busy,
    Done(R),
}

struct Timers {
    queue: BTreeMap<TimerId, TimerTarget>,
    next: u64,
}

struct TimeWait {
    keys: hashbrown::HashMap<FlowKey, Instant>,
    order: VecDeque<(Instant, FlowKey)>,
}

/// The network stack.
pub struct Stack {
    env: Env,
    link: spin::Once<Arc<dyn LinkDevice>>,
    config: SpinLock<Option<HostConfig>>,
    dhcp: spin::Once<lease::Dhcp>,
    /// Those who wait for addresses.
    configured: WaitQueue,
    neighbours: SpinLock<Neighbours>,
    flows: [Shard; SHARDS],
    timers: SpinLock<Timers>,
    time_wait: SpinLock<TimeWait>,
    next_id: AtomicU64,
    /// Bound TCP ports and listeners.
    pub tcp_ports: SpinLock<TcpPorts>,
    /// Bound UDP ports.
    pub udp_ports: SpinLock<UdpPorts>,
    /// Unix names.
    pub unix_names: SpinLock<UnixNames>,
    /// Files on their way through Unix sockets.
    pub in_flight: Arc<InFlight>,
    /// See [`Counters`].
    pub counters: Counters,
}

static STACK: spin::Once<Arc<Stack>> = spin::Once::new();

/// The machine's stack, once bring-up registered it.
pub fn stack() -> Option<&'static Arc<Stack>> {
    STACK.get()
}

/// Registers the machine's stack. The first registration stays.
pub fn register(stack: Arc<Stack>) {
    STACK.call_once(|| stack);
}

fn shard(key: &FlowKey) -> usize {
    let mix = u32::from(*key.remote.ip()) ^ (u32::from(key.remote.port()) << 8) ^ u32::from(key.local.port());
    (mix.wrapping_mul(0x9e37_79b1) >> 28) as usize % SHARDS
}

impl Stack {
    /// A stack with loopback only.
    pub fn new(env: Env) -> Arc<Stack> {
        Arc::new(Stack {
            env,
            link: spin::Once::new(),
            config: SpinLock::new(None),
            dhcp: spin::Once::new(),
            configured: WaitQueue::new(),
            neighbours: SpinLock::new(Neighbours::default()),
            flows: core::array::from_fn(|_| SpinLock::new(hashbrown::HashMap::new())),
            timers: SpinLock::new(Timers { queue: BTreeMap::new(), next: 0 }),
            time_wait: SpinLock::new(TimeWait { keys: hashbrown::HashMap::new(), order: VecDeque::new() }),
            next_id: AtomicU64::new(1),
            tcp_ports: SpinLock::new(TcpPorts::new()),
            udp_ports: SpinLock::new(UdpPorts::new()),
            unix_names: SpinLock::new(UnixNames::default()),
            in_flight: Arc::default(),
            counters: Counters::default(),
        })
    }

    /// Gives the stack its link. The first stays.
    pub fn attach(self: &Arc<Self>, link: Arc<dyn LinkDevice>) {
        self.link.call_once(|| link);
    }

    /// Sets the addresses. Connections from another own address are reset.
    pub fn configure(self: &Arc<Self>, config: HostConfig) {
        let old = self.config.lock().replace(config);
        if let Some(old) = old.filter(|old| old.address != config.address) {
            self.end_connections_of(old.address);
        }
        self.configured.wake_all();
    }

    /// The addresses are no longer ours.
    pub fn deconfigure(self: &Arc<Self>) {
        let old = self.config.lock().take();
        if let Some(old) = old {
            self.end_connections_of(old.address);
        }
    }

    fn end_connections_of(&self, address: Ipv4Addr) {
        let gone: Vec<Arc<Flow>> =
            self.flows.iter().flat_map(|s| s.lock().values().cloned().collect::<Vec<_>>()).collect();
        for flow in gone.iter().filter(|f| *f.key.local.ip() == address) {
            flow.fail(Errno::ENETDOWN);
        }
    }

    /// The addresses.
    pub fn config(&self) -> Option<HostConfig> {
        *self.config.lock()
    }

    /// CLOCK_MONOTONIC.
    pub fn now(&self) -> Instant {
        (self.env.now)()
    }

    /// The credentials of the calling process.
    pub fn who(&self) -> Ucred {
        (self.env.who)()
    }

    /// A random number from the CSPRNG.
    pub fn random_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        (self.env.random)(&mut bytes);
        u64::from_ne_bytes(bytes)
    }

    /// A number for a new socket: its identity in the port tables, and its inode number.
    pub fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Hardware address of the link.
    pub fn mac(&self) -> Option<[u8; 6]> {
        self.link.get().map(|link| link.mac())
    }

    /// Largest IP packet on the link.
    pub fn mtu(&self) -> usize {
        self.link.get().map_or(1500, |link| link.mtu())
    }

    /// Whether the link completes checksums.
    pub fn completes_checksums(&self) -> bool {
        self.link.get().is_some_and(|link| link.completes_checksums())
    }

    /// Whether the link takes a frame now. Without a link everything is taken, and lost.
    pub fn has_room(&self) -> bool {
        self.link.get().is_none_or(|link| link.has_room())
    }

    /// Whether `address` is one of this machine's.
    pub fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback()
            || address.is_unspecified()
            || self.config().is_some_and(|c| IpAddr::V4(c.address) == address)
    }

    /// The address to send from to `remote`. ENETUNREACH without a route.
    pub fn source_for(&self, remote: Ipv4Addr) -> Result<Ipv4Addr, Errno> {
        let config = self.config().ok_or(Errno::ENETUNREACH)?;
        config.next_hop(remote).map(|_| config.address).ok_or(Errno::ENETUNREACH)
    }

    // --- the way out ---

    /// Sends an IPv4 packet of `len` bytes that `fill` writes. With `checksum_at`, the device completes the
    /// checksum at that offset behind the IP header. What cannot be sent is dropped and counted.
    pub fn transmit_ip<R>(
        &self,
        to: Ipv4Addr,
        len: usize,
        checksum_at: Option<usize>,
        fill: impl FnOnce(&mut [u8]) -> R,
    ) -> R {
        let (Some(link), Some(config)) = (self.link.get(), self.config()) else {
            return self.lost(len, fill);
        };
        let now = self.now();
        let mac = if config.is_broadcast(to) {
            [0xff; 6]
        } else {
            let Some(hop) = config.next_hop(to) else { return self.lost(len, fill) };
            let known = self.neighbours.lock().known(hop, now);
            match known {
                Some(mac) => mac,
                None => return self.transmit_later(link, &config, hop, len, checksum_at, now, fill),
            }
        };
        let needs = checksum_at.map(|offset| NeedsChecksum { start: ETHERNET_HEADER + IPV4_HEADER, offset });
        let mut progress = Progress::Todo(fill);
        let sent = link.transmit(ETHERNET_HEADER + len, needs, &mut |frame| {
            host::write_ethernet(frame, link.mac(), mac, EthernetProtocol::Ipv4);
            progress = match core::mem::replace(&mut progress, Progress::Busy) {
                Progress::Todo(fill) => Progress::Done(fill(&mut frame[ETHERNET_HEADER..])),
                other => other,
            };
        });
        match progress {
            Progress::Done(result) => {
                if sent.is_err() {
                    self.counters.unsent.fetch_add(1, Ordering::Relaxed);
                }
                result
            }
            Progress::Todo(fill) => self.lost(len, fill),
            Progress::Busy => unreachable!("replaced before the closure returns"),
        }
    }

    fn lost<R>(&self, len: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        self.counters.unsent.fetch_add(1, Ordering::Relaxed);
        fill(&mut alloc::vec![0; len])
    }

    #[expect(clippy::too_many_arguments, reason = "the slow half of transmit_ip, with all that it has")]
    fn transmit_later<R>(
        &self,
        link: &Arc<dyn LinkDevice>,
        config: &HostConfig,
        hop: Ipv4Addr,
        len: usize,
        checksum_at: Option<usize>,
        now: Instant,
        fill: impl FnOnce(&mut [u8]) -> R,
    ) -> R {
        let mut packet = alloc::vec![0; len];
        let result = fill(&mut packet);
        if let Some(offset) = checksum_at {
            // It is sent later and by another path: complete the checksum here.
            let sum = host::internet_checksum(0, &packet[IPV4_HEADER..]);
            packet[IPV4_HEADER + offset..][..2].copy_from_slice(&sum.to_be_bytes());
        }
        let resolution = self.neighbours.lock().resolve(hop, now, || packet);
        if resolution == (Resolution::Wait { ask: true }) {
            self.transmit_frame(link, &host::arp_request(link.mac(), config.address, hop));
        }
        result
    }

    fn transmit_frame(&self, link: &Arc<dyn LinkDevice>, frame: &[u8]) {
        let sent = link.transmit(frame.len(), None, &mut |out| out[..frame.len()].copy_from_slice(frame));
        if sent.is_err() {
            self.counters.unsent.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn send_packet(&self, to: Ipv4Addr, packet: &[u8]) {
        self.transmit_ip(to, packet.len(), None, |out| out.copy_from_slice(packet));
    }

    /// Sends a UDP datagram over the link. EMSGSIZE when it does not fit a packet (there is no fragmentation).
    pub fn send_udp(&self, from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) -> Result<(), Errno> {
        let len = 8 + bytes.len();
        if IPV4_HEADER + len > self.mtu() {
            return Err(Errno::EMSGSIZE);
        }
        let packet = host::ipv4_packet(*from.ip(), *to.ip(), IpProtocol::Udp, len, |out| {
            let mut udp = UdpPacket::new_unchecked(out);
            udp.set_src_port(from.port());
            udp.set_dst_port(to.port());
            udp.set_len(len as u16);
            udp.payload_mut().copy_from_slice(bytes);
            udp.fill_checksum(&IpAddress::Ipv4(*from.ip()), &IpAddress::Ipv4(*to.ip()));
        });
        self.send_packet(*to.ip(), &packet);
        Ok(())
    }

    // --- the way in ---

    /// A frame from the link. `vouched`: the device verified the checksums.
    pub fn receive(self: &Arc<Self>, frame: &[u8], vouched: bool) {
        if self.receive_inner(frame, vouched).is_none() {
            self.counters.ignored.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn receive_inner(self: &Arc<Self>, frame: &[u8], vouched: bool) -> Option<()> {
        let link = self.link.get()?;
        let config = self.config();
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        if self.feed_dhcp(&ethernet) {
            return Some(());
        }
        match ethernet.ethertype() {
            EthernetProtocol::Arp => {
                let config = config?;
                let input = host::arp_input(ethernet.payload(), link.mac(), config.address)?;
                let (ip, mac) = input.sender;
                let waiting = self.neighbours.lock().learn(ip, mac, self.now(), input.for_us);
                if let Some(reply) = input.reply {
                    self.transmit_frame(link, &reply);
                }
                for packet in waiting {
                    let to = Ipv4Packet::new_checked(&packet[..]).ok()?.dst_addr();
                    self.send_packet(to, &packet);
                }
                Some(())
            }
            EthernetProtocol::Ipv4 => {
                let config = config?;
                let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
                if ip.version() != 4 || !ip.verify_checksum() {
                    self.counters.bad_checksums.fetch_add(1, Ordering::Relaxed);
                    return None;
                }
                let for_us = ip.dst_addr() == config.address;
                if !for_us && !config.is_broadcast(ip.dst_addr()) {
                    return None;
                }
                if ip.more_frags() || ip.frag_offset() != 0 {
                    return None;
                }
                match ip.next_header() {
                    IpProtocol::Tcp if for_us => self.receive_tcp(&ip, vouched),
                    IpProtocol::Udp => self.receive_udp(&ip, vouched),
                    IpProtocol::Icmp if for_us => {
                        let reply = host::icmp_input(&ip)?;
                        self.send_packet(ip.src_addr(), &reply);
                        Some(())
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn receive_tcp(self: &Arc<Self>, ip: &Ipv4Packet<&[u8]>, vouched: bool) -> Option<()> {
        let segment = TcpPacket::new_checked(ip.payload()).ok()?;
        if !vouched
            && !segment.verify_checksum(&IpAddress::Ipv4(ip.src_addr()), &IpAddress::Ipv4(ip.dst_addr()))
        {
            self.counters.bad_checksums.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let key = FlowKey {
            local: SocketAddrV4::new(ip.dst_addr(), segment.dst_port()),
            remote: SocketAddrV4::new(ip.src_addr(), segment.src_port()),
        };
        // Ethernet pads short frames: pass on what the IP header covers.
        let packet = ip.as_ref().get(..usize::from(ip.total_len()))?;
        let flow = self.flows[shard(&key)].lock().get(&key).cloned();
        if let Some(flow) = flow {
            flow.input(self, packet);
            return Some(());
        }
        let opening = segment.syn() && !segment.ack() && !segment.rst();
        if self.in_time_wait(&key, opening) {
            if segment.fin() {
                self.send_packet(ip.src_addr(), &host::tcp_last_ack(ip, &segment));
            }
            return Some(());
        }
        if opening {
            let spread = u64::from(key.remote.port());
            let listener = self.tcp_ports.lock().find(SocketAddr::V4(key.local), spread);
            if let Some(listener) = listener.filter(|l| !l.is_closed()) {
                if !listener.admit() {
                    // Silence, as Linux: the peer tries again.
                    self.counters.refused_handshakes.fetch_add(1, Ordering::Relaxed);
                    return Some(());
                }
                match Flow::passive(self, key, listener.clone()) {
                    Some(flow) => {
                        self.flows[shard(&key)].lock().insert(key, flow.clone());
                        flow.input(self, packet);
                    }
                    None => listener.half_open_done(),
                }
                return Some(());
            }
        }
        if let Some(reset) = host::tcp_reset(ip, &segment) {
            self.send_packet(ip.src_addr(), &reset);
        }
        Some(())
    }

    fn receive_udp(self: &Arc<Self>, ip: &Ipv4Packet<&[u8]>, vouched: bool) -> Option<()> {
        let datagram = UdpPacket::new_checked(ip.payload()).ok()?;
        if !vouched
            && !datagram.verify_checksum(&IpAddress::Ipv4(ip.src_addr()), &IpAddress::Ipv4(ip.dst_addr()))
        {
            self.counters.bad_checksums.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let to = SocketAddr::new(ip.dst_addr().into(), datagram.dst_port());
        let from = SocketAddr::new(ip.src_addr().into(), datagram.src_port());
        let target = self.udp_ports.lock().find(to, u64::from(from.port()))?;
        let bytes = datagram.payload().to_vec();
        let from = Address::Inet(from);
        // Without room, or for a socket connected elsewhere, it is lost, as on any network.
        let mut datagram = Some(Datagram { from, sender: 0, bytes, control: Control::default() });
        let _ = target.push(&mut datagram, None);
        Some(())
    }

    // --- flows, timers, TIME-WAIT ---

    /// Registers a flow that connects, from `source` and an ephemeral port (or `port`, when it is not 0).
    pub fn connect(
        self: &Arc<Self>,
        source: Ipv4Addr,
        port: u16,
        remote: SocketAddrV4,
        readiness: Arc<osv_sync::Readiness>,
    ) -> Result<Arc<Flow>, Errno> {
        use crate::namespace::EPHEMERAL;
        let span = u64::from(EPHEMERAL.1 - EPHEMERAL.0) + 1;
        let start = self.random_u64();
        let candidates: Vec<u16> = if port != 0 { alloc::vec![port] } else { Vec::new() };
        let ephemeral = (0..span).map(|i| EPHEMERAL.0 + (start.wrapping_add(i) % span) as u16);
        for port in candidates.into_iter().chain(ephemeral.filter(|_| port == 0)) {
            let key = FlowKey { local: SocketAddrV4::new(source, port), remote };
            if self.tcp_ports.lock().is_taken(port) && key.local.port() != port
                || self.in_time_wait(&key, false)
            {
                continue;
            }
            let mut shard = self.flows[shard(&key)].lock();
            if shard.contains_key(&key) {
                continue;
            }
            let flow = Flow::active(self, key, readiness);
            shard.insert(key, flow.clone());
            return Ok(flow);
        }
        Err(Errno::EADDRNOTAVAIL)
    }

    /// Forgets a flow.
    pub fn remove_flow(&self, key: &FlowKey) {
        let removed = self.flows[shard(key)].lock().remove(key);
        drop(removed);
    }

    /// Timers that are set: one for each connection at most.
    pub fn timer_count(&self) -> usize {
        self.timers.lock().queue.len()
    }

    /// Connections in the classifier.
    pub fn flow_count(&self) -> usize {
        self.flows.iter().map(|s| s.lock().len()).sum()
    }

    /// Holds the address pair of an ended connection for two segment lifetimes.
    pub fn enter_time_wait(&self, key: FlowKey, now: Instant) {
        let mut wait = self.time_wait.lock();
        while wait.order.front().is_some_and(|(until, _)| *until <= now) || wait.order.len() >= TIME_WAIT_MAX
        {
            if let Some((until, key)) = wait.order.pop_front()
                && wait.keys.get(&key) == Some(&until)
            {
                wait.keys.remove(&key);
            }
        }
        let until = now + TIME_WAIT;
        wait.keys.insert(key, until);
        wait.order.push_back((until, key));
    }

    /// Whether the pair waits; a new SYN ends the wait (RFC 9293, 3.6.1; the random initial sequence number of
    /// a new smoltcp instance stands for the check of sequence numbers).
    fn in_time_wait(&self, key: &FlowKey, syn: bool) -> bool {
        let now = self.now();
        let mut wait = self.time_wait.lock();
        match wait.keys.get(key) {
            Some(until) if *until > now && !syn => true,
            Some(_) => {
                wait.keys.remove(key);
                false
            }
            None => false,
        }
    }

    /// Has `target` called at `at`, and not at the time of `old`.
    pub fn move_timer(&self, old: Option<TimerId>, at: Instant, target: TimerTarget) -> TimerId {
        let (timer, earliest) = {
            let mut timers = self.timers.lock();
            if let Some(old) = old {
                timers.queue.remove(&old);
            }
            let timer = TimerId(at, timers.next);
            timers.next += 1;
            let earliest = timers.queue.first_key_value().is_none_or(|(TimerId(first, _), _)| at < *first);
            timers.queue.insert(timer, target);
            (timer, earliest)
        };
        if earliest {
            (self.env.kick)();
        }
        timer
    }

    /// Forgets a timer.
    pub fn cancel_timer(&self, timer: TimerId) {
        self.timers.lock().queue.remove(&timer);
    }

    /// One round of the worker: frames in, timers. Returns when it should run again at the latest; `None` when
    /// only a frame or [`Env::kick`] can bring work.
    pub fn poll(self: &Arc<Self>) -> Option<Instant> {
        let more = self.take_frames();
        let now = self.now();
        loop {
            let due = {
                let mut timers = self.timers.lock();
                match timers.queue.first_entry() {
                    Some(entry) if entry.key().0 <= now => entry.remove_entry(),
                    _ => break,
                }
            };
            let (timer, target) = due;
            if let Some(flow) = target.upgrade() {
                flow.on_timer(self, timer);
            }
        }
        if more {
            return Some(now);
        }
        let timer = self.timers.lock().queue.first_key_value().map(|(TimerId(at, _), _)| *at);
        match (timer, self.drive_dhcp(now)) {
            (Some(timer), Some(dhcp)) => Some(timer.min(dhcp)),
            (timer, dhcp) => timer.or(dhcp),
        }
    }

    fn take_frames(self: &Arc<Self>) -> bool {
        let Some(link) = self.link.get() else { return false };
        link.receive(BUDGET, &mut |frame, vouched| self.receive(frame, vouched)) == BUDGET
    }

    /// Takes the frames that wait in the device: what an application's thread does before it computes readiness.
    pub fn drain(self: &Arc<Self>) {
        self.take_frames();
    }
}
