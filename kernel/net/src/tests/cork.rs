//! What is held back because more is to come, between sockets of one machine: MSG_MORE, TCP_CORK, UDP_CORK.

use super::{at, random, who};
use crate::address::Address;
use crate::control::Control;
use crate::options::{UDP_CORK, level, tcp};
use crate::socket::{Family, Kind, MessageFlags, Socket};
use crate::stack::{Env, Stack};
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Instant, Res};
use osv_sync::Events;
use osv_vfs::file::File;
use std::cell::Cell;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::vec::Vec;

std::thread_local! {
    static NOW: Cell<u64> = const { Cell::new(1_000_000_000) };
}

const ENV: Env = Env { now: || Instant(NOW.get()), random, kick: || {}, who };
const MORE: MessageFlags =
    MessageFlags { nonblock: true, more: true, peek: false, wait_all: false, errors: false };
const LAST: MessageFlags = MessageFlags { more: false, ..MORE };
const EAGAIN: Res<usize> = Err(osv_base::Fail::Errno(Errno::EAGAIN));

/// Lets `millis` pass.
fn pass(stack: &Arc<Stack>, millis: u64) {
    NOW.set(NOW.get() + millis * 1_000_000);
    stack.poll();
}

fn send(socket: &Socket, len: usize, to: Option<&Address>, flags: MessageFlags) -> Res<usize> {
    let bytes: Vec<u8> = std::vec![1; len];
    socket.send(&mut SliceSource::new(&bytes), to, flags, &mut Control::default())
}

fn recv(socket: &Socket) -> Res<usize> {
    let mut bytes = std::vec![0; 1 << 18];
    Ok(socket.recv(&mut SliceSink::new(&mut bytes), LAST)?.len)
}

/// Two ends of a connection.
fn streams(stack: &Arc<Stack>) -> [Arc<Socket>; 2] {
    let [listener, client] = [0, 1].map(|_| Socket::new(stack, Family::Inet, Kind::Stream).unwrap());
    listener.bind(&at(Ipv4Addr::LOCALHOST, 7)).unwrap();
    listener.listen(1).unwrap();
    client.connect(&at(Ipv4Addr::LOCALHOST, 7), true).unwrap();
    [client, listener.accept(true).unwrap()]
}

/// A socket, and one that takes datagrams, with its address.
fn datagrams(stack: &Arc<Stack>) -> ([Arc<Socket>; 2], Address) {
    let ends = [0, 1].map(|_| Socket::new(stack, Family::Inet, Kind::Datagram).unwrap());
    let to = at(Ipv4Addr::LOCALHOST, 9);
    ends[1].bind(&to).unwrap();
    (ends, to)
}

#[test]
fn a_stream_waits_for_what_was_said_to_follow() {
    let stack = Stack::new(ENV);
    let [client, server] = streams(&stack);
    assert_eq!(send(&client, 16, None, MORE), Ok(16));
    assert_eq!((recv(&server), server.poll() & Events::IN), (EAGAIN, Events::empty()));
    assert_eq!(send(&client, 1, None, LAST), Ok(1));
    assert_eq!(recv(&server), Ok(17));
}

#[test]
fn a_stream_does_not_wait_for_longer_than_linux_does() {
    let stack = Stack::new(ENV);
    let [client, server] = streams(&stack);
    for _ in 0..2 {
        send(&client, 16, None, MORE).unwrap();
        pass(&stack, 150);
        // What follows does not make the first wait any longer.
        send(&client, 16, None, MORE).unwrap();
        assert_eq!(recv(&server), EAGAIN);
        pass(&stack, 60);
        assert_eq!(recv(&server), Ok(32));
    }
    // A timer of what was shown long ago does not cut a later wait short.
    send(&client, 1, None, MORE).unwrap();
    pass(&stack, 100);
    send(&client, 1, None, LAST).unwrap();
    assert_eq!(recv(&server), Ok(2));
    send(&client, 1, None, MORE).unwrap();
    pass(&stack, 150);
    assert_eq!(recv(&server), EAGAIN);
    pass(&stack, 60);
    assert_eq!(recv(&server), Ok(1));
}

#[test]
fn full_segments_do_not_wait_and_the_end_waits_for_nothing() {
    let stack = Stack::new(ENV);
    let [client, server] = streams(&stack);
    send(&client, 65_500, None, MORE).unwrap();
    assert_eq!(recv(&server), Ok(65_483));
    client.released();
    assert_eq!(recv(&server), Ok(17));
    assert_eq!(recv(&server), Ok(0));
}

#[test]
fn a_cork_holds_until_it_is_drawn() {
    let stack = Stack::new(ENV);
    let [client, server] = streams(&stack);
    let cork = |on: i32| client.set_option(level::IPPROTO_TCP, tcp::CORK, &on.to_ne_bytes()).unwrap();
    cork(1);
    send(&client, 5, None, LAST).unwrap();
    send(&client, 6, None, LAST).unwrap();
    assert_eq!(recv(&server), EAGAIN);
    cork(0);
    assert_eq!(recv(&server), Ok(11));
}

#[test]
fn a_datagram_is_whole_with_its_last_part() {
    let stack = Stack::new(ENV);
    let ([client, server], to) = datagrams(&stack);
    let elsewhere = at(Ipv4Addr::LOCALHOST, 10);
    assert_eq!(send(&client, 16, Some(&to), MORE), Ok(16));
    assert_eq!(recv(&server), EAGAIN);
    // Where it goes was said.
    assert_eq!(send(&client, 1, Some(&elsewhere), LAST), Ok(1));
    assert_eq!((recv(&server), recv(&server)), (Ok(17), EAGAIN));
    let cork = |on: i32| client.set_option(level::IPPROTO_UDP, UDP_CORK, &on.to_ne_bytes()).unwrap();
    cork(1);
    send(&client, 3, Some(&to), LAST).unwrap();
    send(&client, 4, Some(&to), LAST).unwrap();
    assert_eq!(recv(&server), EAGAIN);
    cork(0);
    assert_eq!((recv(&server), recv(&server)), (Ok(7), EAGAIN));
}

#[test]
fn a_datagram_that_gets_too_long_is_gone() {
    let stack = Stack::new(ENV);
    let ([client, server], to) = datagrams(&stack);
    send(&client, 60_000, Some(&to), MORE).unwrap();
    assert_eq!(send(&client, 60_000, Some(&to), LAST), Err(Errno::EMSGSIZE.into()));
    send(&client, 2, Some(&to), LAST).unwrap();
    assert_eq!(recv(&server), Ok(2));
}
