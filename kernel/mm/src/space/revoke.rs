//! Pages that an object takes back.

use super::area::Backing;
use super::gather::Gather;
use super::{AddressSpace, Mapped, PAGE};
use crate::mmu::Pte;
use crate::pager::ObjectId;
use core::ops::Range;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::Prot;

impl AddressSpace {
    /// Takes the pages `first..end` of `object` out of the tables, private copies as well if `copies`.
    pub(crate) fn revoke(&self, object: ObjectId, first: u64, end: u64, copies: bool) {
        let mut inner = self.inner.write();
        let inner = &mut *inner;
        let mut gather = Gather::new(&self.cpus);
        let mut touched = 0;
        let Mapped { table, counts } = inner.pages.get_mut();
        for area in inner.areas.overlapping(0..USER_END) {
            let Backing::Object { pager, offset } = &area.backing else { continue };
            if pager.object() != object {
                continue;
            }
            let Some(range) = part(&area.range, *offset / PAGE, first, end) else { continue };
            touched = range.start;
            // Mappings of objects have no huge entries.
            table.update(range, &mut |at, entry| {
                if !copies && entry.flags.contains(Pte::ANON) {
                    return Some(entry);
                }
                counts.leaves(&entry);
                gather.removed(at, entry);
                None
            });
        }
        inner.settle(&mut gather, touched);
    }

    /// Whether a shared mapping of `object` may write it, now or after mprotect(2).
    pub(crate) fn may_write(&self, object: ObjectId) -> bool {
        let inner = self.inner.read();
        inner.areas.overlapping(0..USER_END).any(|area| {
            area.is_shared()
                && area.max_prot.contains(Prot::WRITE)
                && matches!(&area.backing, Backing::Object { pager, .. } if pager.object() == object)
        })
    }
}

/// The addresses of the object's pages `first..end` in `range`, whose first page is the object's page `index`.
fn part(range: &Range<u64>, index: u64, first: u64, end: u64) -> Option<Range<u64>> {
    let pages = (range.end - range.start) / PAGE;
    let from = first.saturating_sub(index).min(pages);
    let to = end.saturating_sub(index).min(pages);
    (from < to).then(|| range.start + from * PAGE..range.start + to * PAGE)
}
