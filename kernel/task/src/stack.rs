//! Kernel stacks: in the kernel's dynamic area, each above a page that is never mapped.
//!
//! Stacks that threads left are kept for the next ones, so that making a thread maps nothing.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::{PAGE_SIZE, VirtAddr};
use osv_hw::layout::KERNEL_STACK_SIZE;
use osv_mm::OutOfMemory;
use osv_mm::frame::{Frame, Use};
use osv_mm::mmu::{Entry, Pte, Size, mmu};
use osv_sync::SpinLock;

/// Most stacks that are kept.
const KEPT: usize = 64;
/// The guard page and the stack.
const SLOT: u64 = (PAGE_SIZE + KERNEL_STACK_SIZE) as u64;

static FREE: SpinLock<Vec<u64>> = SpinLock::new(Vec::new());
static NEXT_SLOT: AtomicU64 = AtomicU64::new(0);

/// A kernel stack, given back when dropped.
#[derive(Debug)]
pub struct KernelStack {
    bottom: u64,
}

impl KernelStack {
    /// One that was kept, or a new one.
    pub fn new() -> Result<Self, OutOfMemory> {
        if let Some(bottom) = FREE.lock().pop() {
            return Ok(KernelStack { bottom });
        }
        if osv_sched::has_dead() {
            // A program that forks in a loop is not to run away from the reaper, which has stacks for it.
            osv_sched::yield_now();
            if let Some(bottom) = FREE.lock().pop() {
                return Ok(KernelStack { bottom });
            }
        }
        let area = mmu().kernel_area();
        let slot = NEXT_SLOT.fetch_add(1, Ordering::Relaxed);
        // The upper half of the area: the lower is for large buffers.
        let middle = area.start + (area.end - area.start) / 2 / PAGE_SIZE as u64 * PAGE_SIZE as u64;
        let bottom = middle + slot * SLOT + PAGE_SIZE as u64;
        if bottom + KERNEL_STACK_SIZE as u64 > area.end {
            return Err(OutOfMemory);
        }
        for page in (0..KERNEL_STACK_SIZE as u64).step_by(PAGE_SIZE) {
            let frame = Frame::alloc(Use::Kernel)?;
            let entry = Entry { phys: frame.phys(), size: Size::Small, flags: Pte::READ | Pte::WRITE };
            mmu().map_kernel(VirtAddr(bottom + page), Some(entry))?;
            // Mapped for good: slots are reused, never unmapped.
            let _ = frame.into_phys();
        }
        Ok(KernelStack { bottom })
    }

    /// The address behind it, where it starts to grow down.
    pub fn top(&self) -> usize {
        self.bottom as usize + KERNEL_STACK_SIZE
    }

    /// Whether `addr` lies in the guard page below it.
    pub fn is_guard(&self, addr: u64) -> bool {
        addr < self.bottom && addr >= self.bottom - PAGE_SIZE as u64
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        let mut free = FREE.lock();
        if free.len() >= KEPT && free.len() == free.capacity() {
            // Still mapped, so still worth keeping; only make room outside of the common case.
            free.reserve(KEPT);
        }
        free.push(self.bottom);
    }
}
