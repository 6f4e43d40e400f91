//! Models. Each closure runs in every order of its atomic operations, up to a number of preemptions.

use crate::inbox::{Inbox, Linked};
use crate::parking::Parking;
use crate::{Mutex, RwLock, Wait, WaitQueue};
use core::ptr::{self, NonNull};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;
use std::boxed::Box;
use std::vec::Vec;

fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// A value whose every access loom watches: two at once, or one without order, fail the model.
struct Watched(UnsafeCell<usize>);

// SAFETY: it is what the locks are tested with; loom reports what they let through.
unsafe impl Sync for Watched {}
// SAFETY: a number.
unsafe impl Send for Watched {}

impl Watched {
    fn new() -> Self {
        Watched(UnsafeCell::new(0))
    }
    fn add(&self) {
        // SAFETY: loom fails the model when anybody else is here.
        self.0.with_mut(|at| unsafe { *at += 1 });
    }
    fn get(&self) -> usize {
        // SAFETY: loom fails the model when a writer is here.
        self.0.with(|at| unsafe { *at })
    }
}

#[test]
fn a_mutex_lets_one_in_and_forgets_nobody() {
    check(3, || {
        let lock = Arc::new(Mutex::new(Watched::new()));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || lock.lock().add())
            })
            .collect();
        lock.lock().add();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(lock.lock().get(), 3);
    });
}

#[test]
fn a_lock_with_readers_lets_one_writer_in_and_forgets_nobody() {
    check(3, || {
        let lock = Arc::new(RwLock::new(Watched::new()));
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || lock.write().add())
        };
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || {
                let guard = lock.read();
                assert_eq!(guard.get(), guard.get());
            })
        };
        lock.write().add();
        writer.join().unwrap();
        reader.join().unwrap();
        assert_eq!(lock.read().get(), 2);
    });
}

#[test]
fn readers_and_a_writer_all_get_in() {
    check(2, || {
        let lock = Arc::new(RwLock::new(Watched::new()));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || {
                    lock.read().get();
                    lock.read().get()
                })
            })
            .collect();
        lock.write().add();
        for reader in readers {
            assert!(reader.join().unwrap() <= 1);
        }
        assert_eq!(lock.read().get(), 1);
    });
}

#[test]
fn a_wake_after_the_condition_is_not_lost() {
    check(3, || {
        let shared = Arc::new((WaitQueue::new(), AtomicUsize::new(0)));
        let waker = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(1, Ordering::SeqCst);
                shared.0.wake_all();
            })
        };
        let condition = || (shared.1.load(Ordering::SeqCst) == 1).then_some(());
        assert_eq!(shared.0.wait_until(Wait::UNINTERRUPTIBLE, condition), Ok(()));
        waker.join().unwrap();
    });
}

#[test]
fn a_condition_under_a_lock_does_not_swallow_the_wake() {
    // Two events, as two children that end: the lock in the condition may take either's unpark.
    check(2, || {
        let shared = Arc::new((WaitQueue::new(), Mutex::new([false; 2])));
        let wakers: Vec<_> = (0..2)
            .map(|which| {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.1.lock()[which] = true;
                    shared.0.wake_all();
                })
            })
            .collect();
        let condition = || (*shared.1.lock() == [true, true]).then_some(());
        assert_eq!(shared.0.wait_until(Wait::UNINTERRUPTIBLE, condition), Ok(()));
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}

struct Item {
    link: AtomicPtr<Item>,
    number: usize,
}

// SAFETY: the link is the item's own.
unsafe impl Linked for Item {
    fn link(&self) -> &AtomicPtr<Item> {
        &self.link
    }
}

#[test]
fn what_two_push_the_owner_takes_once_and_in_their_order() {
    check(3, || {
        let inbox = Arc::new(Inbox::new());
        let pushers: Vec<_> = (0..2)
            .map(|which| {
                let inbox = inbox.clone();
                thread::spawn(move || {
                    let mut firsts = 0;
                    for number in 0..2 {
                        let link = AtomicPtr::new(ptr::null_mut());
                        let item = Box::leak(Box::new(Item { link, number: which * 2 + number }));
                        // SAFETY: it lives until the owner frees it, and is pushed once.
                        firsts += usize::from(unsafe { inbox.push(NonNull::from(item)) });
                    }
                    firsts
                })
            })
            .collect();
        let mut taken = Vec::new();
        let mut batches = 0;
        let mut take = || {
            let before = taken.len();
            inbox.take_all(|item| {
                // SAFETY: taken once: it is ours.
                taken.push(unsafe { Box::from_raw(item.as_ptr()) }.number);
            });
            batches += usize::from(taken.len() > before);
        };
        take();
        let firsts: usize = pushers.into_iter().map(|pusher| pusher.join().unwrap()).sum();
        take();
        assert!(inbox.is_empty());
        // One pusher in each batch was told to ring.
        assert_eq!(firsts, batches);
        let place = |number| taken.iter().position(|&n| n == number).unwrap();
        assert_eq!(taken.len(), 4);
        assert!(place(0) < place(1) && place(2) < place(3));
    });
}

/// A thread that parks until it has seen what two others tell it, and a run queue that runs what is in it.
#[test]
fn whoever_is_unparked_is_queued_once_and_sees_why() {
    check(3, || {
        let shared = Arc::new((Parking::new(), AtomicBool::new(false), AtomicUsize::new(0), Notify::new()));
        shared.0.start();
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.2.fetch_add(1, Ordering::Relaxed);
                    if shared.0.unpark() {
                        assert!(!shared.1.swap(true, Ordering::AcqRel), "queued twice");
                        shared.3.notify();
                    }
                })
            })
            .collect();
        while shared.2.load(Ordering::Relaxed) < 2 {
            if shared.0.take_token() || !shared.0.park() {
                continue;
            }
            // Off the CPU, until somebody queues us.
            while !shared.1.swap(false, Ordering::AcqRel) {
                shared.3.wait();
            }
        }
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}
