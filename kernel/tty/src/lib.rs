//! Terminals and pseudo-terminals (termios(3), pty(7), ioctl_tty(2)), and what they have to do with sessions and
//! process groups.
//!
//! * [`discipline`]: lines and their editing, echo, output processing. Bytes in, bytes and [`discipline::Effect`]s out.
//! * [`terminal`]: a [`Tty`]: a discipline, its readers and writers, its session and foreground process group.
//! * [`file`](mod@file) and [`ioctl`](mod@ioctl): an open terminal as a file.
//! * [`pty`]: the other end of a pseudo-terminal, and the table of them.
//! * [`keyboard`](mod@keyboard): Ctrl-Alt-Del.
//! * [`jobs`]: what a terminal asks of the layer that knows processes, which registers it.
//!
//! A terminal's *near* side is the program's: who opens /dev/pts/N or /dev/console. Its *far* side is whoever types
//! and sees: the master of a pseudo-terminal, or the machine's console. No lock of a terminal is held while signals
//! are sent or application memory is asked for.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod discipline;
pub mod file;
pub mod ioctl;
pub mod jobs;
pub mod keyboard;
pub mod pty;
pub mod terminal;
#[cfg(test)]
mod tests;

pub use file::TtyFile;
pub use jobs::{Caller, Jobs};
pub use pty::Master;
pub use terminal::{Device, Tty};
