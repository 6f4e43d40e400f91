//! What travels beside the bytes of a message between Unix sockets (unix(7), "Ancillary messages"): open files and
//! the sender's credentials.

use crate::in_flight::Passed;

/// `struct ucred` of SCM_CREDENTIALS and SO_PEERCRED.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ucred {
    /// Process.
    pub pid: i32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Ucred {
    /// What SO_PEERCRED shows where there is no peer.
    pub const NOBODY: Ucred = Ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    /// What a receiver with SO_PASSCRED sees of a message sent before anyone asked for credentials.
    pub const UNKNOWN: Ucred = Ucred { pid: 0, uid: 65_534, gid: 65_534 };

    /// In memory, as the C structure.
    pub fn bytes(self) -> [u8; 12] {
        let mut out = [0; 12];
        out[..4].copy_from_slice(&self.pid.to_ne_bytes());
        out[4..8].copy_from_slice(&self.uid.to_ne_bytes());
        out[8..].copy_from_slice(&self.gid.to_ne_bytes());
        out
    }
}

/// The ancillary part of a message.
#[derive(Default)]
pub struct Control {
    /// SCM_RIGHTS
    pub passed: Option<Passed>,
    /// SCM_CREDENTIALS
    pub creds: Option<Ucred>,
}

impl Control {
    /// A second one of the same content, for MSG_PEEK.
    pub fn again(&self) -> Control {
        Control { passed: self.passed.as_ref().map(Passed::again), creds: self.creds }
    }
}

impl core::fmt::Debug for Control {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let files = self.passed.as_ref().map_or(0, |p| p.files().len());
        write!(f, "Control({files} files, {:?})", self.creds)
    }
}
