//! The control queue, as far as it is used: how many queue pairs are active.

use super::queue_index;
use crate::device::{Device, DeviceError};
use crate::dma::Pool;
use crate::queue::{Buffer, Queue};

const CLASS_MQ: u8 = 4;
const MQ_PAIRS_SET: u8 = 0;
const OK: u8 = 0;
const PATIENCE: u32 = 100_000_000;

/// Tells the device to use `pairs` queue pairs. Without this it uses one.
pub(super) fn set_pairs(device: &Device, mut queue: Queue, pairs: usize) -> Result<(), DeviceError> {
    let [low, high] = queue_index(pairs)?.to_le_bytes();
    let pool = Pool::new(device.platform(), 1, 64).ok_or(DeviceError::NoMemory)?;
    let mut slot = pool.take().ok_or(DeviceError::NoMemory)?;
    let Some((command, _)) = slot.bytes_mut().split_first_chunk_mut() else {
        return Err(DeviceError::NoMemory);
    };
    *command = [CLASS_MQ, MQ_PAIRS_SET, low, high, !OK];
    let phys = slot.phys();
    let request = [
        Buffer { phys, len: 2, writable: false },
        Buffer { phys: phys.offset(2), len: 2, writable: false },
        Buffer { phys: phys.offset(4), len: 1, writable: true },
    ];
    queue.disable_interrupts();
    queue.add(&request).map_err(|_| DeviceError::NoQueue)?;
    queue.kick();
    for _ in 0..PATIENCE {
        match queue.pop().map_err(|error| device.fail(error))? {
            Some(_) if slot.bytes().get(4) == Some(&OK) => {
                // The device keeps the queue for good: so must its memory.
                core::mem::forget(queue);
                return Ok(());
            }
            Some(_) => return Err(device.fail(DeviceError::Refused)),
            None => core::hint::spin_loop(),
        }
    }
    Err(device.fail(DeviceError::Timeout))
}
