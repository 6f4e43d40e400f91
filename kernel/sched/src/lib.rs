//! Run queues and scheduling policy.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod policy;
pub mod queue;
pub mod timers;
