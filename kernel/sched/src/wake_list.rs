//! Threads that other CPUs woke for one CPU: many push without a lock, the owner takes all at once.

use crate::entity::Entity;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

/// The list. An entity is on at most one, as [`Entity`]'s states guarantee.
#[derive(Debug)]
pub(crate) struct WakeList(AtomicPtr<Entity>);

impl WakeList {
    pub(crate) const fn new() -> Self {
        WakeList(AtomicPtr::new(ptr::null_mut()))
    }

    /// Adds one; gives whether the list was empty.
    pub(crate) fn push(&self, entity: NonNull<Entity>) -> bool {
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY: whoever pushes has the duty to queue the entity, so it is alive and its link is ours.
            unsafe { entity.as_ref() }.next.store(head, Ordering::Relaxed);
            match self.0.compare_exchange_weak(head, entity.as_ptr(), Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return head.is_null(),
                Err(now) => head = now,
            }
        }
    }

    /// Whether there is nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::SeqCst).is_null()
    }

    /// Takes all, first come first.
    pub(crate) fn take_all(&self, mut each: impl FnMut(NonNull<Entity>)) {
        if self.0.load(Ordering::Relaxed).is_null() {
            return;
        }
        let mut taken = self.0.swap(ptr::null_mut(), Ordering::SeqCst);
        let mut in_order = ptr::null_mut();
        while let Some(entity) = NonNull::new(taken) {
            // SAFETY: entities on a list are alive, and those that we took are ours alone.
            let link = &unsafe { entity.as_ref() }.next;
            taken = link.load(Ordering::Relaxed);
            link.store(in_order, Ordering::Relaxed);
            in_order = entity.as_ptr();
        }
        while let Some(entity) = NonNull::new(in_order) {
            // SAFETY: as above; read before `each` makes it somebody else's.
            in_order = unsafe { entity.as_ref() }.next.load(Ordering::Relaxed);
            each(entity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Ops;
    use core::sync::atomic::AtomicUsize;
    use std::sync::Arc;
    use std::thread;
    use std::vec::Vec;

    fn no_share(_: &Entity) -> Arc<dyn osv_sync::park::Unpark> {
        unreachable!("never parked")
    }
    static OPS: Ops = Ops { share: no_share, confirm: |_| false, activate: |_| {}, release: |_| {} };

    /// An entity that one producer pushes again only after the consumer has taken it.
    struct Slot {
        entity: Entity,
        pushed: AtomicUsize,
        taken: AtomicUsize,
    }

    #[test]
    fn what_many_push_the_owner_takes_exactly_once() {
        const ROUNDS: usize = 20_000;
        let slots: Arc<Vec<Slot>> = Arc::new(
            (0..4)
                .map(|_| Slot {
                    entity: Entity::new(&OPS),
                    pushed: AtomicUsize::new(0),
                    taken: AtomicUsize::new(0),
                })
                .collect(),
        );
        let list = Arc::new(WakeList::new());
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
                        list.push(NonNull::from(&slot.entity));
                    }
                })
            })
            .collect();
        let mut taken = 0;
        while taken < ROUNDS * slots.len() {
            list.take_all(|entity| {
                let slot =
                    slots.iter().find(|slot| NonNull::from(&slot.entity) == entity).expect("one of ours");
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
        let list = WakeList::new();
        let entities: Vec<_> = (0..3).map(|_| Entity::new(&OPS)).collect();
        let firsts: Vec<_> = entities.iter().map(|e| list.push(NonNull::from(e))).collect();
        assert_eq!(firsts, [true, false, false]);
        let mut order = Vec::new();
        list.take_all(|entity| order.push(entity));
        assert_eq!(order, entities.iter().map(NonNull::from).collect::<Vec<_>>());
    }
}
