//! virtio-blk: a disk in sectors of 512 bytes. Requests are queued and collected, or done one at a time by
//! polling, which is what reading a root image at boot needs.

#[cfg(test)]
mod tests;

use crate::device::{Device, DeviceError, DeviceKind};
use crate::dma::{Pool, Slot};
use crate::platform::{Handler, Platform};
use crate::queue::{Buffer, Queue};
use crate::transport::Transport;
use alloc::boxed::Box;
use alloc::sync::Arc;

/// Bytes in a sector, whatever the disk's own block size.
pub const SECTOR_LEN: usize = 512;
/// Bytes of data in a request at most.
pub const MAX_DATA: usize = 60 << 10;

const HEADER_LEN: usize = 16;
const STATUS_LEN: usize = 1;
const DATA_AT: usize = 64;
const QUEUE_SIZE: u16 = 64;
const REQUESTS: usize = 16;

mod bits {
    pub const RO: u64 = 1 << 5;
    pub const FLUSH: u64 = 1 << 9;
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read sectors.
    Read,
    /// Write sectors.
    Write,
    /// Make what was written durable.
    Flush,
}

/// Names a request that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u16);

/// A finished request.
#[derive(Debug)]
pub struct Done {
    /// What [`Block::submit`] returned.
    pub ticket: Ticket,
    /// Whether the disk did it.
    pub result: Result<(), DeviceError>,
    slot: Slot,
    len: usize,
}

impl Done {
    /// The data of a read.
    pub fn data(&self) -> &[u8] {
        self.slot.bytes().get(DATA_AT..DATA_AT + self.len).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Request {
    slot: Slot,
    operation: Operation,
    len: usize,
}

/// A disk.
#[derive(Debug)]
pub struct Block {
    device: Arc<Device>,
    queue: Queue,
    pool: Arc<Pool>,
    inflight: Box<[Option<Request>]>,
    sectors: u64,
}

impl Block {
    /// Brings up the device behind `transport`; `handler` is called when requests are done.
    pub fn open(
        platform: &'static dyn Platform,
        transport: Box<dyn Transport>,
        handler: Handler,
    ) -> Result<Block, DeviceError> {
        if transport.kind() != DeviceKind::Block {
            return Err(DeviceError::WrongKind);
        }
        let device = Device::open(platform, transport, 0, bits::RO | bits::FLUSH)?;
        let vectors = device.bind(Arc::new(|| {}), &[(0, handler)])?;
        let queue = device.queue(0, QUEUE_SIZE, vectors.first().copied().flatten())?;
        let requests = REQUESTS.min(usize::from(queue.size()) / 3).max(1);
        let pool = Pool::new(platform, requests, DATA_AT + MAX_DATA).ok_or(DeviceError::NoMemory)?;
        let sectors = u64::from_le_bytes(device.config(0)?);
        let inflight = (0..queue.size()).map(|_| None).collect();
        device.start();
        Ok(Block { device, queue, pool, inflight, sectors })
    }

    /// Sectors of the disk.
    pub fn sectors(&self) -> u64 {
        self.sectors
    }

    /// Whether the disk takes no writes.
    pub fn is_read_only(&self) -> bool {
        self.device.has(bits::RO)
    }

    /// Queues a request for `len` bytes from `sector` on; `fill` writes the data of a write. `Ok(None)`: too
    /// much is on its way. A disk without a cache to flush answers [`Operation::Flush`] like any other.
    pub fn submit(
        &mut self,
        operation: Operation,
        sector: u64,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Option<Ticket>, DeviceError> {
        if self.device.is_failed() {
            return Err(DeviceError::Failed);
        }
        let sectors = (len / SECTOR_LEN) as u64;
        let in_range = sector.checked_add(sectors).is_some_and(|end| end <= self.sectors);
        let refused = operation == Operation::Write && self.is_read_only();
        if len > MAX_DATA || !len.is_multiple_of(SECTOR_LEN) || !in_range || refused {
            return Err(DeviceError::Refused);
        }
        if self.queue.free() < 3 {
            return Ok(None);
        }
        let Some(mut slot) = self.pool.take() else { return Ok(None) };
        let kind: u32 = match operation {
            Operation::Read => 0,
            Operation::Write => 1,
            Operation::Flush => 4,
        };
        let bytes = slot.bytes_mut();
        bytes[..4].copy_from_slice(&kind.to_le_bytes());
        bytes[4..8].fill(0);
        bytes[8..HEADER_LEN].copy_from_slice(&sector.to_le_bytes());
        bytes[HEADER_LEN] = 0xff;
        fill(&mut bytes[DATA_AT..DATA_AT + len]);
        let phys = slot.phys();
        let header = Buffer { phys, len: HEADER_LEN as u32, writable: false };
        let status = Buffer { phys: phys.offset(HEADER_LEN as u64), len: STATUS_LEN as u32, writable: true };
        let data_len = u32::try_from(len).map_err(|_| DeviceError::Refused)?;
        let data = Buffer {
            phys: phys.offset(DATA_AT as u64),
            len: data_len,
            writable: operation == Operation::Read,
        };
        let added = if len == 0 {
            self.queue.add(&[header, status])
        } else {
            self.queue.add(&[header, data, status])
        };
        let head = added.map_err(|_| DeviceError::NoQueue)?;
        if let Some(place) = self.inflight.get_mut(usize::from(head)) {
            *place = Some(Request { slot, operation, len });
        }
        Ok(Some(Ticket(head)))
    }

    /// Tells the disk of queued requests.
    pub fn flush(&mut self) {
        self.queue.kick();
    }

    /// A request that is done.
    pub fn poll(&mut self) -> Result<Option<Done>, DeviceError> {
        if self.device.is_failed() {
            return Err(DeviceError::Failed);
        }
        let Some(used) = self.queue.pop().map_err(|error| self.device.fail(error))? else { return Ok(None) };
        let request = self.inflight.get_mut(usize::from(used.head)).and_then(Option::take);
        let Request { slot, operation, len } =
            request.ok_or_else(|| self.device.fail(DeviceError::UsedElement))?;
        let written = usize::try_from(used.len).unwrap_or(0);
        let expected = STATUS_LEN + if operation == Operation::Read { len } else { 0 };
        let ok = slot.bytes()[HEADER_LEN] == 0;
        if ok && written < expected {
            return Err(self.device.fail(DeviceError::UsedLength));
        }
        let result = if ok { Ok(()) } else { Err(DeviceError::Refused) };
        Ok(Some(Done { ticket: Ticket(used.head), result, slot, len }))
    }

    /// Asks for an interrupt when a request is done. True when one is done already.
    #[must_use]
    pub fn enable_interrupts(&mut self) -> bool {
        self.queue.enable_interrupts()
    }
}
