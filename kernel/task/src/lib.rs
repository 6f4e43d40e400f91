//! Processes, threads, signals, futexes, exec.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod process;
pub mod signal;
pub mod thread;

pub use process::Process;
pub use thread::{Current, Thread, current};
