//! What the lock-free parts are made of: the real thing, or loom's, which runs a test in every order that its atomic
//! operations allow (`make loom`).

#[cfg(not(loom))]
pub(crate) use core::sync::atomic;
#[cfg(loom)]
pub(crate) use loom::sync::atomic;

/// A `const fn`, but for loom, whose atomics cannot be made in constants.
macro_rules! const_unless_loom {
    ($(#[$doc:meta])* $visibility:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $result:ty $body:block) => {
        $(#[$doc])*
        #[cfg(not(loom))]
        $visibility const fn $name($($arg: $ty),*) -> $result $body
        $(#[$doc])*
        #[cfg(loom)]
        $visibility fn $name($($arg: $ty),*) -> $result $body
    };
}
pub(crate) use const_unless_loom;

/// Threads of a model as the scheduler.
#[cfg(loom)]
pub(crate) mod threads {
    use crate::park::{Scheduler, Unpark, Woken};
    use alloc::sync::Arc;
    use loom::sync::Notify;
    use osv_base::Instant;

    pub(crate) struct LoomThreads;
    /// Loom's own unpark also wakes a thread that waits for a lock of loom's.
    struct LoomThread(loom::sync::Arc<Notify>);

    loom::thread_local! {
        static TOKEN: loom::sync::Arc<Notify> = loom::sync::Arc::new(Notify::new());
    }

    impl Unpark for LoomThread {
        fn unpark(&self) {
            self.0.notify();
        }
    }

    impl Scheduler for LoomThreads {
        fn current(&self) -> Arc<dyn Unpark> {
            Arc::new(LoomThread(TOKEN.with(loom::sync::Arc::clone)))
        }
        fn park(&self, _deadline: Option<Instant>, _interruptible: bool) -> Woken {
            TOKEN.with(|token| token.wait());
            Woken::Unparked
        }
        fn yield_now(&self) {
            loom::thread::yield_now();
        }
        /// A millisecond later each time: whoever was woken in vain is starving.
        fn now(&self) -> Instant {
            use core::sync::atomic::{AtomicU64, Ordering};
            static NOW: AtomicU64 = AtomicU64::new(1);
            Instant(NOW.fetch_add(1_000_000, Ordering::Relaxed))
        }
    }
}

#[cfg(all(loom, test))]
mod tests;
