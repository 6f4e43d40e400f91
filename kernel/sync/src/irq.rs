//! A spin lock for data that interrupt handlers touch too: interrupts are off while it is held.

use crate::model::const_unless_loom;
use core::ops::{Deref, DerefMut};

#[cfg(loom)]
use loom::sync::{Mutex as Spin, MutexGuard as SpinHeld};
#[cfg(not(loom))]
use spin::{Mutex as Spin, MutexGuard as SpinHeld};

/// Holds off interrupts on this CPU while it lives; sections nest.
#[derive(Debug)]
pub struct NoIrq {
    #[cfg(osv_guest)]
    were_on: bool,
    // Interrupts are a CPU's: the value must not move to another thread.
    _not_send: core::marker::PhantomData<*const ()>,
}

impl NoIrq {
    /// Enters a section without interrupts.
    #[inline(always)]
    pub fn enter() -> Self {
        #[cfg(osv_guest)]
        {
            let flags: u64;
            // SAFETY: reads the flags through the stack and clears IF, which `drop` restores.
            unsafe { core::arch::asm!("pushfq", "pop {}", "cli", out(reg) flags) };
            NoIrq { were_on: flags & 0x200 != 0, _not_send: core::marker::PhantomData }
        }
        #[cfg(not(osv_guest))]
        NoIrq { _not_send: core::marker::PhantomData }
    }
}

impl Drop for NoIrq {
    #[inline(always)]
    fn drop(&mut self) {
        #[cfg(osv_guest)]
        if self.were_on {
            // SAFETY: they were on when the section began.
            unsafe { core::arch::asm!("sti") };
        }
    }
}

/// A spin lock that holds off interrupts.
#[derive(Debug, Default)]
pub struct IrqSpinLock<T: ?Sized> {
    inner: Spin<T>,
}

/// Access to what an [`IrqSpinLock`] protects.
#[derive(Debug)]
pub struct IrqSpinGuard<'a, T: ?Sized> {
    // Declared first: the lock is released before interrupts are allowed again.
    guard: SpinHeld<'a, T>,
    _no_irq: NoIrq,
}

impl<T> IrqSpinLock<T> {
    const_unless_loom! {
        /// A lock around `value`.
        pub fn new(value: T) -> IrqSpinLock<T> {
            IrqSpinLock { inner: Spin::new(value) }
        }
    }
    /// The value, without locking: nobody else can have it.
    #[cfg(not(loom))]
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> IrqSpinLock<T> {
    /// Waits for the lock and takes it.
    #[inline]
    pub fn lock(&self) -> IrqSpinGuard<'_, T> {
        let no_irq = NoIrq::enter();
        #[cfg(not(loom))]
        let guard = self.inner.lock();
        // Of a thread that panicked: the model fails anyway.
        #[cfg(loom)]
        let guard = self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        IrqSpinGuard { guard, _no_irq: no_irq }
    }
    /// Takes the lock if it is free.
    #[cfg(not(loom))]
    #[inline]
    pub fn try_lock(&self) -> Option<IrqSpinGuard<'_, T>> {
        let no_irq = NoIrq::enter();
        self.inner.try_lock().map(|guard| IrqSpinGuard { guard, _no_irq: no_irq })
    }
}

impl<T: ?Sized> Deref for IrqSpinGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: ?Sized> DerefMut for IrqSpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
