//! timerfd_create(2): a timer that can be waited for.
//!
//! No timer runs: what expired is computed when somebody asks, and whoever sleeps, sleeps until
//! [`File::next_change`] at most.

use alloc::vec::Vec;
use core::any::Any;
use core::time::Duration;
use osv_base::io::Sink;
use osv_base::{Errno, Instant, Res};
use osv_sync::{Events, Readiness, SpinLock, Wait, WaitError, park};
use osv_vfs::{At, File, Io};

#[derive(Clone, Copy, Debug, Default)]
struct State {
    next: Option<Instant>,
    interval: Duration,
}

impl State {
    /// Expirations up to `now` that were not read.
    fn expired(&self, now: Instant) -> u64 {
        match self.next {
            Some(next) if next <= now => {
                let more = now.since(next).as_nanos().checked_div(self.interval.as_nanos()).unwrap_or(0);
                u64::try_from(more).unwrap_or(u64::MAX - 1).saturating_add(1)
            }
            _ => 0,
        }
    }

    fn take(&mut self, now: Instant) -> u64 {
        let expired = self.expired(now);
        if expired > 0 {
            self.next = if self.interval.is_zero() {
                None
            } else {
                let nanos = self.interval.as_nanos().saturating_mul(expired.into());
                let passed = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                self.next.map(|next| next.after(passed))
            };
        }
        expired
    }
}

/// A timer. It runs on CLOCK_MONOTONIC.
#[derive(Debug)]
pub struct TimerFd {
    wall: bool,
    state: SpinLock<State>,
    readiness: Readiness,
}

const READABLE: Events = Events::IN.union(Events::RDNORM);

impl TimerFd {
    /// A timer that is not armed; `wall` says that its absolute times are of the wall clock.
    pub fn new(wall: bool) -> Self {
        TimerFd { wall, state: SpinLock::default(), readiness: Readiness::new() }
    }

    /// Whether absolute times for it are of the wall clock.
    pub fn is_wall(&self) -> bool {
        self.wall
    }

    /// Arms it for `next`, then every `interval` unless that is zero; `None` disarms. Returns what [`TimerFd::get`]
    /// gave before.
    pub fn set(&self, next: Option<Instant>, interval: Duration) -> (Duration, Duration) {
        let old = {
            let mut state = self.state.lock();
            let old = Self::left(&state, park::now());
            *state = State { next, interval };
            old
        };
        // Whoever sleeps for it sleeps until another time now.
        self.readiness.changed(Events::empty());
        old
    }

    /// Time to the next expiration (zero when disarmed) and the interval.
    pub fn get(&self) -> (Duration, Duration) {
        Self::left(&self.state.lock(), park::now())
    }

    fn left(state: &State, now: Instant) -> (Duration, Duration) {
        let mut ahead = *state;
        ahead.take(now);
        let left = ahead.next.map_or(Duration::ZERO, |next| next.since(now).max(Duration::from_nanos(1)));
        (left, state.interval)
    }
}

impl File for TimerFd {
    fn read(&self, at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        if at != At::Stream {
            return Err(Errno::ESPIPE.into());
        }
        if to.remaining() < 8 {
            return Err(Errno::EINVAL.into());
        }
        let mut attempt = || {
            let mut state = self.state.lock();
            let mut after = *state;
            let expired = after.take(park::now());
            if expired == 0 {
                return None;
            }
            let n = to.put(&expired.to_ne_bytes());
            match n {
                8 => *state = after,
                0 => {}
                // Half of the count is no count; it was not taken.
                _ => return Some(Err(Errno::EFAULT.into())),
            }
            Some(Ok(n))
        };
        if io.nonblock {
            return attempt().ok_or(Errno::EAGAIN)?;
        }
        loop {
            let until = self.next_change();
            match self.readiness.waiters.wait_until(Wait::until(until), &mut attempt) {
                Ok(result) => return result,
                Err(WaitError::TimedOut) => {}
                Err(error) => return Err(error.or_timeout(Errno::EAGAIN)),
            }
        }
    }

    fn poll(&self) -> Events {
        if self.state.lock().expired(park::now()) > 0 { READABLE } else { Events::empty() }
    }

    fn can_write(&self) -> bool {
        false
    }

    fn ignores_offset(&self) -> bool {
        true
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.readiness)
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn next_change(&self) -> Option<Instant> {
        self.state.lock().next
    }

    fn describe(&self) -> Vec<u8> {
        b"anon_inode:[timerfd]".to_vec()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
