//! The Rust libc behind the symbol rows; it reaches a kernel only through the gate.
#![no_std]
