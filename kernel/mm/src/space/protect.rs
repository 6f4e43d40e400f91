//! mprotect(2), and other changes to what areas are.

use super::area::{Area, AreaFlags};
use super::gather::Gather;
use super::map::{ACCESS, admit};
use super::{AddressSpace, Inner, MAX_AREAS, PAGE, is_exclusive, pages};
use crate::mmu::{Entry, Pte};
use core::ops::Range;
use osv_abi::Errno;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::Prot;
use osv_base::Res;

impl AddressSpace {
    /// mprotect(2). What lies before a hole in the range is changed, then it is ENOMEM.
    pub fn protect(&self, addr: u64, len: u64, prot: Prot) -> Res<()> {
        let grows_down = prot.contains(Prot::GROWSDOWN);
        let known = ACCESS | Prot::SEM | Prot::GROWSDOWN | Prot::GROWSUP;
        if prot.contains(Prot::GROWSDOWN | Prot::GROWSUP) || !addr.is_multiple_of(PAGE) {
            return Err(Errno::EINVAL.into());
        }
        if len == 0 {
            return Ok(());
        }
        let mut range = pages(addr, len).filter(|r| r.end > r.start).ok_or(Errno::ENOMEM)?;
        if !known.contains(prot) {
            return Err(Errno::EINVAL.into());
        }
        if range.end > USER_END {
            return Err(Errno::ENOMEM.into());
        }
        let mut inner = self.inner.write();
        if grows_down {
            let area = inner.areas.at_or_after(range.start).filter(|a| a.range.start < range.end);
            let area = area.ok_or(Errno::ENOMEM)?;
            if !area.flags.contains(AreaFlags::GROWSDOWN) {
                return Err(Errno::EINVAL.into());
            }
            range.start = area.range.start;
        } else if prot.contains(Prot::GROWSUP) {
            return Err(Errno::EINVAL.into());
        }
        let prot = prot & ACCESS;
        let mut gather = Gather::new(&self.cpus);
        let result = inner.change_areas(range, &mut |inner, range| {
            let Some(area) = inner.areas.find(range.start) else { return Err(Errno::ENOMEM.into()) };
            if !area.max_prot.contains(prot) {
                return Err(Errno::EACCES.into());
            }
            if area.flags.contains(AreaFlags::SEALED) {
                return Err(Errno::EPERM.into());
            }
            if area.prot == prot {
                return Ok(());
            }
            let mut changed = area.clone();
            changed.prot = prot;
            if changed.is_committed() && !area.is_committed() {
                admit(range.end - range.start, true)?;
            }
            inner.narrow_area(&range)?;
            inner.alter(range.start, |area| area.prot = prot);
            inner.apply(range, &mut gather);
            Ok(())
        });
        inner.settle(&mut gather, addr);
        result
    }
}

impl Inner {
    /// Runs `change` for the part of each area that lies in `range`, in order, then joins what continues each other.
    /// Stops at the first failure, and with ENOMEM at the first hole.
    pub(super) fn change_areas(
        &mut self,
        range: Range<u64>,
        change: &mut dyn FnMut(&mut Inner, Range<u64>) -> Res<()>,
    ) -> Res<()> {
        let mut at = range.start;
        let mut result = Ok(());
        while at < range.end && result.is_ok() {
            match self.areas.find(at).map(|a| a.range.end.min(range.end)) {
                Some(end) => {
                    result = change(self, at..end);
                    at = end;
                }
                None => result = Err(Errno::ENOMEM.into()),
            }
        }
        self.join(&(range.start..at));
        result
    }

    /// Makes the part `range` of one area an area of its own.
    pub(super) fn narrow_area(&mut self, range: &Range<u64>) -> Res<()> {
        if self.areas.len() + 2 > MAX_AREAS {
            return Err(Errno::ENOMEM.into());
        }
        Ok(self.cut(range)?)
    }

    /// Changes an area and keeps the counts right.
    pub(super) fn alter(&mut self, start: u64, change: impl FnOnce(&mut Area)) {
        let Inner { areas, pages, .. } = self;
        let counts = &mut pages.get_mut().counts;
        areas.change(start, |area| {
            counts.shrinks(area);
            change(area);
            counts.grows(area);
        });
    }

    /// Makes the entries of the area `range` allow what it allows now.
    fn apply(&mut self, range: Range<u64>, gather: &mut Gather<'_>) {
        let Some(area) = self.areas.find(range.start) else { return };
        let (allowed, shared) = (area.pte(), area.is_shared());
        self.table().update(range, &mut |at, entry| {
            let mut flags = allowed | entry.flags & Pte::ANON;
            let may_write = entry.flags.contains(Pte::WRITE) || !shared && is_exclusive(&entry);
            flags.set(Pte::WRITE, allowed.contains(Pte::WRITE) && may_write);
            let rights = Pte::READ | Pte::WRITE | Pte::EXEC;
            if !flags.contains(entry.flags & rights) {
                gather.narrowed(at, entry.size);
            }
            Some(Entry { flags, ..entry })
        });
    }
}
