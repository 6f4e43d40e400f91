//! The local APIC: end of interrupt, interrupts between CPUs, the timer. As x2APIC where there is one.

use crate::cpu::Msr;
use crate::paging::map_mmio;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use osv_base::PhysAddr;

const ENABLED: u64 = 1 << 11;
const X2APIC: u64 = 1 << 10;

const ID: u32 = 0x20;
const TASK_PRIORITY: u32 = 0x80;
const END_OF_INTERRUPT: u32 = 0xb0;
const SPURIOUS: u32 = 0xf0;
const COMMAND: u32 = 0x300;
const COMMAND_HIGH: u32 = 0x310;
const TIMER: u32 = 0x320;
const LINT0: u32 = 0x350;
const LINT1: u32 = 0x360;
const ERROR: u32 = 0x370;
const TIMER_INITIAL: u32 = 0x380;
const TIMER_CURRENT: u32 = 0x390;
const TIMER_DIVIDE: u32 = 0x3e0;
const MASKED: u32 = 1 << 16;

static BASE: AtomicUsize = AtomicUsize::new(0);
static IS_X2: AtomicBool = AtomicBool::new(false);

fn write(register: u32, value: u32) {
    if IS_X2.load(Ordering::Relaxed) {
        // SAFETY: the x2APIC is on, and the register is one that it has.
        unsafe { Msr(0x800 + (register >> 4)).write(value.into()) };
    } else {
        let at = BASE.load(Ordering::Relaxed) + register as usize;
        // SAFETY: the registers' page is mapped for good before anything writes here.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(at).write_volatile(value) };
    }
}

fn read(register: u32) -> u32 {
    if IS_X2.load(Ordering::Relaxed) {
        // SAFETY: as in `write`.
        (unsafe { Msr(0x800 + (register >> 4)).read() }) as u32
    } else {
        let at = BASE.load(Ordering::Relaxed) + register as usize;
        // SAFETY: as in `write`.
        unsafe { core::ptr::with_exposed_provenance::<u32>(at).read_volatile() }
    }
}

/// Finds the registers; `false` when that fails.
pub(super) fn init() -> bool {
    // SAFETY: every 64-bit CPU has the register.
    let base = unsafe { Msr::APIC_BASE.read() };
    if crate::cpu::features().x2apic {
        IS_X2.store(true, Ordering::Relaxed);
    } else {
        let Some(at) = map_mmio(PhysAddr(base & 0xf_ffff_f000), 4096) else { return false };
        BASE.store(at.0 as usize, Ordering::Relaxed);
    }
    true
}

/// Turns this CPU's APIC on, everything masked.
pub(crate) fn enable() {
    // SAFETY: turning the APIC on, in the mode that all accesses use.
    unsafe {
        let base = Msr::APIC_BASE.read();
        let mode = if IS_X2.load(Ordering::Relaxed) { ENABLED | X2APIC } else { ENABLED };
        Msr::APIC_BASE.write(base | mode);
    }
    for register in [TIMER, LINT0, LINT1, ERROR] {
        write(register, MASKED);
    }
    write(TASK_PRIORITY, 0);
    write(SPURIOUS, 0x100 | u32::from(super::SPURIOUS));
}

/// This CPU's number.
pub(crate) fn id() -> u32 {
    if IS_X2.load(Ordering::Relaxed) { read(ID) } else { read(ID) >> 24 }
}

/// The interrupt in service is done.
#[inline]
pub(super) fn end_of_interrupt() {
    write(END_OF_INTERRUPT, 0);
}

/// Sends the command `command` (delivery mode and vector) to the CPU with APIC number `to`.
pub(crate) fn send(to: u32, command: u32) {
    if IS_X2.load(Ordering::Relaxed) {
        // Earlier stores must be visible before the interrupt is: the register write does not wait for them.
        crate::cpu::mfence();
        // SAFETY: the x2APIC is on.
        unsafe { Msr(0x830).write(u64::from(to) << 32 | u64::from(command)) };
        return;
    }
    // The two halves must not be torn by an interrupt that sends as well.
    let _off = crate::cpu::InterruptsOff::enter();
    while read(COMMAND) & 1 << 12 != 0 {
        core::hint::spin_loop();
    }
    write(COMMAND_HIGH, to << 24);
    write(COMMAND, command);
}

/// One-shot mode by counts of the APIC's own clock, undivided; or by TSC values.
pub(crate) fn timer_mode(tsc_deadline: bool) {
    write(TIMER_DIVIDE, 0xb);
    write(TIMER, u32::from(super::TIMER) | if tsc_deadline { 2 << 17 } else { 0 });
    // The mode must be in force before the first deadline is written.
    crate::cpu::mfence();
}

/// Starts the timer; 0 stops it.
pub(crate) fn timer_start(counts: u32) {
    write(TIMER_INITIAL, counts);
}

/// Counts that are left.
pub(crate) fn timer_left() -> u32 {
    read(TIMER_CURRENT)
}
