//! From 512 small pages to a huge one.
//!
//! Nobody may write a small page while it is copied, nor the huge one while a CPU still reads small ones. So the small
//! entries lose the right to write first, everywhere; then the huge entry takes their place without that right, and it
//! gets the right when every CPU has forgotten them.

use super::area::Area;
use super::fault::may_be_huge;
use super::gather::Gather;
use super::{AddressSpace, HUGE, Inner, PAGE, is_exclusive};
use crate::frame::{Run, Use};
use crate::mmu::{Entry, PageTable, Pte, Size};
use crate::pressure;
use alloc::vec::Vec;
use osv_base::Pages;

impl Inner {
    /// Makes the private pages of the 2 MiB around `at` one, if there still are 512 of them, held by nobody else, and
    /// memory is plenty.
    pub(super) fn join_pages(&mut self, space: &AddressSpace, at: u64) {
        let start = at & !(HUGE - 1);
        let range = start..start + HUGE;
        let Some(area) = self.areas.find(start) else { return };
        if area.range.end < range.end || !may_be_huge(&self.areas, area) || !pressure::is_plenty() {
            return;
        }
        let flags = area.pte() | Pte::ANON;
        let Some(old) = small_pages(self.pages.get_mut().table.as_ref(), area, start) else { return };
        let Ok(run) = Run::alloc(Pages(Size::Huge.frames()), HUGE as usize, Use::User) else { return };

        let mut gather = Gather::new(&space.cpus);
        self.table().update(range.clone(), &mut |at, entry| {
            gather.narrowed(at, entry.size);
            Some(Entry { flags: entry.flags - Pte::WRITE, ..entry })
        });
        gather.flush();
        for (page, entry) in old.iter().enumerate() {
            // SAFETY: the entry holds the frame.
            unsafe { run.copy_frame_in(page, entry.phys) };
        }
        let huge = Entry { phys: run.into_phys(), size: Size::Huge, flags: flags - Pte::WRITE };
        self.table().join(start, huge);
        for (at, entry) in range.clone().step_by(PAGE as usize).zip(old) {
            gather.removed(at, entry);
        }
        self.settle(&mut gather, start);
        self.table().update(range, &mut |_, entry| Some(Entry { flags, ..entry }));
    }
}

/// The 512 entries from `start` on, if they are small, private and held by nobody else.
fn small_pages(table: &dyn PageTable, area: &Area, start: u64) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    entries.try_reserve_exact(Size::Huge.frames()).ok()?;
    let rights = area.pte() & (Pte::READ | Pte::WRITE | Pte::EXEC);
    table.visit(start..start + HUGE, &mut |_, entry| {
        if entry.size == Size::Small && entry.flags.contains(rights) && is_exclusive(&entry) {
            entries.push(entry);
        }
    });
    (entries.len() == Size::Huge.frames()).then_some(entries)
}
