//! Rows of time.h and sys/time.h.

/// Calls `callback! { time; rows }` with the rows of time.h and sys/time.h.
#[macro_export]
macro_rules! symbols_time {
    ($($callback:tt)+) => {
        $($callback)+! {
            time;
            __daylight: object, musl, ["GLIBC_2.2.5"], full;
            __gettimeofday: func, rust(gettimeofday), ["GLIBC_2.2.5"], full;
            __gmtime_r: func, musl, ["GLIBC_2.2.5"], full;
            __nanosleep: func, musl(nanosleep), ["GLIBC_2.2.6"], full;
            __strftime_l: func, musl, ["GLIBC_2.3"], partial("GNU's flags and widths; years beyond 9999 have a +");
            __timezone: object, musl, ["GLIBC_2.2.5"], full;
            __tzname: object, musl, ["GLIBC_2.2.5"], full;
            __wcsftime_l: func, musl, ["GLIBC_2.3"], full;
            asctime: func, musl, ["GLIBC_2.2.5"], full;
            asctime_r: func, musl, ["GLIBC_2.2.5"], full;
            clock: func, musl, ["GLIBC_2.2.5"], full;
            clock_getcpuclockid: func, musl, ["GLIBC_2.2.5", "GLIBC_2.17"], full;
            clock_getres: func, musl, ["GLIBC_2.2.5", "GLIBC_2.17"], full;
            clock_gettime: func, rust, ["GLIBC_2.2.5", "GLIBC_2.17"], full;
            clock_nanosleep: func, musl, ["GLIBC_2.2.5", "GLIBC_2.17"], full;
            clock_settime: func, musl, ["GLIBC_2.2.5", "GLIBC_2.17"], full;
            ctime: func, musl, ["GLIBC_2.2.5"], full;
            ctime_r: func, musl, ["GLIBC_2.2.5"], full;
            daylight: object, musl, ["GLIBC_2.2.5"], full;
            difftime: func, musl, ["GLIBC_2.2.5"], full;
            ftime: func, musl, ["GLIBC_2.2.5"], full;
            getdate: func, musl, ["GLIBC_2.2.5"], full;
            getdate_err: object, musl, ["GLIBC_2.2.5"], full;
            gettimeofday: func, rust, ["GLIBC_2.2.5"], full;
            gmtime: func, musl, ["GLIBC_2.2.5"], full;
            gmtime_r: func, musl, ["GLIBC_2.2.5"], full;
            localtime: func, musl, ["GLIBC_2.2.5"], partial("a zone named by letters alone has no rules; tzname[1] is empty without summer time; a time in a gap is taken as before it");
            localtime_r: func, musl, ["GLIBC_2.2.5"], partial("a zone named by letters alone has no rules; tzname[1] is empty without summer time; a time in a gap is taken as before it");
            mktime: func, musl, ["GLIBC_2.2.5"], partial("a zone named by letters alone has no rules; tzname[1] is empty without summer time; a time in a gap is taken as before it");
            nanosleep: func, musl, ["GLIBC_2.2.5"], full;
            strftime: func, musl, ["GLIBC_2.2.5"], partial("GNU's flags and widths; years beyond 9999 have a +");
            strftime_l: func, musl, ["GLIBC_2.3"], partial("GNU's flags and widths; years beyond 9999 have a +");
            strptime: func, musl, ["GLIBC_2.2.5"], partial("GNU's additions: week numbers and zone names are not used");
            time: func, rust, ["GLIBC_2.2.5"], full;
            timegm: func, musl, ["GLIBC_2.2.5"], full;
            timer_create: func, musl, ["GLIBC_2.2.5", "GLIBC_2.3.3", "GLIBC_2.34"], full;
            timer_delete: func, musl, ["GLIBC_2.2.5", "GLIBC_2.3.3", "GLIBC_2.34"], full;
            timer_getoverrun: func, musl, ["GLIBC_2.2.5", "GLIBC_2.3.3", "GLIBC_2.34"], full;
            timer_gettime: func, musl, ["GLIBC_2.2.5", "GLIBC_2.3.3", "GLIBC_2.34"], full;
            timer_settime: func, musl, ["GLIBC_2.2.5", "GLIBC_2.3.3", "GLIBC_2.34"], full;
            times: func, musl, ["GLIBC_2.2.5"], full;
            timespec_get: func, musl, ["GLIBC_2.16"], full;
            timezone: object, musl, ["GLIBC_2.2.5"], full;
            tzname: object, musl, ["GLIBC_2.2.5"], full;
            tzset: func, musl, ["GLIBC_2.2.5"], partial("a zone named by letters alone has no rules; tzname[1] is empty without summer time; a time in a gap is taken as before it");
            utime: func, musl, ["GLIBC_2.2.5"], full;
            wcsftime: func, musl, ["GLIBC_2.2.5"], full;
            wcsftime_l: func, musl, ["GLIBC_2.3"], full;
        }
    };
}
