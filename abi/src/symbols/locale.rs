//! Rows of locale.h, langinfo.h, iconv.h, libintl.h and multibyte conversion.

/// Calls `callback! { locale; rows }` with the rows of locale.h, langinfo.h, iconv.h, libintl.h and multibyte conversion.
#[macro_export]
macro_rules! symbols_locale {
    ($($callback:tt)+) => {
        $($callback)+! {
            locale;
            __duplocale: func, musl, ["GLIBC_2.2.5"], full;
            __freelocale: func, musl, ["GLIBC_2.2.5"], full;
            __mbrlen: func, musl(mbrlen), ["GLIBC_2.2.5"], full;
            __newlocale: func, musl, ["GLIBC_2.2.5"], full;
            __nl_langinfo_l: func, musl, ["GLIBC_2.2.5"], full;
            __strcoll_l: func, musl, ["GLIBC_2.2.5"], full;
            __strtod_l: func, musl, ["GLIBC_2.2.5"], full;
            __strtof_l: func, musl, ["GLIBC_2.2.5"], full;
            __strtold_l: func, musl, ["GLIBC_2.2.5"], full;
            __strxfrm_l: func, musl, ["GLIBC_2.2.5"], full;
            __uselocale: func, musl, ["GLIBC_2.3"], full;
            __wcscoll_l: func, musl, ["GLIBC_2.2.5"], full;
            __wcsxfrm_l: func, musl, ["GLIBC_2.2.5"], full;
            bind_textdomain_codeset: func, musl, ["GLIBC_2.2.5"], full;
            bindtextdomain: func, musl, ["GLIBC_2.2.5"], full;
            btowc: func, musl, ["GLIBC_2.2.5"], full;
            c16rtomb: func, musl, ["GLIBC_2.16"], full;
            c32rtomb: func, musl, ["GLIBC_2.16"], full;
            catclose: func, musl, ["GLIBC_2.2.5"], full;
            catgets: func, musl, ["GLIBC_2.2.5"], full;
            catopen: func, musl, ["GLIBC_2.2.5"], full;
            dcgettext: func, musl, ["GLIBC_2.2.5"], full;
            dcngettext: func, musl, ["GLIBC_2.2.5"], full;
            dgettext: func, musl, ["GLIBC_2.2.5"], full;
            dngettext: func, musl, ["GLIBC_2.2.5"], full;
            duplocale: func, musl, ["GLIBC_2.3"], full;
            freelocale: func, musl, ["GLIBC_2.3"], full;
            gettext: func, musl, ["GLIBC_2.2.5"], full;
            iconv: func, musl, ["GLIBC_2.2.5"], full;
            iconv_close: func, musl, ["GLIBC_2.2.5"], full;
            iconv_open: func, musl, ["GLIBC_2.2.5"], full;
            localeconv: func, musl, ["GLIBC_2.2.5"], full;
            mblen: func, musl, ["GLIBC_2.2.5"], full;
            mbrlen: func, musl, ["GLIBC_2.2.5"], full;
            mbrtoc16: func, musl, ["GLIBC_2.16"], full;
            mbrtoc32: func, musl, ["GLIBC_2.16"], full;
            mbrtowc: func, musl, ["GLIBC_2.2.5"], full;
            mbsinit: func, musl, ["GLIBC_2.2.5"], full;
            mbsnrtowcs: func, musl, ["GLIBC_2.2.5"], full;
            mbsrtowcs: func, musl, ["GLIBC_2.2.5"], full;
            mbstowcs: func, musl, ["GLIBC_2.2.5"], full;
            mbtowc: func, musl, ["GLIBC_2.2.5"], full;
            newlocale: func, musl, ["GLIBC_2.3"], full;
            ngettext: func, musl, ["GLIBC_2.2.5"], full;
            nl_langinfo: func, musl, ["GLIBC_2.2.5"], full;
            nl_langinfo_l: func, musl, ["GLIBC_2.3"], full;
            setlocale: func, musl, ["GLIBC_2.2.5"], full;
            strcoll: func, musl, ["GLIBC_2.2.5"], full;
            strcoll_l: func, musl, ["GLIBC_2.3"], full;
            strfmon: func, musl, ["GLIBC_2.2.5"], full;
            strfmon_l: func, musl, ["GLIBC_2.3"], full;
            strtod_l: func, musl, ["GLIBC_2.3"], full;
            strtof_l: func, musl, ["GLIBC_2.3"], full;
            strtold_l: func, musl, ["GLIBC_2.3"], full;
            strxfrm: func, musl, ["GLIBC_2.2.5"], full;
            strxfrm_l: func, musl, ["GLIBC_2.3"], full;
            textdomain: func, musl, ["GLIBC_2.2.5"], full;
            uselocale: func, musl, ["GLIBC_2.3"], full;
            wcrtomb: func, musl, ["GLIBC_2.2.5"], full;
            wcscoll: func, musl, ["GLIBC_2.2.5"], full;
            wcscoll_l: func, musl, ["GLIBC_2.3"], full;
            wcsnrtombs: func, musl, ["GLIBC_2.2.5"], full;
            wcsrtombs: func, musl, ["GLIBC_2.2.5"], full;
            wcstombs: func, musl, ["GLIBC_2.2.5"], full;
            wcsxfrm: func, musl, ["GLIBC_2.2.5"], full;
            wcsxfrm_l: func, musl, ["GLIBC_2.3"], full;
            wctob: func, musl, ["GLIBC_2.2.5"], full;
            wctomb: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
