//! madvise(2), msync(2), mincore(2), mlock(2).

use super::area::{AreaFlags, Backing};
use super::gather::Gather;
use super::map::ACCESS;
use super::seal::takes_away;
use super::{Access, AddressSpace, Inner, Outcome, PAGE, pages};
use crate::frame;
use alloc::vec::Vec;
use core::ops::Range;
use osv_abi::Errno;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::{Advice, Prot, SyncFlags};
use osv_base::Res;

impl AddressSpace {
    /// madvise(2). A hole in the range is ENOMEM, after the rest was done.
    pub fn advise(&self, addr: u64, len: u64, advice: Advice) -> Res<()> {
        let change: Option<(AreaFlags, AreaFlags)> = match advice {
            Advice::NORMAL
            | Advice::RANDOM
            | Advice::SEQUENTIAL
            | Advice::WILLNEED
            | Advice::COLD
            | Advice::PAGEOUT
            | Advice::DONTNEED
            | Advice::DONTNEED_LOCKED
            | Advice::FREE
            | Advice::REMOVE
            | Advice::POPULATE_READ
            | Advice::POPULATE_WRITE => None,
            Advice::DONTFORK => Some((AreaFlags::DONTFORK, AreaFlags::empty())),
            Advice::DOFORK => Some((AreaFlags::empty(), AreaFlags::DONTFORK)),
            Advice::HUGEPAGE => Some((AreaFlags::HUGE, AreaFlags::NOHUGE)),
            Advice::NOHUGEPAGE => Some((AreaFlags::NOHUGE, AreaFlags::HUGE)),
            Advice::DONTDUMP => Some((AreaFlags::DONTDUMP, AreaFlags::empty())),
            Advice::DODUMP => Some((AreaFlags::empty(), AreaFlags::DONTDUMP)),
            Advice::WIPEONFORK => Some((AreaFlags::WIPEONFORK, AreaFlags::empty())),
            Advice::KEEPONFORK => Some((AreaFlags::empty(), AreaFlags::WIPEONFORK)),
            _ => return Err(Errno::EINVAL.into()),
        };
        if !addr.is_multiple_of(PAGE) {
            return Err(Errno::EINVAL.into());
        }
        let range = pages(addr, len).filter(|r| r.end >= r.start).ok_or(Errno::EINVAL)?;
        if len != 0 && range.is_empty() {
            return Err(Errno::EINVAL.into());
        }
        if range.is_empty() {
            return Ok(());
        }
        if range.end > USER_END {
            return Err(Errno::ENOMEM.into());
        }
        match advice {
            Advice::POPULATE_READ => return self.populate_or_fail(range, Access::Read),
            Advice::POPULATE_WRITE => return self.populate_or_fail(range, Access::Write),
            _ => {}
        }
        let mut inner = self.inner.write();
        if takes_away(advice) {
            inner.check_may_empty(&range)?;
        }
        if let Some((set, clear)) = change {
            return inner.over_holes(range, &mut |inner, range| {
                let Some(area) = inner.areas.find(range.start) else { return Ok(()) };
                if set == AreaFlags::WIPEONFORK && (area.is_shared() || !area.is_anonymous()) {
                    return Err(Errno::EINVAL.into());
                }
                if (area.flags | set) - clear == area.flags {
                    return Ok(());
                }
                inner.narrow_area(&range)?;
                inner.alter(range.start, |area| area.flags = (area.flags | set) - clear);
                Ok(())
            });
        }
        let drops = matches!(advice, Advice::DONTNEED | Advice::DONTNEED_LOCKED | Advice::FREE);
        let mut gather = Gather::new(&self.cpus);
        let result = inner.over_holes(range, &mut |inner, range| {
            let Some(area) = inner.areas.find(range.start) else { return Ok(()) };
            if advice == Advice::REMOVE {
                let refused = area.flags.contains(AreaFlags::LOCKED) || !area.is_shared();
                return Err(if refused { Errno::EINVAL } else { Errno::EOPNOTSUPP }.into());
            }
            if !drops {
                return Ok(());
            }
            if area.flags.contains(AreaFlags::LOCKED) && advice != Advice::DONTNEED_LOCKED
                || advice == Advice::FREE && (area.is_shared() || !area.is_anonymous())
            {
                return Err(Errno::EINVAL.into());
            }
            inner.cut_entries(&range)?;
            inner.discard(range, &mut gather);
            Ok(())
        });
        inner.settle(&mut gather, addr);
        result
    }

    fn populate_or_fail(&self, range: Range<u64>, access: Access) -> Res<()> {
        match self.populate(range.start, range.end, access) {
            Outcome::Done => Ok(()),
            Outcome::Unmapped | Outcome::OutOfMemory => Err(Errno::ENOMEM.into()),
            Outcome::Forbidden => Err(Errno::EINVAL.into()),
            Outcome::PastEnd | Outcome::Failed => Err(Errno::EFAULT.into()),
        }
    }

    /// msync(2).
    pub fn sync(&self, addr: u64, len: u64, flags: SyncFlags) -> Res<()> {
        let known = SyncFlags::ASYNC | SyncFlags::INVALIDATE | SyncFlags::SYNC;
        if !known.contains(flags)
            || flags.contains(SyncFlags::ASYNC | SyncFlags::SYNC)
            || !addr.is_multiple_of(PAGE)
        {
            return Err(Errno::EINVAL.into());
        }
        // A length that wraps to nothing when it is rounded up is none.
        let range = pages(addr, if len > PAGE.wrapping_neg() { 0 } else { len }).ok_or(Errno::ENOMEM)?;
        let mut at = range.start;
        let mut hole = false;
        while at < range.end {
            let (part, pager) = {
                let inner = self.inner.read();
                let Some(area) = inner.areas.at_or_after(at).filter(|a| a.range.start < range.end) else {
                    return Err(Errno::ENOMEM.into());
                };
                hole |= area.range.start > at;
                if flags.contains(SyncFlags::INVALIDATE) && area.flags.contains(AreaFlags::LOCKED) {
                    return Err(Errno::EBUSY.into());
                }
                let part = area.range.start.max(at)..area.range.end.min(range.end);
                let object = match &area.backing {
                    Backing::Object { pager, .. } if area.is_shared() => {
                        Some((pager.clone(), area.index_of(part.start), area.index_of(part.end - 1) + 1))
                    }
                    _ => None,
                };
                (part, object)
            };
            if let Some((pager, first, end)) = pager
                && flags.contains(SyncFlags::SYNC)
            {
                pager.sync(first, end)?;
            }
            at = part.end;
        }
        if hole { Err(Errno::ENOMEM.into()) } else { Ok(()) }
    }

    /// mincore(2) for up to `count` pages from `addr`: one byte each. Call it in pieces.
    pub fn resident(&self, addr: u64, count: usize) -> Res<Vec<u8>> {
        let range = pages(addr, count as u64 * PAGE).filter(|r| r.end <= USER_END).ok_or(Errno::ENOMEM)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        bytes.resize(count, 0u8);
        let mut inner = self.inner.write();
        if !inner.is_mapped(&range) {
            return Err(Errno::ENOMEM.into());
        }
        let mut at = range.start;
        while at < range.end {
            let Some(area) = inner.areas.find(at) else { break };
            if let Backing::Object { pager, .. } = &area.backing {
                // What the object holds in memory counts as well.
                for here in (at..area.range.end.min(range.end)).step_by(PAGE as usize) {
                    bytes[((here - range.start) / PAGE) as usize] =
                        u8::from(pager.cached(area.index_of(here)).is_some());
                }
            }
            at = area.range.end;
        }
        let zero = frame::zero()?.phys();
        inner.table().visit(range.clone(), &mut |at, entry| {
            for i in 0..entry.size.frames() as u64 {
                let here = at + i * PAGE;
                if range.contains(&here) && entry.phys != zero {
                    bytes[((here - range.start) / PAGE) as usize] = 1;
                }
            }
        });
        Ok(bytes)
    }

    /// mlock(2) and mlock2(2): `limit` is RLIMIT_MEMLOCK in bytes for who has no CAP_IPC_LOCK.
    pub fn lock(&self, addr: u64, len: u64, on_fault: bool, limit: u64) -> Res<()> {
        let Some(range) = locked_range(addr, len)? else { return Ok(()) };
        {
            let mut inner = self.inner.write();
            let already: u64 = inner
                .areas
                .overlapping(range.clone())
                .filter(|a| a.flags.contains(AreaFlags::LOCKED))
                .map(|a| a.range.end.min(range.end) - a.range.start.max(range.start))
                .sum();
            let locked = inner.counts().locked as u64 * PAGE;
            if (locked + (range.end - range.start)).saturating_sub(already) > limit {
                return Err(if limit == 0 { Errno::EPERM } else { Errno::ENOMEM }.into());
            }
            inner.set_locked(range.clone(), true)?;
        }
        if !on_fault {
            return self.populate_locked(range);
        }
        Ok(())
    }

    /// munlock(2).
    pub fn unlock(&self, addr: u64, len: u64) -> Res<()> {
        let Some(range) = locked_range(addr, len)? else { return Ok(()) };
        self.inner.write().set_locked(range, false)
    }

    /// mlockall(2).
    pub fn lock_all(&self, current: bool, future: bool, on_fault: bool, limit: u64) -> Res<()> {
        let mut ranges = Vec::new();
        {
            let mut inner = self.inner.write();
            if current && inner.counts().mapped as u64 * PAGE > limit {
                return Err(Errno::ENOMEM.into());
            }
            inner.lock_future = future;
            if current {
                ranges.try_reserve(inner.areas.len()).map_err(|_| Errno::ENOMEM)?;
                ranges.extend(inner.areas.overlapping(0..USER_END).map(|a| a.range.clone()));
                for range in &ranges {
                    inner.set_locked(range.clone(), true)?;
                }
            }
        }
        if !on_fault {
            for range in ranges {
                let _ = self.populate_locked(range);
            }
        }
        Ok(())
    }

    /// munlockall(2).
    pub fn unlock_all(&self) -> Res<()> {
        let mut inner = self.inner.write();
        inner.lock_future = false;
        let mut at = 0;
        while let Some(range) = inner.areas.at_or_after(at).map(|a| a.range.clone()) {
            inner.set_locked(range.clone(), false)?;
            at = range.end;
        }
        Ok(())
    }

    /// Faults a locked range in; holes and PROT_NONE stay out (ENOMEM, as mlock says).
    fn populate_locked(&self, range: Range<u64>) -> Res<()> {
        let mut at = range.start;
        while at < range.end {
            let Some((end, prot, shared)) =
                self.inner.read().areas.find(at).map(|a| (a.range.end, a.prot, a.is_shared()))
            else {
                return Err(Errno::ENOMEM.into());
            };
            let end = end.min(range.end);
            let access = if prot.contains(Prot::WRITE) && !shared { Access::Write } else { Access::Read };
            if !prot.intersects(ACCESS) || self.populate(at, end, access) != Outcome::Done {
                return Err(Errno::ENOMEM.into());
            }
            at = end;
        }
        Ok(())
    }
}

fn locked_range(addr: u64, len: u64) -> Res<Option<Range<u64>>> {
    let start = addr & !(PAGE - 1);
    // A length that wraps to nothing when it is rounded up is none.
    let len = len.wrapping_add(addr - start).wrapping_add(PAGE - 1) & !(PAGE - 1);
    let range = pages(start, len).ok_or(Errno::EINVAL)?;
    Ok((!range.is_empty()).then_some(range))
}

impl Inner {
    /// As [`Inner::change_areas`], but a hole is passed over and reported at the end.
    fn over_holes(
        &mut self,
        range: Range<u64>,
        change: &mut dyn FnMut(&mut Inner, Range<u64>) -> Res<()>,
    ) -> Res<()> {
        let mut at = range.start;
        let mut hole = false;
        while at < range.end {
            let next = self.areas.at_or_after(at).map(|a| a.range.clone()).filter(|a| a.start < range.end);
            let Some(area) = next else {
                hole = true;
                break;
            };
            hole |= area.start > at;
            let part = area.start.max(at)..area.end.min(range.end);
            at = part.end;
            self.change_areas(part, change)?;
        }
        if hole { Err(Errno::ENOMEM.into()) } else { Ok(()) }
    }

    fn set_locked(&mut self, range: Range<u64>, locked: bool) -> Res<()> {
        self.change_areas(range, &mut |inner, range| {
            if inner.areas.find(range.start).is_some_and(|a| a.flags.contains(AreaFlags::LOCKED) != locked) {
                inner.narrow_area(&range)?;
                inner.alter(range.start, |area| area.flags.set(AreaFlags::LOCKED, locked));
            }
            Ok(())
        })
    }
}
