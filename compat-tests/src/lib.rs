//! Harness, guest programs, application smoke tests and benches.
#![no_std]
