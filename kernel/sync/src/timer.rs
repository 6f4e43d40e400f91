//! Actions at a time: what setitimer(2), timer_create(2) and timerfd need. They run on one kernel thread
//! ([`serve`]), in its context, so they may take locks; they should be short.
//!
//! A thread that only wants to sleep until a time gives its wait a deadline instead.

use crate::mutex::Mutex;
use crate::park;
use crate::wait_queue::{Wait, WaitQueue};
use alloc::collections::BTreeMap;
use alloc::sync::Weak;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::Instant;

/// What a [`Timer`] acts on.
pub trait Expire: Send + Sync {
    /// The timer's time has come. It may come once more after [`Timer::disarm`] or [`Timer::arm`] returned, if it was
    /// under way: look at what is wanted now. It may arm the timer again.
    fn expire(&self, now: Instant);
}

/// An alarm for one target.
pub struct Timer {
    id: u64,
    /// When it goes off.
    at: Mutex<Option<Instant>>,
    target: Weak<dyn Expire>,
}

impl core::fmt::Debug for Timer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Timer({:?})", self.at)
    }
}

type Queue = BTreeMap<(Instant, u64), Weak<dyn Expire>>;

static QUEUE: Mutex<Queue> = Mutex::new(BTreeMap::new());
static CHANGED: WaitQueue = WaitQueue::new();
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Timer {
    /// One that is not armed.
    pub fn new(target: Weak<dyn Expire>) -> Self {
        Timer { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), at: Mutex::new(None), target }
    }

    /// Goes off at `at`, and not at what was set before.
    pub fn arm(&self, at: Instant) {
        self.set(Some(at));
    }

    /// Does not go off.
    pub fn disarm(&self) {
        self.set(None);
    }

    fn set(&self, new: Option<Instant>) {
        let mut at = self.at.lock();
        let mut queue = QUEUE.lock();
        if let Some(old) = at.take() {
            queue.remove(&(old, self.id));
        }
        *at = new;
        if let Some(new) = new {
            queue.insert((new, self.id), self.target.clone());
            let is_first = queue.first_key_value().is_some_and(|(&(_, id), _)| id == self.id);
            drop(queue);
            if is_first {
                CHANGED.wake_all();
            }
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// Runs what is due; gives when the next is.
fn run_due() -> Option<Instant> {
    loop {
        let now = park::now();
        let mut queue = QUEUE.lock();
        let (&(at, id), _) = queue.first_key_value()?;
        if at > now {
            return Some(at);
        }
        let target = queue.remove(&(at, id));
        drop(queue);
        let Some(target) = target else { continue };
        if let Some(target) = target.upgrade() {
            target.expire(now);
        }
    }
}

/// What the kernel's timer thread does, for ever.
pub fn serve() -> ! {
    loop {
        let next = run_due();
        let earlier = || {
            let first = QUEUE.lock().first_key_value().map(|(&(at, _), _)| at);
            (first != next).then_some(())
        };
        // Either result means: look again.
        let _ = CHANGED.wait_until(Wait { deadline: next, interruptible: false }, earlier);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use std::sync::{Arc, mpsc};
    use std::thread;

    struct Tick {
        sender: std::sync::Mutex<mpsc::Sender<Instant>>,
        periodic: bool,
        timer: Timer,
    }

    impl Tick {
        fn new(sender: mpsc::Sender<Instant>, periodic: bool) -> Arc<Self> {
            Arc::new_cyclic(|me: &Weak<Tick>| Tick {
                sender: std::sync::Mutex::new(sender),
                periodic,
                timer: Timer::new(me.clone()),
            })
        }
    }

    impl Expire for Tick {
        fn expire(&self, now: Instant) {
            if self.periodic {
                self.timer.arm(now + Duration::from_millis(2));
            }
            let _ = self.sender.lock().map(|sender| sender.send(now));
        }
    }

    #[test]
    fn timers_go_off_in_time_and_again_and_not_when_disarmed() {
        thread::spawn(|| serve());
        let (sender, receiver) = mpsc::channel();
        let once = Tick::new(sender.clone(), false);
        let timer = &once.timer;
        let start = park::now();
        timer.arm(start + Duration::from_millis(5));
        let at = receiver.recv_timeout(Duration::from_secs(5)).expect("goes off");
        assert!(at >= start + Duration::from_millis(5));
        timer.arm(park::now() + Duration::from_millis(20));
        timer.disarm();
        assert!(receiver.recv_timeout(Duration::from_millis(60)).is_err());

        let again = Tick::new(sender, true);
        again.timer.arm(park::now());
        for _ in 0..3 {
            receiver.recv_timeout(Duration::from_secs(5)).expect("goes off again");
        }
    }
}
