//! The sleeping lock that many may hold to look, or one to change.
//!
//! As [`crate::mutex`]: whoever comes while nobody is in the way takes it, sleepers or not (barging), so that readers
//! that come all the time share it without a switch; a thread that finds it taken spins briefly where there is another
//! CPU, then sleeps. The first sleeper, if it has lost for half a millisecond, closes the door: nobody new gets in,
//! and whoever leaves last gives the lock to it.
//!
//! The state is one word. `WRITER` and the count of readers change without the waiters' lock. `WAITERS` (somebody is
//! on the list, so who leaves looks at it) and `CLOSED` (the first on the list is starving) change only under it.

use crate::irq::IrqSpinLock;
use crate::model::atomic::{AtomicU32, Ordering};
use crate::model::const_unless_loom;
use crate::park;
use crate::wait_list::{List, Node};
use core::cell::UnsafeCell;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

/// A lock whose waiters sleep.
#[derive(Default)]
pub struct RwLock<T: ?Sized> {
    state: AtomicU32,
    waiters: IrqSpinLock<List>,
    value: UnsafeCell<T>,
}

// SAFETY: readers get shared references on several threads at once (Sync), a writer the only one (Send).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: owning the lock is owning the value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

/// Shared access to what an [`RwLock`] protects.
pub struct ReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

/// Access to what an [`RwLock`] protects.
pub struct WriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

const WRITER: u32 = 1;
const WAITERS: u32 = 2;
const CLOSED: u32 = 4;
const READER: u32 = 8;

/// Looks at the lock before sleeping, where another CPU may release it.
const SPINS: u32 = 200;
/// A sleeper that lost for so long closes the door.
const STARVING: Duration = Duration::from_micros(500);

/// What a thread wants the lock for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

impl Kind {
    /// What stands in the way in `state`, but for a closed door.
    const fn is_blocked(self, state: u32) -> bool {
        state & WRITER != 0 || matches!(self, Kind::Write) && state >= READER
    }

    const fn enter(self, state: u32) -> u32 {
        match self {
            Kind::Read => state + READER,
            Kind::Write => state | WRITER,
        }
    }
}

impl<T> RwLock<T> {
    const_unless_loom! {
        /// A lock around `value`.
        pub fn new(value: T) -> RwLock<T> {
            RwLock {
                state: AtomicU32::new(0),
                waiters: IrqSpinLock::new(List::new()),
                value: UnsafeCell::new(value),
            }
        }
    }
}

impl<T: ?Sized> RwLock<T> {
    #[inline]
    fn acquire(&self, kind: Kind) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while !kind.is_blocked(state) && state & CLOSED == 0 {
            let entered = kind.enter(state);
            match self.state.compare_exchange_weak(state, entered, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Waits until nobody writes, asleep if need be, and takes the lock for reading. Not interrupted by signals.
    #[inline]
    pub fn read(&self) -> ReadGuard<'_, T> {
        if !self.acquire(Kind::Read) {
            self.lock_slow(Kind::Read);
        }
        ReadGuard { lock: self }
    }

    /// Waits until nobody has the lock, asleep if need be, and takes it for writing. Not interrupted by signals.
    #[inline]
    pub fn write(&self) -> WriteGuard<'_, T> {
        if !self.acquire(Kind::Write) {
            self.lock_slow(Kind::Write);
        }
        WriteGuard { lock: self }
    }

    /// The value, without locking: `&mut self` shows that nobody else can have it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[cold]
    fn lock_slow(&self, kind: Kind) {
        let scheduler = park::scheduler();
        if scheduler.cpus() > 1 {
            for _ in 0..SPINS {
                core::hint::spin_loop();
                if self.acquire(kind) {
                    return;
                }
                if self.state.load(Ordering::Relaxed) & WAITERS != 0 {
                    break;
                }
            }
        }
        let since = scheduler.now();
        let node = Node::sharing(scheduler.current(), kind == Kind::Read);
        let mut woken = false;
        loop {
            let starving = woken && scheduler.now().since(since) >= STARVING;
            if self.take_or_queue(&node, kind, starving) {
                return;
            }
            scheduler.park(None, false);
            woken = true;
        }
    }

    /// Under the waiters' lock: takes the lock and leaves the list, or stands on it.
    fn take_or_queue(&self, node: &Node, kind: Kind, starving: bool) -> bool {
        let mut waiters = self.waiters.lock();
        if waiters.granted(node) {
            return true;
        }
        loop {
            if self.acquire(kind) {
                waiters.remove(node);
                if waiters.is_empty() {
                    self.state.fetch_and(!WAITERS, Ordering::Relaxed);
                }
                return true;
            }
            // SAFETY: `lock_slow` keeps the node in place and returns only after `remove` here or a grant, both of
            // which take it off.
            unsafe { waiters.push_back(node) };
            // From here on whoever leaves last takes the slow path, which waits for us to release the list.
            let state = self.state.fetch_or(WAITERS, Ordering::Relaxed);
            if kind.is_blocked(state) {
                if starving && waiters.is_first(node) {
                    self.close(kind);
                }
                return false;
            }
            if state & CLOSED != 0 {
                // For another: the first on the list. It is given the lock when the present holders have left.
                return false;
            }
        }
    }

    /// Closes the door while somebody is in whom `kind`, the first in line, waits for.
    fn close(&self, kind: Kind) {
        let _ = self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
            // With nobody in the way there would be nobody to open it; the holder that just left waits for the list
            // and wakes us.
            kind.is_blocked(state).then_some(state | CLOSED)
        });
    }

    /// Somebody left, and somebody is on the list: gives the lock to the first if the door is closed, wakes it if
    /// the way is free.
    #[cold]
    fn offer(&self) {
        let mut waiters = self.waiters.lock();
        let state = self.state.load(Ordering::Relaxed);
        let Some(shared) = waiters.first_shares() else {
            self.state.fetch_and(!(WAITERS | CLOSED), Ordering::Relaxed);
            return;
        };
        let kind = if shared { Kind::Read } else { Kind::Write };
        if kind.is_blocked(state) {
            // Whoever got in between does the same on its way out.
            return;
        }
        if state & CLOSED == 0 {
            waiters.wake_leading();
            return;
        }
        // Nobody gets in through a closed door, so only readers can leave meanwhile, and those are counted in.
        let opened = |state: u32| kind.enter(state & !CLOSED);
        let _ = self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| Some(opened(state)));
        waiters.grant_first();
        if waiters.is_empty() {
            self.state.fetch_and(!WAITERS, Ordering::Relaxed);
        } else if shared && waiters.first_shares() == Some(true) {
            // They can come in beside it.
            waiters.wake_leading();
        }
    }
}

impl<T: ?Sized> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let before = self.lock.state.fetch_sub(READER, Ordering::Release);
        if before < 2 * READER && before & WAITERS != 0 {
            self.lock.offer();
        }
    }
}

impl<T: ?Sized> Drop for WriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let before = self.lock.state.fetch_and(!WRITER, Ordering::Release);
        if before & WAITERS != 0 {
            self.lock.offer();
        }
    }
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: no writer gets in while this guard is counted.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one while `WRITER` is set.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard is the only one while `WRITER` is set.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.load(Ordering::Relaxed);
        let writer = if state & WRITER != 0 { ", a writer" } else { "" };
        write!(f, "RwLock({} readers{writer})", state / READER)
    }
}

impl<T: ?Sized> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadGuard")
    }
}

impl<T: ?Sized> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteGuard")
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
