//! Rows of string.h and strings.h.

/// Calls `callback! { string; rows }` with the rows of string.h and strings.h.
#[macro_export]
macro_rules! symbols_string {
    ($($callback:tt)+) => {
        $($callback)+! {
            string;
            __mempcpy: func, rust(mempcpy), ["GLIBC_2.2.5"], full;
            __stpcpy: func, musl(stpcpy), ["GLIBC_2.2.5"], full;
            __stpncpy: func, musl, ["GLIBC_2.2.5"], full;
            __strcasecmp: func, musl(strcasecmp), ["GLIBC_2.2.5"], full;
            __strcasecmp_l: func, musl, ["GLIBC_2.2.5"], full;
            __strdup: func, musl(strdup), ["GLIBC_2.2.5"], full;
            __strncasecmp_l: func, musl, ["GLIBC_2.2.5"], full;
            __strndup: func, musl(strndup), ["GLIBC_2.2.5"], full;
            __strtok_r: func, musl(strtok_r), ["GLIBC_2.2.5"], full;
            __xpg_strerror_r: func, rust, ["GLIBC_2.3.4"], full;
            bcmp: func, rust, ["GLIBC_2.2.5"], full;
            bcopy: func, musl, ["GLIBC_2.2.5"], full;
            bzero: func, musl, ["GLIBC_2.2.5"], full;
            explicit_bzero: func, musl, ["GLIBC_2.25"], full;
            index: func, musl, ["GLIBC_2.2.5"], full;
            memccpy: func, musl, ["GLIBC_2.2.5"], full;
            memchr: func, musl, ["GLIBC_2.2.5"], full;
            memcmp: func, rust, ["GLIBC_2.2.5"], full;
            memcpy: func, rust, ["GLIBC_2.2.5", "GLIBC_2.14"], full;
            memmem: func, musl, ["GLIBC_2.2.5"], full;
            memmove: func, rust, ["GLIBC_2.2.5"], full;
            mempcpy: func, rust, ["GLIBC_2.2.5"], full;
            memrchr: func, musl, ["GLIBC_2.2.5"], full;
            memset: func, rust, ["GLIBC_2.2.5"], full;
            rindex: func, musl, ["GLIBC_2.2.5"], full;
            sigabbrev_np: func, rust, ["GLIBC_2.32"], full;
            sigdescr_np: func, rust, ["GLIBC_2.32"], full;
            stpcpy: func, musl, ["GLIBC_2.2.5"], full;
            stpncpy: func, musl, ["GLIBC_2.2.5"], full;
            strcasecmp: func, musl, ["GLIBC_2.2.5"], full;
            strcasecmp_l: func, musl, ["GLIBC_2.3"], full;
            strcasestr: func, musl, ["GLIBC_2.2.5"], full;
            strcat: func, musl, ["GLIBC_2.2.5"], full;
            strchr: func, musl, ["GLIBC_2.2.5"], full;
            strchrnul: func, musl, ["GLIBC_2.2.5"], full;
            strcmp: func, musl, ["GLIBC_2.2.5"], full;
            strcpy: func, musl, ["GLIBC_2.2.5"], full;
            strcspn: func, musl, ["GLIBC_2.2.5"], full;
            strdup: func, musl, ["GLIBC_2.2.5"], full;
            strerror_r: func, rust, ["GLIBC_2.2.5"], full;
            strerrordesc_np: func, rust, ["GLIBC_2.32"], full;
            strerrorname_np: func, rust, ["GLIBC_2.32"], full;
            strlen: func, rust, ["GLIBC_2.2.5"], full;
            strncasecmp: func, musl, ["GLIBC_2.2.5"], full;
            strncasecmp_l: func, musl, ["GLIBC_2.3"], full;
            strncat: func, musl, ["GLIBC_2.2.5"], full;
            strncmp: func, musl, ["GLIBC_2.2.5"], full;
            strncpy: func, musl, ["GLIBC_2.2.5"], full;
            strndup: func, musl, ["GLIBC_2.2.5"], full;
            strnlen: func, musl, ["GLIBC_2.2.5"], full;
            strpbrk: func, musl, ["GLIBC_2.2.5"], full;
            strrchr: func, musl, ["GLIBC_2.2.5"], full;
            strsep: func, musl, ["GLIBC_2.2.5"], full;
            strsignal: func, rust, ["GLIBC_2.2.5"], full;
            strspn: func, musl, ["GLIBC_2.2.5"], full;
            strstr: func, musl, ["GLIBC_2.2.5"], full;
            strtok: func, musl, ["GLIBC_2.2.5"], full;
            strtok_r: func, musl, ["GLIBC_2.2.5"], full;
            strverscmp: func, musl, ["GLIBC_2.2.5"], full;
            swab: func, musl, ["GLIBC_2.2.5"], full;
            wcpcpy: func, musl, ["GLIBC_2.2.5"], full;
            wcpncpy: func, musl, ["GLIBC_2.2.5"], full;
            wcscasecmp: func, musl, ["GLIBC_2.2.5"], full;
            wcscasecmp_l: func, musl, ["GLIBC_2.3"], full;
            wcscat: func, musl, ["GLIBC_2.2.5"], full;
            wcschr: func, musl, ["GLIBC_2.2.5"], full;
            wcscmp: func, musl, ["GLIBC_2.2.5"], full;
            wcscpy: func, musl, ["GLIBC_2.2.5"], full;
            wcscspn: func, musl, ["GLIBC_2.2.5"], full;
            wcsdup: func, musl, ["GLIBC_2.2.5"], full;
            wcslen: func, musl, ["GLIBC_2.2.5"], full;
            wcsncasecmp: func, musl, ["GLIBC_2.2.5"], full;
            wcsncasecmp_l: func, musl, ["GLIBC_2.3"], full;
            wcsncat: func, musl, ["GLIBC_2.2.5"], full;
            wcsncmp: func, musl, ["GLIBC_2.2.5"], full;
            wcsncpy: func, musl, ["GLIBC_2.2.5"], full;
            wcsnlen: func, musl, ["GLIBC_2.2.5"], full;
            wcspbrk: func, musl, ["GLIBC_2.2.5"], full;
            wcsrchr: func, musl, ["GLIBC_2.2.5"], full;
            wcsspn: func, musl, ["GLIBC_2.2.5"], full;
            wcsstr: func, musl, ["GLIBC_2.2.5"], full;
            wcstok: func, musl, ["GLIBC_2.2.5"], full;
            wcswcs: func, musl, ["GLIBC_2.2.5"], full;
            wmemchr: func, musl, ["GLIBC_2.2.5"], full;
            wmemcmp: func, musl, ["GLIBC_2.2.5"], full;
            wmemcpy: func, musl, ["GLIBC_2.2.5"], full;
            wmemmove: func, musl, ["GLIBC_2.2.5"], full;
            wmemset: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
