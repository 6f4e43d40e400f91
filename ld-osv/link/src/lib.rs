//! Link planning: from an executable to what must be mapped where, what must be written, and what is started when.
//!
//! Phases, each a module that reads what the ones before made: [`input`] (with [`image`], [`hash`], [`versions`]),
//! [`needed`], [`layout`], [`resolve`], [`reloc`], [`tls`], [`start`]; [`plan`] strings them together over a
//! [`world::World`]. No unsafe code, no input or output: files come through [`world::Files`], libc through
//! [`world::Table`], and the one who commits a plan (ld-osv's `commit.rs`, or a test) does the mapping and writing.
//!
//! Every byte of an object is an allegation: lengths, offsets and indices are checked where they are used, chains
//! are bounded, and what is wrong becomes an [`Error`], never a panic or a loop without end.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod close;
pub mod conf;
pub mod elf;
pub mod error;
pub mod hash;
pub mod image;
pub mod input;
pub mod layout;
pub mod needed;
pub mod plan;
pub mod reloc;
pub mod resolve;
pub mod start;
pub mod tls;
pub mod versions;
pub mod world;

pub use error::Error;
