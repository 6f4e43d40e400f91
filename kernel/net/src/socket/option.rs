//! setsockopt(2) and getsockopt(2).

use super::{Family, Kind, Socket, State};
use crate::flow::RECV_BUFFER;
use crate::host::HOP_LIMIT;
use crate::options::{self, Tuning, level, mark, so, tcp};
use core::ops::RangeInclusive;
use core::time::Duration;
use osv_base::{Errno, Res};

impl Socket {
    /// setsockopt(2)
    pub fn set_option(&self, level: i32, name: i32, value: &[u8]) -> Res<()> {
        if self.is_unix() && level != level::SOL_SOCKET {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let int = || options::int(value).ok_or(Errno::EINVAL);
        let mut options = self.options.lock();
        match (level, name) {
            (level::SOL_SOCKET, so::REUSEADDR) => options.reuse_address = int()? != 0,
            (level::SOL_SOCKET, so::REUSEPORT) => options.reuse_port = int()? != 0,
            (level::SOL_SOCKET, so::BROADCAST) => options.broadcast = int()? != 0,
            (level::SOL_SOCKET, so::OOBINLINE) => options.oob_inline = int()? != 0,
            (level::SOL_SOCKET, so::RCVBUF) => {
                options.receive_buffer = (int()?.clamp(1152, 4 << 20) as u32).saturating_mul(2);
                if let Some((queue, _)) = self.datagrams() {
                    queue.set_limit(options.receive_buffer as usize);
                }
            }
            (level::SOL_SOCKET, so::SNDBUF) => {
                options.send_buffer = (int()?.clamp(2304, 4 << 20) as u32).saturating_mul(2);
            }
            (level::SOL_SOCKET, so::LINGER) => {
                let seconds = options::int(value.get(4..).unwrap_or(&[])).ok_or(Errno::EINVAL)?;
                options.linger = (int()? != 0).then_some(seconds.max(0) as u32);
            }
            (level::SOL_SOCKET, so::RCVTIMEO) => {
                options.receive_timeout = options::timeval(value).ok_or(Errno::EDOM)?;
            }
            (level::SOL_SOCKET, so::SNDTIMEO) => {
                options.send_timeout = options::timeval(value).ok_or(Errno::EDOM)?;
            }
            (level::SOL_SOCKET, so::PASSCRED) if self.is_unix() => {
                options.pass_creds = int()? != 0;
                let on = options.pass_creds;
                drop(options);
                if let Some(stream) = self.stream() {
                    stream.set_pass_creds(on);
                }
            }
            (level::SOL_SOCKET, so::DEBUG) => {
                // As Linux, which wants a capability for it.
                options.debug = int()? != 0;
                if options.debug && self.stack.who().uid != 0 {
                    options.debug = false;
                    return Err(Errno::EACCES.into());
                }
            }
            (level::SOL_SOCKET, so::PRIORITY) => {
                let priority = int()?;
                if !(0..=6).contains(&priority) && self.stack.who().uid != 0 {
                    return Err(Errno::EPERM.into());
                }
                options.priority = priority;
            }
            (level::SOL_SOCKET, so::KEEPALIVE)
            | (level::IPPROTO_IP | level::IPPROTO_IPV6, _)
            | (level::IPPROTO_TCP, tcp::KEEPIDLE..=tcp::SYNCNT | tcp::QUICKACK | tcp::USER_TIMEOUT)
                if !(level == level::IPPROTO_IPV6 && name == options::IPV6_V6ONLY) =>
            {
                self.set_tuning(&mut options.tuning, level, name, value)?;
                let tuning = options.tuning;
                drop(options);
                if let Some(stream) = self.stream() {
                    stream.tune(&tuning);
                }
            }
            (level::IPPROTO_TCP, tcp::NODELAY) if self.kind == Kind::Stream => {
                options.nodelay = int()? != 0;
                let on = options.nodelay;
                drop(options);
                if let Some(stream) = self.stream() {
                    stream.set_nodelay(on);
                }
            }
            (level::IPPROTO_TCP, tcp::CORK) if self.kind == Kind::Stream => {
                options.cork = int()? != 0;
                let on = options.cork;
                drop(options);
                if let Some(stream) = self.stream() {
                    stream.set_cork(on);
                }
            }
            (level::IPPROTO_UDP, options::UDP_CORK) if self.is_udp() => {
                options.cork = int()? != 0;
                let on = options.cork;
                drop(options);
                if !on {
                    self.finish_datagram()?;
                }
            }
            (level::IPPROTO_TCP, tcp::CONGESTION) if self.kind == Kind::Stream => {
                let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
                if name != options::CONGESTION_CONTROL {
                    return Err(Errno::ENOENT.into());
                }
            }
            (level::IPPROTO_IPV6, options::IPV6_V6ONLY) if self.family == Family::Inet6 => {
                if self.bound.lock().is_some() {
                    return Err(Errno::EINVAL.into());
                }
                options.v6only = int()? != 0;
            }
            _ => return Err(Errno::ENOPROTOOPT.into()),
        }
        Ok(())
    }

    /// Options of how a connection is kept and its packets are marked.
    fn set_tuning(&self, tuning: &mut Tuning, level: i32, name: i32, value: &[u8]) -> Res<()> {
        let int = || options::int(value).ok_or(Errno::EINVAL);
        let within =
            |range: RangeInclusive<i32>| int().ok().filter(|n| range.contains(n)).ok_or(Errno::EINVAL);
        let seconds = |range| within(range).map(|n| Duration::from_secs(n as u64));
        let hops = |n: i32| match n {
            -1 => Ok(None),
            n => u8::try_from(n).ok().filter(|n| *n > 0).map(Some).ok_or(Errno::EINVAL),
        };
        let is_stream = self.kind == Kind::Stream;
        match (level, name) {
            (level::SOL_SOCKET, so::KEEPALIVE) => tuning.keepalive = int()? != 0,
            (level::IPPROTO_TCP, tcp::KEEPIDLE) if is_stream => tuning.keepalive_idle = seconds(1..=32767)?,
            (level::IPPROTO_TCP, tcp::KEEPINTVL) if is_stream => {
                tuning.keepalive_interval = seconds(1..=32767)?
            }
            (level::IPPROTO_TCP, tcp::KEEPCNT) if is_stream => {
                tuning.keepalive_count = within(1..=127)? as u8
            }
            (level::IPPROTO_TCP, tcp::SYNCNT) if is_stream => tuning.syn_count = within(1..=127)? as u8,
            (level::IPPROTO_TCP, tcp::QUICKACK) if is_stream => tuning.quickack = Some(int()? != 0),
            (level::IPPROTO_TCP, tcp::USER_TIMEOUT) if is_stream => {
                let millis = within(0..=i32::MAX)?;
                tuning.user_timeout = (millis > 0).then(|| Duration::from_millis(millis as u64));
            }
            (level::IPPROTO_IP, mark::IP_TTL) => {
                tuning.four.hop_limit = hops(options::int_or_byte(value).ok_or(Errno::EINVAL)?)?;
            }
            (level::IPPROTO_IP, mark::IP_TOS) => {
                // As Linux: no bytes are a 0 here.
                let class = options::int_or_byte(value).unwrap_or(0) as u8;
                // The two lowest bits are a connection's own (RFC 3168).
                tuning.four.class = if is_stream { class & !3 } else { class };
            }
            (level::IPPROTO_IPV6, mark::IPV6_UNICAST_HOPS) if self.family == Family::Inet6 => {
                tuning.six.hop_limit = match int()? {
                    0 => Some(0),
                    n => hops(n)?,
                };
            }
            (level::IPPROTO_IPV6, mark::IPV6_TCLASS) if self.family == Family::Inet6 => {
                let class = within(-1..=255)?.max(0) as u8;
                tuning.six.class = if is_stream { class & !3 } else { class };
            }
            _ => return Err(Errno::ENOPROTOOPT.into()),
        }
        Ok(())
    }

    /// getsockopt(2): writes the value to `out`, cut to its length; returns how long it is.
    pub fn get_option(&self, level: i32, name: i32, out: &mut [u8]) -> Res<usize> {
        let is_known = match level {
            level::SOL_SOCKET => true,
            _ if self.is_unix() => false,
            level::IPPROTO_IP => true,
            level::IPPROTO_TCP => self.kind == Kind::Stream,
            level::IPPROTO_IPV6 => self.family == Family::Inet6,
            level::IPPROTO_UDP => self.is_udp(),
            _ => false,
        };
        if !is_known {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let options = *self.options.lock();
        let (tuning, is_stream) = (&options.tuning, self.kind == Kind::Stream);
        let flag = |on: bool| i32::from(on);
        let value: i32 = match (level, name) {
            (level::SOL_SOCKET, so::REUSEADDR) => flag(options.reuse_address),
            (level::SOL_SOCKET, so::REUSEPORT) => flag(options.reuse_port),
            (level::SOL_SOCKET, so::BROADCAST) => flag(options.broadcast),
            (level::SOL_SOCKET, so::DEBUG) => flag(options.debug),
            (level::SOL_SOCKET, so::PRIORITY) => options.priority,
            (level::SOL_SOCKET, so::KEEPALIVE) => flag(tuning.keepalive),
            (level::SOL_SOCKET, so::OOBINLINE) => flag(options.oob_inline),
            (level::SOL_SOCKET, so::RCVBUF) => options.receive_buffer as i32,
            (level::SOL_SOCKET, so::SNDBUF) => options.send_buffer as i32,
            (level::SOL_SOCKET, so::TYPE) => match self.kind {
                _ if self.family == Family::Netlink => 3,
                Kind::Stream => 1,
                Kind::Datagram => 2,
                Kind::SeqPacket => 5,
            },
            (level::SOL_SOCKET, so::DOMAIN) => match self.family {
                Family::Unix => 1,
                Family::Inet => 2,
                Family::Inet6 => 10,
                Family::Netlink => 16,
            },
            (level::SOL_SOCKET, so::PROTOCOL) => match (self.family, self.kind) {
                (Family::Unix | Family::Netlink, _) | (_, Kind::SeqPacket) => 0,
                (_, Kind::Stream) => 6,
                (_, Kind::Datagram) => 17,
            },
            (level::SOL_SOCKET, so::ERROR) => {
                let of_stream = self.stream().and_then(|s| s.take_error());
                let of_queue = || self.datagrams().and_then(|(queue, _)| queue.take_error());
                of_stream.or_else(of_queue).map_or(0, Errno::get)
            }
            (level::SOL_SOCKET, so::ACCEPTCONN) => flag(matches!(*self.state.lock(), State::Listening(_))),
            (level::SOL_SOCKET, so::RCVLOWAT | so::SNDLOWAT) => 1,
            (level::SOL_SOCKET, so::PASSCRED) if self.is_unix() => flag(options.pass_creds),
            (level::SOL_SOCKET, so::PEERCRED) => {
                let creds = *self.peer_creds.lock();
                return Ok(put(out, &creds.bytes()));
            }
            (level::SOL_SOCKET, so::LINGER) => {
                let mut bytes = [0; 8];
                bytes[..4].copy_from_slice(&flag(options.linger.is_some()).to_ne_bytes());
                bytes[4..].copy_from_slice(&options.linger.unwrap_or(0).to_ne_bytes());
                return Ok(put(out, &bytes));
            }
            (level::SOL_SOCKET, so::RCVTIMEO) => {
                return Ok(put(out, &options::put_timeval(options.receive_timeout)));
            }
            (level::SOL_SOCKET, so::SNDTIMEO) => {
                return Ok(put(out, &options::put_timeval(options.send_timeout)));
            }
            (level::IPPROTO_TCP, tcp::NODELAY) if self.kind == Kind::Stream => flag(options.nodelay),
            (level::IPPROTO_TCP, tcp::CORK) if self.kind == Kind::Stream => flag(options.cork),
            (level::IPPROTO_UDP, options::UDP_CORK) if self.is_udp() => flag(options.cork),
            (level::IPPROTO_TCP, tcp::CONGESTION) if self.kind == Kind::Stream => {
                // As long as Linux's names may be, padded with zeros.
                let mut name = [0; 16];
                name[..options::CONGESTION_CONTROL.len()].copy_from_slice(options::CONGESTION_CONTROL);
                return Ok(put(out, &name));
            }
            (level::IPPROTO_TCP, tcp::MAXSEG) if self.kind == Kind::Stream => self.stack.mtu() as i32 - 40,
            (level::IPPROTO_TCP, tcp::KEEPIDLE) if is_stream => tuning.keepalive_idle.as_secs() as i32,
            (level::IPPROTO_TCP, tcp::KEEPINTVL) if is_stream => tuning.keepalive_interval.as_secs() as i32,
            (level::IPPROTO_TCP, tcp::KEEPCNT) if is_stream => tuning.keepalive_count.into(),
            (level::IPPROTO_TCP, tcp::SYNCNT) if is_stream => tuning.syn_count.into(),
            (level::IPPROTO_TCP, tcp::QUICKACK) if is_stream => flag(tuning.quickack.unwrap_or(true)),
            (level::IPPROTO_TCP, tcp::USER_TIMEOUT) if is_stream => {
                tuning.user_timeout.map_or(0, |time| time.as_millis() as i32)
            }
            (level::IPPROTO_TCP, tcp::INFO) if is_stream => return Ok(put(out, &self.tcp_info())),
            (level::IPPROTO_IP, mark::IP_TTL) => tuning.four.hop_limit.unwrap_or(HOP_LIMIT).into(),
            (level::IPPROTO_IP, mark::IP_TOS) => tuning.four.class.into(),
            (level::IPPROTO_IPV6, mark::IPV6_UNICAST_HOPS) if self.family == Family::Inet6 => {
                tuning.six.hop_limit.unwrap_or(HOP_LIMIT).into()
            }
            (level::IPPROTO_IPV6, mark::IPV6_TCLASS) if self.family == Family::Inet6 => {
                tuning.six.class.into()
            }
            (level::IPPROTO_IPV6, options::IPV6_V6ONLY) if self.family == Family::Inet6 => {
                flag(options.v6only)
            }
            _ => return Err(Errno::ENOPROTOOPT.into()),
        };
        if level == level::IPPROTO_IP && (1..4).contains(&out.len()) {
            // As Linux: a byte for who has no room for more.
            return Ok(put(out, &[value as u8]));
        }
        Ok(put(out, &value.to_ne_bytes()))
    }

    /// TCP_INFO: `struct tcp_info`, with what is not known left at 0.
    fn tcp_info(&self) -> [u8; info::SIZE] {
        let mut bytes = [0; info::SIZE];
        let mut word = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        let mss = u32::try_from(self.stack.mtu().saturating_sub(40)).unwrap_or(0);
        word(info::SND_MSS, mss);
        word(info::RCV_MSS, mss);
        word(info::ADVMSS, mss);
        word(info::PMTU, mss + 40);
        let state = match &*self.state.lock() {
            State::Stream { stream, .. } => {
                word(info::RCV_SPACE, RECV_BUFFER as u32);
                stream.tcp_state()
            }
            State::Listening(listener) => {
                let (waiting, backlog) = listener.queued();
                word(info::UNACKED, waiting as u32);
                word(info::SACKED, backlog as u32);
                info::LISTEN
            }
            _ => info::CLOSE,
        };
        bytes[0] = state;
        bytes
    }
}

/// Offsets in Linux's `struct tcp_info`.
mod info {
    pub(super) const SIZE: usize = 232;
    pub(super) const SND_MSS: usize = 16;
    pub(super) const RCV_MSS: usize = 20;
    pub(super) const UNACKED: usize = 24;
    pub(super) const SACKED: usize = 28;
    pub(super) const PMTU: usize = 60;
    pub(super) const ADVMSS: usize = 84;
    pub(super) const RCV_SPACE: usize = 96;
    pub(super) const CLOSE: u8 = 7;
    pub(super) const LISTEN: u8 = 10;
}

fn put(out: &mut [u8], value: &[u8]) -> usize {
    let n = value.len().min(out.len());
    out[..n].copy_from_slice(&value[..n]);
    n
}
