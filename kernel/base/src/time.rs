//! Monotonic time.

use core::ops::{Add, Sub};
use core::time::Duration;

/// CLOCK_MONOTONIC as nanoseconds since boot: 584 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[repr(transparent)]
pub struct Instant(pub u64);

impl Instant {
    /// Boot.
    pub const ZERO: Instant = Instant(0);
    /// Later than anything.
    pub const FOREVER: Instant = Instant(u64::MAX);

    /// `self + duration`, saturating at [`Instant::FOREVER`].
    pub const fn after(self, duration: Duration) -> Instant {
        let nanos = duration.as_nanos();
        if nanos > u64::MAX as u128 { Instant::FOREVER } else { Instant(self.0.saturating_add(nanos as u64)) }
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, duration: Duration) -> Instant {
        self.after(duration)
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}
