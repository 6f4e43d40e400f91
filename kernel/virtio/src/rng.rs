//! virtio-rng: random bytes from the host.

#[cfg(test)]
mod tests;

use crate::device::{Device, DeviceError, DeviceKind};
use crate::dma::{Pool, Slot};
use crate::platform::Platform;
use crate::queue::{Buffer, Queue};
use crate::transport::Transport;
use alloc::boxed::Box;
use alloc::sync::Arc;

const BUFFER_LEN: usize = 64;

/// An entropy source. It is polled: bring-up asks once, for the generator's seed.
#[derive(Debug)]
pub struct Rng {
    device: Arc<Device>,
    queue: Queue,
    pool: Arc<Pool>,
    /// The buffer that the device has.
    inflight: Option<Slot>,
}

impl Rng {
    /// Brings up the device behind `transport`.
    pub fn open(platform: &'static dyn Platform, transport: Box<dyn Transport>) -> Result<Rng, DeviceError> {
        if transport.kind() != DeviceKind::Entropy {
            return Err(DeviceError::WrongKind);
        }
        let device = Device::open(platform, transport, 0, 0)?;
        let mut queue = device.queue(0, 4, None)?;
        queue.disable_interrupts();
        let pool = Pool::new(platform, 1, BUFFER_LEN).ok_or(DeviceError::NoMemory)?;
        device.start();
        Ok(Rng { device, queue, pool, inflight: None })
    }

    /// Asks for `len` bytes (at most 64) unless a request is out.
    fn request(&mut self, len: usize) -> Result<(), DeviceError> {
        if self.inflight.is_none() {
            let mut slot = self.pool.take().ok_or(DeviceError::NoMemory)?;
            slot.bytes_mut().fill(0);
            let len = u32::try_from(len.min(slot.len())).unwrap_or(0);
            self.queue
                .add(&[Buffer { phys: slot.phys(), len, writable: true }])
                .map_err(|_| DeviceError::NoQueue)?;
            self.inflight = Some(slot);
            self.queue.kick();
        }
        Ok(())
    }

    /// Fills `out`, asking for more while `keep_waiting` says so. Bytes that are handed out are wiped here.
    pub fn fill(
        &mut self,
        out: &mut [u8],
        mut keep_waiting: impl FnMut() -> bool,
    ) -> Result<(), DeviceError> {
        let mut done = 0;
        while done < out.len() {
            if self.device.is_failed() {
                return Err(DeviceError::Failed);
            }
            self.request(out.len() - done)?;
            let used = self.queue.pop().map_err(|error| self.device.fail(error))?;
            match used.and_then(|used| Some((used, self.inflight.take()?))) {
                Some((used, mut slot)) => {
                    // An empty answer is allowed, and then one asks again.
                    let rest = out.get_mut(done..).unwrap_or_default();
                    let n = usize::try_from(used.len).unwrap_or(0).min(rest.len()).min(slot.len());
                    rest[..n].copy_from_slice(&slot.bytes()[..n]);
                    slot.bytes_mut().fill(0);
                    done += n;
                    if n == 0 && !keep_waiting() {
                        return Err(DeviceError::Timeout);
                    }
                }
                None if keep_waiting() => core::hint::spin_loop(),
                None => return Err(DeviceError::Timeout),
            }
        }
        Ok(())
    }
}
