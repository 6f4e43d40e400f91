//! Which CPU this is, for caches by CPU; and sets of CPUs.

use core::sync::atomic::{AtomicU64, Ordering};

/// CPUs that this kernel can use.
pub const MAX_CPUS: usize = 64;

/// Index of this CPU below [`MAX_CPUS`]. Right only while preemption is off; otherwise a good guess.
#[inline(always)]
pub(crate) fn index() -> usize {
    #[cfg(osv_guest)]
    {
        let cpu: u32;
        // SAFETY: gs points at this CPU's CpuHead from before the heap is first used; this reads one field.
        unsafe {
            core::arch::asm!("mov {:e}, dword ptr gs:[{}]", out(reg) cpu, const osv_base::percpu::cpu_offset::CPU,
                options(nostack, readonly, preserves_flags));
        }
        cpu as usize % MAX_CPUS
    }
    #[cfg(all(not(osv_guest), any(test, feature = "std")))]
    {
        use core::sync::atomic::AtomicUsize;
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        std::thread_local!(static INDEX: usize = NEXT.fetch_add(1, Ordering::Relaxed) % 4);
        INDEX.try_with(|i| *i).unwrap_or(0)
    }
    #[cfg(all(not(osv_guest), not(any(test, feature = "std"))))]
    0
}

/// A set of CPUs that several CPUs change.
#[derive(Debug, Default)]
pub struct CpuSet(AtomicU64);

impl CpuSet {
    /// Nobody.
    pub const fn new() -> Self {
        CpuSet(AtomicU64::new(0))
    }
    /// Adds a CPU.
    pub fn insert(&self, cpu: usize) {
        self.0.fetch_or(1 << (cpu % MAX_CPUS), Ordering::SeqCst);
    }
    /// Takes a CPU out.
    pub fn remove(&self, cpu: usize) {
        self.0.fetch_and(!(1 << (cpu % MAX_CPUS)), Ordering::SeqCst);
    }
    /// Whether `cpu` is a member.
    pub fn contains(&self, cpu: usize) -> bool {
        self.bits() & (1 << (cpu % MAX_CPUS)) != 0
    }
    /// Bit n for CPU n.
    pub fn bits(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
