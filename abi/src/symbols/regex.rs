//! Rows of regex.h, glob.h, fnmatch.h.

/// Calls `callback! { regex; rows }` with the rows of regex.h, glob.h, fnmatch.h.
#[macro_export]
macro_rules! symbols_regex {
    ($($callback:tt)+) => {
        $($callback)+! {
            regex;
            fnmatch: func, rust, ["GLIBC_2.2.5"], full;
            glob: func, musl, ["GLIBC_2.2.5", "GLIBC_2.27"], partial("no braces, GLOB_ONLYDIR, GLOB_NOMAGIC and GLOB_ALTDIRFUNC; gl_flags is not set");
            glob64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.27"], partial("no braces, GLOB_ONLYDIR, GLOB_NOMAGIC and GLOB_ALTDIRFUNC; gl_flags is not set");
            globfree: func, musl, ["GLIBC_2.2.5"], full;
            globfree64: func, musl, ["GLIBC_2.2.5"], full;
            re_compile_fastmap: func, rust, ["GLIBC_2.2.5"], full;
            re_compile_pattern: func, rust, ["GLIBC_2.2.5"], full;
            re_match: func, rust, ["GLIBC_2.2.5"], full;
            re_match_2: func, rust, ["GLIBC_2.2.5"], full;
            re_search: func, rust, ["GLIBC_2.2.5"], full;
            re_search_2: func, rust, ["GLIBC_2.2.5"], full;
            re_set_registers: func, rust, ["GLIBC_2.2.5"], full;
            re_set_syntax: func, rust, ["GLIBC_2.2.5"], full;
            re_syntax_options: object, musl, ["GLIBC_2.2.5"], full;
            regcomp: func, rust(regcomp_gnu), ["GLIBC_2.2.5"], full, on_musl = musl;
            regerror: func, rust(regerror_gnu), ["GLIBC_2.2.5"], full, on_musl = musl;
            regexec: func, rust(regexec_gnu), ["GLIBC_2.2.5", "GLIBC_2.3.4"], full, on_musl = musl;
            regfree: func, rust(regfree_gnu), ["GLIBC_2.2.5"], full, on_musl = musl;
        }
    };
}
