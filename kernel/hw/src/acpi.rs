//! The few things that are read from ACPI's static tables: processors, the I/O APIC, the PM timer, the HPET,
//! the power button.

use crate::paging::{Cache, map_device};
use osv_base::PhysAddr;

/// The power button whose registers the FADT names: the fixed one.
#[derive(Clone, Copy, Debug)]
pub struct PowerButton {
    /// Port of the status, whose bit 8 is set when it was pressed.
    pub status: u16,
    /// Port of what may interrupt.
    pub enable: u16,
    /// Port of PM1 control, whose bit 0 says that events interrupt.
    pub control: u16,
    /// Where and what to write to have that bit set.
    pub switch_on: Option<(u16, u8)>,
    /// Interrupt line of ACPI's events.
    pub line: u32,
}

/// What the tables say.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Local APIC numbers of the processors that may be started, the boot processor's among them.
    apic_ids: [u32; crate::percpu::MAX_CPUS],
    cpus: usize,
    /// Physical address of the I/O APIC that serves line 0.
    pub io_apic: Option<u64>,
    /// Port of the PM timer.
    pub pm_timer: Option<u16>,
    /// The power button; its line is that of the tables, before the MADT's changes.
    pub power_button: Option<PowerButton>,
    /// Physical address of the HPET.
    pub hpet: Option<u64>,
    /// Line that ISA interrupt n arrives at, and whether it is edge-triggered.
    pub isa_lines: [u32; 16],
}

impl Machine {
    /// A machine that says nothing.
    pub const fn unknown() -> Machine {
        let mut isa_lines = [0; 16];
        let mut line = 0;
        while line < 16 {
            isa_lines[line] = line as u32;
            line += 1;
        }
        Machine {
            apic_ids: [0; crate::percpu::MAX_CPUS],
            cpus: 0,
            io_apic: None,
            pm_timer: None,
            power_button: None,
            hpet: None,
            isa_lines,
        }
    }

    /// Local APIC numbers of the processors.
    pub fn apic_ids(&self) -> &[u32] {
        &self.apic_ids[..self.cpus]
    }

    pub(crate) fn add_cpu(&mut self, apic_id: u32) {
        if self.cpus < self.apic_ids.len() && !self.apic_ids().contains(&apic_id) {
            self.apic_ids[self.cpus] = apic_id;
            self.cpus += 1;
        }
    }
}

fn map(phys: u64, len: usize) -> Option<&'static [u8]> {
    let at = map_device(PhysAddr(phys), len, Cache::WriteBack)?;
    // SAFETY: firmware tables do not change; the mapping stays.
    Some(unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at.0 as usize), len) })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// A table with its header.
fn table(phys: u64) -> Option<&'static [u8]> {
    let len = u32_at(map(phys, 36)?, 4)? as usize;
    (36..1 << 20).contains(&len).then(|| map(phys, len))?
}

fn find_rsdp() -> Option<u64> {
    const AREA: u64 = 0xe_0000;
    let area = map(AREA, 0x2_0000)?;
    let at = area.chunks_exact(16).position(|chunk| chunk.starts_with(b"RSD PTR "))?;
    Some(AREA + at as u64 * 16)
}

/// Reads the tables below `rsdp`, or below the pointer in the BIOS area.
pub(crate) fn read(rsdp: Option<PhysAddr>) -> Machine {
    let mut machine = Machine::unknown();
    if let Some(rsdp) = rsdp.map(|at| at.0).or_else(find_rsdp) {
        walk(rsdp, &mut machine);
    }
    machine
}

fn walk(rsdp: u64, machine: &mut Machine) -> Option<()> {
    let root = map(rsdp, 36).filter(|bytes| bytes.starts_with(b"RSD PTR "))?;
    let (list, width) = match (root[15] >= 2, u64_at(root, 24)?) {
        (true, xsdt) if xsdt != 0 => (xsdt, 8),
        _ => (u32_at(root, 16)?.into(), 4),
    };
    for entry in table(list)?[36..].chunks_exact(width) {
        let at = if width == 8 { u64_at(entry, 0)? } else { u32_at(entry, 0)?.into() };
        let Some(table) = table(at) else { continue };
        match &table[..4] {
            b"APIC" => madt(table, machine),
            b"FACP" => {
                machine.pm_timer = port_at(table, 76);
                machine.power_button = power_button(table);
            }
            b"HPET" => machine.hpet = u64_at(table, 44),
            _ => {}
        }
    }
    Some(())
}

/// An I/O port that the FADT names; 0 is none.
fn port_at(table: &[u8], at: usize) -> Option<u16> {
    u16::try_from(u32_at(table, at)?).ok().filter(|&port| port != 0)
}

fn power_button(fadt: &[u8]) -> Option<PowerButton> {
    /// The button is a device of the tables' program, or there are no such registers at all.
    const NOT_FIXED: u32 = 1 << 4 | 1 << 20;
    if u32_at(fadt, 112)? & NOT_FIXED != 0 {
        return None;
    }
    let status = port_at(fadt, 56)?;
    let half = u16::from(*fadt.get(88)?) / 2;
    Some(PowerButton {
        status,
        enable: status.checked_add(half).filter(|_| half >= 2)?,
        control: port_at(fadt, 64)?,
        switch_on: port_at(fadt, 48).zip(fadt.get(52).copied()),
        line: u16_at(fadt, 46)?.into(),
    })
}

fn madt(table: &[u8], machine: &mut Machine) {
    let mut at = 44;
    while let (Some(&kind), Some(&len)) = (table.get(at), table.get(at + 1)) {
        if len < 2 {
            return;
        }
        let Some(entry) = table.get(at..at + usize::from(len)) else { return };
        let read = match kind {
            // Processor: enabled.
            0 => u32_at(entry, 4).filter(|flags| flags & 1 != 0).map(|_| machine.add_cpu(entry[3].into())),
            1 => u32_at(entry, 4).zip(u32_at(entry, 8)).map(|(address, first)| {
                if first == 0 {
                    machine.io_apic = Some(address.into());
                }
            }),
            2 => u32_at(entry, 4).map(|line| {
                if let Some(slot) = machine.isa_lines.get_mut(usize::from(entry[3])) {
                    *slot = line;
                }
            }),
            9 => u32_at(entry, 8)
                .filter(|flags| flags & 1 != 0)
                .and_then(|_| u32_at(entry, 4))
                .map(|id| machine.add_cpu(id)),
            _ => u16_at(entry, 0).map(|_| ()),
        };
        if read.is_none() && !matches!(kind, 0 | 9) {
            return;
        }
        at += usize::from(len);
    }
}
