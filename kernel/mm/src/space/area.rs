//! An area: a range of an address space with one protection and one thing behind it.

use super::map::ACCESS;
use crate::mmu::Pte;
use crate::pager::Pager;
use alloc::sync::Arc;
use bitflags::bitflags;
use core::ops::Range;
use osv_abi::uapi::memory::Prot;

bitflags! {
    /// What is special about an area.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct AreaFlags: u32 {
        /// Writes reach the object.
        const SHARED = 1;
        /// Grows down when touched below its start.
        const GROWSDOWN = 2;
        /// Stays in memory (mlock).
        const LOCKED = 4;
        /// Not counted against memory.
        const NORESERVE = 8;
        /// For a thread's stack: never made of huge pages.
        const STACK = 16;
        /// Huge pages wanted.
        const HUGE = 32;
        /// Huge pages not wanted.
        const NOHUGE = 64;
        /// Not inherited by fork.
        const DONTFORK = 128;
        /// Zeros in a forked child.
        const WIPEONFORK = 256;
        /// Left out of core dumps.
        const DONTDUMP = 512;
        /// The heap of brk(2).
        const BRK = 1024;
        /// Stays mapped and protected as it is (mseal).
        const SEALED = 2048;
        /// The memory policy of mbind(2): see [`AreaFlags::policy`].
        const POLICY = 0xffff_0000;
    }
}

impl AreaFlags {
    /// The number that [`AreaFlags::with_policy`] put in; 0: none.
    pub fn policy(self) -> u16 {
        (self.bits() >> 16) as u16
    }

    /// With a memory policy, which is kept for who asks for it.
    pub fn with_policy(self, policy: u16) -> AreaFlags {
        (self - AreaFlags::POLICY) | AreaFlags::from_bits_retain(u32::from(policy) << 16)
    }
}

/// What the bytes of an area are at first.
#[derive(Clone)]
pub enum Backing {
    /// Zeros.
    Anonymous,
    /// An object's, from this byte on.
    Object {
        /// The object.
        pager: Arc<dyn Pager>,
        /// Offset of the area's first byte.
        offset: u64,
    },
}

/// A mapping.
#[derive(Clone)]
pub struct Area {
    /// First address, and the one behind the last; multiples of 4096.
    pub range: Range<u64>,
    /// What may be done.
    pub prot: Prot,
    /// What mprotect may allow.
    pub max_prot: Prot,
    /// What is special.
    pub flags: AreaFlags,
    /// What is behind it.
    pub backing: Backing,
}

/// Kept free below an area that grows down (256 pages, as Linux).
pub(super) const STACK_GAP: u64 = 256 * 4096;

impl Area {
    /// In bytes.
    pub fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Start of what it claims, the stack gap included.
    pub(super) fn claimed_start(&self) -> u64 {
        if self.flags.contains(AreaFlags::GROWSDOWN) {
            self.range.start.saturating_sub(STACK_GAP)
        } else {
            self.range.start
        }
    }

    /// Whether writes reach the object.
    pub fn is_shared(&self) -> bool {
        self.flags.contains(AreaFlags::SHARED)
    }

    /// Whether it is private memory without an object.
    pub(super) fn is_anonymous(&self) -> bool {
        matches!(self.backing, Backing::Anonymous)
    }

    /// Private and writable: may come to need memory for every page.
    pub(super) fn is_committed(&self) -> bool {
        !self.is_shared() && self.prot.contains(Prot::WRITE) && !self.flags.contains(AreaFlags::NORESERVE)
    }

    /// Private memory that nobody may use yet.
    pub(super) fn is_reservation(&self) -> bool {
        self.is_anonymous() && !self.is_shared() && !self.prot.intersects(ACCESS)
    }

    /// What entries of the area allow at most, but for copy on write and dirty tracking.
    pub(super) fn pte(&self) -> Pte {
        let mut pte = Pte::empty();
        // As on x86: what may be written or executed can be read.
        pte.set(Pte::READ, self.prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC));
        pte.set(Pte::WRITE, self.prot.contains(Prot::WRITE));
        pte.set(Pte::EXEC, self.prot.contains(Prot::EXEC));
        // Set now, the machine need not set them at the access that faulted.
        pte.insert(Pte::ACCESSED);
        pte.set(Pte::DIRTY, pte.contains(Pte::WRITE));
        pte
    }

    /// Index of the object's page behind `at`.
    pub(super) fn index_of(&self, at: u64) -> u64 {
        match &self.backing {
            Backing::Anonymous => 0,
            Backing::Object { offset, .. } => (offset + (at - self.range.start)) / 4096,
        }
    }

    /// Cuts off and returns what lies from `at` on, strictly inside.
    pub(super) fn split_off(&mut self, at: u64) -> Area {
        let mut upper = self.clone();
        if let Backing::Object { offset, .. } = &mut upper.backing {
            *offset += at - self.range.start;
        }
        upper.range.start = at;
        self.range.end = at;
        upper
    }

    /// Whether `next`, which begins where this ends, continues it.
    pub(super) fn continues_in(&self, next: &Area) -> bool {
        self.range.end == next.range.start
            && self.prot == next.prot
            && self.max_prot == next.max_prot
            && self.flags == next.flags
            && match (&self.backing, &next.backing) {
                (Backing::Anonymous, Backing::Anonymous) => true,
                (Backing::Object { pager: a, offset: from }, Backing::Object { pager: b, offset: to }) => {
                    (Arc::ptr_eq(a, b) || a.object() == b.object())
                        && from.checked_add(self.bytes()) == Some(*to)
                }
                _ => false,
            }
    }
}

impl core::fmt::Debug for Area {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:x}-{:x} {:?} {:?}", self.range.start, self.range.end, self.prot, self.flags)?;
        match &self.backing {
            Backing::Anonymous => Ok(()),
            Backing::Object { pager, offset } => write!(f, " {:?}+{offset:#x}", pager.object()),
        }
    }
}
