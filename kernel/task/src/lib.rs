//! Processes, threads, signals, futexes, exec.
#![no_std]
