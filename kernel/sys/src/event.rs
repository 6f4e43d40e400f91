//! Readiness, pipes, event objects.
