//! The end of the kernel: says why and where, on the serial port, and ends the machine with a status that is not 0.

use crate::{log, symbols};
use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};
use osv_hw::{backtrace, cpu, percpu, power, serial, smp};

/// What the machine's status is then.
const STATUS: u8 = 101;

/// Panics so far: a panic inside a panic says less.
static DEPTH: AtomicU32 = AtomicU32::new(0);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cpu::disable_interrupts();
    let out = &mut serial::Writer;
    match DEPTH.fetch_add(1, Ordering::SeqCst) {
        0 => {}
        1 => {
            let _ = writeln!(out, "\nosv panic inside a panic: {}", info.message());
            power::off(STATUS)
        }
        _ => power::off(STATUS),
    }
    smp::stop_others();
    log::flush_to_serial();
    let _ = writeln!(
        out,
        "\nosv panic on CPU {}: the kernel is at fault, not the application",
        percpu::cpu_index()
    );
    if let Some(place) = info.location() {
        let _ = writeln!(out, "{place}:");
    }
    let _ = writeln!(out, "{}\nbacktrace:", info.message());
    backtrace::walk(|address| {
        let _ = match symbols::find(address) {
            Some((name, offset)) => writeln!(out, "  {address:#018x} {name}+{offset:#x}"),
            None => writeln!(out, "  {address:#018x}"),
        };
    });
    power::off(STATUS)
}

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    cpu::halt_forever()
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    cpu::halt_forever()
}
