//! The areas in their order, and their expansion to data.

#[path = "ctype.rs"]
#[macro_use]
mod ctype;
#[path = "dl.rs"]
#[macro_use]
mod dl;
#[path = "fortify.rs"]
#[macro_use]
mod fortify;
#[path = "glibc.rs"]
#[macro_use]
mod glibc;
#[path = "ipc.rs"]
#[macro_use]
mod ipc;
#[path = "linux.rs"]
#[macro_use]
mod linux;
#[path = "locale.rs"]
#[macro_use]
mod locale;
#[path = "math.rs"]
#[macro_use]
mod math;
#[path = "memory.rs"]
#[macro_use]
mod memory;
#[path = "misc.rs"]
#[macro_use]
mod misc;
#[path = "network.rs"]
#[macro_use]
mod network;
#[path = "passwd.rs"]
#[macro_use]
mod passwd;
#[path = "process.rs"]
#[macro_use]
mod process;
#[path = "regex.rs"]
#[macro_use]
mod regex;
#[path = "search.rs"]
#[macro_use]
mod search;
#[path = "signal.rs"]
#[macro_use]
mod signal;
#[path = "start.rs"]
#[macro_use]
mod start;
#[path = "stat.rs"]
#[macro_use]
mod stat;
#[path = "stdio.rs"]
#[macro_use]
mod stdio;
#[path = "stdlib.rs"]
#[macro_use]
mod stdlib;
#[path = "string.rs"]
#[macro_use]
mod string;
#[path = "thread.rs"]
#[macro_use]
mod thread;
#[path = "time.rs"]
#[macro_use]
mod time;
#[path = "unistd.rs"]
#[macro_use]
mod unistd;

/// Hands each area's rows to a callback macro, one call per area.
#[macro_export]
macro_rules! for_each_symbol_area {
    ($($callback:tt)+) => {
        $crate::symbols_ctype! { $($callback)+ }
        $crate::symbols_dl! { $($callback)+ }
        $crate::symbols_fortify! { $($callback)+ }
        $crate::symbols_glibc! { $($callback)+ }
        $crate::symbols_ipc! { $($callback)+ }
        $crate::symbols_linux! { $($callback)+ }
        $crate::symbols_locale! { $($callback)+ }
        $crate::symbols_math! { $($callback)+ }
        $crate::symbols_memory! { $($callback)+ }
        $crate::symbols_misc! { $($callback)+ }
        $crate::symbols_network! { $($callback)+ }
        $crate::symbols_passwd! { $($callback)+ }
        $crate::symbols_process! { $($callback)+ }
        $crate::symbols_regex! { $($callback)+ }
        $crate::symbols_search! { $($callback)+ }
        $crate::symbols_signal! { $($callback)+ }
        $crate::symbols_start! { $($callback)+ }
        $crate::symbols_stat! { $($callback)+ }
        $crate::symbols_stdio! { $($callback)+ }
        $crate::symbols_stdlib! { $($callback)+ }
        $crate::symbols_string! { $($callback)+ }
        $crate::symbols_thread! { $($callback)+ }
        $crate::symbols_time! { $($callback)+ }
        $crate::symbols_unistd! { $($callback)+ }
    };
}

macro_rules! data {
    ($area:ident; $( $name:ident: $kind:ident, $provider:ident $(($target:ident))?, [$($version:literal),* $(,)?],
        $status:ident $(($detail:tt))? $(, on_musl = $musl:ident $(($musl_target:ident))? )? ; )*) => {
        &[$(
            Symbol {
                name: stringify!($name),
                area: stringify!($area),
                target: target!($name $($target)?),
                kind: kind!($kind),
                provider: provider!($provider),
                versions: &[$($version),*],
                status: $crate::status!($status $(($detail))?),
                on_musl: on_musl!($name $($musl $($musl_target)?)?),
            }
        ),*]
    };
}

macro_rules! target {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $target:ident) => {
        stringify!($target)
    };
}

macro_rules! kind {
    (func) => {
        Kind::Func
    };
    (object) => {
        Kind::Object
    };
}

macro_rules! provider {
    (rust) => {
        Provider::Rust
    };
    (musl) => {
        Provider::Musl
    };
    (link) => {
        Provider::Link
    };
}

macro_rules! on_musl {
    ($name:ident) => { None };
    ($name:ident $provider:ident $($target:ident)?) => { Some((provider!($provider), target!($name $($target)?))) };
}

use super::{Kind, Provider, Symbol};

/// Each area's rows, in the order of [`for_each_symbol_area!`](crate::for_each_symbol_area).
pub(super) const AREA_ROWS: &[&[Symbol]] = &[
    symbols_ctype! { data },
    symbols_dl! { data },
    symbols_fortify! { data },
    symbols_glibc! { data },
    symbols_ipc! { data },
    symbols_linux! { data },
    symbols_locale! { data },
    symbols_math! { data },
    symbols_memory! { data },
    symbols_misc! { data },
    symbols_network! { data },
    symbols_passwd! { data },
    symbols_process! { data },
    symbols_regex! { data },
    symbols_search! { data },
    symbols_signal! { data },
    symbols_start! { data },
    symbols_stat! { data },
    symbols_stdio! { data },
    symbols_stdlib! { data },
    symbols_string! { data },
    symbols_thread! { data },
    symbols_time! { data },
    symbols_unistd! { data },
];
