//! The only kernel crate that knows x86.
#![no_std]
