//! PCI as far as virtio needs it: configuration space, the scan of the buses, BARs and capabilities.

use crate::platform::{Platform, Registers};
use alloc::vec::Vec;
use core::fmt;
use osv_base::PhysAddr;

/// Bus, device and function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Bus.
    pub bus: u8,
    /// Device on the bus, 0 to 31.
    pub device: u8,
    /// Function of the device, 0 to 7.
    pub function: u8,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}

impl Address {
    fn index(self) -> u32 {
        u32::from(self.bus) << 8 | u32::from(self.device & 31) << 3 | u32::from(self.function & 7)
    }
}

/// The way to configuration space. One thread uses it at a time.
#[derive(Clone, Copy)]
pub struct Config {
    platform: &'static dyn Platform,
    mechanism: Mechanism,
}

#[derive(Clone, Copy)]
enum Mechanism {
    /// Ports 0xcf8 and 0xcfc: 256 bytes of each function.
    Ports,
    /// Memory-mapped (ECAM), for buses from 0 on.
    Memory(Registers),
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mechanism {
            Mechanism::Ports => f.write_str("pci::Config(ports)"),
            Mechanism::Memory(registers) => write!(f, "pci::Config({registers:?})"),
        }
    }
}

const ADDRESS_PORT: u16 = 0xcf8;
const DATA_PORT: u16 = 0xcfc;
/// Bytes of configuration space per function behind ECAM.
const ECAM_FUNCTION: usize = 4096;

impl Config {
    /// By ports: every PC has these.
    pub fn ports(platform: &'static dyn Platform) -> Config {
        Config { platform, mechanism: Mechanism::Ports }
    }

    /// By the memory window at `base`, which begins at bus 0 and covers `buses`.
    pub fn memory(platform: &'static dyn Platform, base: PhysAddr, buses: usize) -> Option<Config> {
        let registers = Registers::map(platform, base, buses.min(256) * 256 * ECAM_FUNCTION)?;
        Some(Config { platform, mechanism: Mechanism::Memory(registers) })
    }

    /// Reads the 32-bit register that `offset` lies in.
    pub fn read32(&self, address: Address, offset: u8) -> u32 {
        let offset = u32::from(offset & !3);
        match self.mechanism {
            Mechanism::Ports => {
                self.platform.port_write32(ADDRESS_PORT, 0x8000_0000 | address.index() << 8 | offset);
                self.platform.port_read32(DATA_PORT)
            }
            Mechanism::Memory(registers) => {
                registers.read32(address.index() as usize * ECAM_FUNCTION + offset as usize)
            }
        }
    }

    /// Writes the 32-bit register that `offset` lies in.
    pub fn write32(&self, address: Address, offset: u8, value: u32) {
        let offset = u32::from(offset & !3);
        match self.mechanism {
            Mechanism::Ports => {
                self.platform.port_write32(ADDRESS_PORT, 0x8000_0000 | address.index() << 8 | offset);
                self.platform.port_write32(DATA_PORT, value);
            }
            Mechanism::Memory(registers) => {
                registers.write32(address.index() as usize * ECAM_FUNCTION + offset as usize, value);
            }
        }
    }

    fn read16(&self, address: Address, offset: u8) -> u16 {
        (self.read32(address, offset) >> (8 * u32::from(offset & 2)) & 0xffff) as u16
    }

    fn read8(&self, address: Address, offset: u8) -> u8 {
        (self.read32(address, offset) >> (8 * u32::from(offset & 3)) & 0xff) as u8
    }

    /// Every function behind bus 0, bridges followed.
    pub fn scan(&self) -> Vec<Function> {
        let mut found = Vec::new();
        let mut buses = alloc::vec![0u8];
        let mut seen = [false; 256];
        while let Some(bus) = buses.pop() {
            if core::mem::replace(&mut seen[usize::from(bus)], true) {
                continue;
            }
            for device in 0..32 {
                self.scan_device(bus, device, &mut found, &mut buses);
            }
        }
        found.sort_by_key(|function| function.address);
        found
    }

    fn scan_device(&self, bus: u8, device: u8, found: &mut Vec<Function>, buses: &mut Vec<u8>) {
        for number in 0..8 {
            let address = Address { bus, device, function: number };
            let id = self.read32(address, 0);
            if id & 0xffff == 0xffff {
                if number == 0 {
                    return;
                }
                continue;
            }
            let header = self.read8(address, 0x0e);
            if header & 0x7f == 1 {
                buses.push(self.read8(address, 0x19));
            } else if header & 0x7f == 0 {
                let (vendor, device) = ((id & 0xffff) as u16, (id >> 16) as u16);
                found.push(Function { config: *self, address, vendor, device });
            }
            if number == 0 && header & 0x80 == 0 {
                return;
            }
        }
    }
}

/// A function that answered the scan.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    config: Config,
    /// Where it is.
    pub address: Address,
    /// Who made it.
    pub vendor: u16,
    /// What it is, by its maker.
    pub device: u16,
}

const COMMAND: u8 = 0x04;
const COMMAND_MEMORY: u32 = 2;
const COMMAND_MASTER: u32 = 4;
const COMMAND_NO_INTX: u32 = 1 << 10;
const STATUS_CAPABILITIES: u32 = 1 << 20;

impl Function {
    /// Reads 32 bits of its configuration.
    pub fn read32(&self, offset: u8) -> u32 {
        self.config.read32(self.address, offset)
    }

    /// Reads 16 bits; `offset` is even.
    pub fn read16(&self, offset: u8) -> u16 {
        self.config.read16(self.address, offset)
    }

    /// Reads 8 bits.
    pub fn read8(&self, offset: u8) -> u8 {
        self.config.read8(self.address, offset)
    }

    /// Writes 32 bits.
    pub fn write32(&self, offset: u8, value: u32) {
        self.config.write32(self.address, offset, value);
    }

    /// The machine that it is part of.
    pub fn platform(&self) -> &'static dyn Platform {
        self.config.platform
    }

    /// The interrupt line that firmware gave it; 0xff when none.
    pub fn interrupt_line(&self) -> u8 {
        self.read8(0x3c)
    }

    /// Lets it answer memory accesses and be a bus master; `intx` says whether it may use its interrupt line.
    pub fn enable(&self, intx: bool) {
        let line = if intx { 0 } else { COMMAND_NO_INTX };
        // The status half is write-one-to-clear: write zeros there.
        let command = self.read32(COMMAND) & 0xffff & !COMMAND_NO_INTX;
        self.write32(COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER | line);
    }

    /// Offsets of its capabilities with their identifiers.
    pub fn capabilities(&self) -> Vec<(u8, u8)> {
        let mut found = Vec::new();
        if self.read32(COMMAND) & STATUS_CAPABILITIES == 0 {
            return found;
        }
        let mut at = self.read8(0x34) & !3;
        // 48 fit; a longer list is a loop.
        while at >= 0x40 && found.len() < 48 {
            let head = self.read16(at);
            found.push((at, (head & 0xff) as u8));
            at = (head >> 8) as u8 & !3;
        }
        found
    }

    /// Base and length of memory BAR `index`; `None` when it is none, or firmware left it unset.
    pub fn bar(&self, index: u8) -> Option<(PhysAddr, u64)> {
        if index > 5 {
            return None;
        }
        let at = 0x10 + 4 * index;
        let low = self.read32(at);
        if low & 1 != 0 {
            return None;
        }
        let wide = low & 6 == 4;
        if wide && index == 5 {
            return None;
        }
        let high = if wide { self.read32(at + 4) } else { 0 };
        let (size_low, size_high) = self.probe_bar(at, low, wide.then_some(high));
        let base = u64::from(high) << 32 | u64::from(low & !0xf);
        let mask = u64::from(if wide { size_high } else { u32::MAX }) << 32 | u64::from(size_low & !0xf);
        let len = (!mask).wrapping_add(1);
        let valid = size_low & !0xf != 0 || (wide && size_high != 0);
        (valid && base != 0 && len.is_power_of_two() && base.checked_add(len).is_some())
            .then_some((PhysAddr(base), len))
    }

    /// Writes ones to a BAR to learn its size, with decoding off, and puts the address back.
    fn probe_bar(&self, at: u8, low: u32, high: Option<u32>) -> (u32, u32) {
        let command = self.read32(COMMAND) & 0xffff;
        self.write32(COMMAND, command & !COMMAND_MEMORY);
        self.write32(at, u32::MAX);
        let size_low = self.read32(at);
        self.write32(at, low);
        let mut size_high = 0;
        if let Some(high) = high {
            self.write32(at + 4, u32::MAX);
            size_high = self.read32(at + 4);
            self.write32(at + 4, high);
        }
        self.write32(COMMAND, command);
        (size_low, size_high)
    }
}
