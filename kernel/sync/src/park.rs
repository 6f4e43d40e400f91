//! How a thread sleeps: the hook that the scheduler registers.

use alloc::sync::Arc;
use osv_base::Instant;
use spin::Once;

/// A thread as those see it who wake it.
pub trait Unpark: Send + Sync {
    /// Makes the thread's present or next [`Scheduler::park`] return. Calls do not add up.
    fn unpark(&self);
}

/// Why a park ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    /// Somebody called `unpark`; spurious returns are allowed too.
    Unparked,
    /// The deadline passed.
    TimedOut,
    /// A signal is pending (only when interruptible).
    Interrupted,
}

/// What the scheduler offers to the rest of the kernel.
pub trait Scheduler: Sync {
    /// The running thread.
    fn current(&self) -> Arc<dyn Unpark>;
    /// Sleeps until unparked, until `deadline`, or, if `interruptible`, until a signal is pending.
    fn park(&self, deadline: Option<Instant>, interruptible: bool) -> Woken;
    /// Lets others run.
    fn yield_now(&self);
    /// CLOCK_MONOTONIC.
    fn now(&self) -> Instant;
    /// CPUs that run threads: with one, spinning for another thread is pointless.
    fn cpus(&self) -> usize {
        1
    }
}

static SCHEDULER: Once<&'static dyn Scheduler> = Once::new();

/// Registers the scheduler. The first registration stays.
pub fn register(scheduler: &'static dyn Scheduler) {
    SCHEDULER.call_once(|| scheduler);
}

/// The registered scheduler; on a host, one made of std threads.
///
/// # Panics
/// In the guest, when called before bring-up registered one.
pub fn scheduler() -> &'static dyn Scheduler {
    #[cfg(loom)]
    return &crate::model::threads::LoomThreads;
    #[cfg(all(not(loom), any(test, feature = "std")))]
    return *SCHEDULER.call_once(|| &std_threads::StdThreads);
    #[cfg(not(any(loom, test, feature = "std")))]
    *SCHEDULER.get().expect("the scheduler registers before anything sleeps")
}

/// CLOCK_MONOTONIC.
pub fn now() -> Instant {
    scheduler().now()
}

#[cfg(all(not(loom), any(test, feature = "std")))]
mod std_threads {
    use super::*;
    use std::thread;
    use std::time::{Duration, Instant as StdInstant};

    pub(super) struct StdThreads;
    struct StdThread(thread::Thread);

    impl Unpark for StdThread {
        fn unpark(&self) {
            self.0.unpark();
        }
    }

    impl Scheduler for StdThreads {
        fn current(&self) -> Arc<dyn Unpark> {
            Arc::new(StdThread(thread::current()))
        }
        fn park(&self, deadline: Option<Instant>, _interruptible: bool) -> Woken {
            match deadline {
                None => thread::park(),
                Some(deadline) => {
                    let left = deadline.since(self.now());
                    if left == Duration::ZERO {
                        return Woken::TimedOut;
                    }
                    thread::park_timeout(left);
                    if self.now() >= deadline {
                        return Woken::TimedOut;
                    }
                }
            }
            Woken::Unparked
        }
        fn yield_now(&self) {
            thread::yield_now();
        }
        fn now(&self) -> Instant {
            static START: std::sync::OnceLock<StdInstant> = std::sync::OnceLock::new();
            let start = START.get_or_init(StdInstant::now);
            Instant(1 + start.elapsed().as_nanos() as u64)
        }
        fn cpus(&self) -> usize {
            2
        }
    }
}
