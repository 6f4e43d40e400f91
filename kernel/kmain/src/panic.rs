//! The end of the kernel: says why, and where.

use core::panic::PanicInfo;
use osv_hw::serial;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    use core::fmt::Write;
    osv_hw::cpu::disable_interrupts();
    let _ = writeln!(serial::Writer, "\nkernel panic: {info}");
    osv_hw::power::off(101)
}

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    osv_hw::cpu::halt_forever()
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    osv_hw::cpu::halt_forever()
}
