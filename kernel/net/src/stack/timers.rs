//! The timers of flows, and the address pairs in TIME-WAIT.

use super::Stack;
use crate::flow::{FlowKey, TimerId, TimerTarget};
use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;
use osv_base::Instant;

/// Linux's TCP_TIMEWAIT_LEN.
const TIME_WAIT: Duration = Duration::from_secs(60);
const TIME_WAIT_MAX: usize = 16384;

#[derive(Default)]
pub(super) struct Timers {
    queue: BTreeMap<TimerId, TimerTarget>,
    next: u64,
}

#[derive(Default)]
pub(super) struct TimeWait {
    keys: hashbrown::HashMap<FlowKey, Instant>,
    order: VecDeque<(Instant, FlowKey)>,
}

impl Stack {
    /// Holds the address pair of an ended connection for two segment lifetimes.
    pub fn enter_time_wait(&self, key: FlowKey, now: Instant) {
        let mut wait = self.time_wait.lock();
        while wait.order.front().is_some_and(|(until, _)| *until <= now) || wait.order.len() >= TIME_WAIT_MAX
        {
            if let Some((until, key)) = wait.order.pop_front()
                && wait.keys.get(&key) == Some(&until)
            {
                wait.keys.remove(&key);
            }
        }
        let until = now + TIME_WAIT;
        wait.keys.insert(key, until);
        wait.order.push_back((until, key));
    }

    /// Whether the pair waits; a new SYN ends the wait (RFC 9293, 3.6.1; the random initial sequence number of
    /// a new smoltcp instance stands for the check of sequence numbers).
    pub(super) fn in_time_wait(&self, key: &FlowKey, syn: bool) -> bool {
        let now = self.now();
        let mut wait = self.time_wait.lock();
        match wait.keys.get(key) {
            Some(until) if *until > now && !syn => true,
            Some(_) => {
                wait.keys.remove(key);
                false
            }
            None => false,
        }
    }

    /// Has `target` called at `at`, and not at the time of `old`.
    pub fn move_timer(&self, old: Option<TimerId>, at: Instant, target: TimerTarget) -> TimerId {
        let (timer, earliest) = {
            let mut timers = self.timers.lock();
            if let Some(old) = old {
                timers.queue.remove(&old);
            }
            let timer = TimerId(at, timers.next);
            timers.next += 1;
            let earliest = timers.queue.first_key_value().is_none_or(|(TimerId(first, _), _)| at < *first);
            timers.queue.insert(timer, target);
            (timer, earliest)
        };
        if earliest {
            (self.env.kick)();
        }
        timer
    }

    /// Forgets a timer.
    pub fn cancel_timer(&self, timer: TimerId) {
        self.timers.lock().queue.remove(&timer);
    }

    /// Timers that are set: one for each connection at most.
    pub fn timer_count(&self) -> usize {
        self.timers.lock().queue.len()
    }

    /// Drives the flows whose time has come; returns when the next one's does.
    pub(super) fn run_timers(self: &alloc::sync::Arc<Self>, now: Instant) -> Option<Instant> {
        loop {
            let (timer, target) = {
                let mut timers = self.timers.lock();
                match timers.queue.first_entry() {
                    Some(entry) if entry.key().0 <= now => entry.remove_entry(),
                    other => return other.map(|entry| entry.key().0),
                }
            };
            if let Some(target) = target.upgrade() {
                target.on_timer(self, timer);
            }
        }
    }
}
