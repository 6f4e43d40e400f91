//! Layouts that assembly and several crates agree on: the head of the per-CPU area (gs base) and of a thread.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};

/// First bytes of each CPU's area; gs points here while the CPU runs.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct CpuHead {
    /// Address of this struct, so that `mov %gs:0, reg` gives a plain pointer.
    pub self_addr: AtomicUsize,
    /// Address of the running thread's [`ThreadHead`]; 0 before the scheduler runs.
    pub current: AtomicUsize,
    /// Top of the running thread's kernel stack, 16-byte aligned.
    pub kernel_stack_top: AtomicUsize,
    /// Depth of spin locks held and interrupts in service; preemption only at zero.
    pub preempt_count: AtomicU32,
    /// Non-zero when the scheduler wants this CPU at the next preemption point.
    pub need_resched: AtomicU32,
    /// Non-zero while copies from and to the application must not fault pages in.
    pub pagefault_disabled: AtomicU32,
    /// Index of this CPU, from 0.
    pub cpu: AtomicU32,
    /// Scratch for entry code.
    pub scratch: [AtomicU64; 2],
}

/// Offsets in [`CpuHead`] for assembly.
pub mod cpu_offset {
    use super::CpuHead;
    use core::mem::offset_of;
    /// See [`CpuHead::current`].
    pub const CURRENT: usize = offset_of!(CpuHead, current);
    /// See [`CpuHead::kernel_stack_top`].
    pub const KERNEL_STACK_TOP: usize = offset_of!(CpuHead, kernel_stack_top);
    /// See [`CpuHead::preempt_count`].
    pub const PREEMPT_COUNT: usize = offset_of!(CpuHead, preempt_count);
    /// See [`CpuHead::need_resched`].
    pub const NEED_RESCHED: usize = offset_of!(CpuHead, need_resched);
    /// See [`CpuHead::pagefault_disabled`].
    pub const PAGEFAULT_DISABLED: usize = offset_of!(CpuHead, pagefault_disabled);
    /// See [`CpuHead::cpu`].
    pub const CPU: usize = offset_of!(CpuHead, cpu);
    /// See [`CpuHead::scratch`].
    pub const SCRATCH: usize = offset_of!(CpuHead, scratch);
}

/// First bytes of a thread, at offset 0 of whatever struct the task crate uses.
///
/// The frame of the entry that a thread is in always lies at the top of its kernel stack, and its `kind` says how
/// the thread came in, so nothing here needs writing on the way in or out.
#[repr(C)]
#[derive(Debug)]
pub struct ThreadHead {
    /// Work to do before the thread returns to the application: bits of [`exit_work`].
    pub exit_work: AtomicU32,
    /// Free for the task crate; entry code does not look at it.
    pub flags: AtomicU32,
    /// Top of the thread's kernel stack, 16-byte aligned.
    pub kernel_stack_top: AtomicUsize,
}

/// Offsets in [`ThreadHead`] for assembly.
pub mod thread_offset {
    use super::ThreadHead;
    use core::mem::offset_of;
    /// See [`ThreadHead::exit_work`].
    pub const EXIT_WORK: usize = offset_of!(ThreadHead, exit_work);
    /// See [`ThreadHead::kernel_stack_top`].
    pub const KERNEL_STACK_TOP: usize = offset_of!(ThreadHead, kernel_stack_top);
}

/// Bits of [`ThreadHead::exit_work`]. Set by anyone, cleared by the thread.
pub mod exit_work {
    /// A signal may be deliverable.
    pub const SIGNAL: u32 = 1;
    /// The thread or its process is to end.
    pub const EXIT: u32 = 2;
    /// The kernel went deep into its last memory for this thread: its process is to end.
    pub const OVERDRAWN: u32 = 4;
    /// The thread was switched to and has registered an area for restartable sequences.
    pub const RSEQ: u32 = 8;
}
