//! Locks, wait queues and readiness, over a registered scheduler.
#![no_std]
