//! setsockopt(2) and getsockopt(2).

use super::{Family, Kind, Socket, State};
use crate::options::{self, level, so, tcp};
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
            (level::SOL_SOCKET, so::KEEPALIVE) => {
                options.keepalive = int()? != 0;
                let idle = options.keepalive.then_some(options.keepalive_idle);
                drop(options);
                if let Some(stream) = self.stream() {
                    stream.set_keepalive(idle);
                }
            }
            (level::IPPROTO_TCP, tcp::KEEPIDLE) if self.kind == Kind::Stream => {
                let seconds = u64::try_from(int()?).ok().filter(|s| (1..=32767).contains(s));
                options.keepalive_idle = Duration::from_secs(seconds.ok_or(Errno::EINVAL)?);
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

    /// getsockopt(2): writes the value to `out`, cut to its length; returns how long it is.
    pub fn get_option(&self, level: i32, name: i32, out: &mut [u8]) -> Res<usize> {
        let udp = if self.is_udp() { level::IPPROTO_UDP } else { level::SOL_SOCKET };
        let known = [level::SOL_SOCKET, level::IPPROTO_IP, level::IPPROTO_TCP, level::IPPROTO_IPV6, udp];
        if !known.contains(&level) || self.is_unix() && level != level::SOL_SOCKET {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let options = *self.options.lock();
        let flag = |on: bool| i32::from(on);
        let value: i32 = match (level, name) {
            (level::SOL_SOCKET, so::REUSEADDR) => flag(options.reuse_address),
            (level::SOL_SOCKET, so::REUSEPORT) => flag(options.reuse_port),
            (level::SOL_SOCKET, so::BROADCAST) => flag(options.broadcast),
            (level::SOL_SOCKET, so::KEEPALIVE) => flag(options.keepalive),
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
            (level::IPPROTO_TCP, tcp::KEEPIDLE) if self.kind == Kind::Stream => {
                options.keepalive_idle.as_secs() as i32
            }
            (level::IPPROTO_IPV6, options::IPV6_V6ONLY) if self.family == Family::Inet6 => {
                flag(options.v6only)
            }
            _ => return Err(Errno::ENOPROTOOPT.into()),
        };
        Ok(put(out, &value.to_ne_bytes()))
    }
}

fn put(out: &mut [u8], value: &[u8]) -> usize {
    let n = value.len().min(out.len());
    out[..n].copy_from_slice(&value[..n]);
    n
}
