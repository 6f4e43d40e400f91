//! The scheduler at work: one [`Cpu`] each, whose run queue only it touches, with interrupts off.
//!
//! Others reach a CPU in three ways, all without a lock: its wake list, the mask of CPUs that ask it for work, and
//! the reschedule interrupt that makes it look at both.

use crate::entity::Entity;
use crate::machine;
use crate::policy;
use crate::queue::RunQueue;
use crate::timers::{Placed, Timers};
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::mem;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use osv_base::Instant;
use osv_hw::context::Context;
use osv_hw::percpu::{self, MAX_CPUS};
use osv_sync::inbox::Inbox;
use osv_sync::{IrqSpinLock, NoIrq};

/// How long an idle CPU looks for work before it halts, where another CPU could give it some.
const IDLE_POLL: Duration = Duration::from_micros(10);
/// How often a busy CPU looks whether another has much less to do.
const BALANCE_EVERY: Duration = Duration::from_millis(10);
/// Room in a run queue from the start.
const QUEUE_ROOM: usize = 256;

const BUSY: u32 = 0;
const POLLING: u32 = 1;
const HALTED: u32 = 2;

/// Why a thread stops running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// It sleeps; its state says so, and only who wakes it may queue it.
    Park,
    /// It lets others go first.
    Yield,
    /// Others have a better claim.
    Preempt,
    /// It is over.
    Exit,
}

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
/// Threads that are over and off their stacks.
static DEAD_LIST: Inbox<Entity> = Inbox::new();
static REAPER: AtomicPtr<Entity> = AtomicPtr::new(core::ptr::null_mut());

/// An entity in the deadlines of a CPU.
struct Deadline(NonNull<Entity>);

// SAFETY: entities are Sync, and one that has a deadline set is alive.
unsafe impl Send for Deadline {}

impl Placed for Deadline {
    fn set_place(&self, place: Option<usize>) {
        // SAFETY: an entity stays alive while it has a deadline.
        unsafe { self.0.as_ref() }.timer_place.store(place.unwrap_or(usize::MAX), Ordering::Relaxed);
    }
    fn place(&self) -> Option<usize> {
        // SAFETY: as above.
        let place = unsafe { self.0.as_ref() }.timer_place.load(Ordering::Relaxed);
        (place != usize::MAX).then_some(place)
    }
}

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
    /// Lets a thread in that was woken.
    fn admit(&mut self, entity: NonNull<Entity>, now: Instant) -> u64 {
        // SAFETY: whoever admits has the duty to queue the entity, so it is alive and nobody else's.
        let e = unsafe { entity.as_ref() };
        // One that has not run yet has not slept either: no lead over the one that made it.
        let slept = match e.slept_at.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => now.since(Instant(since)),
        };
        let vruntime = policy::woken(self.queue.floor(), e.lag.load(Ordering::Relaxed), slept);
        e.vruntime.store(vruntime, Ordering::Relaxed);
        self.queue.push(entity, vruntime);
        vruntime
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
    let vruntime = local.admit(entity, now);
    e.cpu.store(here as u32, Ordering::Relaxed);
    cpu.waiting.store(local.queue.len() as u32, Ordering::Relaxed);
    if local.is_idle(running) {
        percpu::set_need_resched();
        return;
    }
    let ran = now.since(local.started).as_nanos() as u64;
    let running_at = running.vruntime.load(Ordering::Relaxed).wrapping_add(ran);
    if policy::preempts(vruntime, running_at) {
        percpu::set_need_resched();
    } else if local.queue.len() == 1 {
        local.slice_end = now + policy::slice(1);
        local.arm(local.slice_end);
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

/// Stops the running thread and runs another, or the same if there is none better. Returns when it runs again,
/// perhaps on another CPU.
pub(crate) fn switch_away(why: Why, irq: &NoIrq) {
    let (cpu, index) = this_cpu(irq);
    percpu::head().need_resched.store(0, Ordering::Relaxed);
    let prev = current();
    let prev_ptr = NonNull::from(prev);
    let now = machine::now();
    // SAFETY: this CPU, interrupts off; the reference ends before the switch.
    let local = unsafe { cpu.local(irq) };
    let was_idle = local.is_idle(prev);
    if !was_idle {
        prev.charge(now.since(local.started).as_nanos() as u64);
        prev.running_since.store(now.0, Ordering::Relaxed);
    }
    cpu.wakes.take_all(|entity| {
        local.admit(entity, now);
    });
    let vruntime = prev.vruntime.load(Ordering::Relaxed);
    local.queue.raise_floor((!was_idle).then_some(vruntime));
    let allowed = prev.affinity() & ONLINE.load(Ordering::Relaxed);
    let banished = allowed != 0 && allowed & (1 << index) == 0;
    match why {
        _ if was_idle => {}
        Why::Yield | Why::Preempt if banished => {
            prev.lag.store(policy::lag(vruntime, local.queue.floor()), Ordering::Relaxed);
            prev.slept_at.store(now.0, Ordering::Relaxed);
            local.banished = true;
        }
        Why::Park => {
            prev.lag.store(policy::lag(vruntime, local.queue.floor()), Ordering::Relaxed);
            prev.slept_at.store(now.0, Ordering::Relaxed);
            prev.voluntary.store(prev.voluntary.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        Why::Yield => {
            let behind = local.queue.least().map_or(vruntime, |least| policy::later(vruntime, least));
            prev.vruntime.store(behind, Ordering::Relaxed);
            local.queue.push(prev_ptr, behind);
        }
        Why::Preempt => local.queue.push(prev_ptr, vruntime),
        Why::Exit => {}
    }
    let next_ptr = match (local.queue.pop(), local.idle) {
        (Some((next, _)), _) => next,
        (None, Some(idle)) => idle,
        // Every CPU has an idle thread before it runs others.
        (None, None) => return,
    };
    // SAFETY: what was in the queue is alive, and idle threads live forever.
    let next = unsafe { next_ptr.as_ref() };
    if online() > 1 {
        share(cpu, local, prev_ptr, now);
    }
    cpu.waiting.store(local.queue.len() as u32, Ordering::Relaxed);
    local.started = now;
    next.running_since.store(now.0, Ordering::Relaxed);
    if !local.queue.is_empty() {
        local.slice_end = now + policy::slice(local.queue.len());
        local.arm(local.slice_end);
    }
    if next_ptr == prev_ptr {
        return;
    }
    if was_idle {
        IDLE.fetch_and(!(1 << index), Ordering::SeqCst);
        cpu.idleness.store(BUSY, Ordering::SeqCst);
    } else if why == Why::Preempt {
        prev.involuntary.store(prev.involuntary.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
    next.cpu.store(index as u32, Ordering::Relaxed);
    next.on_cpu.store(true, Ordering::Relaxed);
    local.leaving = Some(prev_ptr);
    (next.ops.activate)(next);
    // SAFETY: interrupts are off; `prev` is the running thread; `next` is on no other CPU, because only the CPU
    // that had it last could queue it before its registers were saved. Both are alive: `prev` at least until
    // `finish_switch` on the other side.
    unsafe {
        osv_hw::context::switch(prev.context.get(), next.context.get(), &raw const next.head);
    }
    finish_switch(irq);
}

/// The second half of a switch, on the stack of the thread that runs now.
pub(crate) fn finish_switch(irq: &NoIrq) {
    let (cpu, _) = this_cpu(irq);
    // SAFETY: this CPU, interrupts off, ends with the next statement.
    let local = unsafe { cpu.local(irq) };
    let (prev_ptr, banished) = (local.leaving.take(), mem::take(&mut local.banished));
    let Some(prev_ptr) = prev_ptr else { return };
    // SAFETY: it cannot have gone before its `on_cpu` is cleared.
    let prev = unsafe { prev_ptr.as_ref() };
    let dead = prev.is_dead();
    // From here on another CPU may run it, and its thread may end, unless it is dead: then it is ours to bury.
    prev.on_cpu.store(false, Ordering::SeqCst);
    if banished {
        enqueue(prev_ptr);
    }
    if dead {
        // SAFETY: the reference that `release` drops keeps it alive, and nobody queues the dead.
        unsafe { DEAD_LIST.push(prev_ptr) };
        let reaper = REAPER.load(Ordering::Acquire);
        if let Some(reaper) = NonNull::new(reaper) {
            // SAFETY: the reaper lives forever.
            unparked(unsafe { reaper.as_ref() });
        }
    }
}

/// Gives waiting threads to CPUs that asked, or that have much less to do.
fn share(cpu: &Cpu, local: &mut Local, prev: NonNull<Entity>, now: Instant) {
    let mut asking =
        if cpu.requests.load(Ordering::Relaxed) == 0 { 0 } else { cpu.requests.swap(0, Ordering::SeqCst) };
    if asking == 0 && local.queue.len() > 1 && now.since(local.balanced) >= BALANCE_EVERY {
        local.balanced = now;
        let me = percpu::cpu_index();
        let lightest = (0..MAX_CPUS)
            .filter(|&c| c != me && ONLINE.load(Ordering::Relaxed) & (1 << c) != 0)
            .min_by_key(|&c| CPUS[c].waiting.load(Ordering::Relaxed));
        if let Some(other) = lightest
            && (CPUS[other].waiting.load(Ordering::Relaxed) as usize) + 2 <= local.queue.len()
        {
            asking |= 1 << other;
        }
    }
    while asking != 0 {
        let other = asking.trailing_zeros() as usize;
        asking &= asking - 1;
        let given = local.queue.pop_for_other(|&entity| {
            // SAFETY: threads in the queue are alive. The one that is leaving still has its registers here.
            entity != prev && unsafe { entity.as_ref() }.affinity() & (1 << other) != 0
        });
        let Some((entity, vruntime)) = given else { continue };
        // SAFETY: taken from the queue: it is alive and nobody else's.
        let e = unsafe { entity.as_ref() };
        e.lag.store(policy::lag(vruntime, local.queue.floor()), Ordering::Relaxed);
        e.slept_at.store(now.0, Ordering::Relaxed);
        push_to(other, entity, false);
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

fn set_deadline(me: &Entity, deadline: Instant) {
    let mut spare: Vec<(Instant, Deadline)> = Vec::new();
    let mut old = Vec::new();
    loop {
        let irq = NoIrq::enter();
        let (cpu, index) = this_cpu(&irq);
        let mut timers = cpu.timers.lock();
        if timers.is_full() {
            let room = (2 * timers.len()).max(64);
            if spare.capacity() < room {
                drop(timers);
                drop(irq);
                // Storage is got with interrupts on and no lock held.
                spare = Vec::with_capacity(room);
                continue;
            }
            // The old storage is freed when the function is left, without the lock.
            old = timers.grow_into(mem::take(&mut spare));
        }
        me.timer_cpu.store(index as u32, Ordering::Relaxed);
        let first = timers.insert(deadline, Deadline(NonNull::from(me)));
        drop(timers);
        if first {
            // SAFETY: this CPU, interrupts off, for this statement only.
            unsafe { cpu.local(&irq) }.arm(deadline);
        }
        drop(irq);
        drop(old);
        return;
    }
}

fn clear_deadline(me: &Entity) {
    let cpu = &CPUS[me.timer_cpu.load(Ordering::Relaxed) as usize];
    let mut timers = cpu.timers.lock();
    let place = me.timer_place.load(Ordering::Relaxed);
    if place != usize::MAX {
        timers.remove(place);
    }
}

/// The CPU's timer fired. Interrupts are off.
pub(crate) fn timer_fired() {
    let irq = NoIrq::enter();
    let (cpu, _) = this_cpu(&irq);
    let now = machine::now();
    // SAFETY: this CPU, interrupts off, for this statement only.
    unsafe { cpu.local(&irq) }.armed = Instant::FOREVER;
    loop {
        let mut timers = cpu.timers.lock();
        let Some(Deadline(entity)) = timers.pop_due(now) else {
            let earliest = timers.earliest();
            drop(timers);
            // SAFETY: as above; ends with the block.
            let local = unsafe { cpu.local(&irq) };
            if let Some(deadline) = earliest {
                local.arm(deadline);
            }
            if !local.queue.is_empty() && !local.is_idle(current()) {
                if now >= local.slice_end {
                    percpu::set_need_resched();
                } else {
                    local.arm(local.slice_end);
                }
            }
            return;
        };
        // SAFETY: a thread removes its deadline under this lock before it goes on, so it is alive.
        let e = unsafe { entity.as_ref() };
        e.timed_out.store(true, Ordering::SeqCst);
        let ours = e.parking.wake_if_parked();
        drop(timers);
        if ours {
            enqueue(entity);
        }
    }
}

/// Makes the calling context, a CPU's boot stack, its idle thread `idle`, and the CPU one that runs threads.
///
/// # Safety
/// Once for each CPU, in its boot context, before anything on it sleeps. `idle` lives forever.
pub(crate) unsafe fn bring_up(idle: NonNull<Entity>) {
    let irq = NoIrq::enter();
    let (cpu, index) = this_cpu(&irq);
    // SAFETY: the caller promises that it lives.
    let e = unsafe { idle.as_ref() };
    e.parking.start();
    e.on_cpu.store(true, Ordering::Relaxed);
    e.cpu.store(index as u32, Ordering::Relaxed);
    {
        // SAFETY: this CPU, interrupts off, ends with the block.
        let local = unsafe { cpu.local(&irq) };
        local.queue.reserve(QUEUE_ROOM);
        local.idle = Some(idle);
        local.started = machine::now();
    }
    let head = percpu::head();
    // Its stack is empty but for the frame that says "no application" until `leave_boot_context` goes there.
    head.kernel_stack_top.store(e.head.kernel_stack_top.load(Ordering::Relaxed), Ordering::Relaxed);
    head.current.store(idle.as_ptr().expose_provenance(), Ordering::Release);
    ONLINE.fetch_or(1 << index, Ordering::SeqCst);
    ONLINE_COUNT.fetch_add(1, Ordering::SeqCst);
}

/// Goes from the boot stack to the idle thread's own, for good. Interrupts are off.
pub(crate) fn leave_boot_context() -> ! {
    let _irq = NoIrq::enter();
    let idle = current();
    let mut boot = Context::empty();
    // SAFETY: interrupts are off; the idle thread was prepared and has not run on its stack; nobody comes back to
    // the boot context.
    unsafe { osv_hw::context::switch(&raw mut boot, idle.context.get(), &raw const idle.head) };
    unreachable!("the boot context was left for good")
}

/// What a CPU's idle thread does.
pub(crate) fn idle_loop() -> ! {
    loop {
        let irq = NoIrq::enter();
        let (cpu, index) = this_cpu(&irq);
        cpu.idleness.store(POLLING, Ordering::SeqCst);
        IDLE.fetch_or(1 << index, Ordering::SeqCst);
        drop(irq);
        if online() > 1 {
            ask_for_work(index);
            let until = machine::now() + IDLE_POLL;
            while !has_work(cpu) && machine::now() < until {
                core::hint::spin_loop();
            }
        }
        let irq = NoIrq::enter();
        cpu.idleness.store(HALTED, Ordering::SeqCst);
        if !has_work(cpu) {
            machine::wait_for_interrupt();
        }
        cpu.idleness.store(BUSY, Ordering::SeqCst);
        switch_away(Why::Preempt, &irq);
        drop(irq);
    }
}

fn has_work(cpu: &Cpu) -> bool {
    !cpu.wakes.is_empty()
        || cpu.waiting.load(Ordering::Relaxed) != 0
        || percpu::head().need_resched.load(Ordering::Relaxed) != 0
}

/// Tells the CPU with the longest queue that this one would take a thread.
fn ask_for_work(here: usize) {
    let busiest = (0..MAX_CPUS)
        .filter(|&c| c != here && ONLINE.load(Ordering::Relaxed) & (1 << c) != 0)
        .max_by_key(|&c| CPUS[c].waiting.load(Ordering::Relaxed));
    if let Some(busiest) = busiest
        && CPUS[busiest].waiting.load(Ordering::Relaxed) > 0
        && CPUS[busiest].requests.fetch_or(1 << here, Ordering::SeqCst) == 0
    {
        machine::kick(busiest);
    }
}

/// Makes the calling thread the one that buries the dead.
pub(crate) fn become_reaper() {
    REAPER.store(core::ptr::from_ref(current()).cast_mut(), Ordering::Release);
}

/// Whether somebody waits to be buried.
pub(crate) fn has_dead() -> bool {
    !DEAD_LIST.is_empty()
}

/// Buries those who died so far; gives whether there were any.
pub(crate) fn bury() -> bool {
    let mut any = false;
    DEAD_LIST.take_all(|entity| {
        any = true;
        // SAFETY: a dead entity is kept alive by the reference that `release` drops.
        let ops = unsafe { entity.as_ref() }.ops;
        (ops.release)(entity);
    });
    any
}
