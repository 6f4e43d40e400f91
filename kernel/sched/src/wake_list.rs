//! Threads that other CPUs woke for one CPU: many push without a lock, the owner takes all at once.

use crate::entity::Entity;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

/// The list. An entity is on at most one, as [`Entity`]'s states guarantee.
#[derive(Debug)]
pub(crate) struct WakeList(AtomicPtr<Entity>);

impl WakeList {
    pub(crate) const fn new() -> Self {
        WakeList(AtomicPtr::new(ptr::null_mut()))
    }

    /// Adds one; gives whether the list was empty.
    pub(crate) fn push(&self, entity: NonNull<Entity>) -> bool {
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY: whoever pushes has the duty to queue the entity, so it is alive and its link is ours.
            unsafe { entity.as_ref() }.next.store(head, Ordering::Relaxed);
            match self.0.compare_exchange_weak(head, entity.as_ptr(), Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return head.is_null(),
                Err(now) => head = now,
            }
        }
    }

    /// Whether there is nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::SeqCst).is_null()
    }

    /// Takes all, first come first.
    pub(crate) fn take_all(&self, mut each: impl FnMut(NonNull<Entity>)) {
        if self.0.load(Ordering::Relaxed).is_null() {
            return;
        }
        let mut taken = self.0.swap(ptr::null_mut(), Ordering::SeqCst);
        let mut in_order = ptr::null_mut();
        while let Some(entity) = NonNull::new(taken) {
            // SAFETY: entities on a list are alive, and those that we took are ours alone.
            let link = &unsafe { entity.as_ref() }.next;
            taken = link.load(Ordering::Relaxed);
            link.store(in_order, Ordering::Relaxed);
            in_order = entity.as_ptr();
        }
        while let Some(entity) = NonNull::new(in_order) {
            // SAFETY: as above; read before `each` makes it somebody else's.
            in_order = unsafe { entity.as_ref() }.next.load(Ordering::Relaxed);
            each(entity);
        }
    }
}
