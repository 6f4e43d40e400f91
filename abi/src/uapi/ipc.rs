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

/// Do not wait.
pub const NOWAIT: u32 = 0o4000;

/// What semop(2) and semctl(2) know.
#[expect(missing_docs, reason = "named as in linux/sem.h")]
pub mod sem {
    pub const UNDO: i16 = 0x1000;
    pub const NOWAIT: i16 = super::NOWAIT as i16;
    pub const GETPID: i32 = 11;
    pub const GETVAL: i32 = 12;
    pub const GETALL: i32 = 13;
    pub const GETNCNT: i32 = 14;
    pub const GETZCNT: i32 = 15;
    pub const SETVAL: i32 = 16;
    pub const SETALL: i32 = 17;
    pub const SEM_STAT: i32 = 18;
    pub const SEM_INFO: i32 = 19;
    pub const SEM_STAT_ANY: i32 = 20;
    /// Largest value.
    pub const VMX: i32 = 32_767;
    /// Semaphores in a set at most.
    pub const MSL: i32 = 32_000;
    /// Sets at most.
    pub const MNI: i32 = 32_000;
    /// Semaphores at most.
    pub const MNS: i32 = MNI * MSL;
    /// Operations of one call at most.
    pub const OPM: u32 = 500;
}

/// What msgrcv(2) and msgctl(2) know.
#[expect(missing_docs, reason = "named as in linux/msg.h")]
pub mod msg {
    pub const NOERROR: u32 = 0o10000;
    pub const EXCEPT: u32 = 0o20000;
    pub const COPY: u32 = 0o40000;
    pub const MSG_STAT: i32 = 11;
    pub const MSG_INFO: i32 = 12;
    pub const MSG_STAT_ANY: i32 = 13;
    /// Queues at most.
    pub const MNI: i32 = 32_000;
    /// Longest message.
    pub const MAX: usize = 8192;
    /// Bytes in a queue at most, unless IPC_SET says otherwise.
    pub const MNB: i32 = 16_384;
}

/// `struct sembuf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Sembuf {
    /// Which semaphore of the set.
    pub num: u16,
    /// What is added; 0 waits for zero.
    pub op: i16,
    /// IPC_NOWAIT, SEM_UNDO.
    pub flags: i16,
}

/// `struct semid64_ds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in asm/sembuf.h, without sem_")]
pub struct SemidDs {
    pub perm: Perm,
    pub otime: i64,
    pub unused1: u64,
    pub ctime: i64,
    pub unused2: u64,
    pub nsems: u64,
    pub unused: [u64; 2],
}
const _: () = assert!(size_of::<SemidDs>() == 104);

/// `struct seminfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in linux/sem.h")]
pub struct SemInfo {
    pub semmap: i32,
    pub semmni: i32,
    pub semmns: i32,
    pub semmnu: i32,
    pub semmsl: i32,
    pub semopm: i32,
    pub semume: i32,
    pub semusz: i32,
    pub semvmx: i32,
    pub semaem: i32,
}

/// `struct msqid64_ds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in asm-generic/msgbuf.h, without msg_")]
pub struct MsqidDs {
    pub perm: Perm,
    pub stime: i64,
    pub rtime: i64,
    pub ctime: i64,
    pub cbytes: u64,
    pub qnum: u64,
    pub qbytes: u64,
    pub lspid: u32,
    pub lrpid: u32,
    pub unused: [u64; 2],
}
const _: () = assert!(size_of::<MsqidDs>() == 120);

/// `struct msginfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in linux/msg.h")]
pub struct MsgInfo {
    pub msgpool: i32,
    pub msgmap: i32,
    pub msgmax: i32,
    pub msgmnb: i32,
    pub msgmni: i32,
    pub msgssz: i32,
    pub msgtql: i32,
    pub msgseg: u16,
    pub pad: u16,
}

/// `struct mq_attr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MqAttr {
    /// O_NONBLOCK of the description.
    pub flags: i64,
    /// Messages at most.
    pub maxmsg: i64,
    /// Length of a message at most.
    pub msgsize: i64,
    /// Messages that wait.
    pub curmsgs: i64,
    /// Zero.
    pub reserved: [i64; 4],
}
