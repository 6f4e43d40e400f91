//! The kernel log: levels, and one sink that bring-up registers.

use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};
use spin::Once;

/// Severity, most severe first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Level {
    /// Something is lost or broken.
    Error = 1,
    /// Something unexpected that was handled.
    Warn = 2,
    /// Milestones.
    Info = 3,
    /// For those who look for a fault.
    Debug = 4,
}

type Sink = fn(Level, fmt::Arguments<'_>);

static SINK: Once<Sink> = Once::new();
static MAX: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// Registers where messages go. The first registration stays.
pub fn set_sink(sink: Sink) {
    SINK.call_once(|| sink);
}

/// Messages less severe than `level` are dropped.
pub fn set_max_level(level: Level) {
    MAX.store(level as u8, Ordering::Relaxed);
}

/// Emits a message; use the macros.
pub fn emit(level: Level, args: fmt::Arguments<'_>) {
    if level as u8 <= MAX.load(Ordering::Relaxed)
        && let Some(sink) = SINK.get()
    {
        sink(level, args);
    }
}

/// Logs at [`Level::Error`].
#[macro_export]
macro_rules! error { ($($t:tt)*) => { $crate::log::emit($crate::log::Level::Error, format_args!($($t)*)) } }
/// Logs at [`Level::Warn`].
#[macro_export]
macro_rules! warn { ($($t:tt)*) => { $crate::log::emit($crate::log::Level::Warn, format_args!($($t)*)) } }
/// Logs at [`Level::Info`].
#[macro_export]
macro_rules! info { ($($t:tt)*) => { $crate::log::emit($crate::log::Level::Info, format_args!($($t)*)) } }
/// Logs at [`Level::Debug`].
#[macro_export]
macro_rules! debug { ($($t:tt)*) => { $crate::log::emit($crate::log::Level::Debug, format_args!($($t)*)) } }
