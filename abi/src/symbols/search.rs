//! Rows of search.h and fts.h.

/// Calls `callback! { search; rows }` with the rows of search.h and fts.h.
#[macro_export]
macro_rules! symbols_search {
    ($($callback:tt)+) => {
        $($callback)+! {
            search;
            hcreate: func, musl, ["GLIBC_2.2.5"], full;
            hcreate_r: func, musl, ["GLIBC_2.2.5"], full;
            hdestroy: func, musl, ["GLIBC_2.2.5"], full;
            hdestroy_r: func, musl, ["GLIBC_2.2.5"], full;
            hsearch: func, musl, ["GLIBC_2.2.5"], full;
            hsearch_r: func, musl, ["GLIBC_2.2.5"], full;
            insque: func, musl, ["GLIBC_2.2.5"], full;
            lfind: func, musl, ["GLIBC_2.2.5"], full;
            lsearch: func, musl, ["GLIBC_2.2.5"], full;
            remque: func, musl, ["GLIBC_2.2.5"], full;
            tdelete: func, musl, ["GLIBC_2.2.5"], full;
            tdestroy: func, musl, ["GLIBC_2.2.5"], full;
            tfind: func, musl, ["GLIBC_2.2.5"], full;
            tsearch: func, musl, ["GLIBC_2.2.5"], full;
            twalk: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
