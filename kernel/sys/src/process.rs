//! Processes, threads, credentials, scheduling and futexes.
