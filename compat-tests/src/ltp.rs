//! `make ltp`: tests of an installed Linux Test Project in the guest, one machine each, against what we expect.
//!
//! [`suite`] knows an installed LTP: which command a test's name stands for and which other files that takes along.
//! [`run`] boots it, [`report`] reads its verdict, [`expected`] holds the tiers and, for every test of theirs that does
//! not pass, what it gives instead and why. Nothing of LTP is in this repository but names of tests.

pub mod expected;
pub mod report;
pub mod run;
pub mod suite;

#[cfg(test)]
mod tests;
