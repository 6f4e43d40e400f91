//! The kernel half's tables, built once by the boot CPU.
//!
//! The direct map uses the largest pages that fit. Only the 2 MiB pieces that the kernel image touches have tables
//! of 4 KiB pages, and those are shared by two mappings: at the image's own place, where text is executable, and in
//! the direct map, where the entry above forbids execution. So text and constants are read-only in both.

use super::encoding::{GLOBAL, LARGE, NO_EXECUTE, PRESENT, WRITE};
use super::entries;
use super::kernel_half;
use crate::boot::entry::parts;
use crate::boot::image;
use crate::boot::memory::{MemoryMap, PhysRange};
use crate::layout::{DIRECT_MAP, DYNAMIC, IMAGE};
use core::sync::atomic::Ordering::Relaxed;
use osv_base::{PAGE_SIZE, PhysAddr};

const SMALL: u64 = 4 << 10;
const HUGE: u64 = 2 << 20;
const GIB: u64 = 1 << 30;

struct Builder<'a> {
    free: &'a mut MemoryMap,
    root: u64,
    gib_pages: bool,
}

/// Builds the tables from `free` memory, and activates them. The first GiB is visible in the direct map already.
pub(crate) fn build(ram: &MemoryMap, free: &mut MemoryMap) {
    let mut builder = Builder { free, root: 0, gib_pages: crate::cpu::features().gib_pages };
    builder.root = builder.table();
    // Every address space copies the upper entries that exist now, so all that will ever be used must.
    for area in [DIRECT_MAP, DYNAMIC, IMAGE] {
        builder.next(builder.root, area, 4);
    }
    let image = image();
    let fine = PhysRange::new(image.start & !(HUGE - 1), (image.end + HUGE - 1) & !(HUGE - 1));
    for at in (fine.start..fine.end).step_by(HUGE as usize) {
        let table = builder.table();
        for (index, slot) in entries_of(table).iter().enumerate() {
            slot.store(fine_entry(at + index as u64 * SMALL), Relaxed);
        }
        builder.set(IMAGE + at, 2, table | PRESENT | WRITE);
        builder.set(DIRECT_MAP + at, 2, table | PRESENT | WRITE | NO_EXECUTE);
    }
    for range in ram.as_slice() {
        builder.direct(*range, fine);
    }
    kernel_half::adopt(PhysAddr(builder.root));
    // SAFETY: the tables show the image, the stack in it, and all RAM.
    unsafe { crate::cpu::write_cr3(builder.root) };
}

fn entries_of(table: u64) -> &'static [core::sync::atomic::AtomicU64; 512] {
    // SAFETY: only called for tables of this builder, taken from the first GiB.
    unsafe { entries(table) }
}

fn fine_entry(phys: u64) -> u64 {
    let within = |range: PhysRange| phys >= range.start && phys < range.end;
    let parts = parts();
    phys | GLOBAL
        | if within(parts.text) {
            PRESENT
        } else if within(parts.rodata) {
            PRESENT | NO_EXECUTE
        } else {
            PRESENT | WRITE | NO_EXECUTE
        }
}

impl Builder<'_> {
    fn table(&mut self) -> u64 {
        let window = PhysRange::new(0x10_0000, GIB);
        let low = PhysRange::new(0, GIB);
        let size = PAGE_SIZE as u64;
        let table = self.free.take(size, size, window).or_else(|| self.free.take(size, size, low));
        let table = table.expect("the first GiB has room for page tables").0;
        for slot in entries_of(table) {
            slot.store(0, Relaxed);
        }
        table
    }

    /// The table that the entry for `virt` in `table` of `level` points to, made if need be.
    fn next(&mut self, table: u64, virt: u64, level: u32) -> u64 {
        let index = (virt >> (12 + 9 * (level - 1))) as usize & 511;
        match entries_of(table)[index].load(Relaxed) {
            0 => {
                let new = self.table();
                entries_of(table)[index].store(new | PRESENT | WRITE, Relaxed);
                new
            }
            entry => entry & super::encoding::ADDRESS,
        }
    }

    fn set(&mut self, virt: u64, level: u32, entry: u64) {
        let mut table = self.root;
        for above in (level + 1..=4).rev() {
            table = self.next(table, virt, above);
        }
        entries_of(table)[(virt >> (12 + 9 * (level - 1))) as usize & 511].store(entry, Relaxed);
    }

    fn direct(&mut self, range: PhysRange, fine: PhysRange) {
        let flags = PRESENT | WRITE | GLOBAL | NO_EXECUTE;
        let mut at = range.start;
        while at < range.end {
            let fits = |size: u64| {
                at & (size - 1) == 0 && at + size <= range.end && (at + size <= fine.start || at >= fine.end)
            };
            let size = if at >= fine.start && at < fine.end {
                HUGE - (at & (HUGE - 1))
            } else if self.gib_pages && fits(GIB) {
                self.set(DIRECT_MAP + at, 3, at | flags | LARGE);
                GIB
            } else if fits(HUGE) {
                self.set(DIRECT_MAP + at, 2, at | flags | LARGE);
                HUGE
            } else {
                self.set(DIRECT_MAP + at, 1, at | flags);
                SMALL
            };
            at += size;
        }
    }
}
