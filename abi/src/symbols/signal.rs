//! Rows of signal.h, setjmp.h, ucontext.h.

/// Calls `callback! { signal; rows }` with the rows of signal.h, setjmp.h, ucontext.h.
#[macro_export]
macro_rules! symbols_signal {
    ($($callback:tt)+) => {
        $($callback)+! {
            signal;
            __libc_current_sigrtmax: func, rust, ["GLIBC_2.2.5"], full;
            __libc_current_sigrtmin: func, rust, ["GLIBC_2.2.5"], full;
            __sigaction: func, rust, ["GLIBC_2.2.5"], full;
            __sigsetjmp: func, musl, ["GLIBC_2.2.5"], full;
            __sysv_signal: func, rust, ["GLIBC_2.2.5"], full;
            _longjmp: func, musl, ["GLIBC_2.2.5"], full;
            _setjmp: func, musl, ["GLIBC_2.2.5"], full;
            abort: func, rust, ["GLIBC_2.2.5"], full;
            bsd_signal: func, rust, ["GLIBC_2.2.5"], full;
            getcontext: func, rust, ["GLIBC_2.2.5"], full;
            getitimer: func, musl, ["GLIBC_2.2.5"], full;
            kill: func, musl, ["GLIBC_2.2.5"], full;
            killpg: func, musl, ["GLIBC_2.2.5"], full;
            longjmp: func, musl, ["GLIBC_2.2.5"], full;
            makecontext: func, rust, ["GLIBC_2.2.5"], full;
            psiginfo: func, musl, ["GLIBC_2.10"], partial("the signal alone, without code, address or sender");
            psignal: func, rust, ["GLIBC_2.2.5"], full;
            pthread_sigmask: func, rust, ["GLIBC_2.2.5", "GLIBC_2.32"], full;
            raise: func, rust, ["GLIBC_2.2.5"], full;
            setcontext: func, rust, ["GLIBC_2.2.5"], full;
            setitimer: func, musl, ["GLIBC_2.2.5"], full;
            setjmp: func, musl, ["GLIBC_2.2.5"], full;
            sigaction: func, rust, ["GLIBC_2.2.5"], full;
            sigaddset: func, rust, ["GLIBC_2.2.5"], full;
            sigaltstack: func, rust, ["GLIBC_2.2.5"], full;
            sigandset: func, rust, ["GLIBC_2.2.5"], full;
            sigblock: func, rust, ["GLIBC_2.2.5"], full;
            sigdelset: func, rust, ["GLIBC_2.2.5"], full;
            sigemptyset: func, rust, ["GLIBC_2.2.5"], full;
            sigfillset: func, rust, ["GLIBC_2.2.5"], full;
            sighold: func, rust, ["GLIBC_2.2.5"], full;
            sigignore: func, rust, ["GLIBC_2.2.5"], full;
            siginterrupt: func, rust, ["GLIBC_2.2.5"], full;
            sigisemptyset: func, rust, ["GLIBC_2.2.5"], full;
            sigismember: func, rust, ["GLIBC_2.2.5"], full;
            siglongjmp: func, musl, ["GLIBC_2.2.5"], full;
            signal: func, rust, ["GLIBC_2.2.5"], full;
            sigorset: func, rust, ["GLIBC_2.2.5"], full;
            sigpause: func, musl, ["GLIBC_2.2.5"], full;
            sigpending: func, rust, ["GLIBC_2.2.5"], full;
            sigprocmask: func, rust, ["GLIBC_2.2.5"], full;
            sigqueue: func, rust, ["GLIBC_2.2.5"], full;
            sigrelse: func, rust, ["GLIBC_2.2.5"], full;
            sigset: func, musl, ["GLIBC_2.2.5"], full;
            sigsetmask: func, rust, ["GLIBC_2.2.5"], full;
            sigsuspend: func, rust, ["GLIBC_2.2.5"], full;
            sigtimedwait: func, rust, ["GLIBC_2.2.5"], full;
            sigwait: func, rust, ["GLIBC_2.2.5"], full;
            sigwaitinfo: func, rust, ["GLIBC_2.2.5"], full;
            ssignal: func, rust, ["GLIBC_2.2.5"], full;
            swapcontext: func, rust, ["GLIBC_2.2.5"], full;
            sysv_signal: func, rust, ["GLIBC_2.2.5"], full;
            tgkill: func, rust, ["GLIBC_2.30"], full;
        }
    };
}
