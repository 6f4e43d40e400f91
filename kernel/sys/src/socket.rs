//! Sockets: socket(2), bind(2), send(2), recv(2), getsockopt(2) and kin, over `osv_net`.

use crate::cursor::{Segments, UserSink, UserSource};
use crate::cx::Cx;
use alloc::sync::Arc;
use osv_abi::arg::{Fd, Flags, In, InBuf, InOut, Int, Out, OutBuf, UInt};
use osv_abi::uapi::IoVec;
use osv_abi::uapi::file::open as o;
use osv_abi::uapi::socket::{MsgHdr, msg, sock};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Fail, Res};
use osv_net::address::Address;
use osv_net::socket::{Family, Kind, MessageFlags, Received, Socket};
use osv_net::stack::{Stack, stack};
use osv_net::stream::Shutdown;
use osv_vfs::{FdFlags, OpenFile};

/// Longest address that a call takes (`struct sockaddr_storage`).
const ADDRESS_MAX: usize = 128;
const SOMAXCONN: i32 = 4096;

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
            trunc: flags & msg::TRUNC != 0,
            more: flags & msg::MORE != 0,
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
    let family = match family {
        1 => Family::Unix,
        2 => Family::Inet,
        10 => Family::Inet6,
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    let kind = match kind & sock::TYPE_MASK {
        sock::STREAM => Kind::Stream,
        sock::DGRAM => Kind::Datagram,
        sock::SEQPACKET => Kind::SeqPacket,
        0 | 11.. => return Err(Errno::EINVAL),
        _ => return Err(Errno::ESOCKTNOSUPPORT),
    };
    let fits = match (family, kind) {
        (Family::Unix, _) => matches!(protocol, 0 | 1),
        (_, Kind::Stream) => matches!(protocol, 0 | 6),
        (_, Kind::Datagram) => matches!(protocol, 0 | 17),
        (_, Kind::SeqPacket) => return Err(Errno::ESOCKTNOSUPPORT),
    };
    if fits { Ok((family, kind)) } else { Err(Errno::EPROTONOSUPPORT) }
}

fn read_address(cx: &Cx<'_>, address: InBuf) -> Result<Address, Errno> {
    if address.len > ADDRESS_MAX {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0; ADDRESS_MAX];
    cx.read_bytes(address.addr, &mut bytes[..address.len])?;
    Address::parse(&bytes[..address.len])
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
    let address = read_address(cx, address)?;
    open.socket()?.bind(&address)
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
    let (status, cloexec) = status_of(flags.0)?;
    let open = Open::get(cx, fd)?;
    let accepted = open.socket()?.accept(open.nonblock())?;
    if !address.is_null() {
        let peer = accepted.peer().unwrap_or(Address::Unspec);
        write_address(cx, &peer, address, length)?;
    }
    cx.install_new(accepted, status, cloexec)
}

/// connect(2)
pub fn connect(cx: &mut Cx<'_>, fd: Fd, address: InBuf) -> Res<()> {
    let open = Open::get(cx, fd)?;
    let address = read_address(cx, address)?;
    open.socket()?.connect(&address, open.nonblock())
}

fn send(cx: &Cx<'_>, open: &Open, from: Segments<'_>, flags: u32, to: Option<&Address>) -> Res<usize> {
    if flags & msg::OOB != 0 {
        return Err(Errno::EOPNOTSUPP.into());
    }
    let socket = open.socket()?;
    if open.0.whole() {
        return cx.whole_in(&from, |from| socket.send(from, to, open.message_flags(flags, 0)));
    }
    let result = cx.transfer_in(&mut UserSource::new(from), |from, _| {
        socket.send(from, to, open.message_flags(flags, 0))
    });
    if flags & msg::NOSIGNAL != 0 { result } else { cx.broken_pipe(result) }
}

fn recv(cx: &Cx<'_>, open: &Open, to: Segments<'_>, flags: u32) -> Res<Received> {
    if flags & msg::OOB != 0 {
        return Err(Errno::EINVAL.into());
    }
    let socket = open.socket()?;
    // A stream's bytes that are only looked at come again from the first one, as a message's do.
    if open.0.whole() || flags & msg::PEEK != 0 {
        return cx.whole_out(&to, |to| socket.recv(to, open.message_flags(flags, 0)));
    }
    let mut last = Received { len: 0, full_len: 0, from: None };
    let total = cx.transfer_out(&mut UserSink::new(to), |to, done| {
        last = socket.recv(to, open.message_flags(flags, done))?;
        Ok(last.len)
    })?;
    Ok(Received { len: total, ..last })
}

fn checked(addr: UserAddr, len: usize) -> Result<Segments<'static>, Errno> {
    let len = len.min(crate::cx::MAX_RW_COUNT);
    if addr.range_ok(len) { Ok(Segments::one(addr, len)) } else { Err(Errno::EFAULT) }
}

/// sendto(2)
pub fn sendto(cx: &mut Cx<'_>, fd: Fd, buf: InBuf, flags: Flags, address: InBuf) -> Res<usize> {
    let from = checked(buf.addr, buf.len)?;
    let open = Open::get(cx, fd)?;
    let to = if address.addr.is_null() { None } else { Some(read_address(cx, address)?) };
    send(cx, &open, from, flags.0, to.as_ref())
}

/// recvfrom(2)
pub fn recvfrom(
    cx: &mut Cx<'_>,
    fd: Fd,
    buf: OutBuf,
    flags: Flags,
    address: UserAddr,
    length: InOut<u32>,
) -> Res<usize> {
    let to = checked(buf.addr, buf.len)?;
    let open = Open::get(cx, fd)?;
    let received = recv(cx, &open, to, flags.0)?;
    if !address.is_null() {
        match &received.from {
            Some(from) => write_address(cx, from, address, length)?,
            None => length.write(cx, &0)?,
        }
    }
    let whole = flags.0 & msg::TRUNC != 0 && received.from.is_some();
    Ok(if whole { received.full_len } else { received.len })
}

fn read_vectors(cx: &Cx<'_>, header: &MsgHdr) -> Result<alloc::vec::Vec<IoVec>, Errno> {
    let count = usize::try_from(header.iov_len).map_err(|_| Errno::EMSGSIZE)?;
    if count > osv_abi::uapi::UIO_MAXIOV {
        return Err(Errno::EMSGSIZE);
    }
    cx.read_iovecs(UserAddr(header.iov), count)
}

/// sendmsg(2)
pub fn sendmsg(cx: &mut Cx<'_>, fd: Fd, message: In<MsgHdr>, flags: Flags) -> Res<usize> {
    let open = Open::get(cx, fd)?;
    let header = message.read(cx)?;
    let vectors = read_vectors(cx, &header)?;
    if header.control != 0 && header.control_len != 0 {
        return Err(Errno::EOPNOTSUPP.into());
    }
    let to = if header.name == 0 || header.name_len == 0 {
        None
    } else {
        Some(read_address(cx, InBuf { addr: UserAddr(header.name), len: header.name_len as usize })?)
    };
    send(cx, &open, Segments::many(&vectors), flags.0, to.as_ref())
}

/// recvmsg(2)
pub fn recvmsg(cx: &mut Cx<'_>, fd: Fd, message: InOut<MsgHdr>, flags: Flags) -> Res<usize> {
    let open = Open::get(cx, fd)?;
    let mut header = message.read(cx)?;
    let vectors = read_vectors(cx, &header)?;
    let received = recv(cx, &open, Segments::many(&vectors), flags.0)?;
    if header.name != 0 {
        let mut bytes = [0; ADDRESS_MAX];
        let len = received.from.as_ref().map_or(0, |from| from.encode(&mut bytes));
        let room = header.name_len.min(ADDRESS_MAX as u32) as usize;
        cx.write_bytes(UserAddr(header.name), &bytes[..len.min(room)])?;
        header.name_len = len as u32;
    }
    let cut = received.from.is_some() && received.full_len > received.len;
    header.flags = if cut { msg::TRUNC } else { 0 };
    header.control_len = 0;
    message.write(cx, &header)?;
    Ok(if cut && flags.0 & msg::TRUNC != 0 { received.full_len } else { received.len })
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
    // The length is an int: its register's upper half does not count.
    let len = usize::try_from(value.len as i32).map_err(|_| Fail::Errno(Errno::EINVAL))?;
    let open = Open::get(cx, fd)?;
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
    let mut bytes = [0; 64];
    let room = (room as usize).min(bytes.len());
    let len = open.socket()?.get_option(level.0, name.0, &mut bytes[..room])?;
    cx.write_bytes(value, &bytes[..len])?;
    Ok(length.write(cx, &(len as u32))?)
}
