//! poll(2) and select(2): wait for any of a list of files.

use crate::before_wait;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use osv_base::{Fail, Instant, Res};
use osv_sync::park::{self, Unpark, Woken};
use osv_sync::{Events, Observer};
use osv_vfs::OpenFile;

/// A file, what is asked of it, and what holds.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `None`: not looked at.
    pub file: Option<Arc<OpenFile>>,
    /// What is asked for; poll(2) adds ERR and HUP.
    pub wanted: Events,
    /// What holds, of that.
    pub found: Events,
}

struct Waiter {
    thread: Arc<dyn Unpark>,
    /// Something changed since the last scan began. A scan may sleep for a lock, and take the unpark with that.
    told: AtomicBool,
}

impl Observer for Waiter {
    fn notify(&self, _events: Events) {
        self.told.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn scan(entries: &mut [Entry]) -> usize {
    let mut ready = 0;
    for entry in entries {
        if let Some(open) = &entry.file {
            entry.found = open.file().poll() & entry.wanted;
        }
        ready += usize::from(!entry.found.is_empty());
    }
    ready
}

/// The earliest time at which one of `entries` changes by itself.
fn next_change(entries: &[Entry]) -> Option<Instant> {
    let files = entries.iter().filter_map(|entry| entry.file.as_ref());
    files.filter(|open| open.file().is_timed()).filter_map(|open| open.file().next_change()).min()
}

/// Fills in what holds, and sleeps until something does, until `deadline` or a signal. Returns how many entries have
/// something; those whose `found` was set before count (NVAL).
pub fn poll(entries: &mut [Entry], deadline: Option<Instant>) -> Res<usize> {
    before_wait();
    let ready = scan(entries);
    if ready > 0 || deadline == Some(Instant::ZERO) {
        return Ok(ready);
    }
    let scheduler = park::scheduler();
    let waiter = Arc::new(Waiter { thread: scheduler.current(), told: AtomicBool::new(false) });
    let shared: Arc<dyn Observer> = waiter.clone();
    let observer: Weak<dyn Observer> = Arc::downgrade(&shared);
    let files: Vec<Arc<OpenFile>> = entries.iter().filter_map(|entry| entry.file.clone()).collect();
    for open in &files {
        if let Some(readiness) = open.file().readiness() {
            readiness.observe(observer.clone());
        }
    }
    let result = loop {
        waiter.told.store(false, Ordering::SeqCst);
        before_wait();
        let ready = scan(entries);
        if ready > 0 {
            break Ok(ready);
        }
        if waiter.told.load(Ordering::SeqCst) {
            continue;
        }
        let timed = next_change(entries);
        let until = [deadline, timed].into_iter().flatten().min();
        match scheduler.park(until, true) {
            Woken::Unparked => {}
            Woken::TimedOut
                if deadline.is_none_or(|deadline| timed.is_some_and(|timed| timed < deadline)) => {}
            Woken::TimedOut => break Ok(scan(entries)),
            Woken::Interrupted => match scan(entries) {
                0 => break Err(Fail::Interrupted),
                ready => break Ok(ready),
            },
        }
    };
    for open in &files {
        if let Some(readiness) = open.file().readiness() {
            readiness.forget(&observer);
        }
    }
    result
}
