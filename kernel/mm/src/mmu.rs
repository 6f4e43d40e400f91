//! What `hw` gives to this crate: page tables and shootdown. It registers one [`Mmu`] at bring-up.
//!
//! The tree of tables itself is here ([`radix::Tree`]), since it is the same for every machine with four levels of
//! 512 entries; a machine describes its entries by [`radix::Encoding`] and switches tables and flushes by [`Mmu`].

pub mod radix;

use crate::OutOfMemory;
use crate::cpu::CpuSet;
use alloc::boxed::Box;
use bitflags::bitflags;
use core::ops::Range;
use osv_base::{PhysAddr, VirtAddr};
use spin::Once;

bitflags! {
    /// What an entry allows. Application and kernel share a privilege level, so "user" is not among it.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
    pub struct Pte: u8 {
        /// Accesses succeed. Without it the entry keeps its frame, and every access faults (PROT_NONE).
        const READ = 1;
        /// Writes succeed.
        const WRITE = 2;
        /// Instructions are fetched from it.
        const EXEC = 4;
        /// Kept in a bit that the machine ignores: private anonymous memory (or a private copy), not an object's.
        const ANON = 8;
        /// The machine saw a write through this entry.
        const DIRTY = 16;
        /// The machine saw an access through this entry.
        const ACCESSED = 32;
    }
}

/// How much an entry maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Size {
    /// 4 KiB.
    Small,
    /// 2 MiB.
    Huge,
}

impl Size {
    /// In bytes.
    pub const fn bytes(self) -> u64 {
        match self {
            Size::Small => 4096,
            Size::Huge => 2 << 20,
        }
    }
    /// In frames.
    pub const fn frames(self) -> usize {
        (self.bytes() / 4096) as usize
    }
}

/// One entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where the page begins.
    pub phys: PhysAddr,
    /// How much it maps.
    pub size: Size,
    /// What it allows.
    pub flags: Pte,
}

/// One set of page tables: the lower half of an address space. The upper half is the kernel's, the same in all.
///
/// Addresses are aligned to the size that they speak of. A huge entry that a range meets in part is visited, and
/// changed, whole; whoever minds calls [`PageTable::split`] first. No operation flushes; the caller shoots down, then calls [`PageTable::reap`].
pub trait PageTable: Send {
    /// What to load to make it the active one.
    fn root(&self) -> PhysAddr;
    /// The entry that maps `at`.
    fn query(&self, at: u64) -> Option<Entry>;
    /// Maps what is not mapped. Fails for want of a table.
    fn map(&mut self, at: u64, entry: Entry) -> Result<(), OutOfMemory>;
    /// Maps what is not mapped; `false`, and no change, where something is.
    fn map_if_vacant(&mut self, at: u64, entry: Entry) -> Result<bool, OutOfMemory>;
    /// Makes the tables that a small entry at `at` needs, so that mapping it later does not fail.
    fn prepare(&mut self, at: u64) -> Result<(), OutOfMemory>;
    /// Whether nothing is mapped in the 2 MiB from `at`.
    fn is_vacant(&self, at: u64) -> bool;
    /// Visits the entries in `range` in order; what `visit` returns becomes the entry: the same, changed, or none.
    fn update(&mut self, range: Range<u64>, visit: &mut dyn FnMut(u64, Entry) -> Option<Entry>);
    /// Visits the entries in `range` in order.
    fn visit(&self, range: Range<u64>, visit: &mut dyn FnMut(u64, Entry));
    /// Makes the huge entry at `at`, if there is one, into small ones of the same frames and flags.
    fn split(&mut self, at: u64) -> Result<(), OutOfMemory>;
    /// Whether small entries map all of the 2 MiB from `at`.
    fn is_full(&self, at: u64) -> bool;
    /// Puts a huge entry in the place of the small ones that map all of the 2 MiB from `at`.
    fn join(&mut self, at: u64, entry: Entry);
    /// Whether tables wait for [`PageTable::reap`]. CPUs may still walk them: shoot something down first, even where
    /// no entry went.
    fn has_emptied(&self) -> bool;
    /// Frees the tables that `update` emptied and `join` replaced; after the shootdown.
    fn reap(&mut self);
    /// Frames that tables take (VmPTE).
    fn tables(&self) -> usize;
}

/// The machine's memory management unit.
pub trait Mmu: Sync {
    /// Empty tables (their upper half is the kernel's).
    fn new_table(&self) -> Result<Box<dyn PageTable>, OutOfMemory>;
    /// Forgets what this CPU knows of the page at `at` of the active address space.
    fn flush_here(&self, at: u64);
    /// No CPU of `cpus` (bit n for CPU n) uses an old translation of `range` of the lower half when this returns; all
    /// of it when `range` is long. Called with interrupts on and no spin lock held. A CPU adds itself to the address
    /// space's set before it loads its root and leaves the set after it loaded another.
    fn shoot_down(&self, cpus: &CpuSet, range: Range<u64>);
    /// Maps a page of the kernel's dynamic area, which lies in the upper half and is the same in all address spaces;
    /// unmaps it for `None`, without a flush.
    fn map_kernel(&self, at: VirtAddr, entry: Option<Entry>) -> Result<(), OutOfMemory>;
    /// As `shoot_down`, of kernel addresses on every CPU.
    fn shoot_down_kernel(&self, range: Range<u64>);
    /// Addresses for the kernel's dynamic area (stacks with guard pages, large buffers): at least 1 GiB.
    fn kernel_area(&self) -> Range<u64>;
}

static MMU: Once<&'static dyn Mmu> = Once::new();

/// Registers the machine's. The first registration stays.
pub fn register(mmu: &'static dyn Mmu) {
    MMU.call_once(|| mmu);
}

/// The registered one; on a host, a simulated one.
///
/// # Panics
/// In the guest, before bring-up registered one.
#[inline]
pub fn mmu() -> &'static dyn Mmu {
    #[cfg(any(test, feature = "std"))]
    return *MMU.call_once(|| &host::HostMmu);
    #[cfg(not(any(test, feature = "std")))]
    *MMU.get().expect("hw registers before the first address space")
}

#[cfg(any(test, feature = "std"))]
pub mod host;
#[cfg(test)]
mod tests;
