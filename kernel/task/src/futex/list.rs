//! A bucket's waiters: an intrusive list of nodes on the waiters' stacks, in order of arrival.

use super::Key;
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use osv_sched::Entity;

/// A thread's wait.
pub(super) struct Waiter {
    /// Set by the waker, which does not touch the node after it.
    pub(super) woken: AtomicBool,
    /// The bucket whose list it is on; changed only under the locks of both the old and the new one.
    bucket: AtomicUsize,
    inner: UnsafeCell<Inner>,
}

struct Inner {
    prev: *const Waiter,
    next: *const Waiter,
    queued: bool,
    key: Key,
    bits: u32,
    thread: *const Entity,
}

impl Waiter {
    pub(super) fn new(key: Key, bits: u32, thread: &Entity) -> Self {
        Waiter {
            woken: AtomicBool::new(false),
            bucket: AtomicUsize::new(super::bucket_of(&key)),
            inner: UnsafeCell::new(Inner {
                prev: ptr::null(),
                next: ptr::null(),
                queued: false,
                key,
                bits,
                thread,
            }),
        }
    }

    pub(super) fn bucket(&self) -> usize {
        self.bucket.load(Ordering::Relaxed)
    }
}

/// The list. Its lock is what makes the methods sound: all take `&mut self`.
pub(super) struct List {
    head: *const Waiter,
    tail: *const Waiter,
}

// SAFETY: the nodes are only touched through the list, that is under its lock.
unsafe impl Send for List {}

impl List {
    pub(super) const fn new() -> Self {
        List { head: ptr::null(), tail: ptr::null() }
    }

    /// # Safety
    /// `waiter` is alive, and on this list or on none.
    unsafe fn fields<'n>(&mut self, waiter: *const Waiter) -> &'n mut Inner {
        // SAFETY: passed on to the caller.
        unsafe { &mut *(*waiter).inner.get() }
    }

    /// # Safety
    /// `waiter` stays in place until `remove` was called on it or `woken` is set.
    pub(super) unsafe fn push_back(&mut self, waiter: &Waiter) {
        let tail = self.tail;
        // SAFETY: alive, and on no list.
        let fields = unsafe { self.fields(waiter) };
        (fields.prev, fields.next, fields.queued) = (tail, ptr::null(), true);
        if tail.is_null() {
            self.head = waiter;
        } else {
            // SAFETY: what is on the list is alive.
            unsafe { self.fields(tail) }.next = waiter;
        }
        self.tail = waiter;
    }

    /// Whether it is on the list (or on none: then `false`).
    pub(super) fn contains(&mut self, waiter: &Waiter) -> bool {
        // SAFETY: alive, on this list or none: the caller has the bucket's lock.
        unsafe { self.fields(waiter) }.queued
    }

    /// Takes it off; `false` when it is on no list any more.
    pub(super) fn remove(&mut self, waiter: &Waiter) -> bool {
        // SAFETY: alive, on this list or none: the caller has the bucket's lock.
        let fields = unsafe { self.fields(waiter) };
        if !fields.queued {
            return false;
        }
        fields.queued = false;
        let (prev, next) = (fields.prev, fields.next);
        if prev.is_null() {
            self.head = next;
        } else {
            // SAFETY: what is on the list is alive.
            unsafe { self.fields(prev) }.next = next;
        }
        if next.is_null() {
            self.tail = prev;
        } else {
            // SAFETY: what is on the list is alive.
            unsafe { self.fields(next) }.prev = prev;
        }
        true
    }

    /// Visits up to `count` waiters of `key`; gives how many.
    fn each(&mut self, key: &Key, bits: u32, count: u32, mut visit: impl FnMut(&mut Self, &Waiter)) -> u32 {
        let mut done = 0;
        let mut at = self.head;
        while !at.is_null() && done < count {
            // SAFETY: what is on the list is alive, as long as we have the list: its thread needs it to leave.
            let (waiter, fields) = unsafe { (&*at, self.fields(at)) };
            at = fields.next;
            if fields.key == *key && fields.bits & bits != 0 {
                visit(self, waiter);
                done += 1;
            }
        }
        done
    }

    /// Wakes up to `count` waiters of `key` whose bits meet `bits`.
    pub(super) fn wake(&mut self, key: &Key, count: u32, bits: u32) -> u32 {
        self.each(key, bits, count, |list, waiter| {
            list.remove(waiter);
            // SAFETY: the thread waits, so it is alive; it cannot go on before `woken` is set or we drop the list.
            osv_sched::unpark(unsafe { &*list.fields(waiter).thread });
            waiter.woken.store(true, Ordering::Release);
        })
    }

    /// Moves up to `count` waiters of `from` to the list of `to`, which is bucket `bucket`.
    pub(super) fn move_to(
        &mut self,
        target: &mut List,
        from: &Key,
        to: &Key,
        bucket: usize,
        count: u32,
    ) -> u32 {
        self.each(from, u32::MAX, count, |list, waiter| {
            list.remove(waiter);
            // SAFETY: alive, and on no list now.
            unsafe { list.fields(waiter) }.key = *to;
            waiter.bucket.store(bucket, Ordering::Relaxed);
            // SAFETY: it stays in place as before.
            unsafe { target.push_back(waiter) };
        })
    }

    /// As `move_to`, when both keys have this bucket.
    pub(super) fn rename(&mut self, from: &Key, to: &Key, count: u32) -> u32 {
        if from == to {
            return self.each(from, u32::MAX, count, |_, _| {});
        }
        self.each(from, u32::MAX, count, |list, waiter| {
            // SAFETY: alive and on this list.
            unsafe { list.fields(waiter) }.key = *to;
        })
    }
}
