//! The I/O APIC, for devices without message-signalled interrupts.

use crate::paging::map_mmio;
use osv_base::PhysAddr;
use osv_sync::SpinLock;

const DEFAULT: u64 = 0xfec0_0000;
const MASKED: u32 = 1 << 16;
const LEVEL: u32 = 1 << 15;

struct IoApic {
    base: usize,
    lines: u32,
}

static IO_APIC: SpinLock<Option<IoApic>> = SpinLock::new(None);

impl IoApic {
    fn read(&self, register: u32) -> u32 {
        let at: *mut u32 = core::ptr::with_exposed_provenance_mut(self.base);
        // SAFETY: the registers are mapped for good; the lock serialises the pair of accesses.
        unsafe {
            at.write_volatile(register);
            at.byte_add(16).read_volatile()
        }
    }
    fn write(&self, register: u32, value: u32) {
        let at: *mut u32 = core::ptr::with_exposed_provenance_mut(self.base);
        // SAFETY: as in `read`.
        unsafe {
            at.write_volatile(register);
            at.byte_add(16).write_volatile(value);
        }
    }
}

/// Finds the I/O APIC at `at` or at its usual place, and masks its lines.
pub(super) fn init(at: Option<u64>) {
    let Some(base) = map_mmio(PhysAddr(at.unwrap_or(DEFAULT)), 4096) else { return };
    let mut apic = IoApic { base: base.0 as usize, lines: 0 };
    let version = apic.read(1);
    if version == u32::MAX || version & 0xff == 0 {
        return;
    }
    apic.lines = (version >> 16 & 0xff) + 1;
    *IO_APIC.lock() = Some(apic);
}

/// Sends line `line` to `vector` on the CPU with APIC number `to`. Level-triggered, which loses nothing and which
/// every driver here is fit for, since all of them silence their device before they return.
pub(super) fn route(line: u32, vector: u8, to: u32) -> bool {
    let guard = IO_APIC.lock();
    let Some(apic) = guard.as_ref().filter(|apic| line < apic.lines) else { return false };
    apic.write(0x10 + line * 2, MASKED);
    apic.write(0x11 + line * 2, to << 24);
    apic.write(0x10 + line * 2, LEVEL | u32::from(vector));
    true
}
