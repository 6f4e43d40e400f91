//! The list inside a wait queue: nodes on the stacks of the threads that wait, so that waiting allocates nothing.
//!
//! Every access to a node, its own thread's included, happens under the list's lock, and a thread does not leave
//! the function that owns its node before it has seen under that lock that the node is off the list. So a node on
//! the list is alive, and so is the thread that it names, even while the waker unparks it: it does so under the lock.

use crate::model::atomic::{AtomicBool, Ordering};
use crate::park::Unpark;
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

/// A waiting thread's place in a [`List`].
pub(crate) struct Node {
    inner: UnsafeCell<Inner>,
    /// On a list. Changed under the list's lock; its own thread may look without.
    queued: AtomicBool,
}

struct Inner {
    prev: *const Node,
    next: *const Node,
    /// The lock was given to this waiter (mutexes only).
    granted: bool,
    /// This waiter wants the lock given to it (mutexes only).
    starving: bool,
    /// This waiter can share the lock with others of its kind (locks with readers only).
    shares: bool,
    thread: Arc<dyn Unpark>,
}

impl Node {
    /// Of the thread `thread`, on no list.
    pub(crate) fn new(thread: Arc<dyn Unpark>) -> Self {
        Node::sharing(thread, false)
    }

    /// As [`Node::new`], of one that shares what it waits for with others that do, if `shares`.
    pub(crate) fn sharing(thread: Arc<dyn Unpark>, shares: bool) -> Self {
        Node {
            inner: UnsafeCell::new(Inner {
                prev: ptr::null(),
                next: ptr::null(),
                granted: false,
                starving: false,
                shares,
                thread,
            }),
            queued: AtomicBool::new(false),
        }
    }

    /// Whether it is on a list. Nobody unparks the thread for this node any more once it is not; as long as it is,
    /// whoever takes it off unparks the thread afterwards.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.load(Ordering::Acquire)
    }
}

/// Waiters in order of arrival. The lock around it is what makes its methods sound: all take `&mut self`.
pub(crate) struct List {
    head: *const Node,
    tail: *const Node,
}

// SAFETY: the pointers lead to nodes that are only touched through the list, that is under its lock, and the
// threads that they name are Send and Sync.
unsafe impl Send for List {}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl List {
    /// Nobody.
    pub(crate) const fn new() -> Self {
        List { head: ptr::null(), tail: ptr::null() }
    }

    /// A node's fields.
    ///
    /// # Safety
    /// `node` is alive, belongs to this list (or to none), and no other reference to its fields exists.
    unsafe fn fields<'n>(&mut self, node: *const Node) -> &'n mut Inner {
        // SAFETY: passed on to the caller.
        unsafe { &mut *(*node).inner.get() }
    }

    /// Adds `node` at the end, unless it is on the list.
    ///
    /// # Safety
    /// `node` stays where it is, and alive, until [`List::remove`] has been called on it or a pop gave it.
    pub(crate) unsafe fn push_back(&mut self, node: &Node) -> bool {
        // SAFETY: the node is alive and nobody else holds its fields, as we have the list.
        let fields = unsafe { self.fields(node) };
        if node.queued.load(Ordering::Relaxed) {
            return false;
        }
        node.queued.store(true, Ordering::Relaxed);
        (fields.prev, fields.next, fields.granted) = (self.tail, ptr::null(), false);
        if self.tail.is_null() {
            self.head = node;
        } else {
            // SAFETY: nodes on the list are alive.
            unsafe { self.fields(self.tail) }.next = node;
        }
        self.tail = node;
        true
    }

    /// Takes `node` off; `false` when it is not on the list any more.
    pub(crate) fn remove(&mut self, node: &Node) -> bool {
        // SAFETY: as in `push_back`.
        let fields = unsafe { self.fields(node) };
        if !node.queued.load(Ordering::Relaxed) {
            return false;
        }
        node.queued.store(false, Ordering::Release);
        let (prev, next) = (fields.prev, fields.next);
        match NonNull::new(prev.cast_mut()) {
            // SAFETY: nodes on the list are alive.
            Some(prev) => unsafe { self.fields(prev.as_ptr()) }.next = next,
            None => self.head = next,
        }
        match NonNull::new(next.cast_mut()) {
            // SAFETY: nodes on the list are alive.
            Some(next) => unsafe { self.fields(next.as_ptr()) }.prev = prev,
            None => self.tail = prev,
        }
        true
    }

    /// Takes the first off and unparks its thread; `false` when nobody waits.
    pub(crate) fn wake_first(&mut self) -> bool {
        let Some(first) = NonNull::new(self.head.cast_mut()) else { return false };
        // SAFETY: nodes on the list are alive, and stay so while we have the list, as their owners need it to leave.
        let node = unsafe { first.as_ref() };
        self.remove(node);
        // SAFETY: as above.
        unsafe { self.fields(node) }.thread.unpark();
        true
    }

    /// Unparks the first without taking it off, or, when it is starving, takes it off and grants it the lock.
    pub(crate) fn offer_first(&mut self) -> Offer {
        let Some(first) = NonNull::new(self.head.cast_mut()) else { return Offer::Nobody };
        // SAFETY: as in `wake_first`.
        let node = unsafe { first.as_ref() };
        // SAFETY: as in `wake_first`.
        let starving = unsafe { self.fields(node) }.starving;
        if starving {
            self.remove(node);
        }
        // SAFETY: as in `wake_first`.
        let fields = unsafe { self.fields(node) };
        fields.granted = starving;
        fields.thread.unpark();
        if starving { Offer::Granted } else { Offer::Woken }
    }

    /// Whether the first shares what it waits for; `None` when nobody waits.
    pub(crate) fn first_shares(&mut self) -> Option<bool> {
        let first = NonNull::new(self.head.cast_mut())?;
        // SAFETY: nodes on the list are alive.
        Some(unsafe { self.fields(first.as_ptr()) }.shares)
    }

    /// Whether `node` is the first.
    pub(crate) fn is_first(&self, node: &Node) -> bool {
        ptr::eq(self.head, node)
    }

    /// Unparks the first without taking it off, and with it, if it shares, those behind it up to one that does not.
    pub(crate) fn wake_leading(&mut self) {
        let mut at = self.head;
        let mut is_first = true;
        while let Some(node) = NonNull::new(at.cast_mut()) {
            // SAFETY: nodes on the list are alive.
            let fields = unsafe { self.fields(node.as_ptr()) };
            if !fields.shares && !is_first {
                return;
            }
            fields.thread.unpark();
            if !fields.shares {
                return;
            }
            (at, is_first) = (fields.next, false);
        }
    }

    /// Takes the first off, grants it the lock and unparks it.
    pub(crate) fn grant_first(&mut self) {
        let Some(first) = NonNull::new(self.head.cast_mut()) else { return };
        // SAFETY: as in `wake_first`.
        let node = unsafe { first.as_ref() };
        self.remove(node);
        // SAFETY: as in `wake_first`.
        let fields = unsafe { self.fields(node) };
        fields.granted = true;
        fields.thread.unpark();
    }

    /// Whether `node` was granted the lock.
    pub(crate) fn granted(&mut self, node: &Node) -> bool {
        // SAFETY: as in `push_back`.
        unsafe { self.fields(node) }.granted
    }

    /// Marks `node` as one that wants the lock given to it.
    pub(crate) fn set_starving(&mut self, node: &Node) {
        // SAFETY: as in `push_back`.
        unsafe { self.fields(node) }.starving = true;
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }
}

/// What [`List::offer_first`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offer {
    /// Nobody waits.
    Nobody,
    /// The first may try its luck.
    Woken,
    /// The lock is the first's.
    Granted,
}
