//! The wall clock for time stamps, registered by bring-up.

use crate::inode::Time;
use osv_sync::SpinLock;

static CLOCK: SpinLock<Option<fn() -> Time>> = SpinLock::new(None);

/// Registers CLOCK_REALTIME.
pub fn register(clock: fn() -> Time) {
    *CLOCK.lock() = Some(clock);
}

/// CLOCK_REALTIME; 1970 until bring-up registered it.
pub fn now() -> Time {
    let clock = *CLOCK.lock();
    clock.map_or(Time(0), |clock| clock())
}
