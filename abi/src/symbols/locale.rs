//! Rows of locale.h, langinfo.h, iconv.h, libintl.h and multibyte conversion.

/// Calls `callback! { locale; rows }` with the rows of locale.h, langinfo.h, iconv.h, libintl.h and multibyte conversion.
#[macro_export]
macro_rules! symbols_locale {
    ($($callback:tt)+) => {
        $($callback)+! {
            locale;
            __dcgettext: func, musl(dcgettext), ["GLIBC_2.2.5"], full;
            __duplocale: func, rust, ["GLIBC_2.2.5"], full;
            __freelocale: func, rust, ["GLIBC_2.2.5"], full;
            __mbrlen: func, rust(mbrlen), ["GLIBC_2.2.5"], full;
            __newlocale: func, rust, ["GLIBC_2.2.5"], partial("C and C.UTF-8; other installed locales of UTF-8 have C's conventions");
            __nl_langinfo_l: func, rust(nl_langinfo_l), ["GLIBC_2.2.5"], full;
            __strcoll_l: func, musl, ["GLIBC_2.2.5"], full;
            __strtod_l: func, musl(__osv_gnu_strtod_l), ["GLIBC_2.2.5"], full;
            __strtof_l: func, musl(__osv_gnu_strtof_l), ["GLIBC_2.2.5"], full;
            __strtold_l: func, musl(__osv_gnu_strtold_l), ["GLIBC_2.2.5"], full;
            __strxfrm_l: func, musl, ["GLIBC_2.2.5"], full;
            __uselocale: func, musl, ["GLIBC_2.3"], full;
            __wcscoll_l: func, musl, ["GLIBC_2.2.5"], full;
            __wcsxfrm_l: func, musl, ["GLIBC_2.2.5"], full;
            bind_textdomain_codeset: func, rust, ["GLIBC_2.2.5"], partial("texts are always UTF-8; which domains asked for it is not kept");
            bindtextdomain: func, musl, ["GLIBC_2.2.5"], partial("null where glibc names its default folder");
            btowc: func, rust, ["GLIBC_2.2.5"], full;
            c16rtomb: func, rust, ["GLIBC_2.16"], full;
            c32rtomb: func, rust, ["GLIBC_2.16"], full;
            catclose: func, musl, ["GLIBC_2.2.5"], full;
            catgets: func, musl, ["GLIBC_2.2.5"], full;
            catopen: func, musl, ["GLIBC_2.2.5"], full;
            dcgettext: func, musl, ["GLIBC_2.2.5"], full;
            dcngettext: func, musl, ["GLIBC_2.2.5"], full;
            dgettext: func, musl, ["GLIBC_2.2.5"], full;
            dngettext: func, musl, ["GLIBC_2.2.5"], full;
            duplocale: func, rust, ["GLIBC_2.3"], full;
            freelocale: func, rust, ["GLIBC_2.3"], full;
            gettext: func, musl, ["GLIBC_2.2.5"], full;
            iconv: func, rust(iconv_gnu), ["GLIBC_2.2.5"], full;
            iconv_close: func, rust(iconv_close_gnu), ["GLIBC_2.2.5"], full;
            iconv_open: func, rust(iconv_open_gnu), ["GLIBC_2.2.5"], partial("//TRANSLIT knows punctuation and ligatures, else ?; the encodings of glibc that musl has, too");
            localeconv: func, musl, ["GLIBC_2.2.5"], full;
            mblen: func, rust, ["GLIBC_2.2.5"], full;
            mbrlen: func, rust, ["GLIBC_2.2.5"], full;
            mbrtoc16: func, rust, ["GLIBC_2.16"], full;
            mbrtoc32: func, rust, ["GLIBC_2.16"], full;
            mbrtowc: func, rust, ["GLIBC_2.2.5"], full;
            mbsinit: func, rust, ["GLIBC_2.2.5"], full;
            mbsnrtowcs: func, rust, ["GLIBC_2.2.5"], full;
            mbsrtowcs: func, rust, ["GLIBC_2.2.5"], full;
            mbstowcs: func, rust, ["GLIBC_2.2.5"], full;
            mbtowc: func, rust, ["GLIBC_2.2.5"], full;
            newlocale: func, rust, ["GLIBC_2.3"], partial("C and C.UTF-8; other installed locales of UTF-8 have C's conventions");
            ngettext: func, musl, ["GLIBC_2.2.5"], full;
            nl_langinfo: func, rust, ["GLIBC_2.2.5"], full;
            nl_langinfo_l: func, rust, ["GLIBC_2.3"], full;
            setlocale: func, rust, ["GLIBC_2.2.5"], partial("C and C.UTF-8; other installed locales of UTF-8 have C's conventions");
            strcoll: func, musl, ["GLIBC_2.2.5"], full;
            strcoll_l: func, musl, ["GLIBC_2.3"], full;
            strfmon: func, musl, ["GLIBC_2.2.5"], full;
            strfmon_l: func, musl, ["GLIBC_2.3"], full;
            strtod_l: func, musl(__osv_gnu_strtod_l), ["GLIBC_2.3"], full;
            strtof_l: func, musl(__osv_gnu_strtof_l), ["GLIBC_2.3"], full;
            strtold_l: func, musl(__osv_gnu_strtold_l), ["GLIBC_2.3"], full;
            strxfrm: func, musl, ["GLIBC_2.2.5"], full;
            strxfrm_l: func, musl, ["GLIBC_2.3"], full;
            textdomain: func, musl, ["GLIBC_2.2.5"], full;
            uselocale: func, musl, ["GLIBC_2.3"], full;
            wcrtomb: func, rust, ["GLIBC_2.2.5"], full;
            wcscoll: func, musl, ["GLIBC_2.2.5"], full;
            wcscoll_l: func, musl, ["GLIBC_2.3"], full;
            wcsnrtombs: func, rust, ["GLIBC_2.2.5"], full;
            wcsrtombs: func, rust, ["GLIBC_2.2.5"], full;
            wcstombs: func, rust, ["GLIBC_2.2.5"], full;
            wcsxfrm: func, musl, ["GLIBC_2.2.5"], full;
            wcsxfrm_l: func, musl, ["GLIBC_2.3"], full;
            wctob: func, rust, ["GLIBC_2.2.5"], full;
            wctomb: func, rust, ["GLIBC_2.2.5"], full;
        }
    };
}
