//! Frames, kernel heap, address spaces, demand paging, the Pager trait.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod pager;
