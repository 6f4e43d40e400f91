use super::*;
use crate::fake::{MMIO_BASE, Machine};
use crate::transport::mmio::MmioTransport;
use core::sync::atomic::{AtomicUsize, Ordering};
use osv_base::PhysAddr;

fn open() -> (&'static Machine, Console, Arc<AtomicUsize>) {
    let machine = Machine::new();
    machine.plug(3, crate::device::feature::EVENT_IDX, &[0; 12], &[64, 64]);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let handler: Handler = Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let transport =
        MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("there");
    (machine, Console::open(machine, transport, handler).expect("opens"), calls)
}

fn type_in(machine: &Machine, bytes: &[u8]) {
    let mut inner = machine.lock();
    let chain = inner.take(0, 0).expect("a buffer");
    inner.scatter(&chain, bytes);
    inner.give(0, 0, &chain, bytes.len() as u32);
}

#[test]
fn input_is_read_in_pieces_of_any_size() {
    let (machine, mut console, calls) = open();
    type_in(machine, b"hello ");
    type_in(machine, b"world");
    machine.deliver();
    assert!(calls.load(Ordering::Relaxed) >= 1);
    let mut buf = [0; 4];
    assert_eq!((console.read(&mut buf), &buf), (Ok(4), b"hell"));
    assert!(console.enable_interrupts(false), "there is more");
    assert_eq!((console.read(&mut buf), &buf), (Ok(4), b"o wo"));
    assert_eq!((console.read(&mut buf), &buf[..3]), (Ok(3), &b"rld"[..]));
    assert_eq!(console.read(&mut buf), Ok(0));
    assert!(!console.enable_interrupts(false));
    for i in 0..100u8 {
        type_in(machine, &[i; 4096]);
        let mut page = [0; 4096];
        assert_eq!(console.read(&mut page), Ok(4096));
        assert_eq!(page, [i; 4096]);
    }
}

#[test]
fn output_waits_for_room() {
    let (machine, mut console, calls) = open();
    let room = console.write(&[1; 100_000]).expect("alive");
    assert_eq!(room, 8 * 4096);
    assert_eq!(console.write(b"x"), Ok(0));
    assert!(!console.enable_interrupts(true));
    assert_eq!(console.is_drained(), Ok(false));
    let mut inner = machine.lock();
    let chain = inner.take(0, 1).expect("output");
    assert_eq!(inner.gather(&chain), [1; 4096]);
    inner.give(0, 1, &chain, 0);
    drop(inner);
    machine.deliver();
    assert!(calls.load(Ordering::Relaxed) >= 1);
    assert_eq!(console.write(b"x"), Ok(1));
}

#[test]
fn a_lying_device_is_disabled() {
    let (machine, mut console, _) = open();
    machine.lock().give_raw(0, 0, 1, 5000);
    assert_eq!(console.read(&mut [0; 4]), Err(DeviceError::UsedLength));
    assert_eq!(console.write(b"x"), Err(DeviceError::Failed));
    assert_eq!(machine.lock().devices[0].status, 0);
}
