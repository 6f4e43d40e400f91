//! /dev: a tmpfs with device nodes, and the memory devices behind them.

use crate::console::{CONSOLE, Streams};
use crate::ram::RamFs;
use alloc::sync::Arc;
use core::any::Any;
use osv_abi::uapi::file::{makedev, open};
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res, random};
use osv_sync::{Events, Readiness};
use osv_tty::{Master, TtyFile};
use osv_vfs::device::{self, Device};
use osv_vfs::inode::NewNode;
use osv_vfs::{At, File, FileSystem, Io, Kind};

/// A device whose open files are all the same file.
struct Same(Arc<dyn File>);

impl Device for Same {
    fn open(&self, _flags: u32) -> Res<Arc<dyn File>> {
        Ok(self.0.clone())
    }
}

/// /dev/tty: the caller's controlling terminal, or else what stream is one.
struct Terminal(Arc<Streams>);

impl Device for Terminal {
    fn open(&self, flags: u32) -> Res<Arc<dyn File>> {
        match osv_tty::jobs::terminal_of_caller() {
            Some(tty) => Ok(TtyFile::open(&tty, flags | open::NOCTTY)?),
            None => self.0.terminal().ok_or(Errno::ENXIO.into()),
        }
    }
}

/// /dev/console, which nobody gets as a controlling terminal by opening it.
struct ConsoleDevice(Arc<Streams>);

impl Device for ConsoleDevice {
    fn open(&self, flags: u32) -> Res<Arc<dyn File>> {
        match self.0.tty() {
            Some(tty) => Ok(TtyFile::open(tty, flags | open::NOCTTY)?),
            None => Ok(self.0.console()),
        }
    }
}

/// /dev/ptmx: a new pseudo-terminal.
struct Multiplexer;

impl Device for Multiplexer {
    fn open(&self, _flags: u32) -> Res<Arc<dyn File>> {
        Ok(Master::open()?)
    }
}

/// The memory devices of mem(4), null(4), random(4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Memory {
    Null,
    Zero,
    Full,
    Random,
}

/// Never changes: these are always ready, and yet epoll takes them.
static ALWAYS: Readiness = Readiness::new();

impl File for Memory {
    fn read(&self, _at: At, to: &mut dyn Sink, _io: Io) -> Res<usize> {
        match self {
            Memory::Null => Ok(0),
            Memory::Zero | Memory::Full => Ok(to.put_zeros(to.remaining())),
            Memory::Random => {
                let mut done = 0;
                let mut chunk = [0; 256];
                while to.remaining() > 0 && !to.faulted() {
                    let n = to.remaining().min(chunk.len());
                    if !random::fill(&mut chunk[..n]) {
                        return Err(Errno::EIO.into());
                    }
                    done += to.put(&chunk[..n]);
                }
                Ok(done)
            }
        }
    }

    fn write(&self, _at: At, from: &mut dyn Source, _io: Io) -> Res<usize> {
        let all = from.remaining();
        match self {
            Memory::Null | Memory::Zero => Ok(all),
            Memory::Full => Err(Errno::ENOSPC.into()),
            Memory::Random => {
                let mut entropy = [0; 32];
                let taken = from.take(&mut entropy);
                if taken > 0 && random::is_seeded() {
                    random::seed(entropy);
                }
                Ok(if from.faulted() { taken } else { all })
            }
        }
    }

    fn ignores_offset(&self) -> bool {
        true
    }

    fn maps_zeros(&self) -> bool {
        *self == Memory::Zero
    }

    fn readiness(&self) -> Option<&Readiness> {
        matches!(self, Memory::Random).then_some(&ALWAYS)
    }

    fn poll(&self) -> Events {
        Events::IN | Events::OUT | Events::RDNORM | Events::WRNORM
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Names in /dev, their numbers and permission bits.
const NODES: [(&str, u32, u32, u32); 8] = [
    ("null", 1, 3, 0o666),
    ("zero", 1, 5, 0o666),
    ("full", 1, 7, 0o666),
    ("random", 1, 8, 0o666),
    ("urandom", 1, 9, 0o666),
    ("tty", 5, 0, 0o666),
    ("console", 5, 1, 0o600),
    ("ptmx", 5, 2, 0o666),
];

const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Makes what goes on /dev, with the folders `shm`, `pts` and `mqueue`, and registers the devices.
pub fn file_system(streams: &Arc<Streams>) -> Res<Arc<dyn FileSystem>> {
    let same = |file: Arc<dyn File>| -> Arc<dyn Device> { Arc::new(Same(file)) };
    for (minor, memory) in
        [(3, Memory::Null), (5, Memory::Zero), (7, Memory::Full), (8, Memory::Random), (9, Memory::Random)]
    {
        device::register(makedev(1, minor), same(Arc::new(memory)));
    }
    device::register(makedev(5, 0), Arc::new(Terminal(streams.clone())));
    device::register(CONSOLE, Arc::new(ConsoleDevice(streams.clone())));
    device::register(makedev(5, 2), Arc::new(Multiplexer));

    let fs = RamFs::devtmpfs();
    let root = fs.root();
    let owned = NewNode { kind: Kind::CharDevice, mode: 0, uid: 0, gid: 0, rdev: 0, target: b"" };
    for (name, major, minor, mode) in NODES {
        root.create(name.as_bytes(), &NewNode { mode, rdev: makedev(major, minor), ..owned })?;
    }
    for (name, target) in LINKS {
        let link = NewNode { kind: Kind::Symlink, mode: 0o777, target: target.as_bytes(), ..owned };
        root.create(name.as_bytes(), &link)?;
    }
    for (name, mode) in [("shm", 0o1777), ("pts", 0o755), ("mqueue", 0o1777)] {
        root.create(name.as_bytes(), &NewNode { kind: Kind::Directory, mode, ..owned })?;
    }
    Ok(fs)
}
