//! virtio-console: one port, a stream of bytes each way. `supervisor` gives the bytes their meaning.

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

const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
const BUFFER_LEN: usize = 4096;
const RX_BUFFERS: u16 = 4;
const TX_BUFFERS: u16 = 8;

/// The only port of a console device.
#[derive(Debug)]
pub struct Console {
    device: Arc<Device>,
    rx: Queue,
    tx: Queue,
    rx_pool: Arc<Pool>,
    tx_pool: Arc<Pool>,
    rx_inflight: Vec<Option<Slot>>,
    tx_inflight: Vec<Option<Slot>>,
    /// A received buffer that was read in part: its bytes from `.1` to `.2` are left.
    partial: Option<(Slot, usize, usize)>,
}

impl Console {
    /// Brings up the device behind `transport`. `handler` is called, in interrupt context, when input has come
    /// and, after [`Console::enable_interrupts`] found output waiting, when there is room for more.
    pub fn open(
        platform: &'static dyn Platform,
        transport: Box<dyn Transport>,
        handler: Handler,
    ) -> Result<Console, DeviceError> {
        if transport.kind() != DeviceKind::Console {
            return Err(DeviceError::WrongKind);
        }
        let device = Device::open(platform, transport, 0, 0)?;
        let causes = [(0, Arc::clone(&handler)), (0, handler)];
        let vectors = device.bind(Arc::new(|| {}), &causes)?;
        let vector = |index: u16| vectors.get(usize::from(index)).copied().flatten();
        let rx = device.queue(RECEIVE, RX_BUFFERS, vector(RECEIVE))?;
        let mut tx = device.queue(TRANSMIT, TX_BUFFERS, vector(TRANSMIT))?;
        tx.disable_interrupts();
        let pool = |slots: u16| Pool::new(platform, slots.into(), BUFFER_LEN).ok_or(DeviceError::NoMemory);
        let places = |queue: &Queue| (0..queue.size()).map(|_| None).collect();
        let mut console = Console {
            rx_pool: pool(rx.size() + 1)?,
            tx_pool: pool(tx.size())?,
            rx_inflight: places(&rx),
            tx_inflight: places(&tx),
            device,
            rx,
            tx,
            partial: None,
        };
        console.device.start();
        console.refill();
        Ok(console)
    }

    fn check(&self) -> Result<(), DeviceError> {
        if self.device.is_failed() { Err(DeviceError::Failed) } else { Ok(()) }
    }

    fn refill(&mut self) {
        while self.rx.free() > 0
            && let Some(slot) = self.rx_pool.take()
        {
            let buffer = Buffer { phys: slot.phys(), len: BUFFER_LEN as u32, writable: true };
            let Ok(head) = self.rx.add(&[buffer]) else { break };
            if let Some(place) = self.rx_inflight.get_mut(usize::from(head)) {
                *place = Some(slot);
            }
        }
        self.rx.kick();
    }

    /// Takes input that has come; 0 when there is none.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, DeviceError> {
        self.check()?;
        let mut done = 0;
        while done < out.len() {
            let Some((slot, start, end)) = self.next_input()? else { break };
            let bytes = slot.bytes().get(start..end).unwrap_or_default();
            let n = bytes.len().min(out.len() - done);
            out[done..done + n].copy_from_slice(&bytes[..n]);
            done += n;
            if n < bytes.len() {
                self.partial = Some((slot, start + n, end));
            }
        }
        self.refill();
        Ok(done)
    }

    fn next_input(&mut self) -> Result<Option<(Slot, usize, usize)>, DeviceError> {
        if let Some(partial) = self.partial.take() {
            return Ok(Some(partial));
        }
        let Some(used) = self.rx.pop().map_err(|error| self.device.fail(error))? else { return Ok(None) };
        let slot = self.rx_inflight.get_mut(usize::from(used.head)).and_then(Option::take);
        let slot = slot.ok_or_else(|| self.device.fail(DeviceError::UsedElement))?;
        let len = usize::try_from(used.len).unwrap_or(0);
        Ok(Some((slot, 0, len)))
    }

    /// Sends as much of `bytes` as there is room for, and says how much that is.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, DeviceError> {
        self.collect()?;
        let mut done = 0;
        while done < bytes.len() && self.tx.free() > 0 {
            let Some(mut slot) = self.tx_pool.take() else { break };
            let n = slot.len().min(bytes.len() - done);
            slot.bytes_mut()[..n].copy_from_slice(&bytes[done..done + n]);
            let len = u32::try_from(n).unwrap_or(0);
            let Ok(head) = self.tx.add(&[Buffer { phys: slot.phys(), len, writable: false }]) else { break };
            if let Some(place) = self.tx_inflight.get_mut(usize::from(head)) {
                *place = Some(slot);
            }
            done += n;
        }
        self.tx.kick();
        Ok(done)
    }

    /// Takes back what the device has sent.
    fn collect(&mut self) -> Result<(), DeviceError> {
        self.check()?;
        while let Some(used) = self.tx.pop().map_err(|error| self.device.fail(error))? {
            if let Some(place) = self.tx_inflight.get_mut(usize::from(used.head)) {
                *place = None;
            }
        }
        Ok(())
    }

    /// Whether all output has reached the device's other side.
    pub fn is_drained(&mut self) -> Result<bool, DeviceError> {
        self.collect()?;
        Ok(self.tx.outstanding() == 0)
    }

    /// Asks for an interrupt when input comes, and when output moves if some is on its way and `output_waits`.
    /// True when there is something to do already.
    #[must_use]
    pub fn enable_interrupts(&mut self, output_waits: bool) -> bool {
        let moved = if output_waits && self.tx.outstanding() > 0 {
            self.tx.enable_interrupts()
        } else {
            self.tx.disable_interrupts();
            output_waits
        };
        let came = self.rx.enable_interrupts();
        came || moved || self.partial.is_some()
    }
}
