//! sendto(2), recvfrom(2), sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2).

use super::control::{self, Room};
use super::{ADDRESS_MAX, Open, find_socket, read_address, write_address};
use crate::cursor::{Segments, UserSink, UserSource};
use crate::cx::Cx;
use crate::time::timeout_instant;
use alloc::vec::Vec;
use osv_abi::arg::{Fd, Flags, In, InBuf, InOut, OutBuf, UInt};
use osv_abi::uapi::socket::{MMsgHdr, MsgHdr, msg};
use osv_abi::uapi::time::Timespec;
use osv_abi::uapi::{IoVec, UIO_MAXIOV};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Fail, Res};
use osv_hw::clock as machine;
use osv_net::address::Address;
use osv_net::control::Control;
use osv_net::socket::{Kind, Received};

fn send(
    cx: &Cx<'_>,
    open: &Open,
    from: &Segments<'_>,
    flags: u32,
    to: Option<&Address>,
    mut control: Control,
) -> Res<usize> {
    if flags & msg::OOB != 0 {
        return Err(Errno::EOPNOTSUPP.into());
    }
    let socket = open.socket()?;
    if open.0.whole() {
        return cx.whole_in(from, |from| socket.send(from, to, open.message_flags(flags, 0), &mut control));
    }
    let result = cx.transfer_in(&mut UserSource::new(from.clone()), |from, _| {
        socket.send(from, to, open.message_flags(flags, 0), &mut control)
    });
    if flags & msg::NOSIGNAL != 0 { result } else { cx.broken_pipe(result) }
}

fn recv(cx: &Cx<'_>, open: &Open, to: &Segments<'_>, flags: u32) -> Res<Received> {
    if flags & msg::OOB != 0 {
        return Err(Errno::EINVAL.into());
    }
    let socket = open.socket()?;
    // A stream's bytes that are only looked at come again from the first one, as a message's do.
    if open.0.whole() || flags & msg::PEEK != 0 {
        return cx.whole_out(to, |to| socket.recv(to, open.message_flags(flags, 0)));
    }
    let mut last = Received::default();
    let total = cx.transfer_out(&mut UserSink::new(to.clone()), |to, done| {
        // What came with files ends the read.
        if last.control.passed.is_some() {
            return Ok(0);
        }
        last = socket.recv(to, open.message_flags(flags, done))?;
        Ok(last.len)
    })?;
    Ok(Received { len: total, full_len: total, ..last })
}

fn checked(addr: UserAddr, len: usize) -> Result<Segments<'static>, Errno> {
    let len = len.min(crate::cx::MAX_RW_COUNT);
    if addr.range_ok(len) { Ok(Segments::one(addr, len)) } else { Err(Errno::EFAULT) }
}

/// Where a message goes; a connected stream needs no address and ignores one.
fn destination(cx: &Cx<'_>, open: &Open, address: InBuf) -> Res<Option<Address>> {
    if address.addr.is_null() || address.len == 0 {
        return Ok(None);
    }
    let address = read_address(cx, address)?;
    let unix_datagram = open.socket()?.kind() == Kind::Datagram;
    Ok(Some(if unix_datagram { find_socket(cx, address)? } else { address }))
}

/// sendto(2)
pub fn sendto(cx: &mut Cx<'_>, fd: Fd, buf: InBuf, flags: Flags, address: InBuf) -> Res<usize> {
    let from = checked(buf.addr, buf.len)?;
    let open = Open::get(cx, fd)?;
    let to = destination(cx, &open, address)?;
    send(cx, &open, &from, flags.0, to.as_ref(), Control::default())
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
    let received = recv(cx, &open, &to, flags.0)?;
    if !address.is_null() {
        match &received.from {
            Some(from) => write_address(cx, from, address, length)?,
            // Nothing to tell, but the length is looked at all the same.
            None if length.read(cx)?.cast_signed() < 0 => return Err(Errno::EINVAL.into()),
            None => length.write(cx, &0)?,
        }
    }
    Ok(told_length(&received, flags.0))
}

fn told_length(received: &Received, flags: u32) -> usize {
    if flags & msg::TRUNC != 0 { received.full_len } else { received.len }
}

fn read_vectors(cx: &Cx<'_>, header: &MsgHdr) -> Result<Vec<IoVec>, Errno> {
    let count = usize::try_from(header.iov_len).map_err(|_| Errno::EMSGSIZE)?;
    if count > UIO_MAXIOV {
        return Err(Errno::EMSGSIZE);
    }
    cx.read_iovecs(UserAddr(header.iov), count)
}

/// sendmsg(2)
pub fn sendmsg(cx: &mut Cx<'_>, fd: Fd, message: In<MsgHdr>, flags: Flags) -> Res<usize> {
    let open = Open::get(cx, fd)?;
    send_message(cx, &open, &message.read(cx)?, flags.0)
}

fn send_message(cx: &Cx<'_>, open: &Open, header: &MsgHdr, flags: u32) -> Res<usize> {
    if header.name_len.cast_signed() < 0 {
        return Err(Errno::EINVAL.into());
    }
    let vectors = read_vectors(cx, header)?;
    // Longer than any address: cut, as Linux does.
    let name_len = header.name_len.min(ADDRESS_MAX as u32) as usize;
    let to = destination(cx, open, InBuf { addr: UserAddr(header.name), len: name_len })?;
    let control = control::read(cx, open, header)?;
    send(cx, open, &Segments::many(&vectors), flags, to.as_ref(), control)
}

/// recvmsg(2)
pub fn recvmsg(cx: &mut Cx<'_>, fd: Fd, message: InOut<MsgHdr>, flags: Flags) -> Res<usize> {
    let open = Open::get(cx, fd)?;
    let mut header = message.read(cx)?;
    let len = receive_message(cx, &open, &mut header, flags.0)?;
    message.write(cx, &header)?;
    Ok(len)
}

fn receive_message(cx: &Cx<'_>, open: &Open, header: &mut MsgHdr, flags: u32) -> Res<usize> {
    if header.name_len.cast_signed() < 0 {
        return Err(Errno::EINVAL.into());
    }
    let vectors = read_vectors(cx, header)?;
    let mut received = recv(cx, open, &Segments::many(&vectors), flags)?;
    if header.name != 0 {
        let mut bytes = [0; ADDRESS_MAX];
        let len = received.from.as_ref().map_or(0, |from| from.encode(&mut bytes));
        let room = header.name_len.min(ADDRESS_MAX as u32) as usize;
        cx.write_bytes(UserAddr(header.name), &bytes[..len.min(room)])?;
        header.name_len = len as u32;
    }
    let told = told_length(&received, flags);
    header.flags = flags & msg::CMSG_CLOEXEC;
    if received.full_len > received.len {
        header.flags |= msg::TRUNC;
    }
    let mut room = Room::of(header);
    let control = core::mem::take(&mut received.control);
    control::write(cx, control, &mut room, flags & msg::CMSG_CLOEXEC != 0)?;
    if room.cut {
        header.flags |= msg::CTRUNC;
    }
    header.control_len = room.used;
    Ok(told)
}

/// Where a row of messages ends: what was done counts more than why it stopped.
fn count_or(done: usize, result: Res<()>) -> Res<usize> {
    match result {
        Err(fail) if done == 0 => Err(fail),
        _ => Ok(done),
    }
}

/// sendmmsg(2)
pub fn sendmmsg(cx: &mut Cx<'_>, fd: Fd, messages: InOut<MMsgHdr>, count: UInt, flags: Flags) -> Res<usize> {
    let open = Open::get(cx, fd)?;
    let mut done = 0;
    let result = (|| {
        while done < (count.0 as usize).min(UIO_MAXIOV) {
            let at = messages.index(done);
            let mut message = at.read(cx)?;
            message.len = send_message(cx, &open, &message.header, flags.0)? as u32;
            at.write(cx, &message)?;
            done += 1;
        }
        Ok(())
    })();
    count_or(done, result)
}

/// recvmmsg(2): the timeout is looked at after each message, as Linux does.
pub fn recvmmsg(
    cx: &mut Cx<'_>,
    fd: Fd,
    messages: InOut<MMsgHdr>,
    count: UInt,
    flags: Flags,
    timeout: InOut<Timespec>,
) -> Res<usize> {
    let until = if timeout.is_null() { None } else { Some(timeout_instant(timeout.read(cx)?)?) };
    let open = Open::get(cx, fd)?;
    let mut flags = flags.0;
    let mut done = 0;
    let result = (|| {
        while done < (count.0 as usize).min(UIO_MAXIOV) {
            let at = messages.index(done);
            let mut message = at.read(cx)?;
            message.len = receive_message(cx, &open, &mut message.header, flags & !msg::WAITFORONE)? as u32;
            at.write(cx, &message)?;
            done += 1;
            if flags & msg::WAITFORONE != 0 {
                flags |= msg::DONTWAIT;
            }
            if until.is_some_and(|until| machine::now() >= until) {
                break;
            }
        }
        Ok::<(), Fail>(())
    })();
    if let Some(until) = until
        && done > 0
    {
        timeout.write(cx, &Timespec::from(until.since(machine::now())))?;
    }
    count_or(done, result)
}
