//! Clocks and timers.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_time {
    ($callback:ident) => {
        $callback! {
            35 nanosleep [] () [stub(ENOSYS)] call;
            36 getitimer [] () [stub(ENOSYS)] call;
            37 alarm [] () [stub(ENOSYS)] call;
            38 setitimer [] () [stub(ENOSYS)] call;
            96 gettimeofday [] () [stub(ENOSYS)] call;
            100 times [] () [stub(ENOSYS)] call;
            159 adjtimex [] () [stub(ENOSYS)] call;
            164 settimeofday [] () [stub(ENOSYS)] call;
            201 time [] () [stub(ENOSYS)] call;
            222 timer_create [] () [stub(ENOSYS)] call;
            223 timer_settime [] () [stub(ENOSYS)] call;
            224 timer_gettime [] () [stub(ENOSYS)] call;
            225 timer_getoverrun [] () [stub(ENOSYS)] call;
            226 timer_delete [] () [stub(ENOSYS)] call;
            227 clock_settime [] () [stub(ENOSYS)] call;
            228 clock_gettime [] () [stub(ENOSYS)] call;
            229 clock_getres [] () [stub(ENOSYS)] call;
            230 clock_nanosleep [] () [stub(ENOSYS)] call;
            283 timerfd_create [event::timerfd_create] (clock: Int, flags: Flags) [full] call;
            286 timerfd_settime [event::timerfd_settime] (fd: Fd, flags: Flags, new: In<Itimerspec>, old: Out<Itimerspec>) [partial("the wall clock is never set, so TFD_TIMER_CANCEL_ON_SET never cancels")] call;
            287 timerfd_gettime [event::timerfd_gettime] (fd: Fd, current: Out<Itimerspec>) [full] call;
            305 clock_adjtime [] () [stub(ENOSYS)] call;
        }
    };
}

pub(super) const AREA: &str = "time";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_time!(rows);
