//! What poll(2), epoll(7) and blocking reads wait for: the readiness of a file.

use crate::spinlock::SpinLock;
use crate::wait_queue::WaitQueue;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use bitflags::bitflags;
use core::sync::atomic::{AtomicUsize, Ordering};

bitflags! {
    /// Readiness, with the values of poll(2) and epoll_ctl(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
    pub struct Events: u32 {
        /// Data to read.
        const IN = 0x001;
        /// Exceptional condition.
        const PRI = 0x002;
        /// Room to write.
        const OUT = 0x004;
        /// An error is pending.
        const ERR = 0x008;
        /// Hung up.
        const HUP = 0x010;
        /// Not an open descriptor (poll only).
        const NVAL = 0x020;
        /// As IN.
        const RDNORM = 0x040;
        /// Priority band data.
        const RDBAND = 0x080;
        /// As OUT.
        const WRNORM = 0x100;
        /// Priority data may be written.
        const WRBAND = 0x200;
        /// The peer closed its writing half.
        const RDHUP = 0x2000;
    }
}

/// Told of changes in a file's readiness; epoll's item is one.
pub trait Observer: Send + Sync {
    /// `events` may have become true. Called without the file's locks where possible; must not block.
    fn notify(&self, events: Events);
}

/// Those who wait for a file: sleeping threads and observers. A file has one and calls
/// [`Readiness::changed`] after each change that may have made an event true.
#[derive(Default)]
pub struct Readiness {
    /// Threads that sleep in a blocking call or in poll.
    pub waiters: WaitQueue,
    observer_count: AtomicUsize,
    observers: SpinLock<Vec<Weak<dyn Observer>>>,
}

impl Readiness {
    /// With nobody waiting.
    pub const fn new() -> Self {
        Readiness {
            waiters: WaitQueue::new(),
            observer_count: AtomicUsize::new(0),
            observers: SpinLock::new(Vec::new()),
        }
    }

    /// Adds an observer. It is dropped from the list when its last strong reference goes.
    pub fn observe(&self, observer: Weak<dyn Observer>) {
        let mut observers = self.observers.lock();
        observers.retain(|o| o.strong_count() > 0);
        observers.push(observer);
        self.observer_count.store(observers.len(), Ordering::SeqCst);
    }

    /// Removes an observer.
    pub fn forget(&self, observer: &Weak<dyn Observer>) {
        let mut observers = self.observers.lock();
        observers.retain(|o| o.strong_count() > 0 && !Weak::ptr_eq(o, observer));
        self.observer_count.store(observers.len(), Ordering::SeqCst);
    }

    /// Wakes everybody: `events` may have become true.
    pub fn changed(&self, events: Events) {
        self.waiters.wake_all();
        if self.observer_count.load(Ordering::SeqCst) == 0 {
            return;
        }
        // Nearly always there is one, an epoll item: no list is made then.
        let mut others: Vec<Arc<dyn Observer>> = Vec::new();
        let first = {
            let observers = self.observers.lock();
            if observers.len() > 1 {
                others.extend(observers.iter().skip(1).filter_map(Weak::upgrade));
            }
            observers.first().and_then(Weak::upgrade)
        };
        for observer in first.into_iter().chain(others) {
            observer.notify(events);
        }
    }
}

impl core::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Readiness({:?}, {} observers)", self.waiters, self.observer_count.load(Ordering::Relaxed))
    }
}
