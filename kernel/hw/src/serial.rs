//! The first serial port: the log of a machine that has nothing better.

use crate::port::{in8, out8};
use core::fmt;

const PORT: u16 = 0x3f8;

/// Sets the port up: 115200 baud, 8N1, FIFOs on, interrupts off.
pub fn init() {
    // SAFETY: standard 16550 set-up of COM1, which nobody else drives.
    unsafe {
        out8(PORT + 1, 0);
        out8(PORT + 3, 0x80);
        out8(PORT, 1);
        out8(PORT + 1, 0);
        out8(PORT + 3, 3);
        out8(PORT + 2, 0xc7);
        out8(PORT + 4, 3);
    }
}

/// Writes bytes, waiting for room in the FIFO. Callers serialise.
pub fn write(bytes: &[u8]) {
    for &byte in bytes {
        // SAFETY: COM1's line status and data register. The wait is bounded: there may be no port at all.
        unsafe {
            let mut patience = 100_000;
            while in8(PORT + 5) & 0x20 == 0 && patience > 0 {
                patience -= 1;
            }
            out8(PORT, byte);
        }
    }
}

/// A byte that has arrived.
pub fn read() -> Option<u8> {
    // SAFETY: COM1's line status and data register; all ones mean that there is no port.
    unsafe {
        let status = in8(PORT + 5);
        (status != 0xff && status & 1 != 0).then(|| in8(PORT))
    }
}

/// Asks for an interrupt (ISA line 4) when a byte arrives.
pub fn enable_receive_interrupt() {
    // SAFETY: COM1's interrupt enable register; OUT2 is on.
    unsafe {
        out8(PORT + 4, 0x0b);
        out8(PORT + 1, 1);
    }
}

/// Text to the port.
#[derive(Debug)]
pub struct Writer;

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(text.as_bytes());
        Ok(())
    }
}
