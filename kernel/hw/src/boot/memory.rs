//! Lists of physical ranges, without a heap.

use core::fmt;
use osv_base::{PAGE_SIZE, PhysAddr};

/// Physical addresses from `start` up to, but not with, `end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PhysRange {
    pub start: u64,
    pub end: u64,
}

impl PhysRange {
    /// From `start` to `end`.
    pub const fn new(start: u64, end: u64) -> PhysRange {
        PhysRange { start, end }
    }
    /// Bytes in it.
    pub const fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
    /// Whether it has no bytes.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }
    /// Its first address.
    pub const fn start(self) -> PhysAddr {
        PhysAddr(self.start)
    }
    /// The whole pages that touch it.
    pub const fn pages_around(self) -> PhysRange {
        let mask = PAGE_SIZE as u64 - 1;
        PhysRange { start: self.start & !mask, end: self.end.saturating_add(mask) & !mask }
    }
    /// The whole pages inside it.
    pub const fn pages_within(self) -> PhysRange {
        let mask = PAGE_SIZE as u64 - 1;
        PhysRange { start: self.start.saturating_add(mask) & !mask, end: self.end & !mask }
    }
}

/// The most ranges that a map holds; a machine's map has about ten.
const CAPACITY: usize = 64;

/// Disjoint ranges in rising order.
#[derive(Clone)]
pub struct MemoryMap {
    ranges: [PhysRange; CAPACITY],
    len: usize,
}

impl MemoryMap {
    /// No range.
    pub const fn new() -> MemoryMap {
        MemoryMap { ranges: [PhysRange::new(0, 0); CAPACITY], len: 0 }
    }

    /// The ranges.
    pub fn as_slice(&self) -> &[PhysRange] {
        &self.ranges[..self.len]
    }

    /// Bytes in all of them.
    pub fn total(&self) -> u64 {
        self.as_slice().iter().map(|range| range.len()).sum()
    }

    /// Whether all of `range` is in one of the ranges.
    pub fn contains(&self, range: PhysRange) -> bool {
        self.as_slice().iter().any(|have| have.start <= range.start && range.end <= have.end)
    }

    /// Adds a range; what it shares with others is kept once. What does not fit any more is left out.
    pub fn insert(&mut self, range: PhysRange) {
        self.remove(range);
        if range.is_empty() || self.len == CAPACITY {
            return;
        }
        let at = self.as_slice().iter().position(|other| other.start > range.start).unwrap_or(self.len);
        self.ranges.copy_within(at..self.len, at + 1);
        self.ranges[at] = range;
        self.len += 1;
        self.merge();
    }

    /// Takes a range out.
    pub fn remove(&mut self, gone: PhysRange) {
        if gone.is_empty() {
            return;
        }
        let old = self.clone();
        self.len = 0;
        for range in old.as_slice() {
            let below = PhysRange::new(range.start, range.end.min(gone.start));
            let above = PhysRange::new(range.start.max(gone.end), range.end);
            for part in [below, above] {
                if !part.is_empty() && self.len < CAPACITY {
                    self.ranges[self.len] = part;
                    self.len += 1;
                }
            }
        }
    }

    /// Takes `len` bytes at a multiple of `align` from the lowest range that has them within `window`.
    pub fn take(&mut self, len: u64, align: u64, window: PhysRange) -> Option<PhysAddr> {
        let start = self.as_slice().iter().find_map(|range| {
            let start = range.start.max(window.start).checked_add(align - 1)? & !(align - 1);
            (start.checked_add(len)? <= range.end.min(window.end)).then_some(start)
        })?;
        self.remove(PhysRange::new(start, start + len));
        Some(PhysAddr(start))
    }

    fn merge(&mut self) {
        let mut at = 1;
        while at < self.len {
            if self.ranges[at - 1].end == self.ranges[at].start {
                self.ranges[at - 1].end = self.ranges[at].end;
                self.ranges.copy_within(at + 1..self.len, at);
                self.len -= 1;
            } else {
                at += 1;
            }
        }
    }
}

impl Default for MemoryMap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(ranges: &[(u64, u64)]) -> MemoryMap {
        let mut map = MemoryMap::new();
        for &(start, end) in ranges {
            map.insert(PhysRange::new(start, end));
        }
        map
    }

    #[test]
    fn neighbours_become_one_range() {
        assert_eq!(map(&[(10, 20), (30, 40), (20, 30)]).as_slice(), [PhysRange::new(10, 40)]);
    }

    #[test]
    fn overlaps_are_kept_once() {
        assert_eq!(map(&[(10, 30), (20, 40), (15, 16)]).total(), 30);
    }

    #[test]
    fn removing_splits() {
        let mut map = map(&[(0, 100)]);
        map.remove(PhysRange::new(40, 60));
        assert_eq!(map.as_slice(), [PhysRange::new(0, 40), PhysRange::new(60, 100)]);
    }

    #[test]
    fn take_aligns_within_the_window() {
        let mut map = map(&[(1, 5), (9, 64)]);
        assert_eq!(map.take(8, 8, PhysRange::new(0, 1000)), Some(PhysAddr(16)));
        assert_eq!(map.take(8, 8, PhysRange::new(0, 24)), None);
        assert_eq!(map.total(), 4 + 55 - 8);
    }
}
