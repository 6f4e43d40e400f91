//! The clock, and law 8: other CPUs.

use super::{check, test};
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::VirtAddr;
use osv_hw::{clock, smp};
use osv_mm::frame::{Frame, Use};
use osv_mm::mmu::{Entry, Pte, Size, mmu};

static SEEN: AtomicU64 = AtomicU64::new(0);

test!(TIME_PASSES, {
    let start = clock::now();
    clock::spin_for(1_000_000);
    let passed = clock::now().0 - start.0;
    check(passed >= 1_000_000, "a millisecond")
});

test!(THE_TIMER_FIRES_NO_EARLIER_THAN_ASKED, {
    use super::app::TICKS;
    // A tick that another test left behind would count as ours.
    clock::set_timer(osv_base::Instant::FOREVER);
    osv_hw::cpu::enable_interrupts();
    clock::spin_for(100_000);
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

test!(A_CHANGED_MAPPING_IS_SEEN_BY_EVERY_CPU, {
    const AT: u64 = osv_hw::layout::DYNAMIC;
    let entry = |phys| Entry { phys, size: Size::Small, flags: Pte::READ | Pte::WRITE };
    let page = |mark: u8| {
        let page = Frame::zeroed(Use::Kernel).map_err(|_| "memory")?;
        page.copy_in(0, &[mark]);
        Ok::<_, &'static str>(page)
    };
    let (first, second) = (page(1)?, page(2)?);
    let look = || {
        SEEN.store(0, Ordering::Relaxed);
        let read = |at: usize| {
            // SAFETY: mapped just now.
            let mark = unsafe { core::ptr::with_exposed_provenance::<u8>(at).read_volatile() };
            SEEN.fetch_or(1 << mark, Ordering::Relaxed);
        };
        read(AT as usize);
        smp::call_on(u64::MAX, read, AT as usize);
        SEEN.load(Ordering::Relaxed)
    };
    for _ in 0..50 {
        for (page, mark) in [(&first, 1), (&second, 2)] {
            mmu().map_kernel(VirtAddr(AT), Some(entry(page.phys()))).map_err(|_| "memory")?;
            mmu().shoot_down_kernel(AT..AT + 4096);
            check(look() == 1 << mark, "an old translation was used")?;
        }
    }
    mmu().map_kernel(VirtAddr(AT), None).map_err(|_| "memory")?;
    mmu().shoot_down_kernel(AT..AT + 4096);
    Ok(())
});
