//! One direction of a local stream: bytes in order, and marks over the pieces that something travels beside, or, in a
//! stream of records, over every record.

use crate::control::{Control, Ucred};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::mem;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Instant, door};
use osv_vfs::OpenFile;

/// Most bytes that one direction holds.
pub const CAPACITY: usize = 256 * 1024;
/// Counted for a record besides its bytes, so that empty ones do not pile up without end.
const RECORD_OVERHEAD: usize = 768;
/// Longest record: Linux's default send buffer less what it keeps for itself.
pub const RECORD_MAX: usize = 212_992 - 32;
const CHUNK: usize = 4096;
/// What a TCP segment carries between sockets of one machine: Linux's `lo` takes 65,536 bytes, 53 of them headers.
pub const SEGMENT: usize = 65_483;

/// A piece that was sent with something beside it, by its place in the whole stream.
struct Mark {
    start: u64,
    end: u64,
    control: Control,
}

/// What one receive took.
#[derive(Default)]
pub struct Taken {
    /// Bytes copied.
    pub len: usize,
    /// Bytes of the record, which may be more; for streams the same.
    pub full_len: usize,
    /// What travelled beside them.
    pub control: Control,
}

/// See the module.
pub struct Ring {
    records: bool,
    bytes: VecDeque<u8>,
    /// Place of the first byte in the whole stream.
    base: u64,
    marks: VecDeque<Mark>,
    /// So many of the last bytes are not shown yet: the writer has more to come.
    held: usize,
    /// When they are at the latest.
    held_until: Instant,
    /// A timer is set for that.
    armed: bool,
    /// The writer will not write any more.
    pub finished: bool,
    /// The reader will not read any more.
    pub refused: bool,
    /// The reader closed its end.
    pub gone: bool,
    /// The reader went away with bytes unread, or reset the connection.
    pub reset: bool,
    /// The writer found no room.
    pub wants_room: bool,
}

impl Ring {
    /// Empty; `records` keep their bounds.
    pub fn new(records: bool) -> Ring {
        Ring {
            records,
            bytes: VecDeque::new(),
            base: 0,
            marks: VecDeque::new(),
            held: 0,
            held_until: Instant(0),
            armed: false,
            finished: false,
            refused: false,
            gone: false,
            reset: false,
            wants_room: false,
        }
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing to receive.
    pub fn is_empty(&self) -> bool {
        if self.records { self.marks.is_empty() } else { self.shown() == 0 }
    }

    /// Bytes of a stream that its reader may have.
    pub fn shown(&self) -> usize {
        self.bytes.len() - self.held
    }

    /// `sent` bytes were put. With a time, those that do not fill a segment are not shown until then: when a timer is to
    /// be set for it, says so. Without, all bytes are shown.
    pub fn hold(&mut self, sent: usize, until: Option<Instant>) -> Option<Instant> {
        let Some(until) = until else {
            self.held = 0;
            return None;
        };
        if self.held == 0 || self.held + sent >= SEGMENT {
            self.held_until = until;
        }
        self.held = (self.held + sent) % SEGMENT;
        let arm = self.held > 0 && !self.armed;
        self.armed |= arm;
        arm.then_some(self.held_until)
    }

    /// The timer went off: when it has to again, because other bytes are held by now.
    pub fn hold_on(&mut self, now: Instant) -> Option<Instant> {
        self.armed = self.held > 0 && self.held_until > now;
        self.armed.then_some(self.held_until)
    }

    fn used(&self) -> usize {
        self.bytes.len() + if self.records { self.marks.len() * RECORD_OVERHEAD } else { 0 }
    }

    /// Whether a writer should wait.
    pub fn is_full(&self) -> bool {
        self.used() >= CAPACITY
    }

    /// Bytes that the next receive may take: it does not go past a piece with files, nor, when the receiver wants
    /// `creds`, mix those of different senders (unix(7)).
    fn extent(&self, creds: bool) -> (usize, Option<Ucred>) {
        let mut end = self.base;
        let mut whose: Option<Option<Ucred>> = None;
        let differs = |whose: Option<Option<Ucred>>, next| creds && whose.is_some_and(|w| w != next);
        let result = |end: u64, whose: Option<Option<Ucred>>| ((end - self.base) as usize, whose.flatten());
        for mark in &self.marks {
            if self.records {
                return result(mark.end, Some(mark.control.creds));
            }
            if mark.start > end {
                if differs(whose, None) {
                    return result(end, whose);
                }
                whose.get_or_insert(None);
                end = mark.start;
            }
            if differs(whose, mark.control.creds) {
                return result(end, whose);
            }
            whose.get_or_insert(mark.control.creds);
            end = mark.end;
            if mark.control.passed.is_some() {
                return result(end, whose);
            }
        }
        let tail = self.base + self.shown() as u64;
        if tail > end && !differs(whose, None) {
            end = tail;
        }
        result(end, whose)
    }

    /// Copies the next bytes, and takes them unless `peek` (or, of a record, unless the copy faulted).
    pub fn take(&mut self, to: &mut dyn Sink, peek: bool, creds: bool) -> Taken {
        let (extent, whose) = self.extent(creds);
        let mut done = 0;
        let (front, back) = self.bytes.as_slices();
        for part in [&front[..front.len().min(extent)], &back[..extent.saturating_sub(front.len())]] {
            let part = &part[..part.len().min(to.remaining())];
            let n = to.put(part);
            done += n;
            if n < part.len() {
                break;
            }
        }
        let full_len = if self.records { extent } else { done };
        let mut taken = Taken { len: done, full_len, control: Control { passed: None, creds: whose } };
        let consumed = match (self.records, to.faulted()) {
            (true, true) => return taken,
            (true, false) => extent,
            (false, _) => done,
        };
        let end = self.base + consumed as u64;
        let touched = |mark: &Mark| mark.start < end || self.records;
        if let Some(mark) = self.marks.iter_mut().find(|m| m.control.passed.is_some() || self.records)
            && touched(mark)
        {
            taken.control.passed = if peek {
                mark.control.passed.as_ref().map(|p| p.again())
            } else {
                mem::take(&mut mark.control.passed)
            };
        }
        if !peek {
            self.bytes.drain(..consumed);
            self.base = end;
            if self.records {
                self.marks.pop_front();
            } else {
                while self.marks.front().is_some_and(|m| m.end <= end) {
                    self.marks.pop_front();
                }
            }
        }
        taken
    }

    /// Memory for `more` bytes; where there is some already nobody is asked.
    fn reserve(&mut self, more: usize) -> Result<(), Errno> {
        if self.bytes.capacity() - self.bytes.len() < more && door::admit(more).is_err() {
            return Err(Errno::ENOBUFS);
        }
        self.bytes.try_reserve(more).map_err(|_| Errno::ENOBUFS)
    }

    /// Appends what there is room for, with `control` beside the first byte of it: the files once, the credentials
    /// with every piece. ENOBUFS without memory for any of it.
    pub fn put(&mut self, from: &mut dyn Source, control: &mut Control) -> Result<usize, Errno> {
        let start = self.base + self.bytes.len() as u64;
        let mut chunk = [0u8; CHUNK];
        let mut sent = 0;
        while from.remaining() > 0 && self.bytes.len() < CAPACITY {
            let want = CHUNK.min(from.remaining()).min(CAPACITY - self.bytes.len());
            if self.reserve(want).is_err() {
                break;
            }
            let got = from.take(&mut chunk[..want]);
            self.bytes.extend(&chunk[..got]);
            sent += got;
            if got < want {
                break;
            }
        }
        if sent == 0 && from.remaining() > 0 && !from.faulted() {
            return Err(Errno::ENOBUFS);
        }
        if sent > 0 && (control.passed.is_some() || control.creds.is_some()) {
            self.mark(start, start + sent as u64, control);
        }
        Ok(sent)
    }

    fn mark(&mut self, start: u64, end: u64, control: &mut Control) {
        let control = Control { passed: control.passed.take(), creds: control.creds };
        match self.marks.back_mut() {
            Some(last)
                if control.passed.is_none()
                    && last.control.passed.is_none()
                    && last.end == start
                    && last.control.creds == control.creds =>
            {
                last.end = end;
            }
            _ => self.marks.push_back(Mark { start, end, control }),
        }
    }

    /// Appends a record, if there is room for it.
    pub fn put_record(&mut self, bytes: &[u8], control: &mut Control) -> Result<bool, Errno> {
        if self.used() + bytes.len() + RECORD_OVERHEAD > CAPACITY && !self.marks.is_empty() {
            return Ok(false);
        }
        self.reserve(bytes.len())?;
        let start = self.base + self.bytes.len() as u64;
        self.bytes.extend(bytes);
        let control = Control { passed: control.passed.take(), creds: control.creds };
        self.marks.push_back(Mark { start, end: start + bytes.len() as u64, control });
        Ok(true)
    }

    /// Length of what comes next: FIONREAD counts a record, or all bytes of a stream.
    pub fn next_len(&self) -> usize {
        match self.marks.front() {
            Some(mark) if self.records => (mark.end - self.base) as usize,
            _ => self.shown(),
        }
    }

    /// Empties it. What travelled beside the bytes is to be dropped without locks.
    #[must_use]
    pub fn clear(&mut self) -> impl Sized + use<> {
        self.base += self.bytes.len() as u64;
        self.held = 0;
        (mem::take(&mut self.bytes), mem::take(&mut self.marks))
    }

    /// Shows the files in it.
    pub fn visit_files(&self, visit: &mut dyn FnMut(&Arc<OpenFile>)) {
        let passed = self.marks.iter().filter_map(|m| m.control.passed.as_ref());
        passed.flat_map(|p| p.files()).for_each(visit);
    }

    /// Takes the files out of it, to be dropped without locks.
    #[must_use]
    pub fn take_files(&mut self) -> impl Sized + use<> {
        self.marks.iter_mut().filter_map(|m| m.control.passed.take()).collect::<alloc::vec::Vec<_>>()
    }
}

#[cfg(test)]
mod tests;
