//! Lines on standard error: a stub's name, the reason of an abort.

use crate::gate::{self, Sysno};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

/// Text of bounded length; what does not fit is cut.
#[derive(Debug)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// No text.
    pub const fn new() -> Self {
        Text { bytes: [0; N], length: 0 }
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let count = room.len().min(text.len());
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

/// Writes one line to standard error.
pub fn line(text: fmt::Arguments<'_>) {
    let mut line = Text::<256>::new();
    let _ = line.write_fmt(text);
    let end = line.length.min(255);
    line.bytes[end] = b'\n';
    // SAFETY: the buffer is ours and as long as said.
    unsafe { gate::call(Sysno::write, [2, line.bytes.as_ptr().addr(), end + 1]) };
}

/// Says once that a stub was called.
pub fn stub(name: &str, said: &AtomicBool) {
    if !said.swap(true, Ordering::Relaxed) {
        line(format_args!("osv: {name} is a stub"));
    }
}

/// Says what is broken and ends the program with SIGABRT.
#[cold]
pub fn fatal(what: &str) -> ! {
    line(format_args!("{what}"));
    crate::signal::die()
}
