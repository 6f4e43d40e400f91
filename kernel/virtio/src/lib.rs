//! virtio: transports, queues and devices.
//!
//! ```text
//!   net   console   rng   blk          drivers: what a device means          supervisor (sans-IO protocol)
//!       \     |      |    /
//!        device + queue                negotiation, split rings, failure
//!          /         \
//!   transport::mmio   transport::pci   registers and interrupts
//!          \         /
//!           Platform                   what the hardware crate implements; the fake of the tests too
//! ```
//!
//! The device is not trusted. Everything that a driver must remember (which descriptors are out, how long they
//! are, whose they are) is kept outside the memory that the device can write; each index, length and count that
//! comes from it is checked against that. A device that breaks the rules is reset and stays so: its driver's
//! calls return [`DeviceError`], nothing panics.
//!
//! There are no locks here: a queue wants `&mut self`, and who shares it chooses the lock. Buffer pools and
//! interrupt handlers are lock-free. `unsafe` is confined to [`dma`].
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod blk;
pub mod console;
pub mod device;
#[expect(unsafe_code, reason = "memory shared with the device")]
pub mod dma;
pub mod net;
pub mod pci;
pub mod platform;
pub mod queue;
pub mod rng;
pub mod supervisor;
pub mod transport;

#[cfg(test)]
#[expect(unsafe_code, reason = "plays the device, which writes to the driver's memory")]
mod fake;

pub use device::{Device, DeviceError, DeviceKind};
pub use platform::{DmaBlock, Handler, MsiMessage, Platform, Registers, Width};
