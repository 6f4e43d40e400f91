//! Rows of stdlib.h: conversion, sorting, environment, random numbers, sysconf.

/// Calls `callback! { stdlib; rows }` with the rows of stdlib.h: conversion, sorting, environment, random numbers, sysconf.
#[macro_export]
macro_rules! symbols_stdlib {
    ($($callback:tt)+) => {
        $($callback)+! {
            stdlib;
            __environ: object, musl, ["GLIBC_2.2.5"], full;
            __libc_start_main: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            __stack_chk_fail: func, musl, ["GLIBC_2.4"], full;
            __strtol_internal: func, musl, ["GLIBC_2.2.5"], full;
            __strtoll_internal: func, musl, ["GLIBC_2.2.5"], full;
            __strtoul_internal: func, musl, ["GLIBC_2.2.5"], full;
            __strtoull_internal: func, musl, ["GLIBC_2.2.5"], full;
            _environ: object, musl, ["GLIBC_2.2.5"], full;
            abs: func, musl, ["GLIBC_2.2.5"], full;
            atof: func, musl, ["GLIBC_2.2.5"], full;
            atoi: func, musl, ["GLIBC_2.2.5"], full;
            atol: func, musl, ["GLIBC_2.2.5"], full;
            atoll: func, musl, ["GLIBC_2.2.5"], full;
            bsearch: func, musl, ["GLIBC_2.2.5"], full;
            clearenv: func, musl, ["GLIBC_2.2.5"], full;
            confstr: func, musl, ["GLIBC_2.2.5"], full;
            div: func, musl, ["GLIBC_2.2.5"], full;
            drand48: func, musl, ["GLIBC_2.2.5"], full;
            ecvt: func, musl, ["GLIBC_2.2.5"], full;
            environ: object, musl, ["GLIBC_2.2.5"], full;
            erand48: func, musl, ["GLIBC_2.2.5"], full;
            fcvt: func, musl, ["GLIBC_2.2.5"], full;
            fpathconf: func, musl, ["GLIBC_2.2.5"], full;
            gcvt: func, musl, ["GLIBC_2.2.5"], full;
            get_avphys_pages: func, musl, ["GLIBC_2.2.5"], full;
            get_nprocs: func, musl, ["GLIBC_2.2.5"], full;
            get_nprocs_conf: func, musl, ["GLIBC_2.2.5"], full;
            get_phys_pages: func, musl, ["GLIBC_2.2.5"], full;
            getenv: func, musl, ["GLIBC_2.2.5"], full;
            imaxabs: func, musl, ["GLIBC_2.2.5"], full;
            imaxdiv: func, musl, ["GLIBC_2.2.5"], full;
            initstate: func, musl, ["GLIBC_2.2.5"], full;
            jrand48: func, musl, ["GLIBC_2.2.5"], full;
            labs: func, musl, ["GLIBC_2.2.5"], full;
            lcong48: func, musl, ["GLIBC_2.2.5"], full;
            ldiv: func, musl, ["GLIBC_2.2.5"], full;
            llabs: func, musl, ["GLIBC_2.2.5"], full;
            lldiv: func, musl, ["GLIBC_2.2.5"], full;
            lrand48: func, musl, ["GLIBC_2.2.5"], full;
            mkdtemp: func, musl, ["GLIBC_2.2.5"], full;
            mkostemp: func, musl, ["GLIBC_2.7"], full;
            mkostemp64: func, musl, ["GLIBC_2.7"], full;
            mkostemps: func, musl, ["GLIBC_2.11"], full;
            mkostemps64: func, musl, ["GLIBC_2.11"], full;
            mkstemp: func, musl, ["GLIBC_2.2.5"], full;
            mkstemp64: func, musl, ["GLIBC_2.2.5"], full;
            mkstemps: func, musl, ["GLIBC_2.11"], full;
            mkstemps64: func, musl, ["GLIBC_2.11"], full;
            mktemp: func, musl, ["GLIBC_2.2.5"], full;
            mrand48: func, musl, ["GLIBC_2.2.5"], full;
            nrand48: func, musl, ["GLIBC_2.2.5"], full;
            pathconf: func, musl, ["GLIBC_2.2.5"], full;
            putenv: func, musl, ["GLIBC_2.2.5"], full;
            qsort: func, musl, ["GLIBC_2.2.5"], full;
            qsort_r: func, musl, ["GLIBC_2.8"], full;
            rand: func, musl, ["GLIBC_2.2.5"], full;
            rand_r: func, musl, ["GLIBC_2.2.5"], full;
            random: func, musl, ["GLIBC_2.2.5"], full;
            secure_getenv: func, musl, ["GLIBC_2.17"], full;
            seed48: func, musl, ["GLIBC_2.2.5"], full;
            setenv: func, musl, ["GLIBC_2.2.5"], full;
            setstate: func, musl, ["GLIBC_2.2.5"], full;
            srand: func, musl, ["GLIBC_2.2.5"], full;
            srand48: func, musl, ["GLIBC_2.2.5"], full;
            srandom: func, musl, ["GLIBC_2.2.5"], full;
            strtod: func, musl, ["GLIBC_2.2.5"], full;
            strtof: func, musl, ["GLIBC_2.2.5"], full;
            strtoimax: func, musl, ["GLIBC_2.2.5"], full;
            strtol: func, musl, ["GLIBC_2.2.5"], full;
            strtold: func, musl, ["GLIBC_2.2.5"], full;
            strtoll: func, musl, ["GLIBC_2.2.5"], full;
            strtoul: func, musl, ["GLIBC_2.2.5"], full;
            strtoull: func, musl, ["GLIBC_2.2.5"], full;
            strtoumax: func, musl, ["GLIBC_2.2.5"], full;
            sysconf: func, musl, ["GLIBC_2.2.5"], full;
            unsetenv: func, musl, ["GLIBC_2.2.5"], full;
            wcstod: func, musl, ["GLIBC_2.2.5"], full;
            wcstof: func, musl, ["GLIBC_2.2.5"], full;
            wcstoimax: func, musl, ["GLIBC_2.2.5"], full;
            wcstol: func, musl, ["GLIBC_2.2.5"], full;
            wcstold: func, musl, ["GLIBC_2.2.5"], full;
            wcstoll: func, musl, ["GLIBC_2.2.5"], full;
            wcstoul: func, musl, ["GLIBC_2.2.5"], full;
            wcstoull: func, musl, ["GLIBC_2.2.5"], full;
            wcstoumax: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
