//! mseal(2), mbind(2) and remap_file_pages(2): what an area is for, beyond its protection.

use super::area::{AreaFlags, Backing};
use super::map::Object;
use super::{AddressSpace, Inner, PAGE, pages};
use core::ops::Range;
use osv_abi::Errno;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::{Advice, MapFlags, Prot};
use osv_base::Res;

impl AddressSpace {
    /// mseal(2): ENOMEM when there is a hole in the range, and then nothing is sealed.
    pub fn seal(&self, addr: u64, len: u64) -> Res<()> {
        let range = pages(addr, len).filter(|range| range.start <= range.end).ok_or(Errno::EINVAL)?;
        if !addr.is_multiple_of(PAGE) || len != 0 && range.is_empty() {
            return Err(Errno::EINVAL.into());
        }
        if range.is_empty() {
            return Ok(());
        }
        let mut inner = self.inner.write();
        if range.end > USER_END || !inner.is_covered(&range) {
            return Err(Errno::ENOMEM.into());
        }
        inner.change_areas(range, &mut |inner, range| {
            inner.narrow_area(&range)?;
            inner.alter(range.start, |area| area.flags.insert(AreaFlags::SEALED));
            Ok(())
        })
    }

    /// mbind(2): EFAULT when there is a hole in the range.
    pub fn set_policy(&self, range: Range<u64>, policy: u16) -> Res<()> {
        let mut inner = self.inner.write();
        if !inner.is_covered(&range) {
            return Err(Errno::EFAULT.into());
        }
        inner.change_areas(range, &mut |inner, range| {
            inner.narrow_area(&range)?;
            inner.alter(range.start, |area| area.flags = area.flags.with_policy(policy));
            Ok(())
        })
    }

    /// What [`AddressSpace::set_policy`] set for what is at `addr`; EFAULT where nothing is.
    pub fn policy_at(&self, addr: u64) -> Result<u16, Errno> {
        self.inner.read().areas.find(addr).map(|area| area.flags.policy()).ok_or(Errno::EFAULT)
    }

    /// The policies of the areas in `range`.
    pub fn policies(&self, range: Range<u64>) -> alloc::vec::Vec<u16> {
        self.inner.read().areas.overlapping(range).map(|area| area.flags.policy()).collect()
    }

    /// remap_file_pages(2): `len` bytes at `addr`, of a shared mapping, become those from page `page` of its object on.
    pub fn remap_pages(&self, addr: u64, len: u64, page: u64) -> Res<()> {
        let range = pages(addr & !(PAGE - 1), len & !(PAGE - 1)).filter(|range| range.start < range.end);
        let range = range.filter(|range| range.end <= USER_END).ok_or(Errno::EINVAL)?;
        let bytes = range.end - range.start;
        let offset = page.checked_mul(PAGE).filter(|offset| offset.checked_add(bytes).is_some());
        let offset = offset.ok_or(Errno::EINVAL)?;
        let (prot, object) = {
            let inner = self.inner.read();
            let area = inner.areas.find(range.start).filter(|area| area.is_shared()).ok_or(Errno::EINVAL)?;
            let Backing::Object { pager, .. } = &area.backing else { return Err(Errno::EINVAL.into()) };
            // What was remapped before may have cut it; all of it must still be of the one object.
            let same = |other: &Backing| match other {
                Backing::Object { pager: other, .. } => other.object() == pager.object(),
                Backing::Anonymous => false,
            };
            let of_one = inner.areas.overlapping(range.clone()).all(|area| same(&area.backing));
            if !of_one || !inner.is_covered(&range) {
                return Err(Errno::EINVAL.into());
            }
            (area.prot, Object { pager: pager.clone(), offset, max_prot: area.max_prot })
        };
        self.map(range.start, bytes, prot, MapFlags::SHARED | MapFlags::FIXED, Some(object))?;
        Ok(())
    }
}

/// Whether advice takes contents away, now or in a child.
pub(super) fn takes_away(advice: Advice) -> bool {
    matches!(
        advice,
        Advice::DONTNEED
            | Advice::DONTNEED_LOCKED
            | Advice::FREE
            | Advice::REMOVE
            | Advice::DONTFORK
            | Advice::WIPEONFORK
    )
}

impl Inner {
    /// Whether areas cover all of `range`.
    pub(super) fn is_covered(&self, range: &Range<u64>) -> bool {
        let mut at = range.start;
        while at < range.end {
            match self.areas.find(at) {
                Some(area) => at = area.range.end,
                None => return false,
            }
        }
        true
    }

    /// EPERM when something in `range` is sealed.
    pub(super) fn check_unsealed(&self, range: &Range<u64>) -> Result<(), Errno> {
        let sealed = self.areas.overlapping(range.clone()).any(|area| area.flags.contains(AreaFlags::SEALED));
        if sealed { Err(Errno::EPERM) } else { Ok(()) }
    }

    /// EPERM when something in `range` is sealed that advice may not empty: private memory that cannot be written.
    pub(super) fn check_may_empty(&self, range: &Range<u64>) -> Result<(), Errno> {
        let kept = self.areas.overlapping(range.clone()).any(|area| {
            area.flags.contains(AreaFlags::SEALED) && !area.is_shared() && !area.prot.contains(Prot::WRITE)
        });
        if kept { Err(Errno::EPERM) } else { Ok(()) }
    }
}
