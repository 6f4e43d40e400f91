//! A lock for the few places where neither sleeping nor preemption is possible.

use core::ops::{Deref, DerefMut};

/// Holds off preemption of this thread while it lives.
#[derive(Debug)]
pub struct NoPreempt(());

impl NoPreempt {
    /// Enters a section without preemption; sections nest.
    #[inline(always)]
    pub fn enter() -> Self {
        #[cfg(osv_guest)]
        // SAFETY: gs points at this CPU's CpuHead from before the first lock is taken; the counter is only
        // touched by its own CPU, and one instruction cannot be torn by an interrupt.
        unsafe {
            core::arch::asm!("inc dword ptr gs:[{}]", const osv_base::percpu::cpu_offset::PREEMPT_COUNT, options(nostack));
        }
        NoPreempt(())
    }
}

impl Drop for NoPreempt {
    #[inline(always)]
    fn drop(&mut self) {
        #[cfg(osv_guest)]
        // SAFETY: as in `enter`, which incremented it.
        unsafe {
            core::arch::asm!("dec dword ptr gs:[{}]", const osv_base::percpu::cpu_offset::PREEMPT_COUNT, options(nostack));
        }
    }
}

/// A spin lock that holds off preemption. Not for data that interrupt handlers touch.
#[derive(Debug, Default)]
pub struct SpinLock<T: ?Sized> {
    inner: spin::Mutex<T>,
}

/// Access to what a [`SpinLock`] protects.
#[derive(Debug)]
pub struct SpinGuard<'a, T: ?Sized> {
    // Declared first: the lock is released before preemption is allowed again.
    guard: spin::MutexGuard<'a, T>,
    _no_preempt: NoPreempt,
}

impl<T> SpinLock<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        SpinLock { inner: spin::Mutex::new(value) }
    }
    /// The value, without locking: nobody else can have it.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Waits for the lock and takes it.
    #[inline]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        let no_preempt = NoPreempt::enter();
        SpinGuard { guard: self.inner.lock(), _no_preempt: no_preempt }
    }
    /// The value, without locking: `&mut self` shows that nobody else can have it.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        let no_preempt = NoPreempt::enter();
        self.inner.try_lock().map(|guard| SpinGuard { guard, _no_preempt: no_preempt })
    }
}

impl<T: ?Sized> Deref for SpinGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: ?Sized> DerefMut for SpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
