use super::*;
use crate::pipe::{CAPACITY, PIPE_BUF, pipe};
use crate::poll::{Entry, poll};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use osv_abi::uapi::event::{EpollEvent, epoll};
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Fail, Instant, Res};
use osv_sync::{Events, park};
use osv_vfs::{At, File, Io, OpenFile};
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};
use std::thread;

const NONBLOCK: Io = Io { nonblock: true, append: false };
const BLOCK: Io = Io { nonblock: false, append: false };
const EAGAIN: Fail = Fail::Errno(Errno::EAGAIN);

fn read(file: &dyn File, len: usize, io: Io) -> Res<Vec<u8>> {
    let mut buf = vec![0; len];
    let n = file.read(At::Stream, &mut SliceSink::new(&mut buf), io)?;
    buf.truncate(n);
    Ok(buf)
}

fn write(file: &dyn File, bytes: &[u8], io: Io) -> Res<usize> {
    file.write(At::Stream, &mut SliceSource::new(bytes), io)
}

fn open(file: Arc<dyn File>) -> Arc<OpenFile> {
    Arc::new(OpenFile::new(file, 2))
}

fn event(events: u32, data: u64) -> EpollEvent {
    EpollEvent { events, data }
}

fn ready(epoll: &Epoll) -> Vec<(u32, u64)> {
    let mut events = Vec::new();
    epoll.wait(64, Some(Instant::ZERO), &mut events).unwrap();
    events.iter().map(|e| (e.events, e.data)).collect()
}

const IN: u32 = 1;
const OUT: u32 = 4;
const HUP: u32 = 0x10;

#[test]
fn a_counter_tells_of_what_it_could_not_count() {
    let counter = EventFd::new(0, false);
    let nonblock = Io { nonblock: true, ..Io::default() };
    write(&counter, &(u64::MAX - 1).to_ne_bytes(), nonblock).unwrap();
    assert_eq!(counter.poll() & (Events::ERR | Events::OUT), Events::empty());
    counter.signal();
    assert_eq!(counter.poll() & (Events::ERR | Events::IN), Events::ERR | Events::IN);
    counter.signal();
    assert_eq!(read(&counter, 8, nonblock).unwrap(), u64::MAX.to_ne_bytes());
    counter.signal();
    assert_eq!(counter.poll() & (Events::ERR | Events::IN), Events::IN);
}

#[test]
fn a_pipe_ends_when_its_writer_goes() {
    let [r, w] = pipe(false);
    assert_eq!(read(&*r, 10, NONBLOCK), Err(EAGAIN));
    assert_eq!(write(&*w, b"hello", BLOCK), Ok(5));
    assert_eq!(read(&*r, 3, BLOCK), Ok(b"hel".to_vec()));
    drop(w);
    assert_eq!(r.poll() & (Events::IN | Events::HUP), Events::IN | Events::HUP);
    assert_eq!(read(&*r, 10, BLOCK), Ok(b"lo".to_vec()));
    assert_eq!(read(&*r, 10, BLOCK), Ok(vec![]));
}

#[test]
fn a_pipe_breaks_when_its_reader_goes() {
    let [r, w] = pipe(false);
    drop(r);
    assert_eq!(write(&*w, b"x", BLOCK), Err(Errno::EPIPE.into()));
    assert!(w.poll().contains(Events::ERR | Events::OUT));
}

#[test]
fn small_writes_are_whole_or_not_at_all() {
    let [r, w] = pipe(false);
    assert_eq!(write(&*w, &vec![1; CAPACITY - 10], NONBLOCK), Ok(CAPACITY - 10));
    assert_eq!(write(&*w, &[2; 11], NONBLOCK), Err(EAGAIN));
    assert!(!w.poll().contains(Events::OUT));
    assert_eq!(write(&*w, &vec![3; PIPE_BUF + 1], NONBLOCK), Ok(10), "a longer one may be cut");
    read(&*r, PIPE_BUF, NONBLOCK).unwrap();
    assert!(w.poll().contains(Events::OUT));
}

#[test]
fn a_packet_is_read_by_itself() {
    let [r, w] = pipe(true);
    assert_eq!(write(&*w, b"hello", BLOCK), Ok(5));
    assert_eq!(write(&*w, b"world", BLOCK), Ok(5));
    assert_eq!(read(&*r, 3, BLOCK), Ok(b"hel".to_vec()), "what does not fit is gone");
    assert_eq!(read(&*r, 100, BLOCK), Ok(b"world".to_vec()));
    assert_eq!(read(&*r, 100, NONBLOCK), Err(EAGAIN));
    assert_eq!(write(&*w, &vec![7; PIPE_BUF + 1], BLOCK), Ok(PIPE_BUF + 1), "as two packets");
    assert_eq!(read(&*r, 2 * PIPE_BUF, BLOCK).map(|packet| packet.len()), Ok(PIPE_BUF));
    assert_eq!(read(&*r, 2 * PIPE_BUF, BLOCK).map(|packet| packet.len()), Ok(1));
    for _ in 0..CAPACITY / PIPE_BUF {
        assert_eq!(write(&*w, b"x", NONBLOCK), Ok(1));
    }
    assert_eq!(write(&*w, b"x", NONBLOCK), Err(EAGAIN), "each takes a page");
}

#[test]
fn a_pipe_has_a_size_within_limits() {
    let [r, w] = pipe(false);
    for (bytes, expected) in [
        (1, Ok(PIPE_BUF)),
        (PIPE_BUF + 1, Ok(2 * PIPE_BUF)),
        ((1 << 20) + 1, Err(Errno::EPERM.into())),
        ((1 << 31) + 1, Err(Errno::EINVAL.into())),
    ] {
        assert_eq!(w.set_capacity(bytes).map(|()| w.capacity()), expected);
    }
    write(&*w, &vec![0; PIPE_BUF + 1], BLOCK).unwrap();
    assert_eq!(r.set_capacity(1), Err(Errno::EBUSY.into()));
}

#[test]
fn a_long_write_waits_for_its_reader() {
    let [r, w] = pipe(false);
    let all: Vec<u8> = (0..1_000_000u32).map(|i| i as u8).collect();
    let expected = all.clone();
    let writer = thread::spawn(move || write(&*w, &all, BLOCK));
    let mut got = Vec::new();
    loop {
        let piece = read(&*r, 7001, BLOCK).unwrap();
        if piece.is_empty() {
            break;
        }
        got.extend(piece);
    }
    assert_eq!(writer.join().unwrap(), Ok(1_000_000));
    assert!(got == expected);
}

proptest! {
    #[test]
    fn a_pipe_is_a_queue(steps in proptest::collection::vec((any::<bool>(), 0usize..20_000), 1..80)) {
        let ([r, w], mut model) = (pipe(false), VecDeque::new());
        let mut next = 0u8;
        for (writes, len) in steps {
            if writes {
                let bytes: Vec<u8> = (0..len).map(|i| next.wrapping_add(i as u8)).collect();
                let room = CAPACITY - model.len();
                let expected = if len == 0 { Ok(0) } else if len <= PIPE_BUF && len > room || room == 0 { Err(EAGAIN) } else { Ok(len.min(room)) };
                prop_assert_eq!(write(&*w, &bytes, NONBLOCK), expected);
                if let Ok(n) = expected {
                    model.extend(&bytes[..n]);
                    next = next.wrapping_add(n as u8);
                }
            } else {
                let expected: Vec<u8> = model.drain(..len.min(model.len())).collect();
                let got = read(&*r, len, NONBLOCK);
                if expected.is_empty() && len > 0 { prop_assert_eq!(got, Err(EAGAIN)); } else { prop_assert_eq!(got, Ok(expected)); }
            }
        }
    }
}

#[test]
fn eventfd_takes_eight_bytes_and_no_others() {
    let event = EventFd::new(0, false);
    for bytes in [&[1u8; 7][..], &[1; 9], &[1; 64], &[]] {
        assert_eq!(write(&event, bytes, NONBLOCK), Err(Errno::EINVAL.into()));
    }
    assert_eq!(write(&event, &1u64.to_ne_bytes(), NONBLOCK), Ok(8));
}

#[test]
fn eventfd_counts() {
    let e = EventFd::new(3, false);
    write(&e, &4u64.to_ne_bytes(), BLOCK).unwrap();
    assert_eq!(read(&e, 8, BLOCK), Ok(7u64.to_ne_bytes().to_vec()));
    assert_eq!(read(&e, 8, NONBLOCK), Err(EAGAIN));
    assert_eq!(read(&e, 7, NONBLOCK), Err(Errno::EINVAL.into()));
    assert_eq!(write(&e, &u64::MAX.to_ne_bytes(), NONBLOCK), Err(Errno::EINVAL.into()));
    write(&e, &(u64::MAX - 1).to_ne_bytes(), NONBLOCK).unwrap();
    assert_eq!(write(&e, &1u64.to_ne_bytes(), NONBLOCK), Err(EAGAIN));
    let s = EventFd::new(2, true);
    assert_eq!(read(&s, 8, BLOCK), Ok(1u64.to_ne_bytes().to_vec()));
    assert_eq!(read(&s, 8, BLOCK), Ok(1u64.to_ne_bytes().to_vec()));
    assert_eq!(read(&s, 8, NONBLOCK), Err(EAGAIN));
}

#[test]
fn epoll_tells_levels_until_they_fall() {
    let (e, fd) = (Epoll::new(), open(Arc::new(EventFd::new(0, false))));
    e.add(3, &fd, event(IN, 33)).unwrap();
    assert_eq!(e.add(3, &fd, event(IN, 33)), Err(Errno::EEXIST.into()));
    assert_eq!(ready(&e), []);
    write(&**fd.file(), &1u64.to_ne_bytes(), BLOCK).unwrap();
    assert_eq!(ready(&e), [(IN, 33)]);
    assert_eq!(ready(&e), [(IN, 33)]);
    read(&**fd.file(), 8, BLOCK).unwrap();
    assert_eq!(ready(&e), []);
    e.delete(3, &fd).unwrap();
    write(&**fd.file(), &1u64.to_ne_bytes(), BLOCK).unwrap();
    assert_eq!(ready(&e), []);
    assert_eq!(e.modify(3, &fd, event(IN, 1)), Err(Errno::ENOENT.into()));
}

#[test]
fn epoll_tells_an_edge_once() {
    let (e, fd) = (Epoll::new(), open(Arc::new(EventFd::new(1, false))));
    e.add(3, &fd, event(IN | epoll::ET, 7)).unwrap();
    assert_eq!(ready(&e), [(IN, 7)]);
    assert_eq!(ready(&e), []);
    write(&**fd.file(), &1u64.to_ne_bytes(), BLOCK).unwrap();
    assert_eq!(ready(&e), [(IN, 7)]);
    assert_eq!(ready(&e), []);
    e.modify(3, &fd, event(IN | OUT | epoll::ET, 8)).unwrap();
    assert_eq!(ready(&e), [(IN | OUT, 8)]);
}

#[test]
fn epoll_oneshot_waits_to_be_asked_again() {
    let (e, fd) = (Epoll::new(), open(Arc::new(EventFd::new(1, false))));
    e.add(3, &fd, event(IN | epoll::ONESHOT, 7)).unwrap();
    assert_eq!(ready(&e), [(IN, 7)]);
    write(&**fd.file(), &1u64.to_ne_bytes(), BLOCK).unwrap();
    assert_eq!(ready(&e), []);
    e.modify(3, &fd, event(IN | epoll::ONESHOT, 9)).unwrap();
    assert_eq!(ready(&e), [(IN, 9)]);
}

#[test]
fn epoll_forgets_a_closed_file() {
    let (e, [r, w]) = (Epoll::new(), pipe(false));
    let r = open(r);
    e.add(3, &r, event(IN, 1)).unwrap();
    drop(r);
    assert_eq!(ready(&e), []);
    let again = open(pipe(false)[0].clone());
    e.add(3, &again, event(IN, 2)).unwrap();
    assert_eq!(ready(&e), [(HUP, 2)], "its writer is gone already");
    drop(w);
}

#[test]
fn epoll_in_epoll_sees_through_and_circles_are_refused() {
    let (outer, inner) = (Epoll::new(), Epoll::new());
    let (outer_open, inner_open) = (open(outer.clone()), open(inner.clone()));
    let fd = open(Arc::new(EventFd::new(0, false)));
    inner.add(1, &fd, event(IN, 1)).unwrap();
    outer.add(2, &inner_open, event(IN, 2)).unwrap();
    assert_eq!(ready(&outer), []);
    write(&**fd.file(), &1u64.to_ne_bytes(), BLOCK).unwrap();
    assert_eq!(ready(&outer), [(IN, 2)]);
    assert_eq!(ready(&inner), [(IN, 1)]);
    read(&**fd.file(), 8, BLOCK).unwrap();
    assert_eq!(ready(&outer), []);
    assert_eq!(inner.add(3, &outer_open, event(IN, 3)), Err(Errno::ELOOP.into()));
    assert_eq!(outer.add(3, &outer_open, event(IN, 3)), Err(Errno::EINVAL.into()));
}

#[test]
fn epoll_wakes_a_sleeper() {
    for _ in 0..200 {
        let (e, fd) = (Epoll::new(), open(Arc::new(EventFd::new(0, false))));
        e.add(3, &fd, event(IN, 5)).unwrap();
        let (e2, fd2) = (e.clone(), fd.clone());
        let sleeper = thread::spawn(move || {
            let mut events = Vec::new();
            e2.wait(8, None, &mut events).unwrap();
            events.len()
        });
        write(&**fd2.file(), &1u64.to_ne_bytes(), BLOCK).unwrap();
        assert_eq!(sleeper.join().unwrap(), 1);
    }
}

#[test]
fn each_of_many_waiters_gets_its_event() {
    let e = Epoll::new();
    let fds: Vec<_> = (0..8).map(|_| open(Arc::new(EventFd::new(0, false)))).collect();
    for (i, fd) in fds.iter().enumerate() {
        e.add(i as i32, fd, event(IN | epoll::ONESHOT, i as u64)).unwrap();
    }
    let sleepers: Vec<_> = (0..8)
        .map(|_| {
            let e = e.clone();
            thread::spawn(move || {
                let mut events = Vec::new();
                e.wait(1, None, &mut events).unwrap();
                events[0].data
            })
        })
        .collect();
    for fd in &fds {
        write(&**fd.file(), &1u64.to_ne_bytes(), BLOCK).unwrap();
    }
    let seen: BTreeSet<u64> = sleepers.into_iter().map(|s| s.join().unwrap()).collect();
    assert_eq!(seen.len(), 8);
}

#[test]
fn waits_end_at_their_deadline() {
    let e = Epoll::new();
    let (mut events, start) = (Vec::new(), park::now());
    e.wait(8, Some(start.after(Duration::from_millis(20))), &mut events).unwrap();
    assert!(events.is_empty() && park::now().since(start) >= Duration::from_millis(20));
    let fd = open(Arc::new(EventFd::new(0, false)));
    let mut entries = [Entry { file: Some(fd), wanted: Events::IN, found: Events::empty() }];
    let start = park::now();
    assert_eq!(poll(&mut entries, Some(start.after(Duration::from_millis(20)))), Ok(0));
    assert!(park::now().since(start) >= Duration::from_millis(20));
}

#[test]
fn poll_finds_what_is_ready_and_wakes() {
    let [r, w] = pipe(false);
    let entry =
        |file: Arc<dyn File>, wanted| Entry { file: Some(open(file)), wanted, found: Events::empty() };
    let mut entries = [entry(r.clone(), Events::IN), entry(w.clone(), Events::OUT)];
    assert_eq!(poll(&mut entries, None), Ok(1));
    assert_eq!((entries[0].found, entries[1].found), (Events::empty(), Events::OUT));
    let writer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(5));
        write(&*w, b"x", BLOCK).unwrap();
        w
    });
    let mut entries = [entry(r, Events::IN)];
    assert_eq!(poll(&mut entries, None), Ok(1));
    writer.join().unwrap();
}

#[test]
fn a_timer_is_readable_when_its_time_has_come() {
    let (timer, e) = (Arc::new(TimerFd::new(false)), Epoll::new());
    let fd = open(timer.clone());
    e.add(1, &fd, event(IN, 1)).unwrap();
    assert_eq!(read(&*timer, 8, NONBLOCK), Err(EAGAIN));
    let start = park::now();
    timer.set(Some(start.after(Duration::from_millis(10))), Duration::from_millis(5));
    let mut events = Vec::new();
    e.wait(1, None, &mut events).unwrap();
    assert_eq!(events.len(), 1);
    assert!(park::now().since(start) >= Duration::from_millis(10));
    thread::sleep(Duration::from_millis(12));
    let count = u64::from_ne_bytes(read(&*timer, 8, BLOCK).unwrap().try_into().unwrap());
    assert!(count >= 3, "{count}");
    read(&*timer, 8, BLOCK).unwrap();
    timer.set(None, Duration::ZERO);
    assert_eq!(read(&*timer, 8, NONBLOCK), Err(EAGAIN));
    assert_eq!(timer.get(), (Duration::ZERO, Duration::ZERO));
}

#[test]
fn a_sleeper_notices_that_a_timer_was_set() {
    let (timer, e) = (Arc::new(TimerFd::new(false)), Epoll::new());
    let fd = open(timer.clone());
    e.add(1, &fd, event(IN | epoll::ET, 1)).unwrap();
    let sleeper = {
        let e = e.clone();
        thread::spawn(move || {
            let mut events = Vec::new();
            e.wait(1, None, &mut events).unwrap();
            events.len()
        })
    };
    thread::sleep(Duration::from_millis(5));
    timer.set(Some(park::now().after(Duration::from_millis(5))), Duration::ZERO);
    assert_eq!(sleeper.join().unwrap(), 1);
    assert_eq!(ready(&e), [], "one edge");
}

proptest! {
    /// The ready list against asking every file each time.
    #[test]
    fn level_triggered_epoll_is_poll(steps in proptest::collection::vec((0usize..6, 0u8..4), 1..100)) {
        let e = Epoll::new();
        let files: Vec<_> = (0..6).map(|_| open(Arc::new(EventFd::new(0, false)))).collect();
        let mut watched = [false; 6];
        for (i, what) in steps {
            match what {
                0 => { let _ = write(&**files[i].file(), &1u64.to_ne_bytes(), NONBLOCK); }
                1 => { let _ = read(&**files[i].file(), 8, NONBLOCK); }
                2 => { prop_assert_eq!(e.add(i as i32, &files[i], event(IN, i as u64)).is_ok(), !watched[i]); watched[i] = true; }
                _ => { prop_assert_eq!(e.delete(i as i32, &files[i]).is_ok(), watched[i]); watched[i] = false; }
            }
            let mut got: Vec<u64> = ready(&e).into_iter().map(|(_, data)| data).collect();
            got.sort_unstable();
            let expected: Vec<u64> = (0..6).filter(|&i| watched[i] && files[i].file().poll().contains(Events::IN)).map(|i| i as u64).collect();
            prop_assert_eq!(got, expected);
        }
    }
}

#[test]
fn a_timer_in_an_epoll_in_an_epoll_is_seen() {
    let (timer, inner, outer) = (Arc::new(TimerFd::new(false)), Epoll::new(), Epoll::new());
    let (timer_fd, inner_fd) = (open(timer.clone()), open(inner.clone()));
    inner.add(1, &timer_fd, event(IN, 1)).unwrap();
    outer.add(2, &inner_fd, event(IN, 2)).unwrap();
    timer.set(Some(park::now().after(Duration::from_millis(5))), Duration::ZERO);
    let mut events = Vec::new();
    outer.wait(1, Some(park::now().after(Duration::from_secs(60))), &mut events).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(ready(&inner), [(IN, 1)]);
}

#[test]
fn a_pipe_shows_what_it_holds_and_keeps_it() {
    let [reads, writes] = pipe(false);
    let io = Io { nonblock: true, ..Io::default() };
    let put = |text: &[u8]| writes.write(At::Stream, &mut SliceSource::new(text), io);
    assert_eq!(put(b"hello"), Ok(5));
    assert_eq!(reads.peek(3), Ok(b"hel".to_vec()));
    assert_eq!(reads.peek(100), Ok(b"hello".to_vec()));
    assert_eq!(writes.room(), CAPACITY - 5);
    // Also where it goes round the end of the ring.
    let mut taken = [0; 4];
    assert_eq!(reads.read(At::Stream, &mut SliceSink::new(&mut taken), io), Ok(4));
    let long = [b'x'; 4094];
    assert_eq!(put(&long), Ok(4094));
    let shown = reads.peek(usize::MAX).expect("memory");
    assert_eq!((shown.len(), &shown[..2]), (4095, b"ox".as_slice()));
    assert!(reads.is_same(&writes) && !reads.is_same(&pipe(false)[0]));
}
