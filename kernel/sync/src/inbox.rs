//! A list that many push to without a lock, and whose owner takes all at once: threads that other CPUs woke for one
//! CPU, threads that wait to be buried. Nothing is allocated; each item has room for its link.

use crate::model::atomic::{AtomicPtr, Ordering};
use crate::model::const_unless_loom;
use core::fmt;
use core::ptr::{self, NonNull};

/// What can be on an [`Inbox`].
///
/// # Safety
/// The link is the item's own, always the same, and nothing else uses it while the item is on a list.
pub unsafe trait Linked: Sized {
    /// Room for the link.
    fn link(&self) -> &AtomicPtr<Self>;
}

/// The list.
pub struct Inbox<T>(AtomicPtr<T>);

impl<T> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

impl<T: Linked> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Inbox<T> {
    const_unless_loom! {
        /// Nobody.
        pub fn new() -> Inbox<T> {
            Inbox(AtomicPtr::new(ptr::null_mut()))
        }
    }
}

impl<T: Linked> Inbox<T> {
    /// Adds one; gives whether the list was empty.
    ///
    /// # Safety
    /// The item is on no list, and lives until the owner has taken it.
    pub unsafe fn push(&self, item: NonNull<T>) -> bool {
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY: the caller promises that it lives.
            unsafe { item.as_ref() }.link().store(head, Ordering::Relaxed);
            match self.0.compare_exchange_weak(head, item.as_ptr(), Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return head.is_null(),
                Err(now) => head = now,
            }
        }
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::SeqCst).is_null()
    }

    /// Takes all, first come first. What `each` gets is off the list.
    pub fn take_all(&self, mut each: impl FnMut(NonNull<T>)) {
        if self.0.load(Ordering::Relaxed).is_null() {
            return;
        }
        let mut taken = self.0.swap(ptr::null_mut(), Ordering::SeqCst);
        let mut in_order = ptr::null_mut();
        while let Some(item) = NonNull::new(taken) {
            // SAFETY: items on a list are alive, and those that we took are ours alone.
            let link = unsafe { item.as_ref() }.link();
            taken = link.load(Ordering::Relaxed);
            link.store(in_order, Ordering::Relaxed);
            in_order = item.as_ptr();
        }
        while let Some(item) = NonNull::new(in_order) {
            // SAFETY: as above; read before `each` makes it somebody else's.
            in_order = unsafe { item.as_ref() }.link().load(Ordering::Relaxed);
            each(item);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
