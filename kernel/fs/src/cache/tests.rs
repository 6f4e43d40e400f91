//! The cache over a disk that is a vector: answers at once or when told to, in any order, with errors on some pages.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex as StdMutex;
use std::vec;

const PAGE: usize = osv_base::PAGE_SIZE;

/// What page `page` holds.
fn contents(page: u64) -> Vec<u8> {
    (0..PAGE as u64).map(|i| (page * 31 + i / 7) as u8).collect()
}

#[derive(Default)]
struct State {
    cache: Option<Weak<PageCache>>,
    queued: Vec<(u64, Vec<Frame>)>,
    bad: BTreeSet<u64>,
    reads: Vec<Range<u64>>,
}

/// A disk.
pub(crate) struct TestDisk {
    bytes: Vec<u8>,
    at_once: bool,
    state: StdMutex<State>,
}

impl TestDisk {
    pub(crate) fn new(bytes: Vec<u8>) -> Arc<TestDisk> {
        Arc::new(TestDisk { bytes, at_once: true, state: StdMutex::default() })
    }
    fn numbered(pages: u64, at_once: bool) -> Arc<TestDisk> {
        let bytes = (0..pages).flat_map(contents).collect();
        Arc::new(TestDisk { bytes, at_once, state: StdMutex::default() })
    }
    pub(crate) fn spoil(&self, page: u64) {
        self.state.lock().unwrap().bad.insert(page);
    }
    fn reads(&self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.state.lock().unwrap().reads)
    }
    /// Answers one read that is queued.
    fn answer(&self, pick: usize) -> bool {
        let (cache, (first, frames), bad) = {
            let mut state = self.state.lock().unwrap();
            if state.queued.is_empty() {
                return false;
            }
            let at = pick % state.queued.len();
            let read = state.queued.swap_remove(at);
            (state.cache.clone().unwrap(), read, state.bad.clone())
        };
        for (page, frame) in (first..).zip(&frames) {
            let at = page as usize * PAGE;
            frame.copy_in(0, &self.bytes[at..at + PAGE]);
        }
        let count = frames.len() as u64;
        let ok = (first..first + count).all(|page| !bad.contains(&page));
        drop(frames);
        if let Some(cache) = cache.upgrade() {
            cache.complete(first, count, ok);
        }
        true
    }
}

impl Disk for TestDisk {
    fn pages(&self) -> u64 {
        (self.bytes.len() / PAGE) as u64
    }
    fn connect(&self, cache: Weak<PageCache>) {
        self.state.lock().unwrap().cache = Some(cache);
    }
    fn read(&self, first: u64, frames: Vec<Frame>) {
        let mut state = self.state.lock().unwrap();
        state.reads.push(first..first + frames.len() as u64);
        state.queued.push((first, frames));
    }
    fn flush(&self) {
        while self.at_once && self.answer(0) {}
    }
}

fn check(frame: &Frame, page: u64) {
    let byte = |at: usize| (page * 31 + at as u64 / 7) as u8;
    let wrong = (0..PAGE).step_by(61).find(|&at| frame.bytes()[at] != byte(at));
    assert_eq!(wrong, None, "page {page} holds something else");
}

#[test]
fn reading_in_order_reads_ahead_in_growing_windows_and_each_page_once() {
    let disk = TestDisk::numbered(1000, true);
    let cache = PageCache::new(disk.clone()).unwrap();
    let ahead = Ahead::new();
    for page in 100..900 {
        check(&cache.page(page, 100..900, &ahead).unwrap(), page);
    }
    let reads = disk.reads();
    assert!(reads.windows(2).all(|pair| pair[0].end == pair[1].start), "{reads:?}");
    assert_eq!((reads[0].start, reads.last().unwrap().end), (100, 900), "not behind its end");
    assert!(reads.len() < 20, "{reads:?}");
    // All of it is here now.
    for page in 100..900 {
        check(&cache.cached(page).unwrap(), page);
    }
    assert!(disk.reads().is_empty());
    assert_eq!(cache.resident(), 800);
}

#[test]
fn who_jumps_gets_what_is_around() {
    let disk = TestDisk::numbered(1000, true);
    let cache = PageCache::new(disk.clone()).unwrap();
    let ahead = Ahead::new();
    for page in [500, 301, 999, 77] {
        check(&cache.page(page, 3..1000, &ahead).unwrap(), page);
        let reads = disk.reads();
        assert_eq!(reads.len(), 1);
        assert!(reads[0].contains(&page) && reads[0].end - reads[0].start <= 16, "{page}: {reads:?}");
    }
}

#[test]
fn a_page_that_cannot_be_read_is_an_error_until_it_can() {
    let disk = TestDisk::numbered(64, true);
    let cache = PageCache::new(disk.clone()).unwrap();
    disk.spoil(5);
    let only = |page| cache.page(page, page..page + 1, &Ahead::new());
    assert_eq!(only(5).map(drop), Err(Errno::EIO.into()));
    assert_eq!(only(5).map(drop), Err(Errno::EIO.into()));
    check(&only(6).unwrap(), 6);
    assert_eq!(only(64).map(drop), Err(Errno::EIO.into()), "behind the end");
    assert_eq!(only(u64::MAX - 1).map(drop), Err(Errno::EIO.into()));
    disk.state.lock().unwrap().bad.clear();
    check(&only(5).unwrap(), 5);
}

#[test]
fn what_somebody_holds_stays_and_the_rest_goes() {
    let disk = TestDisk::numbered(200, true);
    let cache = PageCache::new(disk.clone()).unwrap();
    let ahead = Ahead::new();
    let held: Vec<Frame> =
        (0..200).map(|page| cache.page(page, 0..200, &ahead).unwrap()).step_by(10).collect();
    assert_eq!(cache.give_up(1000), 180);
    assert_eq!(cache.resident(), 20);
    disk.reads();
    for (at, frame) in held.iter().enumerate() {
        let page = at as u64 * 10;
        assert!(cache.cached(page).unwrap() == *frame);
    }
    drop(held);
    assert_eq!(cache.give_up(5), 5);
    check(&cache.page(1, 1..2, &ahead).unwrap(), 1);
    assert_eq!(disk.reads(), vec![1..2], "it had gone");
}

#[test]
fn many_readers_of_one_page_wait_for_one_read() {
    let disk = TestDisk::numbered(64, false);
    let cache = PageCache::new(disk.clone()).unwrap();
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let cache = cache.clone();
            std::thread::spawn(move || check(&cache.page(9, 9..10, &Ahead::new()).unwrap(), 9))
        })
        .collect();
    while !readers.iter().all(std::thread::JoinHandle::is_finished) {
        disk.answer(0);
        std::thread::yield_now();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!(disk.reads(), vec![9..10]);
}

proptest! {
    /// Whatever is asked, answered, failed and given up in whatever order: what is here is what the disk has, and a page
    /// is on its way once.
    #[test]
    fn what_is_here_is_what_the_disk_has(steps in proptest::collection::vec((0u8..6, 0u64..64, 1usize..30), 1..80)) {
        let disk = TestDisk::numbered(64, false);
        let cache = PageCache::new(disk.clone()).unwrap();
        let mut held: BTreeMap<u64, Frame> = BTreeMap::new();
        for (what, page, n) in steps {
            match what {
                0 | 1 => cache.begin(Some(page), page..64.min(page + n as u64), None).unwrap(),
                2 | 3 => drop(disk.answer(n)),
                4 => drop(cache.give_up(n)),
                _ if n % 2 == 0 => { held.remove(&page); }
                _ => if let Some(frame) = cache.cached(page) { held.insert(page, frame); },
            }
            if n == 7 {
                disk.spoil(page);
            }
            let on_its_way: Vec<u64> = disk.state.lock().unwrap().queued.iter()
                .flat_map(|(first, frames)| *first..*first + frames.len() as u64).collect();
            let distinct: BTreeSet<u64> = on_its_way.iter().copied().collect();
            prop_assert_eq!(distinct.len(), on_its_way.len());
            let mut here = 0;
            for page in 0..64 {
                if let Some(frame) = cache.cached(page) {
                    check(&frame, page);
                    here += 1;
                    prop_assert!(!distinct.contains(&page));
                }
            }
            prop_assert_eq!(here, cache.resident());
            for (page, frame) in &held {
                prop_assert!(cache.cached(*page).is_some_and(|here| here == *frame), "who holds it keeps it here");
            }
        }
    }
}
