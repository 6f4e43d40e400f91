//! The line discipline against that of the Linux it is tested on: the same keys, writes and settings, and both must
//! read and show the same bytes. Without /dev/ptmx there is nothing to compare with, and the test says so.
//!
//! Linux moves bytes between the two sides on a thread of its own; poll(2) and a read that finds nothing wait for it,
//! so all input is read after each step.

use osv_abi::uapi::termios::{Termios, cc, iflag, lflag, oflag, request};
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Res};
use osv_tty::{Master, TtyFile};
use osv_vfs::{At, File, Io, IoctlArg};
use proptest::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno as LinuxErrno;
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios as linux;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

/// The settings that differ from the sane ones: flags turned over.
#[derive(Clone, Copy, Debug, Default)]
struct Flips {
    iflag: u32,
    oflag: u32,
    lflag: u32,
}

#[derive(Clone, Debug)]
enum Step {
    Type(Vec<u8>),
    Write(Vec<u8>),
    Set(Flips),
}

const IFLAGS: [u32; 9] = [
    iflag::ISTRIP,
    iflag::INLCR,
    iflag::IGNCR,
    iflag::ICRNL,
    iflag::IUCLC,
    iflag::IXANY,
    iflag::IXON,
    iflag::IUTF8,
    iflag::PARMRK,
];
const OFLAGS: [u32; 7] =
    [oflag::OPOST, oflag::OLCUC, oflag::ONLCR, oflag::OCRNL, oflag::ONOCR, oflag::ONLRET, oflag::XTABS];
const LFLAGS: [u32; 10] = [
    lflag::ISIG,
    lflag::ICANON,
    lflag::ECHO,
    lflag::ECHOE,
    lflag::ECHOK,
    lflag::ECHONL,
    lflag::NOFLSH,
    lflag::ECHOCTL,
    lflag::ECHOKE,
    lflag::IEXTEN,
];

fn some_of(flags: &'static [u32]) -> impl Strategy<Value = u32> {
    proptest::sample::subsequence(flags, 0..=3).prop_map(|chosen| chosen.into_iter().sum())
}

fn flips() -> impl Strategy<Value = Flips> {
    (some_of(&IFLAGS), some_of(&OFLAGS), some_of(&LFLAGS)).prop_map(|(iflag, oflag, lflag)| Flips {
        iflag,
        oflag,
        lflag,
    })
}

/// Keys that mean something, more often than those that don't.
fn key() -> impl Strategy<Value = u8> {
    prop_oneof![
        3 => proptest::sample::select(b"ab Z_9\t\r\n\x04\x08\x12\x15\x16\x17\x7f\x00\x01\xff\xc3\xa4".to_vec()),
        2 => proptest::sample::select(b"\n\r\x7f\x04\x17\x15\t".to_vec()),
        1 => any::<u8>().prop_filter("stops or signals", |b| !b"\x03\x13\x1a\x1c".contains(&(b & 0x7f))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(key(), 1..12).prop_map(Step::Type),
        // Alone: how much of the echo before it is thrown away depends on how far Linux is with it.
        1 => proptest::sample::select(b"\x03\x1a\x1c".to_vec()).prop_map(|key| Step::Type(vec![key])),
        2 => proptest::collection::vec(key(), 1..8).prop_map(Step::Write),
        1 => flips().prop_map(Step::Set),
    ]
}

/// What one side of the comparison saw: each read of the program, and all that was shown.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    reads: Vec<Vec<u8>>,
    shown: Vec<u8>,
}

struct Ours {
    master: Arc<Master>,
    near: Arc<TtyFile>,
}

struct Memory(Vec<u8>);

impl IoctlArg for Memory {
    fn value(&self) -> u64 {
        0
    }
    fn read(&self, to: &mut [u8]) -> Result<(), Errno> {
        to.copy_from_slice(&self.0[..to.len()]);
        Ok(())
    }
    fn write(&mut self, from: &[u8]) -> Result<(), Errno> {
        self.0 = from.into();
        Ok(())
    }
}

const TRY: Io = Io { nonblock: true, append: false };

fn read_ours(file: &dyn File, len: usize) -> Option<Vec<u8>> {
    let mut buf = vec![0; len];
    let n: Res<usize> = file.read(At::Stream, &mut SliceSink::new(&mut buf), TRY);
    n.ok().map(|n| buf[..n].to_vec())
}

impl Ours {
    fn new() -> Ours {
        let master = Master::open().unwrap();
        let unlock = 0i32.to_ne_bytes().to_vec();
        master.ioctl(request::TIOCSPTLCK, &mut Memory(unlock)).unwrap();
        let near = TtyFile::open(master.tty(), 0o402).unwrap();
        Ours { master, near }
    }

    fn run(&self, steps: &[Step], len: usize) -> Seen {
        let mut seen = Seen::default();
        for step in steps {
            match step {
                Step::Type(keys) => {
                    let _ = self.master.write(At::Stream, &mut SliceSource::new(keys), TRY);
                }
                Step::Write(bytes) => {
                    let _ = self.near.write(At::Stream, &mut SliceSource::new(bytes), TRY);
                }
                Step::Set(flips) => {
                    let mut memory = Memory(Vec::new());
                    self.near.ioctl(request::TCGETS, &mut memory).unwrap();
                    let mut termios = Termios::read_from_bytes(&memory.0).unwrap();
                    termios.iflag ^= flips.iflag;
                    termios.oflag ^= flips.oflag;
                    termios.lflag ^= flips.lflag;
                    termios.cc[cc::VMIN] = 1;
                    self.near.ioctl(request::TCSETS, &mut Memory(termios.as_bytes().into())).unwrap();
                }
            }
            while let Some(bytes) = read_ours(&*self.near, len) {
                seen.reads.push(bytes);
            }
            seen.shown.extend(read_ours(&*self.master, 4096).unwrap_or_default());
        }
        seen
    }
}

struct Linux {
    master: OwnedFd,
    near: OwnedFd,
}

/// Waits until what was written has arrived on both sides.
fn settle(linux: &Linux) {
    for _ in 0..2 {
        for side in [&linux.near, &linux.master] {
            let _ = poll(&mut [PollFd::new(side, PollFlags::IN)], Some(&Timespec::default()));
        }
    }
}

fn read_linux(side: &OwnedFd, len: usize) -> Option<Vec<u8>> {
    let mut buf = vec![0; len];
    loop {
        match rustix::io::read(side, &mut buf) {
            Ok(n) => return Some(buf[..n].to_vec()),
            Err(LinuxErrno::INTR) => {}
            Err(_) => return None,
        }
    }
}

impl Linux {
    fn new() -> Option<Linux> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let master = openpt(flags).ok()?;
        unlockpt(&master).ok()?;
        let name = ptsname(&master, Vec::new()).ok()?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
        let near = rustix::fs::open(&*name, flags, Mode::empty()).ok()?;
        rustix::fs::fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK).ok()?;
        Some(Linux { master, near })
    }

    fn run(&self, steps: &[Step], len: usize) -> Seen {
        let mut seen = Seen::default();
        for step in steps {
            match step {
                Step::Type(keys) => drop(rustix::io::write(&self.master, keys)),
                Step::Write(bytes) => drop(rustix::io::write(&self.near, bytes)),
                Step::Set(flips) => {
                    let mut termios = linux::tcgetattr(&self.near).unwrap();
                    termios.input_modes ^= linux::InputModes::from_bits_retain(flips.iflag);
                    termios.output_modes ^= linux::OutputModes::from_bits_retain(flips.oflag);
                    termios.local_modes ^= linux::LocalModes::from_bits_retain(flips.lflag);
                    termios.special_codes[linux::SpecialCodeIndex::VMIN] = 1;
                    linux::tcsetattr(&self.near, linux::OptionalActions::Now, &termios).unwrap();
                }
            }
            settle(self);
            while let Some(bytes) = read_linux(&self.near, len) {
                seen.reads.push(bytes);
                settle(self);
            }
            while let Some(bytes) = read_linux(&self.master, 4096) {
                seen.shown.extend(bytes);
            }
        }
        seen
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_read_and_show_the_same(steps in proptest::collection::vec(step(), 1..16), len in 1usize..9) {
        match Linux::new() {
            Some(linux) => prop_assert_eq!(Ours::new().run(&steps, len), linux.run(&steps, len)),
            None => eprintln!("no pseudo-terminals here: nothing was compared"),
        }
    }
}
