//! Run queues and scheduling policy.
#![no_std]
