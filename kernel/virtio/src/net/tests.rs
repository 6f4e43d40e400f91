use super::*;
use crate::fake::{BAR_BASE, Inner, MMIO_BASE, Machine, POISON};
use crate::pci;
use crate::transport::mmio::MmioTransport;
use crate::transport::pci::PciTransport;
use core::sync::atomic::{AtomicUsize, Ordering};
use osv_base::PhysAddr;

const MAC: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];

#[derive(Default)]
struct Counts {
    received: AtomicUsize,
    sent: AtomicUsize,
    changed: AtomicUsize,
}

impl NetEvents for Counts {
    fn received(&self, _pair: usize) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }
    fn sent(&self, _pair: usize) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }
    fn changed(&self) {
        self.changed.fetch_add(1, Ordering::Relaxed);
    }
}

/// mac, status (link up), two pairs, MTU.
fn config(mtu: u16) -> Vec<u8> {
    [&MAC[..], &[1, 0], &[2, 0], &mtu.to_le_bytes()].concat()
}

const BASIC: u64 = bits::MAC | bits::STATUS | bits::MRG_RXBUF;

fn open_with(
    features: u64,
    options: NetOptions,
) -> (&'static Machine, Result<Net, DeviceError>, Arc<Counts>) {
    let machine = Machine::new();
    machine.plug(1, features | feature::EVENT_IDX, &config(1400), &[16, 16, 16, 16, 16]);
    let counts = Arc::new(Counts::default());
    let transport =
        MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("there");
    let net = Net::open(machine, transport, options, Arc::clone(&counts) as Arc<dyn NetEvents>);
    (machine, net, counts)
}

fn open(features: u64) -> (&'static Machine, Net, Arc<Counts>) {
    let options = NetOptions { rx_buffers: 20, long_tx_buffers: 2, ..NetOptions::default() };
    let (machine, net, counts) = open_with(features, options);
    (machine, net.expect("opens"), counts)
}

/// The device receives `packet`, header included, in one buffer.
fn inject(inner: &mut Inner, header: [u8; HEADER_LEN], payload: &[u8]) {
    let chain = inner.take(0, 0).expect("a receive buffer");
    let packet = [&header[..], payload].concat();
    inner.scatter(&chain, &packet);
    inner.give(0, 0, &chain, packet.len() as u32);
}

fn header(flags: u8, buffers: u8) -> [u8; HEADER_LEN] {
    [flags, 0, 0, 0, 0, 0, 14, 0, 2, 0, buffers, 0]
}

#[test]
fn frames_arrive_with_what_the_device_says() {
    let (machine, mut net, counts) = open(BASIC | bits::MTU | bits::GUEST_CSUM);
    assert_eq!((net.mac(), net.mtu(), net.status().link_up()), (MAC, 1400, true));
    assert!(net.capabilities().rx_checksum && !net.capabilities().tx_checksum);
    for (flags, payload) in [(0, 60usize), (2, 1414), (1, 100)] {
        inject(&mut machine.lock(), header(flags, 1), &std::vec![flags; payload]);
    }
    assert_eq!(machine.deliver(), 1, "one interrupt until the driver asks for another");
    assert_eq!(counts.received.load(Ordering::Relaxed), 1);
    let frames: Vec<_> = core::iter::from_fn(|| net.rx[0].receive().expect("honest")).collect();
    let partial = RxChecksum::Partial(PartialChecksum { start: 14, offset: 2 });
    let seen: Vec<_> = frames.iter().map(|frame| (frame.len(), frame.first()[0], frame.checksum())).collect();
    assert_eq!(seen, [(60, 0, RxChecksum::Unknown), (1414, 2, RxChecksum::Valid), (100, 1, partial)]);
    assert!(frames.iter().all(|frame| frame.is_contiguous() && frame.merged_mss().is_none()));
    assert!(!net.rx[0].enable_interrupts());
    inject(&mut machine.lock(), header(0, 1), &[7; 60]);
    assert_eq!(machine.deliver(), 1);
    assert!(net.rx[0].has_frames());
}

#[test]
fn buffers_are_recycled() {
    let (machine, mut net, _) = open(BASIC);
    let mut held = Vec::new();
    for i in 0..100u8 {
        inject(&mut machine.lock(), header(0, 1), &[i; 60]);
        let frame = net.rx[0].receive().expect("honest").expect("a frame");
        assert_eq!(frame.first(), [i; 60]);
        held.push(frame);
        if held.len() > 10 {
            held.clear();
        }
        net.rx[0].refill().expect("alive");
    }
}

#[test]
fn a_reader_that_keeps_frames_starves_the_ring_until_it_lets_go() {
    let (machine, mut net, _) = open(BASIC);
    let mut held = Vec::new();
    loop {
        let Some(chain) = machine.lock().take(0, 0) else { break };
        machine.lock().scatter(&chain, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9]);
        machine.lock().give(0, 0, &chain, 13);
        held.push(net.rx[0].receive().expect("honest").expect("a frame"));
        net.rx[0].refill().expect("alive");
    }
    assert_eq!(held.len(), 20);
    assert!(net.rx[0].is_starved());
    held.clear();
    net.rx[0].refill().expect("alive");
    assert!(!net.rx[0].is_starved());
    inject(&mut machine.lock(), header(0, 1), &[1; 60]);
    assert!(net.rx[0].receive().expect("honest").is_some());
}

#[test]
fn a_long_frame_spans_buffers() {
    let (machine, mut net, _) = open(BASIC | bits::GUEST_CSUM);
    let mut inner = machine.lock();
    let chains: Vec<_> = (0..3).map(|_| inner.take(0, 0).expect("a buffer")).collect();
    let mut first = header(1, 3).to_vec();
    (first[1], first[4]) = (1, 0xb4);
    first.resize(2048, 1);
    for (chain, bytes) in chains.iter().zip([&first[..], &[2; 2048], &[3; 100]]) {
        inner.scatter(chain, bytes);
        inner.give(0, 0, chain, bytes.len() as u32);
    }
    drop(inner);
    let frame = net.rx[0].receive().expect("honest").expect("a frame");
    assert_eq!((frame.len(), frame.merged_mss()), (2036 + 2048 + 100, Some(0xb4)));
    assert_eq!(frame.parts().map(|part| part[0]).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_device_that_lies_about_frames_is_disabled() {
    type Lie = fn(&mut Inner);
    let lies: [(Lie, DeviceError); 6] = [
        (|inner| inject(inner, header(0, 0), &[0; 60]), DeviceError::BadHeader),
        (|inner| inject(inner, header(0, 2), &[0; 60]), DeviceError::BadHeader),
        (|inner| inject(inner, header(0, 255), &[0; 60]), DeviceError::BadHeader),
        (|inner| inject(inner, header(1, 1), &[0; 17]), DeviceError::BadHeader),
        (
            |inner| {
                let chain = inner.take(0, 0).expect("a buffer");
                inner.give(0, 0, &chain, 11);
            },
            DeviceError::UsedLength,
        ),
        (|inner| inner.set_used_index(0, 0, 17), DeviceError::UsedIndex),
    ];
    for (lie, error) in lies {
        let (machine, mut net, _) = open(BASIC);
        lie(&mut machine.lock());
        assert_eq!(net.rx[0].receive().map(drop), Err(error));
        assert_eq!(machine.lock().devices[0].status, 0, "the device was reset");
        assert_eq!(net.rx[0].receive().map(drop), Err(DeviceError::Failed));
        assert_eq!(net.rx[0].refill(), Err(DeviceError::Failed));
        assert!(!net.status().link_up());
        let frame = net.tx[0].buffers().take(60).expect("a buffer");
        assert!(matches!(net.tx[0].send(frame, Offload::None), Err(SendError::Device(DeviceError::Failed))));
        drop(net);
        assert_eq!(machine.dma_in_use(), 0);
    }
}

#[test]
fn frames_leave_in_batches() {
    let (machine, mut net, counts) = open(BASIC);
    let buffers = net.tx[0].buffers();
    for i in 0..5u8 {
        let mut frame = buffers.take(100).expect("a buffer");
        frame.bytes_mut().fill(i);
        net.tx[0].send(frame, Offload::None).expect("sent");
    }
    assert!(machine.lock().take(0, 1).is_none());
    net.tx[0].flush();
    let mut inner = machine.lock();
    assert_eq!(inner.devices[0].queues[1].notifications, 1);
    let chains: Vec<_> = core::iter::from_fn(|| inner.take(0, 1)).collect();
    for (i, chain) in chains.iter().enumerate() {
        let bytes = inner.gather(chain);
        assert_eq!(bytes[..HEADER_LEN], [0; HEADER_LEN]);
        assert_eq!(bytes[HEADER_LEN..], [i as u8; 100]);
    }
    chains.iter().rev().for_each(|chain| inner.give(0, 1, chain, 0));
    drop(inner);
    assert_eq!(machine.deliver(), 0, "sending needs no interrupt");
    assert_eq!(counts.sent.load(Ordering::Relaxed), 0);
    assert_eq!(net.tx[0].collect(), Ok(5));
    assert_eq!(net.tx[0].outstanding(), 0);
    assert_eq!(buffers.take(100).expect("a buffer").bytes().len(), 100);
}

#[test]
fn a_sender_without_room_is_woken() {
    let (machine, mut net, counts) = open(BASIC);
    let buffers = net.tx[0].buffers();
    while let Some(frame) = buffers.take(1400) {
        net.tx[0].send(frame, Offload::None).expect("sent");
    }
    net.tx[0].flush();
    assert!(!net.tx[0].enable_interrupts());
    let mut inner = machine.lock();
    let chains: Vec<_> = core::iter::from_fn(|| inner.take(0, 1)).collect();
    assert_eq!(chains.len(), 16);
    chains.iter().for_each(|chain| inner.give(0, 1, chain, 0));
    drop(inner);
    assert_eq!(machine.deliver(), 1);
    assert_eq!(counts.sent.load(Ordering::Relaxed), 1);
    assert_eq!(net.tx[0].collect(), Ok(16));
    assert!(buffers.take(1400).is_some());
}

#[test]
fn room_is_a_state_whoever_collected() {
    let (machine, mut net, _) = open(BASIC);
    let buffers = net.tx[0].buffers();
    while let Some(frame) = buffers.take(1400) {
        net.tx[0].send(frame, Offload::None).expect("sent");
    }
    net.tx[0].flush();
    assert_eq!(net.tx[0].room(), Ok(false));
    let mut inner = machine.lock();
    let chains: Vec<_> = core::iter::from_fn(|| inner.take(0, 1)).collect();
    chains.iter().for_each(|chain| inner.give(0, 1, chain, 0));
    drop(inner);
    // Another sender takes back all that there is, and leaves nothing on its way.
    assert_eq!(net.tx[0].collect(), Ok(16));
    assert_eq!(net.tx[0].room(), Ok(true));
    let held: Vec<_> = core::iter::from_fn(|| buffers.take(1400)).collect();
    assert_eq!((held.len(), net.tx[0].room()), (16, Ok(false)), "descriptors, but no buffers");
}

#[test]
fn offloads_are_checked_and_encoded() {
    let (machine, mut net, _) = open(BASIC | bits::CSUM | bits::HOST_TSO4);
    let buffers = net.tx[0].buffers();
    let checksum = PartialChecksum { start: 34, offset: 16 };
    let segment = |kind| Offload::Segment { kind, header_len: 54, mss: 1460, checksum };
    net.tx[0].send(buffers.take(60).expect("a buffer"), Offload::Checksum(checksum)).expect("sent");
    let long = buffers.take(40_000).expect("a long buffer");
    net.tx[0].send(long, segment(Segmentation::Tcp4)).expect("sent");
    let refused = [
        (60, segment(Segmentation::Tcp6)),
        (50, segment(Segmentation::Tcp4)),
        (51, Offload::Checksum(checksum)),
        (60, Offload::Checksum(PartialChecksum { start: u16::MAX, offset: u16::MAX })),
    ];
    for (len, offload) in refused {
        let frame = buffers.take(len).expect("a buffer");
        assert!(matches!(net.tx[0].send(frame, offload), Err(SendError::Unsupported(_))), "{offload:?}");
    }
    net.tx[0].flush();
    let mut inner = machine.lock();
    let chains: Vec<_> = core::iter::from_fn(|| inner.take(0, 1)).collect();
    let header = |chain| inner.gather(chain)[..HEADER_LEN].to_vec();
    let headers: Vec<_> = chains.iter().map(|chain| (chain.readable[0].1, header(chain))).collect();
    assert_eq!(headers[0], (72, std::vec![1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]));
    assert_eq!(headers[1], (40_012, std::vec![1, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0, 0, 0]));
    drop(inner);
    assert!(buffers.take(70_000).is_none());
}

#[test]
fn queue_pairs_are_switched_on() {
    let options = NetOptions { pairs: 4, rx_buffers: 20, ..NetOptions::default() };
    for status in [0, 1] {
        let machine = Machine::new();
        machine.plug(1, BASIC | bits::MQ | bits::CTRL_VQ, &config(1500), &[16, 16, 16, 16, 16]);
        machine.on_notify(move |inner, device, queue| {
            if queue == 4 {
                let chain = inner.take(device, queue).expect("a command");
                assert_eq!(inner.gather(&chain), [4, 0, 2, 0]);
                inner.scatter(&chain, &[status]);
                inner.give(device, queue, &chain, 1);
            }
        });
        let function = pci::Config::ports(machine).scan()[0];
        assert_eq!(function.bar(4).map(|(base, _)| base.0), Some(BAR_BASE));
        let transport = PciTransport::probe(function).expect("valid").expect("virtio");
        let counts = Arc::new(Counts::default());
        let net = Net::open(machine, transport, options, Arc::clone(&counts) as Arc<dyn NetEvents>);
        if status == 0 {
            let net = net.expect("opens");
            assert_eq!((net.rx.len(), net.tx.len()), (2, 2));
            machine.lock().interrupt(0, 2);
            machine.deliver();
            assert_eq!(counts.received.load(Ordering::Relaxed), 1);
        } else {
            assert_eq!(net.map(drop), Err(DeviceError::Refused));
        }
    }
}

#[test]
fn hostile_configurations_are_errors() {
    type Tamper = fn(&mut Vec<u8>);
    let cases: [(u64, Tamper); 3] = [
        (bits::MAC, |config| config[0] = 1),
        (bits::MTU, |config| config[10..12].copy_from_slice(&[20, 0])),
        (bits::MQ | bits::CTRL_VQ, |config| config[8] = 0),
    ];
    for (features, tamper) in cases {
        let machine = Machine::new();
        let mut bytes = config(1500);
        tamper(&mut bytes);
        machine.plug(1, features, &bytes, &[16; 5]);
        let transport =
            MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("there");
        let options = NetOptions { pairs: 2, ..NetOptions::default() };
        let net = Net::open(machine, transport, options, Arc::new(Counts::default()));
        assert_eq!(net.map(drop), Err(DeviceError::BadRegisters));
        assert_eq!(machine.dma_in_use(), 0, "nothing is left behind");
    }
    let options = NetOptions { pairs: 1, ..NetOptions::default() };
    let (machine, net, _) = open_with(0, options);
    assert!(net.is_ok(), "no feature but VERSION_1 is needed");
    drop(net);
    assert_eq!(machine.dma_in_use(), 0);
}

#[test]
fn out_of_memory_leaves_nothing_behind() {
    for pages in [0, 1, 2, 3, 10, 20, 30] {
        let machine = Machine::new();
        machine.lock().dma_pages = pages;
        machine.plug(1, BASIC, &config(1500), &[64, 64]);
        let transport =
            MmioTransport::probe(machine, PhysAddr(MMIO_BASE), 512, 5).expect("valid").expect("there");
        let net = Net::open(machine, transport, NetOptions::default(), Arc::new(Counts::default()));
        assert_eq!(net.map(drop), Err(DeviceError::NoMemory));
        assert_eq!(machine.dma_in_use(), 0);
    }
}

#[test]
fn poison_shows_that_the_device_owns_sent_frames() {
    let (machine, mut net, _) = open(BASIC);
    let mut frame = net.tx[0].buffers().take(4).expect("a buffer");
    frame.bytes_mut().copy_from_slice(b"ping");
    net.tx[0].send(frame, Offload::None).expect("sent");
    net.tx[0].flush();
    let mut inner = machine.lock();
    let chain = inner.take(0, 1).expect("a frame");
    inner.give(0, 1, &chain, 0);
    assert_eq!(inner.gather(&chain), [POISON; HEADER_LEN + 4]);
    drop(inner);
    assert_eq!(net.tx[0].collect(), Ok(1));
}
