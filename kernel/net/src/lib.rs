//! Classifier, flows, handshakes and sockets.
//!
//! Frames from a [`LinkDevice`] go through [`Stack::receive`]: ARP, ICMP, neighbour discovery and DHCP to the host interface, UDP to
//! its socket by local port, TCP by 5-tuple to its [`flow::Flow`]. A flow is one connection with a smoltcp
//! instance of its own, a bounded inbox, and a lock that is its owner bit: whoever holds it drives the flow. A
//! thread in a socket call takes it; the worker tries it and, when it is taken, leaves the packet in the inbox,
//! which the owner looks at once more after letting go. So no packet waits for a lock and none is forgotten.
//!
//! Connections within the machine ([`local`]) are paired rings and never become packets.
//!
//! Time, randomness and the device are arguments: the whole crate runs under `cargo test`, two stacks joined by
//! a link that loses, doubles and reorders.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod address;
pub mod arp;
pub mod control;
pub mod datagram;
pub mod dhcp;
pub mod flow;
pub mod host;
pub mod in_flight;
pub mod interface;
pub mod link;
pub mod listener;
pub mod local;
pub mod namespace;
pub mod ndp;
pub mod neighbours;
pub mod netlink;
pub mod options;
pub mod socket;
pub mod stack;
pub mod stream;

pub use link::LinkDevice;
pub use socket::Socket;
pub use stack::Stack;

#[cfg(test)]
mod tests;
