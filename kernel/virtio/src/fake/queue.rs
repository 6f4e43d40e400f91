//! The device's side of a split virtqueue.

use super::{Inner, Interrupt, POISON};
use crate::device::feature;
use std::vec::Vec;

/// A queue as the device has it.
#[derive(Clone, Debug)]
pub struct FakeQueue {
    pub max: u16,
    pub size: u16,
    pub ready: bool,
    pub vector: u16,
    /// Descriptors, available ring, used ring.
    pub addresses: [u64; 3],
    pub last_avail: u16,
    pub used: u16,
    pub notifications: usize,
    pub withhold_interrupts: bool,
}

/// A chain that the device took.
#[derive(Clone, Debug)]
pub struct ChainView {
    pub head: u16,
    pub readable: Vec<(u64, usize)>,
    pub writable: Vec<(u64, usize)>,
    descriptors: Vec<u16>,
}

impl FakeQueue {
    pub fn new(max: u16) -> FakeQueue {
        FakeQueue {
            max,
            size: max,
            ready: false,
            vector: 0xffff,
            addresses: [0; 3],
            last_avail: 0,
            used: 0,
            notifications: 0,
            withhold_interrupts: false,
        }
    }

    fn wrap(&self, index: u16) -> u64 {
        u64::from(index % self.size)
    }
}

impl Inner {
    fn queue(&self, device: usize, queue: u16) -> &FakeQueue {
        &self.devices[device].queues[usize::from(queue)]
    }

    fn queue_mut(&mut self, device: usize, queue: u16) -> &mut FakeQueue {
        &mut self.devices[device].queues[usize::from(queue)]
    }

    fn has_event_idx(&self, device: usize) -> bool {
        self.devices[device].accepted & feature::EVENT_IDX != 0
    }

    /// Takes the next chain that the driver made available.
    pub fn take(&mut self, device: usize, queue: u16) -> Option<ChainView> {
        let q = self.queue(device, queue).clone();
        assert!(q.ready, "queue {queue} is not set up");
        let [desc, avail, _] = q.addresses;
        if self.read16(avail + 2) == q.last_avail {
            return None;
        }
        let head = self.read16(avail + 4 + 2 * q.wrap(q.last_avail));
        self.queue_mut(device, queue).last_avail = q.last_avail.wrapping_add(1);
        let mut view =
            ChainView { head, readable: Vec::new(), writable: Vec::new(), descriptors: Vec::new() };
        let mut index = head;
        loop {
            assert!(
                index < q.size && view.descriptors.len() < usize::from(q.size),
                "the driver made a bad chain"
            );
            let bytes = self.read(desc + 16 * u64::from(index), 16);
            let phys = u64::from_le_bytes(bytes[..8].try_into().expect("8"));
            let len = u32::from_le_bytes(bytes[8..12].try_into().expect("4")) as usize;
            let flags = u16::from_le_bytes([bytes[12], bytes[13]]);
            view.descriptors.push(index);
            if flags & 2 != 0 {
                view.writable.push((phys, len));
            } else {
                assert!(view.writable.is_empty(), "readable after writable");
                view.readable.push((phys, len));
            }
            if flags & 1 == 0 {
                return Some(view);
            }
            index = u16::from_le_bytes([bytes[14], bytes[15]]);
        }
    }

    /// What the driver wrote in the chain.
    pub fn gather(&self, chain: &ChainView) -> Vec<u8> {
        chain.readable.iter().flat_map(|&(phys, len)| self.read(phys, len)).collect()
    }

    /// Writes to the chain's writable part.
    pub fn scatter(&self, chain: &ChainView, mut bytes: &[u8]) {
        for &(phys, len) in &chain.writable {
            let (now, rest) = bytes.split_at(len.min(bytes.len()));
            self.write(phys, now);
            bytes = rest;
        }
        assert!(bytes.is_empty(), "the chain is too short");
    }

    /// Gives a chain back, poisons what the driver must not rely on, and interrupts if asked to.
    pub fn give(&mut self, device: usize, queue: u16, chain: &ChainView, len: u32) {
        let [desc, ..] = self.queue(device, queue).addresses;
        for &index in &chain.descriptors {
            self.write(desc + 16 * u64::from(index), &[POISON; 16]);
        }
        for &(phys, len) in &chain.readable {
            self.write(phys, &std::vec![POISON; len]);
        }
        self.give_raw(device, queue, u32::from(chain.head), len);
    }

    /// Puts anything into the used ring.
    pub fn give_raw(&mut self, device: usize, queue: u16, id: u32, len: u32) {
        let q = self.queue(device, queue).clone();
        let [_, avail, used] = q.addresses;
        let at = used + 4 + 8 * q.wrap(q.used);
        self.write(at, &[id.to_le_bytes(), len.to_le_bytes()].concat());
        let new = q.used.wrapping_add(1);
        self.set_used_index(device, queue, new);
        let wanted = if self.has_event_idx(device) {
            self.read16(avail + 4 + 2 * u64::from(q.size)) == q.used
        } else {
            self.read16(avail) & 1 == 0
        };
        if wanted && !q.withhold_interrupts {
            self.interrupt(device, queue);
        }
    }

    /// Makes the used index anything.
    pub fn set_used_index(&mut self, device: usize, queue: u16, index: u16) {
        let [.., used] = self.queue(device, queue).addresses;
        self.write(used + 2, &index.to_le_bytes());
        self.queue_mut(device, queue).used = index;
    }

    /// Says when the device wants to be notified: at the available index `event`, or at all.
    pub fn want_notification(&mut self, device: usize, queue: u16, event: u16, flag: bool) {
        let q = self.queue(device, queue).clone();
        let [.., used] = q.addresses;
        self.write(used + 4 + 8 * u64::from(q.size), &event.to_le_bytes());
        self.write(used, &u16::from(!flag).to_le_bytes());
    }

    /// Interrupts on behalf of a queue.
    pub fn interrupt(&mut self, device: usize, queue: u16) {
        let vector = self.queue(device, queue).vector;
        self.raise(device, vector, 1);
    }

    /// Interrupts because the configuration changed.
    pub fn change_config(&mut self, device: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let fake = &mut self.devices[device];
        change(&mut fake.config);
        fake.generation = fake.generation.wrapping_add(1);
        let vector = fake.config_vector;
        self.raise(device, vector, 2);
    }

    fn raise(&mut self, device: usize, vector: u16, cause: u32) {
        let fake = &mut self.devices[device];
        let entry = usize::from(vector) * 16;
        if vector != 0xffff && fake.msix.get(entry + 12).is_some_and(|control| control & 1 == 0) {
            let data = u32::from_le_bytes(fake.msix[entry + 8..entry + 12].try_into().expect("4"));
            self.pending.push(Interrupt::Vector(data));
        } else {
            fake.isr |= cause;
            self.pending.push(Interrupt::Line(super::registers::line_of(device)));
        }
    }
}
