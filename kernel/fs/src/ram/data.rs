//! Contents of a file in RAM: pages that exist, pages of the lower file that were not written yet, and holes.

use super::budget::Budget;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, PAGE_SIZE, Res};
use osv_mm::frame::{Frame, Use};
use osv_mm::pager::Pager;
use osv_mm::{OutOfMemory, meminfo, pressure};
use osv_vfs::{At, File, Io};

/// Pages in one chunk of the index.
const CHUNK: u64 = 512;
const PAGE: u64 = PAGE_SIZE as u64;
/// Longest file.
pub(super) const MAX_LEN: u64 = i64::MAX as u64;

/// Whether one more page may go to a file. The last of memory is for page faults: a writer gets an error that it can
/// handle, where a fault could only end the application.
fn room() -> Res<()> {
    pressure::admit(osv_base::Pages(1)).map_err(|_| Errno::ENOSPC.into())
}

/// Pages by index. Chunks grow as far as they are used, so a small file costs a few bytes.
#[derive(Default)]
struct Pages {
    chunks: BTreeMap<u64, Vec<Option<Frame>>>,
    count: u64,
    /// Whose limits count.
    budget: Option<Arc<Budget>>,
}

impl Pages {
    fn get(&self, index: u64) -> Option<&Frame> {
        self.chunks.get(&(index / CHUNK))?.get((index % CHUNK) as usize)?.as_ref()
    }

    fn insert(&mut self, index: u64, frame: Frame) -> Res<()> {
        let chunk = self.chunks.entry(index / CHUNK).or_default();
        let at = (index % CHUNK) as usize;
        if chunk.len() <= at {
            chunk.try_reserve(at + 1 - chunk.len()).map_err(|_| Errno::ENOSPC)?;
            chunk.resize(at + 1, None);
        }
        if chunk[at].is_none() {
            if let Some(budget) = &self.budget {
                budget.take_page()?;
            }
            self.count += 1;
            meminfo::shared_more(1);
        }
        chunk[at] = Some(frame);
        Ok(())
    }

    /// Drops the pages `from..to`.
    fn remove(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let keys: Vec<u64> =
            self.chunks.range(from / CHUNK..=(to - 1) / CHUNK).map(|(&key, _)| key).collect();
        for key in keys {
            let Some(chunk) = self.chunks.get_mut(&key) else { continue };
            let base = key * CHUNK;
            let first = from.saturating_sub(base).min(CHUNK) as usize;
            let end = (to.saturating_sub(base).min(CHUNK) as usize).min(chunk.len());
            for slot in chunk.get_mut(first..end).into_iter().flatten() {
                if slot.take().is_some() {
                    self.count -= 1;
                    meminfo::shared_less(1);
                    if let Some(budget) = &self.budget {
                        budget.give_pages(1);
                    }
                }
            }
            while chunk.last().is_some_and(Option::is_none) {
                chunk.pop();
            }
            if chunk.is_empty() {
                self.chunks.remove(&key);
            }
        }
    }

    /// The first page at or after `from`.
    fn next(&self, from: u64) -> Option<u64> {
        self.chunks.range(from / CHUNK..).find_map(|(&key, chunk)| {
            let first = from.saturating_sub(key * CHUNK) as usize;
            let at = chunk.iter().skip(first).position(Option::is_some)?;
            Some(key * CHUNK + (first + at) as u64)
        })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        meminfo::shared_less(self.count as usize);
        if let Some(budget) = &self.budget {
            budget.give_pages(self.count);
        }
    }
}

/// A frame for a page of a file.
fn frame_for(make: impl Fn() -> Result<Frame, OutOfMemory>) -> Res<Frame> {
    room()?;
    loop {
        match make() {
            Ok(frame) => return Ok(frame),
            Err(_) if pressure::wait_for_memory() => {}
            Err(_) => return Err(Errno::ENOSPC.into()),
        }
    }
}

/// The file that lies below.
#[derive(Clone)]
pub(super) struct Lower {
    file: Arc<dyn File>,
    pager: Arc<dyn Pager>,
    /// Bytes of it that still count: less than its length after a truncation.
    len: u64,
}

/// Contents of a file.
#[derive(Default)]
pub(super) struct Data {
    size: u64,
    pages: Pages,
    lower: Option<Lower>,
    /// Pages that have another frame since [`Data::take_moved`]: mappings of the old ones are to go.
    moved: Option<Range<u64>>,
    /// Seals of memfd_create(2).
    pub(super) seals: u32,
}

/// A sink that takes at most so much.
struct Limited<'a> {
    to: &'a mut dyn Sink,
    left: usize,
}

impl Sink for Limited<'_> {
    fn remaining(&self) -> usize {
        self.to.remaining().min(self.left)
    }
    fn put(&mut self, bytes: &[u8]) -> usize {
        let n = self.to.put(&bytes[..bytes.len().min(self.left)]);
        self.left -= n;
        n
    }
    fn faulted(&self) -> bool {
        self.to.faulted()
    }
}

impl Lower {
    /// Reads at `offset`, as far as the file counts.
    pub(super) fn read(&self, offset: u64, to: &mut dyn Sink) -> Res<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(0);
        }
        self.file.read(At::Offset(offset), &mut Limited { to, left }, Io::default())
    }
}

impl Data {
    /// An empty file that takes from `budget`.
    pub(super) fn empty(budget: Option<Arc<Budget>>) -> Data {
        let mut data = Data::default();
        data.pages.budget = budget;
        data
    }

    /// Starts as the lower file `file`.
    pub(super) fn of_lower(file: Arc<dyn File>) -> Res<Data> {
        let pager = file.pager().ok_or(Errno::EIO)?;
        let size = file.size();
        Ok(Data { size, lower: Some(Lower { file, pager, len: size }), ..Data::default() })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }
    /// The lower file, if it is all that there is.
    pub(super) fn unchanged(&self) -> Option<Lower> {
        self.lower.as_ref().filter(|lower| self.pages.count == 0 && self.size == lower.len).cloned()
    }
    /// The lower file's pages, if that one is what page `index` is.
    pub(super) fn shines_through(&self, index: u64) -> Option<Arc<dyn Pager>> {
        let ours = index >= self.size.div_ceil(PAGE) || self.pages.get(index).is_some();
        self.lower_has(index).filter(|_| !ours).map(|lower| lower.pager.clone())
    }
    /// Whether pages that are not our own can be had again.
    pub(super) fn is_backed(&self) -> bool {
        self.lower.as_ref().is_some_and(|lower| lower.pager.is_backed())
    }
    /// Space taken, in units of 512 bytes.
    pub(super) fn blocks(&self) -> u64 {
        let lower = self.lower.as_ref().map_or(0, |lower| lower.len.div_ceil(PAGE));
        self.pages.count.max(lower) * (PAGE / 512)
    }

    fn lower_has(&self, index: u64) -> Option<&Lower> {
        self.lower.as_ref().filter(|lower| index < lower.len.div_ceil(PAGE))
    }

    pub(super) fn read(&self, offset: u64, to: &mut dyn Sink) -> Res<usize> {
        let end = self.size.min(offset.saturating_add(to.remaining() as u64));
        let mut at = offset;
        while at < end {
            let (index, within) = (at / PAGE, (at % PAGE) as usize);
            let want = ((end - at) as usize).min(PAGE_SIZE - within);
            let n = if let Some(frame) = self.pages.get(index) {
                frame.read_to(within..within + want, to)
            } else if let Some(lower) = self.lower_has(index) {
                // On to the next page of our own, in one go where there is none.
                let stop =
                    self.pages.next(index).map_or(u64::MAX, |next| next * PAGE).min(end).min(lower.len);
                if at >= stop {
                    to.put_zeros(want)
                } else {
                    let mut limited = Limited { left: (stop - at) as usize, to: &mut *to };
                    let n = lower.file.read(At::Offset(at), &mut limited, Io::default())?;
                    if n == 0 && !to.faulted() {
                        return Err(Errno::EIO.into());
                    }
                    n
                }
            } else {
                to.put_zeros(want)
            };
            at += n as u64;
            if to.faulted() {
                break;
            }
        }
        Ok(at.saturating_sub(offset) as usize)
    }

    fn note_moved(&mut self, first: u64, end: u64) {
        let old = self.moved.take().unwrap_or(first..end);
        self.moved = Some(old.start.min(first)..old.end.max(end));
    }

    /// The pages that have another frame since the last call.
    pub(super) fn take_moved(&mut self) -> Option<Range<u64>> {
        self.moved.take().filter(|moved| moved.start < moved.end)
    }

    /// The page at `index` for writing: made if need be.
    fn own_page(&mut self, index: u64) -> Res<Frame> {
        if let Some(frame) = self.pages.get(index) {
            return Ok(frame.clone());
        }
        let (frame, moved) = match self.lower_has(index) {
            Some(lower) => {
                let page = lower.pager.page(index, false)?;
                (frame_for(|| page.duplicate(Use::User))?, true)
            }
            None => (frame_for(|| Frame::zeroed(Use::User))?, false),
        };
        self.pages.insert(index, frame.clone())?;
        if moved {
            self.note_moved(index, index + 1);
        }
        Ok(frame)
    }

    pub(super) fn write(&mut self, offset: u64, from: &mut dyn Source) -> Res<usize> {
        let want = from.remaining() as u64;
        if want == 0 {
            return Ok(0);
        }
        if offset >= MAX_LEN {
            return Err(Errno::EFBIG.into());
        }
        let end = offset.saturating_add(want).min(MAX_LEN);
        let mut at = offset;
        while at < end {
            let (index, within) = (at / PAGE, (at % PAGE) as usize);
            let len = ((end - at) as usize).min(PAGE_SIZE - within);
            let n = if len == PAGE_SIZE && self.pages.get(index).is_none() && self.lower_has(index).is_none()
            {
                self.write_new_page(index, from)
            } else {
                self.own_page(index).map(|frame| frame.write_from(within..within + len, from))
            };
            let n = match n {
                Ok(n) => n,
                Err(_) if at > offset => break,
                Err(fail) => return Err(fail),
            };
            at += n as u64;
            if n < len {
                break;
            }
        }
        self.size = self.size.max(at);
        Ok((at - offset) as usize)
    }

    /// A page that is written from end to end need not be zeroed first.
    fn write_new_page(&mut self, index: u64, from: &mut dyn Source) -> Res<usize> {
        let frame = frame_for(|| Frame::alloc(Use::User))?;
        let n = frame.write_from(0..PAGE_SIZE, from);
        frame.zero(n..PAGE_SIZE);
        if n > 0 {
            self.pages.insert(index, frame)?;
        }
        Ok(n)
    }

    /// Reads as zeros from now on: `start..end`.
    fn clear(&mut self, start: u64, end: u64) -> Res<()> {
        let (first, last) = (start.div_ceil(PAGE), end / PAGE);
        let edge = |data: &mut Data, from: u64, to: u64| -> Res<()> {
            let index = from / PAGE;
            if from < to && (data.pages.get(index).is_some() || data.lower_has(index).is_some()) {
                data.own_page(index)?.zero((from % PAGE) as usize..(from % PAGE + (to - from)) as usize);
            }
            Ok(())
        };
        if first > last {
            return edge(self, start, end);
        }
        edge(self, start, first * PAGE)?;
        edge(self, last * PAGE, end)?;
        self.note_moved(first, last);
        // Where the lower file shines through, a hole must be a page of zeros.
        let lower_end = self.lower.as_ref().map_or(0, |lower| lower.len.div_ceil(PAGE));
        self.pages.remove(first.max(lower_end), last);
        for index in first..last.min(lower_end) {
            self.pages.insert(index, frame_for(|| Frame::zeroed(Use::User))?)?;
        }
        Ok(())
    }

    pub(super) fn truncate(&mut self, len: u64) -> Res<()> {
        if len > MAX_LEN {
            return Err(Errno::EFBIG.into());
        }
        if len < self.size {
            let keep = len.div_ceil(PAGE);
            if !len.is_multiple_of(PAGE)
                && (self.pages.get(len / PAGE).is_some() || self.lower_has(len / PAGE).is_some())
            {
                self.own_page(len / PAGE)?.zero((len % PAGE) as usize..PAGE_SIZE);
            }
            if let Some(lower) = &mut self.lower {
                lower.len = lower.len.min(len);
            }
            self.pages.remove(keep, u64::MAX / PAGE);
        }
        self.size = len;
        Ok(())
    }

    /// See [`osv_vfs::file::Allocate`].
    pub(super) fn zero(&mut self, start: u64, end: u64) -> Res<()> {
        self.clear(start, end.min(self.size).max(start))
    }

    /// Makes the pages of `start..end` exist.
    pub(super) fn reserve(&mut self, start: u64, end: u64) -> Res<()> {
        // Runs of pages that were not there: all of them, or none.
        let mut made: Vec<(u64, u64)> = Vec::new();
        for index in start / PAGE..end.div_ceil(PAGE) {
            if self.lower_has(index).is_some() || self.pages.get(index).is_some() {
                continue;
            }
            if let Err(fail) = self.own_page(index) {
                made.into_iter().for_each(|(first, end)| self.pages.remove(first, end));
                return Err(fail);
            }
            match made.last_mut() {
                Some((_, end)) if *end == index => *end += 1,
                _ => made.push((index, index + 1)),
            }
        }
        Ok(())
    }

    pub(super) fn grow(&mut self, size: u64) {
        self.size = self.size.max(size);
    }

    /// A page for a mapping.
    pub(super) fn page(&mut self, index: u64, write: bool) -> Res<Frame> {
        if index >= self.size.div_ceil(PAGE) {
            return Err(Errno::ENXIO.into());
        }
        match self.lower_has(index) {
            Some(lower) if !write && self.pages.get(index).is_none() => lower.pager.page(index, false),
            _ => self.own_page(index),
        }
    }

    pub(super) fn cached(&self, index: u64) -> Option<Frame> {
        if index >= self.size.div_ceil(PAGE) {
            return None;
        }
        match self.pages.get(index) {
            Some(frame) => Some(frame.clone()),
            None => self.lower_has(index)?.pager.cached(index),
        }
    }

    /// See [`File::seek_data`].
    pub(super) fn seek(&self, from: u64, data: bool) -> Res<u64> {
        if from >= self.size {
            return Err(Errno::ENXIO.into());
        }
        let lower_end = self.lower.as_ref().map_or(0, |lower| lower.len.div_ceil(PAGE));
        let mut index = from / PAGE;
        if data {
            if index < lower_end {
                return Ok(from);
            }
            let next = self.pages.next(index).map(|next| (next * PAGE).max(from));
            return next.filter(|&at| at < self.size).ok_or(Errno::ENXIO.into());
        }
        while index < self.size.div_ceil(PAGE) && (index < lower_end || self.pages.get(index).is_some()) {
            index += 1;
        }
        Ok((index * PAGE).max(from).min(self.size))
    }
}
