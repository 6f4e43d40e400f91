//! Readiness, pipes, event objects.

mod epoll;
mod inotify;
mod objects;
mod poll;
mod signalfd;

pub use epoll::*;
pub use inotify::*;
pub use objects::*;
pub use poll::*;
pub use signalfd::*;

use crate::cx::Cx;
use core::time::Duration;
use osv_abi::Errno;
use osv_abi::arg::{In, Size};
use osv_base::{Fail, Instant, Res};
use osv_sync::park;
use osv_task::signal::SigSet;

/// When a wait that lasts `timeout` ends: `None` never, [`Instant::ZERO`] at once.
fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    match timeout {
        None => None,
        Some(Duration::ZERO) => Some(Instant::ZERO),
        Some(timeout) => Some(park::now().after(timeout)),
    }
}

/// As [`deadline`], of milliseconds; negative is for ever.
fn deadline_ms(ms: i32) -> Option<Instant> {
    deadline(u64::try_from(ms).ok().map(Duration::from_millis))
}

/// These calls are never restarted after a handler ran: poll(2), epoll_wait(2), signal(7).
pub(crate) fn not_restarted<T>(result: Res<T>) -> Res<T> {
    match result {
        Err(Fail::Interrupted) => Err(Errno::EINTR.into()),
        other => other,
    }
}

/// Runs `wait` with the signal mask at `mask` in place of the thread's own, unless that is NULL. A handler that ends
/// the wait still sees the new mask, and returns to the old one.
pub(crate) fn masked<T>(
    cx: &mut Cx<'_>,
    mask: In<u64>,
    size: Size,
    wait: impl FnOnce(&mut Cx<'_>) -> Res<T>,
) -> Res<T> {
    if mask.is_null() {
        return not_restarted(wait(cx));
    }
    if size.0 != size_of::<u64>() {
        return Err(Errno::EINVAL.into());
    }
    let new = SigSet(mask.read(cx)?);
    let current = osv_task::current();
    let old = current.mask();
    current.set_mask(new);
    let result = wait(cx);
    if matches!(result, Err(Fail::Interrupted)) {
        current.own().saved_mask.set(Some(old));
    } else {
        current.set_mask(old);
    }
    not_restarted(result)
}
