//! virtio-net: pairs of queues that receive and send Ethernet frames.
//!
//! Frames are not copied here. A received [`RxFrame`] owns the buffers that the device filled, and a sender
//! writes its frame into a [`TxBuffer`] that the device then reads; both go back to their pools when done.
//! The caller polls: [`RxQueue::receive`] and [`RxQueue::refill`] with interrupts off while there is work, then
//! [`RxQueue::enable_interrupts`], which says whether something came in between. Sent buffers are collected
//! when the next ones are sent, so sending normally needs no interrupt at all.

mod control;
mod header;
mod rx;
#[cfg(test)]
mod tests;
mod tx;

pub use header::{HEADER_LEN, Offload, PartialChecksum, RxChecksum, Segmentation};
pub use rx::{RxFrame, RxQueue};
pub use tx::{SendError, TxBuffer, TxBuffers, TxQueue};

use crate::device::{Device, DeviceError, DeviceKind, feature};
use crate::dma::Pool;
use crate::platform::{Handler, Platform};
use crate::queue::Queue;
use crate::transport::Transport;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Feature bits of virtio-net.
mod bits {
    pub const CSUM: u64 = 1 << 0;
    pub const GUEST_CSUM: u64 = 1 << 1;
    pub const MTU: u64 = 1 << 3;
    pub const MAC: u64 = 1 << 5;
    pub const GUEST_TSO4: u64 = 1 << 7;
    pub const GUEST_TSO6: u64 = 1 << 8;
    pub const HOST_TSO4: u64 = 1 << 11;
    pub const HOST_TSO6: u64 = 1 << 12;
    pub const MRG_RXBUF: u64 = 1 << 15;
    pub const STATUS: u64 = 1 << 16;
    pub const CTRL_VQ: u64 = 1 << 17;
    pub const MQ: u64 = 1 << 22;
}

/// Told of a device's interrupts, in interrupt context. `pair` counts queue pairs from 0. Calls may be spurious.
pub trait NetEvents: Send + Sync {
    /// Frames have come.
    fn received(&self, pair: usize);
    /// Sent buffers came back, after [`TxQueue::enable_interrupts`].
    fn sent(&self, pair: usize);
    /// Link status or MTU may have changed.
    fn changed(&self);
}

/// How much of a device to use.
#[derive(Clone, Copy, Debug)]
pub struct NetOptions {
    /// Queue pairs at most; usually the number of CPUs.
    pub pairs: usize,
    /// Size of a queue at most.
    pub queue_size: u16,
    /// Receive buffers per pair: those in the ring and those that wait to be read.
    pub rx_buffers: usize,
    /// Long frames that may be on their way at once, per pair; 0 does without segmentation offload.
    pub long_tx_buffers: usize,
    /// Whether the device may merge TCP segments into long frames before it hands them over.
    pub merge_rx: bool,
}

impl Default for NetOptions {
    fn default() -> Self {
        NetOptions { pairs: 1, queue_size: 256, rx_buffers: 512, long_tx_buffers: 0, merge_rx: false }
    }
}

/// What was agreed on with the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetCapabilities {
    /// The device finishes transport checksums of what is sent.
    pub tx_checksum: bool,
    /// The device says which received checksums are good, or leaves local ones unfinished.
    pub rx_checksum: bool,
    /// The device cuts long TCP frames over IPv4.
    pub segment_tcp4: bool,
    /// The device cuts long TCP frames over IPv6.
    pub segment_tcp6: bool,
    /// The device may hand over long TCP frames.
    pub merged_rx: bool,
}

/// Bytes of a receive buffer: a whole frame of the usual MTU, two to a page.
const RX_BUFFER_LEN: usize = 2048;
/// Without mergeable buffers a merged frame must fit into one.
const RX_LONG_BUFFER_LEN: usize = 65_562 + HEADER_LEN;
/// Bytes of the usual buffer for sending.
const TX_BUFFER_LEN: usize = 2048;
/// Bytes of a buffer for a frame that the device cuts: the longest IP packet with its Ethernet header.
const TX_LONG_BUFFER_LEN: usize = HEADER_LEN + 14 + 65_535;
const ETHERNET_HEADER_LEN: usize = 14;
const DEFAULT_MTU: u16 = 1500;
const MIN_MTU: u16 = 576;

/// A running network device. Its queues are taken out and shared as the caller likes.
#[derive(Debug)]
pub struct Net {
    device: Arc<Device>,
    mac: [u8; 6],
    mtu: u16,
    capabilities: NetCapabilities,
    /// One for each pair.
    pub rx: Vec<RxQueue>,
    /// One for each pair.
    pub tx: Vec<TxQueue>,
}

/// What can be asked of the device while it runs.
#[derive(Clone, Debug)]
pub struct NetStatus(Arc<Device>);

impl NetStatus {
    /// Whether the link is up. A device that cannot say has it up.
    pub fn link_up(&self) -> bool {
        if !self.0.has(bits::STATUS) {
            return !self.0.is_failed();
        }
        !self.0.is_failed() && self.0.config::<2>(6).is_ok_and(|status| status[0] & 1 != 0)
    }
}

impl Net {
    /// Brings up the device behind `transport`. The receive queues are filled, with interrupts on.
    pub fn open(
        platform: &'static dyn Platform,
        transport: Box<dyn Transport>,
        options: NetOptions,
        events: Arc<dyn NetEvents>,
    ) -> Result<Net, DeviceError> {
        if transport.kind() != DeviceKind::Network {
            return Err(DeviceError::WrongKind);
        }
        let device = negotiate(platform, transport, &options)?;
        let max_pairs = max_pairs(&device)?;
        let pairs = options.pairs.clamp(1, usize::from(max_pairs));
        // Receive and send of each pair, then control; the control queue is polled.
        let handlers = handlers(&events, pairs);
        let changed = Arc::clone(&events);
        let vectors = device.bind(Arc::new(move || changed.changed()), &handlers)?;
        let queue = |index: usize| {
            let vector = vectors.get(index).copied().flatten();
            device.queue(queue_index(index)?, options.queue_size, vector)
        };
        let mut net = Net {
            mac: mac(&device)?,
            mtu: mtu(&device)?,
            capabilities: capabilities(&device, &options),
            rx: Vec::with_capacity(pairs),
            tx: Vec::with_capacity(pairs),
            device: Arc::clone(&device),
        };
        for pair in 0..pairs {
            net.rx.push(net.make_rx(queue(2 * pair)?, &options)?);
            net.tx.push(net.make_tx(queue(2 * pair + 1)?, &options)?);
        }
        let control = if pairs > 1 { Some(control_queue(&device, max_pairs)?) } else { None };
        device.start();
        if let Some(queue) = control {
            control::set_pairs(&device, queue, pairs)?;
        }
        for rx in &mut net.rx {
            rx.refill()?;
        }
        Ok(net)
    }

    fn make_rx(&self, queue: Queue, options: &NetOptions) -> Result<RxQueue, DeviceError> {
        let mergeable = self.device.has(bits::MRG_RXBUF);
        let frame_len = usize::from(self.mtu) + ETHERNET_HEADER_LEN + 4 + HEADER_LEN;
        let len = match (mergeable, self.capabilities.merged_rx) {
            (true, _) => RX_BUFFER_LEN,
            (false, true) => RX_LONG_BUFFER_LEN,
            (false, false) => RX_BUFFER_LEN.max(frame_len),
        };
        let pool =
            Pool::new(self.device.platform(), options.rx_buffers.max(2), len).ok_or(DeviceError::NoMemory)?;
        Ok(RxQueue::new(Arc::clone(&self.device), queue, pool, mergeable))
    }

    fn make_tx(&self, queue: Queue, options: &NetOptions) -> Result<TxQueue, DeviceError> {
        let platform = self.device.platform();
        let len = TX_BUFFER_LEN.max(usize::from(self.mtu) + ETHERNET_HEADER_LEN + HEADER_LEN);
        let normal = Pool::new(platform, usize::from(queue.size()), len).ok_or(DeviceError::NoMemory)?;
        let segments = self.capabilities.segment_tcp4 || self.capabilities.segment_tcp6;
        let long = if segments {
            Some(
                Pool::new(platform, options.long_tx_buffers, TX_LONG_BUFFER_LEN)
                    .ok_or(DeviceError::NoMemory)?,
            )
        } else {
            None
        };
        Ok(TxQueue::new(Arc::clone(&self.device), queue, TxBuffers::new(normal, long), self.capabilities))
    }

    /// The Ethernet address. A device that has none gets a locally administered one from the random generator.
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Longest IP packet.
    pub fn mtu(&self) -> u16 {
        self.mtu
    }

    /// What the device does for us.
    pub fn capabilities(&self) -> NetCapabilities {
        self.capabilities
    }

    /// For questions while the device runs.
    pub fn status(&self) -> NetStatus {
        NetStatus(Arc::clone(&self.device))
    }
}

fn negotiate(
    platform: &'static dyn Platform,
    transport: Box<dyn Transport>,
    options: &NetOptions,
) -> Result<Arc<Device>, DeviceError> {
    let offered = transport.features();
    let mut wanted = bits::CSUM | bits::GUEST_CSUM | bits::MTU | bits::MAC | bits::MRG_RXBUF | bits::STATUS;
    if options.pairs > 1 && offered & (bits::MQ | bits::CTRL_VQ) == bits::MQ | bits::CTRL_VQ {
        wanted |= bits::MQ | bits::CTRL_VQ;
    }
    // Segmentation needs the checksum of the same direction (virtio 1.2, section 5.1.3.1).
    if options.long_tx_buffers > 0 && offered & bits::CSUM != 0 {
        wanted |= bits::HOST_TSO4 | bits::HOST_TSO6;
    }
    if options.merge_rx && offered & bits::GUEST_CSUM != 0 {
        wanted |= bits::GUEST_TSO4 | bits::GUEST_TSO6;
    }
    Device::open(platform, transport, 0, wanted)
}

fn capabilities(device: &Device, options: &NetOptions) -> NetCapabilities {
    NetCapabilities {
        tx_checksum: device.has(bits::CSUM),
        rx_checksum: device.has(bits::GUEST_CSUM),
        segment_tcp4: options.long_tx_buffers > 0 && device.has(bits::HOST_TSO4),
        segment_tcp6: options.long_tx_buffers > 0 && device.has(bits::HOST_TSO6),
        merged_rx: device.features() & (bits::GUEST_TSO4 | bits::GUEST_TSO6) != 0,
    }
}

fn handlers(events: &Arc<dyn NetEvents>, pairs: usize) -> Vec<(usize, Handler)> {
    let mut handlers: Vec<(usize, Handler)> = Vec::with_capacity(2 * pairs);
    for pair in 0..pairs {
        let (rx, tx) = (Arc::clone(events), Arc::clone(events));
        handlers.push((pair, Arc::new(move || rx.received(pair))));
        handlers.push((pair, Arc::new(move || tx.sent(pair))));
    }
    handlers
}

fn queue_index(index: usize) -> Result<u16, DeviceError> {
    u16::try_from(index).map_err(|_| DeviceError::NoQueue)
}

fn control_queue(device: &Arc<Device>, max_pairs: u16) -> Result<Queue, DeviceError> {
    let index = max_pairs.checked_mul(2).ok_or(DeviceError::NoQueue)?;
    device.queue(index, 16, None)
}

fn max_pairs(device: &Device) -> Result<u16, DeviceError> {
    if !device.has(bits::MQ) {
        return Ok(1);
    }
    let pairs = u16::from_le_bytes(device.config(8)?);
    if (1..=0x8000).contains(&pairs) { Ok(pairs) } else { Err(DeviceError::BadRegisters) }
}

fn mac(device: &Device) -> Result<[u8; 6], DeviceError> {
    let mac = if device.has(bits::MAC) {
        device.config(0)?
    } else {
        let mut mac = [0; 6];
        osv_base::random::fill(&mut mac);
        mac[0] = mac[0] & !1 | 2;
        mac
    };
    // A group address cannot be a station's.
    if mac[0] & 1 == 0 { Ok(mac) } else { Err(DeviceError::BadRegisters) }
}

fn mtu(device: &Device) -> Result<u16, DeviceError> {
    if !device.has(bits::MTU) {
        return Ok(DEFAULT_MTU);
    }
    let mtu = u16::from_le_bytes(device.config(10)?);
    if mtu >= MIN_MTU { Ok(mtu) } else { Err(DeviceError::BadRegisters) }
}

const _: () = assert!(feature::VERSION_1 > u32::MAX as u64, "kind-specific bits lie in the low word");
