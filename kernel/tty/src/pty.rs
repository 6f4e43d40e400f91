//! Pseudo-terminals: the master, and the table that /dev/pts shows.

use crate::file::{TtyFile, in_pieces, wait};
use crate::jobs::jobs;
use crate::terminal::{READABLE, Tty, WRITABLE, sane};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, Ordering};
use osv_abi::uapi::file::{makedev, open};
use osv_abi::uapi::signal::sig;
use osv_abi::uapi::termios::{Winsize, packet, request};
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_sync::{Events, Readiness, SpinLock};
use osv_vfs::{At, File, Io, IoctlArg, SetAttr, Time, clock};

/// Most pseudo-terminals (kernel.pty.max).
pub const MOST: u32 = 4096;
/// The group `tty`, which terminals belong to.
const GROUP: u32 = 5;
/// Major number of /dev/pts/N.
const MAJOR: u32 = 136;

/// What /dev/pts shows of a pseudo-terminal.
pub struct Node {
    index: u32,
    meta: SpinLock<Meta>,
}

/// Owner, permissions and times of a node.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last read.
    pub atime: Time,
    /// Last write.
    pub mtime: Time,
    /// Last change.
    pub ctime: Time,
}

impl Node {
    /// N of /dev/pts/N.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// What stat(2) shows.
    pub fn meta(&self) -> Meta {
        *self.meta.lock()
    }

    /// Changes it.
    pub fn set(&self, change: &SetAttr) {
        let mut meta = self.meta.lock();
        let old = *meta;
        *meta = Meta {
            mode: change.mode.unwrap_or(old.mode) & 0o7777,
            uid: change.uid.unwrap_or(old.uid),
            gid: change.gid.unwrap_or(old.gid),
            atime: change.atime.unwrap_or(old.atime),
            mtime: change.mtime.unwrap_or(old.mtime),
            ctime: change.now,
        };
    }
}

/// All there are, by number. A number is free again when nobody refers to the terminal any more.
static TABLE: SpinLock<BTreeMap<u32, Weak<Tty>>> = SpinLock::new(BTreeMap::new());

/// The pseudo-terminal with number `index`, while it has a master.
pub fn find(index: u32) -> Option<Arc<Tty>> {
    let tty = TABLE.lock().get(&index).and_then(Weak::upgrade)?;
    let gone = tty.state.lock().far_closed;
    (!gone).then_some(tty)
}

/// The numbers of those that have a master.
pub fn list() -> Vec<u32> {
    let all: Vec<_> = TABLE.lock().values().filter_map(Weak::upgrade).collect();
    all.iter()
        .filter(|tty| !tty.state.lock().far_closed)
        .filter_map(|tty| tty.pty.as_ref().map(Node::index))
        .collect()
}

fn make() -> Res<Arc<Tty>> {
    let (uid, _) = jobs().caller().owner;
    let now = clock::now();
    let meta = Meta { mode: 0o620, uid, gid: GROUP, atime: now, mtime: now, ctime: now };
    let mut table = TABLE.lock();
    table.retain(|_, tty| tty.strong_count() > 0);
    let index = (0..MOST).find(|index| !table.contains_key(index)).ok_or(Errno::ENOSPC)?;
    let node = Node { index, meta: SpinLock::new(meta) };
    let tty = Tty::make(makedev(MAJOR, index), None, Some(node), sane(), Winsize::default());
    table.insert(index, Arc::downgrade(&tty));
    Ok(tty)
}

/// The far side of a pseudo-terminal, as a file: what opening /dev/ptmx gives.
pub struct Master {
    tty: Arc<Tty>,
    /// A read stopped in the middle of a packet, which goes on without another header.
    in_packet: AtomicBool,
}

impl Master {
    /// A new pseudo-terminal.
    pub fn open() -> Res<Arc<Master>> {
        Ok(Arc::new(Master { tty: make()?, in_packet: AtomicBool::new(false) }))
    }

    /// The terminal.
    pub fn tty(&self) -> &Arc<Tty> {
        &self.tty
    }

    /// N of /dev/pts/N.
    pub fn index(&self) -> u32 {
        self.tty.pty.as_ref().map_or(0, Node::index)
    }

    /// Opens the near side (TIOCGPTPEER): EIO while it is locked.
    pub fn open_peer(&self, flags: u32) -> Res<Arc<TtyFile>> {
        TtyFile::open(&self.tty, flags & (open::ACCMODE | open::NOCTTY))
    }

    /// What a read finds; `None`: it waits.
    fn look(&self, to: &mut dyn Sink) -> Option<Res<usize>> {
        self.tty.change(|state, after| {
            let goes_on = self.in_packet.swap(false, Ordering::Relaxed);
            if let Some(status) = &mut state.packet
                && !goes_on
            {
                if *status != 0 {
                    let told = to.put(&[*status]);
                    if told > 0 {
                        *status = 0;
                    }
                    return Some(Ok(told));
                }
                if state.line.output_len() > 0 {
                    let header = to.put(&[packet::DATA]);
                    if header == 0 {
                        return Some(Ok(0));
                    }
                    let n = state.drain_output(to, after);
                    self.in_packet.store(to.faulted(), Ordering::Relaxed);
                    return Some(Ok(header + n));
                }
            } else if state.line.output_len() > 0 {
                let n = state.drain_output(to, after);
                self.in_packet.store(state.packet.is_some() && to.faulted(), Ordering::Relaxed);
                return Some(Ok(n));
            }
            state.near_closed.then_some(Err(Errno::EIO.into()))
        })
    }

    fn set_packet(&self, on: bool) {
        self.tty.change(|state, _| match (on, state.packet) {
            (true, None) => state.packet = Some(0),
            (false, _) => state.packet = None,
            (true, Some(_)) => {}
        });
    }
}

fn read_int(arg: &dyn IoctlArg) -> Result<i32, Errno> {
    let mut bytes = [0; 4];
    arg.read(&mut bytes)?;
    Ok(i32::from_ne_bytes(bytes))
}

impl File for Master {
    fn read(&self, _at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        if to.remaining() == 0 {
            return Ok(0);
        }
        wait(&self.tty.far, io.nonblock, None, || self.look(to))?
    }

    fn write(&self, _at: At, from: &mut dyn Source, io: Io) -> Res<usize> {
        in_pieces(from, |from| {
            let step = || {
                self.tty.change(|state, after| {
                    let mut chunk = [0; 256];
                    let room = state.input_room().min(chunk.len());
                    if room == 0 {
                        return None;
                    }
                    let n = from.take(&mut chunk[..room]);
                    state.pending.extend(&chunk[..n]);
                    state.pump(after);
                    Some(n)
                })
            };
            wait(&self.tty.far, io.nonblock, None, step)
        })
    }

    fn poll(&self) -> Events {
        let state = self.tty.state.lock();
        let mut events = Events::empty();
        if state.line.output_len() > 0 {
            events |= READABLE;
        }
        if state.packet.is_some_and(|status| status != 0) {
            events |= READABLE | Events::PRI;
        }
        if state.near_closed {
            events |= Events::HUP;
        }
        if state.input_room() > 0 {
            events |= WRITABLE;
        }
        events
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.tty.far)
    }

    fn ioctl(&self, number: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        match number {
            request::TIOCGPTN => arg.write(&self.index().to_ne_bytes())?,
            request::TIOCSPTLCK => {
                let locked = read_int(arg)? != 0;
                self.tty.state.lock().locked = locked;
            }
            request::TIOCGPTLCK => {
                let locked = i32::from(self.tty.state.lock().locked);
                arg.write(&locked.to_ne_bytes())?;
            }
            request::TIOCPKT => self.set_packet(read_int(arg)? != 0),
            request::TIOCGPKT => {
                let on = i32::from(self.tty.state.lock().packet.is_some());
                arg.write(&on.to_ne_bytes())?;
            }
            request::TIOCSIG => match u32::try_from(arg.value()) {
                Ok(signo @ (sig::INT | sig::QUIT | sig::TSTP)) => self.tty.signal_foreground(&[signo]),
                _ => return Err(Errno::EINVAL.into()),
            },
            request::TIOCSCTTY => self.tty.become_controlling(arg.value() == 1, true)?,
            _ => return self.tty.ioctl(number, arg, true),
        }
        Ok(0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.tty.state.lock().far_closed = true;
        self.tty.hang_up();
    }
}
