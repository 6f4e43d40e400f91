//! The symbol table: what ld-osv.so serves in place of libc.so.6, libm.so.6 and their kin.
//!
//! One macro per man-page area holds that area's rows, and whoever reads the table brings a callback that expands
//! them: ld-osv to addresses, `osv-pack check` and `docs/abi.md` to data ([`ROWS`], [`find`]). A row is
//!
//! ```text
//! malloc: func, rust, ["GLIBC_2.2.5"], full;
//! regexec: func, rust, ["GLIBC_2.2.5", "GLIBC_2.3.4"], full, on_musl = musl;
//! ```
//!
//! * name, as programs ask for it;
//! * kind: `func` or `object` (an `object` may be the target of a COPY relocation);
//! * provider: `rust` is `osv_posix::c::NAME` and `rust(f)` is `osv_posix::c::f`; `musl` is the C symbol of the same
//!   name and `musl(f)` the C symbol `f`; `link` is ld-osv itself (`dl*`, start-up). Names of `rust`
//!   and `link` rows without a target are renamed to `__osv_NAME` in musl's archive (musl/README.md), which osv-posix
//!   exports; musl's own definition behind a row with a target keeps its name, as [`Symbol::is_renamed`] says;
//! * glibc's versions of the name, oldest first, the default last;
//! * status as for system calls: `full`, `partial("what is missing")` or `stub(ERRNO)`; a stub names itself once on
//!   standard error and fails with that errno;
//! * `on_musl`: the provider for programs built against musl, where the two libcs' layouts differ.
//!
//! An expansion is written like this ([`for_each_symbol_area!`](crate::for_each_symbol_area) hands every area to the
//! callback, so that what it defines best sits in a module named after the area):
//!
//! ```
//! macro_rules! names {
//!     ($area:ident; $( $name:ident: $kind:ident, $provider:ident $(($target:ident))?, [$($version:literal),* $(,)?],
//!         $status:ident $(($detail:tt))? $(, on_musl = $musl:ident $(($musl_target:ident))? )? ; )*) => {
//!         pub mod $area { pub const NAMES: &[&str] = &[$(stringify!($name)),*]; }
//!     };
//! }
//! osv_abi::for_each_symbol_area! { names }
//! assert!(string::NAMES.contains(&"memcpy"));
//! ```

pub use crate::table::Status;

#[macro_use]
mod areas;
pub mod index;
mod order;
pub mod passing;

#[cfg(test)]
mod tests;

use areas::AREA_ROWS;

/// What a symbol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A function.
    Func,
    /// A datum in static storage; programs may hold a COPY of it.
    Object,
}

/// Where a symbol's definition lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `osv_posix::c::<target>`.
    Rust,
    /// The C symbol `target` of the musl archive.
    Musl,
    /// ld-osv itself.
    Link,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    /// The name that programs import.
    pub name: &'static str,
    /// The man-page area: the file that the row stands in.
    pub area: &'static str,
    /// The definition behind the name.
    pub target: &'static str,
    /// Function or datum.
    pub kind: Kind,
    /// Where the definition lives.
    pub provider: Provider,
    /// glibc's symbol versions, oldest first; the last is the default.
    pub versions: &'static [&'static str],
    /// How well it is served.
    pub status: Status,
    /// The definition for programs built against musl, where it is another one.
    pub on_musl: Option<(Provider, &'static str)>,
}

impl Symbol {
    /// Whether musl's archive has this name renamed to `__osv_NAME`, so that musl's C code, too, reaches the definition.
    #[must_use]
    pub fn is_renamed(&self) -> bool {
        self.provider != Provider::Musl && self.target == self.name
    }

    /// Whether a reference to this name with `version` is answered; an unversioned reference always is.
    #[must_use]
    pub fn has_version(&self, version: Option<&str>) -> bool {
        version.is_none_or(|wanted| self.versions.contains(&wanted))
    }
}

/// Every row, area after area in the order of [`for_each_symbol_area!`](crate::for_each_symbol_area), as declared within an area.
pub static ROWS: &[Symbol] = &CONCATENATED;

/// Indices into [`ROWS`], sorted by name.
pub static SORTED: &[u16] = &ORDER;

/// The index in [`ROWS`] of the symbol called `name`.
#[must_use]
pub fn find(name: &str) -> Option<usize> {
    let at = SORTED.binary_search_by(|&row| ROWS[usize::from(row)].name.cmp(name)).ok()?;
    Some(usize::from(SORTED[at]))
}

const COUNT: usize = order::total(AREA_ROWS);
static CONCATENATED: [Symbol; COUNT] = order::concatenate(AREA_ROWS);
static ORDER: [u16; COUNT] = order::sorted(&CONCATENATED);
const _: () = assert!(order::is_strictly_ascending(&CONCATENATED, &ORDER), "a symbol has two rows");
