//! The wall clock for time stamps, registered by bring-up.

use crate::inode::Time;
use spin::Once;

static CLOCK: Once<fn() -> Time> = Once::new();

/// Registers CLOCK_REALTIME. The first registration stays.
pub fn register(clock: fn() -> Time) {
    CLOCK.call_once(|| clock);
}

/// CLOCK_REALTIME; 1970 until bring-up registered it.
pub fn now() -> Time {
    CLOCK.get().map_or(Time(0), |clock| clock())
}
