//! What lies behind pointers, by the type that the row names.

use super::text::{self, STRING_MAX};
use super::{Shown, names};
use crate::mem::{UserAddr, UserMemory};
use crate::uapi::event::EpollEvent;
use crate::uapi::file::{Stat, Statfs, Statx};
use crate::uapi::process::{Rlimit, Rusage};
use crate::uapi::signal::{SIG_DFL, SIG_IGN, SigStack, Sigaction};
use crate::uapi::socket::MsgHdr;
use crate::uapi::system::{Sysinfo, Utsname};
use crate::uapi::time::{Itimerspec, Itimerval, Sigevent, Timespec, Timeval, Timezone};
use core::fmt::{self, from_fn as by};
use zerocopy::{FromBytes, IntoBytes};

/// A value read from the application, or nothing.
pub(super) fn read<T: FromBytes + IntoBytes>(mem: &dyn UserMemory, addr: u64) -> Option<T> {
    let mut value = T::new_zeroed();
    (addr != 0).then_some(())?;
    mem.read_bytes(UserAddr(addr), value.as_mut_bytes()).ok()?;
    Some(value)
}

/// The value at `addr` by `print`, or the address.
pub(super) fn with<T: FromBytes + IntoBytes>(
    f: &mut fmt::Formatter<'_>,
    mem: &dyn UserMemory,
    addr: u64,
    print: impl FnOnce(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    match read::<T>(mem, addr) {
        Some(value) => print(f, &value),
        None => text::address(f, addr),
    }
}

/// Prints an argument of type `kind` if this knows it.
pub(super) fn show(f: &mut fmt::Formatter<'_>, kind: &str, shown: &Shown<'_>) -> Result<bool, fmt::Error> {
    let (mem, addr) = (shown.mem, shown.regs[0]);
    match kind {
        "Fd" if addr as u32 == (-100i32).cast_unsigned() => f.write_str("AT_FDCWD")?,
        "CStrPtr" => text::string(f, mem, addr, crate::arg::PATH_MAX)?,
        "Mode" => text::octal(f, addr as u32)?,
        "Sig" => text::signal(f, u64::from(addr as u32))?,
        "InBuf" => {
            let len = shown.regs.get(1).copied().unwrap_or(0);
            text::buffer(f, mem, addr, len as usize)?;
            write!(f, ", {len}")?;
        }
        "OutBuf" => {
            let len = shown.regs.get(1).copied().unwrap_or(0);
            match shown.ret {
                Some(done @ 0..) => text::buffer(f, mem, addr, done.min(len as isize).max(0) as usize)?,
                _ => text::address(f, addr)?,
            }
            write!(f, ", {len}")?;
        }
        _ => {
            let Some((pointer, pointee)) = kind.split_once('<') else { return Ok(false) };
            let failed = shown.ret.is_some_and(|ret| ret < 0);
            if pointer == "Out" && failed {
                text::address(f, addr)?;
                return Ok(true);
            }
            return value(f, pointee.trim_end_matches('>').trim(), mem, addr);
        }
    }
    Ok(true)
}

/// Prints the value of type `kind` at `addr`.
fn value(
    f: &mut fmt::Formatter<'_>,
    kind: &str,
    mem: &dyn UserMemory,
    addr: u64,
) -> Result<bool, fmt::Error> {
    match kind {
        "i32" => with(f, mem, addr, |f, value: &i32| write!(f, "[{value}]"))?,
        "u32" => with(f, mem, addr, |f, value: &u32| write!(f, "[{value}]"))?,
        "i64" => with(f, mem, addr, |f, value: &i64| write!(f, "[{value}]"))?,
        "u64" => with(f, mem, addr, |f, value: &u64| write!(f, "[{value:#x}]"))?,
        "[i32; 2]" => with(f, mem, addr, |f, [a, b]: &[i32; 2]| write!(f, "[{a}, {b}]"))?,
        "[i64; 2]" => with(f, mem, addr, |f, [a, b]: &[i64; 2]| write!(f, "[{a}, {b}]"))?,
        "Timespec" => with(f, mem, addr, timespec)?,
        "[Timespec; 2]" => with(f, mem, addr, |f, [a, b]: &[Timespec; 2]| {
            write!(f, "[{}, {}]", by(|f| timespec(f, a)), by(|f| timespec(f, b)))
        })?,
        "Timeval" => with(f, mem, addr, timeval)?,
        "[Timeval; 2]" => with(f, mem, addr, |f, [a, b]: &[Timeval; 2]| {
            write!(f, "[{}, {}]", by(|f| timeval(f, a)), by(|f| timeval(f, b)))
        })?,
        "Timezone" => with(f, mem, addr, |f, zone: &Timezone| {
            write!(f, "{{tz_minuteswest={}, tz_dsttime={}}}", zone.minutes_west, zone.dst_time)
        })?,
        "Itimerspec" => with(f, mem, addr, |f, timer: &Itimerspec| {
            let (interval, value) = (by(|f| timespec(f, &timer.interval)), by(|f| timespec(f, &timer.value)));
            write!(f, "{{it_interval={interval}, it_value={value}}}")
        })?,
        "Itimerval" => with(f, mem, addr, |f, timer: &Itimerval| {
            let (interval, value) = (by(|f| timeval(f, &timer.interval)), by(|f| timeval(f, &timer.value)));
            write!(f, "{{it_interval={interval}, it_value={value}}}")
        })?,
        "Sigevent" => with(f, mem, addr, |f, event: &Sigevent| {
            let signal = by(|f| text::signal(f, u64::from(event.signo.cast_unsigned())));
            write!(f, "{{sigev_signo={signal}, sigev_notify={}}}", event.notify)
        })?,
        "Stat" => with(f, mem, addr, stat)?,
        "Statx" => with(f, mem, addr, |f, stat: &Statx| {
            let mode = by(|f| names::file_mode(f, u32::from(stat.mode)));
            write!(f, "{{stx_mask={:#x}, stx_mode={mode}, stx_size={}, ...}}", stat.mask, stat.size)
        })?,
        "Statfs" => with(f, mem, addr, |f, fs: &Statfs| {
            write!(
                f,
                "{{f_type={:#x}, f_bsize={}, f_blocks={}, f_bfree={}, ...}}",
                fs.kind, fs.bsize, fs.blocks, fs.bfree
            )
        })?,
        "Rlimit" => with(f, mem, addr, |f, limit: &Rlimit| {
            let number = |value: u64| {
                by(move |f: &mut fmt::Formatter<'_>| match value {
                    u64::MAX => f.write_str("RLIM64_INFINITY"),
                    _ if value > 1024 && value.is_multiple_of(1024) => write!(f, "{}*1024", value / 1024),
                    _ => write!(f, "{value}"),
                })
            };
            write!(f, "{{rlim_cur={}, rlim_max={}}}", number(limit.cur), number(limit.max))
        })?,
        "Rusage" => with(f, mem, addr, |f, usage: &Rusage| {
            let (user, system) = (by(|f| timeval(f, &usage.utime)), by(|f| timeval(f, &usage.stime)));
            write!(f, "{{ru_utime={user}, ru_stime={system}, ...}}")
        })?,
        "Sysinfo" => with(f, mem, addr, |f, info: &Sysinfo| {
            write!(
                f,
                "{{uptime={}, totalram={}, freeram={}, procs={}, ...}}",
                info.uptime, info.totalram, info.freeram, info.procs
            )
        })?,
        "Utsname" => with(f, mem, addr, |f, name: &Utsname| {
            let field = |bytes: &[u8]| -> usize { bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()) };
            let (system, node) =
                (&name.sysname[..field(&name.sysname)], &name.nodename[..field(&name.nodename)]);
            let (system, node) = (by(|f| text::quoted(f, system)), by(|f| text::quoted(f, node)));
            write!(f, "{{sysname={system}, nodename={node}, ...}}")
        })?,
        "EpollEvent" => with(f, mem, addr, epoll_event)?,
        "Sigaction" => with(f, mem, addr, |f, action: &Sigaction| {
            let handler = by(|f: &mut fmt::Formatter<'_>| match action.handler {
                SIG_DFL => f.write_str("SIG_DFL"),
                SIG_IGN => f.write_str("SIG_IGN"),
                handler => write!(f, "{handler:#x}"),
            });
            let mask = by(|f| text::signal_set(f, action.mask));
            let flags = by(|f| text::bits(f, action.flags, names::SIGACTION, "0"));
            write!(f, "{{sa_handler={handler}, sa_mask={mask}, sa_flags={flags}")?;
            if action.restorer != 0 {
                write!(f, ", sa_restorer={:#x}}}", action.restorer)
            } else {
                f.write_str("}")
            }
        })?,
        "SigStack" => with(f, mem, addr, |f, stack: &SigStack| {
            let flags = by(|f| text::bits(f, u64::from(stack.flags), names::SIGSTACK, "0"));
            write!(f, "{{ss_sp={:?}, ss_flags={flags}, ss_size={}}}", UserAddr(stack.sp), stack.size)
        })?,
        "MsgHdr" => with(f, mem, addr, |f, message: &MsgHdr| {
            let name = by(|f| names::socket_address(f, mem, message.name, message.name_len as usize));
            let vectors = by(|f| iovecs(f, mem, message.iov, message.iov_len, usize::MAX));
            write!(
                f,
                "{{msg_name={name}, msg_namelen={}, msg_iov={vectors}, msg_iovlen={}, msg_controllen={}, msg_flags={:#x}}}",
                message.name_len, message.iov_len, message.control_len, message.flags
            )
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}

pub(super) fn timespec(f: &mut fmt::Formatter<'_>, time: &Timespec) -> fmt::Result {
    match time.nsec {
        0x3fff_ffff => f.write_str("UTIME_NOW"),
        0x3fff_fffe => f.write_str("UTIME_OMIT"),
        _ => write!(f, "{{tv_sec={}, tv_nsec={}}}", time.sec, time.nsec),
    }
}

fn timeval(f: &mut fmt::Formatter<'_>, time: &Timeval) -> fmt::Result {
    write!(f, "{{tv_sec={}, tv_usec={}}}", time.sec, time.usec)
}

fn stat(f: &mut fmt::Formatter<'_>, stat: &Stat) -> fmt::Result {
    let mode = by(|f| names::file_mode(f, stat.mode));
    write!(f, "{{st_mode={mode}, ")?;
    match stat.rdev {
        0 => write!(f, "st_size={}, ...}}", stat.size),
        device => {
            let (major, minor) = (crate::uapi::file::major(device), crate::uapi::file::minor(device));
            write!(f, "st_rdev=makedev({major:#x}, {minor:#x}), ...}}")
        }
    }
}

pub(super) fn epoll_event(f: &mut fmt::Formatter<'_>, event: &EpollEvent) -> fmt::Result {
    let (events, data) = (event.events, event.data);
    let events = by(|f| text::bits(f, u64::from(events), names::EPOLL_EVENTS, "0"));
    write!(f, "{{events={events}, data={data:#x}}}")
}

/// Most elements of an array that are shown.
const ELEMENTS_MAX: usize = 16;

/// `[one, two]` with the value of each of `count` elements of `size` bytes at `addr`; the address if there is none.
pub(super) fn array(
    f: &mut fmt::Formatter<'_>,
    addr: u64,
    count: usize,
    size: usize,
    mut element: impl FnMut(&mut fmt::Formatter<'_>, u64) -> fmt::Result,
) -> fmt::Result {
    if addr == 0 {
        return f.write_str("NULL");
    }
    f.write_str("[")?;
    for at in 0..count.min(ELEMENTS_MAX) {
        if at > 0 {
            f.write_str(", ")?;
        }
        element(f, UserAddr(addr).add(at * size).0)?;
    }
    f.write_str(if count > ELEMENTS_MAX { ", ...]" } else { "]" })
}

/// The buffers of readv(2) and kin, of whose bytes `valid` are worth showing.
pub(super) fn iovecs(
    f: &mut fmt::Formatter<'_>,
    mem: &dyn UserMemory,
    addr: u64,
    count: u64,
    valid: usize,
) -> fmt::Result {
    let mut left = valid;
    array(f, addr, count.min(1024) as usize, 16, |f, at| {
        with(f, mem, at, |f, [base, len]: &[u64; 2]| {
            let shown = left.min(*len as usize);
            left -= shown;
            let base = by(|f: &mut fmt::Formatter<'_>| match shown {
                0 if *len > 0 => text::address(f, *base),
                _ => text::buffer(f, mem, *base, shown),
            });
            write!(f, "{{iov_base={base}, iov_len={len}}}")
        })
    })
}

/// The strings of an argument vector.
pub(super) fn strings(f: &mut fmt::Formatter<'_>, mem: &dyn UserMemory, addr: u64) -> fmt::Result {
    let count = count_strings(mem, addr).unwrap_or(0);
    array(f, addr, count, 8, |f, at| {
        with(f, mem, at, |f, pointer: &u64| text::string(f, mem, *pointer, STRING_MAX))
    })
}

/// How many pointers come before NULL; `None` where they cannot be read.
pub(super) fn count_strings(mem: &dyn UserMemory, addr: u64) -> Option<usize> {
    if addr == 0 {
        return None;
    }
    for count in 0..0x1_0000 {
        let mut pointer = 0u64;
        mem.read_bytes(UserAddr(addr).add(count * 8), pointer.as_mut_bytes()).ok()?;
        if pointer == 0 {
            return Some(count);
        }
    }
    None
}
