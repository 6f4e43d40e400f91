//! The network: the stack over the first virtio network device, and the thread that works for it.

use crate::doorbell::Doorbell;
use crate::link::Link;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use osv_abi::boot::Net;
use osv_base::{error, info, warn};
use osv_net::control::Ucred;
use osv_net::dhcp::Lease;
use osv_net::host::HostConfig;
use osv_net::stack::{Env, Stack};
use osv_net::{LinkDevice, stack};
use osv_sync::SpinLock;
use osv_virtio::transport::Transport;

/// Frames of a machine that spares memory: 64 MiB.
const SMALL: usize = 16_384;

/// How long the application's start waits for an address from a DHCP server.
const LEASE_WAIT: Duration = Duration::from_secs(10);

static BELL: Doorbell = Doorbell::new();

fn kick() {
    BELL.ring();
}

fn random(out: &mut [u8]) {
    osv_base::random::fill(out);
}

/// Asked by system calls only, so there is a process.
fn who() -> Ucred {
    let current = osv_task::current();
    let process = current.process();
    let credentials = process.credentials();
    Ucred { pid: process.pid() as i32, uid: credentials.user.effective, gid: credentials.group.effective }
}

/// The resolvers that the command line or the lease named, for /etc/resolv.conf.
static RESOLVERS: SpinLock<Vec<Ipv4Addr>> = SpinLock::new(Vec::new());
/// Those that a router announced; asked where there are no others.
static RESOLVERS6: SpinLock<Vec<Ipv6Addr>> = SpinLock::new(Vec::new());

fn announced(resolvers: &[Ipv6Addr]) {
    *RESOLVERS6.lock() = resolvers.to_vec();
}

fn leased(lease: &Lease) {
    info!("network: {}/{} from a DHCP server", lease.config.address, lease.config.prefix_len);
    RESOLVERS.lock().clone_from(&lease.dns);
}

/// What resolv.conf(5) is to say; `None` when nobody named a resolver.
pub fn resolv_conf() -> Option<String> {
    let mut lines: String =
        RESOLVERS.lock().iter().map(|address| format!("nameserver {address}\n")).collect();
    if lines.is_empty() {
        lines = RESOLVERS6.lock().iter().map(|address| format!("nameserver {address}\n")).collect();
    }
    (!lines.is_empty()).then_some(lines)
}

/// Makes the machine's stack. Loopback works without a device.
pub fn start(config: &Net, mut devices: Vec<Box<dyn Transport>>) {
    let stack = Stack::new(Env { now: osv_sync::park::now, random, kick, who });
    stack::register(stack.clone());
    let mut link: Option<Arc<Link>> = None;
    if *config != Net::None && !devices.is_empty() {
        match Link::open(devices.remove(0), &BELL, osv_mm::frame::total() < SMALL) {
            Ok(opened) => link = Some(opened),
            Err(problem) => warn!("network device: {problem}"),
        }
    }
    if let Some(link) = &link {
        stack.attach(link.clone());
    }
    match config {
        Net::None => {}
        Net::Static(given) => {
            stack.configure(HostConfig {
                address: given.address,
                prefix_len: given.prefix,
                gateway: given.gateway,
            });
            info!("network: {}/{}", given.address, given.prefix);
            RESOLVERS.lock().clone_from(&given.dns);
        }
        Net::Dhcp if link.is_some() => stack.start_dhcp(leased),
        Net::Dhcp => {}
    }
    if link.is_some() {
        stack.start_ipv6(announced);
    }
    let asked = *config == Net::Dhcp && link.is_some();
    let worker = stack.clone();
    if osv_task::spawn_kernel("network", move || work(&worker, link.as_deref())).is_err() {
        error!("no memory for the network's thread");
        return;
    }
    if asked && !stack.wait_configured(stack.now() + LEASE_WAIT) {
        warn!("no DHCP server has answered yet: the application starts without an address");
    }
}

fn work(stack: &Arc<Stack>, link: Option<&Link>) -> ! {
    loop {
        let next = stack.poll();
        if next.is_some_and(|at| at <= stack.now()) {
            osv_sync::park::scheduler().yield_now();
            continue;
        }
        if link.is_none_or(LinkDevice::arm) {
            BELL.wait(next);
        }
    }
}
