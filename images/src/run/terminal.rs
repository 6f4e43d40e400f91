//! Our own terminal while the guest's is shown on it: raw, and as it was again whatever ends us, short of SIGKILL.

use crate::error::{Error, Result};
use osv_abi::channel::WindowSize;
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::{stderr, stdin, stdout};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the terminal is raw now: what we print ourselves must then end its lines with a return.
static RAW: AtomicBool = AtomicBool::new(false);

/// Whether our own lines end with `\r\n`.
pub(super) fn is_raw() -> bool {
    RAW.load(Ordering::Relaxed)
}

/// The terminal at standard input, raw as long as this lives.
pub(super) struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Makes standard input's terminal raw: whatever is typed goes to the guest, Ctrl-C and Ctrl-Z too.
    pub(super) fn enter() -> Result<Self> {
        let failed = |errno: rustix::io::Errno| Error::io("set up", "the terminal", errno.into());
        let before = tcgetattr(stdin()).map_err(failed)?;
        let raw = Self { before };
        raw.again().map_err(failed)?;
        Ok(raw)
    }

    fn again(&self) -> rustix::io::Result<()> {
        let mut termios = self.before.clone();
        termios.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &termios)?;
        RAW.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn restore(&self) {
        RAW.store(false, Ordering::Relaxed);
        // Nothing can be done about a terminal that is gone. What was typed ahead is not for the shell.
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.before);
    }

    /// SIGTSTP from somebody else: stops us as it would have, with the terminal as the shell wants it.
    pub(super) fn stop_ourselves(&self) {
        self.restore();
        let _ = kill_process(getpid(), Signal::STOP);
        self.resume();
    }

    /// SIGCONT: a shell may have changed the terminal meanwhile.
    pub(super) fn resume(&self) {
        // In the background this would stop us again; the shell sends SIGCONT once more with `fg`.
        let _ = self.again();
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        self.restore();
    }
}

/// The size of the terminal that our streams are, if any is one.
pub(super) fn window_size() -> Option<WindowSize> {
    fn of(stream: impl AsFd) -> Option<WindowSize> {
        let size = isatty(&stream).then(|| tcgetwinsize(&stream).ok())??;
        let (rows, columns, x_pixels, y_pixels) = (size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
        Some(WindowSize { rows, columns, x_pixels, y_pixels })
    }
    of(stdout()).or_else(|| of(stdin())).or_else(|| of(stderr()))
}
