//! virtio over PCI, the modern interface: four windows of registers, found by vendor capabilities, and MSI-X.

use super::{Transport, shared_handler};
use crate::device::{DeviceError, DeviceKind};
use crate::pci::Function;
use crate::platform::{Handler, Registers, Width};
use crate::queue::Doorbell;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_base::PhysAddr;

/// Red Hat, who hands out virtio's device numbers.
pub const VENDOR: u16 = 0x1af4;
/// Modern devices are numbered from here by kind.
const MODERN_BASE: u16 = 0x1040;

mod common {
    pub const DEVICE_FEATURE_SELECT: usize = 0;
    pub const DEVICE_FEATURE: usize = 4;
    pub const DRIVER_FEATURE_SELECT: usize = 8;
    pub const DRIVER_FEATURE: usize = 12;
    pub const CONFIG_VECTOR: usize = 16;
    pub const STATUS: usize = 20;
    pub const CONFIG_GENERATION: usize = 21;
    pub const QUEUE_SELECT: usize = 22;
    pub const QUEUE_SIZE: usize = 24;
    pub const QUEUE_VECTOR: usize = 26;
    pub const QUEUE_ENABLE: usize = 28;
    pub const QUEUE_NOTIFY_OFF: usize = 30;
    pub const QUEUE_DESCRIPTORS: usize = 32;
    pub const QUEUE_DRIVER: usize = 40;
    pub const QUEUE_DEVICE: usize = 48;
    pub const LEN: usize = 56;
}
use common as c;

const CAPABILITY_MSIX: u8 = 0x11;
const CAPABILITY_VENDOR: u8 = 0x09;
const NO_VECTOR: u16 = 0xffff;
const MSIX_ENTRY_LEN: usize = 16;
const MSIX_ENABLE: u32 = 1 << 31;
const MSIX_MASK_ALL: u32 = 1 << 30;

/// A device behind virtio-pci capabilities.
#[derive(Debug)]
pub struct PciTransport {
    function: Function,
    kind: DeviceKind,
    common: Registers,
    notify: Registers,
    notify_multiplier: u32,
    isr: Registers,
    /// Some devices have no configuration.
    config: Option<Registers>,
    msix: Option<Msix>,
}

/// The MSI-X capability and its table.
#[derive(Clone, Copy, Debug)]
struct Msix {
    capability: u8,
    table: Registers,
    entries: u16,
}

/// Which window of registers a capability describes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Window {
    Common = 1,
    Notify = 2,
    Isr = 3,
    Device = 4,
}

impl PciTransport {
    /// Looks at a function of the bus. `Ok(None)`: it is not a virtio device. Transitional devices (numbers
    /// below 0x1040) are driven by their modern interface too.
    pub fn probe(function: Function) -> Result<Option<Box<dyn Transport>>, DeviceError> {
        let Some(kind) = kind_of(&function) else { return Ok(None) };
        let mut find = Finder { function, bars: [const { None }; 6] };
        let need = |found: Option<(Registers, u8)>| found.ok_or(DeviceError::BadRegisters);
        let (common, _) = need(find.window(Window::Common, c::LEN))?;
        let (notify, notify_cap) = need(find.window(Window::Notify, 2))?;
        let (isr, _) = need(find.window(Window::Isr, 1))?;
        let config = find.window(Window::Device, 0).map(|(registers, _)| registers);
        let notify_multiplier = function.read32(notify_cap.wrapping_add(16));
        let msix = find.msix();
        function.enable(msix.is_none());
        Ok(Some(Box::new(PciTransport {
            function,
            kind,
            common,
            notify,
            notify_multiplier,
            isr,
            config,
            msix,
        })))
    }
}

fn kind_of(function: &Function) -> Option<DeviceKind> {
    if function.vendor != VENDOR {
        return None;
    }
    match function.device {
        // Transitional devices have their kind as subsystem number.
        0x1000..=0x103f => Some(DeviceKind::from_id(function.read16(0x2e).into())),
        MODERN_BASE..=0x107f => Some(DeviceKind::from_id((function.device - MODERN_BASE).into())),
        _ => None,
    }
}

/// Finds and maps windows of registers; each BAR is mapped once.
struct Finder {
    function: Function,
    bars: [Option<Registers>; 6],
}

impl Finder {
    /// The first capability that describes `window` and makes sense, with its offset.
    fn window(&mut self, window: Window, least: usize) -> Option<(Registers, u8)> {
        let function = self.function;
        let capabilities = function.capabilities();
        capabilities.iter().filter(|(_, id)| *id == CAPABILITY_VENDOR).find_map(|&(at, _)| {
            // length 16 of the plain capability must fit into the space, 20 with the multiplier.
            if at > 0xec || function.read8(at + 3) != window as u8 {
                return None;
            }
            let (bar, offset, len) =
                (function.read8(at + 4), function.read32(at + 8), function.read32(at + 12));
            let len = usize::try_from(len).ok().filter(|&len| len >= least)?;
            let registers = self.bar(bar)?.window(usize::try_from(offset).ok()?, len)?;
            Some((registers, at))
        })
    }

    fn bar(&mut self, index: u8) -> Option<Registers> {
        let slot = self.bars.get_mut(usize::from(index))?;
        if slot.is_none() {
            let (base, len) = self.function.bar(index)?;
            // Nothing here needs more, and a huge BAR (shared memory) is not worth its page tables.
            let len = usize::try_from(len.min(1 << 20)).ok()?;
            *slot = Registers::map(self.function.platform(), base, len);
        }
        *slot
    }

    fn msix(&mut self) -> Option<Msix> {
        let function = self.function;
        let (capability, _) = function.capabilities().into_iter().find(|(_, id)| *id == CAPABILITY_MSIX)?;
        if capability > 0xf4 {
            return None;
        }
        let entries = (function.read16(capability + 2) & 0x7ff) + 1;
        let place = function.read32(capability + 4);
        let offset = usize::try_from(place & !7).ok()?;
        let len = usize::from(entries) * MSIX_ENTRY_LEN;
        let table = self.bar((place & 7) as u8)?.window(offset, len)?;
        Some(Msix { capability, table, entries })
    }
}

impl Msix {
    /// Has entry `index` call `handler`.
    fn set(&self, function: &Function, index: u16, cpu: usize, handler: Handler) -> Option<()> {
        let message = function.platform().bind_msi(cpu, handler)?;
        let at = usize::from(index) * MSIX_ENTRY_LEN;
        self.table.write_halves(at, message.address);
        self.table.write32(at + 8, message.data);
        self.table.write32(at + 12, 0);
        Some(())
    }

    fn control(&self, function: &Function, set: u32) {
        let control = function.read32(self.capability) & !(MSIX_ENABLE | MSIX_MASK_ALL);
        function.write32(self.capability, control | set);
    }

    /// A vector for each cause, or one for all.
    fn bind(
        &self,
        function: &Function,
        config: Handler,
        queues: &[(usize, Handler)],
    ) -> Option<(u16, Vec<Option<u16>>)> {
        self.control(function, MSIX_ENABLE | MSIX_MASK_ALL);
        let vectors = if usize::from(self.entries) > queues.len() {
            self.set(function, 0, 0, config)?;
            let set = |(vector, (cpu, handler)): (u16, &(usize, Handler))| {
                self.set(function, vector, *cpu, Arc::clone(handler)).map(|()| Some(vector))
            };
            (1..).zip(queues).map(set).collect::<Option<Vec<_>>>()?
        } else {
            // With MSI-X the interrupt status is not kept: any cause may have been it.
            let cpu = queues.first().map_or(0, |(cpu, _)| *cpu);
            let all = shared_handler(|| super::ISR_QUEUE | super::ISR_CONFIG, config, queues);
            self.set(function, 0, cpu, all)?;
            queues.iter().map(|_| Some(0)).collect()
        };
        self.control(function, MSIX_ENABLE);
        Some((0, vectors))
    }
}

impl PciTransport {
    fn bind_line(&self, config: Handler, queues: &[(usize, Handler)]) -> Result<(), DeviceError> {
        let isr = self.isr;
        let handler = shared_handler(move || isr.read8(0).into(), config, queues);
        self.function.enable(true);
        let line = self.function.interrupt_line();
        if line == 0xff || !self.function.platform().bind_line(line.into(), handler) {
            return Err(DeviceError::BadRegisters);
        }
        Ok(())
    }
}

impl Transport for PciTransport {
    fn kind(&self) -> DeviceKind {
        self.kind
    }

    fn features(&self) -> u64 {
        let half = |select| {
            self.common.write32(c::DEVICE_FEATURE_SELECT, select);
            u64::from(self.common.read32(c::DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn set_features(&self, features: u64) {
        for (select, half) in [(0, features & 0xffff_ffff), (1, features >> 32)] {
            self.common.write32(c::DRIVER_FEATURE_SELECT, select);
            self.common.write(c::DRIVER_FEATURE, Width::W32, half);
        }
    }

    fn status(&self) -> u8 {
        self.common.read8(c::STATUS)
    }

    fn set_status(&self, status: u8) {
        self.common.write8(c::STATUS, status);
    }

    fn config8(&self, offset: usize) -> u8 {
        self.config.map_or(0xff, |config| config.read8(offset))
    }

    fn config_generation(&self) -> u32 {
        self.common.read8(c::CONFIG_GENERATION).into()
    }

    fn queue_max(&self, index: u16) -> u16 {
        self.common.write16(c::QUEUE_SELECT, index);
        self.common.read16(c::QUEUE_SIZE)
    }

    fn enable_queue(
        &self,
        index: u16,
        size: u16,
        addresses: [PhysAddr; 3],
        vector: Option<u16>,
    ) -> Result<Doorbell, DeviceError> {
        let common = &self.common;
        common.write16(c::QUEUE_SELECT, index);
        common.write16(c::QUEUE_SIZE, size);
        if let Some(vector) = vector {
            common.write16(c::QUEUE_VECTOR, vector);
            if common.read16(c::QUEUE_VECTOR) != vector {
                return Err(DeviceError::BadRegisters);
            }
        }
        for (register, address) in
            [c::QUEUE_DESCRIPTORS, c::QUEUE_DRIVER, c::QUEUE_DEVICE].into_iter().zip(addresses)
        {
            common.write_halves(register, address.0);
        }
        common.write16(c::QUEUE_ENABLE, 1);
        let offset = u64::from(common.read16(c::QUEUE_NOTIFY_OFF)) * u64::from(self.notify_multiplier);
        let offset = usize::try_from(offset).map_err(|_| DeviceError::BadRegisters)?;
        let register = self.notify.window(offset, 2).ok_or(DeviceError::BadRegisters)?;
        Ok(Doorbell { register, width: Width::W16, value: index })
    }

    fn bind(&self, config: Handler, queues: &[(usize, Handler)]) -> Result<Vec<Option<u16>>, DeviceError> {
        let bound = self.msix.and_then(|msix| {
            let bound = msix.bind(&self.function, Arc::clone(&config), queues);
            if bound.is_none() {
                msix.control(&self.function, 0);
            }
            bound
        });
        let (config_vector, vectors) = match bound {
            Some(bound) => bound,
            None => {
                self.bind_line(config, queues)?;
                (NO_VECTOR, queues.iter().map(|_| None).collect())
            }
        };
        self.common.write16(c::CONFIG_VECTOR, config_vector);
        Ok(vectors)
    }
}
