use super::*;
use crate::fake::{MMIO_BASE, Machine};
use crate::transport::mmio::MmioTransport;
use alloc::vec::Vec;
use osv_base::PhysAddr;

/// A disk of 100 sectors, each filled with its number; `status` is its answer to everything.
fn open(features: u64, status: u8) -> (&'static Machine, Block) {
    let machine = Machine::new();
    machine.plug(2, features, &100u64.to_le_bytes(), &[16]);
    let mut disk: Vec<u8> = (0..100u8).flat_map(|sector| [sector; SECTOR_LEN]).collect();
    machine.on_notify(move |inner, device, queue| {
        while let Some(chain) = inner.take(device, queue) {
            let request = inner.gather(&chain);
            let sector = u64::from_le_bytes(request[8..16].try_into().expect("8")) as usize * SECTOR_LEN;
            let writable: usize = chain.writable.iter().map(|(_, len)| len).sum();
            let mut answer = Vec::new();
            match request[0] {
                0 => answer.extend(&disk[sector..sector + writable - 1]),
                1 => disk[sector..sector + request.len() - 16].copy_from_slice(&request[16..]),
                _ => {}
            }
            answer.push(status);
            inner.scatter(&chain, &answer);
            inner.give(device, queue, &chain, answer.len() as u32);
        }
    });
    let transport =
        MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("there");
    (machine, Block::open(machine, transport, Arc::new(|| {})).expect("opens"))
}

fn run(
    disk: &mut Block,
    operation: Operation,
    sector: u64,
    len: usize,
    fill: u8,
) -> Result<Done, DeviceError> {
    let ticket = disk.submit(operation, sector, len, |data| data.fill(fill))?.expect("room");
    disk.flush();
    let done = disk.poll()?.expect("done");
    assert_eq!(done.ticket, ticket);
    Ok(done)
}

#[test]
fn reads_back_what_was_written() {
    let (_, mut disk) = open(bits::FLUSH, 0);
    assert_eq!(disk.sectors(), 100);
    for _ in 0..40 {
        let done = run(&mut disk, Operation::Read, 7, 1024, 0).expect("honest");
        assert_eq!((done.data()[0], done.data()[1023]), (7, 8));
    }
    run(&mut disk, Operation::Write, 99, 512, 0xee).expect("honest").result.expect("written");
    run(&mut disk, Operation::Flush, 0, 0, 0).expect("honest").result.expect("flushed");
    assert_eq!(run(&mut disk, Operation::Read, 99, 512, 0).expect("honest").data(), [0xee; 512]);
}

#[test]
fn refuses_what_the_disk_cannot_do() {
    let (_, mut disk) = open(bits::RO, 0);
    let mut refused = |operation, sector, len| disk.submit(operation, sector, len, |_| {}).map(drop);
    assert_eq!(refused(Operation::Write, 0, 512), Err(DeviceError::Refused));
    assert_eq!(refused(Operation::Read, 100, 512), Err(DeviceError::Refused));
    assert_eq!(refused(Operation::Read, u64::MAX, 512), Err(DeviceError::Refused));
    assert_eq!(refused(Operation::Read, 0, 100), Err(DeviceError::Refused));
    let (_, mut disk) = open(0, 1);
    assert_eq!(run(&mut disk, Operation::Read, 0, 512, 0).expect("honest").result, Err(DeviceError::Refused));
}
