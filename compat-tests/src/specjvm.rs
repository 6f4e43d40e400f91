//! `make specjvm`: Java workloads, ours beside Linux's.
//!
//! The rows have the names of SPECjvm2008's and do what those are known to do, but the code is our own
//! (`compat-tests/specjvm`): workalikes, whose figures are no SPEC results. With a copy of the real suite its own
//! benchmarks run instead.
//!
//! Each row boots a machine of its own on either side in turn: the same QEMU, JDK, files and command line, once on our
//! kernel and once on the distribution's Linux with the distribution's libc. The work is fixed. [`suite`] says what is
//! run, [`run`] runs it and takes the time, [`report`] makes the table, the JSON and the plot.
//!
//! Two rates come out of a row. One counts the guest's minutes, as SPEC does; on a machine that does other things as
//! well, those are longer than they should be. The other counts minutes of processor time that QEMU used meanwhile.

pub mod report;
pub mod run;
pub mod suite;

#[cfg(test)]
mod tests;
