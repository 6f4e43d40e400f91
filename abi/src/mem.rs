//! Application memory as the kernel sees it: addresses are allegations until a copy succeeds.

use crate::errno::Errno;
use core::fmt;

/// First address that is not the application's: Linux's TASK_SIZE on x86-64 without 5-level paging.
pub const USER_END: u64 = 0x7fff_ffff_f000;

/// An address that an application gave. It may be anything; only a copy through [`UserMemory`] finds out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct UserAddr(pub u64);

impl UserAddr {
    /// The null pointer.
    pub const NULL: UserAddr = UserAddr(0);

    /// Whether this is the null pointer.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `bytes` further on, wrapping: the copy's range check refuses what left the lower half.
    pub const fn add(self, bytes: usize) -> UserAddr {
        UserAddr(self.0.wrapping_add(bytes as u64))
    }

    /// Whether `len` bytes from here lie wholly below [`USER_END`] (access_ok of Linux).
    pub const fn range_ok(self, len: usize) -> bool {
        len as u64 <= USER_END && self.0 <= USER_END - len as u64
    }
}

impl fmt::Debug for UserAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() { f.write_str("NULL") } else { write!(f, "{:#x}", self.0) }
    }
}

/// A copy met memory that is not there or not permitted, and could not be made so: EFAULT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

impl From<Fault> for Errno {
    fn from(_: Fault) -> Errno {
        Errno::EFAULT
    }
}

/// Copies that may sleep (they fault pages in). Only the context of a system call implements it, so code that
/// has no such context, and so may hold locks, cannot call it (law 6 of docs/architecture.md).
pub trait UserMemory {
    /// Fills `to` from application memory at `from`.
    fn read_bytes(&self, from: UserAddr, to: &mut [u8]) -> Result<(), Fault>;
    /// Writes `from` to application memory at `to`.
    fn write_bytes(&self, to: UserAddr, from: &[u8]) -> Result<(), Fault>;
}
