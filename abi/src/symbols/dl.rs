//! Rows of dlfcn.h and link.h.

/// Calls `callback! { dl; rows }` with the rows of dlfcn.h and link.h.
#[macro_export]
macro_rules! symbols_dl {
    ($($callback:tt)+) => {
        $($callback)+! {
            dl;
            __tls_get_addr: func, link, ["GLIBC_2.3"], full;
            dl_iterate_phdr: func, link, ["GLIBC_2.2.5"], full;
            dladdr: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dladdr1: func, link, ["GLIBC_2.3.3", "GLIBC_2.34"], full;
            dlclose: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dlerror: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dlinfo: func, link, ["GLIBC_2.3.3", "GLIBC_2.34"], full;
            dlmopen: func, link, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            dlopen: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dlsym: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dlvsym: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
        }
    };
}
