//! Rows of fcntl.h, sys/stat.h, dirent.h.

/// Calls `callback! { stat; rows }` with the rows of fcntl.h, sys/stat.h, dirent.h.
#[macro_export]
macro_rules! symbols_stat {
    ($($callback:tt)+) => {
        $($callback)+! {
            stat;
            __fcntl: func, musl(fcntl), ["GLIBC_2.2.5"], full;
            __fxstat: func, musl, ["GLIBC_2.2.5"], full;
            __fxstat64: func, musl, ["GLIBC_2.2.5"], full;
            __fxstatat: func, musl, ["GLIBC_2.4"], full;
            __fxstatat64: func, musl, ["GLIBC_2.4"], full;
            __lxstat: func, musl, ["GLIBC_2.2.5"], full;
            __lxstat64: func, musl, ["GLIBC_2.2.5"], full;
            __open: func, musl(open), ["GLIBC_2.2.5"], full;
            __open64: func, musl(open), ["GLIBC_2.2.5"], full;
            __xmknod: func, musl, ["GLIBC_2.2.5"], full;
            __xmknodat: func, musl, ["GLIBC_2.4"], full;
            __xstat: func, musl, ["GLIBC_2.2.5"], full;
            __xstat64: func, musl, ["GLIBC_2.2.5"], full;
            alphasort: func, musl, ["GLIBC_2.2.5"], full;
            alphasort64: func, musl, ["GLIBC_2.2.5"], full;
            chmod: func, musl, ["GLIBC_2.2.5"], full;
            closedir: func, musl, ["GLIBC_2.2.5"], full;
            creat: func, musl, ["GLIBC_2.2.5"], full;
            creat64: func, musl, ["GLIBC_2.2.5"], full;
            dirfd: func, musl, ["GLIBC_2.2.5"], full;
            fchmod: func, musl, ["GLIBC_2.2.5"], full;
            fchmodat: func, musl, ["GLIBC_2.4"], full;
            fcntl: func, musl, ["GLIBC_2.2.5"], full;
            fcntl64: func, musl(fcntl), ["GLIBC_2.28"], full;
            fdopendir: func, musl, ["GLIBC_2.4"], full;
            fstat: func, musl, ["GLIBC_2.33"], full;
            fstat64: func, musl, ["GLIBC_2.33"], full;
            fstatat: func, musl, ["GLIBC_2.33"], full;
            fstatat64: func, musl, ["GLIBC_2.33"], full;
            fstatfs: func, musl, ["GLIBC_2.2.5"], full;
            fstatfs64: func, musl, ["GLIBC_2.2.5"], full;
            fstatvfs: func, musl, ["GLIBC_2.2.5"], full;
            fstatvfs64: func, musl, ["GLIBC_2.2.5"], full;
            fts_children: func, rust, ["GLIBC_2.2.5"], partial("never changes the working folder: fts_accpath is always fts_path");
            fts_close: func, rust, ["GLIBC_2.2.5"], partial("never changes the working folder: fts_accpath is always fts_path");
            fts_open: func, rust, ["GLIBC_2.2.5"], partial("never changes the working folder: fts_accpath is always fts_path");
            fts_read: func, rust, ["GLIBC_2.2.5"], partial("never changes the working folder: fts_accpath is always fts_path");
            fts_set: func, rust, ["GLIBC_2.2.5"], partial("never changes the working folder: fts_accpath is always fts_path");
            futimens: func, musl, ["GLIBC_2.6"], full;
            futimesat: func, musl, ["GLIBC_2.4"], full;
            lchmod: func, musl, ["GLIBC_2.3.2"], full;
            lstat: func, musl, ["GLIBC_2.33"], full;
            lstat64: func, musl, ["GLIBC_2.33"], full;
            mkdir: func, musl, ["GLIBC_2.2.5"], full;
            mkdirat: func, musl, ["GLIBC_2.4"], full;
            mkfifo: func, musl, ["GLIBC_2.2.5"], full;
            mkfifoat: func, musl, ["GLIBC_2.4"], full;
            mknod: func, musl, ["GLIBC_2.33"], full;
            mknodat: func, musl, ["GLIBC_2.33"], full;
            open: func, musl, ["GLIBC_2.2.5"], full;
            open64: func, musl, ["GLIBC_2.2.5"], full;
            openat: func, musl, ["GLIBC_2.4"], full;
            openat64: func, musl, ["GLIBC_2.4"], full;
            opendir: func, musl, ["GLIBC_2.2.5"], full;
            posix_fadvise: func, musl, ["GLIBC_2.2.5"], full;
            posix_fadvise64: func, musl, ["GLIBC_2.2.5"], full;
            posix_fallocate: func, musl, ["GLIBC_2.2.5"], full;
            posix_fallocate64: func, musl, ["GLIBC_2.2.5"], full;
            readdir: func, musl, ["GLIBC_2.2.5"], full;
            readdir64: func, musl, ["GLIBC_2.2.5"], full;
            readdir64_r: func, musl, ["GLIBC_2.2.5"], full;
            readdir_r: func, musl, ["GLIBC_2.2.5"], full;
            rewinddir: func, musl, ["GLIBC_2.2.5"], full;
            scandir: func, musl, ["GLIBC_2.2.5"], full;
            scandir64: func, musl, ["GLIBC_2.2.5"], full;
            scandirat: func, rust, ["GLIBC_2.15"], full;
            scandirat64: func, rust, ["GLIBC_2.15"], full;
            seekdir: func, musl, ["GLIBC_2.2.5"], full;
            stat: func, musl, ["GLIBC_2.33"], full;
            stat64: func, musl, ["GLIBC_2.33"], full;
            statfs: func, musl, ["GLIBC_2.2.5"], full;
            statfs64: func, musl, ["GLIBC_2.2.5"], full;
            statvfs: func, musl, ["GLIBC_2.2.5"], full;
            statvfs64: func, musl, ["GLIBC_2.2.5"], full;
            telldir: func, musl, ["GLIBC_2.2.5"], full;
            umask: func, musl, ["GLIBC_2.2.5"], full;
            utimensat: func, musl, ["GLIBC_2.6"], full;
            versionsort: func, musl, ["GLIBC_2.2.5"], full;
            versionsort64: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
