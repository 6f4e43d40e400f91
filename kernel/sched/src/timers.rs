//! Deadlines of one CPU, earliest first: a binary heap in which each entry knows its place, so that it can be taken
//! out when what it waits for comes first.

use alloc::vec::Vec;
use osv_base::Instant;

/// Where an entry stands in its heap.
pub trait Placed {
    /// Told whenever the entry moves; `None`: it left the heap.
    fn set_place(&self, place: Option<usize>);
    /// What was told last.
    fn place(&self) -> Option<usize>;
}

/// Deadlines.
#[derive(Debug)]
pub struct Timers<T> {
    heap: Vec<(Instant, T)>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Timers<T> {
    /// Without any.
    pub const fn new() -> Self {
        Timers { heap: Vec::new() }
    }

    /// Whether the next [`Timers::insert`] would allocate.
    pub fn is_full(&self) -> bool {
        self.heap.len() == self.heap.capacity()
    }

    /// Moves everything into `larger`, an empty vector, and gives back the old storage, so that the caller can
    /// allocate and free without the lock around this.
    pub fn grow_into(&mut self, mut larger: Vec<(Instant, T)>) -> Vec<(Instant, T)> {
        if larger.capacity() <= self.heap.capacity() {
            return larger;
        }
        larger.append(&mut self.heap);
        core::mem::replace(&mut self.heap, larger)
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The earliest deadline.
    pub fn earliest(&self) -> Option<Instant> {
        self.heap.first().map(|&(deadline, _)| deadline)
    }
}

impl<T: Placed> Timers<T> {
    /// Adds one; gives whether it is the earliest now.
    pub fn insert(&mut self, deadline: Instant, value: T) -> bool {
        let at = self.heap.len();
        value.set_place(Some(at));
        self.heap.push((deadline, value));
        self.sift_up(at) == 0
    }

    /// Takes out the entry that says it is in `place`.
    pub fn remove(&mut self, place: usize) -> Option<T> {
        if place >= self.heap.len() {
            return None;
        }
        let (_, value) = self.heap.swap_remove(place);
        value.set_place(None);
        if let Some((_, moved)) = self.heap.get(place) {
            moved.set_place(Some(place));
            let place = self.sift_down(place);
            self.sift_up(place);
        }
        Some(value)
    }

    /// Takes out the earliest if it is due at `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<T> {
        if self.earliest()? <= now { self.remove(0) } else { None }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.heap[a].1.set_place(Some(a));
        self.heap[b].1.set_place(Some(b));
    }

    fn sift_up(&mut self, mut at: usize) -> usize {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.heap[at].0 >= self.heap[parent].0 {
                break;
            }
            self.swap(at, parent);
            at = parent;
        }
        at
    }

    fn sift_down(&mut self, mut at: usize) -> usize {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.heap[child].0 < self.heap[least].0 {
                    least = child;
                }
            }
            if least == at {
                return at;
            }
            self.swap(at, least);
            at = least;
        }
    }
}

#[cfg(test)]
mod tests;
