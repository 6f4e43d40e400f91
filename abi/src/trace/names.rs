//! What a bare integer means in its place: the names of flags and values, and the few arguments whose meaning
//! depends on another.

mod lists;

pub(super) use lists::*;

use super::Shown;
use super::text::{self, Names, STRING_MAX};
use super::values::{self, with};
use crate::mem::{UserAddr, UserMemory};
use crate::uapi::event::{EpollEvent, PollFd};
use crate::uapi::file::{fcntl, mode, open};
use crate::uapi::process::{CloneArgs, arch_prctl, futex, prctl};
use crate::uapi::signal::Siginfo;
use core::fmt::{self, from_fn as by};
use core::net::{Ipv4Addr, Ipv6Addr};

/// What an argument means.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// Bits with names; the text for none.
    Bits(&'static Names, &'static str),
    /// One of these values.
    Value(&'static Names),
    /// Bits beside one of several values in the low bits of the mask.
    Mixed(u64, &'static Names, &'static Names),
    /// O_*; the access mode is a value, the rest are bits.
    Open,
    /// clone(2): flags and a signal.
    Clone,
    /// clone3(2): a structure.
    CloneArgs,
    /// A futex operation.
    Futex,
    /// What a futex operation has for a timeout.
    FutexTimeout,
    /// A number in hexadecimal.
    Hex,
    /// A `sockaddr` that the call reads: two registers.
    Address,
    /// A `sockaddr` that the call fills; its length's pointer is next.
    AddressOut,
    /// The iovecs of a call that reads them; their number is next.
    Vectors,
    /// The iovecs of a call that fills them.
    VectorsOut,
    /// argv.
    Strings,
    /// envp.
    Environment,
    /// A filled buffer that ends with NUL: two registers.
    Text,
    /// A signal mask that the call reads.
    Mask,
    /// A signal mask that the call fills.
    MaskOut,
    /// A `siginfo_t` that the call fills.
    InfoOut,
    /// The status of wait4(2).
    Status,
    /// `struct pollfd`s, their number next.
    Poll,
    /// `struct epoll_event`s that the call fills.
    Events,
    /// What a command takes.
    FcntlArgument,
    /// What an option takes.
    PrctlArgument,
    /// The name of a socket option, its level before it.
    SocketOption,
    /// A value of a socket option: two registers.
    OptionIn,
    /// A value of a socket option that the call fills, its length's pointer next.
    OptionOut,
}

impl Meaning {
    /// The values that have names here, and whether they are bits to be combined (`bits`) or exclude each other
    /// (`value`).
    pub fn values(self) -> Option<(&'static str, &'static Names)> {
        match self {
            Self::Bits(names, _) => Some(("bits", names)),
            Self::Value(names) => Some(("value", names)),
            Self::Mixed(_, values, _) => Some(("bits", values)),
            Self::Open => Some(("bits", OPEN)),
            Self::Clone => Some(("bits", CLONE)),
            Self::Futex => Some(("value", FUTEX)),
            Self::SocketOption => Some(("value", SOCKET_OPTION)),
            _ => None,
        }
    }

    /// Whether there is nothing to show before the call.
    pub(super) fn is_filled(self) -> bool {
        matches!(
            self,
            Self::AddressOut
                | Self::VectorsOut
                | Self::Text
                | Self::MaskOut
                | Self::InfoOut
                | Self::Status
                | Self::Poll
                | Self::Events
                | Self::OptionOut
        )
    }

    pub(super) fn show(self, f: &mut fmt::Formatter<'_>, shown: &Shown<'_>) -> fmt::Result {
        let (mem, value) = (shown.mem, shown.regs[0]);
        let next = shown.regs.get(1).copied().unwrap_or(0);
        let int = u64::from(value as u32);
        let failed = shown.ret.is_some_and(|ret| ret < 0);
        match self {
            Self::Bits(names, none) => text::bits(f, int, names, none),
            Self::Value(names) => text::name_of(f, int, names),
            Self::Mixed(mask, values, bits) => {
                text::name_of(f, int & mask, values)?;
                match int & !mask {
                    0 => Ok(()),
                    rest => write!(f, "|{}", by(|f| text::bits(f, rest, bits, "0"))),
                }
            }
            Self::Open => open_flags(f, int),
            Self::Clone => {
                let signal = by(|f: &mut fmt::Formatter<'_>| match value & 0xff {
                    0 => Ok(()),
                    signo => write!(
                        f,
                        "{}{}",
                        if value & !0xff == 0 { "" } else { "|" },
                        by(|f| text::signal(f, signo))
                    ),
                });
                write!(
                    f,
                    "{}{signal}",
                    by(|f| text::bits(f, value & !0xff, CLONE, if value == 0 { "0" } else { "" }))
                )
            }
            Self::CloneArgs => with(f, mem, value, |f, args: &CloneArgs| {
                let flags = by(|f| text::bits(f, args.flags, CLONE, "0"));
                let signal = by(|f| text::signal(f, args.exit_signal));
                write!(
                    f,
                    "{{flags={flags}, exit_signal={signal}, stack={:?}, stack_size={:#x}, ...}}",
                    UserAddr(args.stack),
                    args.stack_size
                )
            }),
            Self::Futex => {
                let command = int & !u64::from(futex::PRIVATE_FLAG | futex::CLOCK_REALTIME);
                text::name_of(f, command, FUTEX)?;
                f.write_str(if int & u64::from(futex::PRIVATE_FLAG) != 0 { "_PRIVATE" } else { "" })?;
                f.write_str(if int & u64::from(futex::CLOCK_REALTIME) != 0 {
                    "|FUTEX_CLOCK_REALTIME"
                } else {
                    ""
                })
            }
            Self::FutexTimeout => {
                let command = shown.all[1] as u32 & !(futex::PRIVATE_FLAG | futex::CLOCK_REALTIME);
                match command {
                    futex::WAIT
                    | futex::WAIT_BITSET
                    | futex::LOCK_PI
                    | futex::LOCK_PI2
                    | futex::WAIT_REQUEUE_PI => with(f, mem, value, values::timespec),
                    _ => write!(f, "{value}"),
                }
            }
            Self::Hex if value == 0 => f.write_str("0"),
            Self::Hex => write!(f, "{value:#x}"),
            Self::Address => {
                socket_address(f, mem, value, next as usize)?;
                write!(f, ", {next}")
            }
            Self::AddressOut => match values::read::<u32>(mem, next) {
                Some(len) if !failed => socket_address(f, mem, value, len as usize),
                _ => text::address(f, value),
            },
            Self::Vectors => values::iovecs(f, mem, value, next, usize::MAX),
            Self::VectorsOut => values::iovecs(f, mem, value, next, shown.ret.unwrap_or(0).max(0) as usize),
            Self::Strings => values::strings(f, mem, value),
            Self::Environment => match values::count_strings(mem, value) {
                Some(count) => write!(f, "{value:#x} /* {count} vars */"),
                None => text::address(f, value),
            },
            Self::Text => {
                if failed {
                    text::address(f, value)?
                } else {
                    text::string(f, mem, value, next.min(4096) as usize)?
                }
                write!(f, ", {next}")
            }
            Self::MaskOut if failed => text::address(f, value),
            Self::Mask | Self::MaskOut => with(f, mem, value, |f, set: &u64| text::signal_set(f, *set)),
            Self::InfoOut if failed => text::address(f, value),
            Self::InfoOut => {
                with(f, mem, value, |f, info: &Siginfo| write!(f, "{}", super::signals::info(info)))
            }
            Self::Status if failed || shown.ret == Some(0) => text::address(f, value),
            Self::Status => with(f, mem, value, |f, status: &i32| wait_status(f, *status)),
            Self::Poll => values::array(f, value, next.min(1 << 16) as usize, 8, |f, at| {
                with(f, mem, at, |f, poll: &PollFd| {
                    let events =
                        |bits: i16| by(move |f| text::bits(f, u64::from(bits.cast_unsigned()), POLL, "0"));
                    write!(f, "{{fd={}, events={}", poll.fd, events(poll.events))?;
                    if poll.revents != 0 {
                        write!(f, ", revents={}", events(poll.revents))?
                    }
                    f.write_str("}")
                })
            }),
            Self::Events => match shown.ret {
                Some(count @ 0..) => values::array(f, value, count.unsigned_abs(), 12, |f, at| {
                    with(f, mem, at, |f, event: &EpollEvent| values::epoll_event(f, event))
                }),
                _ => text::address(f, value),
            },
            Self::FcntlArgument => match shown.all[1] as u32 {
                fcntl::SETFL => open_flags(f, int),
                fcntl::SETFD => text::bits(f, int, FD_FLAGS, "0"),
                fcntl::DUPFD | fcntl::DUPFD_CLOEXEC => write!(f, "{value}"),
                _ => text::address(f, value),
            },
            Self::PrctlArgument => match shown.all[0] as u32 as i32 {
                prctl::SET_NAME => text::string(f, mem, value, 16),
                prctl::SET_PDEATHSIG => text::signal(f, value),
                _ => text::address(f, value),
            },
            Self::SocketOption => match shown.all[1] {
                1 => text::name_of(f, int, SOCKET_OPTION),
                6 => text::name_of(f, int, TCP_OPTION),
                _ => write!(f, "{}", int as i32),
            },
            Self::OptionIn => {
                if next == 4 {
                    with(f, mem, value, |f, value: &i32| write!(f, "[{value}]"))?;
                } else {
                    text::buffer(f, mem, value, next as usize)?;
                }
                write!(f, ", {next}")
            }
            Self::OptionOut => match values::read::<u32>(mem, next) {
                Some(4) if !failed => with(f, mem, value, |f, value: &i32| write!(f, "[{value}]")),
                Some(len) if !failed => text::buffer(f, mem, value, len as usize),
                _ => text::address(f, value),
            },
        }
    }
}

/// What argument `arg` of call `row` means, where its type does not say.
pub fn meaning(row: &str, arg: &str) -> Option<Meaning> {
    let found = MEANINGS
        .iter()
        .find(|(rows, name, _)| *name == arg && rows.split_ascii_whitespace().any(|known| known == row));
    found.map(|(_, _, meaning)| *meaning)
}

fn open_flags(f: &mut fmt::Formatter<'_>, flags: u64) -> fmt::Result {
    let access = match flags as u32 & open::ACCMODE {
        open::RDONLY => "O_RDONLY",
        open::WRONLY => "O_WRONLY",
        open::RDWR => "O_RDWR",
        _ => "O_ACCMODE",
    };
    f.write_str(access)?;
    match flags & !u64::from(open::ACCMODE) {
        0 => Ok(()),
        rest => write!(f, "|{}", by(|f| text::bits(f, rest, OPEN, "0"))),
    }
}

/// A file's type and permissions.
pub(super) fn file_mode(f: &mut fmt::Formatter<'_>, bits: u32) -> fmt::Result {
    text::name_of(f, u64::from(bits & mode::IFMT), FILE_TYPE)?;
    f.write_str("|")?;
    text::octal(f, bits & !mode::IFMT)
}

/// How a child ended.
fn wait_status(f: &mut fmt::Formatter<'_>, status: i32) -> fmt::Result {
    let (low, high) = (status & 0x7f, status >> 8 & 0xff);
    let signal = |signo: i32| by(move |f| text::signal(f, u64::from(signo.cast_unsigned())));
    match low {
        0 => write!(f, "[{{WIFEXITED(s) && WEXITSTATUS(s) == {high}}}]"),
        0x7f if status == 0xffff => f.write_str("[{WIFCONTINUED(s)}]"),
        0x7f => write!(f, "[{{WIFSTOPPED(s) && WSTOPSIG(s) == {}}}]", signal(high)),
        signo => {
            let core = if status & 0x80 != 0 { " && WCOREDUMP(s)" } else { "" };
            write!(f, "[{{WIFSIGNALED(s) && WTERMSIG(s) == {}{core}}}]", signal(signo))
        }
    }
}

/// A socket's address.
pub(super) fn socket_address(
    f: &mut fmt::Formatter<'_>,
    mem: &dyn UserMemory,
    addr: u64,
    len: usize,
) -> fmt::Result {
    let mut bytes = [0u8; 128];
    let len = len.min(bytes.len());
    if addr == 0 || len < 2 || mem.read_bytes(UserAddr(addr), &mut bytes[..len]).is_err() {
        return text::address(f, addr);
    }
    let family = u16::from_le_bytes([bytes[0], bytes[1]]);
    write!(f, "{{sa_family={}", by(|f| text::name_of(f, u64::from(family), FAMILY)))?;
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    match family {
        1 => {
            let name = &bytes[2..len];
            match name.first() {
                Some(0) if len > 2 => {
                    write!(f, ", sun_path=@{}", by(|f| text::quoted(f, &name[1..])))?;
                }
                Some(_) => {
                    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
                    write!(f, ", sun_path={}", by(|f| text::quoted(f, &name[..end])))?;
                }
                None => {}
            }
        }
        2 if len >= 8 => {
            let address = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
            write!(f, ", sin_port=htons({port}), sin_addr=inet_addr(\"{address}\")")?;
        }
        10 if len >= 24 => {
            let mut octets = [0; 16];
            octets.copy_from_slice(&bytes[8..24]);
            write!(f, ", sin6_port=htons({port}), sin6_addr={}", Ipv6Addr::from(octets))?;
        }
        _ => {
            write!(f, ", sa_data={}", by(|f| text::quoted(f, &bytes[2..len.min(2 + STRING_MAX)])))?;
        }
    }
    f.write_str("}")
}

/// What `arch_prctl` codes are called.
pub(super) const ARCH_PRCTL: &Names = &[
    ("ARCH_SET_GS", arch_prctl::SET_GS as u64),
    ("ARCH_SET_FS", arch_prctl::SET_FS as u64),
    ("ARCH_GET_FS", arch_prctl::GET_FS as u64),
    ("ARCH_GET_GS", arch_prctl::GET_GS as u64),
    ("ARCH_GET_CPUID", arch_prctl::GET_CPUID as u64),
    ("ARCH_SET_CPUID", arch_prctl::SET_CPUID as u64),
    ("ARCH_CET_STATUS", arch_prctl::CET_STATUS as u64),
];

/// The rows and arguments that have a meaning here.
#[cfg(test)]
pub(super) fn places() -> impl Iterator<Item = (&'static str, &'static str)> {
    MEANINGS.iter().map(|(rows, arg, _)| (*rows, *arg))
}
