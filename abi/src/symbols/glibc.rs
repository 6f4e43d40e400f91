//! Rows of names that only glibc has.

/// Calls `callback! { glibc; rows }` with the rows of names that only glibc has.
#[macro_export]
macro_rules! symbols_glibc {
    ($($callback:tt)+) => {
        $($callback)+! {
            glibc;
            __fdelt_chk: func, rust, ["GLIBC_2.15"], full;
            __getpagesize: func, rust, ["GLIBC_2.2.5"], full;
            __libc_single_threaded: object, rust, ["GLIBC_2.32"], full;
            __rawmemchr: func, rust, ["GLIBC_2.2.5"], full;
            __sched_cpualloc: func, rust, ["GLIBC_2.7"], full;
            __sched_cpufree: func, rust, ["GLIBC_2.7"], full;
            _dl_find_object: func, link, ["GLIBC_2.35"], full;
            arc4random: func, rust, ["GLIBC_2.36"], full;
            arc4random_buf: func, rust, ["GLIBC_2.36"], full;
            arc4random_uniform: func, rust, ["GLIBC_2.36"], full;
            backtrace: func, link, ["GLIBC_2.2.5"], full;
            backtrace_symbols: func, link, ["GLIBC_2.2.5"], full;
            backtrace_symbols_fd: func, link, ["GLIBC_2.2.5"], full;
            canonicalize_file_name: func, rust, ["GLIBC_2.2.5"], full;
            close_range: func, rust, ["GLIBC_2.34"], full;
            closefrom: func, rust, ["GLIBC_2.34"], full;
            getcpu: func, rust, ["GLIBC_2.29"], full;
            gnu_dev_major: func, rust, ["GLIBC_2.3.3"], full;
            gnu_dev_makedev: func, rust, ["GLIBC_2.3.3"], full;
            gnu_dev_minor: func, rust, ["GLIBC_2.3.3"], full;
            gnu_get_libc_release: func, rust, ["GLIBC_2.2.5"], full;
            gnu_get_libc_version: func, rust, ["GLIBC_2.2.5"], full;
            pidfd_getfd: func, rust, ["GLIBC_2.36"], full;
            pidfd_open: func, rust, ["GLIBC_2.36"], full;
            pidfd_send_signal: func, rust, ["GLIBC_2.36"], full;
            pkey_alloc: func, rust, ["GLIBC_2.27"], full;
            pkey_free: func, rust, ["GLIBC_2.27"], full;
            pkey_mprotect: func, rust, ["GLIBC_2.27"], full;
            rawmemchr: func, rust, ["GLIBC_2.2.5"], full;
            renameat2: func, rust, ["GLIBC_2.28"], full;
            sched_getaffinity: func, rust, ["GLIBC_2.3.3", "GLIBC_2.3.4"], full;
            sched_setaffinity: func, rust, ["GLIBC_2.3.3", "GLIBC_2.3.4"], full;
            statx: func, rust, ["GLIBC_2.28"], full;
            syscall: func, rust, ["GLIBC_2.2.5"], full;
        }
    };
}
