//! The system as a whole.

mod kernel_log;

pub use kernel_log::*;

use crate::cursor::UserSink;
use crate::cx::Cx;
use osv_abi::arg::{CStrPtr, Flags, InBuf, Int, Out, OutBuf, UInt, ULong};
use osv_abi::uapi::system::*;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_base::io::Sink;
use osv_mm::frame;
use osv_sync::SpinLock;
use spin::Once;

/// What uname(2) says the release is: programs take it for Linux's, and compare numbers.
pub const RELEASE: &str = "6.12.0-osv-rs";

/// The machine's name and domain, which sethostname(2) changes.
static NAMES: SpinLock<([u8; 65], [u8; 65])> =
    SpinLock::new((utsname_field(b"osv"), utsname_field(b"(none)")));

/// Sets the machine's name: bring-up does so from the boot configuration.
pub fn set_host_name(name: &[u8]) {
    NAMES.lock().0 = utsname_field(name);
}

/// The machine's name, with NULs to the end.
pub fn host_name() -> [u8; 65] {
    NAMES.lock().0
}

/// uname(2).
pub fn uname(cx: &mut Cx<'_>, buf: Out<Utsname>) -> Res<()> {
    let (nodename, domainname) = *NAMES.lock();
    let value = Utsname {
        // What programs test for before they use the interface that we serve.
        sysname: utsname_field(b"Linux"),
        nodename,
        release: utsname_field(RELEASE.as_bytes()),
        version: utsname_field(concat!("osv-rs ", env!("CARGO_PKG_VERSION")).as_bytes()),
        machine: utsname_field(b"x86_64"),
        domainname,
    };
    Ok(buf.write(cx, &value)?)
}

fn read_name(cx: &Cx<'_>, name: InBuf) -> Res<[u8; 65]> {
    if !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    // Linux takes an int.
    let len = usize::try_from(name.len as u32 as i32).ok().filter(|len| *len <= 64).ok_or(Errno::EINVAL)?;
    let mut field = [0; 65];
    cx.read_bytes(name.addr, &mut field[..len])?;
    Ok(field)
}

/// sethostname(2).
pub fn sethostname(cx: &mut Cx<'_>, name: InBuf) -> Res<()> {
    NAMES.lock().0 = read_name(cx, name)?;
    Ok(())
}

/// setdomainname(2).
pub fn setdomainname(cx: &mut Cx<'_>, name: InBuf) -> Res<()> {
    NAMES.lock().1 = read_name(cx, name)?;
    Ok(())
}

/// sysinfo(2). Load averages are not kept: they are zero.
pub fn sysinfo(cx: &mut Cx<'_>, info: Out<Sysinfo>) -> Res<()> {
    let value = Sysinfo {
        uptime: (osv_hw::clock::now().0 / 1_000_000_000) as i64,
        totalram: frame::total() as u64 * 4096,
        freeram: frame::free_about() as u64 * 4096,
        procs: u16::try_from(osv_task::registry::all_threads().len()).unwrap_or(u16::MAX),
        mem_unit: 1,
        ..Sysinfo::default()
    };
    Ok(info.write(cx, &value)?)
}

/// Bytes that are drawn at a time; a signal is looked for in between.
const CHUNK: usize = 256;

/// getrandom(2). The generator is seeded at boot; should the machine have nothing to seed it with, all but
/// GRND_INSECURE is EAGAIN.
pub fn getrandom(cx: &mut Cx<'_>, buf: OutBuf, flags: Flags) -> Res<usize> {
    if flags.0 & !(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) != 0
        || flags.0 & (GRND_RANDOM | GRND_INSECURE) == GRND_RANDOM | GRND_INSECURE
    {
        return Err(Errno::EINVAL.into());
    }
    if !osv_base::random::is_seeded() && flags.0 & GRND_INSECURE == 0 {
        return Err(Errno::EAGAIN.into());
    }
    let mut to = UserSink::of(OutBuf { len: buf.len.min(crate::cx::MAX_RW_COUNT), ..buf });
    let mut bytes = [0; CHUNK];
    cx.transfer_out(&mut to, |to, before| {
        let mut done = 0;
        while to.remaining() > 0 && !to.faulted() {
            let n = CHUNK.min(to.remaining());
            osv_base::random::fill(&mut bytes[..n]);
            done += to.put(&bytes[..n]);
            if before + done > CHUNK && cx.thread().entity.interrupted() {
                break;
            }
        }
        Ok(done)
    })
}

/// ioperm(2): as iopl(2), for some ports. What was never granted can be taken away.
pub fn ioperm(_cx: &mut Cx<'_>, from: ULong, count: ULong, on: Int) -> Res<()> {
    let end = from.0.checked_add(count.0).filter(|end| *end > from.0 && *end <= 65_536);
    if end.is_none() {
        return Err(Errno::EINVAL.into());
    }
    if on.0 == 0 { Ok(()) } else { Err(Errno::EPERM.into()) }
}

/// What reboot(2) asks of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    /// It stops, for good.
    Off,
    /// It starts anew, where what runs it lets it.
    Restart,
}

static POWER: Once<fn(Power) -> !> = Once::new();

/// Registers what ends the machine. The first registration stays.
pub fn register_power(end: fn(Power) -> !) {
    POWER.call_once(|| end);
}

/// reboot(2)
pub fn reboot(cx: &mut Cx<'_>, magic: UInt, magic2: UInt, operation: UInt, arg: UserAddr) -> Res<()> {
    if !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    if magic.0 != reboot::MAGIC || !reboot::MAGICS.contains(&magic2.0) {
        return Err(Errno::EINVAL.into());
    }
    let power = match operation.0 {
        reboot::HALT | reboot::POWER_OFF => Power::Off,
        reboot::RESTART => Power::Restart,
        reboot::RESTART2 => {
            // A word for the firmware, which nobody here would read.
            let mut word = [0; 256];
            match CStrPtr(arg).read(cx, &mut word) {
                Ok(_) | Err(Errno::ENAMETOOLONG) => Power::Restart,
                Err(errno) => return Err(errno.into()),
            }
        }
        // Whether Ctrl-Alt-Del ends the machine at once; here it always asks the application, as with CAD_OFF.
        reboot::CAD_OFF => return Ok(()),
        _ => return Err(Errno::EINVAL.into()),
    };
    match POWER.get() {
        Some(end) => end(power),
        None => Err(Errno::EINVAL.into()),
    }
}

/// iopl(2): ports are the kernel's, whatever the CPU would allow.
pub fn iopl(_cx: &mut Cx<'_>, level: Int) -> Res<()> {
    if level.0 == 0 { Ok(()) } else { Err(Errno::EPERM.into()) }
}
