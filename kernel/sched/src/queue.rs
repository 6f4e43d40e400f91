//! The threads that want to run on one CPU, least virtual run time first.
//!
//! A binary heap; equal ones in order of arrival. It knows nothing of what it holds, so it is tested on the host.

use crate::policy;
use alloc::vec::Vec;

struct Item<T> {
    vruntime: u64,
    order: u64,
    value: T,
}

impl<T> Item<T> {
    fn before(&self, other: &Item<T>) -> bool {
        if self.vruntime == other.vruntime {
            self.order < other.order
        } else {
            policy::before(self.vruntime, other.vruntime)
        }
    }
}

/// A CPU's run queue.
pub struct RunQueue<T> {
    heap: Vec<Item<T>>,
    arrivals: u64,
    floor: u64,
}

impl<T> Default for RunQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> core::fmt::Debug for RunQueue<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RunQueue({} waiting)", self.heap.len())
    }
}

impl<T> RunQueue<T> {
    /// Nobody wants to run.
    pub const fn new() -> Self {
        RunQueue { heap: Vec::new(), arrivals: 0, floor: 0 }
    }

    /// Makes room, so that fewer than `threads` in the queue never allocate.
    pub fn reserve(&mut self, threads: usize) {
        self.heap.reserve(threads);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The queue's floor: see [`policy`].
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// Raises the floor to the least virtual run time of those here and of the running thread, if one counts.
    pub fn raise_floor(&mut self, running: Option<u64>) {
        let least = match (self.heap.first().map(|item| item.vruntime), running) {
            (Some(first), Some(running)) if policy::before(running, first) => running,
            (Some(first), _) => first,
            (None, Some(running)) => running,
            (None, None) => return,
        };
        self.floor = policy::later(self.floor, least);
    }

    /// Adds one that wants to run.
    pub fn push(&mut self, value: T, vruntime: u64) {
        let order = self.arrivals;
        self.arrivals += 1;
        self.heap.push(Item { vruntime, order, value });
        self.sift_up(self.heap.len() - 1);
    }

    /// The least virtual run time here.
    pub fn least(&self) -> Option<u64> {
        self.heap.first().map(|item| item.vruntime)
    }

    /// Takes out the one with least virtual run time.
    pub fn pop(&mut self) -> Option<(T, u64)> {
        self.take(0)
    }

    /// Takes out one for which `suits` holds and that is not near the front, where there is a choice: for another
    /// CPU.
    pub fn pop_for_other(&mut self, mut suits: impl FnMut(&T) -> bool) -> Option<(T, u64)> {
        let at = self.heap.iter().rposition(|item| suits(&item.value))?;
        self.take(at)
    }

    /// Those in the queue, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.heap.iter().map(|item| &item.value)
    }

    fn take(&mut self, at: usize) -> Option<(T, u64)> {
        if at >= self.heap.len() {
            return None;
        }
        let item = self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.sift_down(at);
            self.sift_up(at);
        }
        Some((item.value, item.vruntime))
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.heap[at].before(&self.heap[parent]) {
                break;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.heap[child].before(&self.heap[least]) {
                    least = child;
                }
            }
            if least == at {
                break;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }
}

#[cfg(test)]
mod tests;
