//! Bring-up, in the one order that works.

use crate::{devices, init, log, selftest, symbols};
use osv_abi::boot::{BootConfig, LogLevel, Source};
use osv_base::log::Level;
use osv_base::{PhysAddr, error, info};
use osv_hw::boot::BootInfo;
use osv_hw::{clock, serial, smp};

#[global_allocator]
static HEAP: osv_mm::heap::KernelHeap = osv_mm::heap::KernelHeap;

/// Called by the first Rust code, with paging as it stays and nothing else.
#[unsafe(no_mangle)]
fn osv_kernel_main(boot: BootInfo) -> ! {
    serial::init();
    osv_base::log::set_max_level(Level::Warn);
    osv_base::log::set_sink(log::sink);
    start_memory(&boot);
    let mut early = BootConfig::default();
    if let Err(problem) = early.apply(boot.cmdline, Source::CommandLine) {
        error!("{problem}");
    }
    set_log_level(early.log);
    info!(
        "{} ticks: {} MiB of RAM, image {:?}, root {:?}",
        osv_hw::cpu::rdtsc(),
        boot.ram.total() >> 20,
        osv_hw::boot::image(),
        boot.root
    );
    let source = osv_hw::machine::init(&boot, early.tsc_hz, early.time_unix_ns);
    info!("TSC {} Hz ({source:?}), {} ticks after the reset", clock::tsc_hz(), osv_hw::cpu::rdtsc());
    if source == clock::Source::Assumed {
        error!("nothing tells the time stamp counter's rate: 1 GHz is assumed (osv.tsc=HZ)");
    }
    devices::seed_from_cpu();
    if let Some(filter) = selftest::wanted(&early.foreign) {
        smp::start_others(|_| {
            loop {
                osv_hw::cpu::wait_for_interrupt();
            }
        });
        selftest::run(filter);
    }
    osv_vfs::clock::register(|| osv_vfs::Time(clock::realtime_ns().cast_signed()));
    osv_sys::dispatch::install();
    osv_base::door::register(|bytes| osv_mm::pressure::admit(osv_base::Pages::covering(bytes)).is_ok());
    osv_task::upcalls::register();
    osv_tty::jobs::register(alloc::sync::Arc::new(osv_task::registry::terminals::Processes));
    osv_vfs::device::register_fifos(alloc::sync::Arc::new(osv_event::pipe::NamedPipes::default()));
    // SAFETY: the boot context of this CPU, once.
    let started = unsafe { osv_task::bring_up_cpu() }
        .and_then(|()| osv_task::init::start_services())
        .and_then(|()| osv_task::spawn_kernel("init", move || init::run(boot)).map(drop));
    if started.is_err() {
        panic!("no memory for the first threads");
    }
    let cpus = smp::start_others(|cpu| {
        // SAFETY: the boot context of another CPU, once.
        if unsafe { osv_task::bring_up_cpu() }.is_err() {
            panic!("no memory for the idle thread of CPU {cpu}");
        }
        osv_sched::leave_boot_context()
    });
    info!("{cpus} of {} CPUs run", smp::found());
    osv_sched::leave_boot_context()
}

/// Says how much is logged from now on.
pub fn set_log_level(level: LogLevel) {
    osv_base::log::set_max_level(match level {
        LogLevel::Off | LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug | LogLevel::Trace => Level::Debug,
    });
}

fn start_memory(boot: &BootInfo) {
    let mut ranges = [const { PhysAddr(0)..PhysAddr(0) }; 64];
    let free = boot.free.as_slice();
    if let Some(range) = boot.symbols {
        // SAFETY: boot kept the range out of what is free.
        unsafe { symbols::keep(range) };
    }
    for (to, from) in ranges.iter_mut().zip(free) {
        *to = PhysAddr(from.start)..PhysAddr(from.end);
    }
    // SAFETY: boot left out whatever is in use, and the direct map shows all RAM.
    unsafe { osv_mm::frame::init(&ranges[..free.len()], osv_hw::paging::DIRECT_OFFSET) };
    osv_mm::mmu::register(&osv_hw::paging::MACHINE);
}
