//! Rows of pwd.h, grp.h, shadow.h.

/// Calls `callback! { passwd; rows }` with the rows of pwd.h, grp.h, shadow.h.
#[macro_export]
macro_rules! symbols_passwd {
    ($($callback:tt)+) => {
        $($callback)+! {
            passwd;
            endgrent: func, musl, ["GLIBC_2.2.5"], full;
            endpwent: func, musl, ["GLIBC_2.2.5"], full;
            endspent: func, musl, ["GLIBC_2.2.5"], full;
            fgetgrent: func, musl, ["GLIBC_2.2.5"], full;
            fgetgrent_r: func, rust, ["GLIBC_2.2.5"], full;
            fgetpwent: func, musl, ["GLIBC_2.2.5"], full;
            fgetpwent_r: func, rust, ["GLIBC_2.2.5"], full;
            fgetspent: func, musl, ["GLIBC_2.2.5"], full;
            getgrent: func, musl, ["GLIBC_2.2.5"], full;
            getgrent_r: func, rust, ["GLIBC_2.2.5"], full;
            getgrgid: func, musl, ["GLIBC_2.2.5"], full;
            getgrgid_r: func, musl, ["GLIBC_2.2.5"], full;
            getgrnam: func, musl, ["GLIBC_2.2.5"], full;
            getgrnam_r: func, musl, ["GLIBC_2.2.5"], full;
            getgrouplist: func, musl, ["GLIBC_2.2.5"], full;
            getpwent: func, musl, ["GLIBC_2.2.5"], full;
            getpwent_r: func, rust, ["GLIBC_2.2.5"], full;
            getpwnam: func, musl, ["GLIBC_2.2.5"], full;
            getpwnam_r: func, musl, ["GLIBC_2.2.5"], full;
            getpwuid: func, musl, ["GLIBC_2.2.5"], full;
            getpwuid_r: func, musl, ["GLIBC_2.2.5"], full;
            getspent: func, musl, ["GLIBC_2.2.5"], full;
            getspnam: func, musl, ["GLIBC_2.2.5"], full;
            getspnam_r: func, musl, ["GLIBC_2.2.5"], full;
            group_member: func, rust, ["GLIBC_2.2.5"], full;
            lckpwdf: func, musl, ["GLIBC_2.2.5"], full;
            putgrent: func, musl, ["GLIBC_2.2.5"], full;
            putpwent: func, musl, ["GLIBC_2.2.5"], full;
            putspent: func, musl, ["GLIBC_2.2.5"], full;
            setgrent: func, musl, ["GLIBC_2.2.5"], full;
            setpwent: func, musl, ["GLIBC_2.2.5"], full;
            setspent: func, musl, ["GLIBC_2.2.5"], full;
            sgetspent: func, rust, ["GLIBC_2.2.5"], full;
            sgetspent_r: func, rust, ["GLIBC_2.2.5"], full;
            ulckpwdf: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
