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
#[repr(C)]
#[derive(Debug)]
pub struct ThreadHead {
    /// Work to do before the thread returns to the application: bits of [`exit_work`].
    pub exit_work: AtomicU32,
    /// Bits of [`thread_flag`], written by the thread itself only.
    pub flags: AtomicU32,
    /// Top of the thread's kernel stack.
    pub kernel_stack_top: AtomicUsize,
    /// Address of the `Frame` of the entry that the thread is in; 0 while it runs the application.
    pub frame: AtomicUsize,
}

/// Bits of [`ThreadHead::exit_work`]. Set by anyone, cleared by the thread.
pub mod exit_work {
    /// A signal may be deliverable.
    pub const SIGNAL: u32 = 1;
    /// The thread or its process is to end.
    pub const EXIT: u32 = 2;
    /// The call is traced (strace).
    pub const TRACE: u32 = 4;
}

/// Bits of [`ThreadHead::flags`].
pub mod thread_flag {
    /// The current entry came by the `syscall` instruction, so all vector state must survive it.
    pub const TRAPPED: u32 = 1;
}
