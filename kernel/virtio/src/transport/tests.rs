use super::*;
use crate::device::{Device, feature, status};
use crate::fake::{MMIO_BASE, Machine};
use crate::pci;
use crate::transport::mmio::MmioTransport;
use crate::transport::pci::PciTransport;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::boxed::Box;
use std::sync::Arc;

const CONFIG: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

fn mmio(machine: &'static Machine) -> Box<dyn Transport> {
    MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("plugged in")
}

fn pci(machine: &'static Machine) -> Box<dyn Transport> {
    let functions = pci::Config::ports(machine).scan();
    assert_eq!(functions.len(), 1);
    PciTransport::probe(functions[0]).expect("valid").expect("virtio")
}

/// Over both transports.
fn both(check: fn(&'static Machine, Box<dyn Transport>)) {
    for transport in [mmio, pci] {
        let machine = Machine::new();
        machine.plug(4, 1 << 40 | 5 | feature::EVENT_IDX, &CONFIG, &[8, 64]);
        check(machine, transport(machine));
    }
}

fn counter() -> (Arc<AtomicUsize>, Handler) {
    let count = Arc::new(AtomicUsize::new(0));
    let clone = Arc::clone(&count);
    (
        count,
        Arc::new(move || {
            clone.fetch_add(1, Ordering::Relaxed);
        }),
    )
}

#[test]
fn negotiates_and_sets_up_queues() {
    both(|machine, transport| {
        assert_eq!(transport.kind(), DeviceKind::Entropy);
        let device = Device::open(machine, transport, 1, 1 << 40 | 2).expect("opens");
        assert_eq!(device.features(), 1 | 1 << 40 | feature::EVENT_IDX | feature::VERSION_1);
        assert_eq!(machine.lock().devices[0].accepted, device.features());
        assert_eq!(device.config::<4>(2), Ok([3, 4, 5, 6]));
        let queue = device.queue(1, 48, None).expect("queue");
        assert_eq!(queue.size(), 32, "a power of two within limit and maximum");
        device.start();
        let inner = machine.lock();
        assert_eq!(inner.devices[0].queues[1].size, 32);
        assert!(inner.devices[0].queues[1].ready);
        assert_eq!(inner.devices[0].queues[1].addresses.map(PhysAddr), queue.addresses());
        assert_eq!(inner.devices[0].status & status::DRIVER_OK, status::DRIVER_OK);
        drop(inner);
        assert_eq!(device.queue(2, 8, None).map(drop), Err(DeviceError::NoQueue));
        drop(queue);
        assert_eq!(machine.lock().devices[0].status, 0, "no queue's memory goes while the device runs");
    });
}

#[test]
fn refuses_what_cannot_work() {
    both(|machine, transport| {
        assert_eq!(Device::open(machine, transport, 1 << 50, 0).map(drop), Err(DeviceError::Features));
        assert_eq!(machine.lock().devices[0].accepted, 0);
    });
    both(|machine, transport| {
        machine.lock().devices[0].refuses_features = true;
        assert_eq!(Device::open(machine, transport, 0, 0).map(drop), Err(DeviceError::Features));
    });
    both(|machine, transport| {
        machine.lock().devices[0].status = 1;
        machine.lock().devices[0].stuck = true;
        assert_eq!(Device::open(machine, transport, 0, 0).map(drop), Err(DeviceError::Timeout));
    });
}

#[test]
fn interrupts_reach_their_handlers() {
    both(|machine, transport| {
        let ((configs, config), (firsts, first), (seconds, second)) = (counter(), counter(), counter());
        let device = Device::open(machine, transport, 0, 0).expect("opens");
        let vectors = device.bind(config, &[(0, first), (0, second)]).expect("binds");
        let _queues = [0, 1].map(|i| device.queue(i, 8, vectors[usize::from(i)]).expect("queue"));
        device.start();
        let counts = || [&configs, &firsts, &seconds].map(|count| count.load(Ordering::Relaxed));
        machine.lock().interrupt(0, 1);
        assert_eq!(machine.deliver(), 1);
        let exact = vectors[0].is_some();
        assert_eq!(counts(), if exact { [0, 0, 1] } else { [0, 1, 1] });
        machine.lock().change_config(0, |config| config[0] = 9);
        assert_eq!(machine.deliver(), 1);
        assert_eq!(counts()[0], 1);
        assert_eq!(machine.lock().devices[0].isr, 0, "acknowledged");
        assert_eq!(device.config::<1>(0), Ok([9]));
    });
}

#[test]
fn msix_shares_a_vector_or_falls_back_to_the_line() {
    for (entries, vectors) in [(2u8, 64), (8, 1)] {
        let machine = Machine::new();
        machine.plug(4, 0, &CONFIG, &[8, 8]);
        machine.lock().pci_bytes(0)[0x92] = entries - 1;
        machine.lock().vectors = vectors;
        let ((configs, config), (firsts, first), (seconds, second)) = (counter(), counter(), counter());
        let device = Device::open(machine, pci(machine), 0, 0).expect("opens");
        let bound = device.bind(config, &[(0, first), (0, second)]).expect("binds");
        assert_eq!(bound, if entries == 2 { [Some(0); 2] } else { [None; 2] });
        let _queues = [0, 1].map(|i| device.queue(i, 8, bound[usize::from(i)]).expect("queue"));
        machine.lock().interrupt(0, 0);
        assert_eq!(machine.deliver(), 1);
        let called = [configs, firsts, seconds].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(called, [usize::from(entries == 2), 1, 1]);
    }
}

#[test]
fn empty_slots_and_strangers_are_skipped() {
    let machine = Machine::new();
    machine.plug(0, 0, &[], &[]);
    machine.plug(4, 0, &[], &[8]);
    assert!(MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").is_none());
    assert!(MmioTransport::probe(machine, PhysAddr(MMIO_BASE + 0x9000), 512, 5).is_err(), "no magic");
    assert!(MmioTransport::probe(machine, PhysAddr(MMIO_BASE + 0x1000), 16, 5).is_err(), "too short");
    machine.lock().pci_bytes(0)[0] = 0x86;
    let functions = pci::Config::ports(machine).scan();
    assert_eq!(functions.len(), 2);
    assert!(PciTransport::probe(functions[0]).expect("a stranger").is_none());
}

#[test]
fn hostile_capabilities_are_errors() {
    type Tamper = fn(&mut [u8]);
    let cases: [Tamper; 8] = [
        // The list points at itself, or nowhere; the window leaves the BAR, or overflows; BAR 7; too short; no
        // BAR address; an I/O BAR.
        |bytes| bytes[0x41] = 0x40,
        |bytes| bytes[0x34] = 0xfc,
        |bytes| bytes[0x48..0x4c].copy_from_slice(&0x3ff0u32.to_le_bytes()),
        |bytes| bytes[0x48..0x50].fill(0xff),
        |bytes| bytes[0x44] = 7,
        |bytes| bytes[0x4c..0x50].copy_from_slice(&55u32.to_le_bytes()),
        |bytes| bytes[0x20..0x28].fill(0),
        |bytes| bytes[0x20] = 1,
    ];
    for (i, tamper) in cases.into_iter().enumerate() {
        let machine = Machine::new();
        machine.plug(4, 0, &[], &[8]);
        tamper(machine.lock().pci_bytes(0));
        let function = pci::Config::ports(machine).scan()[0];
        assert_eq!(PciTransport::probe(function).map(drop), Err(DeviceError::BadRegisters), "case {i}");
    }
}

proptest::proptest! {
    #[test]
    fn random_configuration_space_never_panics(changes in proptest::collection::vec((0x04usize..0x100, proptest::prelude::any::<u8>()), 0..40)) {
        let machine = Machine::new();
        machine.plug(4, 0, &[], &[8]);
        for (at, value) in changes {
            machine.lock().pci_bytes(0)[at] = value;
        }
        for function in pci::Config::ports(machine).scan() {
            let _ = PciTransport::probe(function);
        }
    }
}
