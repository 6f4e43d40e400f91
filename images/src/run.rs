//! Runs an image in QEMU as if it were a process: its streams, signals and exit status are ours.
//!
//! `qemu` makes the command line, from options alone; `child` starts it so that it cannot outlive us; `session`
//! is the conversation with the guest, a state machine without I/O; `supervise` and its `pumps` move
//! bytes between the two; `terminal` lends the guest ours. The
//! image of a freshly packed program and the channel to the guest are inherited file descriptors, so that nothing is
//! left behind in the file system, however we end.

mod accel;
mod child;
mod crash;
mod debugger;
mod forward;
mod machine;
mod options;
mod pumps;
mod qemu;
mod session;
mod supervise;
mod tail;
mod terminal;

#[cfg(test)]
mod tests;

pub use accel::{Accel, AccelChoice};
pub use forward::Forward;
pub use machine::Machine;
pub use options::{Memory, NetChoice, Options};
pub use qemu::{Boot, Kernel, command, find_qemu, shell_line};
pub use supervise::{Source, run};
