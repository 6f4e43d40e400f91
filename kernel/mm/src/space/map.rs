//! mmap(2), munmap(2).

use super::area::{Area, AreaFlags, Backing};
use super::gather::Gather;
use super::{Access, AddressSpace, HUGE, Inner, MAX_AREAS, MIN_ADDR, PAGE, SharedMemory, pages};
use crate::pager::Pager;
use crate::{frame, pressure};
use alloc::sync::Arc;
use core::ops::Range;
use core::sync::atomic::Ordering;
use osv_abi::Errno;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::{MapFlags, Prot};
use osv_base::{Pages, Res};

/// What a file mapping maps.
#[derive(Clone)]
pub struct Object {
    /// The file's pages.
    pub pager: Arc<dyn Pager>,
    /// From this byte on: a multiple of 4096.
    pub offset: u64,
    /// What the descriptor allows: mprotect cannot go beyond it.
    pub max_prot: Prot,
}

impl core::fmt::Debug for Object {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Object({:?}+{:#x})", self.pager.object(), self.offset)
    }
}

/// The protections that memory can have.
pub(super) const ACCESS: Prot = Prot::READ.union(Prot::WRITE).union(Prot::EXEC);

/// The bits that say what kind of mapping it is (MAP_TYPE).
const TYPE: u32 = 0xf;

/// What MAP_SHARED_VALIDATE knows.
const KNOWN: MapFlags = MapFlags::from_bits_retain(
    MapFlags::SHARED_VALIDATE.bits()
        | MapFlags::FIXED.bits()
        | MapFlags::FIXED_NOREPLACE.bits()
        | MapFlags::ANONYMOUS.bits()
        | MapFlags::LOW_2G.bits()
        | MapFlags::GROWSDOWN.bits()
        | MapFlags::DENYWRITE.bits()
        | MapFlags::EXECUTABLE.bits()
        | MapFlags::LOCKED.bits()
        | MapFlags::NORESERVE.bits()
        | MapFlags::POPULATE.bits()
        | MapFlags::NONBLOCK.bits()
        | MapFlags::STACK.bits()
        | MapFlags::HUGETLB.bits(),
);

impl AddressSpace {
    /// mmap(2): maps `len` bytes of `object`, or of zeros, at or near `addr`; returns where.
    pub fn map(&self, addr: u64, len: u64, prot: Prot, flags: MapFlags, object: Option<Object>) -> Res<u64> {
        if len == 0 {
            return Err(Errno::EINVAL.into());
        }
        let len = len.checked_next_multiple_of(PAGE).filter(|len| *len <= USER_END).ok_or(Errno::ENOMEM)?;
        let shared = match flags.bits() & TYPE {
            1 => true,
            2 => false,
            // Refuses what it does not know; nothing here is persistent memory.
            3 if object.is_some() && !KNOWN.contains(flags) => return Err(Errno::EOPNOTSUPP.into()),
            3 if object.is_some() => true,
            _ => return Err(Errno::EINVAL.into()),
        };
        if object.as_ref().is_some_and(|o| o.offset.checked_add(len).is_none_or(|end| end > i64::MAX as u64))
        {
            return Err(Errno::EOVERFLOW.into());
        }
        let prot = prot & ACCESS;
        let max_prot = object.as_ref().map_or(ACCESS, |o| o.max_prot);
        if !max_prot.contains(prot) {
            return Err(Errno::EACCES.into());
        }
        if flags.contains(MapFlags::GROWSDOWN) && (shared || object.is_some()) {
            return Err(Errno::EINVAL.into());
        }
        if flags.contains(MapFlags::HUGETLB) {
            // As Linux with an empty pool of huge pages.
            return Err(Errno::ENOMEM.into());
        }
        let mut area_flags = AreaFlags::empty();
        area_flags.set(AreaFlags::SHARED, shared);
        area_flags.set(AreaFlags::GROWSDOWN, flags.contains(MapFlags::GROWSDOWN));
        area_flags.set(AreaFlags::NORESERVE, flags.contains(MapFlags::NORESERVE));
        area_flags.set(AreaFlags::STACK, flags.contains(MapFlags::STACK));
        area_flags.set(AreaFlags::LOCKED, flags.contains(MapFlags::LOCKED));

        let backing = match object {
            Some(Object { pager, offset, .. }) => Backing::Object { pager, offset },
            None if shared => {
                admit(len, true)?;
                Backing::Object { pager: SharedMemory::new(len), offset: 0 }
            }
            None => Backing::Anonymous,
        };
        if let Backing::Object { pager, .. } = &backing
            && let Some(mappings) = pager.mappings()
        {
            mappings.add(&self.this)?;
        }
        let mut area = Area { range: 0..len, prot, max_prot, flags: area_flags, backing };
        admit(len, area.is_committed())?;

        let mut inner = self.inner.write();
        if inner.lock_future {
            area.flags.insert(AreaFlags::LOCKED);
        }
        let fixed = flags.intersects(MapFlags::FIXED | MapFlags::FIXED_NOREPLACE);
        let range = inner.place(addr, len, flags, fixed, &area)?;
        let replaced: usize =
            inner.areas.overlapping(range.clone()).map(|a| overlap(&a.range, &range)).sum::<u64>() as usize;
        self.check_limits(&inner, len - replaced as u64, &area)?;
        // Under the lock, so that who seals it finds the mapping, or this finds the seal.
        if shared
            && area.max_prot.contains(Prot::WRITE)
            && matches!(&area.backing, Backing::Object { pager, .. } if pager.is_sealed())
        {
            return Err(Errno::EPERM.into());
        }
        if !inner.is_hole(&range) {
            if flags.contains(MapFlags::FIXED_NOREPLACE) {
                return Err(Errno::EEXIST.into());
            }
            inner.check_unsealed(&range)?;
            inner.remove(self, range.clone())?;
        }
        area.range = range.clone();
        let populate = (flags.contains(MapFlags::POPULATE) && !flags.contains(MapFlags::NONBLOCK)
            || area.flags.contains(AreaFlags::LOCKED))
            && prot.intersects(ACCESS);
        inner.add(area)?;
        drop(inner);
        if populate {
            self.populate_quietly(&range, prot, shared);
        }
        Ok(range.start)
    }

    /// Faults `range` in as MAP_POPULATE and mlock do; what cannot be faulted in is left out.
    pub(super) fn populate_quietly(&self, range: &Range<u64>, prot: Prot, shared: bool) {
        let access = if prot.contains(Prot::WRITE) && !shared { Access::Write } else { Access::Read };
        let _ = self.populate(range.start, range.end, access);
    }

    /// munmap(2).
    pub fn unmap(&self, addr: u64, len: u64) -> Res<()> {
        let range = pages(addr, len).filter(|r| r.end <= USER_END).ok_or(Errno::EINVAL)?;
        if !addr.is_multiple_of(PAGE) || len == 0 {
            return Err(Errno::EINVAL.into());
        }
        let mut inner = self.inner.write();
        inner.check_unsealed(&range)?;
        inner.remove(self, range)
    }

    /// Limits of setrlimit(2) and vm.max_map_count for `len` more bytes of the kind of `area`.
    pub(super) fn check_limits(&self, inner: &Inner, len: u64, area: &Area) -> Res<()> {
        let counts = inner.pages.lock().counts;
        let mapped = counts.mapped as u64 * PAGE;
        if mapped.saturating_add(len) > self.limits.address_space.load(Ordering::Relaxed)
            || inner.areas.len() >= MAX_AREAS
        {
            return Err(Errno::ENOMEM.into());
        }
        let data = self.limits.data.load(Ordering::Relaxed);
        if data != u64::MAX && area.is_committed() && (counts.data as u64 * PAGE).saturating_add(len) > data {
            return Err(Errno::ENOMEM.into());
        }
        Ok(())
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> u64 {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

/// How much of a new area must be free at least.
const DOOR: Pages = Pages(256);

/// Overcommit as Linux's mode 0: refuse the obvious. And the door: near the end nothing new comes in.
pub(super) fn admit(len: u64, committed: bool) -> Res<()> {
    if committed {
        if len / PAGE > frame::total() as u64 {
            return Err(Errno::ENOMEM.into());
        }
        // Large areas are seldom touched wholly; of small ones there should be room for all.
        pressure::admit(Pages((len / PAGE) as usize).min(DOOR))?;
    }
    Ok(())
}

impl Inner {
    /// Chooses the range for a new area.
    fn place(&self, addr: u64, len: u64, flags: MapFlags, fixed: bool, area: &Area) -> Res<Range<u64>> {
        if fixed {
            if !addr.is_multiple_of(PAGE) {
                return Err(Errno::EINVAL.into());
            }
            let end = addr.checked_add(len).filter(|end| *end <= USER_END).ok_or(Errno::ENOMEM)?;
            if addr < MIN_ADDR {
                return Err(Errno::EPERM.into());
            }
            return Ok(addr..end);
        }
        if addr != 0 && !flags.contains(MapFlags::LOW_2G) {
            let hint = addr.checked_next_multiple_of(PAGE).unwrap_or(0).max(MIN_ADDR);
            // Free, and not in the gap of a stack above.
            if let Some(end) = hint.checked_add(len).filter(|end| *end <= USER_END)
                && self.areas.at_or_after(hint).is_none_or(|next| next.claimed_start() >= end)
            {
                return Ok(hint..end);
            }
        }
        self.hole(len, flags.contains(MapFlags::LOW_2G), area)
    }

    /// A free range of `len` bytes: top down from the layout's start, as Linux.
    pub(super) fn hole(&self, len: u64, low_2g: bool, area: &Area) -> Res<Range<u64>> {
        let start = if low_2g {
            self.areas.lowest_hole(len, 0x4000_0000..0x8000_0000, PAGE)
        } else {
            let bounds = MIN_ADDR..self.layout.mmap_top;
            // Whole huge pages where they may come.
            let huge = area.is_anonymous() && !area.is_shared() && len.is_multiple_of(HUGE);
            huge.then(|| self.areas.highest_hole(len, bounds.clone(), HUGE))
                .flatten()
                .or_else(|| self.areas.highest_hole(len, bounds.clone(), PAGE))
                .or_else(|| self.areas.lowest_hole(len, bounds.end..USER_END, PAGE))
        };
        let start = start.ok_or(Errno::ENOMEM)?;
        Ok(start..start + len)
    }

    /// Adds an area where nothing is.
    pub(super) fn add(&mut self, area: Area) -> Res<()> {
        self.areas.reserve(1)?;
        self.counts().grows(&area);
        self.areas.add(area);
        Ok(())
    }

    /// Unmaps `range`.
    pub(super) fn remove(&mut self, space: &AddressSpace, range: Range<u64>) -> Res<()> {
        if self.is_hole(&range) {
            return Ok(());
        }
        self.cut_entries(&range)?;
        if let Some(area) = self.areas.trim(&range) {
            self.counts().shrinks(&area);
            self.forget(space, range);
            return Ok(());
        }
        let splits = self
            .areas
            .find(range.start)
            .is_some_and(|a| a.range.start < range.start && a.range.end > range.end);
        if splits && self.areas.len() >= MAX_AREAS {
            return Err(Errno::ENOMEM.into());
        }
        self.areas.reserve(2)?;
        self.areas.cut(range.start);
        self.areas.cut(range.end);
        while let Some(start) =
            self.areas.at_or_after(range.start).map(|a| a.range.start).filter(|start| *start < range.end)
        {
            if let Some(area) = self.areas.remove(start) {
                self.counts().shrinks(&area);
            }
        }
        self.forget(space, range);
        Ok(())
    }

    /// Takes the entries of `range`, whose areas are gone, out everywhere, and frees what they held.
    fn forget(&mut self, space: &AddressSpace, range: Range<u64>) {
        let mut gather = Gather::new(&space.cpus);
        let at = range.start;
        self.discard(range, &mut gather);
        self.settle(&mut gather, at);
    }
}
