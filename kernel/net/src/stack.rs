//! The stack of the machine: the classifier, the host interface over the link, timers, and the tables of ports.

mod input;
mod lease;
mod output;
mod six;
mod timers;

use crate::control::Ucred;
use crate::flow::{Flow, FlowKey, Shard};
use crate::host::HostConfig;
use crate::in_flight::InFlight;
use crate::link::LinkDevice;
use crate::namespace::{TcpPorts, UdpPorts, UnixNames};
use crate::ndp::Host6;
use crate::neighbours::Neighbours;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::{Errno, Instant};
use osv_sync::{SpinLock, WaitQueue};
use timers::{TimeWait, Timers};

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

/// The network stack.
pub struct Stack {
    env: Env,
    link: spin::Once<Arc<dyn LinkDevice>>,
    config: SpinLock<Option<HostConfig>>,
    dhcp: spin::Once<lease::Dhcp>,
    /// IPv6 on the link, once it was started.
    six: SpinLock<Option<Host6>>,
    resolvers6_told: spin::Once<fn(&[Ipv6Addr])>,
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
    let address = match key.remote.ip() {
        IpAddr::V4(remote) => u32::from(remote),
        IpAddr::V6(remote) => {
            remote.segments().into_iter().fold(0u32, |mix, part| mix.rotate_left(7) ^ u32::from(part))
        }
    };
    let mix = address ^ (u32::from(key.remote.port()) << 8) ^ u32::from(key.local.port());
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
            six: SpinLock::new(None),
            resolvers6_told: spin::Once::new(),
            configured: WaitQueue::new(),
            neighbours: SpinLock::new(Neighbours::default()),
            flows: core::array::from_fn(|_| SpinLock::new(hashbrown::HashMap::new())),
            timers: SpinLock::default(),
            time_wait: SpinLock::default(),
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
            self.end_connections_of(old.address.into());
        }
        self.configured.wake_all();
    }

    /// The addresses are no longer ours.
    pub fn deconfigure(self: &Arc<Self>) {
        let old = self.config.lock().take();
        if let Some(old) = old {
            self.end_connections_of(old.address.into());
        }
    }

    fn end_connections_of(&self, address: IpAddr) {
        let gone: Vec<Arc<Flow>> =
            self.flows.iter().flat_map(|s| s.lock().values().cloned().collect::<Vec<_>>()).collect();
        for flow in gone.iter().filter(|f| f.key.local.ip() == address) {
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
        if address.is_loopback() || address.is_unspecified() {
            return true;
        }
        match address {
            IpAddr::V4(address) => self.config().is_some_and(|config| config.address == address),
            IpAddr::V6(address) => self.six.lock().as_ref().is_some_and(|six| six.is_own(address)),
        }
    }

    /// The address to send from to `remote`. ENETUNREACH without a route.
    pub fn source_for(&self, remote: IpAddr) -> Result<IpAddr, Errno> {
        let source = match remote {
            IpAddr::V4(remote) => {
                self.config().and_then(|config| config.next_hop(remote).map(|_| IpAddr::V4(config.address)))
            }
            IpAddr::V6(remote) => {
                let now = self.now();
                self.six.lock().as_ref().and_then(|six| six.source_for(remote, now)).map(IpAddr::V6)
            }
        };
        source.ok_or(Errno::ENETUNREACH)
    }

    /// Registers a flow that connects, from `source` and an ephemeral port (or `port`, when it is not 0).
    pub fn connect(
        self: &Arc<Self>,
        source: IpAddr,
        port: u16,
        remote: SocketAddr,
        readiness: Arc<osv_sync::Readiness>,
    ) -> Result<Arc<Flow>, Errno> {
        use crate::namespace::EPHEMERAL;
        let span = u64::from(EPHEMERAL.1 - EPHEMERAL.0) + 1;
        let start = self.random_u64();
        let candidates: Vec<u16> = if port != 0 { alloc::vec![port] } else { Vec::new() };
        let ephemeral = (0..span).map(|i| EPHEMERAL.0 + (start.wrapping_add(i) % span) as u16);
        for port in candidates.into_iter().chain(ephemeral.filter(|_| port == 0)) {
            let key = FlowKey { local: SocketAddr::new(source, port), remote };
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

    /// Connections in the classifier.
    pub fn flow_count(&self) -> usize {
        self.flows.iter().map(|s| s.lock().len()).sum()
    }

    /// One round of the worker: frames in, timers. Returns when it should run again at the latest; `None` when
    /// only a frame or [`Env::kick`] can bring work.
    pub fn poll(self: &Arc<Self>) -> Option<Instant> {
        let more = self.take_frames();
        let now = self.now();
        let timer = self.run_timers(now);
        if more {
            return Some(now);
        }
        [timer, self.drive_dhcp(now), self.drive_six(now)].into_iter().flatten().min()
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
