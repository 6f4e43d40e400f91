//! Receiving.

use super::header::{HEADER_LEN, RxChecksum, RxHeader};
use crate::device::{Device, DeviceError};
use crate::dma::{Pool, Slot};
use crate::queue::{Buffer, Queue};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A queue of received frames.
#[derive(Debug)]
pub struct RxQueue {
    device: Arc<Device>,
    queue: Queue,
    pool: Arc<Pool>,
    /// Buffers that the device has, by head.
    inflight: Box<[Option<Slot>]>,
    mergeable: bool,
}

/// A part of a frame: a buffer and where in it the bytes lie.
#[derive(Debug)]
struct Part {
    slot: Slot,
    start: usize,
    end: usize,
}

impl Part {
    fn bytes(&self) -> &[u8] {
        self.slot.bytes().get(self.start..self.end).unwrap_or_default()
    }
}

/// A received Ethernet frame, in the buffers that the device wrote it to. They go back to the ring some time
/// after this is dropped, so don't keep it for long.
#[derive(Debug)]
pub struct RxFrame {
    first: Part,
    rest: Vec<Part>,
    checksum: RxChecksum,
    merged_mss: Option<u16>,
}

impl RxFrame {
    /// The frame's first bytes, headers included; all of it when [`RxFrame::is_contiguous`].
    pub fn first(&self) -> &[u8] {
        self.first.bytes()
    }

    /// Whether the frame lies in one buffer, as all do that are no longer than the MTU allows.
    pub fn is_contiguous(&self) -> bool {
        self.rest.is_empty()
    }

    /// The frame's pieces in order.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        core::iter::once(&self.first).chain(&self.rest).map(Part::bytes)
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.parts().map(<[u8]>::len).sum()
    }

    /// Whether the device sent a header and nothing behind it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the device says of the transport checksum. A partial one lies within the frame.
    pub fn checksum(&self) -> RxChecksum {
        self.checksum
    }

    /// Payload of the segments that a long frame was merged from, if it was.
    pub fn merged_mss(&self) -> Option<u16> {
        self.merged_mss
    }
}

impl RxQueue {
    pub(super) fn new(device: Arc<Device>, queue: Queue, pool: Arc<Pool>, mergeable: bool) -> RxQueue {
        let inflight = (0..queue.size()).map(|_| None).collect();
        RxQueue { device, queue, pool, inflight, mergeable }
    }

    /// The next frame. Call [`RxQueue::refill`] after a batch.
    pub fn receive(&mut self) -> Result<Option<RxFrame>, DeviceError> {
        if self.device.is_failed() {
            return Err(DeviceError::Failed);
        }
        self.next_frame().map_err(|error| self.device.fail(error))
    }

    fn next_frame(&mut self) -> Result<Option<RxFrame>, DeviceError> {
        let Some((slot, len)) = self.next_buffer()? else { return Ok(None) };
        let filled = slot.bytes().get(..len).ok_or(DeviceError::UsedLength)?;
        let header = RxHeader::parse(filled)?;
        let first = Part { slot, start: HEADER_LEN, end: len };
        // Without mergeable buffers the field means nothing.
        let buffers = if self.mergeable { header.buffers } else { 1 };
        if buffers == 0 || buffers > self.queue.size() {
            return Err(DeviceError::BadHeader);
        }
        let mut rest = Vec::new();
        for _ in 1..buffers {
            // All buffers of a frame are given back at once.
            let (slot, end) = self.next_buffer()?.ok_or(DeviceError::BadHeader)?;
            rest.push(Part { slot, start: 0, end });
        }
        let frame = RxFrame { first, rest, checksum: header.checksum, merged_mss: header.merged_mss };
        match frame.checksum {
            RxChecksum::Partial(partial) if !partial.fits(frame.len()) => Err(DeviceError::BadHeader),
            _ => Ok(Some(frame)),
        }
    }

    fn next_buffer(&mut self) -> Result<Option<(Slot, usize)>, DeviceError> {
        let Some(used) = self.queue.pop()? else { return Ok(None) };
        let slot = self.inflight.get_mut(usize::from(used.head)).and_then(Option::take);
        let slot = slot.ok_or(DeviceError::UsedElement)?;
        let len = usize::try_from(used.len).map_err(|_| DeviceError::UsedLength)?;
        Ok(Some((slot, len)))
    }

    /// Gives the device free buffers, and tells it of them once.
    pub fn refill(&mut self) -> Result<(), DeviceError> {
        if self.device.is_failed() {
            return Err(DeviceError::Failed);
        }
        while self.queue.free() > 0
            && let Some(slot) = self.pool.take()
        {
            let len = u32::try_from(slot.len()).unwrap_or(u32::MAX);
            let Ok(head) = self.queue.add(&[Buffer { phys: slot.phys(), len, writable: true }]) else {
                break;
            };
            if let Some(place) = self.inflight.get_mut(usize::from(head)) {
                *place = Some(slot);
            }
        }
        self.queue.kick();
        Ok(())
    }

    /// Whether the device has so few buffers that frames may soon be lost, because too many [`RxFrame`]s are
    /// alive. No interrupt tells when that ends: call [`RxQueue::refill`] again later.
    pub fn is_starved(&self) -> bool {
        self.queue.outstanding() < self.queue.size() / 4
    }

    /// Whether [`RxQueue::receive`] would find something.
    pub fn has_frames(&self) -> bool {
        self.queue.has_used()
    }

    /// Asks for no interrupts, for as long as the caller polls.
    pub fn disable_interrupts(&mut self) {
        self.queue.disable_interrupts();
    }

    /// Asks for an interrupt with the next frame. True when one is there already: poll again.
    #[must_use]
    pub fn enable_interrupts(&mut self) -> bool {
        self.queue.enable_interrupts()
    }
}
