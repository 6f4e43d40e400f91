//! Sending.

use super::NetCapabilities;
use super::header::{HEADER_LEN, Offload, Segmentation};
use crate::device::{Device, DeviceError};
use crate::dma::{Pool, Slot};
use crate::queue::{Buffer, Queue};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

/// Where buffers for frames come from. It is shared by all who send through a queue, without a lock.
#[derive(Clone, Debug)]
pub struct TxBuffers {
    normal: Arc<Pool>,
    long: Option<Arc<Pool>>,
}

impl TxBuffers {
    pub(super) fn new(normal: Arc<Pool>, long: Option<Arc<Pool>>) -> TxBuffers {
        TxBuffers { normal, long }
    }

    /// A buffer for a frame of `len` bytes, whose content is unspecified. `None` when all of that size are on
    /// their way, or none is that large.
    pub fn take(&self, len: usize) -> Option<TxBuffer> {
        let total = len.checked_add(HEADER_LEN)?;
        let pool = if total <= self.normal.slot_len() { &self.normal } else { self.long.as_ref()? };
        if total > pool.slot_len() {
            return None;
        }
        Some(TxBuffer { slot: pool.take()?, len })
    }

    /// Buffers of normal length that are free, as of some moment ago.
    pub fn available(&self) -> usize {
        self.normal.free()
    }

    /// Longest frame that a buffer holds.
    pub fn longest(&self) -> usize {
        self.long.as_ref().unwrap_or(&self.normal).slot_len().saturating_sub(HEADER_LEN)
    }
}

/// A frame in the making. It goes back to its pool when it is dropped instead of sent.
#[derive(Debug)]
pub struct TxBuffer {
    slot: Slot,
    len: usize,
}

impl TxBuffer {
    /// The frame.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let end = HEADER_LEN + self.len;
        self.slot.bytes_mut().get_mut(HEADER_LEN..end).unwrap_or_default()
    }

    /// The frame.
    pub fn bytes(&self) -> &[u8] {
        self.slot.bytes().get(HEADER_LEN..HEADER_LEN + self.len).unwrap_or_default()
    }

    /// Makes the frame shorter.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Length of the frame.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the frame has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Why a frame was not sent. Where trying again makes sense, the frame comes back.
pub enum SendError {
    /// The queue is full.
    Full(TxBuffer),
    /// The device does not do what [`Offload`] asks for, or the offload doesn't fit the frame.
    Unsupported(TxBuffer),
    /// The device is out of use.
    Device(DeviceError),
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full(_) => f.write_str("Full"),
            SendError::Unsupported(_) => f.write_str("Unsupported"),
            SendError::Device(error) => write!(f, "Device({error})"),
        }
    }
}

/// A queue of frames to send.
#[derive(Debug)]
pub struct TxQueue {
    device: Arc<Device>,
    queue: Queue,
    buffers: TxBuffers,
    /// Buffers that the device has, by head.
    inflight: Box<[Option<Slot>]>,
    capabilities: NetCapabilities,
}

impl TxQueue {
    pub(super) fn new(
        device: Arc<Device>,
        mut queue: Queue,
        buffers: TxBuffers,
        capabilities: NetCapabilities,
    ) -> TxQueue {
        queue.disable_interrupts();
        let inflight = (0..queue.size()).map(|_| None).collect();
        TxQueue { device, queue, buffers, inflight, capabilities }
    }

    /// Where buffers for this queue come from.
    pub fn buffers(&self) -> TxBuffers {
        self.buffers.clone()
    }

    /// Queues a frame. The device learns of it by [`TxQueue::flush`].
    pub fn send(&mut self, mut frame: TxBuffer, offload: Offload) -> Result<(), SendError> {
        if self.device.is_failed() {
            return Err(SendError::Device(DeviceError::Failed));
        }
        if !self.supports(&frame, offload) {
            return Err(SendError::Unsupported(frame));
        }
        // Collect at half, so that neither buffers nor descriptors run out while the device has finished many.
        if self.queue.free() <= self.queue.size() / 2 {
            self.collect().map_err(SendError::Device)?;
        }
        let Some(header) = frame.slot.bytes_mut().first_chunk_mut() else {
            return Err(SendError::Unsupported(frame));
        };
        offload.write(header);
        let len = u32::try_from(HEADER_LEN + frame.len).unwrap_or(u32::MAX);
        match self.queue.add(&[Buffer { phys: frame.slot.phys(), len, writable: false }]) {
            Ok(head) => {
                if let Some(place) = self.inflight.get_mut(usize::from(head)) {
                    *place = Some(frame.slot);
                }
                Ok(())
            }
            Err(_) => Err(SendError::Full(frame)),
        }
    }

    fn supports(&self, frame: &TxBuffer, offload: Offload) -> bool {
        match offload {
            Offload::None => true,
            Offload::Checksum(checksum) => self.capabilities.tx_checksum && checksum.fits(frame.len),
            Offload::Segment { kind, header_len, mss, checksum } => {
                let able = match kind {
                    Segmentation::Tcp4 => self.capabilities.segment_tcp4,
                    Segmentation::Tcp6 => self.capabilities.segment_tcp6,
                };
                able && mss > 0 && usize::from(header_len) <= frame.len && checksum.fits(frame.len)
            }
        }
    }

    /// Tells the device of what was queued.
    pub fn flush(&mut self) {
        self.queue.kick();
    }

    /// Takes back the buffers that the device has sent; says how many.
    pub fn collect(&mut self) -> Result<usize, DeviceError> {
        if self.device.is_failed() {
            return Err(DeviceError::Failed);
        }
        let mut collected = 0;
        while let Some(used) = self.queue.pop().map_err(|error| self.device.fail(error))? {
            if let Some(place) = self.inflight.get_mut(usize::from(used.head)) {
                *place = None;
            }
            collected += 1;
        }
        Ok(collected)
    }

    /// Takes back what the device has sent, and says whether a frame of normal length would be taken now: a state,
    /// and so right for whoever asks, also when another sender collected the buffers.
    pub fn room(&mut self) -> Result<bool, DeviceError> {
        self.collect()?;
        Ok(self.queue.free() > 0 && self.buffers.available() > 0)
    }

    /// Frames that the device has not given back.
    pub fn outstanding(&self) -> usize {
        self.queue.outstanding().into()
    }

    /// Asks for an interrupt when much of what is out has been sent, for a sender that found no buffer. True
    /// when that is so already: [`TxQueue::collect`] and try again.
    #[must_use]
    pub fn enable_interrupts(&mut self) -> bool {
        self.queue.enable_interrupts_late()
    }

    /// Asks for no more interrupts: the normal state.
    pub fn disable_interrupts(&mut self) {
        self.queue.disable_interrupts();
    }
}
