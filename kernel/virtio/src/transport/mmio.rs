//! virtio-mmio, version 2: a page-sized block of registers and an interrupt line, told by the command line
//! (`virtio_mmio.device=512@0xfeb00e00:12`).

use super::{Transport, shared_handler};
use crate::device::{DeviceError, DeviceKind};
use crate::platform::{Handler, Platform, Registers, Width};
use crate::queue::Doorbell;
use alloc::boxed::Box;
use alloc::vec::Vec;
use osv_base::PhysAddr;

mod register {
    pub const MAGIC: usize = 0x000;
    pub const VERSION: usize = 0x004;
    pub const DEVICE_ID: usize = 0x008;
    pub const DEVICE_FEATURES: usize = 0x010;
    pub const DEVICE_FEATURES_SELECT: usize = 0x014;
    pub const DRIVER_FEATURES: usize = 0x020;
    pub const DRIVER_FEATURES_SELECT: usize = 0x024;
    pub const QUEUE_SELECT: usize = 0x030;
    pub const QUEUE_SIZE_MAX: usize = 0x034;
    pub const QUEUE_SIZE: usize = 0x038;
    pub const QUEUE_READY: usize = 0x044;
    pub const QUEUE_NOTIFY: usize = 0x050;
    pub const INTERRUPT_STATUS: usize = 0x060;
    pub const INTERRUPT_ACK: usize = 0x064;
    pub const STATUS: usize = 0x070;
    pub const QUEUE_DESCRIPTORS: usize = 0x080;
    pub const QUEUE_DRIVER: usize = 0x090;
    pub const QUEUE_DEVICE: usize = 0x0a0;
    pub const CONFIG_GENERATION: usize = 0x0fc;
    pub const CONFIG: usize = 0x100;
}
use register as r;

const MAGIC: u32 = u32::from_le_bytes(*b"virt");

/// A device behind virtio-mmio registers.
#[derive(Debug)]
pub struct MmioTransport {
    registers: Registers,
    line: u32,
    platform: PlatformRef,
    kind: DeviceKind,
}

#[derive(Clone, Copy)]
struct PlatformRef(&'static dyn Platform);

impl core::fmt::Debug for PlatformRef {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Platform")
    }
}

impl MmioTransport {
    /// Looks at `len` bytes of registers at `base`. `Ok(None)`: nothing is plugged in there.
    pub fn probe(
        platform: &'static dyn Platform,
        base: PhysAddr,
        len: usize,
        line: u32,
    ) -> Result<Option<Box<dyn Transport>>, DeviceError> {
        if len < r::CONFIG || !base.is_aligned(4) {
            return Err(DeviceError::BadRegisters);
        }
        let registers = Registers::map(platform, base, len).ok_or(DeviceError::BadRegisters)?;
        if registers.read32(r::MAGIC) != MAGIC {
            return Err(DeviceError::BadRegisters);
        }
        let id = registers.read32(r::DEVICE_ID);
        if id == 0 {
            return Ok(None);
        }
        if registers.read32(r::VERSION) != 2 {
            // Version 1 is the legacy interface. QEMU: -global virtio-mmio.force-legacy=false.
            return Err(DeviceError::Features);
        }
        let platform = PlatformRef(platform);
        Ok(Some(Box::new(MmioTransport { registers, line, platform, kind: DeviceKind::from_id(id) })))
    }
}

impl Transport for MmioTransport {
    fn kind(&self) -> DeviceKind {
        self.kind
    }

    fn features(&self) -> u64 {
        let half = |select| {
            self.registers.write32(r::DEVICE_FEATURES_SELECT, select);
            u64::from(self.registers.read32(r::DEVICE_FEATURES))
        };
        half(0) | half(1) << 32
    }

    fn set_features(&self, features: u64) {
        for (select, half) in [(0, features & 0xffff_ffff), (1, features >> 32)] {
            self.registers.write32(r::DRIVER_FEATURES_SELECT, select);
            self.registers.write(r::DRIVER_FEATURES, Width::W32, half);
        }
    }

    fn status(&self) -> u8 {
        (self.registers.read32(r::STATUS) & 0xff) as u8
    }

    fn set_status(&self, status: u8) {
        self.registers.write32(r::STATUS, status.into());
    }

    fn config8(&self, offset: usize) -> u8 {
        self.registers.read8(r::CONFIG.saturating_add(offset))
    }

    fn config_generation(&self) -> u32 {
        self.registers.read32(r::CONFIG_GENERATION)
    }

    fn queue_max(&self, index: u16) -> u16 {
        self.registers.write32(r::QUEUE_SELECT, index.into());
        u16::try_from(self.registers.read32(r::QUEUE_SIZE_MAX)).unwrap_or(u16::MAX)
    }

    fn enable_queue(
        &self,
        index: u16,
        size: u16,
        addresses: [PhysAddr; 3],
        _vector: Option<u16>,
    ) -> Result<Doorbell, DeviceError> {
        let registers = &self.registers;
        registers.write32(r::QUEUE_SELECT, index.into());
        if registers.read32(r::QUEUE_READY) != 0 {
            return Err(DeviceError::BadRegisters);
        }
        registers.write32(r::QUEUE_SIZE, size.into());
        for (register, address) in
            [r::QUEUE_DESCRIPTORS, r::QUEUE_DRIVER, r::QUEUE_DEVICE].into_iter().zip(addresses)
        {
            registers.write_halves(register, address.0);
        }
        registers.write32(r::QUEUE_READY, 1);
        if registers.read32(r::QUEUE_READY) != 1 {
            return Err(DeviceError::NoQueue);
        }
        let register = registers.window(r::QUEUE_NOTIFY, 4).ok_or(DeviceError::BadRegisters)?;
        Ok(Doorbell { register, width: Width::W32, value: index })
    }

    fn bind(&self, config: Handler, queues: &[(usize, Handler)]) -> Result<Vec<Option<u16>>, DeviceError> {
        let registers = self.registers;
        let acknowledge = move || {
            let status = registers.read32(r::INTERRUPT_STATUS);
            registers.write32(r::INTERRUPT_ACK, status);
            status
        };
        let handler = shared_handler(acknowledge, config, queues);
        if !self.platform.0.bind_line(self.line, handler) {
            return Err(DeviceError::BadRegisters);
        }
        Ok(queues.iter().map(|_| None).collect())
    }
}
