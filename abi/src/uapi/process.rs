//! Processes, threads, credentials, scheduling, futexes: sched.h, sys/resource.h, linux/futex.h, linux/prctl.h.

use super::time::Timeval;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Flags of clone(2).
#[expect(missing_docs, reason = "named as in sched.h")]
pub mod clone {
    pub const CSIGNAL: u64 = 0xff;
    pub const VM: u64 = 0x100;
    pub const FS: u64 = 0x200;
    pub const FILES: u64 = 0x400;
    pub const SIGHAND: u64 = 0x800;
    pub const PIDFD: u64 = 0x1000;
    pub const PTRACE: u64 = 0x2000;
    pub const VFORK: u64 = 0x4000;
    pub const PARENT: u64 = 0x8000;
    pub const THREAD: u64 = 0x10000;
    pub const NEWNS: u64 = 0x20000;
    pub const SYSVSEM: u64 = 0x40000;
    pub const SETTLS: u64 = 0x80000;
    pub const PARENT_SETTID: u64 = 0x100000;
    pub const CHILD_CLEARTID: u64 = 0x200000;
    pub const DETACHED: u64 = 0x400000;
    pub const UNTRACED: u64 = 0x800000;
    pub const CHILD_SETTID: u64 = 0x1000000;
    pub const NEWCGROUP: u64 = 0x2000000;
    pub const NEWUTS: u64 = 0x4000000;
    pub const NEWIPC: u64 = 0x8000000;
    pub const NEWUSER: u64 = 0x10000000;
    pub const NEWPID: u64 = 0x20000000;
    pub const NEWNET: u64 = 0x40000000;
    pub const IO: u64 = 0x80000000;
    pub const CLEAR_SIGHAND: u64 = 0x100000000;
    pub const INTO_CGROUP: u64 = 0x200000000;
    /// All the flags that ask for a namespace.
    pub const NAMESPACES: u64 = NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET;
}

/// `struct clone_args` of clone3(2), version 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CloneArgs {
    /// Flags without an exit signal.
    pub flags: u64,
    /// Where to store the pidfd.
    pub pidfd: u64,
    /// Where to store the TID in the child.
    pub child_tid: u64,
    /// Where to store the TID in the parent.
    pub parent_tid: u64,
    /// Signal to the parent when the child ends.
    pub exit_signal: u64,
    /// Lowest byte of the stack.
    pub stack: u64,
    /// Its size.
    pub stack_size: u64,
    /// The child's TLS.
    pub tls: u64,
    /// Array of PIDs to use.
    pub set_tid: u64,
    /// Their number.
    pub set_tid_size: u64,
    /// cgroup descriptor.
    pub cgroup: u64,
}

/// Operations and flags of futex(2).
#[expect(missing_docs, reason = "named as in linux/futex.h")]
pub mod futex {
    pub const WAIT: u32 = 0;
    pub const WAKE: u32 = 1;
    pub const FD: u32 = 2;
    pub const REQUEUE: u32 = 3;
    pub const CMP_REQUEUE: u32 = 4;
    pub const WAKE_OP: u32 = 5;
    pub const LOCK_PI: u32 = 6;
    pub const UNLOCK_PI: u32 = 7;
    pub const TRYLOCK_PI: u32 = 8;
    pub const WAIT_BITSET: u32 = 9;
    pub const WAKE_BITSET: u32 = 10;
    pub const WAIT_REQUEUE_PI: u32 = 11;
    pub const CMP_REQUEUE_PI: u32 = 12;
    pub const LOCK_PI2: u32 = 13;
    pub const PRIVATE_FLAG: u32 = 128;
    pub const CLOCK_REALTIME: u32 = 256;
    /// Bit of a robust lock word: there are waiters.
    pub const WAITERS: u32 = 0x8000_0000;
    /// Bit of a robust lock word: the owner died.
    pub const OWNER_DIED: u32 = 0x4000_0000;
    /// Bits of a robust lock word that hold the owner's TID.
    pub const TID_MASK: u32 = 0x3fff_ffff;
    /// Any bit.
    pub const BITSET_MATCH_ANY: u32 = u32::MAX;
}

/// `struct robust_list_head`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RobustListHead {
    /// First entry; the head itself when empty.
    pub list: u64,
    /// From an entry to its lock word.
    pub futex_offset: i64,
    /// Entry that is being added or removed.
    pub list_op_pending: u64,
}

/// `struct rusage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Rusage {
    /// User time.
    pub utime: Timeval,
    /// System time.
    pub stime: Timeval,
    /// Largest resident set in KiB.
    pub maxrss: i64,
    /// Unused.
    pub ixrss: i64,
    /// Unused.
    pub idrss: i64,
    /// Unused.
    pub isrss: i64,
    /// Faults without input.
    pub minflt: i64,
    /// Faults with input.
    pub majflt: i64,
    /// Unused.
    pub nswap: i64,
    /// Blocks read.
    pub inblock: i64,
    /// Blocks written.
    pub oublock: i64,
    /// Unused.
    pub msgsnd: i64,
    /// Unused.
    pub msgrcv: i64,
    /// Unused.
    pub nsignals: i64,
    /// Voluntary switches.
    pub nvcsw: i64,
    /// Involuntary switches.
    pub nivcsw: i64,
}

/// `struct rlimit` and `struct rlimit64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Rlimit {
    /// Soft limit.
    pub cur: u64,
    /// Hard limit.
    pub max: u64,
}

/// No limit.
pub const RLIM_INFINITY: u64 = u64::MAX;

/// Resources of getrlimit(2).
#[expect(missing_docs, reason = "named as in sys/resource.h")]
pub mod rlimit {
    pub const CPU: usize = 0;
    pub const FSIZE: usize = 1;
    pub const DATA: usize = 2;
    pub const STACK: usize = 3;
    pub const CORE: usize = 4;
    pub const RSS: usize = 5;
    pub const NPROC: usize = 6;
    pub const NOFILE: usize = 7;
    pub const MEMLOCK: usize = 8;
    pub const AS: usize = 9;
    pub const LOCKS: usize = 10;
    pub const SIGPENDING: usize = 11;
    pub const MSGQUEUE: usize = 12;
    pub const NICE: usize = 13;
    pub const RTPRIO: usize = 14;
    pub const RTTIME: usize = 15;
    /// How many there are.
    pub const COUNT: usize = 16;
}

/// Operations of prctl(2) that are known here.
#[expect(missing_docs, reason = "named as in linux/prctl.h")]
pub mod prctl {
    pub const SET_PDEATHSIG: i32 = 1;
    pub const GET_PDEATHSIG: i32 = 2;
    pub const GET_DUMPABLE: i32 = 3;
    pub const SET_DUMPABLE: i32 = 4;
    pub const GET_KEEPCAPS: i32 = 7;
    pub const SET_KEEPCAPS: i32 = 8;
    pub const SET_NAME: i32 = 15;
    pub const GET_NAME: i32 = 16;
    pub const GET_SECCOMP: i32 = 21;
    pub const CAPBSET_READ: i32 = 23;
    pub const CAPBSET_DROP: i32 = 24;
    pub const SET_TIMERSLACK: i32 = 29;
    pub const GET_TIMERSLACK: i32 = 30;
    pub const SET_CHILD_SUBREAPER: i32 = 36;
    pub const GET_CHILD_SUBREAPER: i32 = 37;
    pub const SET_NO_NEW_PRIVS: i32 = 38;
    pub const GET_NO_NEW_PRIVS: i32 = 39;
    pub const SET_THP_DISABLE: i32 = 41;
    pub const GET_THP_DISABLE: i32 = 42;
    pub const CAP_AMBIENT: i32 = 47;
    pub const SET_VMA: i32 = 0x53564d41;
}

/// Operations of arch_prctl(2).
#[expect(missing_docs, reason = "named as in asm/prctl.h")]
pub mod arch_prctl {
    pub const SET_GS: i32 = 0x1001;
    pub const SET_FS: i32 = 0x1002;
    pub const GET_FS: i32 = 0x1003;
    pub const GET_GS: i32 = 0x1004;
    pub const GET_CPUID: i32 = 0x1011;
    pub const SET_CPUID: i32 = 0x1012;
    pub const CET_STATUS: i32 = 0x3001;
}

/// `struct __user_cap_header_struct`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CapHeader {
    /// _LINUX_CAPABILITY_VERSION_*.
    pub version: u32,
    /// Whose.
    pub pid: i32,
}

/// `struct __user_cap_data_struct`: 32 capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CapData {
    /// In effect.
    pub effective: u32,
    /// Permitted.
    pub permitted: u32,
    /// Kept over execve.
    pub inheritable: u32,
}

/// Version 1: 32 capabilities.
pub const CAP_VERSION_1: u32 = 0x1998_0330;
/// Version 2: 64 capabilities, deprecated.
pub const CAP_VERSION_2: u32 = 0x2007_1026;
/// Version 3: 64 capabilities.
pub const CAP_VERSION_3: u32 = 0x2008_0522;
/// Highest capability of Linux 6.12.
pub const CAP_LAST_CAP: u32 = 40;

/// Options of wait4(2) and waitid(2).
#[expect(missing_docs, reason = "named as in sys/wait.h")]
pub mod wait {
    pub const WNOHANG: u32 = 1;
    pub const WUNTRACED: u32 = 2;
    pub const WEXITED: u32 = 4;
    pub const WCONTINUED: u32 = 8;
    pub const WNOWAIT: u32 = 0x0100_0000;
    pub const WNOTHREAD: u32 = 0x2000_0000;
    pub const WALL: u32 = 0x4000_0000;
    pub const WCLONE: u32 = 0x8000_0000;
    pub const P_ALL: u32 = 0;
    pub const P_PID: u32 = 1;
    pub const P_PGID: u32 = 2;
    pub const P_PIDFD: u32 = 3;
}

/// Scheduling policies.
#[expect(missing_docs, reason = "named as in sched.h")]
pub mod sched {
    pub const OTHER: i32 = 0;
    pub const FIFO: i32 = 1;
    pub const RR: i32 = 2;
    pub const BATCH: i32 = 3;
    pub const IDLE: i32 = 5;
    pub const DEADLINE: i32 = 6;
    pub const RESET_ON_FORK: i32 = 0x4000_0000;
}

/// Commands of membarrier(2).
#[expect(missing_docs, reason = "named as in linux/membarrier.h")]
pub mod membarrier {
    pub const QUERY: i32 = 0;
    pub const GLOBAL: i32 = 1;
    pub const GLOBAL_EXPEDITED: i32 = 2;
    pub const REGISTER_GLOBAL_EXPEDITED: i32 = 4;
    pub const PRIVATE_EXPEDITED: i32 = 8;
    pub const REGISTER_PRIVATE_EXPEDITED: i32 = 16;
}

/// Flags of futex_wait(2) and kin (linux/futex.h, FUTEX2_).
pub mod futex2 {
    /// Bits that hold the size.
    pub const SIZE: u32 = 3;
    /// 32 bits.
    pub const U32: u32 = 2;
    /// Of this process alone.
    pub const PRIVATE: u32 = 128;
    /// Most that one call waits for.
    pub const WAITV_MAX: u32 = 128;
}

/// `struct futex_waitv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FutexWaitv {
    /// What is expected.
    pub val: u64,
    /// Where.
    pub uaddr: u64,
    /// FUTEX2_*.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// `struct pidfd_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in linux/pidfd.h")]
pub struct PidFdInfo {
    pub mask: u64,
    pub cgroupid: u64,
    pub pid: u32,
    pub tgid: u32,
    pub ppid: u32,
    pub ruid: u32,
    pub rgid: u32,
    pub euid: u32,
    pub egid: u32,
    pub suid: u32,
    pub sgid: u32,
    pub fsuid: u32,
    pub fsgid: u32,
    pub exit_code: i32,
    pub coredump_mask: u32,
    pub spare: u32,
}

impl PidFdInfo {
    /// Length of the first version of the structure.
    pub const FIRST: usize = 64;
    /// In `mask`: the process's numbers.
    pub const PID: u64 = 1;
    /// In `mask`: its ids.
    pub const CREDS: u64 = 2;
    /// In `mask`: how it ended.
    pub const EXIT: u64 = 8;
}

/// `struct sched_attr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in linux/sched/types.h, without sched_")]
pub struct SchedAttr {
    pub size: u32,
    pub policy: u32,
    pub flags: u64,
    pub nice: i32,
    pub priority: u32,
    pub runtime: u64,
    pub deadline: u64,
    pub period: u64,
    pub util_min: u32,
    pub util_max: u32,
}
const _: () = assert!(size_of::<SchedAttr>() == 56);

/// The kinds of ioprio_set(2).
#[expect(missing_docs, reason = "named as in linux/ioprio.h")]
pub mod ioprio {
    pub const WHO_PROCESS: i32 = 1;
    pub const WHO_PGRP: i32 = 2;
    pub const WHO_USER: i32 = 3;
    pub const CLASS_SHIFT: u32 = 13;
    pub const CLASS_NONE: u32 = 0;
    pub const CLASS_RT: u32 = 1;
    pub const CLASS_BE: u32 = 2;
    pub const CLASS_IDLE: u32 = 3;
    pub const LEVELS: u32 = 8;
}

/// What kcmp(2) compares.
#[expect(missing_docs, reason = "named as in linux/kcmp.h")]
pub mod kcmp {
    pub const FILE: i32 = 0;
    pub const VM: i32 = 1;
    pub const FILES: i32 = 2;
    pub const FS: i32 = 3;
    pub const SIGHAND: i32 = 4;
    pub const IO: i32 = 5;
    pub const SYSVSEM: i32 = 6;
}

/// `struct rseq`, as far as its first version goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in linux/rseq.h")]
pub struct RseqArea {
    pub cpu_id_start: u32,
    pub cpu_id: u32,
    pub rseq_cs: u64,
    pub flags: u32,
    pub node_id: u32,
    pub mm_cid: u32,
    pub rest: u32,
}

/// `struct rseq_cs`: a section that is announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in linux/rseq.h")]
pub struct RseqCs {
    pub version: u32,
    pub flags: u32,
    pub start_ip: u64,
    pub post_commit_offset: u64,
    pub abort_ip: u64,
}
