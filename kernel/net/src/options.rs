//! Socket options, as socket(7), tcp(7), ip(7) and ipv6(7) number them.

use core::time::Duration;

/// Levels.
pub mod level {
    #![expect(missing_docs, reason = "the names of the manual pages")]
    pub const SOL_SOCKET: i32 = 1;
    pub const IPPROTO_IP: i32 = 0;
    pub const IPPROTO_TCP: i32 = 6;
    pub const IPPROTO_UDP: i32 = 17;
    pub const IPPROTO_IPV6: i32 = 41;
}

/// Names at SOL_SOCKET.
pub mod so {
    #![expect(missing_docs, reason = "the names of socket(7)")]
    pub const REUSEADDR: i32 = 2;
    pub const TYPE: i32 = 3;
    pub const ERROR: i32 = 4;
    pub const DONTROUTE: i32 = 5;
    pub const BROADCAST: i32 = 6;
    pub const SNDBUF: i32 = 7;
    pub const RCVBUF: i32 = 8;
    pub const KEEPALIVE: i32 = 9;
    pub const OOBINLINE: i32 = 10;
    pub const LINGER: i32 = 13;
    pub const REUSEPORT: i32 = 15;
    pub const PASSCRED: i32 = 16;
    pub const PEERCRED: i32 = 17;
    pub const RCVLOWAT: i32 = 18;
    pub const SNDLOWAT: i32 = 19;
    pub const RCVTIMEO: i32 = 20;
    pub const SNDTIMEO: i32 = 21;
    pub const ACCEPTCONN: i32 = 30;
    pub const PROTOCOL: i32 = 38;
    pub const DOMAIN: i32 = 39;
}

/// Names at IPPROTO_TCP.
pub mod tcp {
    #![expect(missing_docs, reason = "the names of tcp(7)")]
    pub const NODELAY: i32 = 1;
    pub const MAXSEG: i32 = 2;
    pub const CORK: i32 = 3;
    pub const KEEPIDLE: i32 = 4;
    pub const KEEPINTVL: i32 = 5;
    pub const KEEPCNT: i32 = 6;
    pub const INFO: i32 = 11;
    pub const CONGESTION: i32 = 13;
    pub const USER_TIMEOUT: i32 = 18;
}

/// The one way of congestion control that there is, by Linux's name (RFC 5681).
pub const CONGESTION_CONTROL: &[u8] = b"reno";

/// UDP_CORK
pub const UDP_CORK: i32 = 1;

/// IPV6_V6ONLY
pub const IPV6_V6ONLY: i32 = 26;

/// What was set on a socket.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// SO_REUSEADDR
    pub reuse_address: bool,
    /// SO_REUSEPORT
    pub reuse_port: bool,
    /// SO_BROADCAST
    pub broadcast: bool,
    /// SO_KEEPALIVE
    pub keepalive: bool,
    /// TCP_KEEPIDLE
    pub keepalive_idle: Duration,
    /// TCP_NODELAY
    pub nodelay: bool,
    /// TCP_CORK, UDP_CORK
    pub cork: bool,
    /// SO_OOBINLINE: as all urgent data comes, whatever is set.
    pub oob_inline: bool,
    /// SO_LINGER: seconds, when on.
    pub linger: Option<u32>,
    /// SO_RCVBUF, doubled as Linux does.
    pub receive_buffer: u32,
    /// SO_SNDBUF, doubled as Linux does.
    pub send_buffer: u32,
    /// SO_RCVTIMEO
    pub receive_timeout: Option<Duration>,
    /// SO_SNDTIMEO
    pub send_timeout: Option<Duration>,
    /// IPV6_V6ONLY
    pub v6only: bool,
    /// SO_PASSCRED
    pub pass_creds: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            reuse_address: false,
            reuse_port: false,
            broadcast: false,
            keepalive: false,
            keepalive_idle: Duration::from_secs(7200),
            nodelay: false,
            cork: false,
            oob_inline: false,
            linger: None,
            receive_buffer: 212_992,
            send_buffer: 212_992,
            receive_timeout: None,
            send_timeout: None,
            v6only: false,
            pass_creds: false,
        }
    }
}

/// Reads an `int` option value; `None` when it is too short.
pub fn int(value: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(value.get(..4)?.try_into().ok()?))
}

/// Reads a `struct timeval`; zero is no timeout. `None` when it is malformed.
pub fn timeval(value: &[u8]) -> Option<Option<Duration>> {
    let seconds = i64::from_ne_bytes(value.get(..8)?.try_into().ok()?);
    let micros = i64::from_ne_bytes(value.get(8..16)?.try_into().ok()?);
    if !(0..1_000_000).contains(&micros) {
        return None;
    }
    if seconds < 0 || seconds == 0 && micros == 0 {
        return Some(None);
    }
    Some(Some(Duration::new(seconds as u64, micros as u32 * 1000)))
}

/// Writes a `struct timeval`.
pub fn put_timeval(timeout: Option<Duration>) -> [u8; 16] {
    let timeout = timeout.unwrap_or_default();
    let mut out = [0; 16];
    out[..8].copy_from_slice(&timeout.as_secs().to_ne_bytes());
    out[8..].copy_from_slice(&u64::from(timeout.subsec_micros()).to_ne_bytes());
    out
}
