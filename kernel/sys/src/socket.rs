//! Sockets: socket(2), bind(2), send(2), recv(2), getsockopt(2) and kin, over `osv_net`.

mod control;
mod message;

pub use message::{recvfrom, recvmmsg, recvmsg, sendmmsg, sendmsg, sendto};

use crate::cx::Cx;
use alloc::sync::Arc;
use osv_abi::arg::{Fd, InBuf, InOut, Int, Out, UInt};
use osv_abi::uapi::file::open as o;
use osv_abi::uapi::socket::{msg, sock};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Fail, Res};
use osv_net::address::{Address, UnixName};
use osv_net::socket::{Family, Kind, MessageFlags, Socket};
use osv_net::stack::{Stack, stack};
use osv_net::stream::Shutdown;
use osv_vfs::context::MAY_WRITE;
use osv_vfs::{FdFlags, Kind as FileKind, OpenFile, ops};

/// Longest address that a call takes (`struct sockaddr_storage`).
const ADDRESS_MAX: usize = 128;
const SOMAXCONN: i32 = 4096;
/// Address families are below this (AF_MAX).
const FAMILIES: i32 = 46;
/// The last type that socket(2) knows, SOCK_PACKET.
const TYPE_LAST: u32 = 10;
/// IP protocols are below this (IPPROTO_MAX).
const PROTOCOLS: i32 = 263;

/// An open socket: the description, for its status flags, and the socket in it.
struct Open(Arc<OpenFile>);

impl Open {
    /// EBADF, ENOTSOCK.
    fn get(cx: &Cx<'_>, fd: Fd) -> Result<Open, Errno> {
        let open = Open(cx.file(fd)?);
        if open.0.file().as_any().is::<Socket>() { Ok(open) } else { Err(Errno::ENOTSOCK) }
    }

    fn socket(&self) -> Result<&Socket, Errno> {
        self.0.file().as_any().downcast_ref().ok_or(Errno::ENOTSOCK)
    }

    fn nonblock(&self) -> bool {
        self.0.status() & o::NONBLOCK != 0
    }

    fn message_flags(&self, flags: u32, done: usize) -> MessageFlags {
        MessageFlags {
            // What was read before a page had to be had is enough, but not for MSG_WAITALL.
            nonblock: self.nonblock() || flags & msg::DONTWAIT != 0 || done > 0 && flags & msg::WAITALL == 0,
            peek: flags & msg::PEEK != 0,
            wait_all: flags & msg::WAITALL != 0,
            more: flags & msg::MORE != 0,
            errors: flags & msg::ERRQUEUE != 0,
        }
    }
}

fn the_stack() -> Result<&'static Arc<Stack>, Errno> {
    stack().ok_or(Errno::EAFNOSUPPORT)
}

fn status_of(flags: u32) -> Result<(u32, bool), Errno> {
    if flags & !(sock::NONBLOCK | sock::CLOEXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    let nonblock = if flags & sock::NONBLOCK != 0 { o::NONBLOCK } else { 0 };
    Ok((o::RDWR | nonblock, flags & sock::CLOEXEC != 0))
}

fn kind_of(family: i32, kind: u32, protocol: i32) -> Result<(Family, Kind), Errno> {
    let kind = kind & sock::TYPE_MASK;
    if !(0..FAMILIES).contains(&family) {
        return Err(Errno::EAFNOSUPPORT);
    }
    if kind > TYPE_LAST {
        return Err(Errno::EINVAL);
    }
    let family = match family {
        1 => Family::Unix,
        2 => Family::Inet,
        10 => Family::Inet6,
        16 => Family::Netlink,
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    if family == Family::Netlink {
        return match (kind, protocol) {
            (sock::RAW | sock::DGRAM, 0) => Ok((family, Kind::Datagram)),
            (sock::RAW | sock::DGRAM, _) => Err(Errno::EPROTONOSUPPORT),
            _ => Err(Errno::ESOCKTNOSUPPORT),
        };
    }
    if family == Family::Unix {
        if !matches!(protocol, 0 | 1) {
            return Err(Errno::EPROTONOSUPPORT);
        }
        let kind = match kind {
            sock::STREAM => Kind::Stream,
            // Linux takes either.
            sock::DGRAM | sock::RAW => Kind::Datagram,
            sock::SEQPACKET => Kind::SeqPacket,
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        return Ok((family, kind));
    }
    if !(0..PROTOCOLS).contains(&protocol) {
        return Err(Errno::EINVAL);
    }
    match (kind, protocol) {
        (sock::STREAM, 0 | 6) => Ok((family, Kind::Stream)),
        (sock::DGRAM, 0 | 17) => Ok((family, Kind::Datagram)),
        (sock::STREAM | sock::DGRAM, _) | (sock::RAW, 0) => Err(Errno::EPROTONOSUPPORT),
        _ => Err(Errno::ESOCKTNOSUPPORT),
    }
}

fn read_address(cx: &Cx<'_>, address: InBuf) -> Result<Address, Errno> {
    if address.len > ADDRESS_MAX {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0; ADDRESS_MAX];
    cx.read_bytes(address.addr, &mut bytes[..address.len])?;
    Address::parse(&bytes[..address.len])
}

/// As [`read_address`], to bind an IPv4 socket to: no family at all stands for AF_INET where the address is any.
fn read_inet_address(cx: &Cx<'_>, address: InBuf) -> Result<Address, Errno> {
    const LEN: usize = 16;
    let parsed = read_address(cx, address)?;
    if parsed != Address::Unspec {
        return Ok(parsed);
    }
    if address.len < LEN {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0; LEN];
    cx.read_bytes(address.addr, &mut bytes)?;
    if bytes[4..8] != [0; 4] {
        return Err(Errno::EAFNOSUPPORT);
    }
    bytes[..2].copy_from_slice(&2u16.to_ne_bytes());
    Address::parse(&bytes)
}

/// Finds the socket that a Unix path leads to: ENOENT, EACCES, ECONNREFUSED when it is no socket.
fn find_socket(cx: &Cx<'_>, address: Address) -> Res<Address> {
    let Address::Unix(UnixName::Path(path, _)) = &address else { return Ok(address) };
    let creds = cx.creds();
    let entry = ops::find(&cx.start(Fd::CWD, path, &creds)?, path, true)?;
    let attr = entry.inode().attr();
    creds.may(&attr, MAY_WRITE)?;
    if entry.kind() != FileKind::Socket {
        return Err(Errno::ECONNREFUSED.into());
    }
    Ok(Address::Unix(UnixName::Path(path.to_vec(), Some((attr.dev, attr.ino)))))
}

/// Writes `address` as getsockname(2) does: cut to the buffer, and its whole length told.
fn write_address(cx: &Cx<'_>, address: &Address, to: UserAddr, length: InOut<u32>) -> Result<(), Errno> {
    let room = length.read(cx)?;
    if room.cast_signed() < 0 {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0; ADDRESS_MAX];
    let len = address.encode(&mut bytes);
    cx.write_bytes(to, &bytes[..len.min(room as usize)])?;
    length.write(cx, &(len as u32))
}

/// socket(2)
pub fn socket(cx: &mut Cx<'_>, family: Int, kind: UInt, protocol: Int) -> Res<Fd> {
    let (status, cloexec) = status_of(kind.0 & !sock::TYPE_MASK)?;
    let (family, kind) = kind_of(family.0, kind.0, protocol.0)?;
    let socket = Socket::new(the_stack()?, family, kind)?;
    cx.install_new(socket, status, cloexec)
}

/// socketpair(2)
pub fn socketpair(cx: &mut Cx<'_>, family: Int, kind: UInt, protocol: Int, fds: Out<[i32; 2]>) -> Res<()> {
    let (status, cloexec) = status_of(kind.0 & !sock::TYPE_MASK)?;
    let (family, kind) = kind_of(family.0, kind.0, protocol.0)?;
    if family != Family::Unix {
        return Err(Errno::EOPNOTSUPP.into());
    }
    let ends = Socket::pair(the_stack()?, kind)?.map(|end| Arc::new(OpenFile::new(end, status)));
    let process = cx.process();
    let pair = process.fds().insert_pair(ends, FdFlags { cloexec }, cx.nofile_limit())?;
    let written = fds.write(cx, &pair);
    if written.is_err() {
        for fd in pair {
            drop(process.fds().close(fd));
        }
    }
    Ok(written?)
}

/// bind(2)
pub fn bind(cx: &mut Cx<'_>, fd: Fd, address: InBuf) -> Res<()> {
    let open = Open::get(cx, fd)?;
    let socket = open.socket()?;
    let address = if socket.family() == Family::Inet {
        read_inet_address(cx, address)?
    } else {
        read_address(cx, address)?
    };
    let Address::Unix(UnixName::Path(path, _)) = &address else { return socket.bind(&address) };
    if !socket.is_unix() {
        return socket.bind(&address);
    }
    let (creds, umask) = (cx.creds(), cx.fs().umask());
    let start = cx.start(Fd::CWD, path, &creds)?;
    let made = ops::mknod(&start, path, FileKind::Socket, 0o777, umask, 0).map_err(|fail| match fail {
        Fail::Errno(Errno::EEXIST) => Fail::Errno(Errno::EADDRINUSE),
        other => other,
    })?;
    let attr = made.inode().attr();
    let bound = socket.bind(&Address::Unix(UnixName::Path(path.clone(), Some((attr.dev, attr.ino)))));
    if bound.is_err() {
        // The socket has a name already: the file goes again.
        let _ = ops::unlink(&start, path);
    }
    bound
}

/// listen(2)
pub fn listen(cx: &mut Cx<'_>, fd: Fd, backlog: Int) -> Res<()> {
    // A negative backlog is a very large unsigned one, and cut (Linux).
    let backlog = if (0..=SOMAXCONN).contains(&backlog.0) { backlog.0 } else { SOMAXCONN };
    Open::get(cx, fd)?.socket()?.listen(backlog as usize)
}

/// accept(2)
pub fn accept(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, length: InOut<u32>) -> Res<Fd> {
    accept4(cx, fd, address, length, UInt(0))
}

/// accept4(2)
pub fn accept4(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, length: InOut<u32>, flags: UInt) -> Res<Fd> {
    cx.file(fd)?;
    let (status, cloexec) = status_of(flags.0)?;
    let open = Open::get(cx, fd)?;
    let process = cx.process();
    // Before a connection is taken that could not be kept.
    let reserved = process.fds().reserve(FdFlags { cloexec }, cx.nofile_limit())?;
    let accepted = open.socket()?.accept(open.nonblock())?;
    let peer = accepted.peer().unwrap_or(Address::Unspec);
    // From here on whoever drops it closes the connection.
    let accepted = Arc::new(OpenFile::new(accepted, status));
    if !address.is_null() {
        write_address(cx, &peer, address, length)?;
    }
    Ok(Fd(reserved.fill(accepted)))
}

/// connect(2)
pub fn connect(cx: &mut Cx<'_>, fd: Fd, address: InBuf) -> Res<()> {
    let open = Open::get(cx, fd)?;
    let address = find_socket(cx, read_address(cx, address)?)?;
    open.socket()?.connect(&address, open.nonblock())
}

/// shutdown(2)
pub fn shutdown(cx: &mut Cx<'_>, fd: Fd, how: Int) -> Res<()> {
    let open = Open::get(cx, fd)?;
    let how = match how.0 {
        0 => Shutdown::Read,
        1 => Shutdown::Write,
        2 => Shutdown::Both,
        _ => return Err(Errno::EINVAL.into()),
    };
    open.socket()?.shutdown(how)
}

/// getsockname(2)
pub fn getsockname(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, length: InOut<u32>) -> Res<()> {
    let open = Open::get(cx, fd)?;
    let local = open.socket()?.local();
    Ok(write_address(cx, &local, address, length)?)
}

/// getpeername(2)
pub fn getpeername(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, length: InOut<u32>) -> Res<()> {
    let open = Open::get(cx, fd)?;
    let peer = open.socket()?.peer()?;
    Ok(write_address(cx, &peer, address, length)?)
}

/// setsockopt(2)
pub fn setsockopt(cx: &mut Cx<'_>, fd: Fd, level: Int, name: Int, value: InBuf) -> Res<()> {
    let open = Open::get(cx, fd)?;
    // The length is an int: its register's upper half does not count.
    let len = usize::try_from(value.len as i32).map_err(|_| Fail::Errno(Errno::EINVAL))?;
    let mut bytes = [0; 64];
    let len = len.min(bytes.len());
    cx.read_bytes(value.addr, &mut bytes[..len])?;
    open.socket()?.set_option(level.0, name.0, &bytes[..len])
}

/// getsockopt(2)
pub fn getsockopt(
    cx: &mut Cx<'_>,
    fd: Fd,
    level: Int,
    name: Int,
    value: UserAddr,
    length: InOut<u32>,
) -> Res<()> {
    let open = Open::get(cx, fd)?;
    let room = length.read(cx)?;
    if room.cast_signed() < 0 {
        return Err(Errno::EINVAL.into());
    }
    let mut bytes = [0; 256];
    let room = (room as usize).min(bytes.len());
    let len = open.socket()?.get_option(level.0, name.0, &mut bytes[..room])?;
    cx.write_bytes(value, &bytes[..len])?;
    Ok(length.write(cx, &(len as u32))?)
}
