//! Structures of the Linux UAPI on x86-64, one module per man-page area, with the kernel's sizes (a libc's own
//! idea of them may be larger: the kernel writes only what stands here).
//!
//! Every structure is plain data without padding, so that it can be copied in and out as bytes; where C has holes
//! they are named fields.

pub mod event;
pub mod file;
pub mod ipc;
pub mod memory;
pub mod process;
pub mod signal;
pub mod socket;
pub mod system;
pub mod termios;
pub mod time;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One buffer of readv(2), sendmsg(2) and kin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IoVec {
    /// First byte.
    pub base: u64,
    /// Length in bytes.
    pub len: u64,
}

/// Most buffers that one call takes (IOV_MAX).
pub const UIO_MAXIOV: usize = 1024;

#[cfg(test)]
mod tests;
