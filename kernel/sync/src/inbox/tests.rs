use super::*;
use core::sync::atomic::AtomicUsize;
use std::sync::Arc;
use std::thread;
use std::vec::Vec;

/// An item that one producer pushes again only after the consumer has taken it.
struct Slot {
    link: AtomicPtr<Slot>,
    pushed: AtomicUsize,
    taken: AtomicUsize,
}

impl Slot {
    fn new() -> Slot {
        Slot {
            link: AtomicPtr::new(ptr::null_mut()),
            pushed: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        }
    }
}

// SAFETY: the link is the slot's own.
unsafe impl Linked for Slot {
    fn link(&self) -> &AtomicPtr<Slot> {
        &self.link
    }
}

#[test]
fn what_many_push_the_owner_takes_exactly_once() {
    const ROUNDS: usize = 20_000;
    let slots: Arc<Vec<Slot>> = Arc::new((0..4).map(|_| Slot::new()).collect());
    let list = Arc::new(Inbox::new());
    let producers: Vec<_> = (0..slots.len())
        .map(|at| {
            let (slots, list) = (slots.clone(), list.clone());
            thread::spawn(move || {
                let slot = &slots[at];
                for round in 1..=ROUNDS {
                    while slot.taken.load(Ordering::Acquire) != round - 1 {
                        thread::yield_now();
                    }
                    slot.pushed.store(round, Ordering::Relaxed);
                    // SAFETY: it was taken, and the slots outlive the list.
                    unsafe { list.push(NonNull::from(slot)) };
                }
            })
        })
        .collect();
    let mut taken = 0;
    while taken < ROUNDS * slots.len() {
        list.take_all(|item| {
            let slot = slots.iter().find(|slot| NonNull::from(*slot) == item).expect("one of ours");
            // Before it is given back: the producer goes on at once.
            assert_eq!(slot.taken.load(Ordering::Relaxed) + 1, slot.pushed.load(Ordering::Relaxed));
            slot.taken.fetch_add(1, Ordering::Release);
            taken += 1;
        });
    }
    for producer in producers {
        producer.join().expect("no thread panics");
    }
    assert!(list.is_empty());
}

#[test]
fn first_come_is_first_taken() {
    let list = Inbox::new();
    let slots: Vec<_> = (0..3).map(|_| Slot::new()).collect();
    // SAFETY: the slots outlive the list, and each is pushed once.
    let firsts: Vec<_> = slots.iter().map(|slot| unsafe { list.push(NonNull::from(slot)) }).collect();
    assert_eq!(firsts, [true, false, false]);
    let mut order = Vec::new();
    list.take_all(|item| order.push(item));
    assert_eq!(order, slots.iter().map(NonNull::from).collect::<Vec<_>>());
}
