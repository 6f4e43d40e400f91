//! Cursors over the application's buffers for the crates below: they copy without faulting, so that they may be
//! used under locks.

use crate::transfer::Cursor;
use osv_abi::UserAddr;
use osv_abi::arg::{InBuf, OutBuf};
use osv_abi::uapi::IoVec;
use osv_base::io::{Sink, Source};
use osv_hw::usercopy;

/// The buffers of one call, in order, and how far they are done.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    /// The buffer in hand.
    addr: UserAddr,
    left: usize,
    /// Those behind it.
    rest: &'a [IoVec],
    /// Bytes in `left` and `rest` together.
    remaining: usize,
    /// Where the last copy stopped, when it stopped short.
    fault: Option<UserAddr>,
}

impl<'a> Segments<'a> {
    /// One buffer.
    #[inline]
    pub const fn one(addr: UserAddr, len: usize) -> Self {
        Segments { addr, left: len, rest: &[], remaining: len, fault: None }
    }

    /// Several, whose lengths were checked to add up ([`crate::Cx::read_iovecs`] does).
    pub fn many(vectors: &'a [IoVec]) -> Self {
        let remaining = vectors.iter().map(|v| v.len as usize).sum();
        Segments { addr: UserAddr::NULL, left: 0, rest: vectors, remaining, fault: None }
    }

    /// The next piece to copy, at most `want` bytes; `None` at the end.
    fn piece(&mut self, want: usize) -> Option<(UserAddr, usize)> {
        while self.left == 0 {
            let (first, rest) = self.rest.split_first()?;
            (self.addr, self.left, self.rest) = (UserAddr(first.base), first.len as usize, rest);
        }
        Some((self.addr, self.left.min(want)))
    }

    /// Ends after `bytes` more.
    fn limit(&mut self, bytes: usize) {
        self.remaining = self.remaining.min(bytes);
    }

    fn advance(&mut self, bytes: usize) {
        self.addr = self.addr.add(bytes);
        self.left -= bytes;
        self.remaining -= bytes;
    }

    fn copy(&mut self, total: usize, mut step: impl FnMut(UserAddr, usize, usize) -> usize) -> usize {
        let total = total.min(self.remaining);
        let mut done = 0;
        while done < total && self.fault.is_none() {
            let Some((addr, len)) = self.piece(total - done) else { break };
            let copied = step(addr, done, len);
            self.advance(copied);
            done += copied;
            if copied < len {
                self.fault = Some(addr.add(copied));
            }
        }
        done
    }
}

/// Where the bytes of a read go: the application's buffers.
#[derive(Debug)]
pub struct UserSink<'a>(pub(crate) Segments<'a>);

impl<'a> UserSink<'a> {
    /// Over the buffers `to`.
    #[inline]
    pub const fn new(to: Segments<'a>) -> Self {
        UserSink(to)
    }
    /// Over one buffer.
    #[inline]
    pub const fn of(buf: OutBuf) -> Self {
        UserSink(Segments::one(buf.addr, buf.len))
    }
}

impl Cursor for UserSink<'_> {
    #[inline]
    fn fault(&self) -> Option<UserAddr> {
        self.0.fault
    }
    #[inline]
    fn clear_fault(&mut self) {
        self.0.fault = None;
    }
}

impl Sink for UserSink<'_> {
    fn remaining(&self) -> usize {
        self.0.remaining
    }
    fn put(&mut self, bytes: &[u8]) -> usize {
        self.0.copy(bytes.len(), |addr, at, len| usercopy::copy_out_nofault(addr, &bytes[at..at + len]))
    }
    fn faulted(&self) -> bool {
        self.0.fault.is_some()
    }
}

/// Where the bytes of a write come from: the application's buffers.
#[derive(Debug)]
pub struct UserSource<'a>(pub(crate) Segments<'a>);

impl<'a> UserSource<'a> {
    /// Over the buffers `from`.
    #[inline]
    pub const fn new(from: Segments<'a>) -> Self {
        UserSource(from)
    }
    /// Over one buffer.
    #[inline]
    pub const fn of(buf: InBuf) -> Self {
        UserSource(Segments::one(buf.addr, buf.len))
    }
    /// Gives `bytes` more at most.
    pub(crate) fn limit(&mut self, bytes: usize) {
        self.0.limit(bytes);
    }
}

impl Cursor for UserSource<'_> {
    #[inline]
    fn fault(&self) -> Option<UserAddr> {
        self.0.fault
    }
    #[inline]
    fn clear_fault(&mut self) {
        self.0.fault = None;
    }
}

impl Source for UserSource<'_> {
    fn remaining(&self) -> usize {
        self.0.remaining
    }
    fn take(&mut self, bytes: &mut [u8]) -> usize {
        let total = bytes.len();
        self.0.copy(total, |addr, at, len| usercopy::copy_in_nofault(&mut bytes[at..at + len], addr))
    }
    fn faulted(&self) -> bool {
        self.0.fault.is_some()
    }
}
