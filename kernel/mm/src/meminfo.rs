//! The numbers of /proc/meminfo and sysinfo(2).

use crate::{frame, heap, pressure};
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Frames that file systems keep as cache and could drop; they count them here.
static CACHED: AtomicUsize = AtomicUsize::new(0);
/// Frames of memory that exists only in RAM (tmpfs, shared memory); counted by who keeps them.
static SHARED: AtomicUsize = AtomicUsize::new(0);

/// Counts `frames` more cached pages that can be read again.
pub fn cached_more(frames: usize) {
    CACHED.fetch_add(frames, Ordering::Relaxed);
}

/// Counts `frames` fewer cached pages.
pub fn cached_less(frames: usize) {
    CACHED.fetch_sub(frames, Ordering::Relaxed);
}

/// Frames that file systems keep as cache now.
pub fn cached() -> usize {
    CACHED.load(Ordering::Relaxed)
}

/// Counts `frames` more pages that exist only in RAM.
pub fn shared_more(frames: usize) {
    SHARED.fetch_add(frames, Ordering::Relaxed);
}

/// Counts `frames` fewer pages that exist only in RAM.
pub fn shared_less(frames: usize) {
    SHARED.fetch_sub(frames, Ordering::Relaxed);
}

/// Memory now, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemInfo {
    /// RAM that the kernel manages.
    pub total: usize,
    /// Free.
    pub free: usize,
    /// What an application could still get: free and cached, without the reserve.
    pub available: usize,
    /// Cache that can be dropped.
    pub cached: usize,
    /// Files and shared memory that exist only in RAM.
    pub shared: usize,
    /// The kernel heap's slabs.
    pub slab: usize,
}

impl MemInfo {
    /// Reads the counters.
    pub fn now() -> MemInfo {
        let counts = frame::counts();
        let cached = cached();
        MemInfo {
            total: counts.total,
            free: counts.free,
            available: (counts.free + cached).saturating_sub(pressure::low()),
            cached,
            shared: SHARED.load(Ordering::Relaxed),
            slab: heap::slab_frames(),
        }
    }

    /// Writes /proc/meminfo: the lines that programs read.
    pub fn write(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        let rows = [
            ("MemTotal", self.total),
            ("MemFree", self.free),
            ("MemAvailable", self.available),
            ("Buffers", 0),
            ("Cached", self.cached + self.shared),
            ("SwapCached", 0),
            ("SwapTotal", 0),
            ("SwapFree", 0),
            ("Shmem", self.shared),
            ("Slab", self.slab),
            ("SReclaimable", 0),
            ("SUnreclaim", self.slab),
            ("CommitLimit", self.total),
            ("HugePages_Total", 0),
            ("HugePages_Free", 0),
        ];
        for (name, frames) in rows {
            let unit = if name.starts_with("HugePages") { "" } else { " kB" };
            writeln!(to, "{:<16}{:>8}{unit}", Name(name), frames * 4)?;
        }
        writeln!(to, "{:<16}{:>8} kB", Name("Hugepagesize"), 2048)
    }
}

/// A name with its colon, padded as one.
struct Name(&'static str);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(0).saturating_sub(self.0.len() + 1);
        write!(f, "{}:{:width$}", self.0, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn the_lines_look_like_linux() {
        let info = MemInfo { total: 65_536, free: 100, available: 50, cached: 7, shared: 1, slab: 3 };
        let mut text = String::new();
        info.write(&mut text).unwrap();
        assert!(text.starts_with("MemTotal:         262144 kB\nMemFree:             400 kB\n"), "{text}");
        assert!(text.contains("\nHugePages_Total:       0\n"), "{text}");
    }
}
