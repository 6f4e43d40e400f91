//! Pipes (pipe(7)) and named pipes (fifo(7)).
//!
//! A [`Pipe`] is an end: it reads, writes, or, for a named pipe opened so, both. Ends are counted by how many
//! `Pipe`s live; when those of one side are gone, the other side sees end of file or EPIPE.
//!
//! A pipe in packet mode (O_DIRECT) keeps the lengths of what was written beside the bytes: a read gets one packet, and
//! what of it does not fit is gone.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_abi::uapi::file::{ioctl, mode, open as o};
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Fail, Res, door};
use osv_sync::{Events, Mutex, Readiness, Wait};
use osv_vfs::device::Fifos;
use osv_vfs::{At, Attr, File, Io, IoctlArg, Time, clock};

/// Writes up to this length are not mixed with others.
pub const PIPE_BUF: usize = 4096;
/// Capacity of a new pipe.
pub const CAPACITY: usize = 64 << 10;
/// Largest capacity that F_SETPIPE_SZ sets (fs.pipe-max-size).
pub const CAPACITY_MAX: usize = 1 << 20;

/// Bytes in order. Its memory grows as far as it is used.
#[derive(Default)]
struct Ring {
    buf: Box<[u8]>,
    start: usize,
    len: usize,
    capacity: usize,
    /// Lengths of the packets in it, in packet mode.
    packets: Option<VecDeque<usize>>,
    readers: u32,
    writers: u32,
    /// Ends ever made, for those who wait in open(2) for the other side.
    readers_ever: u64,
    writers_ever: u64,
}

impl Ring {
    fn room(&self) -> usize {
        // A packet takes a page, whatever its length.
        let used = self.packets.as_ref().map_or(0, |packets| packets.len() * PIPE_BUF);
        self.capacity.saturating_sub(self.len.max(used))
    }

    /// Has memory for `len` bytes in all, bytes in order from the start.
    fn grow(&mut self, len: usize) -> Res<()> {
        if len <= self.buf.len() {
            return Ok(());
        }
        let size = len.next_power_of_two().clamp(PIPE_BUF, self.capacity.max(PIPE_BUF));
        self.resize(size)
    }

    fn resize(&mut self, size: usize) -> Res<()> {
        door::admit(size)?;
        let mut buf = Vec::new();
        buf.try_reserve_exact(size).map_err(|_| Errno::ENOMEM)?;
        let (front, back) = self.filled();
        buf.extend_from_slice(front);
        buf.extend_from_slice(back);
        buf.resize(size, 0);
        (self.buf, self.start) = (buf.into(), 0);
        Ok(())
    }

    fn filled(&self) -> (&[u8], &[u8]) {
        let first = self.len.min(self.buf.len() - self.start);
        (&self.buf[self.start..self.start + first], &self.buf[..self.len - first])
    }

    fn get(&mut self, to: &mut dyn Sink) -> usize {
        let (mut front, mut back) = self.filled();
        let packet = self.packets.as_ref().and_then(|packets| packets.front().copied());
        if let Some(len) = packet {
            front = &front[..front.len().min(len)];
            back = &back[..len - front.len()];
        }
        let mut n = to.put(front);
        if n == front.len() && !back.is_empty() && !to.faulted() {
            n += to.put(back);
        }
        let gone = match (packet, &mut self.packets) {
            // What did not come over because of a fault is asked for again.
            (Some(len), Some(packets)) if to.faulted() && n < len => {
                packets[0] = len - n;
                n
            }
            (Some(len), Some(packets)) => {
                packets.pop_front();
                len
            }
            _ => n,
        };
        self.len -= gone;
        self.start = if self.len == 0 { 0 } else { (self.start + gone) % self.buf.len() };
        n
    }

    fn put(&mut self, from: &mut dyn Source, want: usize) -> Res<usize> {
        self.grow(self.len + want)?;
        if let Some(packets) = &mut self.packets {
            packets.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        }
        let mut done = 0;
        while done < want {
            let size = self.buf.len();
            let at = (self.start + self.len) % size;
            let piece = (want - done).min(size - at);
            let n = from.take(&mut self.buf[at..at + piece]);
            self.len += n;
            done += n;
            if n < piece {
                break;
            }
        }
        if let Some(packets) = &mut self.packets
            && done > 0
        {
            packets.push_back(done);
        }
        Ok(done)
    }
}

struct Shared {
    ring: Mutex<Ring>,
    readiness: Readiness,
    ino: u64,
    made: Time,
}

impl Shared {
    fn new(ino: u64, packets: bool) -> Arc<Shared> {
        let packets = packets.then(VecDeque::new);
        let ring = Ring { capacity: CAPACITY, packets, ..Ring::default() };
        Arc::new(Shared { ring: Mutex::new(ring), readiness: Readiness::new(), ino, made: clock::now() })
    }

    fn end(self: &Arc<Self>, reads: bool, writes: bool) -> Arc<Pipe> {
        {
            let mut ring = self.ring.lock();
            ring.readers += u32::from(reads);
            ring.writers += u32::from(writes);
            ring.readers_ever += u64::from(reads);
            ring.writers_ever += u64::from(writes);
        }
        Arc::new(Pipe { shared: self.clone(), reads, writes })
    }
}

/// An end of a pipe.
pub struct Pipe {
    shared: Arc<Shared>,
    reads: bool,
    writes: bool,
}

/// Makes a pipe: the end to read from and the end to write to. With `packets` a read gives what one write brought.
pub fn pipe(packets: bool) -> [Arc<Pipe>; 2] {
    static NEXT: AtomicU64 = AtomicU64::new(16);
    let shared = Shared::new(NEXT.fetch_add(1, Ordering::Relaxed), packets);
    [shared.end(true, false), shared.end(false, true)]
}

const READABLE: Events = Events::IN.union(Events::RDNORM);
const WRITABLE: Events = Events::OUT.union(Events::WRNORM);

impl Pipe {
    /// How much fits.
    pub fn capacity(&self) -> usize {
        self.shared.ring.lock().capacity
    }

    /// Changes how much fits, rounded up to a power of two of at least a page: EPERM above [`CAPACITY_MAX`], EBUSY
    /// when more is in it, EINVAL for what no power of two of 32 bits holds.
    pub fn set_capacity(&self, bytes: usize) -> Res<()> {
        if bytes > 1 << 31 {
            return Err(Errno::EINVAL.into());
        }
        if bytes > CAPACITY_MAX {
            return Err(Errno::EPERM.into());
        }
        let capacity = bytes.next_power_of_two().max(PIPE_BUF);
        let mut ring = self.shared.ring.lock();
        if ring.len > capacity {
            return Err(Errno::EBUSY.into());
        }
        if ring.buf.len() > capacity {
            ring.resize(capacity)?;
        }
        ring.capacity = capacity;
        drop(ring);
        self.shared.readiness.changed(WRITABLE);
        Ok(())
    }

    /// Whether `other` is an end of the same pipe.
    pub fn is_same(&self, other: &Pipe) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// How much fits now.
    pub fn room(&self) -> usize {
        self.shared.ring.lock().room()
    }

    /// A copy of the first `most` bytes; they stay.
    pub fn peek(&self, most: usize) -> Res<Vec<u8>> {
        let ring = self.shared.ring.lock();
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(most.min(ring.len)).map_err(|_| Errno::ENOMEM)?;
        for part in <[&[u8]; 2]>::from(ring.filled()) {
            bytes.extend_from_slice(&part[..part.len().min(most - bytes.len())]);
        }
        Ok(bytes)
    }

    /// Sleeps until `attempt` gives something, or fails with EAGAIN at once.
    fn attempt<R>(&self, nonblock: bool, mut attempt: impl FnMut(&mut Ring) -> Option<R>) -> Res<R> {
        if let Some(value) = attempt(&mut self.shared.ring.lock()) {
            return Ok(value);
        }
        if nonblock {
            return Err(Errno::EAGAIN.into());
        }
        let waiters = &self.shared.readiness.waiters;
        waiters
            .wait_until(Wait::INTERRUPTIBLE, || attempt(&mut self.shared.ring.lock()))
            .map_err(|error| error.or_timeout(Errno::EAGAIN))
    }
}

impl File for Pipe {
    fn read(&self, _at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        if !self.reads {
            return Err(Errno::EBADF.into());
        }
        if to.remaining() == 0 {
            return Ok(0);
        }
        let n = self.attempt(io.nonblock, |ring| match ring.len {
            0 => (ring.writers == 0).then_some(0),
            _ => Some(ring.get(to)),
        })?;
        if n > 0 {
            self.shared.readiness.changed(WRITABLE);
        }
        Ok(n)
    }

    fn write(&self, _at: At, from: &mut dyn Source, io: Io) -> Res<usize> {
        if !self.writes {
            return Err(Errno::EBADF.into());
        }
        let mut done = 0;
        while from.remaining() > 0 {
            let want = from.remaining();
            let whole = if want <= PIPE_BUF && done == 0 { want } else { 1 };
            let step = self.attempt(io.nonblock, |ring| {
                if ring.readers == 0 {
                    return Some(Err(Fail::Errno(Errno::EPIPE)));
                }
                let room = ring.room();
                let most = if ring.packets.is_some() { PIPE_BUF } else { usize::MAX };
                (room >= whole).then(|| ring.put(from, want.min(room).min(most)))
            });
            match step.and_then(|put| put) {
                Ok(n) => done += n,
                Err(_) if done > 0 => break,
                Err(fail) => return Err(fail),
            }
            self.shared.readiness.changed(READABLE);
            if from.faulted() {
                break;
            }
        }
        Ok(done)
    }

    fn poll(&self) -> Events {
        let ring = self.shared.ring.lock();
        let mut events = Events::empty();
        if self.reads {
            if ring.len > 0 {
                events |= READABLE;
            }
            if ring.writers == 0 && ring.writers_ever > 0 {
                events |= Events::HUP;
            }
        }
        if self.writes {
            if ring.room() >= PIPE_BUF || ring.readers == 0 {
                events |= WRITABLE;
            }
            if ring.readers == 0 {
                events |= Events::ERR;
            }
        }
        events
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.shared.readiness)
    }

    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        if request != ioctl::FIONREAD {
            return Err(Errno::ENOTTY.into());
        }
        let waiting = self.shared.ring.lock().len as i32;
        arg.write(&waiting.to_ne_bytes())?;
        Ok(0)
    }

    fn attr(&self) -> Attr {
        let (ino, made) = (self.shared.ino, self.shared.made);
        let mode = mode::IFIFO | 0o600;
        Attr { ino, mode, nlink: 1, blksize: 4096, atime: made, mtime: made, ctime: made, ..Attr::default() }
    }

    fn describe(&self) -> Vec<u8> {
        alloc::format!("pipe:[{}]", self.shared.ino).into_bytes()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        {
            let mut ring = self.shared.ring.lock();
            ring.readers -= u32::from(self.reads);
            ring.writers -= u32::from(self.writes);
        }
        self.shared.readiness.changed(READABLE | WRITABLE | Events::HUP | Events::ERR);
    }
}

impl core::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Pipe({}, reads {}, writes {})", self.shared.ino, self.reads, self.writes)
    }
}

/// The named pipes that somebody has open.
#[derive(Default)]
pub struct NamedPipes {
    open: Mutex<BTreeMap<(u64, u64), Weak<Shared>>>,
}

impl Fifos for NamedPipes {
    fn open(&self, dev: u64, ino: u64, flags: u32) -> Res<Arc<dyn File>> {
        let shared = {
            let mut open = self.open.lock();
            open.retain(|_, shared| shared.strong_count() > 0);
            let shared =
                open.get(&(dev, ino)).and_then(Weak::upgrade).unwrap_or_else(|| Shared::new(ino, false));
            open.insert((dev, ino), Arc::downgrade(&shared));
            shared
        };
        let (reads, writes) = match flags & o::ACCMODE {
            o::RDONLY => (true, false),
            o::WRONLY => (false, true),
            _ => (true, true),
        };
        let nonblock = flags & o::NONBLOCK != 0;
        if writes && !reads && nonblock && shared.ring.lock().readers == 0 {
            return Err(Errno::ENXIO.into());
        }
        let before = {
            let ring = shared.ring.lock();
            (ring.readers_ever, ring.writers_ever)
        };
        let end = shared.end(reads, writes);
        shared.readiness.changed(Events::empty());
        if !nonblock && reads != writes {
            let met = |ring: &mut Ring| {
                let met = if reads {
                    ring.writers > 0 || ring.writers_ever != before.1
                } else {
                    ring.readers > 0 || ring.readers_ever != before.0
                };
                met.then_some(())
            };
            end.attempt(false, met)?;
        }
        Ok(end)
    }
}

impl core::fmt::Debug for NamedPipes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NamedPipes({})", self.open.lock().len())
    }
}
