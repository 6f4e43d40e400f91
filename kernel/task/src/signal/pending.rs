//! A queue of signals.
//!
//! A standard signal is in it once, a real-time signal as often as it was sent. Lower numbers go first, those of one
//! number in order of sending, and signals that a fault raised before all others.

use super::set::SigSet;
use alloc::collections::VecDeque;
use osv_abi::uapi::signal::{Siginfo, sig};

/// What waits to be delivered.
#[derive(Debug, Default)]
pub struct Pending {
    set: SigSet,
    infos: VecDeque<Siginfo>,
}

impl Pending {
    /// Nothing.
    pub const fn new() -> Self {
        Pending { set: SigSet::EMPTY, infos: VecDeque::new() }
    }

    /// Which signals wait.
    pub fn set(&self) -> SigSet {
        self.set
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.infos.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    /// Adds one; `false` when it is a standard signal that waits already. A real-time signal that finds `limit` of
    /// them queued or no memory for its details is refused with `None`.
    pub fn push(&mut self, info: Siginfo, limit: usize) -> Option<bool> {
        let signo = info.signo.cast_unsigned();
        if signo < sig::RTMIN && self.set.has(signo) {
            return Some(false);
        }
        if signo >= sig::RTMIN && self.infos.len() >= limit || self.infos.try_reserve(1).is_err() {
            return None;
        }
        self.set = self.set.with(signo);
        self.infos.push_back(info);
        Some(true)
    }

    /// Takes out the next signal that is a member of `wanted`.
    pub fn take(&mut self, wanted: SigSet) -> Option<Siginfo> {
        let candidates = self.set.and(wanted);
        let signo = candidates.and(SigSet::SYNCHRONOUS).first().or(candidates.first())?;
        let is_it = |info: &Siginfo| info.signo.cast_unsigned() == signo;
        let at = self.infos.iter().position(is_it)?;
        let info = self.infos.remove(at)?;
        if !self.infos.iter().any(is_it) {
            self.set = self.set.without(signo);
        }
        Some(info)
    }

    /// Puts back what [`Pending::take`] gave, to be the first of its number again. There is room: it had some.
    pub fn put_back(&mut self, info: Siginfo) {
        self.set = self.set.with(info.signo.cast_unsigned());
        self.infos.push_front(info);
    }

    /// Drops all that are members of `unwanted`.
    pub fn discard(&mut self, unwanted: SigSet) {
        self.set = self.set.minus(unwanted);
        self.infos.retain(|info| !unwanted.has(info.signo.cast_unsigned()));
    }
}

#[cfg(test)]
mod tests;
