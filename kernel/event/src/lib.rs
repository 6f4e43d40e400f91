//! Pipes, eventfd, timerfd, and what waits for many files at once: epoll and poll.
//!
//! Waiting for readiness goes by [`osv_sync::Readiness`]: a file calls `changed` after each change, and whoever
//! waits asks `File::poll` for what holds. Before a wait computes readiness it calls the hook of
//! [`register_before_wait`], by which a source that is polled may bring its files up to date.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod epoll;
pub mod eventfd;
pub mod inotify;
pub mod pipe;
pub mod poll;
pub mod timerfd;

#[cfg(test)]
mod tests;

pub use epoll::Epoll;
pub use eventfd::EventFd;
pub use inotify::Inotify;
pub use pipe::Pipe;
pub use timerfd::TimerFd;

use spin::Once;

static BEFORE_WAIT: Once<fn()> = Once::new();

/// Registers what epoll_wait, poll and select call before they compute readiness. The first registration stays.
pub fn register_before_wait(hook: fn()) {
    BEFORE_WAIT.call_once(|| hook);
}

#[inline]
pub(crate) fn before_wait() {
    if let Some(hook) = BEFORE_WAIT.get() {
        hook();
    }
}
