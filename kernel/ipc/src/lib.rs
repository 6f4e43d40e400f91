//! Inter-process communication beside pipes and sockets: System V semaphores and message queues, POSIX message queues.
//!
//! * [`ids`]: the numbers and keys of System V objects; shared memory, which lies beside the memory calls, uses it too.
//! * [`semaphore`]: sets of semaphores, operations that happen as one, and what they undo when a process ends.
//! * [`message`]: System V message queues.
//! * [`mqueue`]: POSIX message queues, which are files.
//!
//! Nothing here touches application memory, knows a process beyond its number, or looks at a clock of its own accord:
//! the state machines are told who asks and what time it is, and say what came of it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod ids;
pub mod message;
pub mod mqueue;
pub mod semaphore;
