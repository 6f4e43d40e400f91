//! Rows of program start and end, errno.

/// Calls `callback! { start; rows }` with the rows of program start and end, errno.
#[macro_export]
macro_rules! symbols_start {
    ($($callback:tt)+) => {
        $($callback)+! {
            start;
            _Exit: func, rust, ["GLIBC_2.2.5"], full;
            _Fork: func, rust, ["GLIBC_2.34"], full;
            __assert_fail: func, musl, ["GLIBC_2.2.5"], full;
            __cxa_at_quick_exit: func, rust, ["GLIBC_2.10"], full;
            __cxa_atexit: func, rust, ["GLIBC_2.2.5"], full;
            __cxa_finalize: func, rust, ["GLIBC_2.2.5"], full;
            __cxa_thread_atexit_impl: func, rust, ["GLIBC_2.18"], full;
            __errno_location: func, rust, ["GLIBC_2.2.5"], full;
            __h_errno_location: func, rust, ["GLIBC_2.2.5"], full;
            __libc_stack_end: object, musl, ["GLIBC_2.2.5"], full;
            __libc_start_main: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            __progname: object, musl, ["GLIBC_2.2.5"], full;
            __progname_full: object, musl, ["GLIBC_2.2.5"], full;
            __register_atfork: func, rust, ["GLIBC_2.3.2"], full;
            _exit: func, rust, ["GLIBC_2.2.5"], full;
            at_quick_exit: func, rust, [], full;
            exit: func, rust, ["GLIBC_2.2.5"], full;
            fork: func, rust, ["GLIBC_2.2.5"], full;
            on_exit: func, rust, ["GLIBC_2.2.5"], full;
            program_invocation_name: object, musl, ["GLIBC_2.2.5"], full;
            program_invocation_short_name: object, musl, ["GLIBC_2.2.5"], full;
            pthread_atfork: func, rust, ["GLIBC_2.2.5"], full;
            quick_exit: func, rust, ["GLIBC_2.10", "GLIBC_2.24"], full;
            strerror: func, rust, ["GLIBC_2.2.5"], full;
            strerror_l: func, rust, ["GLIBC_2.6"], full;
            vfork: func, rust, ["GLIBC_2.2.5"], full;
        }
    };
}
