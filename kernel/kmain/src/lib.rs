//! The kernel: entry, bring-up, init.
#![no_std]
