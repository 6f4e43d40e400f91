//! Threads that wait for a condition.

use crate::park::{self, Unpark, Woken};
use crate::spinlock::SpinLock;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
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

/// Threads that wait for a condition, in order of arrival.
#[derive(Default)]
pub struct WaitQueue {
    len: AtomicUsize,
    ticket: AtomicU64,
    waiters: SpinLock<VecDeque<(u64, Arc<dyn Unpark>)>>,
}

impl core::fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "WaitQueue({} waiting)", self.len.load(Ordering::Relaxed))
    }
}

impl WaitQueue {
    /// A queue with nobody in it.
    pub const fn new() -> Self {
        WaitQueue {
            len: AtomicUsize::new(0),
            ticket: AtomicU64::new(0),
            waiters: SpinLock::new(VecDeque::new()),
        }
    }

    /// Sleeps until `condition` gives a value. It is evaluated before sleeping and after each wake, on the
    /// caller's thread and without a lock of this queue, so it may take locks itself.
    pub fn wait_until<R>(&self, how: Wait, mut condition: impl FnMut() -> Option<R>) -> Result<R, WaitError> {
        if let Some(value) = condition() {
            return Ok(value);
        }
        let scheduler = park::scheduler();
        let me = scheduler.current();
        let ticket = self.ticket.fetch_add(1, Ordering::Relaxed);
        loop {
            {
                let mut waiters = self.waiters.lock();
                if !waiters.iter().any(|(t, _)| *t == ticket) {
                    waiters.push_back((ticket, me.clone()));
                    self.len.store(waiters.len(), Ordering::Relaxed);
                }
            }
            // Pairs with the fence in `wake`: either the waker sees us in the queue, or we see its condition.
            fence(Ordering::SeqCst);
            if let Some(value) = condition() {
                self.leave(ticket);
                return Ok(value);
            }
            let error = match scheduler.park(how.deadline, how.interruptible) {
                Woken::Unparked => continue,
                Woken::TimedOut => WaitError::TimedOut,
                Woken::Interrupted => WaitError::Interrupted,
            };
            let was_queued = self.leave(ticket);
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

    fn leave(&self, ticket: u64) -> bool {
        let mut waiters = self.waiters.lock();
        let before = waiters.len();
        waiters.retain(|(t, _)| *t != ticket);
        self.len.store(waiters.len(), Ordering::Relaxed);
        waiters.len() != before
    }

    /// Wakes up to `count` waiters, first come first; returns how many. Call it after making the condition true.
    pub fn wake(&self, count: usize) -> usize {
        fence(Ordering::SeqCst);
        if self.len.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let mut woken = 0;
        while woken < count {
            let next = {
                let mut waiters = self.waiters.lock();
                let next = waiters.pop_front();
                self.len.store(waiters.len(), Ordering::Relaxed);
                next
            };
            let Some((_, thread)) = next else { break };
            thread.unpark();
            woken += 1;
        }
        woken
    }

    /// Wakes the first waiter; `false` when nobody waits.
    pub fn wake_one(&self) -> bool {
        self.wake(1) == 1
    }

    /// Wakes all who wait now; returns how many.
    pub fn wake_all(&self) -> usize {
        fence(Ordering::SeqCst);
        self.wake(self.len.load(Ordering::Relaxed))
    }
}
