//! The other CPUs: starting them, and asking them for something.
//!
//! A request ([`call_on`], a shoot-down) has one slot for the whole machine, which its sender holds until every
//! receiver has answered. The sender waits with interrupts on and preemption off, so it serves others meanwhile and
//! two senders cannot wait for each other.

#[cfg(osv_guest)]
mod start;

#[cfg(osv_guest)]
pub use start::{found, start_others};
#[cfg(osv_guest)]
pub(crate) use start::{init, reserve_trampoline};

#[cfg(osv_guest)]
use crate::irq::{self, lapic};
use crate::percpu::MAX_CPUS;
#[cfg(osv_guest)]
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use osv_sync::SpinLock;

/// Bit n: CPU n runs.
static ONLINE: AtomicU64 = AtomicU64::new(1);
static APIC_IDS: [AtomicU32; MAX_CPUS] = [const { AtomicU32::new(0) }; MAX_CPUS];

/// CPUs that run, as a set of bits.
pub fn online() -> u64 {
    ONLINE.load(Ordering::Acquire)
}

/// The local APIC's number of CPU `cpu`.
#[cfg(osv_guest)]
pub(crate) fn apic_id(cpu: usize) -> Option<u32> {
    (cpu < MAX_CPUS && online() >> cpu & 1 != 0).then(|| APIC_IDS[cpu].load(Ordering::Relaxed))
}

/// Makes CPU `cpu` take an interrupt, which sets its `need_resched`.
pub fn reschedule(cpu: usize) {
    #[cfg(osv_guest)]
    if let Some(apic) = apic_id(cpu) {
        lapic::send(apic, irq::RESCHEDULE.into());
    }
    #[cfg(not(osv_guest))]
    let _ = cpu;
}

/// What the CPUs of `pending` are asked to do.
struct Request {
    pending: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
    /// 0: flush; else the address of a `fn(usize)`.
    function: AtomicUsize,
    argument: AtomicUsize,
}

static REQUEST: Request = Request {
    pending: AtomicU64::new(0),
    start: AtomicU64::new(0),
    end: AtomicU64::new(0),
    function: AtomicUsize::new(0),
    argument: AtomicUsize::new(0),
};
static SENDER: SpinLock<()> = SpinLock::new(());
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Sends the request in the slot, and waits for the answers.
#[cfg(osv_guest)]
fn ask(targets: u64) {
    REQUEST.pending.store(targets, Ordering::SeqCst);
    for cpu in (0..MAX_CPUS).filter(|cpu| targets >> cpu & 1 != 0) {
        if let Some(apic) = apic_id(cpu) {
            lapic::send(apic, irq::CALL.into());
        }
    }
    while REQUEST.pending.load(Ordering::Acquire) != 0 {
        core::hint::spin_loop();
    }
}

/// The interrupt by which a request arrives.
#[cfg(osv_guest)]
pub(crate) fn serve() {
    let me = 1u64 << crate::percpu::cpu_index();
    if REQUEST.pending.load(Ordering::SeqCst) & me == 0 {
        return;
    }
    match REQUEST.function.load(Ordering::Relaxed) {
        0 => crate::paging::flush_range(
            &(REQUEST.start.load(Ordering::Relaxed)..REQUEST.end.load(Ordering::Relaxed)),
        ),
        address => {
            // SAFETY: `call_on` stored a function of this type there.
            let function: fn(usize) = unsafe { core::mem::transmute(address) };
            function(REQUEST.argument.load(Ordering::Relaxed));
        }
    }
    REQUEST.pending.fetch_and(!me, Ordering::AcqRel);
}

/// See [`osv_mm::mmu::Mmu::shoot_down`]. `cpus` is read only after earlier stores to the tables are visible.
#[cfg(osv_guest)]
pub(crate) fn shoot_down(cpus: impl Fn() -> u64, range: Range<u64>) {
    if online() == 1 {
        crate::paging::flush_range(&range);
        return;
    }
    core::sync::atomic::fence(Ordering::SeqCst);
    let here = osv_sync::spinlock::NoPreempt::enter();
    crate::paging::flush_range(&range);
    let targets = cpus() & online() & !(1 << crate::percpu::cpu_index());
    if targets != 0 {
        let slot = SENDER.lock();
        REQUEST.start.store(range.start, Ordering::Relaxed);
        REQUEST.end.store(range.end, Ordering::Relaxed);
        REQUEST.function.store(0, Ordering::Relaxed);
        ask(targets);
        drop(slot);
    }
    drop(here);
}

/// Runs `function(argument)` on the CPUs of `cpus`, without this one, in interrupt context, and waits until all have.
/// Interrupts are on, and no lock is held that an interrupt handler takes.
pub fn call_on(cpus: u64, function: fn(usize), argument: usize) {
    #[cfg(osv_guest)]
    {
        let slot = SENDER.lock();
        let targets = cpus & online() & !(1 << crate::percpu::cpu_index());
        REQUEST.function.store(function as usize, Ordering::Relaxed);
        REQUEST.argument.store(argument, Ordering::Relaxed);
        ask(targets);
        drop(slot);
    }
    #[cfg(not(osv_guest))]
    let _ = (cpus, function, argument, &SENDER);
}

/// Stops all other CPUs for good, whatever they are doing.
pub fn stop_others() {
    STOPPING.store(true, Ordering::SeqCst);
    #[cfg(osv_guest)]
    for cpu in (0..MAX_CPUS).filter(|&cpu| cpu != crate::percpu::cpu_index()) {
        if let Some(apic) = apic_id(cpu) {
            // Delivery mode NMI.
            lapic::send(apic, 0x4400);
        }
    }
}

/// A non-maskable interrupt: somebody stops the machine; else it is none of ours.
#[cfg(osv_guest)]
pub(crate) fn nmi() {
    if STOPPING.load(Ordering::SeqCst) {
        crate::cpu::halt_forever();
    }
}
