//! Physical memory in frames of 4 KiB.
//!
//! A [`Frame`] is a counted handle: a clone is one more holder, the last drop frees. Address spaces hold a count for
//! each mapping, the page cache one for each cached page; copy on write asks [`Frame::is_unique`]. A [`Run`] is
//! frames in a row, for devices and the heap. Memory that this allocator does not own (the root image in RAM, the
//! kernel's own pages) is named by [`Frame::immortal`], which is not counted.
//!
//! Free frames: [`zone`] (bitmaps of 2 MiB chunks), before it [`cache`] (a few frames by CPU).

mod cache;
pub mod direct;
#[cfg(any(test, feature = "std"))]
mod host;
pub(crate) mod record;
mod run;
#[cfg(test)]
mod tests;
mod zone;

pub use run::Run;

use crate::{OutOfMemory, pressure};
use cache::Caches;
use core::mem::ManuallyDrop;
use core::num::NonZeroU32;
use core::ops::Range;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering, fence};
use osv_base::io::{Sink, Source};
use osv_base::{PAGE_SIZE, PhysAddr};
use osv_sync::SpinLock;
use record::{IMMORTAL, Record, Records};
use zone::{CHUNK_FRAMES, Chunk, Zone};

/// What frames are for: those that cannot move are kept together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Use {
    /// The kernel's own: heap, page tables, stacks, rings. May take from the reserve.
    Kernel = 0,
    /// The application's pages and the page cache. Leaves the reserve alone.
    User = 1,
}

/// How many frames are asked for at once when none is free.
const RECLAIMED: usize = 32;

impl Use {
    fn other(self) -> Use {
        match self {
            Use::Kernel => Use::User,
            Use::User => Use::Kernel,
        }
    }
}

struct Memory {
    /// Number (physical address / 4096) of the zone's first frame.
    base: u32,
    records: &'static Records,
    zone: SpinLock<Zone>,
    total: AtomicUsize,
    /// Frames that only the kernel may take.
    reserve: AtomicUsize,
}

static MEMORY: spin::Once<Memory> = spin::Once::new();
static RECORDS: spin::Once<Records> = spin::Once::new();
static CACHES: Caches = Caches::new();

/// Hands all free RAM over. `offset` is the distance from a physical address to the direct map, which must show
/// every byte of `ranges` already, writable. The ranges (any order, any alignment, no overlap) leave out whatever
/// is in use: the kernel, boot page tables, the root image, the first page. Returns the frames available.
///
/// Takes the records' memory from one of the ranges: 0.4 % of the span from the lowest to the highest address.
///
/// # Safety
/// The ranges are RAM that nothing uses, now or later, but through this allocator; the direct map is as said.
///
/// # Panics
/// When no range has room for the records, or when called twice.
pub unsafe fn init(ranges: &[Range<PhysAddr>], offset: u64) -> usize {
    assert!(MEMORY.get().is_none(), "memory is handed over once");
    direct::set_offset(offset);
    let frames = |range: &Range<PhysAddr>| {
        let start = range.start.0.div_ceil(PAGE_SIZE as u64).max(1);
        let end = range.end.0 / PAGE_SIZE as u64;
        // Numbers of frames fit 32 bits up to 16 TiB.
        start.min(end.max(1)) as u32..end.max(1).min(u64::from(u32::MAX)) as u32
    };
    let usable = || ranges.iter().map(frames).filter(|r| !r.is_empty());
    let low = usable().map(|r| r.start).min().unwrap_or(0) / CHUNK_FRAMES * CHUNK_FRAMES;
    let high = usable().map(|r| r.end).max().unwrap_or(0);
    let chunks = (high - low).div_ceil(CHUNK_FRAMES) as usize;

    // Records, then chunks, then the born flags: descending alignment.
    let records_bytes = chunks * CHUNK_FRAMES as usize * size_of::<Record>();
    let chunks_bytes = chunks * size_of::<Chunk>();
    let need = (records_bytes + chunks_bytes + chunks).div_ceil(PAGE_SIZE) as u32;
    // The smallest range with room, so that large ones stay whole.
    let home = usable().filter(|r| r.end - r.start >= need).min_by_key(|r| r.end - r.start);
    let home = home.expect("RAM has room for its own records");
    let at = direct::pointer(PhysAddr(u64::from(home.start) * PAGE_SIZE as u64));
    // SAFETY: `home` is RAM of the caller's that we now keep for ever, shown by the direct map at `at`; the three
    // parts lie in it one behind the other, aligned by their order. Zero is a valid Chunk and flag.
    let (records, chunk_slice) = unsafe {
        let chunks_at = at.add(records_bytes).cast::<Chunk>();
        let born_at = chunks_at.add(chunks).cast::<AtomicU8>();
        chunks_at.cast::<u8>().write_bytes(0, chunks_bytes + chunks);
        let born: &'static [AtomicU8] = core::slice::from_raw_parts(born_at, chunks);
        let chunks: &'static mut [Chunk] = core::slice::from_raw_parts_mut(chunks_at, chunks);
        (Records::new(at.cast::<Record>(), born), chunks)
    };
    let records = RECORDS.call_once(|| records);
    let mut zone = Zone::new(chunk_slice, records);
    let mut total = 0;
    for range in usable() {
        let start = if range.start == home.start { range.start + need } else { range.start };
        total += (range.end - range.start) as usize;
        if start < range.end {
            zone.add(start - low..range.end - low);
        }
    }
    let free = zone.free();
    note_free(&zone);
    MEMORY.call_once(|| Memory {
        base: low,
        records,
        zone: SpinLock::new(zone),
        total: AtomicUsize::new(total),
        reserve: AtomicUsize::new((total / 64).clamp(32, 4096)),
    });
    free
}

#[inline(always)]
fn memory() -> &'static Memory {
    match MEMORY.get() {
        Some(memory) => memory,
        None => uninitialised(),
    }
}

#[cold]
fn uninitialised() -> &'static Memory {
    #[cfg(any(test, feature = "std"))]
    host::init();
    MEMORY.get().expect("frame::init comes before the first allocation")
}

impl Memory {
    #[inline]
    fn record(&self, frame: NonZeroU32) -> Option<&'static Record> {
        self.records.get(frame.get().wrapping_sub(self.base))
    }

    #[inline]
    fn take(&self, what: Use) -> Option<NonZeroU32> {
        let keep = if what == Use::User { self.reserve.load(Ordering::Relaxed) } else { 0 };
        let frame = match CACHES.take(&self.zone, what, keep) {
            Some(frame) => frame,
            None => {
                // Other CPUs' caches may hold the last ones, or a cache of file pages.
                CACHES.drain(&self.zone);
                match CACHES.take(&self.zone, what, keep) {
                    Some(frame) => frame,
                    None if pressure::reclaim(RECLAIMED) => {
                        CACHES.drain(&self.zone);
                        CACHES.take(&self.zone, what, keep)?
                    }
                    None => return None,
                }
            }
        };
        NonZeroU32::new(frame + self.base)
    }

    #[inline]
    fn put(&self, frame: NonZeroU32) {
        let frame = frame.get() - self.base;
        CACHES.put(&self.zone, self.records.use_of(frame), frame);
    }
}

/// A counted handle to one frame.
#[derive(PartialEq, Eq)]
#[repr(transparent)]
pub struct Frame(NonZeroU32);

impl Frame {
    /// A frame with whatever it last held: the caller overwrites all of it before anybody may read it.
    #[inline]
    pub fn alloc(what: Use) -> Result<Frame, OutOfMemory> {
        let memory = memory();
        let frame = memory.take(what).ok_or(OutOfMemory)?;
        if let Some(record) = memory.record(frame) {
            record.refs.store(1, Ordering::Relaxed);
            record.count.store(0, Ordering::Relaxed);
        }
        Ok(Frame(frame))
    }

    /// A frame of zeros.
    #[inline]
    pub fn zeroed(what: Use) -> Result<Frame, OutOfMemory> {
        let frame = Frame::alloc(what)?;
        // SAFETY: just allocated, so held alone.
        unsafe { direct::zero_frame(frame.phys()) };
        Ok(frame)
    }

    /// A frame with a copy of `self`'s bytes.
    #[inline]
    pub fn duplicate(&self, what: Use) -> Result<Frame, OutOfMemory> {
        let copy = Frame::alloc(what)?;
        // SAFETY: the copy is held alone, `self` is held for the call.
        unsafe { direct::copy_frame(self.phys(), copy.phys()) };
        Ok(copy)
    }

    /// Names RAM at `phys` (rounded down to a page) that the allocator does not own; not counted. If it does own
    /// it, this is one more holder.
    ///
    /// # Safety
    /// It is RAM, shown by the direct map, that stays what it is for as long as the handle or a clone lives.
    ///
    /// # Panics
    /// Above 16 TiB and for the first page.
    pub unsafe fn immortal(phys: PhysAddr) -> Frame {
        let number = u32::try_from(phys.page()).ok().and_then(NonZeroU32::new);
        let frame = ManuallyDrop::new(Frame(number.expect("an address of RAM")));
        (*frame).clone()
    }

    /// Its address.
    #[inline(always)]
    pub fn phys(&self) -> PhysAddr {
        PhysAddr(u64::from(self.0.get()) << osv_base::PAGE_SHIFT)
    }

    /// Whether this handle is the only holder, so that nobody else sees a write. Never for immortal frames.
    #[inline]
    pub fn is_unique(&self) -> bool {
        memory().record(self.0).is_some_and(|r| r.refs.load(Ordering::Acquire) == 1)
    }

    /// Gives the count up to whoever keeps the address, such as a page table entry.
    #[inline]
    pub fn into_phys(self) -> PhysAddr {
        ManuallyDrop::new(self).phys()
    }

    /// Takes over a count that [`Frame::into_phys`] gave up.
    ///
    /// # Safety
    /// Each `into_phys` is matched by at most one `from_phys`.
    #[inline]
    pub unsafe fn from_phys(phys: PhysAddr) -> Frame {
        debug_assert!(phys.page() != 0 && phys.page() <= u64::from(u32::MAX));
        Frame(NonZeroU32::new(phys.page() as u32).unwrap_or(NonZeroU32::MAX))
    }

    /// Its bytes. The application may be writing them at the same time if the frame is mapped shared: copy what
    /// decisions depend on, first.
    pub fn bytes(&self) -> &[u8; PAGE_SIZE] {
        // SAFETY: the handle keeps the frame; the direct map shows it. Writers race at most on plain bytes.
        unsafe { &*direct::pointer(self.phys()).cast() }
    }

    /// Copies `from` in at `offset`, as far as it fits; returns how much.
    pub fn copy_in(&self, offset: usize, from: &[u8]) -> usize {
        let len = from.len().min(PAGE_SIZE.saturating_sub(offset));
        if len > 0 {
            // SAFETY: within the frame, which the handle keeps; `from` is a borrow of other memory.
            unsafe { direct::pointer(self.phys()).add(offset).copy_from(from.as_ptr(), len) };
        }
        len
    }

    /// Copies out from `offset`, as far as the frame goes; returns how much.
    pub fn copy_out(&self, offset: usize, to: &mut [u8]) -> usize {
        let len = to.len().min(PAGE_SIZE.saturating_sub(offset));
        if len > 0 {
            // SAFETY: within the frame, which the handle keeps; `to` is a borrow of other memory.
            unsafe { direct::pointer(self.phys()).add(offset).copy_to(to.as_mut_ptr(), len) };
        }
        len
    }

    /// Zeroes `range` of its bytes; what lies outside the frame is ignored.
    pub fn zero(&self, range: Range<usize>) {
        let (start, end) = (range.start.min(PAGE_SIZE), range.end.min(PAGE_SIZE));
        if start < end {
            // SAFETY: within the frame, which the handle keeps.
            unsafe { direct::pointer(self.phys()).add(start).write_bytes(0, end - start) };
        }
    }

    /// Hands `range` of its bytes to `to`; returns how many it took.
    pub fn read_to(&self, range: Range<usize>, to: &mut dyn Sink) -> usize {
        to.put(self.bytes().get(range).unwrap_or(&[]))
    }

    /// Lets `from` fill `range` of its bytes; returns how many it gave.
    pub fn write_from(&self, range: Range<usize>, from: &mut dyn Source) -> usize {
        let (start, end) = (range.start.min(PAGE_SIZE), range.end.min(PAGE_SIZE));
        if start >= end {
            return 0;
        }
        // SAFETY: within the frame, which the handle keeps. The source only stores through the slice; others who
        // write the same bytes (a shared mapping) race on plain bytes, which nothing here reads.
        let to =
            unsafe { core::slice::from_raw_parts_mut(direct::pointer(self.phys()).add(start), end - start) };
        from.take(to)
    }
}

impl Clone for Frame {
    #[inline]
    fn clone(&self) -> Frame {
        if let Some(record) = memory().record(self.0)
            && record.refs.load(Ordering::Relaxed) < IMMORTAL
        {
            record.refs.fetch_add(1, Ordering::Relaxed);
        }
        Frame(self.0)
    }
}

impl Drop for Frame {
    #[inline]
    fn drop(&mut self) {
        let memory = memory();
        let Some(record) = memory.record(self.0) else { return };
        let refs = record.refs.load(Ordering::Relaxed);
        if refs >= IMMORTAL {
            return;
        }
        // The only holder needs no locked instruction: nobody else can make a new one.
        if refs != 1 && record.refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        record.refs.store(0, Ordering::Relaxed);
        memory.put(self.0);
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Frame({:#x})", self.phys())
    }
}

/// The record of the frame at `phys`; `None` for memory that the allocator does not own.
pub(crate) fn record_of(phys: PhysAddr) -> Option<&'static Record> {
    memory().record(NonZeroU32::new(phys.page() as u32)?)
}

/// How many hold the frame at `phys`; `None` for memory that is not counted.
#[inline]
pub(crate) fn holders(phys: PhysAddr) -> Option<u32> {
    let refs = record_of(phys)?.refs.load(Ordering::Acquire);
    (refs < IMMORTAL).then_some(refs)
}

/// One more holder of the frame at `phys`, which somebody holds for the length of the call: an entry of a locked
/// address space.
#[inline]
pub(crate) fn hold(phys: PhysAddr) -> Frame {
    // SAFETY: the handle made here is not dropped; the clone counts.
    let held = ManuallyDrop::new(unsafe { Frame::from_phys(phys) });
    (*held).clone()
}

/// Frames, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handed over at the start.
    pub total: usize,
    /// Free, caches included.
    pub free: usize,
    /// Of the free ones, those that only the kernel may take.
    pub reserve: usize,
}

/// Free frames outside the caches by CPU, as of the last change.
static FREE: AtomicUsize = AtomicUsize::new(0);

fn note_free(zone: &Zone) {
    FREE.store(zone.free(), Ordering::Relaxed);
}

/// About how many frames are free; costs a load.
#[inline]
pub fn free_about() -> usize {
    memory();
    FREE.load(Ordering::Relaxed)
}

/// How many frames were handed over at the start.
#[inline]
pub fn total() -> usize {
    memory().total.load(Ordering::Relaxed)
}

/// Frames that only the kernel may take.
#[inline]
pub fn reserve() -> usize {
    memory().reserve.load(Ordering::Relaxed)
}

/// Number of the frame of zeros; 0 before the first use.
static ZERO: AtomicU32 = AtomicU32::new(0);

/// Whether `phys` is the shared frame of zeros.
#[inline]
pub(crate) fn is_zero(phys: PhysAddr) -> bool {
    phys.page() == u64::from(ZERO.load(Ordering::Relaxed)) && phys.page() != 0
}

/// A frame of zeros that everybody shares and nobody may write; never freed.
pub fn zero() -> Result<Frame, OutOfMemory> {
    if let Some(number) = NonZeroU32::new(ZERO.load(Ordering::Acquire)) {
        return Ok(Frame(number));
    }
    let frame = ManuallyDrop::new(Frame::zeroed(Use::Kernel)?);
    if let Some(record) = record_of(frame.phys()) {
        record.refs.store(IMMORTAL, Ordering::Relaxed);
    }
    // Should two CPUs be here at once, one frame is lost, once.
    match ZERO.compare_exchange(0, frame.0.get(), Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(Frame(frame.0)),
        Err(other) => Ok(Frame(NonZeroU32::new(other).unwrap_or(frame.0))),
    }
}

/// How many frames there are.
pub fn counts() -> Counts {
    let memory = memory();
    let free = memory.zone.lock().free() + CACHES.len();
    Counts {
        total: memory.total.load(Ordering::Relaxed),
        free,
        reserve: memory.reserve.load(Ordering::Relaxed),
    }
}
