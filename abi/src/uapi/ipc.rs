//! System V IPC: `linux/ipc.h`, `linux/shm.h`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A key that names nothing: a new object for each call.
pub const PRIVATE: i32 = 0;
/// Make it if it is not there.
pub const CREAT: u32 = 0o1000;
/// Fail if it is there.
pub const EXCL: u32 = 0o2000;

/// Commands of shmctl(2), semctl(2), msgctl(2).
#[expect(missing_docs, reason = "named as in linux/ipc.h and linux/shm.h")]
pub mod command {
    pub const IPC_RMID: i32 = 0;
    pub const IPC_SET: i32 = 1;
    pub const IPC_STAT: i32 = 2;
    pub const IPC_INFO: i32 = 3;
    pub const SHM_LOCK: i32 = 11;
    pub const SHM_UNLOCK: i32 = 12;
    pub const SHM_STAT: i32 = 13;
    pub const SHM_INFO: i32 = 14;
    pub const SHM_STAT_ANY: i32 = 15;
}

/// Flags of shmget(2) and shmat(2), and the mode bits that shmctl(2) shows.
#[expect(missing_docs, reason = "named as in linux/shm.h, without SHM_")]
pub mod shm {
    pub const HUGETLB: u32 = 0o4000;
    pub const HUGE_SHIFT: u32 = 26;
    pub const RDONLY: u32 = 0o10000;
    pub const RND: u32 = 0o20000;
    pub const REMAP: u32 = 0o40000;
    pub const EXEC: u32 = 0o100000;
    pub const DEST: u32 = 0o1000;
    pub const LOCKED: u32 = 0o2000;
    /// Segments at most.
    pub const MNI: usize = 4096;
    /// Longest segment (SHMMAX).
    pub const MAX: u64 = u64::MAX - (1 << 24);
    /// Longest file, which a segment is (MAX_LFS_FILESIZE).
    pub const FILE_MAX: u64 = i64::MAX as u64;
}

/// `struct ipc64_perm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in asm-generic/ipcbuf.h")]
pub struct Perm {
    pub key: i32,
    pub uid: u32,
    pub gid: u32,
    pub cuid: u32,
    pub cgid: u32,
    pub mode: u32,
    pub seq: u16,
    pub pad: [u16; 3],
    pub unused: [u64; 2],
}
const _: () = assert!(size_of::<Perm>() == 48);

/// `struct shmid64_ds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in asm-generic/shmbuf.h, without shm_")]
pub struct ShmidDs {
    pub perm: Perm,
    pub segsz: u64,
    pub atime: i64,
    pub dtime: i64,
    pub ctime: i64,
    pub cpid: u32,
    pub lpid: u32,
    pub nattch: u64,
    pub unused: [u64; 2],
}
const _: () = assert!(size_of::<ShmidDs>() == 112);

/// `struct shminfo64`: limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in asm-generic/shmbuf.h")]
pub struct ShmLimits {
    pub shmmax: u64,
    pub shmmin: u64,
    pub shmmni: u64,
    pub shmseg: u64,
    pub shmall: u64,
    pub unused: [u64; 4],
}

/// `struct shm_info`: what is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in linux/shm.h")]
pub struct ShmUsage {
    pub used_ids: i32,
    pub pad: i32,
    pub shm_tot: u64,
    pub shm_rss: u64,
    pub shm_swp: u64,
    pub swap_attempts: u64,
    pub swap_successes: u64,
}
