use super::*;
use crate::fake::{ChainView, Inner, MMIO_BASE, Machine};
use crate::transport::mmio::MmioTransport;
use osv_base::PhysAddr;
use proptest::prelude::*;

const PAGES: u64 = 40;

/// A page of the simulated machine's memory.
#[derive(Debug)]
struct TestPage(Slot);

impl Page for TestPage {
    fn phys(&self) -> PhysAddr {
        self.0.phys()
    }
}

/// What the device does about a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    Honest,
    /// Answers with this status.
    Status(u8),
    /// Claims to have written so many bytes fewer.
    Short(u32),
    /// Never touches the status byte.
    Silent,
    /// Does not answer.
    Lazy,
    /// Names a chain that isn't out.
    Wrong,
}

struct Setup {
    machine: &'static Machine,
    pool: Arc<Pool>,
    disk: Block<TestPage>,
}

fn config(sectors: u64, size_max: u32, seg_max: u32) -> Vec<u8> {
    [&sectors.to_le_bytes()[..], &size_max.to_le_bytes(), &seg_max.to_le_bytes()].concat()
}

fn answer(inner: &mut Inner, device: usize, queue: u16, chain: &ChainView, disk: &mut [u8], manner: Manner) {
    let request = inner.gather(chain);
    let sector = u64::from_le_bytes(request[8..16].try_into().expect("8")) as usize * SECTOR_LEN;
    let writable: usize = chain.writable.iter().map(|(_, len)| len).sum();
    let mut answer = Vec::new();
    match request[0] {
        0 => answer.extend(&disk[sector..sector + writable - 1]),
        1 => disk[sector..sector + request.len() - 16].copy_from_slice(&request[16..]),
        _ => {}
    }
    match manner {
        Manner::Status(status) => answer.push(status),
        Manner::Silent => {}
        _ => answer.push(0),
    }
    inner.scatter(chain, &answer);
    match manner {
        Manner::Short(by) => inner.give(device, queue, chain, answer.len() as u32 - by),
        Manner::Lazy => {}
        Manner::Wrong => inner.give_raw(device, queue, u32::from(chain.head) + 1, 1),
        _ => inner.give(device, queue, chain, answer.len() as u32),
    }
}

/// A disk whose pages are filled with their number, which treats each chain as `manner` says.
fn open(features: u64, segments: u32, manner: Manner) -> Setup {
    let machine = Machine::new();
    machine.plug(2, features, &config(PAGES * SECTORS + 3, 3 * 4096, segments), &[64]);
    let mut disk: Vec<u8> = (0..=PAGES as u8).flat_map(|page| [page; PAGE_SIZE]).collect();
    machine.on_notify(move |inner, device, queue| {
        while let Some(chain) = inner.take(device, queue) {
            answer(inner, device, queue, &chain, &mut disk, manner);
        }
    });
    let transport =
        MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("there");
    let disk = Block::open(machine, transport, Arc::new(|| {})).expect("opens");
    Setup { machine, pool: Pool::new(machine, 64, PAGE_SIZE).expect("memory"), disk }
}

impl Setup {
    fn pages(&self, count: usize, fill: u8) -> Vec<TestPage> {
        let page = |_| {
            let mut slot = self.pool.take().expect("enough");
            slot.bytes_mut().fill(fill);
            TestPage(slot)
        };
        (0..count).map(page).collect()
    }

    fn run(
        &mut self,
        operation: Operation,
        first: u64,
        count: usize,
        fill: u8,
    ) -> Result<Done<TestPage>, DeviceError> {
        let pages = self.pages(count, fill);
        let Submitted::Queued(ticket) = self.disk.submit(operation, first, pages)? else { panic!("room") };
        self.disk.flush();
        let done = self.disk.poll()?.expect("done");
        assert_eq!(done.ticket, ticket);
        Ok(done)
    }
}

#[test]
fn reads_back_what_was_written() {
    for features in [bits::FLUSH | bits::SEG_MAX, bits::FLUSH | bits::SEG_MAX | bits::SIZE_MAX] {
        let mut setup = open(features, 16, Manner::Honest);
        assert_eq!((setup.disk.pages(), setup.disk.max_pages()), (PAGES, 16));
        for _ in 0..40 {
            let done = setup.run(Operation::Read, 7, 9, 0).expect("honest");
            let firsts: Vec<u8> = done.pages.iter().map(|page| page.0.bytes()[0]).collect();
            assert_eq!(firsts, [7, 8, 9, 10, 11, 12, 13, 14, 15]);
            assert!(done.pages.iter().all(|page| page.0.bytes().iter().all(|&b| b == page.0.bytes()[0])));
        }
        setup.run(Operation::Write, 39, 1, 0xee).expect("honest").result.expect("written");
        setup.run(Operation::Flush, 0, 0, 0).expect("honest").result.expect("flushed");
        assert_eq!(setup.run(Operation::Read, 39, 1, 0).expect("honest").pages[0].0.bytes(), [0xee; 4096]);
    }
}

#[test]
fn a_disk_that_says_nothing_of_segments_gets_one_page_at_a_time() {
    let mut setup = open(0, 16, Manner::Honest);
    assert_eq!(setup.disk.max_pages(), 1);
    assert_eq!(setup.run(Operation::Read, 3, 1, 0).expect("honest").pages[0].0.bytes()[99], 3);
}

#[test]
fn refuses_what_the_disk_cannot_do() {
    let setup = &mut open(bits::RO | bits::SEG_MAX, 16, Manner::Honest);
    for (operation, first, count) in [
        (Operation::Write, 0, 1),
        (Operation::Read, PAGES, 1),
        (Operation::Read, PAGES - 1, 2),
        (Operation::Read, u64::MAX, 1),
        (Operation::Read, 0, 0),
        (Operation::Read, 0, 17),
        (Operation::Flush, 0, 1),
    ] {
        let pages = setup.pages(count, 0);
        let refused = setup.disk.submit(operation, first, pages).map(drop);
        assert_eq!(refused, Err(DeviceError::Refused), "{operation:?} {first} {count}");
    }
    assert_eq!(setup.pool.free(), 64, "pages of refused requests are nobody's");
}

#[test]
fn an_error_of_the_disk_is_the_requests_alone() {
    for manner in [Manner::Status(1), Manner::Status(2), Manner::Status(77), Manner::Silent] {
        let mut setup = open(bits::SEG_MAX, 16, manner);
        for _ in 0..3 {
            let done = setup.run(Operation::Read, 0, 2, 0).expect("honest about it");
            assert_eq!(done.result, Err(DeviceError::Refused), "{manner:?}");
        }
    }
}

#[test]
fn a_device_that_lies_is_put_out_of_use_and_gives_up_what_it_had() {
    for manner in [Manner::Short(1), Manner::Short(4096), Manner::Wrong] {
        let mut setup = open(bits::SEG_MAX, 16, manner);
        let pages = setup.pages(2, 0);
        assert!(matches!(setup.disk.submit(Operation::Read, 0, pages), Ok(Submitted::Queued(_))));
        assert!(setup.disk.abandon().is_none(), "not before it failed");
        setup.disk.flush();
        assert!(setup.disk.poll().is_err(), "{manner:?}");
        assert!(setup.disk.is_failed() && setup.machine.lock().devices[0].resets > 1);
        let given_up = setup.disk.abandon().expect("it had one");
        assert_eq!((given_up.pages.len(), given_up.result), (2, Err(DeviceError::Failed)));
        assert!(setup.disk.abandon().is_none());
        let more = setup.pages(1, 0);
        assert!(setup.disk.submit(Operation::Read, 0, more).is_err());
    }
}

#[test]
fn a_full_queue_hands_the_pages_back() {
    let mut setup = open(bits::SEG_MAX, 16, Manner::Lazy);
    let mut queued = 0;
    loop {
        let pages = setup.pages(2, 0);
        match setup.disk.submit(Operation::Read, 0, pages).expect("works") {
            Submitted::Queued(_) => queued += 1,
            Submitted::Full(pages) => break assert_eq!(pages.len(), 2),
        }
        assert!(queued < 64);
    }
    assert!(queued > 8);
    setup.disk.flush();
    assert!(setup.disk.poll().expect("fine").is_none());
}

proptest! {
    /// Whatever chains come back in whatever order with whatever lengths and states: no panic, and pages come back
    /// once each, with what the disk has where it said so.
    #[test]
    fn requests_come_back_in_any_order(plan in proptest::collection::vec((0u64..PAGES - 4, 1usize..5, any::<u16>(), 0u8..8), 1..60)) {
        let machine = Machine::new();
        machine.plug(2, bits::SEG_MAX, &config(PAGES * SECTORS, 0, 8), &[64]);
        let held: &'static std::sync::Mutex<Vec<ChainView>> = Box::leak(Box::default());
        machine.on_notify(move |inner, device, queue| {
            while let Some(chain) = inner.take(device, queue) {
                held.lock().unwrap().push(chain);
            }
        });
        let transport = MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("there");
        let disk = Block::open(machine, transport, Arc::new(|| {})).expect("opens");
        let mut setup = Setup { machine, pool: Pool::new(machine, 64, PAGE_SIZE).expect("memory"), disk };
        let mut bytes: Vec<u8> = (0..PAGES as u8).flat_map(|page| [page; PAGE_SIZE]).collect();
        let mut out = alloc::collections::BTreeMap::new();
        for (first, count, pick, status) in plan {
            if setup.pool.free() >= count {
                let pages = setup.pages(count, 0xcc);
                if let Submitted::Queued(ticket) = setup.disk.submit(Operation::Read, first, pages).expect("works") {
                    prop_assert!(out.insert(ticket.0, (first, count)).is_none());
                }
                setup.disk.flush();
            }
            let chain = {
                let mut held = held.lock().unwrap();
                let at = usize::from(pick) % held.len().max(1);
                if pick & 1 == 0 && at < held.len() { Some(held.swap_remove(at)) } else { None }
            };
            if let Some(chain) = chain {
                let manner = if status == 0 { Manner::Status(1) } else { Manner::Honest };
                answer(&mut machine.lock(), 0, 0, &chain, &mut bytes, manner);
                let done = setup.disk.poll().expect("honest").expect("one");
                let (first, count) = out.remove(&done.ticket.0).expect("it was out");
                prop_assert_eq!((done.pages.len(), done.result.is_ok()), (count, status != 0));
                for (page, number) in done.pages.iter().zip(first as u8..) {
                    prop_assert!(page.0.bytes().iter().all(|&b| b == number));
                }
            }
            prop_assert!(setup.disk.poll().expect("fine").is_none());
        }
    }
}
