//! The page cache of a disk that is only read.
//!
//! Pages are those of the disk, by number: a file that lies in whole pages is read, mapped and shared by way of the
//! very frames that the disk filled, and metadata comes the same way. [`Index`] knows what is here, what is on its way
//! and what goes first; [`Ahead`] guesses what a reader wants next; a [`Disk`] moves the bytes. None of them waits:
//! [`PageCache::page`] does, without a lock.
//!
//! The cache is free memory that happens to hold data. It takes no more while memory is short but recycles its own
//! pages, gives up pages that nobody uses whenever a frame is wanted elsewhere (`pressure::register_reclaim`), and in a
//! round of the shrinkers has mappings let go of their pages, which a later fault finds again, here or on the disk.

mod ahead;
mod index;
#[cfg(test)]
pub(crate) mod tests;

pub use ahead::Ahead;

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ops::Range;
use index::{Index, Look};
use osv_base::{Errno, Pages, Res};
use osv_mm::frame::{self, Frame, Use};
use osv_mm::pressure::{self, Shrinker};
use osv_mm::{fallible, space};
use osv_sync::{SpinLock, Wait, WaitQueue};

/// What a cache reads from.
pub trait Disk: Send + Sync {
    /// Pages on it.
    fn pages(&self) -> u64;
    /// Where answers go: called once, before the first read.
    fn connect(&self, cache: Weak<PageCache>);
    /// Queues a read of as many pages as there are frames, from page `first` on. Never waits; each page is answered by
    /// [`PageCache::complete`] in the end, in any order and perhaps before this returns.
    fn read(&self, first: u64, frames: Vec<Frame>);
    /// All that was queued may start.
    fn flush(&self) {}
}

/// A disk's pages in memory.
pub struct PageCache {
    disk: Arc<dyn Disk>,
    index: SpinLock<Index>,
    arrived: WaitQueue,
}

/// Every cache there is, for who needs a frame.
static CACHES: SpinLock<Vec<Weak<PageCache>>> = SpinLock::new(Vec::new());

/// Slots that are looked at for one that can go, before somebody else may have the lock.
const PATIENCE: usize = 4096;

/// Gives about `frames` back, of any cache, at once. Called where a frame was wanted and none was free.
fn reclaim(frames: usize) -> usize {
    // Whoever holds one of the locks may be the one who needs the frame.
    let Some(caches) = CACHES.try_lock() else { return 0 };
    let mut freed = 0;
    for cache in caches.iter().filter_map(Weak::upgrade) {
        if freed < frames
            && let Some(mut index) = cache.index.try_lock()
        {
            freed += index.evict(frames - freed, PATIENCE);
        }
    }
    freed
}

impl PageCache {
    /// An empty cache of `disk`.
    pub fn new(disk: Arc<dyn Disk>) -> Res<Arc<PageCache>> {
        let index = SpinLock::new(Index::new(disk.pages())?);
        let cache = Arc::new(PageCache { disk, index, arrived: WaitQueue::new() });
        cache.disk.connect(Arc::downgrade(&cache));
        {
            let mut caches = CACHES.lock();
            caches.retain(|cache| cache.strong_count() > 0);
            fallible::push(&mut caches, Arc::downgrade(&cache))?;
        }
        pressure::register_reclaim(reclaim);
        pressure::register(Arc::new(Given(Arc::downgrade(&cache))))?;
        Ok(cache)
    }

    /// Pages on the disk.
    pub fn len(&self) -> u64 {
        self.disk.pages()
    }

    /// Whether the disk has no page.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pages that are here.
    pub fn resident(&self) -> usize {
        self.index.lock().resident()
    }

    /// Page `page`, read in if need be; then others of `run`, the pages in a row that belong together, come as well as
    /// `ahead` says. Sleeps; no lock that spins may be held. EIO: the disk cannot read it.
    pub fn page(&self, page: u64, run: Range<u64>, ahead: &Ahead) -> Res<Frame> {
        let mut alone = false;
        loop {
            let look = self.index.lock().look(page);
            match look {
                Look::Here { frame, marked } => {
                    if marked {
                        let (window, mark) = ahead.go_on(&run);
                        // Nobody waits for these: without memory they are not read.
                        let _ = self.begin(None, window, Some(mark));
                    }
                    return Ok(frame);
                }
                Look::Failed if alone => return Err(Errno::EIO.into()),
                Look::OutOfRange => return Err(Errno::EIO.into()),
                Look::Reading => {}
                // It may have been another page of the same request that the disk could not read.
                Look::Failed => {
                    self.begin(Some(page), page..page + 1, None)?;
                    alone = true;
                }
                Look::Absent => {
                    let (window, mark) = ahead.miss(page, &run);
                    alone = window.end - window.start == 1;
                    self.begin(Some(page), window, mark)?;
                }
            }
            let there = || (!self.index.lock().is_reading(page)).then_some(());
            // It is not interruptible and has no deadline, so it ends in one way.
            let _ = self.arrived.wait_until(Wait::UNINTERRUPTIBLE, there);
        }
    }

    /// Page `page` if it is here.
    pub fn cached(&self, page: u64) -> Option<Frame> {
        match self.index.lock().peek(page) {
            Look::Here { frame, .. } => Some(frame),
            _ => None,
        }
    }

    /// Starts to read what of `window` is not here: `wanted` at any price, the others while there is memory.
    fn begin(&self, wanted: Option<u64>, window: Range<u64>, mark: Option<u64>) -> Res<()> {
        let keep = pressure::low() * 2;
        let absent = {
            let mut index = self.index.lock();
            // As many as it takes, it gives, once memory is short.
            if frame::free_about() < keep + (window.end - window.start) as usize {
                index.evict((window.end - window.start) as usize, PATIENCE);
            }
            index.absent(window)
        };
        let absent = absent?;
        let mut frames = fallible::with_capacity(absent.len())?;
        for &page in &absent {
            if wanted == Some(page) {
                frames.push((page, allocate()?));
            } else if frame::free_about() > keep
                && let Ok(frame) = Frame::alloc(Use::User)
            {
                frames.push((page, frame));
            }
        }
        // Others may have begun with some meanwhile; those frames are given back.
        {
            let mut index = self.index.lock();
            frames.retain(|(page, frame)| index.begin(*page, frame, mark == Some(*page)));
        }
        let mut frames = frames.into_iter().peekable();
        while let Some((first, frame)) = frames.next() {
            let mut run = alloc::vec![frame];
            while let Some((_, frame)) = frames.next_if(|(page, _)| *page == first + run.len() as u64) {
                run.push(frame);
            }
            self.disk.read(first, run);
        }
        self.disk.flush();
        Ok(())
    }

    /// The disk's answer for `count` pages from `first` on: whether their frames hold them now.
    pub fn complete(&self, first: u64, count: u64, ok: bool) {
        {
            let mut index = self.index.lock();
            (first..first.saturating_add(count)).for_each(|page| index.complete(page, ok));
        }
        self.arrived.wake_all();
    }

    /// Gives up to `frames` frames back that nobody holds; returns how many there were.
    pub fn give_up(&self, frames: usize) -> usize {
        let (mut freed, mut looked) = (0, 0);
        // Twice around: the first time may find that every page was used lately.
        while freed < frames && looked < 2 * self.len() as usize + PATIENCE {
            freed += self.index.lock().evict(frames - freed, PATIENCE);
            looked += PATIENCE;
        }
        freed
    }
}

/// A frame for a page that somebody waits for.
fn allocate() -> Res<Frame> {
    loop {
        match Frame::alloc(Use::User) {
            Ok(frame) => return Ok(frame),
            Err(_) if pressure::wait_for_memory() => {}
            Err(none) => return Err(none.into()),
        }
    }
}

/// The cache as a shrinker, which does not keep it alive.
struct Given(Weak<PageCache>);

impl Shrinker for Given {
    fn shrink(&self, pages: Pages) -> Pages {
        let Some(cache) = self.0.upgrade() else { return Pages(0) };
        let mut freed = cache.give_up(pages.0);
        if freed < pages.0 {
            // What is still here is mapped, for the greater part. What is in use comes back by a fault.
            space::forget_backed();
            freed += cache.give_up(pages.0 - freed);
        }
        Pages(freed)
    }
}

impl core::fmt::Debug for PageCache {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PageCache({} of {} pages)", self.resident(), self.len())
    }
}
