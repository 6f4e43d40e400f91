//! Threads that wait for a condition.

use crate::irq::IrqSpinLock;
use crate::model::atomic::{AtomicUsize, Ordering, fence};
use crate::model::const_unless_loom;
use crate::park::{self, Woken};
use crate::wait_list::{List, Node};
use osv_base::{Fail, Instant};

/// How to wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wait {
    /// Give up at this time.
    pub deadline: Option<Instant>,
    /// Return [`WaitError::Interrupted`] when a signal is pending.
    pub interruptible: bool,
}

impl Wait {
    /// Until the condition holds, whatever signals come.
    pub const UNINTERRUPTIBLE: Wait = Wait { deadline: None, interruptible: false };
    /// Until the condition holds or a signal is pending.
    pub const INTERRUPTIBLE: Wait = Wait { deadline: None, interruptible: true };
    /// As [`Wait::INTERRUPTIBLE`], with a deadline.
    pub const fn until(deadline: Option<Instant>) -> Wait {
        Wait { deadline, interruptible: true }
    }
}

/// Why a wait ended without its condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitError {
    /// The deadline passed.
    TimedOut,
    /// A signal is pending.
    Interrupted,
}

impl WaitError {
    /// As a failure, with `timeout` for a passed deadline.
    pub fn or_timeout(self, timeout: osv_base::Errno) -> Fail {
        match self {
            WaitError::TimedOut => timeout.into(),
            WaitError::Interrupted => Fail::Interrupted,
        }
    }
}

/// Threads that wait for a condition, in order of arrival. Waking may be done by interrupt handlers.
#[derive(Default)]
pub struct WaitQueue {
    len: AtomicUsize,
    waiters: IrqSpinLock<List>,
}

impl core::fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "WaitQueue({} waiting)", self.len.load(Ordering::Relaxed))
    }
}

impl WaitQueue {
    const_unless_loom! {
        /// A queue with nobody in it.
        pub fn new() -> WaitQueue {
            WaitQueue { len: AtomicUsize::new(0), waiters: IrqSpinLock::new(List::new()) }
        }
    }

    /// Sleeps until `condition` gives a value. It is evaluated before sleeping and after each wake, on the
    /// caller's thread and without a lock of this queue, so it may take locks itself.
    pub fn wait_until<R>(&self, how: Wait, mut condition: impl FnMut() -> Option<R>) -> Result<R, WaitError> {
        if let Some(value) = condition() {
            return Ok(value);
        }
        let scheduler = park::scheduler();
        let place = Place { queue: self, node: Node::new(scheduler.current()) };
        loop {
            place.enter();
            // Pairs with the fence in `wake`: either the waker sees us in the queue, or we see its condition.
            fence(Ordering::SeqCst);
            if let Some(value) = condition() {
                return Ok(value);
            }
            if !place.node.is_queued() {
                // Woken while the condition was evaluated. If that slept for a lock, it may have taken the unpark
                // that came with it, and no other is to come.
                continue;
            }
            let error = match scheduler.park(how.deadline, how.interruptible) {
                Woken::Unparked => continue,
                Woken::TimedOut => WaitError::TimedOut,
                Woken::Interrupted => WaitError::Interrupted,
            };
            let was_queued = place.leave();
            if let Some(value) = condition() {
                return Ok(value);
            }
            if !was_queued {
                // A wake_one was spent on us; hand it on.
                self.wake(1);
            }
            return Err(error);
        }
    }

    /// Wakes up to `count` waiters, first come first; returns how many. Call it after making the condition true.
    #[inline]
    pub fn wake(&self, count: usize) -> usize {
        fence(Ordering::SeqCst);
        if self.len.load(Ordering::Relaxed) == 0 { 0 } else { self.wake_slow(count) }
    }

    #[cold]
    fn wake_slow(&self, count: usize) -> usize {
        let mut waiters = self.waiters.lock();
        let mut woken = 0;
        while woken < count && waiters.wake_first() {
            woken += 1;
        }
        self.len.fetch_sub(woken, Ordering::Relaxed);
        woken
    }

    /// Wakes the first waiter; `false` when nobody waits.
    pub fn wake_one(&self) -> bool {
        self.wake(1) == 1
    }

    /// Wakes all who wait now; returns how many.
    pub fn wake_all(&self) -> usize {
        self.wake(usize::MAX)
    }
}

/// A waiting thread's node, which leaves the queue before it goes away.
struct Place<'q> {
    queue: &'q WaitQueue,
    node: Node,
}

impl Place<'_> {
    fn enter(&self) {
        let mut waiters = self.queue.waiters.lock();
        // SAFETY: the node does not move while `self` is borrowed, and `drop` takes it off.
        if unsafe { waiters.push_back(&self.node) } {
            self.queue.len.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn leave(&self) -> bool {
        let mut waiters = self.queue.waiters.lock();
        let was_queued = waiters.remove(&self.node);
        if was_queued {
            self.queue.len.fetch_sub(1, Ordering::Relaxed);
        }
        was_queued
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
