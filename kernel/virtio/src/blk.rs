//! virtio-blk: a disk, in pages of 4 KiB.
//!
//! A request moves whole pages to or from memory of the caller's, without a copy: it hands the pages over with the
//! request and gets them back with the answer, and nobody looks at them meanwhile. Requests are queued, any number
//! goes to the disk with one notification ([`Block::flush`]), and they come back in any order ([`Block::poll`]).
//! Nothing here waits.

#[cfg(test)]
mod tests;

use crate::device::{Device, DeviceError, DeviceKind};
use crate::dma::{Pool, Slot};
use crate::platform::{Handler, Platform};
use crate::queue::{Buffer, Queue};
use crate::transport::Transport;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_base::{PAGE_SIZE, PhysAddr};

/// Bytes in a sector, the unit that the device counts in.
pub const SECTOR_LEN: usize = 512;
/// Sectors in a page.
const SECTORS: u64 = (PAGE_SIZE / SECTOR_LEN) as u64;
/// Pages in a request at most, whatever the device would take.
const MAX_PAGES: usize = 64;

const HEADER_LEN: usize = 16;
const STATUS_LEN: usize = 1;
const QUEUE_SIZE: u16 = 256;
const REQUESTS: usize = 32;

mod bits {
    pub const SIZE_MAX: u64 = 1 << 1;
    pub const SEG_MAX: u64 = 1 << 2;
    pub const RO: u64 = 1 << 5;
    pub const FLUSH: u64 = 1 << 9;
}

/// A page of memory that the disk reads or writes. While it is part of a request nobody else may touch its bytes.
pub trait Page: Send {
    /// Where devices find it: 4096 bytes from here on.
    fn phys(&self) -> PhysAddr;
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reads pages.
    Read,
    /// Writes pages.
    Write,
    /// Makes durable what was written; has no pages.
    Flush,
}

/// Names a request that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u16);

/// What became of a request that was handed over.
#[derive(Debug)]
pub enum Submitted<P> {
    /// It is queued.
    Queued(Ticket),
    /// Too much is on its way: here are its pages back.
    Full(Vec<P>),
}

/// A finished request.
#[derive(Debug)]
pub struct Done<P> {
    /// What [`Block::submit`] returned.
    pub ticket: Ticket,
    /// Whether the disk did it.
    pub result: Result<(), DeviceError>,
    /// Its pages.
    pub pages: Vec<P>,
}

#[derive(Debug)]
struct Request<P> {
    slot: Slot,
    operation: Operation,
    pages: Vec<P>,
}

/// A disk.
#[derive(Debug)]
pub struct Block<P> {
    device: Arc<Device>,
    queue: Queue,
    pool: Arc<Pool>,
    inflight: Box<[Option<Request<P>>]>,
    sectors: u64,
    max_pages: usize,
    /// Bytes that one descriptor may name.
    max_segment: u32,
}

impl<P: Page> Block<P> {
    /// Brings up the device behind `transport`; `handler` is called when requests are done.
    pub fn open(
        platform: &'static dyn Platform,
        transport: Box<dyn Transport>,
        handler: Handler,
    ) -> Result<Self, DeviceError> {
        if transport.kind() != DeviceKind::Block {
            return Err(DeviceError::WrongKind);
        }
        let wanted = bits::RO | bits::FLUSH | bits::SIZE_MAX | bits::SEG_MAX;
        let device = Device::open(platform, transport, 0, wanted)?;
        let vectors = device.bind(Arc::new(|| {}), &[(0, handler)])?;
        let queue = device.queue(0, QUEUE_SIZE, vectors.first().copied().flatten())?;
        if queue.size() < 3 {
            return Err(DeviceError::NoQueue);
        }
        let requests = REQUESTS.min(usize::from(queue.size()) / 3).max(1);
        let pool = Pool::new(platform, requests, HEADER_LEN + STATUS_LEN).ok_or(DeviceError::NoMemory)?;
        let sectors = u64::from_le_bytes(device.config(0)?);
        // Without a word from the device, one segment of any length is all that may be counted on.
        let segments = if device.has(bits::SEG_MAX) { u32::from_le_bytes(device.config(12)?) } else { 1 };
        let max_segment =
            if device.has(bits::SIZE_MAX) { u32::from_le_bytes(device.config(8)?) } else { u32::MAX };
        if segments == 0 || (max_segment as usize) < PAGE_SIZE {
            return Err(DeviceError::Features);
        }
        let max_pages = MAX_PAGES.min(segments as usize).min(usize::from(queue.size()) - 2);
        let inflight = (0..queue.size()).map(|_| None).collect();
        device.start();
        Ok(Block { device, queue, pool, inflight, sectors, max_pages, max_segment })
    }

    /// Whole pages on the disk.
    pub fn pages(&self) -> u64 {
        self.sectors / SECTORS
    }

    /// Pages in a request at most.
    pub fn max_pages(&self) -> usize {
        self.max_pages
    }

    /// Whether the disk takes no writes.
    pub fn is_read_only(&self) -> bool {
        self.device.has(bits::RO)
    }

    /// Whether it broke the rules, and everything it had is to be taken back by [`Block::abandon`].
    pub fn is_failed(&self) -> bool {
        self.device.is_failed()
    }

    /// Queues a request for `pages`, which lie on the disk from page `first` on. A disk without a cache to flush
    /// answers [`Operation::Flush`] like any other.
    pub fn submit(
        &mut self,
        operation: Operation,
        first: u64,
        pages: Vec<P>,
    ) -> Result<Submitted<P>, DeviceError> {
        if self.device.is_failed() {
            return Err(DeviceError::Failed);
        }
        let in_range = first.checked_add(pages.len() as u64).is_some_and(|end| end <= self.pages());
        let refused = operation == Operation::Write && self.is_read_only();
        if pages.len() > self.max_pages
            || pages.is_empty() != (operation == Operation::Flush)
            || !in_range
            || refused
        {
            return Err(DeviceError::Refused);
        }
        if usize::from(self.queue.free()) < pages.len() + 2 {
            return Ok(Submitted::Full(pages));
        }
        let Some(mut slot) = self.pool.take() else { return Ok(Submitted::Full(pages)) };
        let kind: u32 = match operation {
            Operation::Read => 0,
            Operation::Write => 1,
            Operation::Flush => 4,
        };
        let bytes = slot.bytes_mut();
        bytes[..4].copy_from_slice(&kind.to_le_bytes());
        bytes[4..8].fill(0);
        bytes[8..HEADER_LEN].copy_from_slice(&(first * SECTORS).to_le_bytes());
        // What the device will overwrite.
        bytes[HEADER_LEN] = 0xff;
        let mut chain = Vec::with_capacity(pages.len() + 2);
        chain.push(Buffer { phys: slot.phys(), len: HEADER_LEN as u32, writable: false });
        self.segments(&pages, operation == Operation::Read, &mut chain);
        let status = slot.phys().offset(HEADER_LEN as u64);
        chain.push(Buffer { phys: status, len: STATUS_LEN as u32, writable: true });
        let head = self.queue.add(&chain).map_err(|_| DeviceError::NoQueue)?;
        if let Some(place) = self.inflight.get_mut(usize::from(head)) {
            *place = Some(Request { slot, operation, pages });
        }
        Ok(Submitted::Queued(Ticket(head)))
    }

    /// Descriptors of `pages`, one for those that lie in a row in memory.
    fn segments(&self, pages: &[P], writable: bool, chain: &mut Vec<Buffer>) {
        let header = chain.len();
        for page in pages {
            let phys = page.phys();
            match chain.get_mut(header..).and_then(<[Buffer]>::last_mut) {
                Some(last)
                    if last.phys.offset(last.len.into()) == phys
                        && last
                            .len
                            .checked_add(PAGE_SIZE as u32)
                            .is_some_and(|len| len <= self.max_segment) =>
                {
                    last.len += PAGE_SIZE as u32;
                }
                _ => chain.push(Buffer { phys, len: PAGE_SIZE as u32, writable }),
            }
        }
    }

    /// Tells the disk of queued requests.
    pub fn flush(&mut self) {
        self.queue.kick();
    }

    /// A request that is done.
    pub fn poll(&mut self) -> Result<Option<Done<P>>, DeviceError> {
        if self.device.is_failed() {
            return Err(DeviceError::Failed);
        }
        let Some(used) = self.queue.pop().map_err(|error| self.device.fail(error))? else { return Ok(None) };
        let place = self.inflight.get_mut(usize::from(used.head));
        let Some(request) = place.and_then(Option::take) else {
            return Err(self.device.fail(DeviceError::UsedElement));
        };
        let written = usize::try_from(used.len).unwrap_or(0);
        let data = if request.operation == Operation::Read { request.pages.len() * PAGE_SIZE } else { 0 };
        let ok = request.slot.bytes()[HEADER_LEN] == 0;
        if ok && written < data + STATUS_LEN {
            // Goes with the others of a device that failed.
            self.inflight[usize::from(used.head)] = Some(request);
            return Err(self.device.fail(DeviceError::UsedLength));
        }
        let result = if ok { Ok(()) } else { Err(DeviceError::Refused) };
        Ok(Some(Done { ticket: Ticket(used.head), result, pages: request.pages }))
    }

    /// A request that a device which failed will never answer; `None` when there is none left, or it did not fail.
    pub fn abandon(&mut self) -> Option<Done<P>> {
        if !self.device.is_failed() {
            return None;
        }
        let (head, request) =
            self.inflight.iter_mut().enumerate().find_map(|(head, place)| Some((head, place.take()?)))?;
        let ticket = Ticket(u16::try_from(head).unwrap_or(0));
        Some(Done { ticket, result: Err(DeviceError::Failed), pages: request.pages })
    }

    /// Asks for an interrupt when a request is done. True when one is done already.
    #[must_use]
    pub fn enable_interrupts(&mut self) -> bool {
        self.queue.enable_interrupts()
    }
}

impl<P> Drop for Block<P> {
    /// The device must not write to pages that are nobody's any more.
    fn drop(&mut self) {
        self.device.shut_down();
    }
}
