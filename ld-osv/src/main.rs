//! ld-osv.so: dynamic linker and POSIX table as one self-relocating object.
//!
//! The kernel maps it as a program's interpreter, or a user runs `ld-osv.so PROGRAM ARGS`. [`entry`] relocates the
//! object itself, [`start`] plans (`osv-link`) and has [`commit`] carry out the link, then enters the program.
#![no_std]
#![no_main]

extern crate alloc;
extern crate musl_sys as _;

mod commit;
mod counts;
mod dl;
mod entry;
mod files;
mod heap;
mod runtime;
mod start;
mod table;
mod tls;
mod unwind;
