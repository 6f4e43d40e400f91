//! Address and time types, logging, randomness and the I/O cursors that every kernel crate shares.
//!
//! Below everything else in the kernel: no hardware, no clocks of its own, no globals but the log sink, the
//! door and the random generator.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod addr;
pub mod door;
pub mod fail;
pub mod io;
pub mod log;
pub mod percpu;
pub mod random;
pub mod time;

pub use addr::{PAGE_SHIFT, PAGE_SIZE, Pages, PhysAddr, VirtAddr};
pub use fail::{Fail, Res};
pub use osv_abi::{Errno, UserAddr};
pub use time::Instant;
