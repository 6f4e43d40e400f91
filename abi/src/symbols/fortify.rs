//! Rows of _FORTIFY_SOURCE.

/// Calls `callback! { fortify; rows }` with the rows of _FORTIFY_SOURCE.
#[macro_export]
macro_rules! symbols_fortify {
    ($($callback:tt)+) => {
        $($callback)+! {
            fortify;
            __asprintf_chk: func, rust, ["GLIBC_2.8"], full;
            __chk_fail: func, rust, ["GLIBC_2.3.4"], full;
            __confstr_chk: func, rust, ["GLIBC_2.4"], full;
            __dprintf_chk: func, rust, ["GLIBC_2.8"], full;
            __explicit_bzero_chk: func, rust, ["GLIBC_2.25"], full;
            __fgets_chk: func, rust, ["GLIBC_2.4"], full;
            __fgets_unlocked_chk: func, rust, ["GLIBC_2.4"], full;
            __fprintf_chk: func, rust, ["GLIBC_2.3.4"], full;
            __fread_chk: func, rust, ["GLIBC_2.7"], full;
            __fread_unlocked_chk: func, rust, ["GLIBC_2.7"], full;
            __fwprintf_chk: func, rust, ["GLIBC_2.4"], full;
            __getcwd_chk: func, rust, ["GLIBC_2.4"], full;
            __getdomainname_chk: func, rust, ["GLIBC_2.4"], full;
            __getgroups_chk: func, rust, ["GLIBC_2.4"], full;
            __gethostname_chk: func, rust, ["GLIBC_2.4"], full;
            __getlogin_r_chk: func, rust, ["GLIBC_2.4"], full;
            __longjmp_chk: func, rust, ["GLIBC_2.11"], full;
            __mbsnrtowcs_chk: func, rust, ["GLIBC_2.4"], full;
            __mbsrtowcs_chk: func, rust, ["GLIBC_2.4"], full;
            __mbstowcs_chk: func, rust, ["GLIBC_2.4"], full;
            __memcpy_chk: func, rust, ["GLIBC_2.3.4"], full;
            __memmove_chk: func, rust, ["GLIBC_2.3.4"], full;
            __mempcpy_chk: func, rust, ["GLIBC_2.3.4"], full;
            __memset_chk: func, rust, ["GLIBC_2.3.4"], full;
            __open64_2: func, rust, ["GLIBC_2.7"], full;
            __open_2: func, rust, ["GLIBC_2.7"], full;
            __openat64_2: func, rust, ["GLIBC_2.7"], full;
            __openat_2: func, rust, ["GLIBC_2.7"], full;
            __poll_chk: func, rust, ["GLIBC_2.16"], full;
            __ppoll_chk: func, rust, ["GLIBC_2.16"], full;
            __pread64_chk: func, rust, ["GLIBC_2.4"], full;
            __pread_chk: func, rust, ["GLIBC_2.4"], full;
            __printf_chk: func, rust, ["GLIBC_2.3.4"], full;
            __read_chk: func, rust, ["GLIBC_2.4"], full;
            __readlink_chk: func, rust, ["GLIBC_2.4"], full;
            __readlinkat_chk: func, rust, ["GLIBC_2.5"], full;
            __realpath_chk: func, rust, ["GLIBC_2.4"], full;
            __recv_chk: func, rust, ["GLIBC_2.4"], full;
            __recvfrom_chk: func, rust, ["GLIBC_2.4"], full;
            __snprintf_chk: func, rust, ["GLIBC_2.3.4"], full;
            __sprintf_chk: func, rust, ["GLIBC_2.3.4"], full;
            __stpcpy_chk: func, rust, ["GLIBC_2.3.4"], full;
            __stpncpy_chk: func, rust, ["GLIBC_2.4"], full;
            __strcat_chk: func, rust, ["GLIBC_2.3.4"], full;
            __strcpy_chk: func, rust, ["GLIBC_2.3.4"], full;
            __strncat_chk: func, rust, ["GLIBC_2.3.4"], full;
            __strncpy_chk: func, rust, ["GLIBC_2.3.4"], full;
            __swprintf_chk: func, rust, ["GLIBC_2.4"], full;
            __syslog_chk: func, rust, ["GLIBC_2.4"], full;
            __ttyname_r_chk: func, rust, ["GLIBC_2.4"], full;
            __vasprintf_chk: func, rust, ["GLIBC_2.8"], full;
            __vdprintf_chk: func, rust, ["GLIBC_2.8"], full;
            __vfprintf_chk: func, rust, ["GLIBC_2.3.4"], full;
            __vfwprintf_chk: func, rust, ["GLIBC_2.4"], full;
            __vprintf_chk: func, rust, ["GLIBC_2.3.4"], full;
            __vsnprintf_chk: func, rust, ["GLIBC_2.3.4"], full;
            __vsprintf_chk: func, rust, ["GLIBC_2.3.4"], full;
            __vswprintf_chk: func, rust, ["GLIBC_2.4"], full;
            __vsyslog_chk: func, rust, ["GLIBC_2.4"], full;
            __vwprintf_chk: func, rust, ["GLIBC_2.4"], full;
            __wcrtomb_chk: func, rust, ["GLIBC_2.4"], full;
            __wcscat_chk: func, rust, ["GLIBC_2.4"], full;
            __wcscpy_chk: func, rust, ["GLIBC_2.4"], full;
            __wcsncpy_chk: func, rust, ["GLIBC_2.4"], full;
            __wcsnrtombs_chk: func, rust, ["GLIBC_2.4"], full;
            __wcsrtombs_chk: func, rust, ["GLIBC_2.4"], full;
            __wcstombs_chk: func, rust, ["GLIBC_2.4"], full;
            __wctomb_chk: func, rust, ["GLIBC_2.4"], full;
            __wmemcpy_chk: func, rust, ["GLIBC_2.4"], full;
            __wmemmove_chk: func, rust, ["GLIBC_2.4"], full;
            __wmemset_chk: func, rust, ["GLIBC_2.4"], full;
            __wprintf_chk: func, rust, ["GLIBC_2.4"], full;
        }
    };
}
