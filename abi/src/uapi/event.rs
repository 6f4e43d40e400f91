//! Readiness and event objects: sys/epoll.h, poll.h, sys/eventfd.h, sys/timerfd.h, linux/memfd.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct epoll_event`: packed on x86-64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, packed)]
pub struct EpollEvent {
    /// EPOLL* events and flags.
    pub events: u32,
    /// What the application wants back.
    pub data: u64,
}

/// Operations and flags of the epoll calls.
#[expect(missing_docs, reason = "named as in sys/epoll.h, without EPOLL")]
pub mod epoll {
    pub const CLOEXEC: u32 = 0o2000000;
    pub const CTL_ADD: i32 = 1;
    pub const CTL_DEL: i32 = 2;
    pub const CTL_MOD: i32 = 3;
    pub const EXCLUSIVE: u32 = 1 << 28;
    pub const WAKEUP: u32 = 1 << 29;
    pub const ONESHOT: u32 = 1 << 30;
    pub const ET: u32 = 1 << 31;
    /// Most events that one epoll_wait takes.
    pub const MAX_EVENTS: i32 = i32::MAX / 12;
}

/// `struct pollfd`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PollFd {
    /// Descriptor; negative: ignore this entry.
    pub fd: i32,
    /// What is asked for.
    pub events: i16,
    /// What holds.
    pub revents: i16,
}

/// Flags of eventfd2(2).
#[expect(missing_docs, reason = "named as in sys/eventfd.h, without EFD_")]
pub mod eventfd {
    pub const SEMAPHORE: u32 = 1;
    pub const NONBLOCK: u32 = 0o4000;
    pub const CLOEXEC: u32 = 0o2000000;
}

/// Flags of the timerfd calls.
#[expect(missing_docs, reason = "named as in sys/timerfd.h, without TFD_")]
pub mod timerfd {
    pub const NONBLOCK: u32 = 0o4000;
    pub const CLOEXEC: u32 = 0o2000000;
    pub const TIMER_ABSTIME: u32 = 1;
    pub const TIMER_CANCEL_ON_SET: u32 = 2;
}

/// Flags of memfd_create(2) and the seals of fcntl(2).
#[expect(missing_docs, reason = "named as in linux/memfd.h and fcntl.h")]
pub mod memfd {
    pub const CLOEXEC: u32 = 1;
    pub const ALLOW_SEALING: u32 = 2;
    pub const HUGETLB: u32 = 4;
    pub const NOEXEC_SEAL: u32 = 8;
    pub const EXEC: u32 = 16;
    pub const SEAL_SEAL: u32 = 1;
    pub const SEAL_SHRINK: u32 = 2;
    pub const SEAL_GROW: u32 = 4;
    pub const SEAL_WRITE: u32 = 8;
    pub const SEAL_FUTURE_WRITE: u32 = 16;
}

/// Argument 6 of pselect6(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigsetArg {
    /// Address of the mask, or 0.
    pub addr: u64,
    /// Its size.
    pub len: u64,
}

/// Events and flags of inotify(7).
#[expect(missing_docs, reason = "named as in sys/inotify.h, without IN_")]
pub mod inotify {
    pub const ACCESS: u32 = 1;
    pub const MODIFY: u32 = 2;
    pub const ATTRIB: u32 = 4;
    pub const CLOSE_WRITE: u32 = 8;
    pub const CLOSE_NOWRITE: u32 = 0x10;
    pub const OPEN: u32 = 0x20;
    pub const MOVED_FROM: u32 = 0x40;
    pub const MOVED_TO: u32 = 0x80;
    pub const CREATE: u32 = 0x100;
    pub const DELETE: u32 = 0x200;
    pub const DELETE_SELF: u32 = 0x400;
    pub const MOVE_SELF: u32 = 0x800;
    pub const ALL_EVENTS: u32 = 0xfff;
    pub const UNMOUNT: u32 = 0x2000;
    pub const Q_OVERFLOW: u32 = 0x4000;
    pub const IGNORED: u32 = 0x8000;
    pub const ONLYDIR: u32 = 0x0100_0000;
    pub const DONT_FOLLOW: u32 = 0x0200_0000;
    pub const EXCL_UNLINK: u32 = 0x0400_0000;
    pub const MASK_CREATE: u32 = 0x1000_0000;
    pub const MASK_ADD: u32 = 0x2000_0000;
    pub const ISDIR: u32 = 0x4000_0000;
    pub const ONESHOT: u32 = 0x8000_0000;
    /// All that inotify_add_watch(2) takes.
    pub const KNOWN: u32 = ALL_EVENTS
        | UNMOUNT
        | Q_OVERFLOW
        | IGNORED
        | ONLYDIR
        | DONT_FOLLOW
        | EXCL_UNLINK
        | MASK_CREATE
        | MASK_ADD
        | ISDIR
        | ONESHOT;
}
