//! Interval timers of a process: setitimer(2), alarm(2), timer_create(2).

use crate::process::Process;
use crate::registry;
use crate::signal::send;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::time::Duration;
use osv_abi::Errno;
use osv_abi::uapi::signal::{Siginfo, code, sig};
use osv_base::Instant;
use osv_sync::timer::{Expire, Timer};
use osv_sync::{Mutex, park};

/// How a timer tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notify {
    /// Not at all.
    None,
    /// By a signal to the process, with this value.
    Process(u32, u64),
    /// By a signal to one thread, with this value.
    Thread(u32, u32, u64),
    /// SIGALRM of setitimer(2).
    Alarm,
}

#[derive(Clone, Copy, Debug, Default)]
struct Setting {
    next: Option<Instant>,
    interval: Duration,
    overruns: i32,
}

/// One timer.
#[derive(Debug)]
pub struct IntervalTimer {
    process: u32,
    id: i32,
    notify: Notify,
    /// The clock that absolute times are of.
    pub clock: i32,
    setting: Mutex<Setting>,
    timer: Timer,
}

impl IntervalTimer {
    fn new(process: u32, id: i32, clock: i32, notify: Notify) -> Arc<Self> {
        Arc::new_cyclic(|me: &Weak<IntervalTimer>| IntervalTimer {
            process,
            id,
            notify,
            clock,
            setting: Mutex::new(Setting::default()),
            timer: Timer::new(me.clone()),
        })
    }

    /// Sets it: first expiry and period. Gives what was left, and the old period.
    pub fn set(&self, first: Option<Instant>, interval: Duration) -> (Duration, Duration) {
        let mut setting = self.setting.lock();
        let old = Self::left(&setting);
        *setting = Setting { next: first, interval, overruns: 0 };
        match first {
            Some(at) => self.timer.arm(at),
            None => self.timer.disarm(),
        }
        old
    }

    /// What is left, and the period.
    pub fn get(&self) -> (Duration, Duration) {
        Self::left(&self.setting.lock())
    }

    fn left(setting: &Setting) -> (Duration, Duration) {
        let left = match setting.next {
            // An armed timer never shows zero.
            Some(at) => at.since(park::now()).max(Duration::from_nanos(1)),
            None => Duration::ZERO,
        };
        (left, setting.interval)
    }

    /// Expiries beyond the one that was told last.
    pub fn overruns(&self) -> i32 {
        self.setting.lock().overruns
    }
}

impl Expire for IntervalTimer {
    fn expire(&self, now: Instant) {
        let overruns = {
            let mut setting = self.setting.lock();
            let Some(at) = setting.next.filter(|at| *at <= now) else { return };
            if setting.interval.is_zero() {
                setting.next = None;
                setting.overruns = 0;
            } else {
                let missed = now.since(at).as_nanos() / setting.interval.as_nanos();
                let missed = u32::try_from(missed).unwrap_or(u32::MAX - 1);
                setting.overruns = i32::try_from(missed).unwrap_or(i32::MAX);
                let next = at + setting.interval.saturating_mul(missed + 1);
                setting.next = Some(next);
                self.timer.arm(next);
            }
            setting.overruns
        };
        let info = |signo, value| Siginfo::timer(signo, self.id, overruns, value);
        match self.notify {
            Notify::None => {}
            Notify::Alarm => {
                if let Some(process) = registry::process(self.process) {
                    send::to_process(&process, Siginfo::new(sig::ALRM, code::SI_KERNEL));
                }
            }
            Notify::Process(signo, value) => {
                if let Some(process) = registry::process(self.process) {
                    send::to_process(&process, info(signo, value));
                }
            }
            Notify::Thread(tid, signo, value) => {
                if let Some(thread) = registry::thread(tid).filter(|t| t.process().pid() == self.process) {
                    send::to_thread(&thread, info(signo, value));
                }
            }
        }
    }
}

/// Most timers of a process that timer_create(2) makes.
const MOST: usize = 1 << 15;

/// The timers of a process.
#[derive(Debug, Default)]
pub struct Timers {
    real: Mutex<Option<Arc<IntervalTimer>>>,
    created: Mutex<BTreeMap<i32, Arc<IntervalTimer>>>,
}

impl Timers {
    /// The timer of setitimer(ITIMER_REAL).
    pub fn real(&self, process: &Process) -> Arc<IntervalTimer> {
        let clock = osv_abi::uapi::time::clock::MONOTONIC;
        let mut real = self.real.lock();
        real.get_or_insert_with(|| IntervalTimer::new(process.pid(), 0, clock, Notify::Alarm)).clone()
    }

    /// The timer of setitimer(ITIMER_REAL), if it was ever set.
    pub fn real_if_any(&self) -> Option<Arc<IntervalTimer>> {
        self.real.lock().clone()
    }

    /// Makes a timer: EAGAIN when there are too many.
    pub fn create(
        &self,
        process: &Process,
        clock: i32,
        notify: impl FnOnce(i32) -> Notify,
    ) -> Result<i32, Errno> {
        let mut created = self.created.lock();
        if created.len() >= MOST {
            return Err(Errno::EAGAIN);
        }
        let id = (0..).find(|id| !created.contains_key(id)).ok_or(Errno::EAGAIN)?;
        created.insert(id, IntervalTimer::new(process.pid(), id, clock, notify(id)));
        Ok(id)
    }

    /// A timer by number: EINVAL.
    pub fn get(&self, id: i32) -> Result<Arc<IntervalTimer>, Errno> {
        self.created.lock().get(&id).cloned().ok_or(Errno::EINVAL)
    }

    /// Removes a timer: EINVAL.
    pub fn delete(&self, id: i32) -> Result<(), Errno> {
        let timer = self.created.lock().remove(&id).ok_or(Errno::EINVAL)?;
        timer.set(None, Duration::ZERO);
        Ok(())
    }

    /// What execve(2) does: created timers go, the real one stays.
    pub(crate) fn exec(&self) {
        self.created.lock().clear();
    }

    /// The process ends.
    pub(crate) fn disarm_all(&self) {
        self.created.lock().clear();
        *self.real.lock() = None;
    }
}
