use super::*;
use crate::fake::Machine;
use std::sync::Arc;
use std::vec::Vec;

#[test]
fn accesses_outside_a_region_do_nothing() {
    let machine = Machine::new();
    let region = Region::new(machine, 100).expect("memory");
    region.store32(4096, 1, Ordering::Relaxed);
    region.store32(usize::MAX - 1, 1, Ordering::Relaxed);
    region.store32(2, 1, Ordering::Relaxed);
    assert_eq!(region.load32(4096, Ordering::Relaxed), 0);
    region.store16(98, 7, Ordering::Relaxed);
    assert_eq!(region.load16(98, Ordering::Relaxed), 7);
}

#[test]
fn a_pool_gives_each_buffer_once() {
    let machine = Machine::new();
    let pool = Pool::new(machine, 100, 2048).expect("memory");
    let mut slots: Vec<_> = core::iter::from_fn(|| pool.take()).collect();
    assert_eq!((slots.len(), pool.free()), (100, 0));
    let mut places: Vec<_> = slots.iter().map(Slot::phys).collect();
    places.sort();
    assert!(places.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 2048));
    for (i, slot) in slots.iter_mut().enumerate() {
        slot.bytes_mut().fill(i as u8);
    }
    assert!(slots.iter().enumerate().all(|(i, slot)| slot.bytes().iter().all(|&byte| byte == i as u8)));
    drop(slots);
    assert_eq!(pool.free(), 100);
    drop(pool);
    assert_eq!(machine.dma_in_use(), 0);
}

#[test]
fn a_pool_survives_threads() {
    let machine = Machine::new();
    let pool = Pool::new(machine, 8, 64).expect("memory");
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let pool = Arc::clone(&pool);
            scope.spawn(move || {
                for _ in 0..20_000 {
                    let held: Vec<_> = (0..3).filter_map(|_| pool.take()).collect();
                    for mut slot in held {
                        slot.bytes_mut().fill(thread);
                        assert!(slot.bytes().iter().all(|&byte| byte == thread));
                    }
                }
            });
        }
    });
    assert_eq!(core::iter::from_fn(|| pool.take()).map(core::mem::forget).count(), 8);
}

#[test]
fn a_pool_without_memory_is_none() {
    let machine = Machine::new();
    machine.lock().dma_pages = 3;
    assert!(Pool::new(machine, 100, 4096).is_none());
    assert_eq!(machine.dma_in_use(), 0);
}
