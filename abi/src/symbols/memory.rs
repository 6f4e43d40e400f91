//! Rows of sys/mman.h and malloc.

/// Calls `callback! { memory; rows }` with the rows of sys/mman.h and malloc.
#[macro_export]
macro_rules! symbols_memory {
    ($($callback:tt)+) => {
        $($callback)+! {
            memory;
            __libc_calloc: func, rust(calloc), ["GLIBC_2.2.5"], full;
            __libc_free: func, rust(free), ["GLIBC_2.2.5"], full;
            __libc_malloc: func, rust(malloc), ["GLIBC_2.2.5"], full;
            __libc_memalign: func, rust(memalign), ["GLIBC_2.2.5"], full;
            __libc_realloc: func, rust(realloc), ["GLIBC_2.2.5"], full;
            __mmap: func, musl(mmap), ["GLIBC_2.2.5"], full;
            __munmap: func, musl(munmap), ["GLIBC_2.2.5"], full;
            aligned_alloc: func, rust, ["GLIBC_2.16"], full;
            calloc: func, rust, ["GLIBC_2.2.5"], full;
            cfree: func, rust(free), ["GLIBC_2.2.5"], full;
            free: func, rust, ["GLIBC_2.2.5"], full;
            madvise: func, musl, ["GLIBC_2.2.5"], full;
            mallinfo: func, rust, ["GLIBC_2.2.5"], full;
            mallinfo2: func, rust, ["GLIBC_2.33"], full;
            malloc: func, rust, ["GLIBC_2.2.5"], full;
            malloc_trim: func, rust, ["GLIBC_2.2.5"], full;
            malloc_usable_size: func, rust, ["GLIBC_2.2.5"], full;
            mallopt: func, rust, ["GLIBC_2.2.5"], partial("M_MMAP_THRESHOLD alone changes something");
            memalign: func, rust, ["GLIBC_2.2.5"], full;
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
            posix_memalign: func, rust, ["GLIBC_2.2.5"], full;
            pvalloc: func, rust, ["GLIBC_2.2.5"], full;
            realloc: func, rust, ["GLIBC_2.2.5"], full;
            reallocarray: func, rust, ["GLIBC_2.26"], full;
            shm_open: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            shm_unlink: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            valloc: func, rust, ["GLIBC_2.2.5"], full;
        }
    };
}
