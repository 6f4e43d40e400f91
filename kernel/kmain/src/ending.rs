//! Who asks the machine to end: the power button and Ctrl-Alt-Del, which are SIGTERM to the application. When it has
//! ended, the machine powers off as ever.

use core::sync::atomic::{AtomicBool, Ordering};
use osv_base::info;
use osv_hw::button;
use osv_sync::SpinLock;
use osv_tty::keyboard::Keys;

static ASKED: AtomicBool = AtomicBool::new(false);
/// Interrupt handlers alone take it, and those of one line do not run at once on two CPUs.
static KEYS: SpinLock<Keys> = SpinLock::new(Keys::new());

/// Listens to both, as far as the machine has them.
pub fn listen() {
    let found = (button::listen_to_power(ask), button::listen_to_keyboard(code));
    info!("power button: {}, keyboard: {}", found.0, found.1);
}

/// Whether the end was asked for since the last time.
pub fn was_asked() -> bool {
    ASKED.swap(false, Ordering::AcqRel)
}

fn ask() {
    ASKED.store(true, Ordering::Release);
    crate::channel::ring();
}

fn code(code: u8) {
    if KEYS.lock().take(code) {
        ask();
    }
}
