//! Threads that are over and off their stacks.

use super::{current, unparked};
use crate::entity::Entity;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};
use osv_sync::inbox::Inbox;

static DEAD_LIST: Inbox<Entity> = Inbox::new();
static REAPER: AtomicPtr<Entity> = AtomicPtr::new(core::ptr::null_mut());

/// Leaves a dead thread to the reaper.
pub(super) fn leave(entity: NonNull<Entity>) {
    // SAFETY: the reference that `release` drops keeps it alive, and nobody queues the dead.
    unsafe { DEAD_LIST.push(entity) };
    let reaper = REAPER.load(Ordering::Acquire);
    if let Some(reaper) = NonNull::new(reaper) {
        // SAFETY: the reaper lives forever.
        unparked(unsafe { reaper.as_ref() });
    }
}

/// Makes the calling thread the one that buries the dead.
pub(crate) fn become_reaper() {
    REAPER.store(core::ptr::from_ref(current()).cast_mut(), Ordering::Release);
}

/// Whether somebody waits to be buried.
pub(crate) fn has_dead() -> bool {
    !DEAD_LIST.is_empty()
}

/// Buries those who died so far; gives whether there were any.
pub(crate) fn bury() -> bool {
    let mut any = false;
    DEAD_LIST.take_all(|entity| {
        any = true;
        // SAFETY: a dead entity is kept alive by the reference that `release` drops.
        let ops = unsafe { entity.as_ref() }.ops;
        (ops.release)(entity);
    });
    any
}
