//! mremap(2).

use super::area::{AreaFlags, Backing};
use super::gather::Gather;
use super::map::admit;
use super::{Access, AddressSpace, HUGE, Inner, MIN_ADDR, PAGE, pages};
use crate::OutOfMemory;
use crate::mmu::{Entry, Size};
use alloc::vec::Vec;
use core::ops::Range;
use osv_abi::Errno;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::RemapFlags;
use osv_base::Res;

impl AddressSpace {
    /// mremap(2): returns where the mapping is afterwards.
    pub fn remap(&self, old: u64, old_len: u64, new_len: u64, flags: RemapFlags, new: u64) -> Res<u64> {
        let known = RemapFlags::MAYMOVE | RemapFlags::FIXED | RemapFlags::DONTUNMAP;
        let (fixed, keep) = (flags.contains(RemapFlags::FIXED), flags.contains(RemapFlags::DONTUNMAP));
        let may_move = flags.contains(RemapFlags::MAYMOVE);
        if !known.contains(flags) || (fixed || keep) && !may_move || !old.is_multiple_of(PAGE) {
            return Err(Errno::EINVAL.into());
        }
        let old_range = pages(old, old_len).ok_or(Errno::EINVAL)?;
        let new_len = new_len.checked_next_multiple_of(PAGE).ok_or(Errno::EINVAL)?;
        if new_len == 0 || new_len > USER_END {
            return Err(Errno::EINVAL.into());
        }
        let old_len = old_range.end - old_range.start;
        if keep && old_len != new_len {
            return Err(Errno::EINVAL.into());
        }
        let target = if fixed {
            let end = new.checked_add(new_len).filter(|end| *end <= USER_END).ok_or(Errno::EINVAL)?;
            if !new.is_multiple_of(PAGE) || new < end && new < old_range.end && old < end {
                return Err(Errno::EINVAL.into());
            }
            if new < MIN_ADDR {
                return Err(Errno::EPERM.into());
            }
            Some(new..end)
        } else {
            None
        };

        let mut inner = self.inner.write();
        let Some(area) = inner.areas.find(old).cloned() else { return Err(Errno::EFAULT.into()) };
        inner.check_unsealed(&old_range)?;
        if let Some(target) = &target {
            inner.check_unsealed(target)?;
        }
        if old_len == 0 && !area.is_shared() {
            return Err(Errno::EINVAL.into());
        }
        if area.range.end < old_range.end && old_len > new_len {
            // Linux shrinks across areas when nothing moves.
            if target.is_some() || keep {
                return Err(Errno::EFAULT.into());
            }
            if old_range.end > USER_END {
                return Err(Errno::EINVAL.into());
            }
        } else if area.range.end < old_range.end {
            return Err(Errno::EFAULT.into());
        }
        if keep && (area.is_shared() || !area.is_anonymous()) {
            return Err(Errno::EINVAL.into());
        }
        if target.is_none() && !keep && old_len != 0 {
            if new_len <= old_len {
                if new_len < old_len {
                    inner.remove(self, old + new_len..old_range.end)?;
                }
                return Ok(old);
            }
            if let Some(address) = inner.grow_in_place(self, old, &old_range, new_len)? {
                drop(inner);
                self.populate_grown(&area, address + old_len..address + new_len);
                return Ok(address);
            }
        }
        if !may_move {
            return Err(Errno::ENOMEM.into());
        }
        if new_len > old_len {
            admit(new_len - old_len, area.is_committed())?;
            self.check_limits(&inner, new_len - old_len, &area)?;
        }
        let target = match target {
            Some(target) => {
                inner.remove(self, target.clone())?;
                target
            }
            None => inner.hole(new_len, false, &area)?,
        };
        // A shorter target drops the tail first.
        let moved = old..old + old_len.min(new_len);
        if moved.end < old_range.end {
            inner.remove(self, moved.end..old_range.end)?;
        }
        inner.move_area(self, moved.clone(), target.clone(), keep, old_len == 0)?;
        drop(inner);
        if new_len > old_len {
            self.populate_grown(&area, target.start + old_len..target.end);
        }
        Ok(target.start)
    }

    /// What grew of a locked area comes in at once.
    fn populate_grown(&self, area: &super::area::Area, range: Range<u64>) {
        if area.flags.contains(AreaFlags::LOCKED) {
            let _ = self.populate(range.start, range.end, Access::Read);
        }
    }
}

impl Inner {
    /// Makes the area longer where it stands, if `old_range` is its end and there is room.
    fn grow_in_place(
        &mut self,
        space: &AddressSpace,
        old: u64,
        old_range: &Range<u64>,
        new_len: u64,
    ) -> Res<Option<u64>> {
        let Some(area) = self.areas.find(old).cloned() else { return Ok(None) };
        let Some(end) = old.checked_add(new_len).filter(|end| *end <= USER_END) else { return Ok(None) };
        if area.range.end != old_range.end
            || self.areas.at_or_after(old_range.end).is_some_and(|next| next.claimed_start() < end)
        {
            return Ok(None);
        }
        let more = end - old_range.end;
        admit(more, area.is_committed())?;
        space.check_limits(self, more, &area)?;
        self.alter(area.range.start, |area| area.range.end = end);
        self.areas.join(end);
        Ok(Some(old))
    }

    /// Moves the part `from` of an area, entries and all, to the start of `to`, which is free; the new area has the
    /// length of `to`. With `keep` the old area stays, empty; with `alias` the old one stays as it is.
    fn move_area(
        &mut self,
        space: &AddressSpace,
        from: Range<u64>,
        to: Range<u64>,
        keep: bool,
        alias: bool,
    ) -> Res<()> {
        let Some(mut area) = self.areas.find(from.start).cloned() else { return Err(Errno::EFAULT.into()) };
        if let Backing::Object { offset, .. } = &mut area.backing {
            *offset += from.start - area.range.start;
        }
        area.range = to.clone();
        self.areas.reserve(4)?;
        if !alias {
            self.cut(&from)?;
            let mut gather = Gather::new(&space.cpus);
            self.move_entries(from.clone(), to.start, &mut gather)?;
            self.settle(&mut gather, from.start);
            if !keep && let Some(old) = self.areas.remove(from.start) {
                self.counts().shrinks(&old);
            }
        }
        self.add(area)
    }

    /// Moves entries. All that can fail comes before anything moves.
    fn move_entries(
        &mut self,
        from: Range<u64>,
        to: u64,
        gather: &mut Gather<'_>,
    ) -> Result<(), OutOfMemory> {
        // Huge entries are moved as small ones; tables are made beforehand.
        let mut chunks: Vec<u64> = Vec::new();
        let mut failed = false;
        let mut last = u64::MAX;
        self.table().visit(from.clone(), &mut |at, _| {
            let chunk = at & !(HUGE - 1);
            if chunk != last {
                last = chunk;
                failed |= chunks.try_reserve(1).is_err();
                if !failed {
                    chunks.push(chunk);
                }
            }
        });
        let mut moving: Vec<(u64, Entry)> = Vec::new();
        moving.try_reserve_exact(512)?;
        if failed {
            return Err(OutOfMemory);
        }
        for chunk in &chunks {
            self.table().split(*chunk)?;
            let part = (*chunk).max(from.start)..(chunk + HUGE).min(from.end);
            let (first, end) = (to + (part.start - from.start), to + (part.end - from.start));
            self.table().prepare(first)?;
            self.table().prepare(end - PAGE)?;
        }
        for chunk in chunks {
            let part = chunk.max(from.start)..(chunk + HUGE).min(from.end);
            moving.clear();
            self.table().update(part, &mut |at, entry| {
                debug_assert_eq!(entry.size, Size::Small);
                moving.push((at, entry));
                gather.narrowed(at, entry.size);
                None
            });
            for (at, entry) in &moving {
                self.table().map(to + (at - from.start), *entry)?;
            }
        }
        Ok(())
    }
}
