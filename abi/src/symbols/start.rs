//! Rows of program start and end, errno.

/// Calls `callback! { start; rows }` with the rows of program start and end, errno.
#[macro_export]
macro_rules! symbols_start {
    ($($callback:tt)+) => {
        $($callback)+! {
            start;
            _Exit: func, musl, ["GLIBC_2.2.5"], full;
            __assert_fail: func, musl, ["GLIBC_2.2.5"], full;
            __errno_location: func, musl, ["GLIBC_2.2.5"], full;
            __progname: object, musl, ["GLIBC_2.2.5"], full;
            __progname_full: object, musl, ["GLIBC_2.2.5"], full;
            program_invocation_name: object, musl, ["GLIBC_2.2.5"], full;
            program_invocation_short_name: object, musl, ["GLIBC_2.2.5"], full;
            strerror: func, musl, ["GLIBC_2.2.5"], full;
            strerror_l: func, musl, ["GLIBC_2.6"], full;
        }
    };
}
