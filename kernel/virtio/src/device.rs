//! A device from reset to running: negotiation, queues, and what happens when it breaks the rules.

use crate::platform::{Handler, Platform};
use crate::queue::{MAX_SIZE, Queue};
use crate::transport::Transport;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

/// What a device is, by the number that the specification gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DeviceKind {
    Network,
    Block,
    Console,
    Entropy,
    Other(u32),
}

impl DeviceKind {
    /// The kind with this number.
    pub const fn from_id(id: u32) -> DeviceKind {
        match id {
            1 => DeviceKind::Network,
            2 => DeviceKind::Block,
            3 => DeviceKind::Console,
            4 => DeviceKind::Entropy,
            other => DeviceKind::Other(other),
        }
    }
}

/// Why a device cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// It is not of the kind that the driver drives.
    WrongKind,
    /// Its registers are not what the specification says, or cannot be mapped.
    BadRegisters,
    /// It does not offer a feature that the driver needs, or does not take what was chosen.
    Features,
    /// It has fewer queues, or smaller ones, than the driver needs.
    NoQueue,
    /// No memory for its queues and buffers.
    NoMemory,
    /// It did not answer in time.
    Timeout,
    /// Its used index ran ahead of what was given to it.
    UsedIndex,
    /// It gave back what it didn't have.
    UsedElement,
    /// It claims to have written more than there was room for, or less than there must be.
    UsedLength,
    /// It sent a header that makes no sense.
    BadHeader,
    /// It said that it cannot do what it was asked for.
    Refused,
    /// It broke the rules before and was reset.
    Failed,
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceError::WrongKind => "not a device of this kind",
            DeviceError::BadRegisters => "registers are malformed or cannot be mapped",
            DeviceError::Features => "features do not match",
            DeviceError::NoQueue => "a queue is missing or too small",
            DeviceError::NoMemory => "no memory for queues and buffers",
            DeviceError::Timeout => "no answer in time",
            DeviceError::UsedIndex => "used index out of range",
            DeviceError::UsedElement => "used element names no outstanding buffer",
            DeviceError::UsedLength => "used length does not fit the buffer",
            DeviceError::BadHeader => "malformed header",
            DeviceError::Refused => "request refused",
            DeviceError::Failed => "was reset after an earlier failure",
        })
    }
}

impl core::error::Error for DeviceError {}

/// Bits of the device status register.
pub mod status {
    /// The driver has noticed the device.
    pub const ACKNOWLEDGE: u8 = 1;
    /// The driver knows how to drive it.
    pub const DRIVER: u8 = 2;
    /// The driver is ready.
    pub const DRIVER_OK: u8 = 4;
    /// Features are chosen.
    pub const FEATURES_OK: u8 = 8;
    /// The driver has given up.
    pub const FAILED: u8 = 128;
}

/// Feature bits that all kinds share.
pub mod feature {
    /// Notifications and interrupts by index (VIRTIO_F_EVENT_IDX).
    pub const EVENT_IDX: u64 = 1 << 29;
    /// Not a legacy device (VIRTIO_F_VERSION_1).
    pub const VERSION_1: u64 = 1 << 32;
    /// Addresses are those of the platform's bus (VIRTIO_F_ACCESS_PLATFORM); here they equal physical ones.
    pub const ACCESS_PLATFORM: u64 = 1 << 33;
}

/// How often a register is read before a device counts as dead. A read leaves the virtual machine, so this is
/// seconds.
const PATIENCE: u32 = 1_000_000;

/// A device that agreed on features. Drivers share it by `Arc`; dropping the last one resets it.
pub struct Device {
    platform: &'static dyn Platform,
    transport: Box<dyn Transport>,
    features: u64,
    failed: AtomicBool,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({:?}, features {:#x})", self.kind(), self.features)
    }
}

impl Device {
    /// Resets the device and agrees on features: all of `required`, and what it offers of `wanted`.
    pub fn open(
        platform: &'static dyn Platform,
        transport: Box<dyn Transport>,
        required: u64,
        wanted: u64,
    ) -> Result<Arc<Device>, DeviceError> {
        let mut device = Device { platform, transport, features: 0, failed: AtomicBool::new(false) };
        device.reset()?;
        let transport = &device.transport;
        transport.set_status(status::ACKNOWLEDGE);
        transport.set_status(status::ACKNOWLEDGE | status::DRIVER);
        let required = required | feature::VERSION_1;
        let offered = transport.features();
        let chosen = offered & (required | wanted | feature::EVENT_IDX | feature::ACCESS_PLATFORM);
        if chosen & required != required {
            transport.set_status(status::FAILED);
            return Err(DeviceError::Features);
        }
        transport.set_features(chosen);
        transport.set_status(status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK);
        if transport.status() & status::FEATURES_OK == 0 {
            transport.set_status(status::FAILED);
            return Err(DeviceError::Features);
        }
        device.features = chosen;
        Ok(Arc::new(device))
    }

    /// What it is.
    pub fn kind(&self) -> DeviceKind {
        self.transport.kind()
    }

    /// The machine that it is part of.
    pub fn platform(&self) -> &'static dyn Platform {
        self.platform
    }

    /// The features agreed on.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// Whether all of `features` were agreed on.
    pub fn has(&self, features: u64) -> bool {
        self.features & features == features
    }

    /// Reads the device's configuration, all of it from one moment.
    pub fn config<const N: usize>(&self, offset: usize) -> Result<[u8; N], DeviceError> {
        for _ in 0..16 {
            let before = self.transport.config_generation();
            let bytes = core::array::from_fn(|i| self.transport.config8(offset + i));
            if self.transport.config_generation() == before {
                return Ok(bytes);
            }
        }
        Err(DeviceError::BadRegisters)
    }

    /// Binds interrupts: one handler for changes of the configuration, and one for each queue with the CPU on
    /// which it should run. Where vectors are few, handlers are also called for each other's events. Returns
    /// the vector of each queue, for [`Device::queue`].
    pub fn bind(
        &self,
        config: Handler,
        queues: &[(usize, Handler)],
    ) -> Result<Vec<Option<u16>>, DeviceError> {
        self.transport.bind(config, queues)
    }

    /// Makes queue `index`, as large as the device and `limit` allow.
    pub fn queue(
        self: &Arc<Self>,
        index: u16,
        limit: u16,
        vector: Option<u16>,
    ) -> Result<Queue, DeviceError> {
        let most = self.transport.queue_max(index).min(limit).min(MAX_SIZE);
        let size = most.checked_ilog2().map(|log| 1 << log).ok_or(DeviceError::NoQueue)?;
        let mut queue =
            Queue::new(self.platform, size, self.has(feature::EVENT_IDX)).ok_or(DeviceError::NoMemory)?;
        let doorbell = self.transport.enable_queue(index, size, queue.addresses(), vector)?;
        queue.attach(Arc::clone(self), doorbell);
        Ok(queue)
    }

    /// Lets the device run.
    pub fn start(&self) {
        let ready = status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK | status::DRIVER_OK;
        self.transport.set_status(ready);
    }

    /// Whether it broke the rules.
    pub fn is_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Puts the device out of use, once, because of `error`. Hands `error` back.
    pub fn fail(&self, error: DeviceError) -> DeviceError {
        if error != DeviceError::Failed && !self.failed.swap(true, Ordering::AcqRel) {
            osv_base::error!("virtio {:?}: {error}; the device is disabled", self.kind());
            let _ = self.reset();
        }
        error
    }

    /// Ends the device's use, once.
    pub fn shut_down(&self) {
        if !self.failed.swap(true, Ordering::AcqRel) && self.reset().is_err() {
            osv_base::error!("virtio {:?}: does not reset", self.kind());
        }
    }

    fn reset(&self) -> Result<(), DeviceError> {
        self.transport.set_status(0);
        for _ in 0..PATIENCE {
            if self.transport.status() == 0 {
                return Ok(());
            }
            core::hint::spin_loop();
        }
        Err(DeviceError::Timeout)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.shut_down();
    }
}
