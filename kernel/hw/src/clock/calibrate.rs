//! Finding the TSC's rate, and the local APIC timer's.

use super::{Source, kvm};
use crate::acpi::Machine;
use crate::cpu::rdtsc;
use crate::irq::lapic;
use crate::paging::map_mmio;
use crate::port::{in8, in32, out8};
use core::arch::x86_64::__cpuid;
use osv_base::PhysAddr;

/// How long a measurement takes.
const WINDOW_NS: u64 = 5_000_000;
const PM_HZ: u64 = 3_579_545;
const PIT_HZ: u64 = 1_193_182;

/// The TSC's rate in Hz. Never 0.
pub(super) fn rate(hint: Option<u64>, machine: &Machine) -> (u64, Source) {
    let plausible = |hz: &u64| (1_000_000..100_000_000_000).contains(hz);
    let candidates: [(&dyn Fn() -> Option<u64>, Source); 6] = [
        (&|| hint, Source::Hint),
        (&kvm::tsc_hz, Source::KvmClock),
        (&cpuid, Source::Cpuid),
        (&|| pm_timer(machine.pm_timer?), Source::PmTimer),
        (&|| hpet(machine.hpet?), Source::Hpet),
        (&pit, Source::Pit),
    ];
    candidates
        .iter()
        .find_map(|(measure, source)| Some((measure().filter(plausible)?, *source)))
        .unwrap_or((1_000_000_000, Source::Assumed))
}

fn cpuid() -> Option<u64> {
    let top = __cpuid(0).eax;
    if top >= 0x15 {
        let leaf = __cpuid(0x15);
        if leaf.eax != 0 && leaf.ebx != 0 && leaf.ecx != 0 {
            return Some(u64::from(leaf.ecx) * u64::from(leaf.ebx) / u64::from(leaf.eax));
        }
    }
    if crate::cpu::features().hypervisor && __cpuid(0x4000_0000).eax >= 0x4000_0010 {
        let khz = __cpuid(0x4000_0010).eax;
        return (khz != 0).then(|| u64::from(khz) * 1000);
    }
    None
}

/// Lets a counter that ticks at `hz` and wraps at `mask` run for [`WINDOW_NS`], and gives the TSC's rate. `None` when
/// it does not tick.
fn against(hz: u64, mask: u64, read: impl Fn() -> u64) -> Option<u64> {
    // The tightest of a few readings: an interruption between the two clocks would spoil the result.
    let sample = || {
        (0..4)
            .map(|_| {
                let before = rdtsc();
                let count = read();
                let after = rdtsc();
                (after - before, before + (after - before) / 2, count)
            })
            .min_by_key(|(width, ..)| *width)
    };
    let (_, tsc, count) = sample()?;
    let goal = hz * WINDOW_NS / 1_000_000_000;
    let mut idle = 0;
    loop {
        let passed = read().wrapping_sub(count) & mask;
        if passed >= goal {
            break;
        }
        idle = if passed == 0 { idle + 1 } else { 0 };
        if idle > 100_000 {
            return None;
        }
    }
    let (_, end_tsc, end_count) = sample()?;
    let passed = end_count.wrapping_sub(count) & mask;
    (passed != 0).then(|| (u128::from(end_tsc - tsc) * u128::from(hz) / u128::from(passed)) as u64)
}

fn pm_timer(port: u16) -> Option<u64> {
    // SAFETY: ACPI says that the timer is there; reading has no effect.
    against(PM_HZ, 0xff_ffff, || unsafe { in32(port) }.into())
}

fn hpet(at: u64) -> Option<u64> {
    let base = map_mmio(PhysAddr(at), 0x400)?.0 as usize;
    let register = |offset: usize| core::ptr::with_exposed_provenance_mut::<u64>(base + offset);
    // SAFETY: ACPI says that the HPET is there; its registers are mapped; bit 0 of the configuration starts it.
    let femtoseconds = unsafe {
        register(0x10).write_volatile(register(0x10).read_volatile() | 1);
        register(0).read_volatile() >> 32
    };
    if femtoseconds == 0 || femtoseconds > 100_000_000 {
        return None;
    }
    // SAFETY: as above.
    against(1_000_000_000_000_000 / femtoseconds, 0xffff_ffff, || unsafe { register(0xf0).read_volatile() })
}

fn pit() -> Option<u64> {
    // SAFETY: channel 2 of the PIT, whose output nobody listens to: gate on, speaker off, mode 0, low then high byte.
    unsafe {
        out8(0x61, in8(0x61) & 0xfc | 1);
        out8(0x43, 0xb0);
        out8(0x42, 0xff);
        out8(0x42, 0xff);
    }
    // Counts down from 0xffff for 55 ms, longer than the window.
    // SAFETY: latching and reading channel 2.
    against(PIT_HZ, 0xffff, || unsafe {
        out8(0x43, 0x80);
        let low = in8(0x42);
        u64::from(0xffff - u16::from_le_bytes([low, in8(0x42)]))
    })
}

/// Counts of the local APIC's timer per nanosecond, 32.32. Never 0.
pub(super) fn apic_per_ns() -> u64 {
    // Virtual machines have 1 GHz here, to which a short measurement only comes close. One that comes close to
    // something else was perhaps disturbed, and deserves a longer look.
    const GHZ: u64 = 1 << 32;
    let mut measured = GHZ;
    for window_ns in [50_000, 200_000, 1_000_000, 5_000_000] {
        measured = apic_against_tsc(window_ns);
        if measured.abs_diff(GHZ) < GHZ / 16 {
            return GHZ;
        }
    }
    measured
}

/// The same, as seen in `window_ns`.
fn apic_against_tsc(window_ns: u64) -> u64 {
    lapic::timer_mode(false);
    // Masked by the mode only from the next set-up on: with interrupts off nothing arrives.
    let before = super::now().0;
    lapic::timer_start(u32::MAX);
    let start = (before + super::now().0) / 2;
    while super::now().0 - start < window_ns {}
    let sample = || {
        let before = super::now().0;
        let left = lapic::timer_left();
        let after = super::now().0;
        (after - before, before + (after - before) / 2, left)
    };
    // The tightest of a few readings, as above.
    let (_, end, left) = (0..4).map(|_| sample()).min_by_key(|(width, ..)| *width).unwrap_or_else(sample);
    lapic::timer_start(0);
    ((u64::from(u32::MAX - left) << 32) / (end - start).max(1)).max(1)
}
