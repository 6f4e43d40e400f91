use super::*;
use core::sync::atomic::AtomicU32;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::vec::Vec;

#[test]
fn every_token_wakes_somebody() {
    let shared = Arc::new((WaitQueue::new(), AtomicU32::new(0)));
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                for _ in 0..1_000 {
                    let (queue, tokens) = &*shared;
                    let took = queue.wait_until(Wait::UNINTERRUPTIBLE, || {
                        tokens.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).ok()
                    });
                    assert!(took.is_ok());
                }
            })
        })
        .collect();
    for _ in 0..4_000 {
        shared.1.fetch_add(1, Ordering::SeqCst);
        shared.0.wake_one();
    }
    for waiter in waiters {
        waiter.join().expect("no thread panics");
    }
    assert_eq!(shared.0.wake_all(), 0);
}

#[test]
fn a_deadline_ends_the_wait_and_leaves_the_queue_empty() {
    let queue = WaitQueue::new();
    let deadline = park::now() + Duration::from_millis(5);
    let result = queue.wait_until::<()>(Wait::until(Some(deadline)), || None);
    assert_eq!(result, Err(WaitError::TimedOut));
    assert!(park::now() >= deadline);
    assert_eq!(queue.wake_all(), 0);
}

#[test]
fn a_condition_that_holds_needs_no_scheduler() {
    assert_eq!(WaitQueue::new().wait_until(Wait::INTERRUPTIBLE, || Some(7)), Ok(7));
}

#[test]
fn a_condition_that_sleeps_does_not_swallow_the_wake() {
    let shared = Arc::new((WaitQueue::new(), AtomicU32::new(0)));
    let mut calls = 0;
    let waker = shared.clone();
    let deadline = park::now() + Duration::from_secs(10);
    let result = shared.0.wait_until(Wait::until(Some(deadline)), || {
        calls += 1;
        if calls == 2 {
            // Another's event wakes us while we wait for a lock, which takes the unpark.
            let queue = waker.clone();
            thread::spawn(move || queue.0.wake_all()).join().expect("no thread panics");
            park::scheduler().park(Some(park::now() + Duration::from_millis(1)), false);
            // Ours comes when we have looked in vain.
            let queue = waker.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                queue.1.store(1, Ordering::SeqCst);
                queue.0.wake_all();
            });
            return None;
        }
        (shared.1.load(Ordering::SeqCst) == 1).then_some(())
    });
    assert_eq!(result, Ok(()));
    assert!(park::now() < deadline, "only the deadline woke it");
}
