//! Bring-up, in the one order that works.

use core::fmt;
use osv_abi::boot::BootConfig;
use osv_base::log::{self, Level};
use osv_base::{info, PhysAddr};
use osv_hw::boot::BootInfo;
use osv_hw::{power, serial};

#[global_allocator]
static HEAP: osv_mm::heap::KernelHeap = osv_mm::heap::KernelHeap;

fn log_to_serial(level: Level, args: fmt::Arguments<'_>) {
    use fmt::Write;
    let _ = writeln!(serial::Writer, "[{level:?}] {args}");
}

#[unsafe(no_mangle)]
fn osv_kernel_main(boot: BootInfo) -> ! {
    serial::init();
    log::set_sink(log_to_serial);
    info!("ram {:?}", boot.ram);
    info!("free {:?}", boot.free);
    info!("image {:?} root {:?} rsdp {:?}", osv_hw::boot::image(), boot.root, boot.rsdp);
    info!("cmdline {}", boot.cmdline.escape_ascii());
    start_memory(&boot);
    info!("heap works: {:?}", alloc::vec![1, 2, 3]);
    let config = BootConfig::parse(b"", boot.cmdline).unwrap_or_else(|error| {
        info!("{error}");
        BootConfig::default()
    });
    let source = osv_hw::machine::init(&boot, config.tsc_hz, config.time_unix_ns);
    info!("TSC {} Hz ({source:?}), unix time {} s", osv_hw::clock::tsc_hz(), osv_hw::clock::realtime_ns() / 1_000_000_000);
    let cpus = osv_hw::smp::start_others(|cpu| {
        info!("CPU {cpu}");
        loop {
            osv_hw::cpu::wait_for_interrupt();
        }
    });
    info!("{cpus} of {} CPUs", osv_hw::smp::found());
    if let Some(filter) = crate::selftest::wanted(&config.foreign) {
        crate::selftest::run(filter);
    }
    power::off(0)
}

fn start_memory(boot: &BootInfo) {
    let mut ranges = [const { PhysAddr(0)..PhysAddr(0) }; 64];
    let free = boot.free.as_slice();
    for (to, from) in ranges.iter_mut().zip(free) {
        *to = PhysAddr(from.start)..PhysAddr(from.end);
    }
    // SAFETY: boot left out whatever is in use, and the direct map shows all RAM.
    let frames = unsafe { osv_mm::frame::init(&ranges[..free.len()], osv_hw::paging::DIRECT_OFFSET) };
    osv_mm::mmu::register(&osv_hw::paging::MACHINE);
    info!("{frames} free frames");
}
