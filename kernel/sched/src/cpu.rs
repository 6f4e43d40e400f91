//! The scheduler at work: one [`Cpu`] each, whose run queue only it touches, with interrupts off.
//!
//! Others reach a CPU in three ways, all without a lock: its wake list, the mask of CPUs that ask it for work, and
//! the reschedule interrupt that makes it look at both.

mod dead;
mod deadlines;
mod idle;
mod switch;

pub(crate) use dead::{become_reaper, bury, has_dead};
pub(crate) use deadlines::timer_fired;
pub(crate) use idle::{bring_up, idle_loop, leave_boot_context};
pub(crate) use switch::{Why, finish_switch, switch_away};

use crate::entity::Entity;
use crate::machine;
use crate::policy;
use crate::queue::RunQueue;
use crate::timers::Timers;
use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use deadlines::{Deadline, clear_deadline, set_deadline};
use osv_base::Instant;
use osv_hw::percpu::{self, MAX_CPUS};
use osv_sync::inbox::Inbox;
use osv_sync::{IrqSpinLock, NoIrq};

/// Room in a run queue from the start.
const QUEUE_ROOM: usize = 256;

const BUSY: u32 = 0;
const POLLING: u32 = 1;
const HALTED: u32 = 2;

struct Local {
    queue: RunQueue<NonNull<Entity>>,
    idle: Option<NonNull<Entity>>,
    /// When the running thread was last charged.
    started: Instant,
    /// When its slice ends; matters while others wait.
    slice_end: Instant,
    /// When the timer fires; `FOREVER`: not set.
    armed: Instant,
    balanced: Instant,
    /// The thread that this CPU is switching away from.
    leaving: Option<NonNull<Entity>>,
    /// That thread may not run here any more: once its registers are saved, it goes to another CPU.
    banished: bool,
}

pub(crate) struct Cpu {
    /// Threads that other CPUs woke for this one.
    wakes: Inbox<Entity>,
    idleness: AtomicU32,
    /// Length of the run queue, for others to see.
    waiting: AtomicU32,
    /// The run queue's floor, for others to see.
    floor: AtomicU64,
    /// Idle CPUs that ask for work.
    requests: AtomicU64,
    timers: IrqSpinLock<Timers<Deadline>>,
    local: UnsafeCell<Local>,
}

// SAFETY: `local` is touched only by the CPU itself with interrupts off (see `Cpu::local`); what it points to are
// live entities, which are Sync.
unsafe impl Sync for Cpu {}

static CPUS: [Cpu; MAX_CPUS] = [const { Cpu::new() }; MAX_CPUS];
/// CPUs that run threads.
static ONLINE: AtomicU64 = AtomicU64::new(0);
static ONLINE_COUNT: AtomicUsize = AtomicUsize::new(0);
/// CPUs that look for work.
static IDLE: AtomicU64 = AtomicU64::new(0);

/// This CPU. Interrupts are off, so it stays this one.
fn this_cpu(_irq: &NoIrq) -> (&'static Cpu, usize) {
    let index = percpu::cpu_index();
    (&CPUS[index], index)
}

/// The running thread.
pub(crate) fn current() -> &'static Entity {
    // SAFETY: `Scheduler` code runs in a thread's context (bring-up makes the boot context the idle thread first),
    // and a thread outlives what it runs. `ThreadHead` is the first field of `Entity`.
    unsafe { &*percpu::current().cast::<Entity>() }
}

/// CPUs that run threads.
pub fn online() -> usize {
    ONLINE_COUNT.load(Ordering::Relaxed)
}

/// CPUs that run threads, bit n for CPU n.
pub fn online_mask() -> u64 {
    ONLINE.load(Ordering::Relaxed)
}

impl Cpu {
    const fn new() -> Self {
        Cpu {
            wakes: Inbox::new(),
            idleness: AtomicU32::new(BUSY),
            waiting: AtomicU32::new(0),
            floor: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            timers: IrqSpinLock::new(Timers::new()),
            local: UnsafeCell::new(Local {
                queue: RunQueue::new(),
                idle: None,
                started: Instant::ZERO,
                slice_end: Instant::ZERO,
                armed: Instant::FOREVER,
                balanced: Instant::ZERO,
                leaving: None,
                banished: false,
            }),
        }
    }

    /// What only this CPU touches.
    ///
    /// # Safety
    /// `self` is this CPU, interrupts stay off while the reference lives, and there is no other.
    #[expect(clippy::mut_from_ref, reason = "one CPU, interrupts off: see Safety")]
    unsafe fn local(&self, _irq: &NoIrq) -> &mut Local {
        // SAFETY: passed on to the caller.
        unsafe { &mut *self.local.get() }
    }
}

impl Local {
    /// Lets a thread in that was woken. `here` is this CPU's number.
    fn admit(&mut self, entity: NonNull<Entity>, now: Instant, here: usize) -> u64 {
        // SAFETY: whoever admits has the duty to queue the entity, so it is alive and nobody else's.
        let e = unsafe { entity.as_ref() };
        let floor = self.queue.floor();
        let left = e.left_floor.load(Ordering::Relaxed);
        // One that has not run yet has not slept either: no lead over the one that made it.
        let (slept, progress) = match e.slept_at.load(Ordering::Relaxed) {
            0 => (Duration::ZERO, 0),
            since => {
                let from = e.cpu();
                let risen = if from == here { floor } else { CPUS[from].floor.load(Ordering::Relaxed) };
                (now.since(Instant(since)), policy::lag(risen, left).max(0).cast_unsigned())
            }
        };
        let lag = policy::lag(e.vruntime.load(Ordering::Relaxed), left);
        let vruntime = policy::woken(floor, lag, slept, progress);
        e.vruntime.store(vruntime, Ordering::Relaxed);
        e.cpu.store(here as u32, Ordering::Relaxed);
        self.queue.push(entity, vruntime);
        vruntime
    }

    /// Brings the floor up to date, with the virtual run time of the running thread unless that is the idle one.
    fn raise_floor(&mut self, cpu: &Cpu, running: Option<u64>) {
        self.queue.raise_floor(running);
        cpu.floor.store(self.queue.floor(), Ordering::Relaxed);
    }

    /// Notes for [`admit`](Self::admit) that a thread leaves this CPU's queue.
    fn leaves(&self, e: &Entity, now: Instant) {
        e.left_floor.store(self.queue.floor(), Ordering::Relaxed);
        e.slept_at.store(now.0, Ordering::Relaxed);
    }

    /// Makes the timer fire at `deadline` or before.
    fn arm(&mut self, deadline: Instant) {
        if deadline < self.armed {
            self.armed = deadline;
            machine::arm_timer(deadline);
        }
    }

    fn is_idle(&self, entity: &Entity) -> bool {
        self.idle == Some(NonNull::from(entity))
    }
}

/// Queues a thread that was woken: the caller turned its state from `PARKED` to `RUNNING` (or never started it).
pub(crate) fn enqueue(entity: NonNull<Entity>) {
    let irq = NoIrq::enter();
    let (cpu, here) = this_cpu(&irq);
    // SAFETY: the caller has the duty to queue it: it is alive.
    let e = unsafe { entity.as_ref() };
    // Registers still on a CPU: only that one may run it, after it has saved them.
    let busy_here = e.on_cpu.load(Ordering::SeqCst);
    let target = if busy_here { e.cpu() } else { choose(e, here) };
    if target != here || busy_here {
        push_to(target, entity, target == here);
        return;
    }
    // SAFETY: this CPU, interrupts off, and nothing below takes it again.
    let local = unsafe { cpu.local(&irq) };
    if local.queue.len() >= QUEUE_ROOM {
        // Perhaps in an interrupt handler: growing the queue is for `switch_away`.
        push_to(here, entity, true);
        return;
    }
    let running = current();
    let now = machine::now();
    let stint = now.since(local.started);
    let running_at = (!local.is_idle(running)).then(|| running.vruntime_now(stint));
    local.raise_floor(cpu, running_at);
    let vruntime = local.admit(entity, now, here);
    cpu.waiting.store(local.queue.len() as u32, Ordering::Relaxed);
    let Some(running_at) = running_at else {
        percpu::set_need_resched();
        return;
    };
    let first = local.queue.len() == 1;
    match policy::preempts_in(vruntime, running_at, stint) {
        Some(Duration::ZERO) => percpu::set_need_resched(),
        Some(wait) if first || now + wait < local.slice_end => {
            local.slice_end = now + wait;
            local.arm(local.slice_end);
        }
        None if first => {
            local.slice_end = now + policy::slice(1);
            local.arm(local.slice_end);
        }
        _ => {}
    }
}

/// Nanoseconds since the running thread was last charged.
pub(crate) fn running_ns() -> u64 {
    let irq = NoIrq::enter();
    let (cpu, _) = this_cpu(&irq);
    // SAFETY: this CPU, interrupts off, for this statement only.
    machine::now().since(unsafe { cpu.local(&irq) }.started).as_nanos() as u64
}

/// Puts a woken thread on a CPU's wake list and makes that CPU look.
fn push_to(target: usize, entity: NonNull<Entity>, is_here: bool) {
    let cpu = &CPUS[target];
    // SAFETY: whoever pushes has the duty to queue the entity: it is alive and on no list.
    let first = unsafe { cpu.wakes.push(entity) };
    if is_here {
        percpu::set_need_resched();
        return;
    }
    match cpu.idleness.load(Ordering::SeqCst) {
        HALTED => machine::kick(target),
        BUSY if first => machine::kick(target),
        // One that polls looks by itself; to one that is busy an interrupt is under way.
        _ => {}
    }
}

/// The CPU for a woken thread: where it ran if that is idle, else one that is idle, else where it ran.
fn choose(e: &Entity, here: usize) -> usize {
    let last = e.cpu();
    let allowed = e.affinity() & ONLINE.load(Ordering::Relaxed);
    if allowed == 0 {
        return last;
    }
    loop {
        let idle = IDLE.load(Ordering::Relaxed) & allowed;
        if idle == 0 {
            break;
        }
        let pick = if idle & (1 << last) != 0 { last } else { idle.trailing_zeros() as usize };
        // Taken out of the mask, so that the next waker picks another.
        if IDLE.fetch_and(!(1 << pick), Ordering::SeqCst) & (1 << pick) != 0 {
            return pick;
        }
    }
    if allowed & (1 << last) != 0 {
        last
    } else if allowed & (1 << here) != 0 {
        here
    } else {
        allowed.trailing_zeros() as usize
    }
}

/// See [`osv_sync::park::Unpark::unpark`].
pub(crate) fn unparked(entity: &Entity) {
    if entity.parking.unpark() {
        enqueue(NonNull::from(entity));
    }
}

/// Makes a thread notice its `exit_work`: ends its park if that is interruptible, and interrupts it if it runs on
/// another CPU.
pub(crate) fn interrupt(entity: &Entity) {
    if entity.parking.is_parked() {
        if entity.interruptible.load(Ordering::SeqCst) && entity.parking.wake_if_parked() {
            enqueue(NonNull::from(entity));
        }
    } else if !entity.is_dead() && entity.on_cpu.load(Ordering::SeqCst) {
        let irq = NoIrq::enter();
        let (_, here) = this_cpu(&irq);
        let target = entity.cpu();
        if target != here {
            machine::kick(target);
        }
    }
}

/// Parks the running thread: see [`osv_sync::park::Scheduler::park`]. Gives whether the deadline ended it.
pub(crate) fn park(deadline: Option<Instant>, interruptible: bool) -> bool {
    let me = current();
    if me.parking.take_token() {
        return false;
    }
    if let Some(deadline) = deadline {
        if machine::now() >= deadline {
            return true;
        }
        me.timed_out.store(false, Ordering::Relaxed);
        set_deadline(me, deadline);
    }
    me.interruptible.store(interruptible, Ordering::Relaxed);
    {
        let irq = NoIrq::enter();
        if !me.parking.park() {
            // There was a token.
        } else if ((interruptible && me.interrupted())
            || (deadline.is_some() && me.timed_out.load(Ordering::SeqCst)))
            && me.parking.wake_if_parked()
        {
            // A signal came in between, or the timer fired and found nobody asleep.
        } else {
            switch_away(Why::Park, &irq);
        }
    }
    if deadline.is_none() {
        return false;
    }
    clear_deadline(me);
    me.timed_out.load(Ordering::Relaxed)
}
