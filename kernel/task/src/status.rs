//! How a process ended, as wait(2) tells.

/// A wait status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status(pub i32);

impl Status {
    /// exit(3) with `code`.
    pub const fn exited(code: i32) -> Status {
        Status((code & 0xff) << 8)
    }
    /// Killed by a signal.
    pub const fn signaled(signo: u32) -> Status {
        Status((signo & 0x7f) as i32)
    }
    /// Stopped by a signal.
    pub const fn stopped(signo: u32) -> Status {
        Status(((signo & 0xff) as i32) << 8 | 0x7f)
    }
    /// Going on after a stop.
    pub const CONTINUED: Status = Status(0xffff);

    /// The signal that killed it.
    pub const fn signal(self) -> Option<u32> {
        let signo = self.0 & 0x7f;
        if signo == 0 || signo == 0x7f { None } else { Some(signo as u32) }
    }

    /// What a shell shows: the exit code, or 128 and the signal.
    pub const fn code(self) -> u8 {
        match self.signal() {
            Some(signo) => 128 + signo as u8,
            None => (self.0 >> 8) as u8,
        }
    }
}
