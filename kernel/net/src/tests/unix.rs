//! Unix sockets: names, descriptors that travel, credentials, room.

use super::{ENV, who};
use crate::address::{Address, UnixName};
use crate::control::Control;
use crate::in_flight::Passed;
use crate::socket::{Family, Kind, MessageFlags, Received, Socket};
use crate::stack::Stack;
use crate::stream::Shutdown;
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Fail, Res};
use osv_sync::Events;
use osv_vfs::OpenFile;
use osv_vfs::file::File;
use std::sync::{Arc, Weak};
use std::thread;
use std::vec::Vec;

const NOWAIT: MessageFlags =
    MessageFlags { nonblock: true, peek: false, wait_all: false, more: false, errors: false };
const WAIT: MessageFlags =
    MessageFlags { nonblock: false, peek: false, wait_all: false, more: false, errors: false };
const EAGAIN: Fail = Fail::Errno(Errno::EAGAIN);

fn stack() -> Arc<Stack> {
    Stack::new(ENV)
}

fn send(socket: &Socket, bytes: &[u8], to: Option<&Address>, flags: MessageFlags) -> Res<usize> {
    socket.send(&mut SliceSource::new(bytes), to, flags, &mut Control::default())
}

fn pass(socket: &Socket, bytes: &[u8], files: &[&Arc<OpenFile>]) {
    let files = files.iter().map(|f| (*f).clone()).collect();
    let mut control = Control { passed: Some(Passed::new(socket.in_flight(), files)), creds: None };
    let sent = socket.send(&mut SliceSource::new(bytes), None, NOWAIT, &mut control);
    assert_eq!(sent, Ok(bytes.len()));
}

fn recv(socket: &Socket, room: usize) -> Res<(Vec<u8>, Received)> {
    let mut bytes = std::vec![0; room];
    let received = socket.recv(&mut SliceSink::new(&mut bytes), NOWAIT)?;
    bytes.truncate(received.len);
    Ok((bytes, received))
}

fn bytes(result: Res<(Vec<u8>, Received)>) -> Res<Vec<u8>> {
    result.map(|(bytes, _)| bytes)
}

fn files(result: Res<(Vec<u8>, Received)>) -> usize {
    result.unwrap().1.control.passed.map_or(0, |p| p.take().len())
}

fn abstract_name(name: &[u8]) -> Address {
    Address::Unix(UnixName::Abstract(name.to_vec()))
}

fn open(socket: &Arc<Socket>) -> Arc<OpenFile> {
    Arc::new(OpenFile::new(socket.clone(), 2))
}

#[test]
fn every_type_makes_a_pair() {
    for kind in [Kind::Stream, Kind::Datagram, Kind::SeqPacket] {
        let [a, b] = Socket::pair(&stack(), kind).unwrap();
        assert_eq!(send(&a, b"one", None, NOWAIT), Ok(3));
        assert_eq!(send(&a, b"two", None, NOWAIT), Ok(3));
        let first = bytes(recv(&b, 10)).unwrap();
        assert_eq!(first, if kind == Kind::Stream { &b"onetwo"[..] } else { b"one" });
        assert_eq!(send(&b, b"back", None, NOWAIT), Ok(4));
        assert_eq!(bytes(recv(&a, 2)).unwrap(), b"ba");
        let rest = bytes(recv(&a, 10));
        assert_eq!(rest, if kind == Kind::Stream { Ok(b"ck".to_vec()) } else { Err(EAGAIN) });
    }
}

#[test]
fn seqpacket_connects_like_a_stream_and_keeps_records() {
    let stack = stack();
    let server = Socket::new(&stack, Family::Unix, Kind::SeqPacket).unwrap();
    server.bind(&abstract_name(b"s")).unwrap();
    server.listen(1).unwrap();
    let client = Socket::new(&stack, Family::Unix, Kind::SeqPacket).unwrap();
    client.connect(&abstract_name(b"s"), true).unwrap();
    let peer = server.accept(true).unwrap();
    assert_eq!(client.peer(), Ok(abstract_name(b"s")));
    assert_eq!(peer.local(), abstract_name(b"s"));
    send(&client, b"abc", None, NOWAIT).unwrap();
    send(&client, b"", None, NOWAIT).unwrap();
    send(&client, b"d", None, NOWAIT).unwrap();
    let (first, received) = recv(&peer, 2).unwrap();
    assert_eq!((first.as_slice(), received.full_len), (&b"ab"[..], 3));
    assert_eq!(bytes(recv(&peer, 2)).unwrap(), b"");
    assert_eq!(bytes(recv(&peer, 2)).unwrap(), b"d");
    client.released();
    assert_eq!(bytes(recv(&peer, 2)).unwrap(), b"", "the end");
    assert_eq!(send(&peer, b"x", None, NOWAIT), Err(Fail::Errno(Errno::EPIPE)));
    let [a, b] = Socket::pair(&stack, Kind::SeqPacket).unwrap();
    send(&a, b"unread", None, NOWAIT).unwrap();
    b.released();
    assert_eq!(send(&a, b"x", None, NOWAIT), Err(Fail::Errno(Errno::ECONNRESET)));
    assert_eq!(send(&a, b"x", None, NOWAIT), Err(Fail::Errno(Errno::EPIPE)));
}

#[test]
fn what_was_sent_before_a_reset_is_read_first() {
    let [a, b] = Socket::pair(&stack(), Kind::Stream).unwrap();
    send(&a, b"unread", None, NOWAIT).unwrap();
    send(&b, b"last", None, NOWAIT).unwrap();
    b.released();
    assert_eq!(bytes(recv(&a, 10)), Ok(b"last".to_vec()));
    assert_eq!(bytes(recv(&a, 10)), Err(Fail::Errno(Errno::ECONNRESET)));
    assert_eq!(bytes(recv(&a, 10)), Ok(Vec::new()));
}

#[test]
fn a_path_is_found_by_its_inode() {
    let stack = stack();
    let at = |ino| Address::Unix(UnixName::Path(b"/run/s".to_vec(), ino));
    let server = Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
    server.bind(&at(Some((1, 7)))).unwrap();
    server.listen(1).unwrap();
    let client = Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
    assert_eq!(client.connect(&at(Some((1, 8))), true), Err(Fail::Errno(Errno::ECONNREFUSED)));
    assert_eq!(client.connect(&at(None), true), Err(Fail::Errno(Errno::ENOENT)));
    assert_eq!(client.connect(&at(Some((1, 7))), true), Ok(()));
    assert_eq!(server.accept(true).unwrap().local(), at(Some((1, 7))));
}

#[test]
fn a_stream_of_another_type_is_not_connected_to() {
    let stack = stack();
    let server = Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
    server.bind(&abstract_name(b"s")).unwrap();
    for listening in [false, true] {
        for kind in [Kind::SeqPacket, Kind::Datagram] {
            let client = Socket::new(&stack, Family::Unix, kind).unwrap();
            let refused = client.connect(&abstract_name(b"s"), true);
            assert_eq!(refused, Err(Fail::Errno(Errno::EPROTOTYPE)), "{kind:?} {listening}");
        }
        server.listen(1).unwrap();
    }
}

#[test]
fn a_name_is_given_back_by_its_owner_only() {
    let stack = stack();
    let server = Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
    server.bind(&abstract_name(b"s")).unwrap();
    server.listen(4).unwrap();
    for _ in 0..2 {
        let client = Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
        client.connect(&abstract_name(b"s"), true).unwrap();
        server.accept(true).unwrap().released();
    }
    let other = Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
    assert_eq!(other.bind(&abstract_name(b"s")), Err(Fail::Errno(Errno::EADDRINUSE)));
    server.released();
    other.bind(&abstract_name(b"s")).unwrap();
}

#[test]
fn a_full_backlog_makes_connect_wait() {
    let stack = stack();
    let server = Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
    server.bind(&abstract_name(b"s")).unwrap();
    server.listen(1).unwrap();
    let client = || Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
    let mut waiting = Vec::new();
    loop {
        let next = client();
        match next.connect(&abstract_name(b"s"), true) {
            Ok(()) => waiting.push(next),
            Err(fail) => {
                assert_eq!(fail, EAGAIN);
                break;
            }
        }
    }
    let patient = client();
    let connecting = thread::spawn(move || patient.connect(&abstract_name(b"s"), false));
    for _ in 0..waiting.len() + 1 {
        server.accept(false).unwrap();
    }
    assert_eq!(connecting.join().unwrap(), Ok(()));
}

#[test]
fn a_full_datagram_queue_makes_the_sender_wait() {
    let stack = stack();
    let server = Socket::new(&stack, Family::Unix, Kind::Datagram).unwrap();
    server.bind(&abstract_name(b"d")).unwrap();
    let client = Socket::new(&stack, Family::Unix, Kind::Datagram).unwrap();
    client.connect(&abstract_name(b"d"), false).unwrap();
    let mut sent = 0u8;
    while client.poll().contains(Events::OUT) {
        assert_eq!(send(&client, &[sent], None, NOWAIT), Ok(1));
        sent += 1;
    }
    assert_eq!(sent, 11, "as many as Linux holds");
    assert_eq!(send(&client, &[sent], None, NOWAIT), Err(EAGAIN));
    let more = 50;
    let sender = client.clone();
    let sending = thread::spawn(move || {
        for n in sent..more {
            send(&sender, &[n], None, WAIT).unwrap();
        }
    });
    for n in 0..more {
        let mut byte = [0];
        server.recv(&mut SliceSink::new(&mut byte), WAIT).unwrap();
        assert_eq!(byte, [n]);
    }
    sending.join().unwrap();
    server.released();
    assert_eq!(send(&client, b"x", None, WAIT), Err(Fail::Errno(Errno::ECONNREFUSED)));
    assert_eq!(send(&client, b"x", None, WAIT), Err(Fail::Errno(Errno::ENOTCONN)));
}

#[test]
fn a_connected_datagram_socket_hears_its_peer_only() {
    let stack = stack();
    let [a, b, c] = [b"a", b"b", b"c"].map(|name| {
        let socket = Socket::new(&stack, Family::Unix, Kind::Datagram).unwrap();
        socket.bind(&abstract_name(name)).unwrap();
        socket
    });
    a.connect(&abstract_name(b"b"), false).unwrap();
    assert_eq!(send(&c, b"x", Some(&abstract_name(b"a")), WAIT), Err(Fail::Errno(Errno::EPERM)));
    assert_eq!(send(&b, b"x", Some(&abstract_name(b"a")), WAIT), Ok(1));
    assert_eq!(recv(&a, 1).unwrap().1.from, Some(abstract_name(b"b")));
}

#[test]
fn a_shut_datagram_socket_ends_and_refuses() {
    let [a, b] = Socket::pair(&stack(), Kind::Datagram).unwrap();
    send(&a, b"x", None, WAIT).unwrap();
    b.shutdown(Shutdown::Read).unwrap();
    assert_eq!(bytes(recv(&b, 1)), Ok(b"x".to_vec()));
    assert_eq!(bytes(recv(&b, 1)), Ok(Vec::new()));
    assert_eq!(send(&a, b"x", None, WAIT), Err(Fail::Errno(Errno::EPIPE)));
    a.shutdown(Shutdown::Write).unwrap();
    assert_eq!(send(&a, b"x", None, WAIT), Err(Fail::Errno(Errno::EPIPE)));
}

#[test]
fn files_travel_with_the_byte_they_were_sent_with() {
    for kind in [Kind::Stream, Kind::Datagram, Kind::SeqPacket] {
        let stack = stack();
        let [a, b] = Socket::pair(&stack, kind).unwrap();
        let file = open(&Socket::new(&stack, Family::Inet, Kind::Datagram).unwrap());
        send(&a, b"plain", None, NOWAIT).unwrap();
        pass(&a, b"with", &[&file, &file]);
        send(&a, b"after", None, NOWAIT).unwrap();
        assert_eq!(stack.in_flight.total(), 2);
        if kind == Kind::Stream {
            // A read does not go past bytes that came with files.
            let (all, received) = recv(&b, 100).unwrap();
            assert_eq!(all, b"plainwith");
            assert_eq!(received.control.passed.unwrap().take().len(), 2);
        } else {
            assert_eq!(files(recv(&b, 100)), 0);
            assert_eq!(files(recv(&b, 100)), 2);
        }
        assert_eq!(files(recv(&b, 100)), 0);
        assert_eq!((stack.in_flight.total(), Arc::strong_count(&file)), (0, 1));
    }
}

#[test]
fn a_look_at_files_gives_them_again() {
    for kind in [Kind::Stream, Kind::Datagram, Kind::SeqPacket] {
        let stack = stack();
        let [a, b] = Socket::pair(&stack, kind).unwrap();
        let file = open(&Socket::new(&stack, Family::Inet, Kind::Datagram).unwrap());
        pass(&a, b"x", &[&file]);
        for peek in [true, true, false] {
            let mut byte = [0; 4];
            let flags = MessageFlags { peek, ..NOWAIT };
            let received = b.recv(&mut SliceSink::new(&mut byte), flags).unwrap();
            assert_eq!(received.control.passed.unwrap().take().len(), 1);
        }
        assert_eq!(recv(&b, 1).map(drop), Err(EAGAIN));
        assert_eq!(Arc::strong_count(&file), 1);
    }
}

#[test]
fn files_that_nobody_receives_are_closed() {
    for kind in [Kind::Stream, Kind::Datagram, Kind::SeqPacket] {
        let stack = stack();
        let [a, b] = Socket::pair(&stack, kind).unwrap();
        let file = open(&Socket::new(&stack, Family::Inet, Kind::Datagram).unwrap());
        pass(&a, b"x", &[&file]);
        // read(2) takes the byte and leaves the file behind.
        assert_eq!(
            b.read(osv_vfs::file::At::Stream, &mut SliceSink::new(&mut [0]), Default::default()),
            Ok(1)
        );
        assert_eq!(Arc::strong_count(&file), 1);
        pass(&a, b"x", &[&file]);
        b.released();
        assert_eq!((Arc::strong_count(&file), stack.in_flight.total()), (1, 0));
    }
}

#[test]
fn sockets_that_hold_each_other_do_not_stay_for_ever() {
    for kind in [Kind::Stream, Kind::Datagram, Kind::SeqPacket] {
        let stack = stack();
        let mut gone: Vec<Weak<OpenFile>> = Vec::new();
        // One that holds itself, and a ring of three pairs.
        let [a, b] = Socket::pair(&stack, kind).unwrap().map(|s| open(&s));
        pass(socket(&a), b"x", &[&b]);
        gone.extend([Arc::downgrade(&a), Arc::downgrade(&b)]);
        drop((a, b));
        let pairs = [0, 1, 2].map(|_| Socket::pair(&stack, kind).unwrap().map(|s| open(&s)));
        for n in 0..3 {
            pass(socket(&pairs[n][0]), b"x", &[&pairs[(n + 1) % 3][0], &pairs[(n + 1) % 3][1]]);
        }
        gone.extend(pairs.iter().flatten().map(Arc::downgrade));
        // While somebody can still receive them, they stay.
        let door = pairs[0][1].clone();
        drop(pairs);
        stack.in_flight.collect();
        assert!(gone[2..].iter().all(|w| w.strong_count() > 0), "{kind:?}");
        drop(door);
        // The next Unix socket that is closed finds them.
        drop(open(&Socket::new(&stack, Family::Unix, Kind::Stream).unwrap()));
        assert!(gone.iter().all(|w| w.strong_count() == 0), "{kind:?}");
        assert_eq!(stack.in_flight.total(), 0);
    }
}

#[test]
fn lost_sockets_do_not_pile_up_while_none_is_closed() {
    let stack = stack();
    let mut gone: Vec<Weak<OpenFile>> = Vec::new();
    for _ in 0..1000 {
        let [a, b] = Socket::pair(&stack, Kind::Stream).unwrap().map(|s| open(&s));
        pass(socket(&a), b"x", &[&a, &b]);
        gone.push(Arc::downgrade(&a));
    }
    assert!(gone.iter().filter(|w| w.strong_count() > 0).count() <= 64);
}

#[test]
fn a_cycle_through_a_connection_that_nobody_accepted_does_not_stay() {
    let stack = stack();
    let server = Socket::new(&stack, Family::Unix, Kind::Stream).unwrap();
    server.bind(&abstract_name(b"s")).unwrap();
    server.listen(1).unwrap();
    let server = open(&server);
    let client = open(&Socket::new(&stack, Family::Unix, Kind::Stream).unwrap());
    socket(&client).connect(&abstract_name(b"s"), true).unwrap();
    pass(socket(&client), b"x", &[&server, &client]);
    let gone = [Arc::downgrade(&server), Arc::downgrade(&client)];
    drop((server, client));
    // The next Unix socket that is closed finds it.
    drop(open(&Socket::new(&stack, Family::Unix, Kind::Stream).unwrap()));
    assert!(gone.iter().all(|w| w.strong_count() == 0));
}

#[test]
fn sockets_in_sockets_are_closed_without_depth() {
    let stack = stack();
    let [mut outer, keep] = Socket::pair(&stack, Kind::Datagram).unwrap().map(|s| open(&s));
    let mut ends = std::vec![keep];
    // Each level lies in the queue of the next.
    for _ in 0..5_000 {
        let [a, b] = Socket::pair(&stack, Kind::Datagram).unwrap().map(|s| open(&s));
        pass(socket(&a), b"x", &[&outer]);
        outer = b;
        ends.push(a);
    }
    let all = thread::Builder::new().stack_size(128 * 1024);
    all.spawn(move || drop((outer, ends))).unwrap().join().unwrap();
    assert_eq!(stack.in_flight.total(), 0);
}

#[test]
fn credentials_come_to_those_who_ask() {
    for kind in [Kind::Stream, Kind::Datagram, Kind::SeqPacket] {
        let [a, b] = Socket::pair(&stack(), kind).unwrap();
        send(&a, b"x", None, NOWAIT).unwrap();
        assert_eq!(recv(&b, 1).unwrap().1.control.creds, None);
        b.set_option(1, 16, &1i32.to_ne_bytes()).unwrap();
        send(&a, b"x", None, NOWAIT).unwrap();
        assert_eq!(recv(&b, 1).unwrap().1.control.creds, Some(who()));
        let mut peer = [0; 12];
        assert_eq!(b.get_option(1, 17, &mut peer), Ok(12));
        assert_eq!(peer, who().bytes());
    }
}

fn socket(open: &OpenFile) -> &Socket {
    open.file().as_any().downcast_ref().unwrap()
}
