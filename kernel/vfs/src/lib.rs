//! Files, inodes, path lookup, mounts, descriptor tables.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod file;
