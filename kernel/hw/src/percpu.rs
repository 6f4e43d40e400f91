//! The running CPU's area, reached through gs.

use osv_base::percpu::{CpuHead, ThreadHead};

/// The most CPUs that are used.
pub const MAX_CPUS: usize = 64;

/// This CPU's head. Only what no other thread could do to it in between may rely on staying on the CPU.
#[inline(always)]
pub fn head() -> &'static CpuHead {
    #[cfg(osv_guest)]
    {
        let addr: usize;
        // SAFETY: gs points at this CPU's CpuHead, whose first field is its own address, and it lives forever.
        unsafe {
            core::arch::asm!("mov {}, gs:[0]", out(reg) addr, options(nostack, preserves_flags, pure, readonly));
            &*core::ptr::with_exposed_provenance(addr)
        }
    }
    #[cfg(not(osv_guest))]
    {
        use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
        static HEAD: CpuHead = CpuHead {
            self_addr: AtomicUsize::new(0),
            current: AtomicUsize::new(0),
            kernel_stack_top: AtomicUsize::new(0),
            preempt_count: AtomicU32::new(0),
            need_resched: AtomicU32::new(0),
            pagefault_disabled: AtomicU32::new(0),
            cpu: AtomicU32::new(0),
            scratch: [AtomicU64::new(0), AtomicU64::new(0)],
        };
        &HEAD
    }
}

/// Index of the CPU that this runs on, from 0. Without preemption disabled it may be stale at once.
#[inline(always)]
pub fn cpu_index() -> usize {
    #[cfg(osv_guest)]
    {
        let cpu: u32;
        // SAFETY: reads a field of this CPU's head.
        unsafe {
            core::arch::asm!("mov {:e}, gs:[{}]", out(reg) cpu, const osv_base::percpu::cpu_offset::CPU,
                options(nostack, preserves_flags, readonly));
        }
        cpu as usize
    }
    #[cfg(not(osv_guest))]
    0
}

/// The running thread's head, null before the scheduler runs.
#[inline(always)]
pub fn current() -> *const ThreadHead {
    #[cfg(osv_guest)]
    {
        let addr: usize;
        // SAFETY: reads a field of this CPU's head in one instruction.
        unsafe {
            core::arch::asm!("mov {}, gs:[{}]", out(reg) addr, const osv_base::percpu::cpu_offset::CURRENT,
                options(nostack, preserves_flags, readonly));
        }
        core::ptr::with_exposed_provenance(addr)
    }
    #[cfg(not(osv_guest))]
    core::ptr::null()
}

/// Asks for the scheduler at this CPU's next preemption point.
pub fn set_need_resched() {
    head().need_resched.store(1, core::sync::atomic::Ordering::Relaxed);
}

/// Heads of all CPUs.
#[cfg(osv_guest)]
static HEADS: [CpuHead; MAX_CPUS] = [const {
    use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
    CpuHead {
        self_addr: AtomicUsize::new(0),
        current: AtomicUsize::new(0),
        kernel_stack_top: AtomicUsize::new(0),
        preempt_count: AtomicU32::new(0),
        need_resched: AtomicU32::new(0),
        pagefault_disabled: AtomicU32::new(0),
        cpu: AtomicU32::new(0),
        scratch: [AtomicU64::new(0), AtomicU64::new(0)],
    }
}; MAX_CPUS];

/// The head of CPU `cpu`.
#[cfg(osv_guest)]
pub fn head_of(cpu: usize) -> &'static CpuHead {
    &HEADS[cpu]
}

#[cfg(osv_guest)]
unsafe extern "C" {
    static osv_first_stack: u8;
}

#[cfg(osv_guest)]
pub(crate) fn init_boot_cpu() {
    let top = (&raw const osv_first_stack).expose_provenance() + crate::layout::KERNEL_STACK_SIZE;
    init_cpu(0, top);
}

/// Makes this CPU number `cpu`, on the stack that ends at `stack_top`.
#[cfg(osv_guest)]
pub(crate) fn init_cpu(cpu: usize, stack_top: usize) {
    use core::sync::atomic::Ordering::Relaxed;
    let head = head_of(cpu);
    let addr = (&raw const *head).expose_provenance();
    head.self_addr.store(addr, Relaxed);
    head.cpu.store(cpu as u32, Relaxed);
    head.kernel_stack_top.store(stack_top, Relaxed);
    // SAFETY: gs is the kernel's, and points at this CPU's head from here on.
    unsafe { crate::cpu::Msr::GS_BASE.write(addr as u64) };
}
