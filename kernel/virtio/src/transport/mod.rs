//! How a driver reaches a device's registers.

pub mod mmio;
pub mod pci;
#[cfg(test)]
mod tests;

use crate::device::{DeviceError, DeviceKind};
use crate::platform::Handler;
use crate::queue::Doorbell;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_base::PhysAddr;

/// A device's registers. Set-up (all but status and interrupts) is done by one thread.
pub trait Transport: Send + Sync {
    /// What the device is.
    fn kind(&self) -> DeviceKind;
    /// Features that it offers.
    fn features(&self) -> u64;
    /// Chooses features.
    fn set_features(&self, features: u64);
    /// Its status.
    fn status(&self) -> u8;
    /// Sets its status; 0 resets it.
    fn set_status(&self, status: u8);
    /// A byte of its configuration.
    fn config8(&self, offset: usize) -> u8;
    /// Changes whenever the configuration did.
    fn config_generation(&self) -> u32;
    /// Largest size of a queue; 0 when there is none.
    fn queue_max(&self, index: u16) -> u16;
    /// Gives the device a queue: addresses of descriptors, available ring and used ring.
    fn enable_queue(
        &self,
        index: u16,
        size: u16,
        addresses: [PhysAddr; 3],
        vector: Option<u16>,
    ) -> Result<Doorbell, DeviceError>;
    /// Binds interrupts; see [`crate::Device::bind`].
    fn bind(&self, config: Handler, queues: &[(usize, Handler)]) -> Result<Vec<Option<u16>>, DeviceError>;
}

/// Interrupt status: a queue has something.
const ISR_QUEUE: u32 = 1;
/// Interrupt status: the configuration changed.
const ISR_CONFIG: u32 = 2;

/// One handler for a line that all causes share; `acknowledge` reads and clears the interrupt status.
fn shared_handler(
    acknowledge: impl Fn() -> u32 + Send + Sync + 'static,
    config: Handler,
    queues: &[(usize, Handler)],
) -> Handler {
    let queues: Vec<Handler> = queues.iter().map(|(_, handler)| Arc::clone(handler)).collect();
    Arc::new(move || {
        let status = acknowledge();
        if status & ISR_QUEUE != 0 {
            queues.iter().for_each(|handler| handler());
        }
        if status & ISR_CONFIG != 0 {
            config();
        }
    })
}
