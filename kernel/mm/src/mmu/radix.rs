//! Page tables as a tree of four levels with 512 entries each, in frames reached through the direct map.
//!
//! A table's frame record counts its entries in use, so a table that becomes empty is found without a scan. It is
//! taken out at once but freed only by [`PageTable::reap`], after the shootdown: until then a CPU may still walk it.
//! Waiting tables are chained through their records.
//!
//! Entries are written whole and atomically: the machine walks the tables at the same time, and sets accessed and
//! dirty bits. The one writer of an address space's tables is the holder of its lock (`&mut self`).

use super::{Entry, PageTable, Size};
use crate::OutOfMemory;
use crate::frame::{self, Frame, Use, direct};
use core::marker::PhantomData;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::PhysAddr;

/// How a machine writes entries. Zero is an empty entry.
pub trait Encoding: Send + 'static {
    /// A page. Without [`Pte::READ`]: not present for the machine, but not zero, and decoded alike.
    fn leaf(entry: Entry) -> u64;
    /// A table one level down; allows everything.
    fn table(phys: PhysAddr) -> u64;
    /// What an entry, not zero, of level `level` (1: of small pages, 2: of huge pages or tables) is.
    fn decode(raw: u64, level: u8) -> Node;
}

/// A decoded entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Node {
    /// Maps a page.
    Leaf(Entry),
    /// Points to a table.
    Table(PhysAddr),
}

/// A tree of tables.
#[derive(Debug)]
pub struct Tree<E: Encoding> {
    root: PhysAddr,
    tables: usize,
    /// Frame number of the first emptied table; 0: none. The next one's number is in the record's `link`.
    emptied: u32,
    _encoding: PhantomData<fn() -> E>,
}

const fn shift(level: u8) -> u32 {
    12 + 9 * (level as u32 - 1)
}

const fn index(at: u64, level: u8) -> usize {
    (at >> shift(level)) as usize & 511
}

/// The entries of the table in `phys`.
fn entries<'a>(phys: PhysAddr) -> &'a [AtomicU64; 512] {
    // SAFETY: only called with addresses of table frames, which the tree owns until `reap` or its end; entries are
    // only ever accessed atomically.
    unsafe { &*direct::pointer(phys).cast() }
}

fn count(phys: PhysAddr, change: i32) -> u32 {
    match frame::record_of(phys) {
        Some(record) => {
            let now = record.count.load(Ordering::Relaxed).wrapping_add_signed(change);
            record.count.store(now, Ordering::Relaxed);
            now
        }
        // A root that hw made before the allocator: never empty.
        None => 512,
    }
}

/// The first entry in use from `from` on, and its place. Most entries of most tables are empty.
#[inline]
fn next_used(slots: &[AtomicU64], mut from: usize) -> Option<(usize, u64)> {
    const AT_ONCE: usize = 8;
    let load = |slot: &AtomicU64| slot.load(Ordering::Relaxed);
    loop {
        let raw = load(slots.get(from)?);
        if raw != 0 {
            return Some((from, raw));
        }
        from += 1;
        while from.is_multiple_of(AT_ONCE)
            && let Some(some) = slots.get(from..from + AT_ONCE)
            && some.iter().fold(0, |all, slot| all | load(slot)) == 0
        {
            from += AT_ONCE;
        }
    }
}

impl<E: Encoding> Tree<E> {
    /// Tables whose top level is a copy of the kernel's entries `upper` (index and raw value).
    pub fn new(upper: impl Iterator<Item = (usize, u64)>) -> Result<Self, OutOfMemory> {
        let root = Frame::zeroed(Use::Kernel)?.into_phys();
        for (index, raw) in upper {
            entries(root)[index & 511].store(raw, Ordering::Relaxed);
        }
        Ok(Tree { root, tables: 1, emptied: 0, _encoding: PhantomData })
    }

    /// Table of `level` on the way to `at`.
    #[inline]
    fn table(&self, at: u64, level: u8) -> Option<PhysAddr> {
        let mut table = self.root;
        let mut here = 4;
        while here > level {
            match entries(table)[index(at, here)].load(Ordering::Relaxed) {
                0 => return None,
                raw => match E::decode(raw, here) {
                    Node::Table(next) => table = next,
                    Node::Leaf(_) => return None,
                },
            }
            here -= 1;
        }
        Some(table)
    }

    /// As `table`, making what lacks; `None` where a leaf is on the way.
    #[inline]
    fn table_or_new(&mut self, at: u64, level: u8) -> Result<Option<PhysAddr>, OutOfMemory> {
        let mut table = self.root;
        let mut here = 4;
        while here > level {
            let slot = &entries(table)[index(at, here)];
            match slot.load(Ordering::Relaxed) {
                0 => {
                    let new = Frame::zeroed(Use::Kernel)?.into_phys();
                    self.tables += 1;
                    slot.store(E::table(new), Ordering::Release);
                    count(table, 1);
                    table = new;
                }
                raw => match E::decode(raw, here) {
                    Node::Table(next) => table = next,
                    Node::Leaf(_) => return Ok(None),
                },
            }
            here -= 1;
        }
        Ok(Some(table))
    }

    /// Visits the entries of `range`, which is not empty, below `table`; `true` when the table has become empty.
    fn update_table(
        &mut self,
        table: PhysAddr,
        level: u8,
        range: Range<u64>,
        visit: &mut dyn FnMut(u64, Entry) -> Option<Entry>,
    ) -> bool {
        let span = 1u64 << shift(level);
        let base = range.start & !((span << 9) - 1);
        let slots = entries(table);
        let (mut from, to) = (index(range.start, level), index(range.end - 1, level) + 1);
        let mut removed = 0;
        // When as many were seen as there are in all, the rest is empty.
        let mut unseen = if table == self.root { u32::MAX } else { count(table, 0) };
        while unseen > 0
            && let Some((used, raw)) = next_used(&slots[..to], from)
        {
            from = used + 1;
            unseen -= 1;
            let (slot, at) = (&slots[used], base + used as u64 * span);
            match E::decode(raw, level) {
                Node::Leaf(entry) => match visit(at, entry) {
                    Some(new) if new == entry => {}
                    Some(new) => slot.store(E::leaf(new), Ordering::Release),
                    None => {
                        slot.store(0, Ordering::Release);
                        removed += 1;
                    }
                },
                Node::Table(below) => {
                    let part = range.start.max(at)..range.end.min(at + span);
                    if self.update_table(below, level - 1, part, visit) {
                        slot.store(0, Ordering::Release);
                        removed += 1;
                        self.empty(below);
                    }
                }
            }
        }
        table != self.root && count(table, -removed) == 0
    }

    fn visit_table(&self, table: PhysAddr, level: u8, range: Range<u64>, visit: &mut dyn FnMut(u64, Entry)) {
        let span = 1u64 << shift(level);
        let base = range.start & !((span << 9) - 1);
        let slots = entries(table);
        let (mut from, to) = (index(range.start, level), index(range.end - 1, level) + 1);
        while let Some((used, raw)) = next_used(&slots[..to], from) {
            from = used + 1;
            let at = base + used as u64 * span;
            match E::decode(raw, level) {
                Node::Leaf(entry) => visit(at, entry),
                Node::Table(below) => {
                    let part = range.start.max(at)..range.end.min(at + span);
                    self.visit_table(below, level - 1, part, visit);
                }
            }
        }
    }

    /// Chains a table that is out of the tree.
    fn empty(&mut self, table: PhysAddr) {
        if let Some(record) = frame::record_of(table) {
            record.link.store(u64::from(self.emptied), Ordering::Relaxed);
            self.emptied = table.page() as u32;
        }
    }

    /// Frees everything below `table`, which no CPU walks any more.
    fn free_table(&mut self, table: PhysAddr, level: u8, end: usize) {
        if level > 1 {
            for slot in &entries(table)[..end] {
                let raw = slot.load(Ordering::Relaxed);
                if raw != 0
                    && let Node::Table(below) = E::decode(raw, level)
                {
                    self.free_table(below, level - 1, 512);
                }
            }
        }
        // SAFETY: the tree gave this frame's count up when it made the table, and forgets it here.
        drop(unsafe { Frame::from_phys(table) });
    }
}

impl<E: Encoding> PageTable for Tree<E> {
    fn root(&self) -> PhysAddr {
        self.root
    }

    #[inline]
    fn query(&self, at: u64) -> Option<Entry> {
        let mut table = self.root;
        let mut level = 4;
        loop {
            let raw = entries(table)[index(at, level)].load(Ordering::Relaxed);
            if raw == 0 {
                return None;
            }
            match E::decode(raw, level) {
                Node::Leaf(entry) => return Some(entry),
                Node::Table(below) => table = below,
            }
            level -= 1;
        }
    }

    fn map(&mut self, at: u64, entry: Entry) -> Result<(), OutOfMemory> {
        let is_new = self.map_if_vacant(at, entry)?;
        debug_assert!(is_new, "map over an entry");
        Ok(())
    }

    #[inline]
    fn map_if_vacant(&mut self, at: u64, entry: Entry) -> Result<bool, OutOfMemory> {
        let level = if entry.size == Size::Huge { 2 } else { 1 };
        let Some(table) = self.table_or_new(at, level)? else { return Ok(false) };
        let slot = &entries(table)[index(at, level)];
        if slot.load(Ordering::Relaxed) != 0 {
            return Ok(false);
        }
        slot.store(E::leaf(entry), Ordering::Release);
        count(table, 1);
        Ok(true)
    }

    fn prepare(&mut self, at: u64) -> Result<(), OutOfMemory> {
        self.table_or_new(at, 1).map(|_| ())
    }

    fn is_vacant(&self, at: u64) -> bool {
        match self.table(at, 2) {
            Some(table) => entries(table)[index(at, 2)].load(Ordering::Relaxed) == 0,
            None => true,
        }
    }

    fn update(&mut self, range: Range<u64>, visit: &mut dyn FnMut(u64, Entry) -> Option<Entry>) {
        if !range.is_empty() {
            self.update_table(self.root, 4, range, visit);
        }
    }

    fn visit(&self, range: Range<u64>, visit: &mut dyn FnMut(u64, Entry)) {
        if !range.is_empty() {
            self.visit_table(self.root, 4, range, visit);
        }
    }

    fn split(&mut self, at: u64) -> Result<(), OutOfMemory> {
        let at = at & !(Size::Huge.bytes() - 1);
        let Some(table) = self.table(at, 2) else { return Ok(()) };
        let slot = &entries(table)[index(at, 2)];
        let raw = slot.load(Ordering::Relaxed);
        if raw == 0 {
            return Ok(());
        }
        let Node::Leaf(huge) = E::decode(raw, 2) else { return Ok(()) };
        let new = Frame::alloc(Use::Kernel)?.into_phys();
        self.tables += 1;
        for (i, entry) in entries(new).iter().enumerate() {
            let phys = huge.phys.offset(i as u64 * 4096);
            entry.store(E::leaf(Entry { phys, size: Size::Small, flags: huge.flags }), Ordering::Relaxed);
        }
        count(new, 512);
        slot.store(E::table(new), Ordering::Release);
        Ok(())
    }

    fn is_full(&self, at: u64) -> bool {
        self.table(at, 1).is_some_and(|table| count(table, 0) == 512)
    }

    fn join(&mut self, at: u64, entry: Entry) {
        let (Some(above), Some(below)) = (self.table(at, 2), self.table(at, 1)) else { return };
        debug_assert!(self.is_full(at) && entry.size == Size::Huge, "join of what is not full");
        entries(above)[index(at, 2)].store(E::leaf(entry), Ordering::Release);
        self.empty(below);
    }

    fn has_emptied(&self) -> bool {
        self.emptied != 0
    }

    fn reap(&mut self) {
        while self.emptied != 0 {
            let table = PhysAddr(u64::from(self.emptied) << osv_base::PAGE_SHIFT);
            let next = frame::record_of(table).map_or(0, |r| r.link.load(Ordering::Relaxed) as u32);
            // SAFETY: as in `free_table`; the table left the tree in `update`.
            drop(unsafe { Frame::from_phys(table) });
            self.tables -= 1;
            self.emptied = next;
        }
    }

    fn tables(&self) -> usize {
        self.tables
    }
}

impl<E: Encoding> Drop for Tree<E> {
    fn drop(&mut self) {
        self.reap();
        // The upper half's tables are the kernel's.
        self.free_table(self.root, 4, 256);
    }
}
