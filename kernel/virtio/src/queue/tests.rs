use super::*;
use crate::device::{Device, feature};
use crate::fake::{MMIO_BASE, Machine};
use crate::transport::mmio::MmioTransport;
use alloc::sync::Arc;
use alloc::vec::Vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

const BUFFER: u64 = 0x10_0000;

/// A device with one queue of 8, and memory at [`BUFFER`] to point descriptors at.
fn setup(features: u64) -> (&'static Machine, Arc<Device>, Queue) {
    let machine = Machine::new();
    core::mem::forget(Region::new(machine, 1 << 16).expect("memory"));
    let device = machine.plug(4, features, &[], &[8]);
    assert_eq!(device, 0);
    let transport =
        MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("plugged in");
    let device = Device::open(machine, transport, 0, 0).expect("opens");
    let queue = device.queue(0, 256, None).expect("queue");
    device.start();
    (machine, device, queue)
}

fn part(offset: u64, len: u32, writable: bool) -> Buffer {
    Buffer { phys: PhysAddr(BUFFER + offset), len, writable }
}

#[test]
fn chains_come_back_in_any_order() {
    let (machine, _device, mut queue) = setup(0);
    let heads: Vec<u16> = (0..3)
        .map(|i| queue.add(&[part(i * 64, 16, false), part(i * 64 + 16, 32, true)]).expect("room"))
        .collect();
    assert!(machine.lock().take(0, 0).is_none(), "nothing is visible before the kick");
    queue.kick();
    let mut inner = machine.lock();
    let taken: Vec<_> = core::iter::from_fn(|| inner.take(0, 0)).collect();
    assert_eq!(taken.iter().map(|chain| chain.head).collect::<Vec<_>>(), heads);
    for (i, len) in [(2, 32), (0, 1), (1, 0)] {
        inner.give(0, 0, &taken[i], len);
    }
    drop(inner);
    let used: Vec<_> =
        core::iter::from_fn(|| queue.pop().expect("honest")).map(|used| (used.head, used.len)).collect();
    assert_eq!(used, [(heads[2], 32), (heads[0], 1), (heads[1], 0)]);
    assert_eq!(queue.free(), 8);
}

#[test]
fn a_full_queue_says_so_and_recovers() {
    let (machine, _device, mut queue) = setup(0);
    for i in 0..8 {
        queue.add(&[part(i, 1, true)]).expect("room");
    }
    assert_eq!(queue.add(&[part(9, 1, true)]), Err(Full));
    queue.kick();
    let chain = machine.lock().take(0, 0).expect("a chain");
    machine.lock().give(0, 0, &chain, 1);
    assert_eq!(queue.pop(), Ok(Some(Used { head: chain.head, len: 1 })));
    assert_eq!(queue.add(&[part(0, 1, true), part(1, 1, true)]), Err(Full));
    assert!(queue.add(&[part(0, 1, true)]).is_ok());
    assert_eq!(queue.add(&[]), Err(Full));
}

#[test]
fn lies_of_the_device_are_found() {
    type Lie = fn(&Machine);
    let lies: [(Lie, DeviceError); 7] = [
        (|m| m.lock().give_raw(0, 0, 8, 0), DeviceError::UsedElement),
        (|m| m.lock().give_raw(0, 0, u32::MAX, 0), DeviceError::UsedElement),
        (|m| m.lock().give_raw(0, 0, 0x1_0000, 0), DeviceError::UsedElement),
        (|m| m.lock().give_raw(0, 0, 1, 0), DeviceError::UsedElement),
        (|m| m.lock().give_raw(0, 0, 0, 17), DeviceError::UsedLength),
        (|m| m.lock().set_used_index(0, 0, 9), DeviceError::UsedIndex),
        (|m| m.lock().set_used_index(0, 0, u16::MAX), DeviceError::UsedIndex),
    ];
    for (lie, error) in lies {
        let (machine, _device, mut queue) = setup(0);
        assert_eq!(queue.add(&[part(0, 16, true), part(16, 0, true)]), Ok(0));
        queue.kick();
        lie(machine);
        assert_eq!(queue.pop(), Err(error));
        assert_eq!(queue.pop(), Err(DeviceError::Failed));
        queue.kick();
    }
}

#[test]
fn a_chain_given_back_twice_is_found() {
    let (machine, _device, mut queue) = setup(0);
    for i in 0..4 {
        queue.add(&[part(i, 1, true)]).expect("room");
    }
    queue.kick();
    let chain = machine.lock().take(0, 0).expect("a chain");
    machine.lock().give(0, 0, &chain, 1);
    machine.lock().give(0, 0, &chain, 1);
    assert!(queue.pop().is_ok());
    assert_eq!(queue.pop(), Err(DeviceError::UsedElement));
}

#[test]
fn notifications_follow_the_flag() {
    let (machine, _device, mut queue) = setup(0);
    let notifications = || machine.lock().devices[0].queues[0].notifications;
    queue.add(&[part(0, 1, true)]).expect("room");
    queue.add(&[part(1, 1, true)]).expect("room");
    queue.kick();
    queue.kick();
    assert_eq!(notifications(), 1, "a batch is one notification");
    machine.lock().want_notification(0, 0, 0, false);
    queue.add(&[part(0, 1, true)]).expect("room");
    queue.kick();
    assert_eq!(notifications(), 1);
}

#[test]
fn notifications_follow_the_event_index() {
    let (machine, _device, mut queue) = setup(feature::EVENT_IDX);
    let notifications = || machine.lock().devices[0].queues[0].notifications;
    machine.lock().want_notification(0, 0, 2, true);
    for i in 0..2 {
        queue.add(&[part(i, 1, true)]).expect("room");
        queue.kick();
    }
    assert_eq!(notifications(), 0, "the index has not passed 2 yet");
    queue.add(&[part(3, 1, true)]).expect("room");
    queue.kick();
    assert_eq!(notifications(), 1);
}

#[test]
fn interrupts_that_could_be_missed_are_told() {
    for features in [0, feature::EVENT_IDX] {
        let (machine, _device, mut queue) = setup(features);
        for i in 0..6 {
            queue.add(&[part(i, 1, true)]).expect("room");
        }
        queue.kick();
        let give = || {
            let mut inner = machine.lock();
            let chain = inner.take(0, 0).expect("a chain");
            inner.give(0, 0, &chain, 1);
        };
        queue.disable_interrupts();
        give();
        assert_eq!(machine.deliver(), 0);
        assert!(queue.enable_interrupts(), "one is waiting already");
        assert!(queue.pop().expect("honest").is_some());
        assert!(!queue.enable_interrupts());
        give();
        assert_eq!(machine.deliver(), 1);
        assert!(queue.pop().expect("honest").is_some());
        if features != 0 {
            assert!(!queue.enable_interrupts_late(), "four are out: three may come first");
            (0..3).for_each(|_| give());
            assert_eq!(machine.deliver(), 0);
            give();
            assert_eq!(machine.deliver(), 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the order of adding and giving back, over a wrap of all indices, nothing is lost or mixed up.
    #[test]
    fn agrees_with_a_map(steps in proptest::collection::vec((1usize..4, any::<u8>(), any::<bool>()), 0..400), start: bool) {
        let (machine, _device, mut queue) = setup(feature::EVENT_IDX);
        if start {
            // Near the wrap of the free-running indices.
            for _ in 0..0xfffau32 {
                queue.add(&[part(0, 1, true)]).expect("room");
                queue.kick();
                let mut inner = machine.lock();
                let chain = inner.take(0, 0).expect("a chain");
                inner.give_raw(0, 0, chain.head.into(), 1);
                drop(inner);
                queue.pop().expect("honest").expect("there");
            }
        }
        let mut out = BTreeMap::new();
        let mut at_device = Vec::new();
        for (count, pick, give) in steps {
            let parts: Vec<_> = (0..count).map(|i| part(i as u64, 10, true)).collect();
            if let Ok(head) = queue.add(&parts) {
                prop_assert!(out.insert(head, count).is_none());
            } else {
                prop_assert!(usize::from(queue.free()) < count);
            }
            queue.kick();
            let mut inner = machine.lock();
            at_device.extend(core::iter::from_fn(|| inner.take(0, 0)));
            if give && !at_device.is_empty() {
                let chain = at_device.swap_remove(usize::from(pick) % at_device.len());
                inner.give(0, 0, &chain, u32::from(pick) % 10);
                drop(inner);
                let used = queue.pop().expect("honest").expect("there");
                prop_assert_eq!((used.head, used.len), (chain.head, u32::from(pick) % 10));
                prop_assert!(out.remove(&used.head).is_some());
            }
            prop_assert_eq!(usize::from(queue.outstanding()), out.values().sum::<usize>());
        }
    }

}

proptest! {
    #[test]
    fn event_index_as_in_the_specification(event: u16, old: u16, step in 0u16..1000) {
        let new = old.wrapping_add(step);
        let naive = (0..step).any(|i| old.wrapping_add(i) == event);
        prop_assert_eq!(passed(event, new, old), naive);
    }
}
