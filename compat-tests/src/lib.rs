//! The harness: programs built for the guest, `osv-pack run` as a test drives it, the memcached load, and benchmarks
//! beside Linux.
//!
//! Tests that boot a guest are named cases of `tests/*.rs` with a time limit each. What a case needs and the
//! machine lacks is a failure that says so, never a silent skip.
#![forbid(unsafe_code)]

pub mod bench;
pub mod diff;
pub mod fuzz;
pub mod gaps;
pub mod guest;
pub mod java;
pub mod load;
pub mod ltp;
pub mod programs;
pub mod ring0;
pub mod screen;
pub mod specjvm;
pub mod stock;
