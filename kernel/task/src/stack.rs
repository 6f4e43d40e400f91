//! Kernel stacks: in the kernel's dynamic area, each above a page that is never mapped.
//!
//! Stacks that threads left are kept for the next ones, so that making a thread maps nothing. When memory is short,
//! or caches are to be dropped, those that nobody uses are unmapped.

use alloc::vec::Vec;
use core::mem;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::{PAGE_SIZE, Pages, VirtAddr};
use osv_hw::layout::KERNEL_STACK_SIZE;
use osv_mm::OutOfMemory;
use osv_mm::frame::{Frame, Use};
use osv_mm::mmu::{Entry, Pte, Size, mmu};
use osv_mm::pressure::Shrinker;
use osv_sync::SpinLock;

/// Frames of a stack.
const FRAMES: usize = KERNEL_STACK_SIZE / PAGE_SIZE;
/// The guard page and the stack.
const SLOT: u64 = (PAGE_SIZE + KERNEL_STACK_SIZE) as u64;
/// The list of kept stacks grows by so many.
const STEP: usize = 64;

/// Stacks that nobody uses.
static KEPT: SpinLock<Vec<Mapped>> = SpinLock::new(Vec::new());
/// Where stacks were and none is mapped now.
static EMPTY: SpinLock<Vec<u64>> = SpinLock::new(Vec::new());
static NEXT_SLOT: AtomicU64 = AtomicU64::new(0);

/// A stack in its place, mapped until [`Mapped::give_back`].
#[derive(Debug)]
struct Mapped {
    bottom: u64,
    frames: Vec<Frame>,
}

impl Mapped {
    fn new() -> Result<Self, OutOfMemory> {
        let mut frames = Vec::new();
        frames.try_reserve_exact(FRAMES)?;
        for _ in 0..FRAMES {
            frames.push(Frame::alloc(Use::Kernel)?);
        }
        let stack = Mapped { bottom: place()?, frames };
        for (page, frame) in stack.pages().zip(&stack.frames) {
            let entry = Entry { phys: frame.phys(), size: Size::Small, flags: Pte::READ | Pte::WRITE };
            if let Err(fail) = mmu().map_kernel(page, Some(entry)) {
                stack.give_back();
                return Err(fail);
            }
        }
        Ok(stack)
    }

    fn pages(&self) -> impl Iterator<Item = VirtAddr> + use<> {
        let bottom = self.bottom;
        (0..KERNEL_STACK_SIZE as u64).step_by(PAGE_SIZE).map(move |at| VirtAddr(bottom + at))
    }

    /// Unmaps it and frees its frames. No spin lock may be held.
    fn give_back(self) {
        for page in self.pages() {
            // Where it was mapped there are tables, so this needs no memory.
            let _ = mmu().map_kernel(page, None);
        }
        mmu().shoot_down_kernel(self.bottom..self.bottom + KERNEL_STACK_SIZE as u64);
        let mut empty = EMPTY.lock();
        // Without memory for the note the place is lost; there are plenty.
        if empty.try_reserve(1).is_ok() {
            empty.push(self.bottom);
        }
    }
}

/// The bottom of a place where no stack is.
fn place() -> Result<u64, OutOfMemory> {
    if let Some(bottom) = EMPTY.lock().pop() {
        return Ok(bottom);
    }
    let area = mmu().kernel_area();
    let slot = NEXT_SLOT.fetch_add(1, Ordering::Relaxed);
    // The upper half of the area: the lower is for large buffers.
    let middle = area.start + (area.end - area.start) / 2 / PAGE_SIZE as u64 * PAGE_SIZE as u64;
    let bottom = middle + slot * SLOT + PAGE_SIZE as u64;
    if bottom + KERNEL_STACK_SIZE as u64 > area.end { Err(OutOfMemory) } else { Ok(bottom) }
}

/// A kernel stack, given back when dropped.
#[derive(Debug)]
pub struct KernelStack {
    stack: Mapped,
}

impl KernelStack {
    /// One that was kept, or a new one.
    pub fn new() -> Result<Self, OutOfMemory> {
        if let Some(stack) = KEPT.lock().pop() {
            return Ok(KernelStack { stack });
        }
        if osv_sched::has_dead() {
            // A program that forks in a loop is not to run away from the reaper, which has stacks for it.
            osv_sched::yield_now();
            if let Some(stack) = KEPT.lock().pop() {
                return Ok(KernelStack { stack });
            }
        }
        Ok(KernelStack { stack: Mapped::new()? })
    }

    /// The address behind it, where it starts to grow down.
    pub fn top(&self) -> usize {
        self.stack.bottom as usize + KERNEL_STACK_SIZE
    }

    /// Whether `addr` lies in the guard page below it.
    pub fn is_guard(&self, addr: u64) -> bool {
        addr < self.stack.bottom && addr >= self.stack.bottom - PAGE_SIZE as u64
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        let stack = Mapped { bottom: self.stack.bottom, frames: mem::take(&mut self.stack.frames) };
        let mut kept = KEPT.lock();
        if kept.len() == kept.capacity() && kept.try_reserve(STEP).is_err() {
            // It stays mapped and is lost, which needs no memory either.
            mem::forget(stack);
            return;
        }
        kept.push(stack);
    }
}

/// Gives kept stacks back.
pub(crate) struct KeptStacks;

impl Shrinker for KeptStacks {
    fn shrink(&self, pages: Pages) -> Pages {
        let mut freed = 0;
        while freed < pages.0 {
            // One at a time: the shootdown wants no spin lock held.
            let Some(stack) = KEPT.lock().pop() else { break };
            stack.give_back();
            freed += FRAMES;
        }
        Pages(freed)
    }
}
