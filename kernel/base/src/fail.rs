//! How a kernel operation fails. "Interrupted" is not an errno: it cannot reach the application by mistake.

use core::fmt;
use osv_abi::{Errno, Fault};

/// Why an operation did not complete.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fail {
    /// An error for the application.
    Errno(Errno),
    /// A signal is pending and nothing was done yet: the exit path restarts the call or turns this into EINTR,
    /// as the signal's SA_RESTART and the row say (signal(7)).
    Interrupted,
}

/// Result of a kernel operation.
pub type Res<T> = Result<T, Fail>;

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Fail {
        Fail::Errno(errno)
    }
}

impl From<Fault> for Fail {
    fn from(_: Fault) -> Fail {
        Fail::Errno(Errno::EFAULT)
    }
}

impl fmt::Debug for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fail::Errno(errno) => fmt::Debug::fmt(errno, f),
            Fail::Interrupted => f.write_str("Interrupted"),
        }
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for Fail {}
