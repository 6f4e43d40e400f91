//! Threads.

use crate::process::Process;
use alloc::sync::Arc;
use core::marker::PhantomData;
use core::ops::Deref;
use osv_base::percpu::ThreadHead;

/// A thread.
#[derive(Debug)]
#[repr(C)]
pub struct Thread {
    /// What entry code knows of it.
    pub head: ThreadHead,
    process: Arc<Process>,
}

impl Thread {
    /// The process that it belongs to.
    #[inline(always)]
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }
}

/// The running thread: valid on its own stack only, hence neither `Send` nor `Sync`.
#[derive(Clone, Copy, Debug)]
pub struct Current(PhantomData<*const ()>);

/// The running thread.
#[inline(always)]
pub fn current() -> Current {
    Current(PhantomData)
}

impl Deref for Current {
    type Target = Thread;
    #[inline(always)]
    fn deref(&self) -> &Thread {
        // SAFETY: the scheduler sets `current` to a Thread before it runs on the CPU and keeps that alive until it
        // has left the CPU for good; a `Current` cannot leave the thread.
        unsafe { &*osv_hw::percpu::current().cast::<Thread>() }
    }
}
