//! The supervisor channel: everything that `osv-pack run` and a guest tell each other, as frames on one byte stream.
//!
//! A frame is an eight-byte header and a payload of at most [`MAX_PAYLOAD`] bytes:
//!
//! ```text
//! 0      1      2      3                 4 .. 8
//! 'O'    0xf5   kind   check             payload length, little-endian
//! ```
//!
//! `check` makes the header's bytes xor to zero. The stream below (virtio-console, later vsock) is reliable; a serial
//! port, which firmware and panicking kernels write to as well, isn't. So a [`Decoder`] that meets bytes which are no
//! header skips to the next one and reports them as [`Item::Garbage`]. It has no I/O: bytes go in, frames come out.
//!
//! The conversation:
//!
//! * The guest opens with [`Frame::Hello`]; the host sends nothing before it, and gives up on another [`VERSION`].
//! * Standard input is under credit, so that an application which doesn't read cannot hold up the signals behind its
//!   input: the host may send as many [`Frame::Stdin`] bytes as `Hello` and [`Frame::StdinCredit`] granted in sum.
//!   [`Frame::StdinEof`] needs no credit.
//! * The guest ends with [`Frame::Exit`], after all output, and powers off when it has [`Frame::ExitAck`] (or when a
//!   while has passed without one). A power-off without `Exit` is a failure of the guest.

mod decode;
mod encode;

#[cfg(test)]
mod tests;

pub use decode::{Decoder, Item};
pub use encode::{NoRoom, header};

/// Version of the conversation; both sides must have the same.
pub const VERSION: u16 = 1;
/// Length of a frame's header.
pub const HEADER_LEN: usize = 8;
/// Largest payload of a frame. Longer data goes in several.
pub const MAX_PAYLOAD: usize = 16 << 10;

pub(crate) const SYNC: [u8; 2] = [b'O', 0xf5];

/// Which way frames of a kind go, and what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "see the variants of Frame")]
pub enum Kind {
    Hello = 1,
    Stdin = 2,
    StdinEof = 3,
    StdinCredit = 4,
    Stdout = 5,
    Stderr = 6,
    Log = 7,
    Signal = 8,
    WindowSize = 9,
    Exit = 10,
    ExitAck = 11,
    ReportRequest = 12,
    Report = 13,
    PowerOff = 14,
    Trace = 15,
}

impl Kind {
    pub(crate) const ALL: &[Self] = &[
        Self::Hello,
        Self::Stdin,
        Self::StdinEof,
        Self::StdinCredit,
        Self::Stdout,
        Self::Stderr,
        Self::Log,
        Self::Signal,
        Self::WindowSize,
        Self::Exit,
        Self::ExitAck,
        Self::ReportRequest,
        Self::Report,
        Self::PowerOff,
        Self::Trace,
    ];
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Guest: it is up, speaks this version and takes so many bytes of standard input.
    Hello {
        /// [`VERSION`] of the guest.
        version: u16,
        /// First grant of standard-input credit, in bytes.
        stdin_credit: u32,
    },
    /// Host: bytes for the application's standard input, within the credit.
    Stdin(&'a [u8]),
    /// Host: standard input has ended.
    StdinEof,
    /// Guest: the application has read; so many bytes more may come.
    StdinCredit(u32),
    /// Guest: the application wrote to standard output.
    Stdout(&'a [u8]),
    /// Guest: the application wrote to standard error.
    Stderr(&'a [u8]),
    /// Guest: kernel messages, whole lines of text.
    Log(&'a [u8]),
    /// Guest: a piece of a trace of system calls, or of their summary; text.
    Trace(&'a [u8]),
    /// Host: send the application this signal.
    Signal(u8),
    /// Host: the terminal has this size (SIGWINCH).
    WindowSize(WindowSize),
    /// Guest: the application has ended.
    Exit(Exit),
    /// Host: the exit is known; power off.
    ExitAck,
    /// Host: say what each thread is doing.
    ReportRequest,
    /// Guest: a piece of the answer, text. An empty one ends it.
    Report(&'a [u8]),
    /// Host: power off at once, whatever the application does.
    PowerOff,
}

/// Size of a terminal, as `struct winsize` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct WindowSize {
    pub rows: u16,
    pub columns: u16,
    pub x_pixels: u16,
    pub y_pixels: u16,
}

/// How the application ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By `exit`, with all eight bits of its status.
    Exited(u8),
    /// Killed by this signal.
    Killed(u8),
    /// Killed because the guest ran out of memory.
    OutOfMemory,
    /// It never started; what was wrong stands in the log, and the status is a shell's (126 or 127).
    NotStarted(u8),
}

impl Exit {
    /// The status as a shell shows it: a signal's number plus 128.
    pub fn status(self) -> u8 {
        match self {
            Self::Exited(status) | Self::NotStarted(status) => status,
            Self::Killed(signal) => signal.wrapping_add(128),
            Self::OutOfMemory => 137,
        }
    }
}
