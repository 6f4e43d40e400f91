//! Where kernel messages go: the serial port, and over a supervisor's channel once there is one.
//!
//! Messages may come from anywhere, interrupt handlers too. So they are put into a ring; the supervisor's thread
//! takes them out. Without a supervisor they are written at once. What does not fit is dropped and counted.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};
use osv_base::log::Level;
use osv_hw::serial;
use osv_sync::IrqSpinLock;

const CAPACITY: usize = 8 << 10;

struct Ring {
    bytes: [u8; CAPACITY],
    start: usize,
    len: usize,
    dropped: usize,
}

static RING: IrqSpinLock<Ring> =
    IrqSpinLock::new(Ring { bytes: [0; CAPACITY], start: 0, len: 0, dropped: 0 });
static QUEUED: AtomicBool = AtomicBool::new(false);

impl Write for Ring {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len == CAPACITY {
                self.dropped += 1;
            } else {
                self.bytes[(self.start + self.len) % CAPACITY] = byte;
                self.len += 1;
            }
        }
        Ok(())
    }
}

/// The sink.
pub fn sink(level: Level, args: fmt::Arguments<'_>) {
    let mut ring = RING.lock();
    let (queued, name) = (QUEUED.load(Ordering::Relaxed), name(level));
    let _ = if queued {
        writeln!(ring, "osv {name}: {args}")
    } else {
        writeln!(serial::Writer, "osv {name}: {args}")
    };
    drop(ring);
    if queued {
        crate::channel::ring();
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
    }
}

/// From now on messages wait for [`take`].
pub fn queue() {
    QUEUED.store(true, Ordering::Relaxed);
}

/// Takes messages out; gives how many bytes there were.
pub fn take(to: &mut [u8]) -> usize {
    let mut ring = RING.lock();
    if ring.dropped > 0 && ring.len < CAPACITY / 2 {
        let dropped = core::mem::take(&mut ring.dropped);
        let _ = writeln!(ring, "osv warning: {dropped} bytes of messages were lost");
    }
    let n = ring.len.min(to.len());
    for byte in &mut to[..n] {
        *byte = ring.bytes[ring.start];
        ring.start = (ring.start + 1) % CAPACITY;
    }
    ring.len -= n;
    n
}

/// Writes what still waits to the serial port: for a panic, after which nobody takes it.
pub fn flush_to_serial() {
    let Some(mut ring) = RING.try_lock() else { return };
    while ring.len > 0 {
        serial::write(&[ring.bytes[ring.start]]);
        ring.start = (ring.start + 1) % CAPACITY;
        ring.len -= 1;
    }
}
