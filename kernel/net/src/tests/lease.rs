//! A stack whose address comes from a DHCP server.

use super::{ADDRESSES, ENV, Net, at};
use crate::dhcp::Lease;
use crate::dhcp::tests::Server;
use crate::host::HostConfig;
use crate::link::{LinkDevice, LinkFull, NeedsChecksum};
use crate::socket::Kind;
use crate::stack::Stack;
use osv_base::{Errno, Fail};
use osv_sync::Events;
use osv_vfs::file::File;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;
use std::vec::Vec;

const OFFERED: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 20);

/// A link with nothing but the server at its other end.
pub(crate) struct ToServer {
    server: Mutex<Server>,
    answers: Mutex<VecDeque<Vec<u8>>>,
}

pub(crate) fn to_server() -> ToServer {
    ToServer { server: Mutex::new(Server::new(OFFERED)), answers: Mutex::default() }
}

impl LinkDevice for ToServer {
    fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, 7]
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
        self.answers.lock().unwrap().extend(self.server.lock().unwrap().answer(&frame));
        Ok(())
    }
    fn receive(&self, budget: usize, each: &mut dyn FnMut(&[u8], bool)) -> usize {
        for n in 0..budget {
            let Some(frame) = self.answers.lock().unwrap().pop_front() else { return n };
            each(&frame, false);
        }
        budget
    }
    fn arm(&self) -> bool {
        true
    }
}

static TOLD: OnceLock<Lease> = OnceLock::new();

#[test]
fn a_stack_takes_the_address_that_it_is_given() {
    let stack = Stack::new(ENV);
    stack.attach(Arc::new(to_server()));
    stack.start_dhcp(|lease| TOLD.set(lease.clone()).unwrap());
    let waiting = {
        let stack = stack.clone();
        thread::spawn(move || stack.wait_configured(stack.now() + Duration::from_secs(60)))
    };
    while stack.config().is_none() {
        stack.poll();
        thread::yield_now();
    }
    assert!(waiting.join().unwrap());
    assert_eq!(stack.config().unwrap().address, OFFERED);
    assert_eq!(TOLD.get().map(|lease| lease.dns.clone()), Some(std::vec![Ipv4Addr::new(10, 9, 0, 53)]));
    assert!(stack.poll().is_some(), "the worker comes back for the renewal");
}

#[test]
fn without_an_answer_the_wait_ends() {
    let stack = Stack::new(ENV);
    assert!(!stack.wait_configured(stack.now() + Duration::from_millis(1)));
}

#[test]
fn a_new_address_ends_the_connections_of_the_old() {
    let net = Net::new(0);
    let server = net.listener(0, 7);
    let client = net.socket(1, Kind::Stream);
    client.connect(&at(ADDRESSES[0], 7), false).unwrap();
    let peer = server.accept(false).unwrap();
    let moved = HostConfig { address: Ipv4Addr::new(10, 0, 0, 77), prefix_len: 24, gateway: None };
    // The same again is no change.
    net.stacks[1].configure(HostConfig { address: ADDRESSES[1], prefix_len: 24, gateway: None });
    assert!(!client.poll().contains(Events::ERR));
    net.stacks[1].configure(moved);
    assert!(client.poll().contains(Events::ERR));
    let mut value = [0; 4];
    assert_eq!(client.get_option(1, 4, &mut value), Ok(4));
    assert_eq!(i32::from_ne_bytes(value), Errno::ENETDOWN.get());
    // From the new one it can be reached anew.
    let again = net.socket(1, Kind::Stream);
    again.connect(&at(ADDRESSES[0], 7), false).unwrap();
    let second = server.accept(false).unwrap();
    assert!(matches!(second.peer(), Ok(crate::address::Address::Inet(a)) if a.ip() == moved.address));
    net.stacks[1].deconfigure();
    let lost = net.socket(1, Kind::Stream).connect(&at(ADDRESSES[0], 7), false);
    assert_eq!(lost, Err(Fail::Errno(Errno::ENETUNREACH)));
    drop(peer);
}
