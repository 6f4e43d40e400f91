//! fork(2): a copy-on-write clone.

use super::area::{AreaFlags, Backing};
use super::gather::Gather;
use super::{AddressSpace, PAGE};
use crate::mmu::{Entry, Pte};
use crate::{OutOfMemory, frame, pressure};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use osv_abi::mem::USER_END;
use osv_base::Pages;

impl AddressSpace {
    /// A copy: private memory is shared copy-on-write, shared mappings refer to the same objects. When this returns,
    /// no CPU can still write a page that both have (law 8).
    pub fn fork(&self) -> Result<Arc<AddressSpace>, OutOfMemory> {
        let mut parent = self.inner.write();
        let parent = &mut *parent;
        pressure::admit(Pages(parent.table().tables() + parent.areas.len() / 16))?;
        let child_space = AddressSpace::with_layout(parent.layout)?;
        for (to, from) in [
            (&child_space.limits.address_space, &self.limits.address_space),
            (&child_space.limits.data, &self.limits.data),
            (&child_space.limits.stack, &self.limits.stack),
        ] {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let mut child = child_space.inner.write();
        child.brk = parent.brk.clone();
        let mut gather = Gather::new(&self.cpus);
        let mut result = Ok(());
        let table = &mut parent.pages.get_mut().table;
        for area in parent.areas.overlapping(0..USER_END) {
            if area.flags.contains(AreaFlags::DONTFORK) {
                continue;
            }
            if let Backing::Object { pager, .. } = &area.backing
                && let Some(mappings) = pager.mappings()
            {
                mappings.add(&child_space.this)?;
            }
            let mut copy = area.clone();
            copy.flags.remove(AreaFlags::LOCKED);
            child.areas.reserve(1)?;
            child.counts().grows(&copy);
            child.areas.insert(copy);
            // Objects' pages come back by themselves; private ones are copied entry by entry.
            if area.is_shared() || area.flags.contains(AreaFlags::WIPEONFORK) {
                continue;
            }
            let child_pages = child.pages.get_mut();
            table.update(area.range.clone(), &mut |at, entry| {
                if result.is_err() || !entry.flags.contains(Pte::ANON) {
                    return Some(entry);
                }
                let narrowed = Entry { flags: entry.flags - Pte::WRITE, ..entry };
                match child_pages.table.map(at, narrowed) {
                    Ok(()) => {
                        for i in 0..entry.size.frames() as u64 {
                            // The child's entry keeps this count.
                            frame::hold(entry.phys.offset(i * PAGE)).into_phys();
                        }
                        child_pages.counts.enters(&narrowed);
                        if entry.flags.contains(Pte::WRITE) {
                            gather.narrowed(at, entry.size);
                        }
                        Some(narrowed)
                    }
                    Err(error) => {
                        result = Err(error);
                        Some(entry)
                    }
                }
            });
            if result.is_err() {
                break;
            }
        }
        parent.settle(&mut gather, 0);
        drop(child);
        result.map(|()| child_space)
    }
}
