//! Pages of files that mappings let go of when memory is short.
//!
//! A mapping holds its page, so the page cache cannot give it back. What can be read again is therefore taken out of
//! the tables, all of it at once and without asking whether it is in use: what is in use is found in the cache by the
//! next fault, which costs little and tells the cache so.

use super::area::{AreaFlags, Backing};
use super::gather::Gather;
use super::{AddressSpace, Mapped};
use crate::OutOfMemory;
use crate::mmu::Pte;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use osv_abi::mem::USER_END;
use osv_sync::SpinLock;

/// Every address space there is, each in a slot of its own until it ends: what only remembers one that ended would
/// keep its memory.
static SPACES: SpinLock<Slots> = SpinLock::new(Slots { slots: Vec::new(), free: None });

struct Slots {
    slots: Vec<Slot>,
    /// The first free one; each names the next.
    free: Option<usize>,
}

enum Slot {
    Used(Weak<AddressSpace>),
    Free(Option<usize>),
}

/// Adds an address space to those that are asked; it is told its slot, for [`unnote`].
pub(super) fn note(space: &Arc<AddressSpace>) -> Result<(), OutOfMemory> {
    let mut spaces = SPACES.lock();
    let Slots { slots, free } = &mut *spaces;
    let used = Slot::Used(Arc::downgrade(space));
    let at = match *free {
        Some(at) => {
            if let Slot::Free(next) = core::mem::replace(&mut slots[at], used) {
                *free = next;
            }
            at
        }
        None => {
            slots.try_reserve(1)?;
            slots.push(used);
            slots.len() - 1
        }
    };
    space.noted_at.store(at, Ordering::Relaxed);
    Ok(())
}

/// An address space ends.
pub(super) fn unnote(space: &AddressSpace) {
    let at = space.noted_at.load(Ordering::Relaxed);
    let mut spaces = SPACES.lock();
    let Slots { slots, free } = &mut *spaces;
    // One that could not be noted has no slot.
    if let Some(slot @ Slot::Used(_)) = slots.get_mut(at) {
        *slot = Slot::Free(free.replace(at));
    }
}

/// Whether `space` is remembered.
#[cfg(test)]
pub(super) fn is_noted(space: &Weak<AddressSpace>) -> bool {
    SPACES.lock().slots.iter().any(|slot| matches!(slot, Slot::Used(noted) if noted.ptr_eq(space)))
}

/// Has every address space let go of pages that can be read again; returns how many those were. Sleeps.
pub fn forget_backed() -> usize {
    let mut at = 0;
    let mut forgotten = 0;
    // One after the other and by index, so that nothing is allocated and no lock is held over the work.
    loop {
        let space = match SPACES.lock().slots.get(at) {
            Some(Slot::Used(space)) => space.upgrade(),
            Some(Slot::Free(_)) => None,
            None => return forgotten,
        };
        forgotten += space.map_or(0, |space| space.forget_backed());
        at += 1;
    }
}

impl AddressSpace {
    /// Takes the pages of objects that can be read again out of the tables, but for private copies, what may be
    /// written, and what is locked in memory.
    fn forget_backed(&self) -> usize {
        let mut inner = self.inner.write();
        let inner = &mut *inner;
        let mut gather = Gather::new(&self.cpus);
        let (mut forgotten, mut touched) = (0, 0);
        let Mapped { table, counts } = inner.pages.get_mut();
        for area in inner.areas.overlapping(0..USER_END) {
            let Backing::Object { pager, .. } = &area.backing else { continue };
            if area.flags.contains(AreaFlags::LOCKED) || !pager.is_backed() {
                continue;
            }
            touched = area.range.start;
            // Mappings of objects have no huge entries.
            table.update(area.range.clone(), &mut |at, entry| {
                if entry.flags.intersects(Pte::ANON | Pte::WRITE) {
                    return Some(entry);
                }
                counts.leaves(&entry);
                gather.removed(at, entry);
                forgotten += 1;
                None
            });
        }
        inner.settle(&mut gather, touched);
        forgotten
    }
}
