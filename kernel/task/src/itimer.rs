//! Interval timers of a process: setitimer(2), alarm(2), timer_create(2), and the limit of RLIMIT_CPU.
//!
//! A timer counts one of three times: the machine's, a process's or a thread's on the CPU. Nobody tells when a thread
//! has run for so long; such a timer looks when that can be at the earliest, and then again.

use crate::process::Process;
use crate::registry;
use crate::signal::send;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::time::Duration;
use osv_abi::Errno;
use osv_abi::uapi::process::{RLIM_INFINITY, rlimit};
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
    /// By the signal of setitimer(2) to the process.
    Interval(u32),
    /// By what happens to a process beyond its RLIMIT_CPU.
    Limit,
}

/// Whose time a timer counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// The machine's.
    Machine,
    /// A process's on the CPU.
    Process(u32),
    /// A thread's on the CPU.
    Thread(u32),
}

/// How often a timer of CPU time looks at least.
const LOOK: Duration = Duration::from_millis(4);

impl Counted {
    /// What it shows; `None` when there is no such process or thread any more.
    pub fn now(self) -> Option<Instant> {
        match self {
            Counted::Machine => Some(park::now()),
            Counted::Process(pid) => registry::process(pid).map(|process| Instant(process.ran_ns())),
            Counted::Thread(tid) => registry::thread(tid).map(|thread| Instant(thread.entity.ran_ns_now())),
        }
    }

    /// The machine's time before which it cannot show `at`, showing `now`.
    fn earliest(self, at: Instant, now: Instant) -> Instant {
        let at_once = match self {
            Counted::Machine => return at,
            Counted::Process(_) => osv_sched::online().max(1),
            Counted::Thread(_) => 1,
        };
        park::now().after((at.since(now) / at_once as u32).max(LOOK))
    }
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
    counted: Counted,
    /// The clock that absolute times are of.
    pub clock: i32,
    setting: Mutex<Setting>,
    timer: Timer,
}

impl IntervalTimer {
    fn new(process: u32, id: i32, clock: i32, counted: Counted, notify: Notify) -> Arc<Self> {
        Arc::new_cyclic(|me: &Weak<IntervalTimer>| IntervalTimer {
            process,
            id,
            notify,
            counted,
            clock,
            setting: Mutex::new(Setting::default()),
            timer: Timer::new(me.clone()),
        })
    }

    /// What the time that it counts is now.
    pub fn now(&self) -> Instant {
        self.counted.now().unwrap_or(Instant::ZERO)
    }

    fn arm(&self, at: Instant, now: Instant) {
        self.timer.arm(self.counted.earliest(at, now));
    }

    /// Sets it: first expiry, of the time that it counts, and period. Gives what was left, and the old period.
    pub fn set(&self, first: Option<Instant>, interval: Duration) -> (Duration, Duration) {
        let now = self.now();
        let mut setting = self.setting.lock();
        let old = Self::left(&setting, now);
        *setting = Setting { next: first, interval, overruns: 0 };
        match first {
            Some(at) => self.arm(at, now),
            None => self.timer.disarm(),
        }
        old
    }

    /// What is left, and the period.
    pub fn get(&self) -> (Duration, Duration) {
        let now = self.now();
        Self::left(&self.setting.lock(), now)
    }

    fn left(setting: &Setting, now: Instant) -> (Duration, Duration) {
        let left = match setting.next {
            // An armed timer never shows zero.
            Some(at) => at.since(now).max(Duration::from_nanos(1)),
            None => Duration::ZERO,
        };
        (left, setting.interval)
    }

    /// Expiries beyond the one that was told last.
    pub fn overruns(&self) -> i32 {
        self.setting.lock().overruns
    }

    /// The process has run for as long as its limit says, or longer.
    fn limit_reached(&self, process: &Arc<Process>, now: Instant) {
        let Ok(limit) = process.limits.get(rlimit::CPU) else { return };
        let seconds = now.0 / 1_000_000_000;
        if seconds >= limit.max {
            send::to_process(process, Siginfo::new(sig::KILL, code::SI_KERNEL));
            return;
        }
        if seconds >= limit.cur {
            send::to_process(process, Siginfo::new(sig::XCPU, code::SI_KERNEL));
        }
        // It is reminded every second until the end.
        let next = Instant((seconds + 1) * 1_000_000_000);
        self.setting.lock().next = Some(next);
        self.arm(next, now);
    }
}

impl Expire for IntervalTimer {
    fn expire(&self, _now: Instant) {
        let Some(now) = self.counted.now() else { return };
        let overruns = {
            let mut setting = self.setting.lock();
            let Some(at) = setting.next else { return };
            if at > now {
                if self.counted != Counted::Machine {
                    self.arm(at, now);
                }
                return;
            }
            if setting.interval.is_zero() {
                setting.next = None;
                setting.overruns = 0;
            } else {
                let missed = now.since(at).as_nanos() / setting.interval.as_nanos();
                let missed = u32::try_from(missed).unwrap_or(u32::MAX - 1);
                setting.overruns = i32::try_from(missed).unwrap_or(i32::MAX);
                let next = at + setting.interval.saturating_mul(missed + 1);
                setting.next = Some(next);
                self.arm(next, now);
            }
            setting.overruns
        };
        let info = |signo, value| Siginfo::timer(signo, self.id, overruns, value);
        let process = || registry::process(self.process);
        match self.notify {
            Notify::None => {}
            Notify::Interval(signo) => {
                if let Some(process) = process() {
                    send::to_process(&process, Siginfo::new(signo, code::SI_KERNEL));
                }
            }
            Notify::Limit => {
                if let Some(process) = process() {
                    self.limit_reached(&process, now);
                }
            }
            Notify::Process(signo, value) => {
                if let Some(process) = process() {
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

/// The timers of setitimer(2), as it numbers them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interval {
    /// The machine's time: SIGALRM.
    Real = 0,
    /// The process's time in the application: SIGVTALRM. All of its time counts, which is not divided.
    Virtual = 1,
    /// The process's time: SIGPROF.
    Prof = 2,
}

/// The timers of a process.
#[derive(Debug, Default)]
pub struct Timers {
    intervals: Mutex<[Option<Arc<IntervalTimer>>; 3]>,
    limit: Mutex<Option<Arc<IntervalTimer>>>,
    created: Mutex<BTreeMap<i32, Arc<IntervalTimer>>>,
}

impl Timers {
    /// The timer of setitimer(2).
    pub fn interval(&self, process: &Process, which: Interval) -> Arc<IntervalTimer> {
        let clock = osv_abi::uapi::time::clock::MONOTONIC;
        let (counted, signo) = match which {
            Interval::Real => (Counted::Machine, sig::ALRM),
            Interval::Virtual => (Counted::Process(process.pid()), sig::VTALRM),
            Interval::Prof => (Counted::Process(process.pid()), sig::PROF),
        };
        let make = || IntervalTimer::new(process.pid(), 0, clock, counted, Notify::Interval(signo));
        self.intervals.lock()[which as usize].get_or_insert_with(make).clone()
    }

    /// The timer of setitimer(2), if it was ever set.
    pub fn interval_if_any(&self, which: Interval) -> Option<Arc<IntervalTimer>> {
        self.intervals.lock()[which as usize].clone()
    }

    /// RLIMIT_CPU of `process`, which these are the timers of, has changed or was inherited.
    pub fn follow_limit(&self, process: &Process) {
        let soft = process.limits.soft(rlimit::CPU);
        let mut limit = self.limit.lock();
        if soft == RLIM_INFINITY {
            *limit = None;
            return;
        }
        let counted = Counted::Process(process.pid());
        let make = || IntervalTimer::new(process.pid(), 0, 0, counted, Notify::Limit);
        let timer = limit.get_or_insert_with(make);
        // A limit of nothing is one of a second.
        let at = Instant(soft.max(1).saturating_mul(1_000_000_000));
        timer.set(Some(at), Duration::ZERO);
    }

    /// Makes a timer: EAGAIN when there are too many.
    pub fn create(
        &self,
        process: &Process,
        clock: i32,
        counted: Counted,
        notify: impl FnOnce(i32) -> Notify,
    ) -> Result<i32, Errno> {
        let mut created = self.created.lock();
        if created.len() >= MOST {
            return Err(Errno::EAGAIN);
        }
        let id = (0..).find(|id| !created.contains_key(id)).ok_or(Errno::EAGAIN)?;
        created.insert(id, IntervalTimer::new(process.pid(), id, clock, counted, notify(id)));
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

    /// What execve(2) does: created timers go, those of setitimer(2) stay.
    pub(crate) fn exec(&self) {
        self.created.lock().clear();
    }

    /// The process ends.
    pub(crate) fn disarm_all(&self) {
        self.created.lock().clear();
        *self.intervals.lock() = Default::default();
        *self.limit.lock() = None;
    }
}
