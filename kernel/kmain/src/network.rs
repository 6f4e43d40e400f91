//! The network: the stack over the first virtio network device, and the thread that works for it.

use crate::doorbell::Doorbell;
use crate::link::Link;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::boot::Net;
use osv_base::{error, info, warn};
use osv_net::control::Ucred;
use osv_net::host::HostConfig;
use osv_net::stack::{Env, Stack};
use osv_net::{LinkDevice, stack};
use osv_virtio::transport::Transport;

/// Frames of a machine that spares memory: 64 MiB.
const SMALL: usize = 16_384;

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
        }
        Net::Dhcp if link.is_some() => {
            warn!("DHCP is not there yet: give an address with osv.net=ADDRESS/PREFIX,gw=ADDRESS");
        }
        Net::Dhcp => {}
    }
    if osv_task::spawn_kernel("network", move || work(&stack, link.as_deref())).is_err() {
        error!("no memory for the network's thread");
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
