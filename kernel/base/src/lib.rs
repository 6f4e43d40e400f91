//! Address and time types, logging, randomness and the I/O cursors that every kernel crate shares.
#![no_std]
