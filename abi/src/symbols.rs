//! The symbol table: what ld-osv.so serves in place of libc.so.6, libm.so.6 and their kin. One row a symbol:
//!
//! ```text
//! malloc: func, rust, ["GLIBC_2.2.5"], full;
//! ```
//!
//! * name, as the application asks for it;
//! * kind: `func` or `object` (an `object` may be the target of a COPY relocation);
//! * provider: `rust` (`osv_posix::c::NAME`), `rust(path::f)` (`osv_posix::path::f`), `musl` (the C function or object of the same
//!   name), `musl(other)`, or `link` (ld-osv itself: `dl*`, start-up); names of `rust` and `link` rows are renamed to
//!   `__osv_NAME` in musl's archive, see musl/README.md;
//! * the versions by which binaries ask for it, oldest first; empty: only unversioned (musl's names);
//! * status as for system calls: `full`, `partial("what is missing")`, `stub(ERRNO)`.
//!
//! Areas are callback macros, one file each, as for the system calls: `symbols_<area>! { callback }` expands to
//! `callback! { rows }`. [`for_each_symbol_area`](crate::for_each_symbol_area) names them all.

pub use crate::table::Status;

/// What a symbol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A function.
    Func,
    /// A datum, which a program may hold a copy of.
    Object,
}

/// Who provides a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `osv_posix`.
    Rust,
    /// musl's C code.
    Musl,
    /// ld-osv itself.
    Link,
}

/// One symbol as data.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name.
    pub name: &'static str,
    /// Man-page area: the file that the row stands in.
    pub area: &'static str,
    /// Function or object.
    pub kind: Kind,
    /// Who provides it.
    pub provider: Provider,
    /// Versions by which it is asked for.
    pub versions: &'static [&'static str],
    /// Level of support.
    pub status: Status,
}

/// Reads a kind token.
#[doc(hidden)]
#[macro_export]
macro_rules! symbol_kind {
    (func) => {
        $crate::symbols::Kind::Func
    };
    (object) => {
        $crate::symbols::Kind::Object
    };
}

/// Reads a provider token.
#[doc(hidden)]
#[macro_export]
macro_rules! symbol_provider {
    (rust $($path:tt)*) => {
        $crate::symbols::Provider::Rust
    };
    (musl $($name:tt)*) => {
        $crate::symbols::Provider::Musl
    };
    (link) => {
        $crate::symbols::Provider::Link
    };
}

/// Expands an area's rows to data.
macro_rules! rows {
    ($($name:ident: $kind:ident, $provider:ident $(($($target:tt)*))?, [$($version:literal),* $(,)?], $status:ident $(($($note:tt)*))?;)*) => {
        &[$($crate::symbols::Row {
            name: stringify!($name),
            area: AREA,
            kind: $crate::symbol_kind!($kind),
            provider: $crate::symbol_provider!($provider),
            versions: &[$($version),*],
            status: $crate::status!($status $(($($note)*))?),
        }),*]
    };
}
use rows;
