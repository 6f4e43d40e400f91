//! What the compiler expects of a freestanding object: panics, unwinding.

use osv_posix::report;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    report::line(format_args!("ld-osv: {info}"));
    exit(127)
}

/// Ends the process at once.
pub fn exit(status: usize) -> ! {
    loop {
        // SAFETY: the process ends.
        unsafe { osv_posix::gate::call(osv_posix::gate::Sysno::exit_group, [status]) };
    }
}

/// Never called: panics abort.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Never called: panics abort.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit(127)
}
