//! What a reader is likely to want next.
//!
//! Who reads in order gets windows that double; a page in the middle of the latest window is marked, and reading it
//! starts the next one, so that the disk works while the reader does. Who jumps gets the pages around, as much as a
//! fault maps at once.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_mm::frame;

/// Pages read around one that was jumped to; a multiple of what a page fault maps.
const AROUND: u64 = 16;
/// Largest window: 512 KiB.
const MOST: u64 = 128;

/// What is known of one reader, or of all readers of one file. Several may use it at once; then the guesses are poorer.
#[derive(Debug, Default)]
pub struct Ahead {
    /// Page behind the latest window.
    next: AtomicU64,
    /// Its length.
    window: AtomicU64,
}

impl Ahead {
    /// Nothing was read yet.
    pub const fn new() -> Ahead {
        Ahead { next: AtomicU64::new(0), window: AtomicU64::new(0) }
    }

    fn set(&self, window: &Range<u64>) {
        self.next.store(window.end, Ordering::Relaxed);
        self.window.store(window.end - window.start, Ordering::Relaxed);
    }

    fn grown(&self) -> u64 {
        // A window is a small part of a small machine's memory.
        let most = (frame::total() as u64 / 64).clamp(AROUND, MOST);
        (self.window.load(Ordering::Relaxed) * 2).clamp(AROUND, most)
    }

    /// What to read when `page` of `run` is not here, and the page to mark. It holds `page`.
    pub(super) fn miss(&self, page: u64, run: &Range<u64>) -> (Range<u64>, Option<u64>) {
        let end = run.end.max(page + 1);
        if page == run.start || page == self.next.load(Ordering::Relaxed) {
            let len = if page == run.start { AROUND } else { self.grown() };
            let window = page..end.min(page + len);
            self.set(&window);
            let mark = window.start + (window.end - window.start) / 2;
            return (window, (mark > page).then_some(mark));
        }
        let start = page - (page - run.start.min(page)) % AROUND;
        let window = start..end.min(start + AROUND);
        self.set(&window);
        (window, None)
    }

    /// What to read as the reader reached the marked page, and the page to mark next.
    pub(super) fn go_on(&self, run: &Range<u64>) -> (Range<u64>, u64) {
        let start = self.next.load(Ordering::Relaxed).clamp(run.start, run.end);
        let window = start..run.end.min(start + self.grown());
        if !window.is_empty() {
            self.set(&window);
        }
        let mark = window.start + (window.end - window.start) / 2;
        (window, mark)
    }
}
