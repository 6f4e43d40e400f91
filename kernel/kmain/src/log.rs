//! Where kernel messages go: the serial port, and over a supervisor's channel once there is one.
//!
//! Messages may come from anywhere, interrupt handlers too. So they are put into a ring; the supervisor's thread
//! takes them out. Without a supervisor they are written at once. What does not fit is dropped and counted.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use osv_base::log::Level;
use osv_hw::serial;
use osv_sync::IrqSpinLock;
use osv_sys::system::KernelLog;

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

/// Bytes of messages that syslog(2) can read.
const KEPT: usize = 16 << 10;

/// The last messages, each in a line that begins with its level and time.
struct History {
    bytes: [u8; KEPT],
    /// Bytes ever written.
    end: u64,
}

static HISTORY: IrqSpinLock<History> = IrqSpinLock::new(History { bytes: [0; KEPT], end: 0 });
/// Messages of this level of syslog(3) and above are kept only.
static CONSOLE_LEVEL: AtomicU8 = AtomicU8::new(8);

impl Write for History {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            self.bytes[(self.end % KEPT as u64) as usize] = byte;
            self.end += 1;
        }
        Ok(())
    }
}

/// What syslog(2) reads.
pub struct Kept;

impl KernelLog for Kept {
    fn bounds(&self) -> (u64, u64) {
        let end = HISTORY.lock().end;
        (end.saturating_sub(KEPT as u64), end)
    }
    fn read(&self, at: u64, to: &mut [u8]) -> usize {
        let history = HISTORY.lock();
        let at = at.max(history.end.saturating_sub(KEPT as u64));
        let len = (history.end.saturating_sub(at) as usize).min(to.len());
        for (offset, byte) in to[..len].iter_mut().enumerate() {
            *byte = history.bytes[((at + offset as u64) % KEPT as u64) as usize];
        }
        len
    }
    fn capacity(&self) -> usize {
        KEPT
    }
    fn set_console_level(&self, level: u8) {
        CONSOLE_LEVEL.store(level, Ordering::Relaxed);
    }
}

/// A level as syslog(3) counts.
fn severity(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug => 7,
    }
}

/// The sink.
pub fn sink(level: Level, args: fmt::Arguments<'_>) {
    let micros = osv_hw::clock::now().0 / 1000;
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let _ = writeln!(HISTORY.lock(), "<{}>[{seconds:5}.{micros:06}] {args}", severity(level));
    osv_sys::system::kernel_log_grew();
    if severity(level) >= CONSOLE_LEVEL.load(Ordering::Relaxed) {
        return;
    }
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
