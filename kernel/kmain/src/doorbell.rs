//! How an interrupt handler wakes the one thread that serves its device.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use osv_base::Instant;
use osv_sync::park::{self, Unpark};
use spin::Once;

/// A bell that anyone may ring and one thread waits for.
pub struct Doorbell {
    rung: AtomicBool,
    servant: Once<Arc<dyn Unpark>>,
}

impl Doorbell {
    /// A bell that nobody waits for yet.
    pub const fn new() -> Doorbell {
        Doorbell { rung: AtomicBool::new(false), servant: Once::new() }
    }

    /// Wakes the servant. From any context.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst)
            && let Some(servant) = self.servant.get()
        {
            servant.unpark();
        }
    }

    /// Waits until the bell was rung since the last time, or until `deadline`. Always on the same thread.
    pub fn wait(&self, deadline: Option<Instant>) {
        self.servant.call_once(|| park::scheduler().current());
        while !self.rung.swap(false, Ordering::SeqCst) {
            let scheduler = park::scheduler();
            if deadline.is_some_and(|deadline| scheduler.now() >= deadline) {
                return;
            }
            scheduler.park(deadline, false);
        }
    }
}
