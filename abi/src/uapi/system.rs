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

/// What reboot(2) knows.
#[expect(missing_docs, reason = "named as in linux/reboot.h")]
pub mod reboot {
    pub const MAGIC: u32 = 0xfee1_dead;
    pub const MAGICS: [u32; 4] = [672_274_793, 85_072_278, 369_367_448, 537_993_216];
    pub const RESTART: u32 = 0x0123_4567;
    pub const HALT: u32 = 0xcdef_0123;
    pub const CAD_ON: u32 = 0x89ab_cdef;
    pub const CAD_OFF: u32 = 0;
    pub const POWER_OFF: u32 = 0x4321_fedc;
    pub const RESTART2: u32 = 0xa1b2_c3d4;
}

/// Actions of syslog(2).
#[expect(missing_docs, reason = "named as in linux/syslog.h, without SYSLOG_ACTION_")]
pub mod syslog {
    pub const CLOSE: i32 = 0;
    pub const OPEN: i32 = 1;
    pub const READ: i32 = 2;
    pub const READ_ALL: i32 = 3;
    pub const READ_CLEAR: i32 = 4;
    pub const CLEAR: i32 = 5;
    pub const CONSOLE_OFF: i32 = 6;
    pub const CONSOLE_ON: i32 = 7;
    pub const CONSOLE_LEVEL: i32 = 8;
    pub const SIZE_UNREAD: i32 = 9;
    pub const SIZE_BUFFER: i32 = 10;
}
