//! System calls: from the entry code's [`Frame`](osv_hw::gate::Frame) to a handler and back.
//!
//! [`dispatch::HANDLERS`] has one shim for each row of the table in `osv_abi::table`. A shim decodes the arguments by
//! their types, makes a [`Cx`], calls the handler that the row names, and turns its result into a value or -errno.
//! Handlers lie in one module for each man-page area and bear the man page's names:
//!
//! ```ignore
//! // 35 nanosleep [time::nanosleep] (request: In<Timespec>, remaining: Out<Timespec>) [full] call;
//! pub fn nanosleep(cx: &mut Cx<'_>, request: In<Timespec>, remaining: Out<Timespec>) -> Res<()> { ... }
//! ```
//!
//! [`Cx`] is the token of law 6: it alone copies from and to the application in a way that faults pages in, and it
//! never leaves this crate. Crates below see cursors ([`UserSink`], [`UserSource`]) that do not fault, and
//! [`Cx::transfer_out`] and [`Cx::transfer_in`] (and, for messages, [`Cx::whole_out`] and [`Cx::whole_in`]) fault in
//! what they stopped at, when the crate below has returned and its locks are free.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cursor;
pub mod cx;
pub mod dispatch;
pub mod observe;
mod transfer;

pub mod event;
pub mod file;
pub mod ipc;
pub mod memory;
pub mod proc;
pub mod process;
pub mod signal;
pub mod socket;
pub mod system;
pub mod time;

pub use cursor::{Segments, UserSink, UserSource};
pub use cx::Cx;
