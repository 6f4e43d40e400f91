//! The sleeping lock.
//!
//! Whoever comes while it is free takes it, sleepers waiting or not (barging): the running thread goes on without
//! a switch. A thread that finds it taken spins briefly when there is another CPU that could be about to release
//! it, then sleeps. A sleeper that has lost for half a millisecond asks for hand-off: the next unlock
//! gives it the lock without setting it free.
//!
//! The state is one word. `LOCKED` changes without the waiters' lock, `WAITERS` only under it, and says that an
//! unlock must go through the slow path.

use crate::irq::IrqSpinLock;
use crate::model::atomic::{AtomicU32, Ordering};
use crate::model::const_unless_loom;
use crate::park;
use crate::wait_list::{List, Node, Offer};
use core::cell::UnsafeCell;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

/// A lock whose waiters sleep.
#[derive(Default)]
pub struct Mutex<T: ?Sized> {
    state: AtomicU32,
    waiters: IrqSpinLock<List>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out one reference at a time, so sharing it moves the value between threads at most.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: owning the lock is owning the value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

/// Access to what a [`Mutex`] protects.
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
}

const LOCKED: u32 = 1;
const WAITERS: u32 = 2;

/// Looks at the lock before sleeping, where another CPU may release it.
const SPINS: u32 = 200;
/// Sleepers that lost for so long are given the lock.
const STARVING: Duration = Duration::from_micros(500);

impl<T> Mutex<T> {
    const_unless_loom! {
        /// A lock around `value`.
        pub fn new(value: T) -> Mutex<T> {
            Mutex {
                state: AtomicU32::new(0),
                waiters: IrqSpinLock::new(List::new()),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// The value: nobody else can have it.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    #[inline]
    fn acquire(&self) -> bool {
        match self.state.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => true,
            Err(state) => state & LOCKED == 0 && self.acquire_over(state),
        }
    }

    #[cold]
    fn acquire_over(&self, mut state: u32) -> bool {
        while state & LOCKED == 0 {
            match self.state.compare_exchange_weak(
                state,
                state | LOCKED,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        // Lazily: a guard that is made and dropped would unlock what another thread holds.
        self.acquire().then(|| MutexGuard { mutex: self })
    }

    /// Waits for the lock, asleep if need be, and takes it. Not interrupted by signals.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        if !self.acquire() {
            self.lock_slow();
        }
        MutexGuard { mutex: self }
    }

    #[cold]
    fn lock_slow(&self) {
        let scheduler = park::scheduler();
        if scheduler.cpus() > 1 {
            for _ in 0..SPINS {
                core::hint::spin_loop();
                let state = self.state.load(Ordering::Relaxed);
                if state & LOCKED == 0 && self.acquire() {
                    return;
                }
                if state & WAITERS != 0 {
                    break;
                }
            }
        }
        let since = scheduler.now();
        let node = Node::new(scheduler.current());
        let mut woken = false;
        loop {
            let starving = woken && scheduler.now().since(since) >= STARVING;
            if self.take_or_queue(&node, starving) {
                return;
            }
            scheduler.park(None, false);
            woken = true;
        }
    }

    /// Under the waiters' lock: takes the lock and leaves the list, or stands on it.
    fn take_or_queue(&self, node: &Node, starving: bool) -> bool {
        let mut waiters = self.waiters.lock();
        if waiters.granted(node) {
            return true;
        }
        loop {
            if self.acquire() {
                waiters.remove(node);
                if waiters.is_empty() {
                    self.state.fetch_and(!WAITERS, Ordering::Relaxed);
                }
                return true;
            }
            // SAFETY: `lock_slow` keeps the node in place and returns only after `remove` here or a grant, both of
            // which take it off.
            unsafe { waiters.push_back(node) };
            if starving {
                waiters.set_starving(node);
            }
            // From here on an unlock takes the slow path, which waits for us to release the list.
            if self.state.fetch_or(WAITERS, Ordering::Relaxed) & LOCKED != 0 {
                return false;
            }
        }
    }

    #[cold]
    fn unlock_slow(&self) {
        let mut waiters = self.waiters.lock();
        match waiters.offer_first() {
            Offer::Nobody => self.state.store(0, Ordering::Release),
            Offer::Woken => self.state.store(WAITERS, Ordering::Release),
            Offer::Granted if waiters.is_empty() => self.state.store(LOCKED, Ordering::Release),
            Offer::Granted => {}
        }
    }

    /// The value, without locking: `&mut self` shows that nobody else can have it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let state = &self.mutex.state;
        if state.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.mutex.unlock_slow();
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one while `LOCKED` is set.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard is the only one while `LOCKED` is set.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => write!(f, "Mutex({:?})", &*guard),
            None => f.write_str("Mutex(<locked>)"),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
