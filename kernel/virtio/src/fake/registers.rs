//! The devices' registers: virtio-mmio windows, and PCI functions with their BARs.

use super::{BAR_BASE, FakeDevice, FakeQueue, Inner, MMIO_BASE};
use crate::device::status;
use crate::platform::Width;
use std::vec::Vec;

const BAR_LEN: u64 = 0x4000;
const COMMON: u64 = 0;
const NOTIFY: u64 = 0x1000;
const ISR: u64 = 0x2000;
const DEVICE: u64 = 0x2800;
const MSIX: u64 = 0x3000;
/// Entries of the MSI-X table.
pub const MSIX_ENTRIES: u16 = 8;

pub fn line_of(device: usize) -> u32 {
    5 + device as u32
}

fn half(value: u64, select: u32) -> u64 {
    value >> (32 * u64::from(select & 1)) & 0xffff_ffff
}

fn set_half(value: &mut u64, high: bool, new: u64) {
    let shift = if high { 32 } else { 0 };
    *value = *value & !(0xffff_ffff << shift) | (new & 0xffff_ffff) << shift;
}

impl FakeDevice {
    fn selected(&mut self) -> Option<&mut FakeQueue> {
        self.queues.get_mut(self.select[2] as usize)
    }

    fn queue_max(&mut self) -> u16 {
        self.selected().map_or(0, |queue| queue.max)
    }

    fn set_status(&mut self, value: u8) {
        if value == 0 && !self.stuck {
            self.resets += 1;
            self.queues = self.queues.iter().map(|queue| FakeQueue::new(queue.max)).collect();
            self.accepted = 0;
            self.status = 0;
            self.isr = 0;
        } else if value != 0 {
            let refused = if self.refuses_features { status::FEATURES_OK } else { 0 };
            self.status = value & !refused;
        }
    }

    fn config(&self, offset: u64) -> u64 {
        self.config.get(offset as usize).copied().unwrap_or(0).into()
    }

    fn mmio_read(&mut self, offset: u64) -> u64 {
        match offset {
            0x00 => 0x7472_6976,
            0x04 => 2,
            0x08 => self.kind.into(),
            0x10 => half(self.offered, self.select[0]),
            0x34 => self.queue_max().into(),
            0x44 => self.selected().map_or(0, |queue| queue.ready.into()),
            0x60 => self.isr.into(),
            0x70 => self.status.into(),
            0xfc => self.generation.into(),
            0x100.. => self.config(offset - 0x100),
            _ => panic!("read of register {offset:#x}"),
        }
    }

    /// Returns the queue that was notified.
    fn mmio_write(&mut self, offset: u64, value: u64) -> Option<u16> {
        let word = value as u32;
        match offset {
            0x14 => self.select[0] = word,
            0x24 => self.select[1] = word,
            0x20 => set_half(&mut self.accepted, self.select[1] == 1, value),
            0x30 => self.select[2] = word,
            0x38 => self.selected()?.size = value as u16,
            0x44 => self.selected()?.ready = value != 0,
            0x50 => return Some(value as u16),
            0x64 => self.isr &= !word,
            0x70 => self.set_status(value as u8),
            0x80 | 0x84 | 0x90 | 0x94 | 0xa0 | 0xa4 => {
                let address = &mut self.selected()?.addresses[(offset as usize - 0x80) / 0x10];
                set_half(address, offset & 4 != 0, value);
            }
            _ => panic!("write of register {offset:#x}"),
        }
        None
    }

    fn bar_read(&mut self, offset: u64, width: Width) -> u64 {
        match offset {
            4 => half(self.offered, self.select[0]),
            18 => self.queues.len() as u64,
            20 => self.status.into(),
            21 => self.generation.into(),
            24 => self.queue_max().into(),
            26 => self.selected().map_or(0xffff, |queue| queue.vector.into()),
            28 => self.selected().map_or(0, |queue| queue.ready.into()),
            30 => self.select[2].into(),
            ISR => core::mem::take(&mut self.isr).into(),
            DEVICE..MSIX => self.config(offset - DEVICE),
            _ => panic!("read of BAR register {offset:#x} {width:?}"),
        }
    }

    fn bar_write(&mut self, offset: u64, width: Width, value: u64) -> Option<u16> {
        let word = value as u32;
        match offset {
            0 => self.select[0] = word,
            8 => self.select[1] = word,
            12 => set_half(&mut self.accepted, self.select[1] == 1, value),
            16 => self.config_vector = value as u16,
            20 => self.set_status(value as u8),
            22 => self.select[2] = word,
            24 => self.selected()?.size = value as u16,
            26 => self.selected()?.vector = value as u16,
            28 => self.selected()?.ready = value != 0,
            32..56 => {
                let address = &mut self.selected()?.addresses[(offset as usize - 32) / 8];
                set_half(address, offset & 4 != 0, value);
            }
            NOTIFY..ISR => {
                assert_eq!((offset - NOTIFY) / 4, value, "each queue has its own doorbell");
                return Some(value as u16);
            }
            MSIX.. => {
                let at = (offset - MSIX) as usize;
                self.msix[at..at + width.bytes()].copy_from_slice(&value.to_le_bytes()[..width.bytes()]);
            }
            _ => panic!("write of BAR register {offset:#x}"),
        }
        None
    }
}

impl Inner {
    pub(super) fn register_read(&mut self, phys: u64, width: Width) -> u64 {
        match place(phys) {
            Place::Mmio(device, offset) => {
                self.devices.get_mut(device).map_or(u64::MAX, |device| device.mmio_read(offset))
            }
            Place::Bar(device, offset) => self.devices[device].bar_read(offset, width),
        }
    }

    pub(super) fn register_write(&mut self, phys: u64, width: Width, value: u64) {
        let (device, notified) = match place(phys) {
            Place::Mmio(device, offset) => (device, self.devices[device].mmio_write(offset, value)),
            Place::Bar(device, offset) => (device, self.devices[device].bar_write(offset, width, value)),
        };
        if let Some(queue) = notified {
            self.devices[device].queues[usize::from(queue)].notifications += 1;
            if let Some(mut action) = self.on_notify.take() {
                action(self, device, queue);
                self.on_notify = Some(action);
            }
        }
    }

    fn pci_target(&mut self) -> Option<(&mut FakeDevice, usize)> {
        let address = self.config_address;
        let (bus, slot, function) = (address >> 16 & 0xff, address >> 11 & 31, address >> 8 & 7);
        if address & 1 << 31 == 0 || bus != 0 || function != 0 {
            return None;
        }
        let device = self.devices.get_mut(slot as usize)?;
        Some((device, (address & 0xfc) as usize))
    }

    pub(super) fn pci_read(&mut self) -> u32 {
        let Some((device, offset)) = self.pci_target() else { return u32::MAX };
        if device.bar_probe && offset == 0x20 {
            return !(BAR_LEN as u32 - 1) | 4;
        }
        if device.bar_probe && offset == 0x24 {
            return u32::MAX;
        }
        u32::from_le_bytes(device.pci[offset..offset + 4].try_into().expect("4"))
    }

    pub(super) fn pci_write(&mut self, value: u32) {
        let Some((device, offset)) = self.pci_target() else { return };
        match offset {
            0x20 | 0x24 => device.bar_probe = value == u32::MAX,
            // The status half is write-one-to-clear.
            0x04 => device.pci[4..6].copy_from_slice(&value.to_le_bytes()[..2]),
            _ => device.pci[offset..offset + 4].copy_from_slice(&value.to_le_bytes()),
        }
    }

    /// The PCI configuration of a device, to be tampered with.
    pub fn pci_bytes(&mut self, device: usize) -> &mut Vec<u8> {
        &mut self.devices[device].pci
    }
}

enum Place {
    Mmio(usize, u64),
    Bar(usize, u64),
}

fn place(phys: u64) -> Place {
    if phys >= MMIO_BASE {
        Place::Mmio(((phys - MMIO_BASE) / 0x1000) as usize, (phys - MMIO_BASE) % 0x1000)
    } else {
        Place::Bar(((phys - BAR_BASE) / BAR_LEN) as usize, (phys - BAR_BASE) % BAR_LEN)
    }
}

/// A modern function: BAR 4 is 64 bits wide and holds everything, capabilities begin at 0x40.
pub fn pci_configuration(kind: u32, number: usize) -> Vec<u8> {
    let mut bytes = std::vec![0u8; 256];
    let mut put = |at: usize, data: &[u8]| bytes[at..at + data.len()].copy_from_slice(data);
    put(0, &0x1af4u16.to_le_bytes());
    put(2, &(0x1040 + kind as u16).to_le_bytes());
    put(6, &0x10u16.to_le_bytes());
    let bar = BAR_BASE + BAR_LEN * number as u64;
    put(0x20, &(bar as u32 | 4).to_le_bytes());
    put(0x24, &((bar >> 32) as u32).to_le_bytes());
    put(0x34, &[0x40]);
    put(0x3c, &[line_of(number) as u8]);
    let windows = [(1u8, COMMON, 56u32), (2, NOTIFY, 0x1000), (3, ISR, 1), (4, DEVICE, 64)];
    for (i, (window, offset, len)) in windows.into_iter().enumerate() {
        let at = 0x40 + 0x14 * i;
        put(at, &[9, at as u8 + 0x14, 0x14, window, 4, 0, 0, 0]);
        put(at + 8, &(offset as u32).to_le_bytes());
        put(at + 12, &len.to_le_bytes());
        put(at + 16, &4u32.to_le_bytes());
    }
    put(0x90, &[0x11, 0]);
    put(0x92, &(MSIX_ENTRIES - 1).to_le_bytes());
    put(0x94, &(MSIX as u32 | 4).to_le_bytes());
    bytes
}
