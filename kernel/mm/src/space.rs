//! Address spaces: one for each process, the lower half of memory.
//!
//! An [`AddressSpace`] is a tree of [`area`]s (what mmap(2) made) and a set of page tables (what was touched). A
//! fault looks the area up and fills one entry, or more where that pays.
//!
//! Locks: a sleeping one with readers guards the whole; it is held over neither a wait for an object's page nor a copy
//! that can fault. Whoever changes areas, or takes entries or rights away, holds it alone. A fault that adds an entry
//! or rights holds it with others, gets and fills its frame, and then enters it under a second lock, which spins and
//! is held for a few entries at most. What takes an entry away in a fault (copy on write) is done alone, too, so that
//! no spin lock is held over a shootdown.
//!
//! Entries and frames: each entry holds one count of each of its frames. Private memory has [`Pte::ANON`] and is
//! writable in the tables only while its frame has no other holder, so the first write after fork(2) or to a page of
//! the page cache faults and copies. Shared mappings become writable at the first write, which tells the pager.
//!
//! Law 8: whatever takes permission away (unmap, protect, copy on write, fork) goes through [`gather`], which frees
//! frames only after every CPU forgot them.

mod advise;
mod anonymous;
pub mod area;
mod areas;
mod brk;
mod exchange;
mod fault;
mod forget;
mod fork;
mod gather;
mod join;
mod layout;
mod map;
mod protect;
mod remap;
mod report;
mod revoke;
mod seal;
#[cfg(test)]
mod tests;

pub use anonymous::SharedMemory;
pub use exchange::FutexKey;
pub use fault::{Access, Outcome};
pub use forget::forget_backed;
pub use layout::Layout;
pub use map::Object;
pub use report::{AreaReport, SpaceCounts};

use crate::OutOfMemory;
use crate::cpu::CpuSet;
use crate::frame;
use crate::mmu::{self, Entry, PageTable, Pte, Size};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use area::Backing;
use areas::Areas;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use gather::Gather;
use osv_abi::mem::USER_END;
use osv_base::PhysAddr;
use osv_sync::{RwLock, SpinLock};

/// Lowest address that anything is mapped at (vm.mmap_min_addr): page 0 never is.
pub const MIN_ADDR: u64 = 0x1_0000;
/// Most areas of an address space (vm.max_map_count).
pub const MAX_AREAS: usize = 65_530;

const PAGE: u64 = 4096;
const HUGE: u64 = 2 << 20;

/// A process's memory.
pub struct AddressSpace {
    id: u64,
    this: Weak<AddressSpace>,
    root: PhysAddr,
    cpus: CpuSet,
    /// Limits of setrlimit(2), in bytes.
    pub limits: Limits,
    /// Its place among all; `usize::MAX` for none.
    noted_at: AtomicUsize,
    inner: RwLock<Inner>,
}

/// Resource limits of an address space, in bytes; `u64::MAX`: none.
#[derive(Debug)]
pub struct Limits {
    /// RLIMIT_AS.
    pub address_space: AtomicU64,
    /// RLIMIT_DATA.
    pub data: AtomicU64,
    /// RLIMIT_STACK: how far an area that grows down may grow.
    pub stack: AtomicU64,
}

struct Inner {
    areas: Areas,
    pages: SpinLock<Mapped>,
    layout: Layout,
    brk: Range<u64>,
    lock_future: bool,
}

/// What is mapped, and how much of what.
struct Mapped {
    table: Box<dyn PageTable>,
    counts: SpaceCounts,
}

impl AddressSpace {
    /// An empty one, with addresses drawn at random.
    pub fn new() -> Result<Arc<AddressSpace>, OutOfMemory> {
        AddressSpace::with_layout(Layout::random(8 << 20))
    }

    /// An empty one with these addresses.
    pub fn with_layout(layout: Layout) -> Result<Arc<AddressSpace>, OutOfMemory> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let table = mmu::mmu().new_table()?;
        let root = table.root();
        let space = Arc::new_cyclic(|this| AddressSpace {
            this: this.clone(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            root,
            cpus: CpuSet::new(),
            limits: Limits {
                address_space: AtomicU64::new(u64::MAX),
                data: AtomicU64::new(u64::MAX),
                stack: AtomicU64::new(8 << 20),
            },
            noted_at: AtomicUsize::new(usize::MAX),
            inner: RwLock::new(Inner {
                areas: Areas::new(),
                pages: SpinLock::new(Mapped { table, counts: SpaceCounts::default() }),
                layout,
                brk: 0..0,
                lock_future: false,
            }),
        });
        forget::note(&space)?;
        Ok(space)
    }

    /// What a CPU loads to run in it (CR3 on x86).
    #[inline]
    pub fn root(&self) -> PhysAddr {
        self.root
    }

    /// The CPUs that may know its translations. A CPU enters the set before it loads the root, and leaves it after it
    /// loaded another.
    #[inline]
    pub fn cpus(&self) -> &CpuSet {
        &self.cpus
    }

    /// Unlike that of any other address space.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Addresses that exec places things at.
    pub fn layout(&self) -> Layout {
        self.inner.read().layout
    }

    /// Unmaps everything: before exec(2) loads another program, and at a process's end.
    pub fn clear(&self) {
        let mut inner = self.inner.write();
        let mut gather = Gather::new(&self.cpus);
        inner.discard(0..USER_END, &mut gather);
        inner.settle(&mut gather, 0);
        // A file's list would keep this address space's memory, and be searched at each mapping.
        for area in inner.areas.overlapping(0..USER_END) {
            if let Backing::Object { pager, .. } = &area.backing
                && let Some(mappings) = pager.mappings()
            {
                mappings.remove(&self.this);
            }
        }
        inner.areas = Areas::new();
        inner.brk = 0..0;
        inner.lock_future = false;
        inner.pages.get_mut().counts = SpaceCounts::default();
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        self.clear();
        forget::unnote(self);
    }
}

impl core::fmt::Debug for AddressSpace {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AddressSpace({})", self.id)
    }
}

impl Inner {
    /// The tables, for who has all of this alone.
    fn table(&mut self) -> &mut dyn PageTable {
        &mut *self.pages.get_mut().table
    }

    /// The counts, for who has all of this alone.
    fn counts(&mut self) -> &mut SpaceCounts {
        &mut self.pages.get_mut().counts
    }

    /// Takes every entry of `range` out of the tables; huge ones must have been cut at its ends.
    fn discard(&mut self, range: Range<u64>, gather: &mut Gather<'_>) {
        let Mapped { table, counts } = self.pages.get_mut();
        table.update(range, &mut |at, entry| {
            counts.leaves(&entry);
            gather.removed(at, entry);
            None
        });
    }

    /// Shoots down what was gathered, about `at` and more, and frees frames and tables.
    fn settle(&mut self, gather: &mut Gather<'_>, at: u64) {
        if self.table().has_emptied() {
            gather.narrowed(at, Size::Small);
        }
        gather.flush();
        self.table().reap();
    }

    /// Makes both ends of `range` boundaries between entries.
    fn cut_entries(&mut self, range: &Range<u64>) -> Result<(), OutOfMemory> {
        for at in [range.start, range.end] {
            if !at.is_multiple_of(HUGE) {
                self.table().split(at)?;
            }
        }
        Ok(())
    }

    /// Makes both ends of `range` boundaries between areas and entries.
    fn cut(&mut self, range: &Range<u64>) -> Result<(), OutOfMemory> {
        self.areas.reserve(2)?;
        self.cut_entries(range)?;
        self.areas.cut(range.start);
        self.areas.cut(range.end);
        Ok(())
    }

    /// Joins areas across both ends of `range` and every boundary inside, where they continue each other.
    fn join(&mut self, range: &Range<u64>) {
        let mut at = range.start;
        self.areas.join(at);
        while let Some(next) = self.areas.at_or_after(at).map(|a| a.range.end).filter(|end| *end <= range.end)
        {
            self.areas.join(next);
            at = next;
        }
    }

    /// Whether all of `range` is mapped.
    fn is_mapped(&self, range: &Range<u64>) -> bool {
        let mut at = range.start;
        while at < range.end {
            match self.areas.find(at) {
                Some(area) => at = area.range.end,
                None => return false,
            }
        }
        true
    }

    /// Whether nothing claims any of `range`.
    fn is_hole(&self, range: &Range<u64>) -> bool {
        self.areas.at_or_after(range.start).is_none_or(|area| area.range.start >= range.end)
    }
}

/// Whether private memory's frames have this one holder, so that it may write them.
fn is_exclusive(entry: &Entry) -> bool {
    entry.flags.contains(Pte::ANON)
        && (0..entry.size.frames() as u64).all(|i| frame::holders(entry.phys.offset(i * PAGE)) == Some(1))
}

/// A page-aligned range; `None` when it wraps.
fn pages(start: u64, len: u64) -> Option<Range<u64>> {
    let end = start.checked_add(len.checked_add(PAGE - 1)? & !(PAGE - 1))?;
    Some(start..end)
}
