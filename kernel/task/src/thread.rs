//! Threads, of applications and of the kernel.
//!
//! A thread is one [`Arc`]. It holds one reference to itself from start to end; the scheduler gives that back
//! through [`Ops::release`] when the thread has left its stack for good. [`Current`] is the running thread, and the
//! only way to what belongs to a thread alone ([`Own`]).

mod current;

pub use current::{Current, current};

use crate::process::Process;
use crate::rseq;
use crate::signal::deliver::{Extended, enter};
use crate::signal::{Pending, SigSet};
use crate::stack::KernelStack;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use osv_abi::uapi::process::sched;
use osv_abi::uapi::signal::SigStack;
use osv_base::Instant;
use osv_base::percpu::exit_work;
use osv_hw::cpu::fpu::{Control, State};
use osv_hw::gate::UserRegs;
use osv_mm::OutOfMemory;
use osv_mm::space::AddressSpace;
use osv_sched::{Entity, Ops};
use osv_sync::SpinLock;
use osv_sync::park::Unpark;

/// A thread's name, as prctl(PR_SET_NAME) sets it: at most 15 bytes and a NUL.
pub type Name = [u8; 16];

/// Makes a name of text; what does not fit is cut off.
pub fn name_of(text: &[u8]) -> Name {
    let mut name = [0; 16];
    let len = text.len().min(15);
    name[..len].copy_from_slice(&text[..len]);
    name
}

/// What a new thread does first.
pub(crate) enum Start {
    /// A kernel thread: runs this.
    Kernel(Box<dyn FnOnce() + Send>),
    /// An application thread: goes to the application with these registers, after having stored its TID where
    /// CLONE_CHILD_SETTID says (0: nowhere).
    Application {
        /// Registers.
        regs: Box<UserRegs>,
        /// Vector registers and the like.
        vectors: Vectors,
        /// Where to store the TID.
        set_tid: u64,
    },
}

/// The extended state that a new thread starts with.
pub(crate) enum Vectors {
    /// That of a program's start, with these control words.
    Initial(Control),
    /// The parent's.
    Copied(Box<State>),
}

/// A thread.
#[repr(C)]
pub struct Thread {
    /// What the scheduler and entry code know of it.
    pub entity: Entity,
    tid: AtomicU32,
    process: Arc<Process>,
    stack: KernelStack,
    name: SpinLock<Name>,
    /// Signals that it does not want now. Written by the thread itself only.
    mask: AtomicU64,
    /// Signals that sigtimedwait(2) or a signalfd read waits for, though they are blocked.
    awaited: AtomicU64,
    /// Signals sent to this thread.
    pub pending: SpinLock<Pending>,
    /// Page faults so far.
    faults: AtomicU64,
    /// How it is scheduled, and where its memory comes from.
    pub attributes: Attributes,
    /// When it started.
    pub started: Instant,
    /// The address space that the scheduler loads for it; null: none. Kept alive by `own.space`.
    active_space: AtomicPtr<AddressSpace>,
    start: SpinLock<Option<Start>>,
    own: Own,
}

/// What sched_setscheduler(2) and set_mempolicy(2) set, and a new thread or process takes over.
#[derive(Debug, Default)]
pub struct Attributes {
    /// The policy, with SCHED_RESET_ON_FORK.
    scheduling: AtomicU32,
    /// The memory policy as set_mempolicy(2) encodes it, and the node it names in the top bit.
    pub memory_policy: AtomicU32,
}

impl Attributes {
    /// The scheduling policy, and whether children start without it.
    pub fn policy(&self) -> (i32, bool) {
        let word = self.scheduling.load(Ordering::Relaxed).cast_signed();
        (word & !sched::RESET_ON_FORK, word & sched::RESET_ON_FORK != 0)
    }

    /// Changes [`Attributes::policy`].
    pub fn set_policy(&self, policy: i32, reset_on_fork: bool) {
        let word = policy | if reset_on_fork { sched::RESET_ON_FORK } else { 0 };
        self.scheduling.store(word.cast_unsigned(), Ordering::Relaxed);
    }

    /// Gives `entity` the weight that the policy and a nice value mean.
    pub fn weigh(&self, entity: &Entity, nice: i32) {
        if self.policy().0 == sched::IDLE { entity.set_idle_weight() } else { entity.set_nice(nice) }
    }

    /// A child's: without SCHED_RESET_ON_FORK, which is about real-time policies and is not passed on itself.
    pub(crate) fn inherit(&self, from: &Attributes) {
        self.take_over(from);
        self.set_policy(from.policy().0, false);
    }

    /// Those of `from`.
    pub(crate) fn take_over(&self, from: &Attributes) {
        self.scheduling.store(from.scheduling.load(Ordering::Relaxed), Ordering::Relaxed);
        self.memory_policy.store(from.memory_policy.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// What only the thread itself touches.
#[derive(Default)]
pub struct Own {
    space: RefCell<Option<Arc<AddressSpace>>>,
    /// Where to store 0 and wake a futex at the end: set_tid_address(2).
    pub clear_child_tid: Cell<u64>,
    /// Head of the list of robust locks: set_robust_list(2).
    pub robust_list: Cell<u64>,
    /// What rseq(2) registered.
    pub rseq: Cell<rseq::Registration>,
    /// The alternate signal stack.
    pub alt_stack: Cell<SigStack>,
    /// The mask to go back to when the signal that sigsuspend(2) waited for has been handled.
    pub saved_mask: Cell<Option<SigSet>>,
    /// What the page fault under way means, should it not be mended: signal and si_code. `None`: nothing was looked up,
    /// for the address is not the application's.
    pub page_fault: Cell<Option<(u32, i32)>>,
    /// Error code, vector and address of the fault whose signal is about to be delivered.
    pub fault: Cell<(u64, u64, u64)>,
    /// When the sleep under way ends, should the call be made again because nothing handled what interrupted it.
    pub sleep_until: Cell<Option<Instant>>,
}

// SAFETY: `own` is reached only through `Current`, which exists on the thread itself only; `Drop` has the thread to
// itself. The rest is Sync.
unsafe impl Sync for Thread {}
// SAFETY: as above; nothing in it belongs to a CPU.
unsafe impl Send for Thread {}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
        write!(f, "{} ({})", self.tid(), name[..end].escape_ascii())
    }
}

static OPS: Ops = Ops { share, confirm, activate, release };

/// The thread around an entity.
fn of(entity: &Entity) -> &Thread {
    // SAFETY: entities with `OPS` are the first field of a Thread, and nobody else makes entities with it.
    unsafe { &*ptr::from_ref(entity).cast::<Thread>() }
}

fn share(entity: &Entity) -> Arc<dyn Unpark> {
    let thread = ptr::from_ref(of(entity));
    // SAFETY: threads live in an Arc (`Thread::create`), and a running one holds a reference to itself.
    unsafe {
        Arc::increment_strong_count(thread);
        Arc::from_raw(thread)
    }
}

fn confirm(entity: &Entity) -> bool {
    let thread = of(entity);
    let work = &entity.head.exit_work;
    if thread.is_ending() || thread.process.is_stopped() {
        return true;
    }
    work.fetch_and(!exit_work::SIGNAL, Ordering::SeqCst);
    // A sender queues first and notifies then, so what comes from now on sets the bit again.
    let pending = thread.has_deliverable();
    if pending {
        work.fetch_or(exit_work::SIGNAL, Ordering::SeqCst);
    }
    pending
}

fn activate(entity: &Entity) {
    rseq::switched_to(entity);
    let space = of(entity).active_space.load(Ordering::Relaxed);
    crate::activation::switch_to(NonNull::new(space));
}

fn release(entity: NonNull<Entity>) {
    // SAFETY: gives back the reference that `Thread::launch` leaked; the scheduler calls this once.
    drop(unsafe { Arc::from_raw(entity.as_ptr().cast::<Thread>().cast_const()) });
}

impl Unpark for Thread {
    fn unpark(&self) {
        osv_sched::unpark(&self.entity);
    }
}

/// What makes a new thread.
pub(crate) struct Plan {
    pub(crate) tid: u32,
    pub(crate) process: Arc<Process>,
    pub(crate) name: Name,
    pub(crate) mask: SigSet,
    pub(crate) space: Option<Arc<AddressSpace>>,
    pub(crate) fs_base: u64,
    pub(crate) clear_child_tid: u64,
    pub(crate) alt_stack: SigStack,
    pub(crate) rseq: rseq::Registration,
    pub(crate) start: Start,
}

impl Thread {
    /// Makes a thread that [`Thread::launch`] can start.
    pub(crate) fn create(plan: Plan) -> Result<Arc<Thread>, OutOfMemory> {
        let stack = KernelStack::new()?;
        let top = stack.top();
        let space = plan.space.as_ref().map_or(ptr::null_mut(), |space| Arc::as_ptr(space).cast_mut());
        let thread = Arc::new(Thread {
            entity: Entity::new(&OPS),
            tid: AtomicU32::new(plan.tid),
            process: plan.process,
            stack,
            name: SpinLock::new(plan.name),
            mask: AtomicU64::new(plan.mask.0),
            awaited: AtomicU64::new(0),
            pending: SpinLock::new(Pending::new()),
            faults: AtomicU64::new(0),
            attributes: Attributes::default(),
            started: osv_hw::clock::now(),
            active_space: AtomicPtr::new(space),
            start: SpinLock::new(Some(plan.start)),
            own: Own {
                space: RefCell::new(plan.space),
                clear_child_tid: Cell::new(plan.clear_child_tid),
                alt_stack: Cell::new(plan.alt_stack),
                rseq: Cell::new(plan.rseq),
                ..Own::default()
            },
        });
        if plan.rseq.addr != 0 {
            rseq::inherited(&thread.entity);
        }
        // SAFETY: the stack is new and the thread's own, and it has not been started.
        unsafe { thread.entity.prepare(top, first, 0, plan.fs_base) };
        Ok(thread)
    }

    /// Lets it run. Once for each thread.
    pub(crate) fn launch(self: &Arc<Self>) {
        // The thread's reference to itself: see `release`.
        let _ = Arc::into_raw(self.clone());
        osv_sched::start(&self.entity);
    }

    /// Its number; 0 for kernel threads.
    #[inline(always)]
    pub fn tid(&self) -> u32 {
        self.tid.load(Ordering::Relaxed)
    }

    /// The thread that calls execve(2) takes over the number of the first one.
    pub(crate) fn become_leader(&self) {
        self.tid.store(self.process.pid(), Ordering::Relaxed);
    }

    /// The process that it belongs to.
    #[inline(always)]
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Its name, with NULs to the end.
    pub fn name(&self) -> Name {
        *self.name.lock()
    }

    /// Renames it.
    pub fn set_name(&self, name: Name) {
        *self.name.lock() = name;
    }

    /// Signals that are blocked.
    #[inline]
    pub fn mask(&self) -> SigSet {
        SigSet(self.mask.load(Ordering::Relaxed))
    }

    /// Whether it does not take `signo` now: it blocks it, and does not wait for it either.
    pub fn blocks(&self, signo: u32) -> bool {
        self.mask().has(signo) && !SigSet(self.awaited.load(Ordering::Relaxed)).has(signo)
    }

    /// Page faults so far.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Whether `addr` lies in the guard page of its kernel stack.
    pub fn is_stack_guard(&self, addr: u64) -> bool {
        self.stack.is_guard(addr)
    }

    /// Has it look at its signals (`exit_work::SIGNAL`) or end (`exit_work::EXIT`).
    pub(crate) fn notify(&self, work: u32) {
        self.entity.head.exit_work.fetch_or(work, Ordering::SeqCst);
        osv_sched::interrupt(&self.entity);
        if work & exit_work::EXIT != 0 {
            // Even one that sleeps regardless of signals looks at its condition again.
            osv_sched::unpark(&self.entity);
        }
    }

    /// Signals that wait for this thread or its process.
    pub fn pending_set(&self) -> SigSet {
        self.pending.lock().set().union(self.process.pending.lock().set())
    }

    fn has_deliverable(&self) -> bool {
        let awaited = SigSet(self.awaited.load(Ordering::SeqCst));
        !self.pending_set().minus(self.mask().minus(awaited)).is_empty()
    }

    /// Whether it is to end.
    pub fn is_ending(&self) -> bool {
        self.entity.head.exit_work.load(Ordering::Relaxed) & exit_work::EXIT != 0
    }
}

/// The first function of every thread.
extern "C" fn first(_: usize) -> ! {
    osv_sched::started();
    let me = current();
    let start = me.start.lock().take();
    match start {
        Some(Start::Kernel(run)) => {
            run();
            crate::exit::thread(0)
        }
        Some(Start::Application { regs, vectors, set_tid }) => {
            if set_tid != 0 {
                // As Linux: a bad address is the application's loss.
                let _ = osv_hw::usercopy::store_u32(osv_abi::UserAddr(set_tid), me.tid());
            }
            // Nothing may be left on the heap: `enter` abandons the stack.
            let registers = *regs;
            drop(regs);
            match vectors {
                Vectors::Initial(control) => enter(registers, Extended::Initial(control)),
                Vectors::Copied(state) => {
                    let mut copy = MaybeUninit::uninit();
                    // Copied and dropped, not moved: a box that was moved out of keeps its memory to the end of the
                    // block, which never comes.
                    let copy: &mut State = copy.write(State::clone(&state));
                    drop(state);
                    enter(registers, Extended::State(copy))
                }
            }
        }
        None => unreachable!("a thread starts once"),
    }
}

/// Starts a kernel thread: a thread of init's process that runs `run`.
pub fn spawn_kernel(name: &str, run: impl FnOnce() + Send + 'static) -> Result<Arc<Thread>, OutOfMemory> {
    let thread = Thread::create(Plan {
        tid: 0,
        process: crate::registry::kernel_process(),
        name: name_of(name.as_bytes()),
        mask: SigSet(u64::MAX),
        space: None,
        fs_base: 0,
        clear_child_tid: 0,
        alt_stack: SigStack::default(),
        rseq: rseq::Registration::default(),
        start: Start::Kernel(Box::new(run)),
    })?;
    crate::registry::add_kernel_thread(&thread);
    thread.launch();
    Ok(thread)
}

/// A CPU's idle thread.
pub(crate) fn create_idle() -> Result<Arc<Thread>, OutOfMemory> {
    Thread::create(Plan {
        tid: 0,
        process: crate::registry::kernel_process(),
        name: name_of(b"idle"),
        mask: SigSet(u64::MAX),
        space: None,
        fs_base: 0,
        clear_child_tid: 0,
        alt_stack: SigStack::default(),
        rseq: rseq::Registration::default(),
        start: Start::Kernel(Box::new(|| osv_sched::idle_loop())),
    })
}

/// Nanoseconds that the calling thread has run since the scheduler last counted.
pub fn running_ns() -> u64 {
    osv_sched::running_ns()
}
