//! Clocks and timers.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_time {
    ($callback:ident) => {
        $callback! {
            35 nanosleep [time::nanosleep] (request: In<Timespec>, remaining: Out<Timespec>) [full] call;
            36 getitimer [time::getitimer] (which: Int, current: Out<Itimerval>) [full] call;
            37 alarm [time::alarm] (seconds: UInt) [full] call;
            38 setitimer [time::setitimer] (which: Int, new: In<Itimerval>, old: Out<Itimerval>) [partial("ITIMER_VIRTUAL counts all of a process's time on the CPU")] call;
            96 gettimeofday [time::gettimeofday] (time: Out<Timeval>, zone: Out<Timezone>) [full] call;
            100 times [time::times] (buf: Out<Tms>) [partial("all time is user time")] call;
            159 adjtimex [time::adjtimex] (buf: InOut<Timex>) [partial("offsets take effect at once; another rate: EOPNOTSUPP")] call;
            164 settimeofday [time::settimeofday] (time: In<Timeval>, zone: In<Timezone>) [partial("the time zone is forgotten")] call;
            201 time [time::time] (time: Out<i64>) [full] call;
            222 timer_create [time::timer_create] (clock: Int, event: In<Sigevent>, timer: Out<i32>) [full] call;
            223 timer_settime [time::timer_settime] (timer: Int, flags: Flags, new: In<Itimerspec>, old: Out<Itimerspec>) [partial("a wall-clock deadline does not follow a clock that is set")] call;
            224 timer_gettime [time::timer_gettime] (timer: Int, current: Out<Itimerspec>) [full] call;
            225 timer_getoverrun [time::timer_getoverrun] (timer: Int) [full] call;
            226 timer_delete [time::timer_delete] (timer: Int) [full] call;
            227 clock_settime [time::clock_settime] (clock: Int, time: In<Timespec>) [full] call;
            228 clock_gettime [time::clock_gettime] (clock: Int, time: Out<Timespec>) [full] call;
            229 clock_getres [time::clock_getres] (clock: Int, resolution: Out<Timespec>) [full] call;
            230 clock_nanosleep [time::clock_nanosleep] (clock: Int, flags: Flags, request: In<Timespec>, remaining: Out<Timespec>) [partial("a wall-clock deadline does not follow a clock that is set; no sleep by CPU time: EOPNOTSUPP")] call;
            283 timerfd_create [event::timerfd_create] (clock: Int, flags: Flags) [full] call;
            286 timerfd_settime [event::timerfd_settime] (fd: Fd, flags: Flags, new: In<Itimerspec>, old: Out<Itimerspec>) [partial("the wall clock is never set, so TFD_TIMER_CANCEL_ON_SET never cancels")] call;
            287 timerfd_gettime [event::timerfd_gettime] (fd: Fd, current: Out<Itimerspec>) [full] call;
            305 clock_adjtime [time::clock_adjtime] (clock: Int, buf: InOut<Timex>) [partial("the wall clock; offsets take effect at once; another rate: EOPNOTSUPP")] call;
        }
    };
}

pub(super) const AREA: &str = "time";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_time!(rows);
