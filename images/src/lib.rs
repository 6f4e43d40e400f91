//! osv-pack: one Linux program in, one bootable image out.
//!
//! [`pack`] collects what the program needs into a [`tree`]: the program itself, the [`libraries`] that ld.so would
//! load (out of a [`sysroot`]) with the [`libc`] that serves them, the few files of [`etc`] that programs read, what
//! the user adds, and the boot configuration. [`erofs`] turns the tree into a file system, [`image`] appends that to the kernel, and what is too large for memory
//! goes onto a [`disk`]. [`config`] is
//! osv.toml, [`template`] what a recipe such as `jvm` adds to it, [`parts`] finds our own kernel and ld-osv.so, [`error`] says what went wrong and what to do about it.
#![deny(unsafe_code)]

pub mod check;
pub mod cli;
pub mod config;
pub mod disk;
pub mod elf;
pub mod erofs;
pub mod error;
pub mod etc;
pub mod image;
pub mod inspect;
pub mod libc;
pub mod libraries;
pub mod pack;
pub mod parts;
pub mod run;
pub mod sysroot;
pub mod template;
pub mod tree;
