//! A ring of bytes that grows when it must.

use alloc::collections::VecDeque;

/// Bytes first in, first out. `capacity` is what [`Ring::room`] counts against; a push beyond it grows the ring.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    capacity: usize,
}

impl Ring {
    pub fn new(capacity: usize) -> Ring {
        Ring { bytes: VecDeque::new(), capacity }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// The first piece that is contiguous.
    pub fn front(&self) -> &[u8] {
        self.bytes.as_slices().0
    }

    pub fn consume(&mut self, len: usize) {
        self.bytes.drain(..len.min(self.bytes.len()));
    }

    pub fn pop(&mut self, out: &mut [u8]) -> usize {
        let (first, second) = self.bytes.as_slices();
        let n = first.len().min(out.len());
        let m = second.len().min(out.len() - n);
        out[..n].copy_from_slice(&first[..n]);
        out[n..n + m].copy_from_slice(&second[..m]);
        self.consume(n + m);
        n + m
    }
}
