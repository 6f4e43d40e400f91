//! The system as a whole: sys/utsname.h, sys/sysinfo.h, sys/random.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct new_utsname`: six strings of at most 64 bytes and a NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Utsname {
    /// Name of the system.
    pub sysname: [u8; 65],
    /// Name of the machine in its network.
    pub nodename: [u8; 65],
    /// Release.
    pub release: [u8; 65],
    /// Build.
    pub version: [u8; 65],
    /// Architecture.
    pub machine: [u8; 65],
    /// NIS domain.
    pub domainname: [u8; 65],
}

/// A field of [`Utsname`]; what does not fit is cut off.
pub const fn utsname_field(text: &[u8]) -> [u8; 65] {
    let mut field = [0; 65];
    let mut i = 0;
    while i < text.len() && i < 64 {
        field[i] = text[i];
        i += 1;
    }
    field
}

/// `struct sysinfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Sysinfo {
    /// Seconds since boot.
    pub uptime: i64,
    /// Load averages, scaled by 65536.
    pub loads: [u64; 3],
    /// RAM in all.
    pub totalram: u64,
    /// RAM that is free.
    pub freeram: u64,
    /// Shared RAM.
    pub sharedram: u64,
    /// RAM used by buffers.
    pub bufferram: u64,
    /// Swap in all.
    pub totalswap: u64,
    /// Swap that is free.
    pub freeswap: u64,
    /// Processes.
    pub procs: u16,
    /// Padding.
    pub pad: [u8; 6],
    /// High memory in all.
    pub totalhigh: u64,
    /// High memory that is free.
    pub freehigh: u64,
    /// Unit of the above in bytes.
    pub mem_unit: u32,
    /// Padding.
    pub pad2: u32,
}

/// getrandom(2): do not wait for the generator.
pub const GRND_NONBLOCK: u32 = 1;
/// getrandom(2): as /dev/random.
pub const GRND_RANDOM: u32 = 2;
/// getrandom(2): even before seeding.
pub const GRND_INSECURE: u32 = 4;
