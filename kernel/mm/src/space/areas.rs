//! The areas of an address space, by address: a treap (a search tree whose shape is that of random insertion).
//!
//! Each node knows the span of its subtree and the largest hole between two of its areas, so the highest or lowest
//! hole of a size is found without looking at every area. Nodes live in one vector and name each other by index.

use super::area::Area;
use crate::OutOfMemory;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

const NIL: u32 = u32::MAX;

struct Node {
    area: Option<Area>,
    /// Copies of the area's range, so that a search touches few cache lines.
    start: u64,
    end: u64,
    left: u32,
    right: u32,
    priority: u32,
    /// Claimed start of the subtree's first area and end of its last one.
    low: u64,
    high: u64,
    /// Largest hole between two areas of the subtree.
    hole: u64,
}

/// Disjoint areas by address.
pub(super) struct Areas {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
    seed: u32,
    len: usize,
    /// Node that the last search ended at.
    recent: AtomicU32,
}

impl Areas {
    pub(super) fn new() -> Areas {
        Areas {
            nodes: Vec::new(),
            free: Vec::new(),
            root: NIL,
            seed: 0x9e37_79b9,
            len: 0,
            recent: AtomicU32::new(NIL),
        }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Makes sure that `count` insertions do not fail.
    pub(super) fn reserve(&mut self, count: usize) -> Result<(), OutOfMemory> {
        if self.free.len() < count {
            self.nodes.try_reserve(count)?;
        }
        // Room to free every node without allocating.
        let all = self.nodes.len() + count;
        self.free.try_reserve(all.saturating_sub(self.free.len()))?;
        Ok(())
    }

    /// The area that holds `at`.
    #[inline]
    pub(super) fn find(&self, at: u64) -> Option<&Area> {
        if let Some(node) = self.nodes.get(self.recent.load(Ordering::Relaxed) as usize)
            && node.start <= at
            && at < node.end
        {
            return node.area.as_ref();
        }
        let mut here = self.root;
        while here != NIL {
            let node = &self.nodes[here as usize];
            if at < node.start {
                here = node.left;
            } else if at >= node.end {
                here = node.right;
            } else {
                self.recent.store(here, Ordering::Relaxed);
                return node.area.as_ref();
            }
        }
        None
    }

    /// The first area that ends behind `at`.
    pub(super) fn at_or_after(&self, at: u64) -> Option<&Area> {
        let (mut here, mut best) = (self.root, NIL);
        while here != NIL {
            let node = &self.nodes[here as usize];
            if at < node.end {
                best = here;
                here = node.left;
            } else {
                here = node.right;
            }
        }
        self.nodes.get(best as usize)?.area.as_ref()
    }

    /// The last area that begins before `at`.
    pub(super) fn before(&self, at: u64) -> Option<&Area> {
        let (mut here, mut best) = (self.root, NIL);
        while here != NIL {
            let node = &self.nodes[here as usize];
            if node.start < at {
                best = here;
                here = node.right;
            } else {
                here = node.left;
            }
        }
        self.nodes.get(best as usize)?.area.as_ref()
    }

    /// The areas that overlap `range`, in order.
    pub(super) fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = &Area> {
        let mut at = range.start;
        core::iter::from_fn(move || {
            let area = self.at_or_after(at).filter(|a| a.range.start < range.end && at < range.end)?;
            at = area.range.end;
            Some(area)
        })
    }

    /// Adds an area that overlaps none. Call [`Areas::reserve`] before.
    pub(super) fn insert(&mut self, area: Area) {
        let new = self.node(area);
        let (start, priority) = (self.nodes[new as usize].start, self.nodes[new as usize].priority);
        // Down to where its priority puts it; what is there becomes its children.
        let mut path = Path::new();
        let mut here = self.root;
        while let Some(node) = self.nodes.get(here as usize)
            && node.priority >= priority
        {
            path.push(here);
            here = if start < node.start { node.left } else { node.right };
        }
        let (left, right) = self.split(here, start);
        (self.nodes[new as usize].left, self.nodes[new as usize].right) = (left, right);
        self.pull(new);
        self.hang(&path, start, new);
        self.len += 1;
    }

    /// Takes out the area that begins at `start`.
    pub(super) fn remove(&mut self, start: u64) -> Option<Area> {
        let (path, here) = self.path_to(start);
        let Node { left, right, .. } = *self.nodes.get(here as usize)?;
        let below = self.merge(left, right);
        self.hang(&path, start, below);
        let node = &mut self.nodes[here as usize];
        let area = node.area.take();
        (node.start, node.end) = (0, 0);
        self.free.push(here);
        self.len -= 1;
        area
    }

    /// The node that begins at `start`, or NIL, and those above it.
    fn path_to(&self, start: u64) -> (Path, u32) {
        let mut path = Path::new();
        let mut here = self.root;
        while let Some(node) = self.nodes.get(here as usize)
            && node.start != start
        {
            path.push(here);
            here = if start < node.start { node.left } else { node.right };
        }
        (path, here)
    }

    /// Puts the subtree `child` below the end of `path`, on the side of `start`, and tells those above.
    fn hang(&mut self, path: &Path, start: u64, child: u32) {
        match path.last() {
            None => self.root = child,
            Some(parent) => {
                let parent = &mut self.nodes[parent as usize];
                if start < parent.start {
                    parent.left = child;
                } else {
                    parent.right = child;
                }
            }
        }
        self.pull_path(path);
    }

    fn pull_path(&mut self, path: &Path) {
        match path.nodes.get(..path.len) {
            Some(nodes) => nodes.iter().rev().for_each(|here| self.pull(*here)),
            // Deeper than a treap of 65,530 areas ever is in practice.
            None => self.pull_all(self.root),
        }
    }

    /// Changes the area that begins at `start`; it must still overlap no other.
    pub(super) fn change(&mut self, start: u64, change: impl FnOnce(&mut Area)) {
        let (path, here) = self.path_to(start);
        let Some(node) = self.nodes.get_mut(here as usize) else { return };
        let Some(area) = &mut node.area else { return };
        change(area);
        (node.start, node.end) = (area.range.start, area.range.end);
        self.pull(here);
        self.pull_path(&path);
    }

    fn pull_all(&mut self, here: u32) {
        let Some(Node { left, right, .. }) = self.nodes.get(here as usize) else { return };
        let (left, right) = (*left, *right);
        self.pull_all(left);
        self.pull_all(right);
        self.pull(here);
    }

    /// Adds an area where nothing is, as part of its neighbours if it continues them. Call [`Areas::reserve`] before.
    pub(super) fn add(&mut self, area: Area) {
        let (start, end) = (area.range.start, area.range.end);
        let below =
            self.before(start).filter(|below| below.continues_in(&area)).map(|below| below.range.start);
        let above = self.find(end).filter(|above| area.continues_in(above)).map(|above| above.range.end);
        match (below, above) {
            (Some(below), Some(above)) => {
                self.remove(end);
                self.change(below, |below| below.range.end = above);
            }
            (Some(below), None) => self.change(below, |below| below.range.end = end),
            (None, Some(_)) => self.change(end, |above| {
                above.range.start = start;
                above.backing = area.backing;
            }),
            (None, None) => self.insert(area),
        }
    }

    /// Takes `range` out if it is one area, or the start or the end of one, which needs no new node; gives what was
    /// taken out.
    pub(super) fn trim(&mut self, range: &Range<u64>) -> Option<Area> {
        let area = self.find(range.start)?;
        let (start, end) = (area.range.start, area.range.end);
        let mut gone = None;
        if start == range.start && end == range.end {
            gone = self.remove(start);
        } else if start == range.start && end > range.end {
            let at = range.end;
            self.change(start, |area| {
                let upper = area.split_off(at);
                gone = Some(core::mem::replace(area, upper));
            });
        } else if end == range.end && start < range.start {
            let at = range.start;
            self.change(start, |area| gone = Some(area.split_off(at)));
        }
        gone
    }

    /// Makes `at` a boundary between areas if it lies inside one. Needs one reserved node.
    pub(super) fn cut(&mut self, at: u64) {
        let Some(start) = self.find(at).map(|a| a.range.start).filter(|start| *start < at) else { return };
        let mut upper = None;
        self.change(start, |area| upper = Some(area.split_off(at)));
        if let Some(upper) = upper {
            self.insert(upper);
        }
    }

    /// Joins the areas on both sides of `at` if they continue each other.
    pub(super) fn join(&mut self, at: u64) {
        let Some(upper) = self.find(at).filter(|a| a.range.start == at) else { return };
        let Some(lower) = self.before(at) else { return };
        if lower.continues_in(upper) {
            let (start, end) = (lower.range.start, upper.range.end);
            self.remove(at);
            self.change(start, |area| area.range.end = end);
        }
    }

    /// The highest hole of `len` bytes within `bounds`, its start a multiple of `align`: its start.
    pub(super) fn highest_hole(&self, len: u64, bounds: Range<u64>, align: u64) -> Option<u64> {
        self.high_in(self.root, bounds.start, bounds.end, &Want { len, bounds, align })
    }

    /// The lowest such hole.
    pub(super) fn lowest_hole(&self, len: u64, bounds: Range<u64>, align: u64) -> Option<u64> {
        self.low_in(self.root, bounds.start, bounds.end, &Want { len, bounds, align })
    }

    /// Searches the holes of the subtree `here` and those at its sides, up to `left` and `right`.
    fn high_in(&self, here: u32, left: u64, right: u64, want: &Want) -> Option<u64> {
        let Some(node) = self.nodes.get(here as usize) else { return want.top_of(left, right) };
        if self.too_small(node, left, right, want) {
            return None;
        }
        let start = self.claim(node);
        self.high_in(node.right, node.end, right, want).or_else(|| self.high_in(node.left, left, start, want))
    }

    fn low_in(&self, here: u32, left: u64, right: u64, want: &Want) -> Option<u64> {
        let Some(node) = self.nodes.get(here as usize) else { return want.bottom_of(left, right) };
        if self.too_small(node, left, right, want) {
            return None;
        }
        let start = self.claim(node);
        self.low_in(node.left, left, start, want).or_else(|| self.low_in(node.right, node.end, right, want))
    }

    /// Where the hole below a node's area ends: its claim ends at the area below it.
    fn claim(&self, node: &Node) -> u64 {
        let claimed = node.area.as_ref().map_or(node.start, Area::claimed_start);
        self.nodes.get(node.left as usize).map_or(claimed, |left| claimed.max(left.high))
    }

    fn too_small(&self, node: &Node, left: u64, right: u64, want: &Want) -> bool {
        left >= want.bounds.end
            || right <= want.bounds.start
            || node.hole.max(node.low.saturating_sub(left)).max(right.saturating_sub(node.high)) < want.len
    }

    fn node(&mut self, area: Area) -> u32 {
        // xorshift: the shape only needs to be unlike the order of insertion.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        let node = Node {
            start: area.range.start,
            end: area.range.end,
            low: area.claimed_start(),
            high: area.range.end,
            hole: 0,
            left: NIL,
            right: NIL,
            priority: self.seed,
            area: Some(area),
        };
        match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                at
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        }
    }

    /// Computes what a node knows of its subtree.
    fn pull(&mut self, here: u32) {
        let node = &self.nodes[here as usize];
        let claimed = node.area.as_ref().map_or(node.start, Area::claimed_start);
        let (mut low, mut high, mut hole) = (claimed, node.end, 0);
        if let Some(left) = self.nodes.get(node.left as usize) {
            low = left.low;
            hole = left.hole.max(claimed.saturating_sub(left.high));
        }
        if let Some(right) = self.nodes.get(node.right as usize) {
            high = right.high;
            hole = hole.max(right.hole).max(right.low.saturating_sub(node.end));
        }
        let node = &mut self.nodes[here as usize];
        (node.low, node.high, node.hole) = (low, high, hole);
    }

    /// Cuts a subtree into areas that begin before `at` and the others.
    fn split(&mut self, here: u32, at: u64) -> (u32, u32) {
        if here == NIL {
            return (NIL, NIL);
        }
        let Node { start, left, right, .. } = self.nodes[here as usize];
        if start < at {
            let (a, b) = self.split(right, at);
            self.nodes[here as usize].right = a;
            self.pull(here);
            (here, b)
        } else {
            let (a, b) = self.split(left, at);
            self.nodes[here as usize].left = b;
            self.pull(here);
            (a, here)
        }
    }

    /// Joins two subtrees, all of `a` before all of `b`.
    fn merge(&mut self, a: u32, b: u32) -> u32 {
        if a == NIL {
            return b;
        }
        if b == NIL {
            return a;
        }
        if self.nodes[a as usize].priority > self.nodes[b as usize].priority {
            let right = self.merge(self.nodes[a as usize].right, b);
            self.nodes[a as usize].right = right;
            self.pull(a);
            a
        } else {
            let left = self.merge(a, self.nodes[b as usize].left);
            self.nodes[b as usize].left = left;
            self.pull(b);
            b
        }
    }
}

/// Nodes from the root downwards.
struct Path {
    nodes: [u32; 64],
    len: usize,
    last: u32,
}

impl Path {
    fn new() -> Path {
        Path { nodes: [NIL; 64], len: 0, last: NIL }
    }
    fn push(&mut self, node: u32) {
        if let Some(slot) = self.nodes.get_mut(self.len) {
            *slot = node;
        }
        self.len += 1;
        self.last = node;
    }
    fn last(&self) -> Option<u32> {
        (self.len > 0).then_some(self.last)
    }
}

struct Want {
    len: u64,
    bounds: Range<u64>,
    align: u64,
}

impl Want {
    fn top_of(&self, left: u64, right: u64) -> Option<u64> {
        let (left, right) = (left.max(self.bounds.start), right.min(self.bounds.end));
        let start = right.checked_sub(self.len)? & !(self.align - 1);
        (start >= left).then_some(start)
    }
    fn bottom_of(&self, left: u64, right: u64) -> Option<u64> {
        let (left, right) = (left.max(self.bounds.start), right.min(self.bounds.end));
        let start = left.checked_next_multiple_of(self.align)?;
        (start.checked_add(self.len)? <= right).then_some(start)
    }
}
