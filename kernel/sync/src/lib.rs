//! Locks, wait queues and readiness, over a registered scheduler.
//!
//! The scheduler registers a [`park::Scheduler`] at bring-up; host tests get one made of std threads. Rules:
//! [`SpinLock`] only where neither sleeping nor preemption is possible, [`IrqSpinLock`] where interrupt handlers
//! take part; everything else is a [`Mutex`]. No lock
//! of this crate may be held over a copy that can fault (law 6).
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "std", loom))]
extern crate std;

pub mod inbox;
pub mod irq;
mod model;
pub mod mutex;
pub mod park;
pub mod parking;
#[cfg(not(loom))]
pub mod readiness;
pub mod rwlock;
pub mod spinlock;
#[cfg(not(loom))]
pub mod timer;
mod wait_list;
pub mod wait_queue;

pub use irq::{IrqSpinGuard, IrqSpinLock, NoIrq};
pub use mutex::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub use readiness::{Events, Observer, Readiness};
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
pub use spinlock::{SpinGuard, SpinLock};
pub use wait_queue::{Wait, WaitError, WaitQueue};
