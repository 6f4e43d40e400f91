use super::*;
use crate::fake::{MMIO_BASE, Machine};
use crate::transport::mmio::MmioTransport;
use osv_base::PhysAddr;

fn open(answer: u32) -> (&'static Machine, Rng) {
    let machine = Machine::new();
    machine.plug(4, 0, &[], &[8]);
    machine.on_notify(move |inner, device, queue| {
        let chain = inner.take(device, queue).expect("a request");
        let len = answer.min(chain.writable[0].1 as u32);
        inner.scatter(&chain, &std::vec![7; len as usize]);
        inner.give(device, queue, &chain, if answer > 64 { answer } else { len });
    });
    let transport =
        MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("there");
    (machine, Rng::open(machine, transport).expect("opens"))
}

#[test]
fn fills_from_answers_of_any_length() {
    for answer in [1, 20, 64] {
        let (_, mut rng) = open(answer);
        let mut out = [0; 150];
        assert_eq!(rng.fill(&mut out, || true), Ok(()));
        assert_eq!(out, [7; 150]);
    }
}

#[test]
fn gives_up_when_told_to() {
    let (_, mut rng) = open(0);
    let mut patience = 10;
    let wait = || {
        patience -= 1;
        patience > 0
    };
    assert_eq!(rng.fill(&mut [0; 8], wait), Err(DeviceError::Timeout));
    let (_, mut rng) = open(65);
    assert_eq!(rng.fill(&mut [0; 8], || true), Err(DeviceError::UsedLength));
}
