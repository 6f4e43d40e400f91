//! The running thread.

use super::{Own, Thread};
use crate::signal::SigSet;
use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering;
use osv_abi::uapi::signal::Siginfo;
use osv_base::percpu::exit_work;
use osv_mm::space::AddressSpace;

/// The running thread: valid on its own stack only, hence neither `Send` nor `Sync`.
#[derive(Clone, Copy)]
pub struct Current(PhantomData<*const ()>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

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
        // has left the CPU for good; a `Current` cannot leave the thread. Boot contexts do not call this.
        unsafe { &*osv_hw::percpu::current().cast::<Thread>() }
    }
}

impl Current {
    /// What belongs to this thread alone.
    #[inline(always)]
    pub fn own(&self) -> &Own {
        let thread: &Thread = self;
        &thread.own
    }

    /// A counted reference.
    pub fn share(&self) -> Arc<Thread> {
        let thread = ptr::from_ref::<Thread>(self);
        // SAFETY: threads live in an Arc, and a running one holds a reference to itself.
        unsafe {
            Arc::increment_strong_count(thread);
            Arc::from_raw(thread)
        }
    }

    /// The address space; `None` for kernel threads.
    #[inline]
    pub fn space(&self) -> Option<&AddressSpace> {
        let space = self.active_space.load(Ordering::Relaxed);
        // SAFETY: `own.space` keeps it alive; only the thread itself changes that, through `set_space`, whose
        // callers hold no reference (it takes `&mut self`).
        unsafe { space.as_ref() }
    }

    /// The address space, counted.
    pub fn space_arc(&self) -> Option<Arc<AddressSpace>> {
        self.own().space.borrow().clone()
    }

    /// Moves the thread to another address space, or to none; gives the old one.
    pub(crate) fn set_space(&mut self, space: Option<Arc<AddressSpace>>) -> Option<Arc<AddressSpace>> {
        let raw = space.as_ref().map_or(ptr::null_mut(), |space| Arc::as_ptr(space).cast_mut());
        let old = self.own().space.replace(space);
        let irq = osv_sync::NoIrq::enter();
        self.active_space.store(raw, Ordering::Relaxed);
        if raw.is_null() {
            crate::activation::leave();
        } else {
            crate::activation::switch_to(NonNull::new(raw));
        }
        drop(irq);
        old
    }

    /// Counts a page fault.
    #[inline]
    pub(crate) fn count_fault(&self) {
        self.faults.store(self.faults() + 1, Ordering::Relaxed);
    }

    /// Changes the blocked signals; what becomes deliverable is seen on the way out.
    pub fn set_mask(&self, mask: SigSet) {
        let old = self.mask();
        self.mask.store(mask.minus(SigSet::UNBLOCKABLE).0, Ordering::SeqCst);
        let newly_blocked = mask.minus(old);
        if !newly_blocked.is_empty() && self.process.thread_count() > 1 {
            crate::signal::send::retarget(&self.process, newly_blocked);
        }
        if self.has_deliverable() {
            self.entity.head.exit_work.fetch_or(exit_work::SIGNAL, Ordering::Relaxed);
        }
    }

    /// Takes the next signal that is a member of `wanted`, the thread's own first.
    pub fn take_signal(&self, wanted: SigSet) -> Option<Siginfo> {
        let own = self.pending.lock().take(wanted);
        own.or_else(|| self.process().pending.lock().take(wanted))
    }

    /// Makes senders treat `signals` as not blocked by this thread, while it waits for them.
    pub fn set_awaited(&self, signals: SigSet) {
        self.awaited.store(signals.0, Ordering::SeqCst);
    }
}
