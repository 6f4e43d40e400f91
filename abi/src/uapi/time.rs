//! Clocks and timers: time.h.

use crate::errno::Errno;
use core::time::Duration;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct timespec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Timespec {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nsec: i64,
}

impl Timespec {
    /// As a duration: EINVAL when it is negative or its nanoseconds are out of range.
    pub fn duration(self) -> Result<Duration, Errno> {
        if self.sec < 0 || !(0..1_000_000_000).contains(&self.nsec) {
            return Err(Errno::EINVAL);
        }
        Ok(Duration::new(self.sec.unsigned_abs(), self.nsec as u32))
    }

    /// Of a number of nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Timespec { sec: (nanos / 1_000_000_000) as i64, nsec: (nanos % 1_000_000_000) as i64 }
    }
}

impl From<Duration> for Timespec {
    fn from(duration: Duration) -> Self {
        Timespec {
            sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            nsec: i64::from(duration.subsec_nanos()),
        }
    }
}

/// `struct timeval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Timeval {
    /// Seconds.
    pub sec: i64,
    /// Microseconds, 0 to 999,999.
    pub usec: i64,
}

impl Timeval {
    /// As a duration: EINVAL when it is negative or its microseconds are out of range.
    pub fn duration(self) -> Result<Duration, Errno> {
        if self.sec < 0 || !(0..1_000_000).contains(&self.usec) {
            return Err(Errno::EINVAL);
        }
        Ok(Duration::new(self.sec.unsigned_abs(), self.usec as u32 * 1000))
    }
}

impl From<Duration> for Timeval {
    fn from(duration: Duration) -> Self {
        Timeval {
            sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            usec: i64::from(duration.subsec_micros()),
        }
    }
}

/// `struct itimerval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Itimerval {
    /// Period; zero: once.
    pub interval: Timeval,
    /// Time to the next expiry; zero: disarmed.
    pub value: Timeval,
}

/// `struct itimerspec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Itimerspec {
    /// Period; zero: once.
    pub interval: Timespec,
    /// Time to the next expiry; zero: disarmed.
    pub value: Timespec,
}

/// `struct timezone`, obsolete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Timezone {
    /// Minutes west of Greenwich.
    pub minutes_west: i32,
    /// Kind of daylight saving.
    pub dst_time: i32,
}

/// `struct tms` of times(2), in ticks of 10 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tms {
    /// User time.
    pub utime: i64,
    /// System time.
    pub stime: i64,
    /// User time of waited-for children.
    pub cutime: i64,
    /// System time of waited-for children.
    pub cstime: i64,
}

/// `struct sigevent`, as timer_create(2) reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Sigevent {
    /// Value passed with the signal.
    pub value: u64,
    /// Signal.
    pub signo: i32,
    /// SIGEV_*.
    pub notify: i32,
    /// Thread, for SIGEV_THREAD_ID.
    pub tid: i32,
    /// Rest of the union.
    pub pad: [i32; 11],
}

/// Notify by a signal to the process.
pub const SIGEV_SIGNAL: i32 = 0;
/// Do not notify.
pub const SIGEV_NONE: i32 = 1;
/// libc's own; the kernel treats it as SIGEV_SIGNAL.
pub const SIGEV_THREAD: i32 = 2;
/// Notify by a signal to one thread.
pub const SIGEV_THREAD_ID: i32 = 4;

/// Flag of clock_nanosleep(2) and timer_settime(2): the time is absolute.
pub const TIMER_ABSTIME: u32 = 1;

/// The clocks of clock_gettime(2).
#[expect(missing_docs, reason = "named as in time.h")]
pub mod clock {
    pub const REALTIME: i32 = 0;
    pub const MONOTONIC: i32 = 1;
    pub const PROCESS_CPUTIME_ID: i32 = 2;
    pub const THREAD_CPUTIME_ID: i32 = 3;
    pub const MONOTONIC_RAW: i32 = 4;
    pub const REALTIME_COARSE: i32 = 5;
    pub const MONOTONIC_COARSE: i32 = 6;
    pub const BOOTTIME: i32 = 7;
    pub const REALTIME_ALARM: i32 = 8;
    pub const BOOTTIME_ALARM: i32 = 9;
    pub const TAI: i32 = 11;
}

/// `struct timex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in linux/timex.h")]
pub struct Timex {
    pub modes: u32,
    pub pad: u32,
    pub offset: i64,
    pub freq: i64,
    pub maxerror: i64,
    pub esterror: i64,
    pub status: i32,
    pub pad2: u32,
    pub constant: i64,
    pub precision: i64,
    pub tolerance: i64,
    pub time: Timeval,
    pub tick: i64,
    pub ppsfreq: i64,
    pub jitter: i64,
    pub shift: i32,
    pub pad3: u32,
    pub stabil: i64,
    pub jitcnt: i64,
    pub calcnt: i64,
    pub errcnt: i64,
    pub stbcnt: i64,
    pub tai: i32,
    pub rest: [i32; 11],
}
const _: () = assert!(size_of::<Timex>() == 208);

/// Modes, states and limits of adjtimex(2).
#[expect(missing_docs, reason = "named as in linux/timex.h, without ADJ_")]
pub mod timex {
    pub const OFFSET: u32 = 1;
    pub const FREQUENCY: u32 = 2;
    pub const MAXERROR: u32 = 4;
    pub const ESTERROR: u32 = 8;
    pub const STATUS: u32 = 0x10;
    pub const TIMECONST: u32 = 0x20;
    pub const TAI: u32 = 0x80;
    pub const SETOFFSET: u32 = 0x100;
    pub const MICRO: u32 = 0x1000;
    pub const NANO: u32 = 0x2000;
    pub const TICK: u32 = 0x4000;
    pub const ADJTIME: u32 = 0x8000;
    pub const OFFSET_READONLY: u32 = 0x2000;
    pub const STA_PLL: i32 = 1;
    pub const STA_UNSYNC: i32 = 0x40;
    pub const STA_CLOCKERR: i32 = 0x1000;
    pub const STA_NANO: i32 = 0x2000;
    /// What only the kernel sets.
    pub const STA_READONLY: i32 = 0xff00;
    pub const TIME_OK: i32 = 0;
    pub const TIME_ERROR: i32 = 5;
    /// Microseconds.
    pub const PHASE_LIMIT: i64 = 16_000_000;
    /// 500 parts in a million, scaled by 65536.
    pub const TOLERANCE: i64 = 500 << 16;
    /// Microseconds of a tick.
    pub const TICK_US: i64 = 10_000;
}
