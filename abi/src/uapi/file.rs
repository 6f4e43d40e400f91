//! Files: fcntl.h, sys/stat.h, linux/stat.h, dirent.h, sys/statfs.h, asm/ioctls.h.

use super::time::Timespec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Flags of open(2).
#[expect(missing_docs, reason = "named as in fcntl.h, without O_")]
pub mod open {
    pub const RDONLY: u32 = 0;
    pub const WRONLY: u32 = 1;
    pub const RDWR: u32 = 2;
    pub const ACCMODE: u32 = 3;
    pub const CREAT: u32 = 0o100;
    pub const EXCL: u32 = 0o200;
    pub const NOCTTY: u32 = 0o400;
    pub const TRUNC: u32 = 0o1000;
    pub const APPEND: u32 = 0o2000;
    pub const NONBLOCK: u32 = 0o4000;
    pub const DSYNC: u32 = 0o10000;
    pub const ASYNC: u32 = 0o20000;
    pub const DIRECT: u32 = 0o40000;
    pub const LARGEFILE: u32 = 0o100000;
    pub const DIRECTORY: u32 = 0o200000;
    pub const NOFOLLOW: u32 = 0o400000;
    pub const NOATIME: u32 = 0o1000000;
    pub const CLOEXEC: u32 = 0o2000000;
    pub const SYNC: u32 = 0o4010000;
    pub const PATH: u32 = 0o10000000;
    pub const TMPFILE: u32 = 0o20200000;
    /// What is part of a description's status and F_GETFL shows.
    pub const STATUS: u32 = ACCMODE
        | APPEND
        | NONBLOCK
        | DSYNC
        | ASYNC
        | DIRECT
        | LARGEFILE
        | DIRECTORY
        | NOFOLLOW
        | NOATIME
        | SYNC
        | PATH;
    /// What F_SETFL can change.
    pub const SETTABLE: u32 = APPEND | NONBLOCK | ASYNC | DIRECT | NOATIME;
}

/// Type and permission bits of a file's mode.
#[expect(missing_docs, reason = "named as in sys/stat.h, without S_")]
pub mod mode {
    pub const IFMT: u32 = 0o170000;
    pub const IFSOCK: u32 = 0o140000;
    pub const IFLNK: u32 = 0o120000;
    pub const IFREG: u32 = 0o100000;
    pub const IFBLK: u32 = 0o060000;
    pub const IFDIR: u32 = 0o040000;
    pub const IFCHR: u32 = 0o020000;
    pub const IFIFO: u32 = 0o010000;
    pub const ISUID: u32 = 0o4000;
    pub const ISGID: u32 = 0o2000;
    pub const ISVTX: u32 = 0o1000;
}

/// Flags of the `*at` calls.
#[expect(missing_docs, reason = "named as in fcntl.h, without AT_")]
pub mod at {
    pub const SYMLINK_NOFOLLOW: u32 = 0x100;
    pub const EACCESS: u32 = 0x200;
    pub const REMOVEDIR: u32 = 0x200;
    pub const SYMLINK_FOLLOW: u32 = 0x400;
    pub const NO_AUTOMOUNT: u32 = 0x800;
    pub const EMPTY_PATH: u32 = 0x1000;
    pub const STATX_SYNC_TYPE: u32 = 0x6000;
}

/// Kinds of owner in `struct f_owner_ex`.
#[expect(missing_docs, reason = "named as in fcntl.h, without F_OWNER_")]
pub mod owner {
    pub const TID: i32 = 0;
    pub const PID: i32 = 1;
    pub const PGRP: i32 = 2;
}

/// Flags of setxattr(2).
#[expect(missing_docs, reason = "named as in sys/xattr.h, without XATTR_")]
pub mod xattr {
    pub const CREATE: u32 = 1;
    pub const REPLACE: u32 = 2;

    /// `struct xattr_args`.
    #[derive(
        Clone,
        Copy,
        Debug,
        Default,
        PartialEq,
        Eq,
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout,
    )]
    #[repr(C)]
    pub struct Args {
        pub value: u64,
        pub size: u32,
        pub flags: u32,
    }
}

/// Commands of fcntl(2).
#[expect(missing_docs, reason = "named as in fcntl.h, without F_")]
pub mod fcntl {
    pub const DUPFD: u32 = 0;
    pub const GETFD: u32 = 1;
    pub const SETFD: u32 = 2;
    pub const GETFL: u32 = 3;
    pub const SETFL: u32 = 4;
    pub const GETLK: u32 = 5;
    pub const SETLK: u32 = 6;
    pub const SETLKW: u32 = 7;
    pub const SETOWN: u32 = 8;
    pub const GETOWN: u32 = 9;
    pub const SETSIG: u32 = 10;
    pub const GETSIG: u32 = 11;
    pub const SETOWN_EX: u32 = 15;
    pub const GETOWN_EX: u32 = 16;
    pub const OFD_GETLK: u32 = 36;
    pub const OFD_SETLK: u32 = 37;
    pub const OFD_SETLKW: u32 = 38;
    pub const SETLEASE: u32 = 1024;
    pub const GETLEASE: u32 = 1025;
    pub const NOTIFY: u32 = 1026;
    pub const DUPFD_CLOEXEC: u32 = 1030;
    pub const SETPIPE_SZ: u32 = 1031;
    pub const GETPIPE_SZ: u32 = 1032;
    pub const ADD_SEALS: u32 = 1033;
    pub const GET_SEALS: u32 = 1034;
    /// The one descriptor flag.
    pub const FD_CLOEXEC: u32 = 1;
}

/// `struct flock`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Flock {
    /// F_RDLCK 0, F_WRLCK 1, F_UNLCK 2.
    pub kind: i16,
    /// SEEK_*.
    pub whence: i16,
    /// Padding.
    pub pad: u32,
    /// First byte, relative to `whence`.
    pub start: i64,
    /// Bytes; 0 for to the end, however far that goes.
    pub len: i64,
    /// Who holds the lock (F_GETLK).
    pub pid: i32,
    /// Padding.
    pub pad2: u32,
}

/// `struct stat` of x86-64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Stat {
    /// Device that holds the file.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Number of names.
    pub nlink: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Padding.
    pub pad: u32,
    /// Device that the file is.
    pub rdev: u64,
    /// Length in bytes.
    pub size: i64,
    /// Preferred length of reads and writes.
    pub blksize: i64,
    /// Space taken, in units of 512 bytes.
    pub blocks: i64,
    /// Last read.
    pub atime: Timespec,
    /// Last write.
    pub mtime: Timespec,
    /// Last change of the inode.
    pub ctime: Timespec,
    /// Reserved.
    pub reserved: [i64; 3],
}

/// A time in [`Statx`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StatxTime {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds.
    pub nsec: u32,
    /// Padding.
    pub pad: i32,
}

/// `struct statx`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Statx {
    /// Which fields hold something.
    pub mask: u32,
    /// Preferred length of reads and writes.
    pub blksize: u32,
    /// STATX_ATTR_*.
    pub attributes: u64,
    /// Number of names.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Type and permissions.
    pub mode: u16,
    /// Padding.
    pub pad: u16,
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub size: u64,
    /// Space taken, in units of 512 bytes.
    pub blocks: u64,
    /// Attributes that the file system knows.
    pub attributes_mask: u64,
    /// Last read.
    pub atime: StatxTime,
    /// Creation.
    pub btime: StatxTime,
    /// Last change of the inode.
    pub ctime: StatxTime,
    /// Last write.
    pub mtime: StatxTime,
    /// Device that the file is.
    pub rdev_major: u32,
    /// Device that the file is.
    pub rdev_minor: u32,
    /// Device that holds the file.
    pub dev_major: u32,
    /// Device that holds the file.
    pub dev_minor: u32,
    /// Mount.
    pub mnt_id: u64,
    /// Direct I/O, and what later kernels add.
    pub spare: [u64; 13],
}

/// What [`Statx::mask`] says by default: the fields of `struct stat`.
pub const STATX_BASIC_STATS: u32 = 0x7ff;
/// [`Statx::mnt_id`] is there.
pub const STATX_MNT_ID: u32 = 0x1000;
/// The file is the root of a mount.
pub const STATX_ATTR_MOUNT_ROOT: u64 = 0x2000;
/// Reserved bit of the mask that statx(2) refuses.
pub const STATX_RESERVED: u32 = 0x8000_0000;

/// `struct statfs` of x86-64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Statfs {
    /// Magic of the file system type.
    pub kind: i64,
    /// Block size.
    pub bsize: i64,
    /// Blocks in all.
    pub blocks: u64,
    /// Blocks that are free.
    pub bfree: u64,
    /// Blocks that are free to ordinary users.
    pub bavail: u64,
    /// Inodes in all.
    pub files: u64,
    /// Inodes that are free.
    pub ffree: u64,
    /// Identity.
    pub fsid: [i32; 2],
    /// Longest name.
    pub namelen: i64,
    /// Fragment size.
    pub frsize: i64,
    /// Mount flags.
    pub flags: i64,
    /// Reserved.
    pub spare: [i64; 4],
}

/// Head of `struct linux_dirent64`; the name and its NUL follow.
pub const DIRENT64_NAME: usize = 19;
/// Head of `struct linux_dirent`; name, NUL and a type byte at the very end follow.
pub const DIRENT_NAME: usize = 18;

/// Requests of ioctl(2).
#[expect(missing_docs, reason = "named as in asm/ioctls.h")]
pub mod ioctl {
    pub use crate::uapi::termios::request::*;

    pub const FIONREAD: u32 = 0x541b;
    pub const FIONBIO: u32 = 0x5421;
    pub const FIONCLEX: u32 = 0x5450;
    pub const FIOCLEX: u32 = 0x5451;
    pub const FIOASYNC: u32 = 0x5452;
}

/// st_dev or st_rdev of a major and minor number (sys/sysmacros.h).
pub const fn makedev(major: u32, minor: u32) -> u64 {
    let (major, minor) = (major as u64, minor as u64);
    (major & 0xfff) << 8 | (major & !0xfff) << 32 | (minor & 0xff) | (minor & !0xff) << 12
}

/// The major number of a device.
pub const fn major(dev: u64) -> u32 {
    ((dev >> 8 & 0xfff) | (dev >> 32 & !0xfff)) as u32
}

/// The minor number of a device.
pub const fn minor(dev: u64) -> u32 {
    ((dev & 0xff) | (dev >> 12 & 0xffff_ff00)) as u32
}

/// `struct cachestat_range`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CacheRange {
    /// First byte.
    pub off: u64,
    /// Length; 0: to the end.
    pub len: u64,
}

/// `struct cachestat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CacheStat {
    /// Pages in memory.
    pub cached: u64,
    /// Of those, changed and not written.
    pub dirty: u64,
    /// Of those, being written.
    pub writeback: u64,
    /// Pages that were in memory.
    pub evicted: u64,
    /// Of those, not long ago.
    pub recently_evicted: u64,
}

/// `struct file_handle` without what follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct HandleHeader {
    /// Bytes that follow.
    pub bytes: u32,
    /// What they are.
    pub kind: i32,
}

/// Native asynchronous I/O: `linux/aio_abi.h`.
#[expect(missing_docs, reason = "named as in linux/aio_abi.h, without aio_ and IOCB_CMD_")]
pub mod aio {
    use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

    pub const PREAD: u16 = 0;
    pub const PWRITE: u16 = 1;
    pub const FSYNC: u16 = 2;
    pub const FDSYNC: u16 = 3;
    pub const PREADV: u16 = 7;
    pub const PWRITEV: u16 = 8;
    pub const FLAG_RESFD: u32 = 1;

    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C)]
    pub struct Iocb {
        pub data: u64,
        pub key: u32,
        pub rw_flags: u32,
        pub opcode: u16,
        pub reqprio: i16,
        pub fildes: u32,
        pub buf: u64,
        pub nbytes: u64,
        pub offset: i64,
        pub reserved: u64,
        pub flags: u32,
        pub resfd: u32,
    }
    const _: () = assert!(size_of::<Iocb>() == 64);

    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C)]
    pub struct IoEvent {
        pub data: u64,
        pub obj: u64,
        pub res: i64,
        pub res2: i64,
    }

    /// `struct __aio_sigset`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C)]
    pub struct AioSigset {
        pub mask: u64,
        pub size: u64,
    }
}

/// Flags of mount(2) and umount2(2).
pub mod mount {
    #![expect(missing_docs, reason = "the names are those of the man page, without MS_")]
    pub const RDONLY: u32 = 1;
    pub const NOSUID: u32 = 2;
    pub const NODEV: u32 = 4;
    pub const NOEXEC: u32 = 8;
    pub const SYNCHRONOUS: u32 = 16;
    pub const REMOUNT: u32 = 32;
    pub const MANDLOCK: u32 = 64;
    pub const DIRSYNC: u32 = 128;
    pub const NOSYMFOLLOW: u32 = 256;
    pub const NOATIME: u32 = 1024;
    pub const NODIRATIME: u32 = 2048;
    pub const BIND: u32 = 4096;
    pub const MOVE: u32 = 8192;
    pub const REC: u32 = 16_384;
    pub const SILENT: u32 = 32_768;
    pub const UNBINDABLE: u32 = 1 << 17;
    pub const PRIVATE: u32 = 1 << 18;
    pub const SLAVE: u32 = 1 << 19;
    pub const SHARED: u32 = 1 << 20;
    pub const RELATIME: u32 = 1 << 21;
    pub const STRICTATIME: u32 = 1 << 24;
    pub const LAZYTIME: u32 = 1 << 25;
    /// What old programs put into the upper half.
    pub const MAGIC: u32 = 0xc0ed_0000;
    /// MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW.
    pub const FORCE: u32 = 1;
    pub const DETACH: u32 = 2;
    pub const EXPIRE: u32 = 4;
    pub const NOFOLLOW: u32 = 8;
}
