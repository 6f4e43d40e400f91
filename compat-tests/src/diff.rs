//! The differential test: one program, run on this Linux and in the guest, must print the same lines.
//!
//! [`arguments`] makes system calls with good and hostile arguments out of the table; [`host`] runs a program here
//! where it can hurt nobody; [`expected`] compares two outputs and knows the differences that have a reason.

pub mod arguments;
pub mod expected;
pub mod host;
