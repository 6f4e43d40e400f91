//! musl, built from its pinned and verified source.
//!
//! The crate itself holds no code: its build script makes the archive, and `ld-osv` links it (README.md says how).
#![no_std]
