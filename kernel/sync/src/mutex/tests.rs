use super::*;
use std::sync::Arc;
use std::thread;
use std::vec::Vec;

#[test]
fn increments_of_many_threads_add_up() {
    let counter = Arc::new(Mutex::new(0u64));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let counter = counter.clone();
            thread::spawn(move || {
                for _ in 0..5_000 {
                    *counter.lock() += 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    assert_eq!(*counter.lock(), 40_000);
    assert_eq!(counter.state.load(Ordering::Relaxed), 0);
}

#[test]
fn a_starving_sleeper_gets_the_lock_from_a_greedy_thread() {
    let lock = Arc::new(Mutex::new(()));
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let greedy = {
        let (lock, done) = (lock.clone(), done.clone());
        thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let _guard = lock.lock();
                thread::sleep(Duration::from_millis(1));
            }
        })
    };
    for _ in 0..20 {
        drop(lock.lock());
    }
    done.store(true, Ordering::Relaxed);
    greedy.join().expect("no panic");
}

#[test]
fn try_lock_fails_while_held() {
    let lock = Mutex::new(1);
    let guard = lock.lock();
    assert!(lock.try_lock().is_none());
    // A failed try leaves the lock with its owner.
    assert!(lock.try_lock().is_none());
    drop(guard);
    assert!(lock.try_lock().is_some());
}
