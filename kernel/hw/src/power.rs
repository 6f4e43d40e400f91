//! Ending the machine.

use crate::port::{out8, out16, out32};

/// QEMU's isa-debug-exit device.
const DEBUG_EXIT: u16 = 0x501;

/// Turns the machine off. With QEMU's isa-debug-exit device its status becomes `status << 1 | 1`; else ACPI powers
/// off, which QEMU reports as 0; else the machine resets, which ends QEMU under -no-reboot.
pub fn off(status: u8) -> ! {
    // SAFETY: the ports end the machine or do nothing.
    unsafe {
        core::arch::asm!("cli", options(nomem, nostack));
        out32(DEBUG_EXIT, status.into());
        out16(0x604, 0x2000);
        out16(0x4004, 0x3400);
    }
    reset()
}

/// Resets the machine.
pub fn reset() -> ! {
    // SAFETY: keyboard controller and reset control register; then halting with interrupts off.
    unsafe {
        core::arch::asm!("cli", options(nomem, nostack));
        out8(0x64, 0xfe);
        out8(0xcf9, 6);
    }
    crate::cpu::halt_forever()
}
