//! Whether a thread runs or sleeps, as one word that everybody may change.
//!
//! Running covers waiting to run. A thread parks itself; whoever turns parked back into running has the duty to queue
//! it, exactly once. An unpark that finds it running leaves a token, which the next park takes. Dead is final. So no
//! queue ever holds a thread twice, and none holds one that is dead: queues need no reference counts.

use crate::model::atomic::{AtomicU32, Ordering};
use crate::model::const_unless_loom;

const RUNNING: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;
const DEAD: u32 = 3;

/// A thread's state.
#[derive(Debug)]
pub struct Parking(AtomicU32);

impl Default for Parking {
    fn default() -> Self {
        Self::new()
    }
}

impl Parking {
    const_unless_loom! {
        /// Of a thread that was not started: it is parked.
        pub fn new() -> Parking {
            Parking(AtomicU32::new(PARKED))
        }
    }

    /// The thread runs already: a CPU's boot context.
    pub fn start(&self) {
        self.0.store(RUNNING, Ordering::Relaxed);
    }

    /// By the thread itself: takes the token, if there is one.
    pub fn take_token(&self) -> bool {
        if self.0.load(Ordering::Relaxed) != NOTIFIED {
            return false;
        }
        // Only the thread itself takes a token away.
        self.0.swap(RUNNING, Ordering::SeqCst);
        true
    }

    /// By the thread itself: from here on it is parked, and who unparks it queues it. `false`: it took a token
    /// instead, and goes on.
    pub fn park(&self) -> bool {
        let parked = self.0.compare_exchange(RUNNING, PARKED, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if !parked {
            // By exchange, as in `take_token`: what the last to leave the token did before must be seen.
            self.0.swap(RUNNING, Ordering::SeqCst);
        }
        parked
    }

    /// Unparks it, or leaves the token. `true`: the caller has the duty to queue it.
    #[must_use]
    pub fn unpark(&self) -> bool {
        loop {
            let old = self.0.load(Ordering::Relaxed);
            let new = match old {
                PARKED => RUNNING,
                // A token that is there already is written again: only a write makes what the caller did before
                // visible to the one who takes the token.
                RUNNING | NOTIFIED => NOTIFIED,
                _ => return false,
            };
            if self.0.compare_exchange(old, new, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                return old == PARKED;
            }
        }
    }

    /// Unparks it if it is parked, and leaves no token. `true`: the caller has the duty to queue it.
    #[must_use]
    pub fn wake_if_parked(&self) -> bool {
        self.0.compare_exchange(PARKED, RUNNING, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// By the thread itself: it is over.
    pub fn end(&self) {
        self.0.store(DEAD, Ordering::SeqCst);
    }

    /// Whether it sleeps.
    #[inline]
    pub fn is_parked(&self) -> bool {
        self.0.load(Ordering::SeqCst) == PARKED
    }

    /// Whether it is over.
    #[inline]
    pub fn is_dead(&self) -> bool {
        self.0.load(Ordering::Relaxed) == DEAD
    }
}
