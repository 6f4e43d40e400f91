//! Phase *tls*: which module gets which place below the thread pointer (variant II of the TLS ABI).

use crate::elf::{PAGE, align_up};
use crate::error::Error;
use crate::input::TlsSegment;
use alloc::vec::Vec;

/// An object's TLS module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its number, from 1.
    pub number: usize,
    /// How far below the thread pointer the block starts; `None`: allocated at first use, for each thread.
    pub offset: Option<u64>,
    /// What of the static area was given away before.
    used_before: u64,
}

/// The static TLS area of every thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticTls {
    /// Bytes below the thread pointer that are given away.
    pub used: u64,
    /// Once sealed: all there will ever be.
    pub limit: Option<u64>,
    /// Largest alignment asked for.
    pub align: u64,
    /// The highest number given so far.
    pub modules: usize,
    /// Numbers below it that are free again.
    free: Vec<usize>,
}

/// Modules that a process can have: each thread has a vector with a place for each.
pub const MOST_MODULES: usize = 512;

/// Room for modules of libraries loaded at run time that need static TLS.
pub const SURPLUS: u64 = 16 << 10;

impl StaticTls {
    /// A place for `segment` directly below what is given away.
    fn offset(&self, segment: &TlsSegment) -> Option<u64> {
        // The block starts at tp - offset, which must be congruent to the image's address.
        let skew = segment.image.vaddr.wrapping_neg() & (segment.align - 1);
        let least = self.used.checked_add(segment.size)?;
        align_up(least.saturating_sub(skew), segment.align)?
            .checked_add(skew)
            .filter(|offset| *offset >= least)
            .or_else(|| align_up(least, segment.align)?.checked_add(skew))
    }

    /// Gives `segment` a number and, if `fixed`, a place.
    pub fn place(&mut self, segment: &TlsSegment, fixed: bool) -> Result<Module, Error> {
        let used_before = self.used;
        if self.free.is_empty() && self.modules >= MOST_MODULES {
            return Err(Error::TlsModules);
        }
        let offset = if fixed {
            let offset = self.offset(segment).ok_or(Error::Malformed("TLS size"))?;
            let too_late = self.limit.is_some_and(|limit| offset > limit || segment.align > self.align);
            if too_late || offset > 1 << 32 {
                return Err(Error::StaticTls);
            }
            self.used = offset;
            self.align = self.align.max(segment.align);
            Some(offset)
        } else {
            None
        };
        let number = self.free.pop().unwrap_or_else(|| {
            self.modules += 1;
            self.modules
        });
        Ok(Module { number, offset, used_before })
    }

    /// Takes a module's number back and, if nothing was placed below it since, its place.
    pub fn release(&mut self, module: Module) {
        self.free.push(module.number);
        if module.offset.is_some_and(|offset| offset == self.used) {
            self.used = module.used_before;
        }
    }

    /// Ends start-up: fixes the size of the area, with surplus for later.
    pub fn seal(&mut self) {
        self.align = self.align.max(64);
        self.limit = align_up(self.used + SURPLUS, self.align.min(PAGE));
    }
}
