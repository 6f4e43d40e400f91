//! Switching between threads.
//!
//! A [`Context`] is what a thread that does not run keeps outside its stack: the stack pointer and the fs base.
//! Everything else lies on its kernel stack. How much vector state goes there is decided by how the thread entered
//! (law 4): one that came by call keeps MXCSR and the x87 control word, one that was trapped or interrupted in the
//! application the whole extended state, and a kernel thread nothing.

use crate::gate::{Kind, UserRegs};
use crate::layout::KERNEL_STACK_SIZE;
use osv_base::percpu::ThreadHead;

/// A suspended thread's registers.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Context {
    rsp: u64,
    fs_base: u64,
}

impl Context {
    /// A context that is filled in when the thread that owns it is first switched away from.
    pub const fn empty() -> Context {
        Context { rsp: 0, fs_base: 0 }
    }

    /// A thread that starts in `entry(arg)` on the kernel stack that ends at `stack_top`, with interrupts off and
    /// a frame of kind [`Kind::NONE`]. A user thread's `entry` finishes the switch and calls
    /// [`crate::gate::enter_application`].
    ///
    /// # Safety
    /// `stack_top` is 16-byte aligned and ends [`KERNEL_STACK_SIZE`] writable bytes that the thread owns.
    pub unsafe fn new(
        stack_top: usize,
        entry: extern "C" fn(usize) -> !,
        arg: usize,
        fs_base: u64,
    ) -> Context {
        let _ = KERNEL_STACK_SIZE;
        let frame: *mut crate::gate::Frame =
            core::ptr::with_exposed_provenance_mut(stack_top - size_of::<crate::gate::Frame>());
        // SAFETY: the frame lies inside the stack, which the caller owns; the words below it as well.
        unsafe {
            (&raw mut (*frame).kind).write(Kind::NONE);
            let words: *mut u64 = frame.cast();
            // Return address of `switch`, then the registers that it pops: see `switch_stacks`.
            words.sub(1).write(start_address());
            words.sub(2).write(0); // rbp: the end of the chain of frames
            words.sub(3).write(entry as usize as u64); // rbx
            words.sub(4).write(arg as u64); // r12
            words.sub(5).write(0); // r13
            words.sub(6).write(0); // r14
            words.sub(7).write(0); // r15
            Context { rsp: words.sub(7).addr() as u64, fs_base }
        }
    }

    /// The thread's fs base as it was when it last ran.
    pub fn fs_base(&self) -> u64 {
        self.fs_base
    }
}

/// Stops the running thread, whose context is `prev`, and goes on with the thread of `next` and `head`: makes it
/// the CPU's current one and its stack the kernel stack. Returns when somebody switches back to `prev`.
///
/// The address space is the caller's business ([`crate::paging::activate`]).
///
/// # Safety
/// Interrupts are off. `prev` is the running thread's context; `next` was made by [`Context::new`] or by an earlier
/// switch, its thread runs nowhere, and `head` is its head. Both stay where they are until the switch is over.
pub unsafe fn switch(prev: *mut Context, next: *const Context, head: *const ThreadHead) {
    #[cfg(osv_guest)]
    // SAFETY: as promised by the caller.
    unsafe {
        use crate::cpu::fpu;
        use core::sync::atomic::Ordering::Relaxed;
        let cpu = crate::percpu::head();
        let kind = if cpu.current.load(Relaxed) == 0 {
            Kind::NONE
        } else {
            (&raw const (*crate::gate::current_frame()).kind).read()
        };
        if kind != Kind::NONE {
            (*prev).fs_base = crate::cpu::fs_base();
        }
        cpu.current.store(head.expose_provenance(), Relaxed);
        cpu.kernel_stack_top.store((*head).kernel_stack_top.load(Relaxed), Relaxed);
        match kind {
            Kind::NONE => switch_stacks(&raw mut (*prev).rsp, (*next).rsp, (*next).fs_base),
            Kind::CALL => {
                let control = fpu::control();
                switch_stacks(&raw mut (*prev).rsp, (*next).rsp, (*next).fs_base);
                fpu::set_control(control);
            }
            _ => fpu::with_saved_state(|| switch_stacks(&raw mut (*prev).rsp, (*next).rsp, (*next).fs_base)),
        }
        // `prev` again, perhaps on another CPU.
    }
    #[cfg(not(osv_guest))]
    unreachable!("ring 0 only: {prev:?} {next:?} {head:?}")
}

/// Sets the running thread's fs base (arch_prctl, the TLS of clone).
pub fn set_fs_base(addr: u64) {
    crate::cpu::set_fs_base(addr);
}

/// The running thread's fs base.
pub fn current_fs_base() -> u64 {
    crate::cpu::fs_base()
}

/// Registers a forked or cloned child starts with: the parent's at its system call, with result 0.
pub fn child_regs(parent: &crate::gate::Frame) -> UserRegs {
    parent.user_regs(0)
}

#[cfg(osv_guest)]
unsafe fn switch_stacks(prev_rsp: *mut u64, next_rsp: u64, next_fs: u64) {
    crate::cpu::set_fs_base(next_fs);
    // SAFETY: both stacks are as the other side of this function, or `Context::new`, left them.
    unsafe { osv_switch_stacks(prev_rsp, next_rsp) }
}

#[cfg(osv_guest)]
unsafe extern "C" {
    fn osv_switch_stacks(prev_rsp: *mut u64, next_rsp: u64);
    fn osv_thread_start();
}

fn start_address() -> u64 {
    #[cfg(osv_guest)]
    return osv_thread_start as *const () as u64;
    #[cfg(not(osv_guest))]
    0
}

#[cfg(osv_guest)]
core::arch::global_asm!(
    ".pushsection .text.osv_switch_stacks, \"ax\"",
    ".globl osv_switch_stacks",
    "osv_switch_stacks:",
    "push rbp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "mov [rdi], rsp",
    "mov rsp, rsi",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    "ret",
    // First code of a new thread: rbx = entry, r12 = argument.
    ".globl osv_thread_start",
    "osv_thread_start:",
    "mov rdi, r12",
    "xor ebp, ebp",
    "call rbx",
    "ud2",
    ".popsection",
);
