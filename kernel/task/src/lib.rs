//! Processes, threads, signals, futexes, exec.
//!
//! * [`thread`], [`process`], [`registry`]: who there is. [`current`] is the running thread.
//! * [`clone`](mod@clone), [`exec`], [`exit`]: how they begin, change and end.
//! * [`signal`], [`futex`], [`itimer`], [`robust`](mod@exit): how they are told things and wait for each other.
//! * [`upcalls`]: what entry code calls.
//! * [`init`]: process 1, the kernel's own, which starts the application and outlives it.
//!
//! Neighbours: `sched` runs threads, `mm` has their memory, `vfs` their files, `hw` their registers; `sys` puts the
//! system calls on top.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod activation;
pub mod clone;
pub mod creds;
pub mod exec;
pub mod exit;
pub mod futex;
pub mod init;
pub mod itimer;
pub mod limits;
pub mod observe;
pub mod process;
pub mod registry;
pub mod report;
mod robust;
pub mod rseq;
pub mod shared_page;
pub mod signal;
mod stack;
pub mod status;
pub mod thread;
pub mod upcalls;
pub mod usage;

pub use process::Process;
pub use status::Status;
pub use thread::{Current, Thread, current, spawn_kernel};

use alloc::sync::Arc;

/// Makes the calling boot context the idle thread of its CPU. Once on each CPU, before anything on it sleeps, with
/// interrupts off; they stay off until the boot context ends in [`osv_sched::leave_boot_context`].
///
/// # Safety
/// Called by a boot context, once for each CPU.
pub unsafe fn bring_up_cpu() -> Result<(), osv_mm::OutOfMemory> {
    let idle = thread::create_idle()?;
    // Idle threads are never dropped.
    let idle: &'static Thread = leak(idle);
    // SAFETY: passed on to the caller.
    unsafe { osv_sched::bring_up(&idle.entity) };
    Ok(())
}

fn leak(thread: Arc<Thread>) -> &'static Thread {
    // SAFETY: the count that `into_raw` keeps is never given back.
    unsafe { &*Arc::into_raw(thread) }
}

/// The running thread's calls took memory that is the kernel's last. Only a note, for the way out.
pub(crate) fn note_overdrawn() {
    if !osv_hw::percpu::current().is_null() {
        let head = &current().entity.head;
        head.exit_work.fetch_or(osv_base::percpu::exit_work::OVERDRAWN, core::sync::atomic::Ordering::SeqCst);
    }
}

/// Ends the process of a thread that was found [overdrawn](note_overdrawn).
#[cold]
pub(crate) fn end_overdrawn() -> ! {
    last_resort();
    exit::thread(0)
}

/// There is no memory, and nothing gives any back: ends the application with status 137 and a report. The calling
/// thread may be in the middle of a system call, so it goes on with a failed copy and ends on its way out.
pub(crate) fn last_resort() {
    let me = current();
    if me.process().ending().is_none() {
        osv_base::error!("out of memory: killing process {}", me.process().pid());
    }
    exit::end_others(Status::signaled(osv_abi::uapi::signal::sig::KILL));
    me.entity
        .head
        .exit_work
        .fetch_or(osv_base::percpu::exit_work::EXIT, core::sync::atomic::Ordering::SeqCst);
}
