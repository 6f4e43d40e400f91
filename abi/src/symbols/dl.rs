//! Rows of dlfcn.h and link.h.

/// Calls `callback! { dl; rows }` with the rows of dlfcn.h and link.h.
#[macro_export]
macro_rules! symbols_dl {
    ($($callback:tt)+) => {
        $($callback)+! {
            dl;
            _dl_debug_state: func, link, ["GLIBC_PRIVATE"], full;
            _r_debug: object, link, ["GLIBC_2.2.5"], full;
            __tls_get_addr: func, link, ["GLIBC_2.3"], full;
            dl_iterate_phdr: func, link, ["GLIBC_2.2.5"], full;
            dladdr: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dladdr1: func, link, ["GLIBC_2.3.3", "GLIBC_2.34"], full;
            dlclose: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dlerror: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dlinfo: func, link, ["GLIBC_2.3.3", "GLIBC_2.34"], partial("no RTLD_DI_SERINFO, RTLD_DI_SERINFOSIZE, RTLD_DI_PROFILENAME, RTLD_DI_PROFILEOUT");
            dlmopen: func, link, ["GLIBC_2.3.4", "GLIBC_2.34"], partial("LM_ID_BASE alone");
            dlopen: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dlsym: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            dlvsym: func, link, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
        }
    };
}
