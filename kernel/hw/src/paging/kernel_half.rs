//! Changes to the kernel's half after boot: the dynamic area and device registers.

use super::encoding::{ADDRESS, GLOBAL, LARGE, NO_EXECUTE, PRESENT, UNCACHED, WRITE};
use super::entries;
use crate::layout::{MMIO, MMIO_LEN};
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::{PAGE_SIZE, PhysAddr, VirtAddr};
use osv_mm::OutOfMemory;
use osv_mm::frame::{Frame, Use};
use osv_sync::SpinLock;

static ROOT: AtomicU64 = AtomicU64::new(0);
/// Serialises changes; holds the next free address for device registers.
static NEXT_MMIO: SpinLock<u64> = SpinLock::new(MMIO);

/// Takes the tables that were built at boot.
pub(super) fn adopt(root: PhysAddr) {
    ROOT.store(root.0, Ordering::Release);
}

/// The tables that have nothing in the lower half: what kernel threads run on.
pub fn root() -> PhysAddr {
    PhysAddr(ROOT.load(Ordering::Acquire))
}

/// The upper half's top-level entries.
pub(super) fn upper() -> impl Iterator<Item = (usize, u64)> {
    // SAFETY: the kernel's root is a table in RAM.
    let top = unsafe { entries(root().0) };
    (256..512).map(|index| (index, top[index].load(Ordering::Relaxed))).filter(|(_, raw)| *raw != 0)
}

/// The slot for `virt` at `level`, making tables on the way; fails also when a larger page is in the way.
fn slot(virt: u64, level: u32) -> Result<&'static AtomicU64, OutOfMemory> {
    let mut table = root().0;
    for above in (level + 1..=4).rev() {
        // SAFETY: the root and what its entries point to are tables in RAM, which are never freed.
        let entry = unsafe { &entries(table)[(virt >> (12 + 9 * (above - 1))) as usize & 511] };
        table = match entry.load(Ordering::Acquire) {
            0 => {
                let new = Frame::zeroed(Use::Kernel)?.into_phys();
                entry.store(new.0 | PRESENT | WRITE, Ordering::Release);
                new.0
            }
            raw if raw & LARGE != 0 => return Err(OutOfMemory),
            raw => raw & ADDRESS,
        };
    }
    // SAFETY: as above.
    Ok(unsafe { &entries(table)[(virt >> (12 + 9 * (level - 1))) as usize & 511] })
}

/// Writes one entry of the dynamic area.
pub(super) fn set(virt: VirtAddr, level: u32, raw: u64) -> Result<(), OutOfMemory> {
    let _changes = NEXT_MMIO.lock();
    slot(virt.0, level)?.store(raw, Ordering::Release);
    Ok(())
}

/// How a mapping of device memory is cached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cache {
    /// Registers.
    Uncached,
    /// Memory that only the firmware's map does not call RAM.
    WriteBack,
}

/// Maps device registers, uncached. `phys` need not be aligned. Mappings stay.
pub fn map_mmio(phys: PhysAddr, len: usize) -> Option<VirtAddr> {
    map_device(phys, len, Cache::Uncached)
}

/// As [`map_mmio`], with a choice of caching.
pub fn map_device(phys: PhysAddr, len: usize, cache: Cache) -> Option<VirtAddr> {
    let first = phys.align_down(PAGE_SIZE as u64);
    let end =
        phys.0.checked_add(len.max(1) as u64)?.checked_add(PAGE_SIZE as u64 - 1)? & !(PAGE_SIZE as u64 - 1);
    let flags = PRESENT | WRITE | GLOBAL | NO_EXECUTE | if cache == Cache::Uncached { UNCACHED } else { 0 };
    let mut next = NEXT_MMIO.lock();
    let base = *next;
    if end - first.0 > MMIO + MMIO_LEN - base {
        return None;
    }
    for offset in (0..end - first.0).step_by(PAGE_SIZE) {
        slot(base + offset, 1).ok()?.store((first.0 + offset) | flags, Ordering::Release);
    }
    *next = base + (end - first.0);
    Some(VirtAddr(base + phys.page_offset() as u64))
}
