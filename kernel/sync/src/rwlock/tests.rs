use super::*;
use core::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Barrier};
use std::thread;
use std::vec::Vec;

#[test]
fn writers_exclude_everybody_and_no_update_is_lost() {
    let lock = Arc::new(RwLock::new((0u64, 0u64)));
    let readers_seen = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..6)
        .map(|at| {
            let (lock, readers_seen) = (lock.clone(), readers_seen.clone());
            thread::spawn(move || {
                for round in 0..3_000 {
                    if (round + at) % 3 == 0 {
                        let mut both = lock.write();
                        both.0 += 1;
                        if round % 64 == 0 {
                            thread::yield_now();
                        }
                        both.1 += 1;
                    } else {
                        let both = lock.read();
                        assert_eq!(both.0, both.1);
                        readers_seen.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    assert_eq!(*lock.read(), (6_000, 6_000));
    assert_eq!(readers_seen.load(Ordering::Relaxed), 12_000);
    assert_eq!(lock.state.load(Ordering::Relaxed), 0, "nobody and nothing is left behind");
}

#[test]
fn readers_share() {
    let lock = Arc::new(RwLock::new(()));
    let together = Arc::new(Barrier::new(3));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (lock, together) = (lock.clone(), together.clone());
            thread::spawn(move || {
                let _guard = lock.read();
                // Returns only when three are inside.
                together.wait();
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

#[test]
fn readers_without_end_do_not_keep_a_writer_out() {
    let lock = Arc::new(RwLock::new(()));
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (lock, done) = (lock.clone(), done.clone());
            thread::spawn(move || {
                // Overlapping: the next guard is there before the last one goes.
                let mut guard = lock.read();
                while !done.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_micros(50));
                    drop(guard);
                    guard = lock.read();
                }
            })
        })
        .collect();
    for _ in 0..20 {
        drop(lock.write());
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().expect("no thread panics");
    }
    assert_eq!(lock.state.load(Ordering::Relaxed), 0);
}
