//! Socket options, as socket(7), tcp(7), ip(7) and ipv6(7) number them. What is not here is ENOPROTOOPT; of what servers
//! ask for, that is TCP_DEFER_ACCEPT, TCP_FASTOPEN and TCP_LINGER2.

use core::net::IpAddr;
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
    pub const DEBUG: i32 = 1;
    pub const REUSEADDR: i32 = 2;
    pub const TYPE: i32 = 3;
    pub const ERROR: i32 = 4;
    pub const DONTROUTE: i32 = 5;
    pub const BROADCAST: i32 = 6;
    pub const SNDBUF: i32 = 7;
    pub const RCVBUF: i32 = 8;
    pub const KEEPALIVE: i32 = 9;
    pub const OOBINLINE: i32 = 10;
    pub const PRIORITY: i32 = 12;
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
    pub const SYNCNT: i32 = 7;
    pub const INFO: i32 = 11;
    pub const QUICKACK: i32 = 12;
    pub const CONGESTION: i32 = 13;
    pub const USER_TIMEOUT: i32 = 18;
}

/// The one way of congestion control that there is, by Linux's name (RFC 5681).
pub const CONGESTION_CONTROL: &[u8] = b"reno";

/// UDP_CORK
pub const UDP_CORK: i32 = 1;

/// IPV6_V6ONLY
pub const IPV6_V6ONLY: i32 = 26;

/// Names at IPPROTO_IP and IPPROTO_IPV6 of what packets are marked with.
pub mod mark {
    #![expect(missing_docs, reason = "the names of ip(7) and ipv6(7)")]
    pub const IP_TOS: i32 = 1;
    pub const IP_TTL: i32 = 2;
    pub const IPV6_UNICAST_HOPS: i32 = 16;
    pub const IPV6_TCLASS: i32 = 67;
}

/// How packets of one family are marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// IP_TTL, IPV6_UNICAST_HOPS, where they were set.
    pub hop_limit: Option<u8>,
    /// IP_TOS, IPV6_TCLASS
    pub class: u8,
}

/// How a connection is kept and given up, and how its packets are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// SO_KEEPALIVE
    pub keepalive: bool,
    /// TCP_KEEPIDLE
    pub keepalive_idle: Duration,
    /// TCP_KEEPINTVL
    pub keepalive_interval: Duration,
    /// TCP_KEEPCNT
    pub keepalive_count: u8,
    /// TCP_USER_TIMEOUT, unless it is the system's.
    pub user_timeout: Option<Duration>,
    /// TCP_SYNCNT
    pub syn_count: u8,
    /// TCP_QUICKACK, where it was set.
    pub quickack: Option<bool>,
    /// Of packets of IPv4.
    pub four: Marks,
    /// Of packets of IPv6.
    pub six: Marks,
}

impl Tuning {
    /// The marks of packets to `peer`.
    pub fn marks(&self, peer: IpAddr) -> Marks {
        if peer.is_ipv4() { self.four } else { self.six }
    }

    /// How long connect(2) tries: so many repetitions, each after twice as long a wait as the one before, but at most two
    /// minutes.
    pub fn connect_time(&self) -> Duration {
        (0..=self.syn_count).map(|n| Duration::from_secs(1 << n.min(7)).min(Duration::from_secs(120))).sum()
    }
}

impl Default for Tuning {
    /// Linux's: tcp_keepalive_time, _intvl and _probes, tcp_syn_retries.
    fn default() -> Self {
        Tuning {
            keepalive: false,
            keepalive_idle: Duration::from_secs(7200),
            keepalive_interval: Duration::from_secs(75),
            keepalive_count: 9,
            user_timeout: None,
            syn_count: 6,
            quickack: None,
            four: Marks::default(),
            six: Marks::default(),
        }
    }
}

/// What was set on a socket.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// SO_REUSEADDR
    pub reuse_address: bool,
    /// SO_REUSEPORT
    pub reuse_port: bool,
    /// SO_BROADCAST
    pub broadcast: bool,
    /// SO_DEBUG: nothing is recorded, nor does Linux record anything.
    pub debug: bool,
    /// SO_PRIORITY: remembered; the device has no queues to choose from.
    pub priority: i32,
    /// What a connection has to know.
    pub tuning: Tuning,
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
            debug: false,
            priority: 0,
            tuning: Tuning::default(),
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

/// Reads an option of ip(7), whose value may be one byte long.
pub fn int_or_byte(value: &[u8]) -> Option<i32> {
    int(value).or_else(|| value.first().map(|byte| i32::from(*byte)))
}
