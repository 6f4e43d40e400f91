//! The Rust libc behind the symbol rows; it reaches a kernel only through the gate.
//!
//! Modules follow the areas of `osv_abi::symbols`; [`c`] gathers every exported function under one roof, where the
//! expansion of the rows finds it. A C function is written inside [`posix!`](macros), which gives it C's calling
//! convention and the private name `__osv_NAME`: musl's C code reaches it by that name, and no unprefixed name exists
//! that could interpose the host's libc in tests. Each such function is unsafe for its caller in the way that the
//! manual page says; its body is one unsafe block for that reason.
//!
//! With the feature `object` (only ld-osv.so has it) the thread block is the one at fs:0. Without it, in host tests,
//! a thread-local stands in.
#![no_std]
#![allow(unused_unsafe, reason = "a C function's body is one unsafe block, whether or not it needs it")]
#![allow(clippy::deref_addrof, reason = "a reference to a mutable static is never made on the way")]
#![allow(non_snake_case, non_upper_case_globals, reason = "C names its functions and objects")]

#[cfg(any(test, not(feature = "object")))]
extern crate std;

#[macro_use]
mod macros;
pub mod addrinfo;
pub mod argz;
pub mod c;
pub mod cancel;
pub mod ctype;
pub mod errno;
pub mod error;
pub mod exec;
pub mod fnmatch;
pub mod fork;
pub mod format;
pub mod fortify;
pub mod fts;
pub mod ftw;
pub mod futex;
pub mod gate;
pub mod getopt;
pub mod glibc;
pub mod gnu;
pub mod hooks;
pub mod iconv;
pub mod integer;
pub mod linux;
pub mod locale;
pub mod lock;
pub mod malloc;
pub mod messages;
pub mod multibyte;
pub mod musl;
pub mod netdb;
pub mod obstack;
pub mod printf;
pub mod random;
pub mod regex;
pub mod report;
pub mod resolver;
pub mod signal;
pub mod socket;
pub mod sort;
pub mod start;
pub mod string;
pub mod system;
pub mod tcb;
pub mod thread;
pub mod time;
pub mod ucontext;
pub mod unistd;
pub mod utmp;
mod variadic;
pub mod vector;
