//! The symbol table's rows as addresses.

use crate::counts::{self, Counts};
use osv_abi::symbols::Kind;
use osv_abi::symbols::index::{self, Row};
use osv_link::hash::Name;
use osv_link::world::{Served, Table};

/// An address taken at link time.
#[derive(Clone, Copy)]
struct Address(*const ());

// SAFETY: only ever read as a number.
unsafe impl Sync for Address {}

macro_rules! address {
    (func, rust, $name:ident) => {
        Address(osv_posix::c::$name as *const ())
    };
    (object, rust, $name:ident) => {
        Address((&raw const osv_posix::c::$name).cast())
    };
    (func, musl, $name:ident) => {{
        unsafe extern "C" {
            fn $name();
        }
        Address($name as *const ())
    }};
    (object, musl, $name:ident) => {{
        unsafe extern "C" {
            safe static $name: u8;
        }
        Address((&raw const $name).cast())
    }};
    (func, link, $name:ident) => {
        Address(crate::dl::exports::$name as *const ())
    };
    (object, link, $name:ident) => {
        Address((&raw const crate::dl::exports::$name).cast())
    };
    ($kind:ident, $provider:ident, $name:ident, $target:ident) => {
        address!($kind, $provider, $target)
    };
}

macro_rules! on_musl {
    ($kind:ident, $name:ident) => {
        Address(core::ptr::null())
    };
    ($kind:ident, $name:ident, $provider:ident $(, $target:ident)?) => {
        address!($kind, $provider, $name $(, $target)?)
    };
}

type Area = (&'static [Address], &'static [Address]);

/// Each area's addresses, in the order of `ROWS`; for glibc's programs and for musl's.
#[expect(clippy::fn_to_numeric_cast_any, reason = "the table is of addresses")]
static AREAS: [Area; 64] = {
    let mut all: [Area; 64] = [(&[], &[]); 64];
    let mut count = 0;
    macro_rules! add {
        ($area:ident; $( $name:ident: $kind:ident, $provider:ident $(($target:ident))?, [$($version:literal),* $(,)?],
            $status:ident $(($detail:tt))? $(, on_musl = $musl:ident $(($musl_target:ident))? )? ; )*) => {
            {
                static GLIBC: &[Address] = &[$(address!($kind, $provider, $name $(, $target)?)),*];
                static MUSL: &[Address] = &[$(on_musl!($kind, $name $(, $musl $(, $musl_target)?)?)),*];
                all[count] = (GLIBC, MUSL);
                count += 1;
            }
        };
    }
    osv_abi::for_each_symbol_area! { add }
    let _ = count;
    all
};

/// The table as the linker's scope sees it.
#[derive(Clone, Copy)]
pub struct Libc {
    /// Where calls are counted, if they are.
    counts: Option<Counts>,
}

impl core::fmt::Debug for Libc {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Libc")
    }
}

impl Libc {
    /// With `counts`, programs are bound to stubs that count there.
    pub fn new(counts: Option<Counts>) -> Self {
        Libc { counts }
    }

    /// The name of the function or datum at this address.
    pub fn name_of(&self, address: u64) -> Option<&'static str> {
        let row =
            counts::row_of(address).or_else(|| Row::all().find(|row| Libc::address(*row, false) == address));
        row.map(Row::text)
    }

    /// What programs are bound to: the address of the row's function or datum, or the stub that counts calls of it.
    fn served(&self, row: Row, for_musl: bool) -> u64 {
        let address = Libc::address(row, for_musl);
        // A row has one stub, so what musl's programs get in place of it is not counted.
        let is_counted = row.kind() == Kind::Func && (!for_musl || address == Libc::address(row, false));
        let Some(counts) = self.counts.filter(|_| is_counted) else { return address };
        let of_name = |name: &str| index::find(index::gnu_hash(name.as_bytes()), name.as_bytes());
        counts.bind(row, address, |name| of_name(name).map(|row| Libc::address(row, false)))
    }

    fn address(row: Row, for_musl: bool) -> u64 {
        let mut at = row.number();
        for (glibc, musl) in &AREAS {
            if let Some(address) = glibc.get(at) {
                let own = musl.get(at).filter(|own| for_musl && !own.0.is_null());
                return own.unwrap_or(address).0.expose_provenance() as u64;
            }
            at -= glibc.len();
        }
        0
    }
}

/// The libraries that the table stands for.
const SONAMES: &[&[u8]] = &[
    b"libc.so.6",
    b"libm.so.6",
    b"libpthread.so.0",
    b"libdl.so.2",
    b"librt.so.1",
    b"libresolv.so.2",
    b"libutil.so.1",
    b"ld-linux-x86-64.so.2",
    b"libc.musl-x86_64.so.1",
    b"ld-musl-x86_64.so.1",
    b"libc.so",
    b"ld-osv.so",
];

/// Whether the table stands for the library of this soname.
pub fn is_served(soname: &[u8]) -> bool {
    SONAMES.contains(&soname)
}

impl Table for Libc {
    fn serves(&self, soname: &[u8]) -> bool {
        is_served(soname)
    }

    fn find(&self, name: &Name<'_>, version: Option<&[u8]>, for_musl: bool) -> Option<Served> {
        let row = index::find(name.gnu(), name.bytes)?;
        Some(Served {
            address: self.served(row, for_musl),
            size: 0,
            is_object: row.kind() == Kind::Object,
            is_exact: version.is_none_or(|wanted| row.versions().any(|own| own == wanted)),
        })
    }
}
