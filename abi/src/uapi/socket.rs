//! Structures and flags of sockets: socket(2), recvmsg(2).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct msghdr` of sendmsg(2) and recvmsg(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MsgHdr {
    /// Address buffer.
    pub name: u64,
    /// Its length.
    pub name_len: u32,
    /// Padding.
    pub pad0: u32,
    /// Array of buffers.
    pub iov: u64,
    /// Number of buffers.
    pub iov_len: u64,
    /// Ancillary data.
    pub control: u64,
    /// Its length.
    pub control_len: u64,
    /// Flags on received messages.
    pub flags: u32,
    /// Padding.
    pub pad1: u32,
}

/// `struct mmsghdr` of sendmmsg(2) and recvmmsg(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MMsgHdr {
    /// The message.
    pub header: MsgHdr,
    /// Bytes that were moved.
    pub len: u32,
    /// Padding.
    pub pad: u32,
}

/// `struct cmsghdr`: the head of one ancillary message (cmsg(3)).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CMsgHdr {
    /// Length with this head.
    pub len: u64,
    /// Protocol.
    pub level: i32,
    /// Type within it.
    pub kind: i32,
}

/// `struct ucred` of SCM_CREDENTIALS.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UCred {
    /// Process.
    pub pid: i32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Ancillary messages at SOL_SOCKET.
pub mod scm {
    #![expect(missing_docs, reason = "the names of unix(7)")]
    pub const RIGHTS: i32 = 1;
    pub const CREDENTIALS: i32 = 2;
    /// Most files of one message.
    pub const MAX_FD: usize = 253;
}

/// Flags beside the type in socket(2) and accept4(2).
pub mod sock {
    #![expect(missing_docs, reason = "the names of socket(2)")]
    pub const TYPE_MASK: u32 = 0xf;
    pub const STREAM: u32 = 1;
    pub const DGRAM: u32 = 2;
    pub const RAW: u32 = 3;
    pub const SEQPACKET: u32 = 5;
    pub const NONBLOCK: u32 = 0o4000;
    pub const CLOEXEC: u32 = 0o2_000_000;
}

/// Message flags.
pub mod msg {
    #![expect(missing_docs, reason = "the names of recv(2) and send(2)")]
    pub const OOB: u32 = 0x1;
    pub const PEEK: u32 = 0x2;
    pub const CTRUNC: u32 = 0x8;
    pub const TRUNC: u32 = 0x20;
    pub const DONTWAIT: u32 = 0x40;
    pub const WAITALL: u32 = 0x100;
    pub const ERRQUEUE: u32 = 0x2000;
    pub const NOSIGNAL: u32 = 0x4000;
    pub const MORE: u32 = 0x8000;
    pub const WAITFORONE: u32 = 0x10000;
    pub const CMSG_CLOEXEC: u32 = 0x4000_0000;
}
