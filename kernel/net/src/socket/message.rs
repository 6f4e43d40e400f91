//! send(2), recv(2) and kin, shutdown(2).

use super::{Family, Kind, MessageFlags, Peer, Received, Socket, State};
use crate::address::{Address, UnixName};
use crate::control::{Control, Ucred};
use crate::datagram::{Datagram, Datagrams, Rejected};
use crate::local::RECORD_MAX;
use crate::netlink;
use crate::stream::{Shutdown, Stream};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_sync::Events;

/// Longest UDP payload over IPv4.
const DATAGRAM_MAX: usize = 65_507;

impl Socket {
    /// send(2), sendto(2), sendmsg(2). A message is sent whole or, with `from.faulted()`, not at all. `control` is
    /// taken with the first byte.
    pub fn send(
        &self,
        from: &mut dyn Source,
        to: Option<&Address>,
        flags: MessageFlags,
        control: &mut Control,
    ) -> Res<usize> {
        if self.kind == Kind::Datagram {
            return self.send_datagram(from, to, flags, control);
        }
        let Some(stream) = self.stream() else {
            return Err(if self.is_unix() { Errno::ENOTCONN } else { Errno::EPIPE }.into());
        };
        if to.is_some() && self.is_unix() {
            return Err(Errno::EISCONN.into());
        }
        if self.is_unix() && control.creds.is_none() && stream.wants_creds() {
            control.creds = Some(self.stack.who());
        }
        if self.kind == Kind::SeqPacket {
            return self.send_record(&*stream, from, flags, control);
        }
        let timeout = self.options.lock().send_timeout;
        let mut sent = 0;
        loop {
            let attempt = || match flags.more && !self.is_unix() {
                true => stream.try_send_more(from),
                false => stream.try_send_with(from, control),
            };
            match self.wait(flags.nonblock, timeout, attempt) {
                Ok(n) => sent += n,
                Err(_) if sent > 0 => return Ok(sent),
                Err(error) => return Err(error),
            }
            if from.remaining() == 0 || from.faulted() {
                return Ok(sent);
            }
        }
    }

    /// Copies a message in: `None` where a page was not there, and the call is made again.
    fn copy_in(from: &mut dyn Source, most: usize) -> Res<Option<Vec<u8>>> {
        let len = from.remaining();
        if len > most {
            return Err(Errno::EMSGSIZE.into());
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| Errno::ENOBUFS)?;
        bytes.resize(len, 0);
        Ok((from.take(&mut bytes) == len).then_some(bytes))
    }

    fn send_record(
        &self,
        stream: &dyn Stream,
        from: &mut dyn Source,
        flags: MessageFlags,
        control: &mut Control,
    ) -> Res<usize> {
        let Some(bytes) = Self::copy_in(from, RECORD_MAX)? else { return Ok(0) };
        let timeout = self.options.lock().send_timeout;
        self.wait(flags.nonblock, timeout, || stream.try_send_record(&bytes, control))
    }

    fn send_datagram(
        &self,
        from: &mut dyn Source,
        to: Option<&Address>,
        flags: MessageFlags,
        control: &mut Control,
    ) -> Res<usize> {
        let (queue, peer) = match &*self.state.lock() {
            State::Datagram { shut_write: true, .. } => return Err(Errno::EPIPE.into()),
            State::Datagram { queue, peer, .. } => (queue.clone(), peer.clone()),
            _ => return Err(Errno::ENOTCONN.into()),
        };
        if let Some(error) = queue.take_error() {
            return Err(error.into());
        }
        let most = if self.is_unix() { RECORD_MAX } else { DATAGRAM_MAX };
        let Some(bytes) = Self::copy_in(from, most)? else { return Ok(0) };
        match self.family {
            Family::Unix => self.send_unix(bytes, to, peer, flags, control),
            Family::Netlink => self.send_netlink(&bytes, to, &queue),
            Family::Inet | Family::Inet6 => self.send_udp(bytes, to, peer.as_ref(), &queue, flags.more),
        }
    }

    /// A request to the kernel, whose answer is here at once. ENOBUFS when the application does not read the answers.
    fn send_netlink(&self, bytes: &[u8], to: Option<&Address>, queue: &Datagrams) -> Res<usize> {
        if !matches!(to, None | Some(Address::Netlink(0, _))) {
            return Err(Errno::ECONNREFUSED.into());
        }
        for answer in netlink::answer(&self.stack, bytes, self.netlink_port()) {
            let (from, control) = (Address::Netlink(0, 0), Control::default());
            let mut datagram = Some(Datagram { from, sender: 0, bytes: answer, control });
            if queue.push(&mut datagram, None).is_err() {
                queue.set_error(Errno::ENOBUFS);
            }
        }
        Ok(bytes.len())
    }

    /// A message from the kernel to a netlink socket. Without room it is lost.
    pub fn tell(&self, bytes: &[u8]) {
        let Some((queue, _)) = self.datagrams() else { return };
        let (from, control) = (Address::Netlink(0, 0), Control::default());
        if queue.push(&mut Some(Datagram { from, sender: 0, bytes: bytes.to_vec(), control }), None).is_err()
        {
            queue.set_error(Errno::ENOBUFS);
        }
    }

    fn send_unix(
        &self,
        bytes: Vec<u8>,
        to: Option<&Address>,
        peer: Option<Peer>,
        flags: MessageFlags,
        control: &mut Control,
    ) -> Res<usize> {
        let len = bytes.len();
        let target = match (to, peer) {
            (Some(Address::Unix(name)), _) => self.unix_target(name)?,
            (Some(_), _) => return Err(Errno::EINVAL.into()),
            (None, None) => return Err(Errno::ENOTCONN.into()),
            (None, Some(peer)) => match peer.queue.and_then(|q| q.upgrade()).filter(|q| !q.is_closed()) {
                Some(queue) => queue,
                None => return Err(self.peer_is_gone().into()),
            },
        };
        let creds = Some(control.creds.unwrap_or_else(|| self.stack.who()));
        let from = Address::Unix(self.unix_name.lock().clone());
        let control = Control { passed: control.passed.take(), creds };
        let mut pending = Some(Datagram { from, sender: self.id, bytes, control });
        let timeout = self.options.lock().send_timeout;
        let wanting = (!flags.nonblock).then_some(&self.readiness);
        self.wait(flags.nonblock, timeout, || match target.push(&mut pending, wanting) {
            Ok(()) => Some(Ok(len)),
            Err(Rejected::Full) => None,
            Err(Rejected::Stranger) => Some(Err(Errno::EPERM.into())),
            Err(Rejected::Shut) => Some(Err(Errno::EPIPE.into())),
            Err(Rejected::Gone) => Some(Err(self.peer_is_gone().into())),
        })
    }

    /// A connected Unix datagram socket whose peer was closed says so once, and is not connected then.
    fn peer_is_gone(&self) -> Errno {
        if let State::Datagram { queue, peer, .. } = &mut *self.state.lock() {
            *peer = None;
            queue.connect(None);
        }
        Errno::ECONNREFUSED
    }

    /// A datagram, or with `more` a part of one: the first says where it goes.
    fn send_udp(
        &self,
        bytes: Vec<u8>,
        to: Option<&Address>,
        peer: Option<&Peer>,
        queue: &Datagrams,
        more: bool,
    ) -> Res<usize> {
        let len = bytes.len();
        let more = more || self.options.lock().cork;
        let (to, bytes) = {
            let mut begun = self.begun.lock();
            let (to, bytes) = match begun.take() {
                Some((to, mut whole)) => {
                    if whole.len() + len > DATAGRAM_MAX {
                        return Err(Errno::EMSGSIZE.into());
                    }
                    whole.try_reserve(len).map_err(|_| Errno::ENOBUFS)?;
                    whole.extend_from_slice(&bytes);
                    (to, whole)
                }
                None => (self.udp_target(to, peer)?, bytes),
            };
            if more {
                *begun = Some((to, bytes));
                return Ok(len);
            }
            (to, bytes)
        };
        self.transmit_udp(bytes, to, peer, queue)?;
        Ok(len)
    }

    /// UDP_CORK is off: what was begun is sent.
    pub(super) fn finish_datagram(&self) -> Res<()> {
        let Some((to, bytes)) = self.begun.lock().take() else { return Ok(()) };
        let Some((queue, peer)) = self.datagrams() else { return Ok(()) };
        self.transmit_udp(bytes, to, peer.as_ref(), &queue)
    }

    /// Where a datagram goes.
    fn udp_target(&self, to: Option<&Address>, peer: Option<&Peer>) -> Res<SocketAddr> {
        let to = match (to, peer) {
            (Some(address), _) => self.inet(address)?,
            (None, Some(Peer { address: Address::Inet(address), .. })) => *address,
            (None, _) => return Err(Errno::EDESTADDRREQ.into()),
        };
        if to.port() == 0 {
            return Err(Errno::EINVAL.into());
        }
        Ok(self.somewhere(to))
    }

    fn transmit_udp(
        &self,
        bytes: Vec<u8>,
        to: SocketAddr,
        peer: Option<&Peer>,
        queue: &Datagrams,
    ) -> Res<()> {
        if self.bound.lock().is_none() {
            self.bind_inet(SocketAddr::new(self.any(), 0))?;
        }
        let Some(own) = *self.bound.lock() else { return Err(Errno::EINVAL.into()) };
        if self.stack.is_own(to.ip()) {
            let ip = if own.ip().is_unspecified() { to.ip() } else { own.ip() };
            let target = self.stack.udp_ports.lock().find(to, u64::from(own.port()));
            if let Some(target) = target {
                let from = Address::Inet(SocketAddr::new(ip, own.port()));
                // Without room it is lost, as on any network.
                let mut datagram =
                    Some(Datagram { from, sender: self.id, bytes, control: Control::default() });
                let _ = target.push(&mut datagram, None);
            } else if peer.is_some() {
                // What ICMP would tell; the next call hears of it.
                queue.set_error(Errno::ECONNREFUSED);
            }
            return Ok(());
        }
        let is_broadcast = matches!(to.ip(), IpAddr::V4(to) if to.is_broadcast());
        if is_broadcast && !self.options.lock().broadcast {
            return Err(Errno::EACCES.into());
        }
        let source = self.source_for(to.ip(), Some(own.ip()))?;
        let marks = self.options.lock().tuning.marks(to.ip());
        self.stack.send_udp(SocketAddr::new(source, own.port()), to, &bytes, marks)?;
        Ok(())
    }

    /// recv(2), recvfrom(2), recvmsg(2). A message is received whole or, with `to.faulted()`, not at all.
    pub fn recv(&self, to: &mut dyn Sink, flags: MessageFlags) -> Res<Received> {
        if flags.errors && !self.is_unix() && self.family != Family::Netlink {
            // Errors are told by the calls themselves; none is queued (IP_RECVERR).
            return Err(Errno::EAGAIN.into());
        }
        let timeout = self.options.lock().receive_timeout;
        if let Some((queue, _)) = self.datagrams() {
            return self.wait(flags.nonblock, timeout, || {
                if let Some(error) = queue.take_error() {
                    return Some(Err(error.into()));
                }
                // Seen before the queue is found empty: nothing is queued after it.
                let shut = queue.is_shut();
                match queue.with_first(|datagram| self.take_datagram(datagram, to, flags.peek)) {
                    Some(received) => Some(Ok(received)),
                    None => shut.then(|| Ok(Received::default())),
                }
            });
        }
        let Some(stream) = self.stream() else {
            let unix_stream = self.is_unix() && self.kind == Kind::Stream;
            return Err(if unix_stream { Errno::EINVAL } else { Errno::ENOTCONN }.into());
        };
        let mut all = Received::default();
        loop {
            match self.wait(flags.nonblock, timeout, || stream.try_recv_message(to, flags.peek)) {
                Ok(taken) => {
                    all.len += taken.len;
                    all.full_len += taken.full_len;
                    let stop = taken.control.passed.is_some();
                    all.control = taken.control;
                    let more = flags.wait_all && self.kind == Kind::Stream && !flags.peek && !stop;
                    if !more || taken.len == 0 || to.remaining() == 0 || to.faulted() {
                        break;
                    }
                }
                Err(_) if all.len > 0 => break,
                Err(error) => return Err(error),
            }
        }
        if stream.passes_creds() {
            all.control.creds.get_or_insert(Ucred::UNKNOWN);
        } else {
            all.control.creds = None;
        }
        if self.is_unix() && all.len > 0 {
            all.from = named(Address::Unix(self.peer_name.lock().clone()));
        }
        Ok(all)
    }

    fn take_datagram(&self, datagram: &mut Datagram, to: &mut dyn Sink, peek: bool) -> (bool, Received) {
        let want = datagram.bytes.len().min(to.remaining());
        let len = to.put(&datagram.bytes[..want]);
        let full_len = datagram.bytes.len();
        if to.faulted() {
            return (false, Received { len, full_len, ..Received::default() });
        }
        let from = match &datagram.from {
            Address::Inet(address) => Some(self.show(*address)),
            other => named(other.clone()),
        };
        let mut control =
            if peek { datagram.control.again() } else { core::mem::take(&mut datagram.control) };
        if !self.passes_creds() {
            control.creds = None;
        }
        (!peek, Received { len, full_len, from, control })
    }

    /// shutdown(2)
    pub fn shutdown(&self, how: Shutdown) -> Res<()> {
        if let Some(stream) = self.stream() {
            stream.shutdown(how);
            return Ok(());
        }
        if let Some((queue, peer)) = self.datagrams() {
            if peer.is_none() && !self.is_unix() {
                return Err(Errno::ENOTCONN.into());
            }
            if how.read() {
                queue.shut();
            }
            if how.write()
                && let State::Datagram { shut_write, .. } = &mut *self.state.lock()
            {
                *shut_write = true;
            }
            self.readiness.changed(Events::OUT | Events::IN);
            return Ok(());
        }
        match self.listener() {
            Some(listener) if how.read() => listener.close(),
            _ => return Err(Errno::ENOTCONN.into()),
        }
        Ok(())
    }
}

/// An unnamed Unix socket has no address to tell.
fn named(address: Address) -> Option<Address> {
    (address != Address::Unix(UnixName::Unnamed)).then_some(address)
}
