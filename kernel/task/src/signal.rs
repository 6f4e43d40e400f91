//! Signals.

/// What a handler's shim returns when a signal interrupted the call before it did anything: the exit path restarts
/// the call or makes EINTR of it. The application never sees it.
pub const RESTART: isize = -512;
