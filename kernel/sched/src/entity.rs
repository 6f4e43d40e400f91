//! A thread as the scheduler knows it. The task crate puts it first in its own struct.

use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use osv_base::percpu::{ThreadHead, exit_work};
use osv_hw::context::Context;
use osv_sync::inbox::Linked;
use osv_sync::park::Unpark;
use osv_sync::parking::Parking;

/// What the scheduler asks of whoever owns the struct around an [`Entity`].
#[derive(Debug)]
pub struct Ops {
    /// A counted reference to the thread.
    pub share: fn(&Entity) -> alloc::sync::Arc<dyn Unpark>,
    /// The running thread's `exit_work` asks for something: whether it is still there to do. A notice that is out of
    /// date (another thread took the signal) is cleared.
    pub confirm: fn(&Entity) -> bool,
    /// The thread is about to run on this CPU: load its address space. Interrupts are off.
    pub activate: fn(&Entity),
    /// A dead thread has left its stack for good: drop the reference that kept it alive. Runs on the reaper.
    pub release: fn(NonNull<Entity>),
}

/// A schedulable thread.
#[repr(C)]
#[derive(Debug)]
pub struct Entity {
    /// What entry code knows of it.
    pub head: ThreadHead,
    pub(crate) context: UnsafeCell<Context>,
    pub(crate) parking: Parking,
    /// The park under way ends when `exit_work` has something.
    pub(crate) interruptible: AtomicBool,
    /// The park under way ended by its deadline.
    pub(crate) timed_out: AtomicBool,
    /// Its registers are on a CPU, not in `context`: only that CPU may queue it.
    pub(crate) on_cpu: AtomicBool,
    /// The CPU where it runs, waits or last ran.
    pub(crate) cpu: AtomicU32,
    pub(crate) affinity: AtomicU64,
    pub(crate) weight: AtomicU32,
    /// Link of wake lists and of the list of the dead.
    pub(crate) next: AtomicPtr<Entity>,
    /// Place in the deadlines of CPU `timer_cpu`; `usize::MAX`: none. Under the lock of those.
    pub(crate) timer_place: AtomicUsize,
    pub(crate) timer_cpu: AtomicU32,
    // For the CPU that runs it or whose queue holds it.
    pub(crate) vruntime: AtomicU64,
    /// The floor of the queue that it left, when it left.
    pub(crate) left_floor: AtomicU64,
    /// When it went to sleep; 0: it has not run yet.
    pub(crate) slept_at: AtomicU64,
    ran_ns: AtomicU64,
    /// When it was last charged, while it is on a CPU.
    pub(crate) running_since: AtomicU64,
    pub(crate) voluntary: AtomicU64,
    pub(crate) involuntary: AtomicU64,
    pub(crate) ops: &'static Ops,
}

// SAFETY: `context` is touched only while switching, by the CPU that owns the thread at that moment (`on_cpu`).
unsafe impl Sync for Entity {}
// SAFETY: as above; nothing in it belongs to a CPU or host thread.
unsafe impl Send for Entity {}

// SAFETY: `next` is used by nothing else.
unsafe impl Linked for Entity {
    fn link(&self) -> &AtomicPtr<Entity> {
        &self.next
    }
}

impl Entity {
    /// A thread that has not run. It must be given a context before it is started.
    pub const fn new(ops: &'static Ops) -> Self {
        Entity {
            head: ThreadHead {
                exit_work: AtomicU32::new(0),
                flags: AtomicU32::new(0),
                kernel_stack_top: AtomicUsize::new(0),
            },
            context: UnsafeCell::new(Context::empty()),
            parking: Parking::new(),
            interruptible: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            on_cpu: AtomicBool::new(false),
            cpu: AtomicU32::new(0),
            affinity: AtomicU64::new(u64::MAX),
            weight: AtomicU32::new(crate::policy::WEIGHT_NORMAL),
            next: AtomicPtr::new(core::ptr::null_mut()),
            timer_place: AtomicUsize::new(usize::MAX),
            timer_cpu: AtomicU32::new(0),
            vruntime: AtomicU64::new(0),
            left_floor: AtomicU64::new(0),
            slept_at: AtomicU64::new(0),
            ran_ns: AtomicU64::new(0),
            running_since: AtomicU64::new(0),
            voluntary: AtomicU64::new(0),
            involuntary: AtomicU64::new(0),
            ops,
        }
    }

    /// Gives it its stack and first registers.
    ///
    /// # Safety
    /// It has never been started, and the promises of [`Context::new`] hold.
    pub unsafe fn prepare(
        &self,
        stack_top: usize,
        entry: extern "C" fn(usize) -> !,
        arg: usize,
        fs_base: u64,
    ) {
        self.head.kernel_stack_top.store(stack_top, Ordering::Relaxed);
        // SAFETY: the caller answers for the stack; nobody else knows the context of a thread that never ran.
        unsafe { *self.context.get() = Context::new(stack_top, entry, arg, fs_base) };
    }

    /// Whether a signal or the end of the thread is pending.
    #[inline]
    pub fn interrupted(&self) -> bool {
        self.head.exit_work.load(Ordering::SeqCst) & (exit_work::SIGNAL | exit_work::EXIT) != 0
    }

    /// Whether it sleeps.
    pub fn is_parked(&self) -> bool {
        self.parking.is_parked()
    }

    /// Whether it is over.
    pub fn is_dead(&self) -> bool {
        self.parking.is_dead()
    }

    /// Whether it is on a CPU right now.
    pub fn is_on_cpu(&self) -> bool {
        self.on_cpu.load(Ordering::SeqCst)
    }

    /// The CPU where it runs or last ran.
    pub fn cpu(&self) -> usize {
        self.cpu.load(Ordering::Relaxed) as usize
    }

    /// Nanoseconds that it has run, up to the last switch.
    pub fn ran_ns(&self) -> u64 {
        self.ran_ns.load(Ordering::Relaxed)
    }

    /// Nanoseconds that it has run until now, on whatever CPU it runs.
    pub fn ran_ns_now(&self) -> u64 {
        let (ran, since) = (self.ran_ns(), self.running_since.load(Ordering::Relaxed));
        let running = if self.is_on_cpu() { crate::machine::now().0.saturating_sub(since) } else { 0 };
        ran + running
    }

    /// Adds to [`Entity::ran_ns`] and the virtual run time.
    pub(crate) fn charge(&self, ran_ns: u64) {
        self.ran_ns.store(self.ran_ns() + ran_ns, Ordering::Relaxed);
        self.vruntime.store(self.vruntime_after(ran_ns), Ordering::Relaxed);
    }

    /// Its virtual run time once it is charged for `ran_ns` more.
    fn vruntime_after(&self, ran_ns: u64) -> u64 {
        let scaled = crate::policy::scaled(ran_ns, self.weight.load(Ordering::Relaxed));
        self.vruntime.load(Ordering::Relaxed).wrapping_add(scaled)
    }

    /// The virtual run time of the running thread, which was last charged so long ago.
    pub(crate) fn vruntime_now(&self, uncharged: core::time::Duration) -> u64 {
        self.vruntime_after(uncharged.as_nanos() as u64)
    }

    /// Switches so far: those that it asked for by sleeping or yielding, and the others.
    pub fn switches(&self) -> (u64, u64) {
        (self.voluntary.load(Ordering::Relaxed), self.involuntary.load(Ordering::Relaxed))
    }

    /// The CPUs where it may run, bit n for CPU n.
    pub fn affinity(&self) -> u64 {
        self.affinity.load(Ordering::Relaxed)
    }

    /// Changes [`Entity::affinity`]; takes effect when it is next queued. Zero is ignored.
    pub fn set_affinity(&self, cpus: u64) {
        if cpus != 0 {
            self.affinity.store(cpus, Ordering::Relaxed);
        }
    }

    /// Changes its weight to that of SCHED_IDLE.
    pub fn set_idle_weight(&self) {
        self.weight.store(crate::policy::WEIGHT_IDLE, Ordering::Relaxed);
    }

    /// Changes its weight to that of a nice value.
    pub fn set_nice(&self, nice: i32) {
        self.weight.store(crate::policy::weight(nice), Ordering::Relaxed);
    }
}
