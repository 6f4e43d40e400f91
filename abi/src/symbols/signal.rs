//! Rows of signal.h and setjmp.h.

/// Calls `callback! { signal; rows }` with the rows of signal.h and setjmp.h.
#[macro_export]
macro_rules! symbols_signal {
    ($($callback:tt)+) => {
        $($callback)+! {
            signal;
            getitimer: func, musl, ["GLIBC_2.2.5"], full;
            kill: func, musl, ["GLIBC_2.2.5"], full;
            killpg: func, musl, ["GLIBC_2.2.5"], full;
            psiginfo: func, musl, ["GLIBC_2.10"], full;
            psignal: func, musl, ["GLIBC_2.2.5"], full;
            setitimer: func, musl, ["GLIBC_2.2.5"], full;
            sigaddset: func, musl, ["GLIBC_2.2.5"], full;
            sigandset: func, musl, ["GLIBC_2.2.5"], full;
            sigdelset: func, musl, ["GLIBC_2.2.5"], full;
            sigemptyset: func, musl, ["GLIBC_2.2.5"], full;
            sigfillset: func, musl, ["GLIBC_2.2.5"], full;
            sigisemptyset: func, musl, ["GLIBC_2.2.5"], full;
            sigismember: func, musl, ["GLIBC_2.2.5"], full;
            sigorset: func, musl, ["GLIBC_2.2.5"], full;
            sigpending: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
