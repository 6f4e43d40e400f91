//! Rows of sys/mman.h and malloc.

/// Calls `callback! { memory; rows }` with the rows of sys/mman.h and malloc.
#[macro_export]
macro_rules! symbols_memory {
    ($($callback:tt)+) => {
        $($callback)+! {
            memory;
            madvise: func, musl, ["GLIBC_2.2.5"], full;
            mincore: func, musl, ["GLIBC_2.2.5"], full;
            mlock: func, musl, ["GLIBC_2.2.5"], full;
            mlockall: func, musl, ["GLIBC_2.2.5"], full;
            mmap: func, musl, ["GLIBC_2.2.5"], full;
            mmap64: func, musl, ["GLIBC_2.2.5"], full;
            mprotect: func, musl, ["GLIBC_2.2.5"], full;
            mremap: func, musl, ["GLIBC_2.2.5"], full;
            msync: func, musl, ["GLIBC_2.2.5"], full;
            munlock: func, musl, ["GLIBC_2.2.5"], full;
            munlockall: func, musl, ["GLIBC_2.2.5"], full;
            munmap: func, musl, ["GLIBC_2.2.5"], full;
            posix_madvise: func, musl, ["GLIBC_2.2.5"], full;
            shm_open: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            shm_unlink: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
        }
    };
}
