//! The page that the kernel shares, read-only, with every application, and the private auxiliary-vector entries
//! by which ld-osv finds it and the call vector.
//!
//! Readers follow a sequence lock: read `seq` (retry while odd), read the fields, read `seq` again.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Auxiliary-vector type: address of the kernel's call vector, an array of [`VECTOR_LEN`] function pointers.
pub const AT_OSV_VECTOR: u64 = 0x4f53_5600;
/// Auxiliary-vector type: address of the [`SharedPage`].
pub const AT_OSV_SHARED: u64 = 0x4f53_5601;
/// Auxiliary-vector type: address of [`SYMBOL_COUNTS`] times [`SymbolCount`], writable and shared by all processes;
/// 0 unless the symbols' calls are to be counted.
pub const AT_OSV_COUNTS: u64 = 0x4f53_5602;
/// Entries of the call vector.
pub const VECTOR_LEN: usize = 512;

/// Time as nanoseconds from TSC ticks: `ns = base_ns + ((tsc - base_tsc) * mult >> 32)`.
#[repr(C)]
#[derive(Debug)]
pub struct SharedPage {
    /// Sequence count; odd while the kernel writes.
    pub seq: AtomicU32,
    /// 1 when the TSC may be used as described; 0: ask the kernel.
    pub tsc_valid: AtomicU32,
    /// TSC value at `base_monotonic_ns`.
    pub base_tsc: AtomicU64,
    /// CLOCK_MONOTONIC at `base_tsc`, nanoseconds since boot.
    pub base_monotonic_ns: AtomicU64,
    /// Nanoseconds per tick as 32.32 fixed point.
    pub mult: AtomicU64,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC, nanoseconds.
    pub realtime_offset_ns: AtomicU64,
    /// The process that the application runs as (getpid); 0 once more than one process may see the page: ask the
    /// kernel.
    pub pid: AtomicU32,
    /// Number of CPUs online.
    pub cpus: AtomicU32,
}

/// One consistent reading of the clock fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// See [`SharedPage::base_tsc`].
    pub base_tsc: u64,
    /// See [`SharedPage::base_monotonic_ns`].
    pub base_monotonic_ns: u64,
    /// See [`SharedPage::mult`].
    pub mult: u64,
    /// See [`SharedPage::realtime_offset_ns`].
    pub realtime_offset_ns: u64,
}

impl Clock {
    /// CLOCK_MONOTONIC in nanoseconds at TSC value `tsc`.
    pub fn monotonic_ns(&self, tsc: u64) -> u64 {
        let ticks = tsc.saturating_sub(self.base_tsc);
        self.base_monotonic_ns + ((u128::from(ticks) * u128::from(self.mult)) >> 32) as u64
    }
}

impl SharedPage {
    /// A page that says "ask the kernel".
    pub const fn new() -> Self {
        SharedPage {
            seq: AtomicU32::new(0),
            tsc_valid: AtomicU32::new(0),
            base_tsc: AtomicU64::new(0),
            base_monotonic_ns: AtomicU64::new(0),
            mult: AtomicU64::new(0),
            realtime_offset_ns: AtomicU64::new(0),
            pid: AtomicU32::new(0),
            cpus: AtomicU32::new(0),
        }
    }

    /// Reads the clock fields consistently; `None` when the TSC is not usable.
    #[inline]
    pub fn clock(&self) -> Option<Clock> {
        loop {
            let before = self.seq.load(Ordering::Acquire);
            if before & 1 != 0 {
                core::hint::spin_loop();
                continue;
            }
            if self.tsc_valid.load(Ordering::Relaxed) == 0 {
                return None;
            }
            let clock = Clock {
                base_tsc: self.base_tsc.load(Ordering::Relaxed),
                base_monotonic_ns: self.base_monotonic_ns.load(Ordering::Relaxed),
                mult: self.mult.load(Ordering::Relaxed),
                realtime_offset_ns: self.realtime_offset_ns.load(Ordering::Relaxed),
            };
            core::sync::atomic::fence(Ordering::Acquire);
            if self.seq.load(Ordering::Relaxed) == before {
                return Some(clock);
            }
        }
    }

    /// Publishes new clock fields. One writer at a time: the caller serialises.
    pub fn publish(&self, clock: Clock) {
        let seq = self.seq.load(Ordering::Relaxed);
        self.seq.store(seq.wrapping_add(1), Ordering::Relaxed);
        core::sync::atomic::fence(Ordering::Release);
        self.base_tsc.store(clock.base_tsc, Ordering::Relaxed);
        self.base_monotonic_ns.store(clock.base_monotonic_ns, Ordering::Relaxed);
        self.mult.store(clock.mult, Ordering::Relaxed);
        self.realtime_offset_ns.store(clock.realtime_offset_ns, Ordering::Relaxed);
        self.tsc_valid.store(1, Ordering::Relaxed);
        self.seq.store(seq.wrapping_add(2), Ordering::Release);
    }
}

impl Default for SharedPage {
    fn default() -> Self {
        Self::new()
    }
}

/// How many [`SymbolCount`]s there are: one for each row of the symbol table, and room.
pub const SYMBOL_COUNTS: usize = 4096;

/// Calls of one of the libc's functions, which ld-osv counts and the kernel prints. The application may write here,
/// too: an allegation.
#[repr(C)]
#[derive(Debug)]
pub struct SymbolCount {
    /// The function's name, as long as it fits, with zeros behind.
    pub name: [AtomicU8; 48],
    /// How often it was called.
    pub calls: AtomicU64,
    /// Ticks of the TSC between call and return, over all threads. None while only the calls are counted.
    pub ticks: AtomicU64,
}

const _: () = assert!(crate::symbols::ROWS.len() <= SYMBOL_COUNTS && 4096 % size_of::<SymbolCount>() == 0);
