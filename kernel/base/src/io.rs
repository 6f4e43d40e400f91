//! Cursors over the application's buffers, as the crates below `sys` see them.
//!
//! A cursor copies **without faulting pages in**, so it may be used under locks (law 6). When it meets a page
//! that is not there it stops short and remembers so; the caller returns what it has, and `sys`, which holds no
//! lock, faults the page in and calls again. So an implementation of `read` does:
//!
//! 1. `put` what there is (at most `remaining`);
//! 2. consume exactly what `put` took, and return that number, zero included when [`Sink::faulted`] is set.
//!
//! It must not block or report EAGAIN or EOF differently because of a short `put`.

/// Where the bytes of a read go.
pub trait Sink {
    /// Bytes that still fit.
    fn remaining(&self) -> usize;
    /// Copies as much of `bytes` as fits and can be copied without a fault; returns how many, and advances.
    fn put(&mut self, bytes: &[u8]) -> usize;
    /// Whether a `put` stopped short at a page that must be faulted in.
    fn faulted(&self) -> bool;
    /// As `put`, of `len` zero bytes.
    fn put_zeros(&mut self, len: usize) -> usize {
        const ZEROS: [u8; 256] = [0; 256];
        let mut done = 0;
        while done < len {
            let chunk = (len - done).min(ZEROS.len());
            let n = self.put(&ZEROS[..chunk]);
            done += n;
            if n < chunk {
                break;
            }
        }
        done
    }
}

/// Where the bytes of a write come from.
pub trait Source {
    /// Bytes left to take.
    fn remaining(&self) -> usize;
    /// Fills as much of `bytes` as is left and can be copied without a fault; returns how many, and advances.
    fn take(&mut self, bytes: &mut [u8]) -> usize;
    /// Whether a `take` stopped short at a page that must be faulted in.
    fn faulted(&self) -> bool;
}

/// A [`Sink`] over kernel memory; never faults.
#[derive(Debug)]
pub struct SliceSink<'a> {
    buf: &'a mut [u8],
    done: usize,
}

impl<'a> SliceSink<'a> {
    /// Fills `buf` from its start.
    pub fn new(buf: &'a mut [u8]) -> Self {
        SliceSink { buf, done: 0 }
    }
    /// Bytes put so far.
    pub fn done(&self) -> usize {
        self.done
    }
}

impl Sink for SliceSink<'_> {
    fn remaining(&self) -> usize {
        self.buf.len() - self.done
    }
    fn put(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.remaining());
        self.buf[self.done..self.done + n].copy_from_slice(&bytes[..n]);
        self.done += n;
        n
    }
    fn faulted(&self) -> bool {
        false
    }
}

/// A [`Source`] over kernel memory; never faults.
#[derive(Debug)]
pub struct SliceSource<'a> {
    rest: &'a [u8],
}

impl<'a> SliceSource<'a> {
    /// Takes from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        SliceSource { rest: bytes }
    }
}

impl Source for SliceSource<'_> {
    fn remaining(&self) -> usize {
        self.rest.len()
    }
    fn take(&mut self, bytes: &mut [u8]) -> usize {
        let n = bytes.len().min(self.rest.len());
        let (now, rest) = self.rest.split_at(n);
        bytes[..n].copy_from_slice(now);
        self.rest = rest;
        n
    }
    fn faulted(&self) -> bool {
        false
    }
}
