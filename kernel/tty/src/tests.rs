use crate::jobs::{Caller, Jobs, register};
use crate::{Device, Master, Tty, TtyFile, pty};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use osv_abi::uapi::file::open as o;
use osv_abi::uapi::signal::sig;
use osv_abi::uapi::termios::{Termios, Winsize, cc, lflag, packet, request};
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Fail, Res};
use osv_sync::Events;
use osv_vfs::{At, File, Io, IoctlArg};
use std::thread;
use std::time::Duration;
use zerocopy::{FromBytes, IntoBytes};

/// The processes of one test: those of its thread.
#[derive(Default)]
struct World {
    caller: Caller,
    ignores: Vec<u32>,
    orphaned: bool,
    /// Signals to groups, in order.
    sent: Vec<(u32, u32)>,
    /// Sessions that lost their terminal: whether by a hang-up, and what was in the foreground.
    left: Vec<(u32, bool, u32)>,
}

std::thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

fn world<R>(look: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| look(&mut world.borrow_mut()))
}

struct Fake;

impl Jobs for Fake {
    fn caller(&self) -> Caller {
        world(|w| w.caller.clone())
    }
    fn caller_ignores(&self, signo: u32) -> bool {
        world(|w| w.ignores.contains(&signo))
    }
    fn caller_is_orphaned(&self) -> bool {
        world(|w| w.orphaned)
    }
    fn signal_callers_group(&self, signo: u32) {
        world(|w| w.sent.push((w.caller.group, signo)));
    }
    fn signal_group(&self, group: u32, signo: u32) {
        world(|w| w.sent.push((group, signo)));
    }
    /// Groups 10 to 19 are in session 10, and so on.
    fn session_of_group(&self, group: u32) -> Option<u32> {
        (group < 100).then_some(group / 10 * 10)
    }
    fn attach_caller(&self, tty: &Arc<Tty>) {
        world(|w| w.caller.terminal = Some(tty.clone()));
    }
    fn detach_caller(&self) {
        world(|w| w.caller.terminal = None);
    }
    fn detach_session(&self, session: u32, _tty: &Tty, hung_up: bool, foreground: u32) {
        world(|w| {
            w.left.push((session, hung_up, foreground));
            w.caller.terminal = None;
        });
    }
}

/// The caller leads session 10 and has no terminal.
fn leader() {
    register(Arc::new(Fake));
    let caller = Caller { session: 10, group: 10, leads: true, ..Caller::default() };
    world(|w| *w = World { caller, ..World::default() });
}

/// From now on the caller is in group 11, which is in the background.
fn background() {
    world(|w| (w.caller.group, w.caller.leads) = (11, false));
}

fn sent() -> Vec<(u32, u32)> {
    world(|w| core::mem::take(&mut w.sent))
}

const WAIT: Io = Io { nonblock: false, append: false };
const TRY: Io = Io { nonblock: true, append: false };

fn read(file: &dyn File, io: Io) -> Res<Vec<u8>> {
    let mut buf = vec![0; 4096];
    let n = file.read(At::Stream, &mut SliceSink::new(&mut buf), io)?;
    buf.truncate(n);
    Ok(buf)
}

fn write(file: &dyn File, bytes: &[u8], io: Io) -> Res<usize> {
    file.write(At::Stream, &mut SliceSource::new(bytes), io)
}

/// An argument of ioctl(2): a number, and memory behind it.
#[derive(Default)]
struct Arg {
    value: u64,
    memory: Vec<u8>,
}

impl IoctlArg for Arg {
    fn value(&self) -> u64 {
        self.value
    }
    fn read(&self, to: &mut [u8]) -> Result<(), Errno> {
        to.copy_from_slice(self.memory.get(..to.len()).ok_or(Errno::EFAULT)?);
        Ok(())
    }
    fn write(&mut self, from: &[u8]) -> Result<(), Errno> {
        self.memory = from.into();
        Ok(())
    }
}

fn ask<T: FromBytes>(file: &dyn File, number: u32) -> Res<T> {
    let mut arg = Arg::default();
    file.ioctl(number, &mut arg)?;
    Ok(T::read_from_bytes(&arg.memory).unwrap_or_else(|_| panic!("{number:#x}: {:?}", arg.memory)))
}

fn tell(file: &dyn File, number: u32, value: &(impl IntoBytes + zerocopy::Immutable)) -> Res<()> {
    file.ioctl(number, &mut Arg { value: 0, memory: value.as_bytes().into() }).map(drop)
}

fn number(file: &dyn File, request: u32, value: u64) -> Res<()> {
    file.ioctl(request, &mut Arg { value, memory: Vec::new() }).map(drop)
}

fn set(file: &dyn File, change: impl FnOnce(&mut Termios)) {
    let mut termios: Termios = ask(file, request::TCGETS).unwrap();
    change(&mut termios);
    tell(file, request::TCSETS, &termios).unwrap();
}

/// A pseudo-terminal whose near side was opened with `flags`.
fn pair(flags: u32) -> (Arc<Master>, Arc<TtyFile>) {
    let master = Master::open().unwrap();
    tell(&*master, request::TIOCSPTLCK, &0i32).unwrap();
    let near = TtyFile::open(master.tty(), flags).unwrap();
    (master, near)
}

fn quiet_pair() -> (Arc<Master>, Arc<TtyFile>) {
    pair(o::RDWR | o::NOCTTY)
}

#[test]
fn what_is_typed_is_echoed_and_read() {
    let (master, near) = quiet_pair();
    assert_eq!(write(&*master, b"hello\r", WAIT), Ok(6));
    assert_eq!(read(&*master, WAIT).unwrap(), b"hello\r\n");
    assert_eq!(ask(&*near, request::TIOCINQ), Ok(6i32));
    assert_eq!(read(&*near, WAIT).unwrap(), b"hello\n");
    assert_eq!(read(&*near, TRY), Err(Errno::EAGAIN.into()));
    assert_eq!(write(&*near, b"x\n", WAIT), Ok(2));
    assert_eq!(ask(&*master, request::TIOCINQ), Ok(3i32));
    assert_eq!(read(&*master, TRY).unwrap(), b"x\r\n");
}

#[test]
fn the_near_side_opens_once_it_is_unlocked() {
    let master = Master::open().unwrap();
    assert_eq!(TtyFile::open(master.tty(), o::RDWR).err(), Some(Errno::EIO.into()));
    assert_eq!(ask(&*master, request::TIOCGPTLCK), Ok(1i32));
    assert_eq!(ask(&*master, request::TIOCGPTN), Ok(master.index()));
    assert!(pty::list().contains(&master.index()));
    tell(&*master, request::TIOCSPTLCK, &0i32).unwrap();
    // Before that, and after it is closed, what is typed waits.
    assert_eq!(write(&*master, b"early\n", WAIT), Ok(6));
    let near = TtyFile::open(master.tty(), o::RDWR | o::NOCTTY).unwrap();
    assert_eq!(read(&*near, TRY).unwrap(), b"early\n");
}

#[test]
fn the_master_hears_of_the_near_sides_end_and_of_its_return() {
    let (master, near) = quiet_pair();
    assert_eq!(master.poll(), Events::OUT | Events::WRNORM);
    write(&*near, b"last", WAIT).unwrap();
    drop(near);
    assert_eq!(master.poll() & (Events::IN | Events::HUP), Events::IN | Events::HUP);
    assert_eq!(read(&*master, WAIT).unwrap(), b"last");
    assert_eq!(read(&*master, WAIT), Err(Errno::EIO.into()));
    let _near = TtyFile::open(master.tty(), o::RDWR | o::NOCTTY).unwrap();
    assert_eq!(read(&*master, TRY), Err(Errno::EAGAIN.into()));
}

#[test]
fn a_terminal_without_its_master_is_dead() {
    let (master, near) = quiet_pair();
    write(&*master, b"unread\n", WAIT).unwrap();
    let (index, tty) = (master.index(), master.tty().clone());
    drop(master);
    assert!(pty::find(index).is_none());
    assert_eq!(read(&*near, WAIT).unwrap(), b"");
    assert_eq!(write(&*near, b"x", WAIT), Err(Errno::EIO.into()));
    assert_eq!(ask::<i32>(&*near, request::TIOCINQ), Err(Errno::EIO.into()));
    assert_eq!(tell(&*near, request::TIOCSPGRP, &10i32), Err(Errno::ENOTTY.into()));
    let all = Events::IN | Events::OUT | Events::RDNORM | Events::WRNORM | Events::ERR | Events::HUP;
    assert_eq!(near.poll(), all);
    assert_eq!(TtyFile::open(&tty, o::RDWR).err(), Some(Errno::EIO.into()));
}

#[test]
fn a_reader_sleeps_until_a_line_comes_and_a_hang_up_wakes_it() {
    let (master, near) = quiet_pair();
    let reader = thread::spawn(move || [read(&*near, WAIT).unwrap(), read(&*near, WAIT).unwrap()]);
    write(&*master, b"a\n", WAIT).unwrap();
    // It may be asleep by now or not: both must work.
    thread::sleep(Duration::from_millis(20));
    drop(master);
    let [first, second] = reader.join().unwrap();
    assert!(first == b"a\n" || first.is_empty());
    assert_eq!(second, b"");
}

#[test]
fn a_writer_sleeps_until_there_is_room() {
    let (master, near) = quiet_pair();
    let total = 100_000;
    let writer = thread::spawn(move || write(&*near, &vec![b'x'; total], WAIT).unwrap());
    let mut seen = 0;
    while seen < total {
        seen += read(&*master, WAIT).unwrap().len();
    }
    assert_eq!((writer.join().unwrap(), seen), (total, total));
    let (master, near) = quiet_pair();
    set(&*near, |t| t.lflag = 0);
    let typist = thread::spawn(move || write(&*master, &vec![b'y'; total], WAIT).map(|n| (n, master)));
    let mut seen = 0;
    while seen < total {
        seen += read(&*near, WAIT).unwrap().len();
    }
    assert_eq!(typist.join().unwrap().unwrap().0, total);
}

#[test]
fn a_read_waits_for_as_much_and_as_long_as_it_is_told() {
    let (master, near) = quiet_pair();
    let mode = |min, time| {
        set(&*near, |t| {
            t.lflag = 0;
            (t.cc[cc::VMIN], t.cc[cc::VTIME]) = (min, time);
        });
    };
    mode(0, 0);
    assert_eq!(read(&*near, WAIT).unwrap(), b"");
    mode(0, 1);
    assert_eq!(read(&*near, WAIT).unwrap(), b"");
    write(&*master, b"ab", WAIT).unwrap();
    assert_eq!(read(&*near, WAIT).unwrap(), b"ab");
    mode(3, 0);
    write(&*master, b"cd", WAIT).unwrap();
    assert!(!near.poll().contains(Events::IN));
    // Who does not wait takes what there is.
    assert_eq!(read(&*near, TRY).unwrap(), b"cd");
    assert_eq!(read(&*near, TRY), Err(Errno::EAGAIN.into()));
    mode(3, 1);
    write(&*master, b"ef", WAIT).unwrap();
    assert_eq!(read(&*near, WAIT).unwrap(), b"ef");
}

#[test]
fn opening_makes_it_the_terminal_of_a_session_that_has_none() {
    leader();
    let (master, near) = pair(o::RDWR);
    assert_eq!(ask(&*near, request::TIOCGSID), Ok(10u32));
    assert_eq!(ask(&*near, request::TIOCGPGRP), Ok(10u32));
    assert_eq!(ask(&*master, request::TIOCGPGRP), Ok(10u32));
    // Another terminal is not taken as well.
    let (_other, second) = pair(o::RDWR);
    assert_eq!(ask::<u32>(&*second, request::TIOCGSID), Err(Errno::ENOTTY.into()));
    assert_eq!(number(&*second, request::TIOCSCTTY, 0), Err(Errno::EPERM.into()));
    assert_eq!(number(&*near, request::TIOCSCTTY, 0), Ok(()));
}

#[test]
fn opening_only_to_write_or_with_noctty_does_not() {
    leader();
    let (_master, near) = quiet_pair();
    assert_eq!(ask::<u32>(&*near, request::TIOCGPGRP), Err(Errno::ENOTTY.into()));
    let (_master, writer) = pair(o::WRONLY);
    assert_eq!(number(&*writer, request::TIOCSCTTY, 0), Err(Errno::EPERM.into()));
    assert_eq!(number(&*near, request::TIOCSCTTY, 0), Ok(()));
    assert_eq!(ask(&*near, request::TIOCGPGRP), Ok(10u32));
}

#[test]
fn a_terminal_of_another_session_is_stolen_by_the_privileged_alone() {
    leader();
    let (_master, near) = pair(o::RDWR);
    world(|w| w.caller = Caller { session: 20, group: 20, leads: true, ..Caller::default() });
    assert_eq!(number(&*near, request::TIOCSCTTY, 1), Err(Errno::EPERM.into()));
    world(|w| w.caller.is_privileged = true);
    assert_eq!(number(&*near, request::TIOCSCTTY, 0), Err(Errno::EPERM.into()));
    assert_eq!(number(&*near, request::TIOCSCTTY, 1), Ok(()));
    assert_eq!(world(|w| w.left.clone()), [(10, false, 10)]);
    assert_eq!(ask(&*near, request::TIOCGSID), Ok(20u32));
}

#[test]
fn keys_signal_the_foreground() {
    leader();
    let (master, near) = pair(o::RDWR);
    tell(&*near, request::TIOCSPGRP, &12i32).unwrap();
    write(&*master, b"\x03\x1c\x1a", WAIT).unwrap();
    assert_eq!(sent(), [(12, sig::INT), (12, sig::QUIT), (12, sig::TSTP)]);
    let window = Winsize { rows: 3, cols: 4, ..Winsize::default() };
    tell(&*master, request::TIOCSWINSZ, &window).unwrap();
    tell(&*near, request::TIOCSWINSZ, &window).unwrap();
    assert_eq!(sent(), [(12, sig::WINCH)]);
    assert_eq!(ask(&*near, request::TIOCGWINSZ), Ok(window));
    assert_eq!(number(&*master, request::TIOCSIG, sig::INT.into()), Ok(()));
    assert_eq!(number(&*master, request::TIOCSIG, sig::KILL.into()), Err(Errno::EINVAL.into()));
    assert_eq!(sent(), [(12, sig::INT)]);
}

#[test]
fn the_background_is_stopped_when_it_reads_or_changes_its_terminal() {
    leader();
    let (master, near) = pair(o::RDWR);
    write(&*master, b"line\n", WAIT).unwrap();
    background();
    assert_eq!(read(&*near, WAIT), Err(Fail::Interrupted));
    let termios: Termios = ask(&*near, request::TCGETS).unwrap();
    assert_eq!(tell(&*near, request::TCSETS, &termios), Err(Fail::Interrupted));
    assert_eq!(tell(&*near, request::TIOCSPGRP, &11i32), Err(Fail::Interrupted));
    assert_eq!(sent(), [(11, sig::TTIN), (11, sig::TTOU), (11, sig::TTOU)]);
    // Writing is allowed, unless TOSTOP says otherwise.
    assert_eq!(write(&*near, b"x", WAIT), Ok(1));
    // The master is no way around.
    assert_eq!(tell(&*master, request::TCSETS, &termios), Err(Fail::Interrupted));
    assert_eq!(sent(), [(11, sig::TTOU)]);
}

#[test]
fn the_background_that_ignores_the_signal_or_is_orphaned_gets_an_error() {
    leader();
    let (master, near) = pair(o::RDWR);
    set(&*near, |t| t.lflag |= lflag::TOSTOP);
    background();
    assert_eq!(write(&*near, b"x", WAIT), Err(Fail::Interrupted));
    world(|w| w.ignores = vec![sig::TTIN, sig::TTOU]);
    assert_eq!(write(&*near, b"x", WAIT), Ok(1));
    assert_eq!(read(&*near, WAIT), Err(Errno::EIO.into()));
    assert_eq!(tell(&*near, request::TIOCSPGRP, &11i32), Ok(()));
    tell(&*near, request::TIOCSPGRP, &10i32).unwrap();
    world(|w| (w.ignores, w.orphaned) = (vec![], true));
    assert_eq!(read(&*near, WAIT), Err(Errno::EIO.into()));
    assert_eq!(write(&*near, b"x", WAIT), Err(Errno::EIO.into()));
    assert_eq!(tell(&*near, request::TIOCSPGRP, &11i32), Err(Errno::ENOTTY.into()));
    drop(master);
}

#[test]
fn a_group_of_another_session_cannot_be_in_the_foreground() {
    leader();
    let (_master, near) = pair(o::RDWR);
    assert_eq!(tell(&*near, request::TIOCSPGRP, &-1i32), Err(Errno::EINVAL.into()));
    assert_eq!(tell(&*near, request::TIOCSPGRP, &21i32), Err(Errno::EPERM.into()));
    assert_eq!(tell(&*near, request::TIOCSPGRP, &1000i32), Err(Errno::ESRCH.into()));
    let (_other, foreign) = pair(o::RDWR);
    assert_eq!(tell(&*foreign, request::TIOCSPGRP, &10i32), Err(Errno::ENOTTY.into()));
}

#[test]
fn a_hang_up_takes_the_terminal_from_its_session() {
    leader();
    let (master, near) = pair(o::RDWR);
    tell(&*near, request::TIOCSPGRP, &12i32).unwrap();
    drop(master);
    assert_eq!(world(|w| w.left.clone()), [(10, true, 12)]);
    assert_eq!(near.tty().session(), 0);
}

#[test]
fn a_leader_that_gives_its_terminal_up_or_ends_takes_the_session_along() {
    leader();
    let (master, near) = pair(o::RDWR);
    tell(&*near, request::TIOCSPGRP, &12i32).unwrap();
    number(&*near, request::TIOCNOTTY, 0).unwrap();
    assert_eq!(sent(), [(12, sig::HUP), (12, sig::CONT)]);
    assert_eq!(number(&*near, request::TIOCNOTTY, 0), Err(Errno::ENOTTY.into()));
    number(&*near, request::TIOCSCTTY, 0).unwrap();
    near.tty().leader_ended(10);
    assert_eq!(sent(), [(10, sig::HUP)]);
    assert_eq!(world(|w| w.left.clone()), [(10, false, 12), (10, false, 10)]);
    // The terminal itself lives on.
    write(&*near, b"still here", WAIT).unwrap();
    assert_eq!(read(&*master, WAIT).unwrap(), b"still here");
}

#[test]
fn packets_say_what_they_hold() {
    let (master, near) = quiet_pair();
    tell(&*master, request::TIOCPKT, &1i32).unwrap();
    write(&*near, b"data", WAIT).unwrap();
    assert_eq!(read(&*master, TRY).unwrap(), b"\0data");
    number(&*near, request::TCFLSH, 0).unwrap();
    assert!(master.poll().contains(Events::PRI));
    assert_eq!(read(&*master, TRY).unwrap(), [packet::FLUSHREAD]);
    write(&*master, b"\x13", WAIT).unwrap();
    assert_eq!(read(&*master, TRY).unwrap(), [packet::STOP]);
    write(&*master, b"\x11", WAIT).unwrap();
    assert_eq!(read(&*master, TRY).unwrap(), [packet::START]);
    set(&*near, |t| t.cc[cc::VSTOP] = 1);
    assert_eq!(read(&*master, TRY).unwrap(), [packet::NOSTOP]);
    tell(&*master, request::TIOCPKT, &0i32).unwrap();
    write(&*near, b"data", WAIT).unwrap();
    assert_eq!(read(&*master, TRY).unwrap(), b"data");
}

#[test]
fn requests_that_are_not_a_terminals_are_refused() {
    let (master, near) = quiet_pair();
    for file in [&*master as &dyn File, &*near] {
        assert_eq!(number(file, 0x5499, 0), Err(Errno::ENOTTY.into()));
        assert_eq!(number(file, request::TIOCSTI, 0), Err(Errno::EIO.into()));
        assert_eq!(number(file, request::TCFLSH, 3), Err(Errno::EINVAL.into()));
        assert_eq!(number(file, request::TCXONC, 4), Err(Errno::EINVAL.into()));
        assert_eq!(tell(file, request::TIOCSETD, &2i32), Err(Errno::EINVAL.into()));
        assert_eq!(number(file, request::TIOCSWINSZ, 0), Err(Errno::EFAULT.into()));
    }
    assert_eq!(ask::<u32>(&*near, request::TIOCGPTN), Err(Errno::ENOTTY.into()));
}

#[test]
fn an_exclusive_terminal_is_opened_by_nobody_else() {
    leader();
    let (master, near) = quiet_pair();
    number(&*near, request::TIOCEXCL, 0).unwrap();
    assert_eq!(TtyFile::open(master.tty(), o::RDWR).err(), Some(Errno::EBUSY.into()));
    number(&*near, request::TIOCNXCL, 0).unwrap();
    assert!(TtyFile::open(master.tty(), o::RDWR).is_ok());
}

#[test]
fn settings_that_are_fixed_stay_as_they_are() {
    leader();
    world(|w| w.caller.is_privileged = true);
    let (master, near) = quiet_pair();
    let before: Termios = ask(&*near, request::TCGETS).unwrap();
    let mut fixed = Termios { lflag: lflag::ECHO, ..Termios::default() };
    fixed.cc[cc::VINTR] = 1;
    tell(&*master, request::TIOCSLCKTRMIOS, &fixed).unwrap();
    assert_eq!(ask(&*near, request::TIOCGLCKTRMIOS), Ok(fixed));
    set(&*near, |t| {
        t.lflag ^= lflag::ECHO | lflag::ICANON;
        (t.cc[cc::VINTR], t.cc[cc::VQUIT]) = (7, 8);
    });
    let after: Termios = ask(&*near, request::TCGETS).unwrap();
    assert_eq!(after.lflag, before.lflag ^ lflag::ICANON);
    assert_eq!((after.cc[cc::VINTR], after.cc[cc::VQUIT]), (before.cc[cc::VINTR], 8));
}

#[test]
fn speeds_are_those_that_were_set() {
    use osv_abi::uapi::termios::{Termios2, cflag};
    let (_master, near) = quiet_pair();
    let mut all: Termios2 = ask(&*near, request::TCGETS2).unwrap();
    assert_eq!((all.ispeed, all.ospeed), (38_400, 38_400));
    set(&*near, |t| t.cflag = t.cflag & !cflag::CBAUD | 0o10002);
    all = ask(&*near, request::TCGETS2).unwrap();
    assert_eq!((all.ispeed, all.ospeed), (115_200, 115_200));
    all.termios.cflag = all.termios.cflag & !cflag::CBAUD | cflag::BOTHER;
    (all.ispeed, all.ospeed) = (1234, 4321);
    tell(&*near, request::TCSETS2, &all).unwrap();
    all = ask(&*near, request::TCGETS2).unwrap();
    assert_eq!((all.ispeed, all.ospeed), (1234, 4321));
}

/// A console that remembers what was given back to it.
#[derive(Default)]
struct Recorder(core::sync::atomic::AtomicUsize);

impl Device for Recorder {
    fn output(&self) {}
    fn room(&self, bytes: usize) {
        self.0.fetch_add(bytes, core::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_console_gives_room_back_as_its_input_moves_on() {
    leader();
    let recorder = Arc::new(Recorder::default());
    let tty = Tty::console(0x501, recorder.clone());
    let near = TtyFile::open(&tty, o::RDWR | o::NOCTTY).unwrap();
    set(&*near, |t| t.lflag = 0);
    assert_eq!(tty.receive(&[b'x'; 6000]), 6000);
    let first = recorder.0.load(core::sync::atomic::Ordering::SeqCst);
    assert!(first < 6000);
    let mut read_in_all = 0;
    while let Ok(bytes) = read(&*near, TRY) {
        read_in_all += bytes.len();
    }
    assert_eq!((read_in_all, recorder.0.load(core::sync::atomic::Ordering::SeqCst)), (6000, 6000));
    write(&*near, b"shown\n", WAIT).unwrap();
    let mut buf = [0; 16];
    assert_eq!(tty.take_output(&mut buf), 7);
    assert_eq!(&buf[..7], b"shown\r\n");
    assert!(tty.output_is_empty());
}
