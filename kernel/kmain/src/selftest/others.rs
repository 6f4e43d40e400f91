//! The clock, and law 8: other CPUs.

use super::{check, test};
use core::sync::atomic::{AtomicU64, Ordering};
use osv_hw::{clock, smp};
use osv_mm::mmu::mmu;

static SEEN: AtomicU64 = AtomicU64::new(0);

test!(TIME_PASSES, {
    let start = clock::now();
    clock::spin_for(1_000_000);
    let passed = clock::now().0 - start.0;
    check(passed >= 1_000_000, "a millisecond")
});

test!(THE_TIMER_FIRES_NO_EARLIER_THAN_ASKED, {
    use super::app::TICKS;
    osv_hw::cpu::enable_interrupts();
    for gap in [10_000, 1_000_000] {
        let ticks = TICKS.load(Ordering::Relaxed);
        let start = clock::now().0;
        clock::set_timer(osv_base::Instant(start + gap));
        while TICKS.load(Ordering::Relaxed) == ticks {
            check(clock::now().0 < start + 5_000_000_000, "it fires at all")?;
        }
        // Rates are known to some 100 ppm; under emulation the two clocks may differ more for a moment.
        check(clock::now().0 + 5_000 + gap / 20 >= start + gap, "not early")?;
    }
    clock::set_timer(osv_base::Instant::FOREVER);
    Ok(())
});

test!(EVERY_CPU_ANSWERS_CALLS, {
    SEEN.store(0, Ordering::Relaxed);
    smp::call_on(
        u64::MAX,
        |bit| {
            SEEN.fetch_or(1 << (osv_hw::percpu::cpu_index() + bit), Ordering::Relaxed);
        },
        0,
    );
    check(SEEN.load(Ordering::Relaxed) | 1 == smp::online(), "all of them")?;
    check(smp::online().count_ones() as usize == smp::found(), "all CPUs run")
});

test!(SHOOTDOWN_RETURNS, {
    for _ in 0..100 {
        mmu().shoot_down_kernel(osv_hw::layout::DYNAMIC..osv_hw::layout::DYNAMIC + 4096);
    }
    Ok(())
});
