//! [`osv_mm::mmu::Mmu`] on x86.

use super::encoding::{GLOBAL, X86};
use super::kernel_half;
use crate::layout::{DYNAMIC, DYNAMIC_LEN};
use alloc::boxed::Box;
use core::arch::asm;
use core::ops::Range;
use osv_base::VirtAddr;
use osv_mm::OutOfMemory;
use osv_mm::cpu::CpuSet;
use osv_mm::mmu::radix::{Encoding, Tree};
use osv_mm::mmu::{Entry, Mmu, PageTable, Size};

/// More pages than this are flushed by reloading the tables.
const FLUSH_MANY: u64 = 32;

/// The machine's memory management unit.
#[derive(Debug)]
pub struct Machine;

/// For [`osv_mm::mmu::register`].
pub static MACHINE: Machine = Machine;

/// Forgets this CPU's translation of one page.
#[inline]
pub(crate) fn flush_page(at: u64) {
    // SAFETY: only drops a cached translation.
    unsafe { asm!("invlpg [{}]", in(reg) at, options(nostack, preserves_flags)) };
}

/// Forgets this CPU's translations of the lower half.
#[inline]
pub(crate) fn flush_lower() {
    // SAFETY: loads what is loaded.
    unsafe { crate::cpu::write_cr3(crate::cpu::read_cr3()) };
}

/// Forgets all translations of this CPU, the global ones as well.
pub(crate) fn flush_all() {
    // SAFETY: clearing CR4.PGE flushes everything; it is set again at once.
    unsafe {
        asm!(
            "mov {a}, cr4", "mov {b}, {a}", "and {b}, ~0x80", "mov cr4, {b}", "mov cr4, {a}",
            a = out(reg) _, b = out(reg) _, options(nostack)
        );
    }
}

/// Forgets this CPU's translations of `range`.
pub(crate) fn flush_range(range: &Range<u64>) {
    if range.end.saturating_sub(range.start) >> 12 > FLUSH_MANY {
        if range.start >> 63 == 0 { flush_lower() } else { flush_all() }
    } else {
        for at in range.clone().step_by(4096) {
            flush_page(at);
        }
    }
}

impl Mmu for Machine {
    fn new_table(&self) -> Result<Box<dyn PageTable>, OutOfMemory> {
        Ok(Box::new(Tree::<X86>::new(kernel_half::upper())?))
    }

    fn flush_here(&self, at: u64) {
        flush_page(at);
    }

    fn shoot_down(&self, cpus: &CpuSet, range: Range<u64>) {
        crate::smp::shoot_down(|| cpus.bits(), range);
    }

    fn map_kernel(&self, at: VirtAddr, entry: Option<Entry>) -> Result<(), OutOfMemory> {
        let level = if entry.is_some_and(|entry| entry.size == Size::Huge) { 2 } else { 1 };
        kernel_half::set(at, level, entry.map_or(0, |entry| X86::leaf(entry) | GLOBAL))
    }

    fn shoot_down_kernel(&self, range: Range<u64>) {
        crate::smp::shoot_down(|| u64::MAX, range);
    }

    fn kernel_area(&self) -> Range<u64> {
        DYNAMIC..DYNAMIC + DYNAMIC_LEN
    }
}
