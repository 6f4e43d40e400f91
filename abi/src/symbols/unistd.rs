//! Rows of unistd.h, poll.h, sys/select.h, sys/uio.h.

/// Calls `callback! { unistd; rows }` with the rows of unistd.h, poll.h, sys/select.h, sys/uio.h.
#[macro_export]
macro_rules! symbols_unistd {
    ($($callback:tt)+) => {
        $($callback)+! {
            unistd;
            __lseek: func, musl, ["GLIBC_2.2.5"], full;
            _exit: func, musl, ["GLIBC_2.2.5"], full;
            access: func, musl, ["GLIBC_2.2.5"], full;
            acct: func, musl, ["GLIBC_2.2.5"], full;
            alarm: func, musl, ["GLIBC_2.2.5"], full;
            chdir: func, musl, ["GLIBC_2.2.5"], full;
            chown: func, musl, ["GLIBC_2.2.5"], full;
            close: func, musl, ["GLIBC_2.2.5"], full;
            ctermid: func, musl, ["GLIBC_2.2.5"], full;
            dup: func, musl, ["GLIBC_2.2.5"], full;
            dup2: func, musl, ["GLIBC_2.2.5"], full;
            dup3: func, musl, ["GLIBC_2.9"], full;
            faccessat: func, musl, ["GLIBC_2.4"], full;
            fchdir: func, musl, ["GLIBC_2.2.5"], full;
            fchown: func, musl, ["GLIBC_2.2.5"], full;
            fchownat: func, musl, ["GLIBC_2.4"], full;
            fdatasync: func, musl, ["GLIBC_2.2.5"], full;
            fsync: func, musl, ["GLIBC_2.2.5"], full;
            ftruncate: func, musl, ["GLIBC_2.2.5"], full;
            ftruncate64: func, musl, ["GLIBC_2.2.5"], full;
            getcwd: func, musl, ["GLIBC_2.2.5"], full;
            getegid: func, musl, ["GLIBC_2.2.5"], full;
            geteuid: func, musl, ["GLIBC_2.2.5"], full;
            getgid: func, musl, ["GLIBC_2.2.5"], full;
            getgroups: func, musl, ["GLIBC_2.2.5"], full;
            gethostname: func, musl, ["GLIBC_2.2.5"], full;
            getlogin: func, musl, ["GLIBC_2.2.5"], full;
            getlogin_r: func, musl, ["GLIBC_2.2.5"], full;
            getpgid: func, musl, ["GLIBC_2.2.5"], full;
            getpgrp: func, musl, ["GLIBC_2.2.5"], full;
            getpid: func, musl, ["GLIBC_2.2.5"], full;
            getppid: func, musl, ["GLIBC_2.2.5"], full;
            getsid: func, musl, ["GLIBC_2.2.5"], full;
            getuid: func, musl, ["GLIBC_2.2.5"], full;
            isatty: func, musl, ["GLIBC_2.2.5"], full;
            lchown: func, musl, ["GLIBC_2.2.5"], full;
            link: func, musl, ["GLIBC_2.2.5"], full;
            linkat: func, musl, ["GLIBC_2.4"], full;
            lseek: func, musl, ["GLIBC_2.2.5"], full;
            lseek64: func, musl, ["GLIBC_2.2.5"], full;
            nice: func, musl, ["GLIBC_2.2.5"], full;
            pause: func, musl, ["GLIBC_2.2.5"], full;
            pipe: func, musl, ["GLIBC_2.2.5"], full;
            pipe2: func, musl, ["GLIBC_2.9"], full;
            poll: func, musl, ["GLIBC_2.2.5"], full;
            pread: func, musl, ["GLIBC_2.2.5"], full;
            pread64: func, musl, ["GLIBC_2.2.5"], full;
            preadv: func, musl, ["GLIBC_2.10"], full;
            preadv64: func, musl, ["GLIBC_2.10"], full;
            pselect: func, musl, ["GLIBC_2.2.5"], full;
            pwrite: func, musl, ["GLIBC_2.2.5"], full;
            pwrite64: func, musl, ["GLIBC_2.2.5"], full;
            pwritev: func, musl, ["GLIBC_2.10"], full;
            pwritev64: func, musl, ["GLIBC_2.10"], full;
            read: func, musl, ["GLIBC_2.2.5"], full;
            readlink: func, musl, ["GLIBC_2.2.5"], full;
            readlinkat: func, musl, ["GLIBC_2.4"], full;
            readv: func, musl, ["GLIBC_2.2.5"], full;
            renameat: func, musl, ["GLIBC_2.4"], full;
            rmdir: func, musl, ["GLIBC_2.2.5"], full;
            select: func, musl, ["GLIBC_2.2.5"], full;
            setegid: func, musl, ["GLIBC_2.2.5"], full;
            seteuid: func, musl, ["GLIBC_2.2.5"], full;
            setgid: func, musl, ["GLIBC_2.2.5"], full;
            setpgid: func, musl, ["GLIBC_2.2.5"], full;
            setpgrp: func, musl, ["GLIBC_2.2.5"], full;
            setregid: func, musl, ["GLIBC_2.2.5"], full;
            setresgid: func, musl, ["GLIBC_2.2.5"], full;
            setresuid: func, musl, ["GLIBC_2.2.5"], full;
            setreuid: func, musl, ["GLIBC_2.2.5"], full;
            setsid: func, musl, ["GLIBC_2.2.5"], full;
            setuid: func, musl, ["GLIBC_2.2.5"], full;
            sleep: func, musl, ["GLIBC_2.2.5"], full;
            symlink: func, musl, ["GLIBC_2.2.5"], full;
            symlinkat: func, musl, ["GLIBC_2.4"], full;
            sync: func, musl, ["GLIBC_2.2.5"], full;
            tcgetpgrp: func, musl, ["GLIBC_2.2.5"], full;
            tcsetpgrp: func, musl, ["GLIBC_2.2.5"], full;
            truncate: func, musl, ["GLIBC_2.2.5"], full;
            truncate64: func, musl, ["GLIBC_2.2.5"], full;
            ttyname: func, musl, ["GLIBC_2.2.5"], full;
            ttyname_r: func, musl, ["GLIBC_2.2.5"], full;
            ualarm: func, musl, ["GLIBC_2.2.5"], full;
            unlink: func, musl, ["GLIBC_2.2.5"], full;
            unlinkat: func, musl, ["GLIBC_2.4"], full;
            usleep: func, musl, ["GLIBC_2.2.5"], full;
            write: func, musl, ["GLIBC_2.2.5"], full;
            writev: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
