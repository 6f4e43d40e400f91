//! Rows of regex.h, glob.h, fnmatch.h.

/// Calls `callback! { regex; rows }` with the rows of regex.h, glob.h, fnmatch.h.
#[macro_export]
macro_rules! symbols_regex {
    ($($callback:tt)+) => {
        $($callback)+! {
            regex;
            fnmatch: func, musl, ["GLIBC_2.2.5"], full;
            glob: func, musl, ["GLIBC_2.2.5", "GLIBC_2.27"], full;
            glob64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.27"], full;
            globfree: func, musl, ["GLIBC_2.2.5"], full;
            globfree64: func, musl, ["GLIBC_2.2.5"], full;
            regcomp: func, rust(regcomp_narrow), ["GLIBC_2.2.5"], full, on_musl = musl;
            regerror: func, musl, ["GLIBC_2.2.5"], full;
            regexec: func, rust(regexec_narrow), ["GLIBC_2.2.5", "GLIBC_2.3.4"], full, on_musl = musl;
            regfree: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
