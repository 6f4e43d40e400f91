//! What happens as memory runs out (design section 6).
//!
//! 1. Plenty: more than half is free, huge pages may be used.
//! 2. Below [`low`]: mmap, fork, sockets and threads fail at the door with ENOMEM ([`admit`]), and the shrinkers are
//!    asked to give back, by a thread of their own ([`run_shrinkers`]), never inside a fault.
//! 3. The reserve: only the kernel's own small allocations. A call that takes it below one half ends its process on
//!    the way out: what asks for one small thing after another at no door would otherwise reach the end.
//! 4. Nothing left: whoever faulted gets [`crate::space::Outcome::OutOfMemory`], and calls [`last_resort`], which ends
//!    the application with status 137 and a report.

use crate::{OutOfMemory, frame, meminfo};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use osv_base::Pages;
use osv_sync::{Mutex, Wait, WaitQueue};
use spin::Once;

/// A cache that can give memory back.
pub trait Shrinker: Send + Sync {
    /// Frees about `pages`; returns how many it freed. Runs on the shrinkers' thread, with no lock held.
    fn shrink(&self, pages: Pages) -> Pages;
}

static SHRINKERS: Mutex<Vec<Arc<dyn Shrinker>>> = Mutex::new(Vec::new());
static WANTED: AtomicBool = AtomicBool::new(false);
static WAKE: WaitQueue = WaitQueue::new();
static REFUSED: AtomicUsize = AtomicUsize::new(0);
/// Whether the shrinkers' thread exists.
static RUNNING: AtomicBool = AtomicBool::new(false);
static ROUNDS: AtomicUsize = AtomicUsize::new(0);
static DONE: WaitQueue = WaitQueue::new();
/// How long a fault waits for a round of the shrinkers.
const PATIENCE: Duration = Duration::from_millis(500);
static LAST_RESORT: Once<fn() -> !> = Once::new();
static RECLAIM: Once<fn(usize) -> usize> = Once::new();

/// Free frames below which nothing new is let in: twice the reserve.
pub fn low() -> usize {
    frame::reserve() * 2
}

/// Whether more than half of memory is free.
#[inline]
pub fn is_plenty() -> bool {
    frame::free_about() > frame::total() / 2
}

/// The door: whether `pages` more may be begun with. Asked by mmap, fork, clone and socket before they start.
#[inline]
pub fn admit(pages: Pages) -> Result<(), OutOfMemory> {
    if frame::free_about() > low().saturating_add(pages.0) {
        return Ok(());
    }
    refuse(pages)
}

#[cold]
fn refuse(pages: Pages) -> Result<(), OutOfMemory> {
    wake_shrinkers();
    // The caches by CPU count as well, and so does what file systems would give back.
    if frame::counts().free + meminfo::cached() > low().saturating_add(pages.0) {
        return Ok(());
    }
    REFUSED.fetch_add(1, Ordering::Relaxed);
    Err(OutOfMemory)
}

/// How often the door stayed shut.
pub fn refusals() -> usize {
    REFUSED.load(Ordering::Relaxed)
}

/// Adds a cache that can shrink.
pub fn register(shrinker: Arc<dyn Shrinker>) -> Result<(), OutOfMemory> {
    let mut shrinkers = SHRINKERS.lock();
    shrinkers.try_reserve(1)?;
    shrinkers.push(shrinker);
    Ok(())
}

/// Registers what gives frames back at once: it is asked for so many where one was wanted and none was free, and says
/// how many it freed. It is called with any lock held, so it takes none that it would have to wait for. The first
/// registration stays.
pub fn register_reclaim(reclaim: fn(usize) -> usize) {
    RECLAIM.call_once(|| reclaim);
}

/// Frees about `frames` at once, if anything can; whether it did.
#[cold]
pub(crate) fn reclaim(frames: usize) -> bool {
    RECLAIM.get().is_some_and(|reclaim| reclaim(frames) > 0)
}

/// Asks for a round of the shrinkers soon.
pub fn wake_shrinkers() {
    WANTED.store(true, Ordering::SeqCst);
    WAKE.wake_one();
}

/// Body of the shrinkers' thread, which bring-up starts; never returns.
pub fn run_shrinkers() -> ! {
    loop {
        RUNNING.store(true, Ordering::Relaxed);
        let _ = WAKE.wait_until(Wait::UNINTERRUPTIBLE, || WANTED.swap(false, Ordering::SeqCst).then_some(()));
        shrink_once();
        ROUNDS.fetch_add(1, Ordering::SeqCst);
        DONE.wake_all();
    }
}

/// For a fault that found no memory: asks the shrinkers, which run on their own thread, and waits for a round of
/// theirs. Whether it is worth trying again. No lock may be held.
#[cold]
pub fn wait_for_memory() -> bool {
    if !RUNNING.load(Ordering::Relaxed) || SHRINKERS.lock().is_empty() {
        return false;
    }
    // The round that is under way may have begun before there was need.
    for _ in 0..2 {
        let round = ROUNDS.load(Ordering::SeqCst);
        wake_shrinkers();
        let how = Wait { deadline: Some(osv_sync::park::now() + PATIENCE), interruptible: false };
        let waited = DONE.wait_until(how, || (ROUNDS.load(Ordering::SeqCst) != round).then_some(()));
        if waited.is_ok() && frame::free_about() > frame::reserve() {
            return true;
        }
    }
    false
}

/// One round: until there is twice what the door asks for, each shrinker once. Returns the pages freed.
pub fn shrink_once() -> Pages {
    let count = SHRINKERS.lock().len();
    let mut freed = 0;
    for i in 0..count {
        let want = (low() * 2).saturating_sub(frame::counts().free);
        if want == 0 {
            break;
        }
        let Some(shrinker) = SHRINKERS.lock().get(i).cloned() else { break };
        freed += shrinker.shrink(Pages(want)).0;
    }
    Pages(freed)
}

/// Gives back what caches hold, whether there is need or not: /proc/sys/vm/drop_caches. No lock may be held.
pub fn drop_caches() {
    let count = SHRINKERS.lock().len();
    for i in 0..count {
        let Some(shrinker) = SHRINKERS.lock().get(i).cloned() else { break };
        shrinker.shrink(Pages(frame::total()));
    }
    reclaim(frame::total());
    crate::heap::give_back();
}

static OVERDRAWN: Once<fn()> = Once::new();

/// Registers who is told that the running thread's call has taken the kernel below half of its reserve. It is called in
/// the middle of an allocation, so it may only make a note. The first registration stays.
pub fn set_overdrawn(note: fn()) {
    OVERDRAWN.call_once(|| note);
}

/// After an allocation for the kernel itself: half of the reserve is for those who are told to end to get there.
#[inline]
pub(crate) fn after_kernel_allocation() {
    if frame::free_about() < frame::reserve() / 2
        && let Some(note) = OVERDRAWN.get()
    {
        note();
    }
}

/// Registers what ends the application when nothing else helps. The first registration stays.
pub fn set_last_resort(end: fn() -> !) {
    LAST_RESORT.call_once(|| end);
}

/// Ends the application: out of memory.
///
/// # Panics
/// When nobody registered.
pub fn last_resort() -> ! {
    match LAST_RESORT.get() {
        Some(end) => end(),
        None => panic!("out of memory: {:?}", frame::counts()),
    }
}
