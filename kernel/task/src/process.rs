//! Processes.

/// A process: an address space, descriptors, credentials, signal actions, and its threads.
#[derive(Debug)]
pub struct Process {}
