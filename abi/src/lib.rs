//! The Linux x86-64 ABI as data: errno, UAPI structs, argument types, and the one table of syscalls and symbols.
//!
//! Nothing here knows a kernel or a libc: both sides, osv-pack and the documents read the same rows.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod arg;
pub mod boot;
pub mod channel;
pub mod errno;
pub mod kernel_symbols;
pub mod mem;
pub mod shared;
pub mod symbols;
pub mod table;
pub mod trace;
pub mod uapi;

pub use errno::Errno;
pub use mem::{Fault, UserAddr, UserMemory};
