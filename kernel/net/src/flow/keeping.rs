//! When a peer that is not heard from is given up: what it owes an acknowledgement for, and keep-alive probes.
//!
//! smoltcp's own timeout ends a connection that was merely idle, so it stays off. Its keep-alive probes at once when it is
//! switched on, and then at one interval: it is switched on when a silence has lasted, and off when that ends.

use crate::options::Tuning;
use core::time::Duration;
use osv_base::Instant;

/// How long unacknowledged data is sent again: Linux's tcp_retries2 of 15 come to 924 s.
const RETRANSMIT_TIME: Duration = Duration::from_secs(924);

/// What a connection knows of its peer's silence.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) tuning: Tuning,
    /// When a packet came last.
    heard: Instant,
    /// Since when it is probed if it is silent: before, nobody asked for probes.
    probed: Instant,
    /// Since when it has owed an acknowledgement, or was last heard while it did.
    owed: Option<Instant>,
}

impl Keeping {
    pub(super) fn new(now: Instant) -> Self {
        Keeping { tuning: Tuning::default(), heard: now, probed: now, owed: None }
    }

    /// What was set on the socket.
    pub(super) fn tune(&mut self, tuning: Tuning, now: Instant) {
        if tuning.keepalive && !self.tuning.keepalive {
            self.probed = now;
        }
        self.tuning = tuning;
    }

    /// A packet came.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
        if self.owed.is_some() {
            self.owed = Some(now);
        }
    }

    /// Whether there is anything now that the peer has to acknowledge.
    pub(super) fn owes(&mut self, owes: bool, now: Instant) {
        self.owed = owes.then(|| self.owed.unwrap_or(now));
    }

    /// When the first probe is due; none without keep-alive.
    pub(super) fn probes_at(&self) -> Option<Instant> {
        let since = self.heard.max(self.probed);
        self.tuning.keepalive.then(|| since + self.tuning.keepalive_idle)
    }

    /// What is between two probes, if it is time for them.
    pub(super) fn interval(&self, now: Instant) -> Option<Duration> {
        self.probes_at().filter(|at| now >= *at).map(|_| self.tuning.keepalive_interval)
    }

    /// When the peer is given up if it stays silent. `is_probed`: the connection is in a state in which probes are sent.
    pub(super) fn patience(&self, is_probed: bool) -> Option<Instant> {
        let tuning = &self.tuning;
        if let Some(since) = self.owed {
            return Some(since + tuning.user_timeout.unwrap_or(RETRANSMIT_TIME));
        }
        let first = self.probes_at().filter(|_| is_probed)?;
        let probes = match tuning.user_timeout {
            // As Linux: it takes the place of the count, but one probe there is.
            Some(timeout) => timeout.saturating_sub(tuning.keepalive_idle).max(tuning.keepalive_interval),
            None => tuning.keepalive_interval * u32::from(tuning.keepalive_count),
        };
        Some(first + probes)
    }
}
