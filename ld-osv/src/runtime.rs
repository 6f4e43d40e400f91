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

/// Asked when a program's exception comes through a Rust function that has something to clean up, as qsort's callback
/// may throw one: _URC_CONTINUE_UNWIND, the frame is passed over. Our own panics abort.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> i32 {
    8
}

/// Never called: panics abort.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit(127)
}
