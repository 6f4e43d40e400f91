//! Time: the TSC as the one clock, and a one-shot timer for each CPU.
//!
//! The TSC's rate comes from, in this order: the boot configuration's hint, kvmclock, CPUID, and measuring against
//! the PM timer, the HPET or the PIT. With none of these it is taken to be 1 GHz, and [`Source`] says so.
//! Nanoseconds are `base + (ticks * mult >> 32)`, the formula of the page that applications read as well.

#[cfg(osv_guest)]
mod calibrate;
#[cfg(osv_guest)]
mod kvm;
#[cfg(osv_guest)]
mod rtc;

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use osv_abi::shared::{Clock, SharedPage};
use osv_base::{Instant, PhysAddr};

/// Where the TSC's rate comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The boot configuration.
    Hint,
    /// KVM's paravirtual clock.
    KvmClock,
    /// CPUID leaf 15h or 40000010h.
    Cpuid,
    /// Measured against the ACPI PM timer.
    PmTimer,
    /// Measured against the HPET.
    Hpet,
    /// Measured against the PIT.
    Pit,
    /// Nothing: 1 GHz is assumed.
    Assumed,
}

#[repr(C, align(4096))]
struct Page(SharedPage, [u8; 4096 - size_of::<SharedPage>()]);
static PAGE: Page = Page(SharedPage::new(), [0; 4096 - size_of::<SharedPage>()]);

static BASE_TSC: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds per tick, 32.32.
static MULT: AtomicU64 = AtomicU64::new(1 << 32);
/// Ticks per nanosecond, 32.32.
static INVERSE: AtomicU64 = AtomicU64::new(1 << 32);
/// Counts of the local APIC's timer per nanosecond, 32.32; 0: the timer takes TSC values.
static APIC_PER_NS: AtomicU64 = AtomicU64::new(0);
static REALTIME_OFFSET: AtomicU64 = AtomicU64::new(0);
static SETTING: AtomicBool = AtomicBool::new(false);

fn scaled(value: u64, by: u64) -> u64 {
    u64::try_from((u128::from(value) * u128::from(by)) >> 32).unwrap_or(u64::MAX)
}

/// CLOCK_MONOTONIC.
#[inline]
pub fn now() -> Instant {
    let ticks = crate::cpu::rdtsc().wrapping_sub(BASE_TSC.load(Ordering::Relaxed));
    Instant(scaled(ticks, MULT.load(Ordering::Relaxed)))
}

/// Nanoseconds in so many ticks of the TSC.
pub fn nanos_of(ticks: u64) -> u64 {
    scaled(ticks, MULT.load(Ordering::Relaxed))
}

/// CLOCK_REALTIME in nanoseconds since 1970.
pub fn realtime_ns() -> u64 {
    now().0.wrapping_add(REALTIME_OFFSET.load(Ordering::Relaxed))
}

/// Sets CLOCK_REALTIME.
pub fn set_realtime_ns(nanos: u64) {
    while SETTING.swap(true, Ordering::Acquire) {
        core::hint::spin_loop();
    }
    REALTIME_OFFSET.store(nanos.wrapping_sub(now().0), Ordering::Relaxed);
    publish();
    SETTING.store(false, Ordering::Release);
}

fn publish() {
    PAGE.0.publish(Clock {
        base_tsc: BASE_TSC.load(Ordering::Relaxed),
        base_monotonic_ns: 0,
        mult: MULT.load(Ordering::Relaxed),
        realtime_offset_ns: REALTIME_OFFSET.load(Ordering::Relaxed),
    });
}

/// The page that applications read.
pub fn shared() -> &'static SharedPage {
    &PAGE.0
}

/// Physical address of [`shared`], for mapping it read-only.
pub fn shared_phys() -> PhysAddr {
    crate::layout::phys_of(osv_base::VirtAddr((&raw const PAGE).expose_provenance() as u64))
}

/// Ticks of the TSC in a second.
pub fn tsc_hz() -> u64 {
    scaled(1_000_000_000, INVERSE.load(Ordering::Relaxed))
}

/// Finds the rate and starts the clock at 0. Wall time is `unix_ns`, else what the machine's own clock says.
#[cfg(osv_guest)]
pub(crate) fn init(hint: Option<u64>, unix_ns: Option<u64>, machine: &crate::acpi::Machine) -> Source {
    let (hz, source) = calibrate::rate(hint, machine);
    MULT.store(((1_000_000_000u128 << 32) / u128::from(hz)) as u64, Ordering::Relaxed);
    INVERSE.store(((u128::from(hz) << 32) / 1_000_000_000) as u64, Ordering::Relaxed);
    BASE_TSC.store(crate::cpu::rdtsc(), Ordering::Relaxed);
    set_realtime_ns(unix_ns.or_else(kvm::wall_clock_ns).or_else(rtc::unix_ns).unwrap_or(0));
    if !crate::cpu::features().tsc_deadline {
        APIC_PER_NS.store(calibrate::apic_per_ns(), Ordering::Relaxed);
    }
    init_timer();
    source
}

/// Readies this CPU's timer.
#[cfg(osv_guest)]
pub(crate) fn init_timer() {
    crate::irq::lapic::timer_mode(APIC_PER_NS.load(Ordering::Relaxed) == 0);
}

/// Fires the `timer` upcall on this CPU at `deadline`, or at once when that is past; replaces what was set before.
/// [`Instant::FOREVER`] stops the timer. It may fire early when the deadline is far.
#[inline]
pub fn set_timer(deadline: Instant) {
    #[cfg(osv_guest)]
    {
        let per_ns = APIC_PER_NS.load(Ordering::Relaxed);
        if per_ns == 0 {
            let target = if deadline == Instant::FOREVER {
                0
            } else {
                let ticks = scaled(deadline.0, INVERSE.load(Ordering::Relaxed));
                // Rounded up, so that the deadline is past when it fires.
                BASE_TSC.load(Ordering::Relaxed).saturating_add(ticks).saturating_add(1)
            };
            // SAFETY: the CPU has the register, and the timer is in that mode.
            unsafe { crate::cpu::Msr::TSC_DEADLINE.write(target) };
        } else if deadline == Instant::FOREVER {
            crate::irq::lapic::timer_start(0);
        } else {
            let left = deadline.0.saturating_sub(now().0);
            let counts = scaled(left, per_ns);
            // A little late rather than a little early, which would cost another interrupt: the two clocks' rates
            // are known to some 100 ppm.
            let counts = counts.saturating_add(counts >> 12).saturating_add(1);
            crate::irq::lapic::timer_start(counts.min(u32::MAX.into()) as u32);
        }
    }
    #[cfg(not(osv_guest))]
    let _ = deadline;
}

/// The timer's interrupt.
#[cfg(osv_guest)]
pub(crate) fn fired() {
    if let Some(upcalls) = crate::upcall::get() {
        (upcalls.timer)();
    }
}

/// Waits, doing nothing. For device start-up only.
pub fn spin_for(nanos: u64) {
    let until = now().0 + nanos;
    while now().0 < until {
        core::hint::spin_loop();
    }
}
