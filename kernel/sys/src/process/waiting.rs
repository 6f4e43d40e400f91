//! wait4(2), waitid(2).

use super::limits::rusage;
use crate::cx::Cx;
use osv_abi::arg::{Fd, Flags, Out, Pid, UInt};
use osv_abi::uapi::process::{Rusage, wait};
use osv_abi::uapi::signal::{Siginfo, code};
use osv_abi::{Errno, UserAddr};
use osv_base::{Fail, Res};
use osv_sync::{Wait, WaitError};
use osv_task::registry::{self, ChildEvent, Kinds, Wanted, Which};
use osv_task::status::Status;

fn wait_for(cx: &Cx<'_>, which: Which, wanted: Wanted, no_hang: bool) -> Res<Option<ChildEvent>> {
    let parent = cx.process();
    let look = || match registry::child_event(parent.pid(), which, wanted) {
        Ok(None) => None,
        Ok(Some(event)) => Some(Ok(Some(event))),
        Err(errno) => Some(Err(Fail::Errno(errno))),
    };
    if no_hang {
        return look().unwrap_or(Ok(None));
    }
    match parent.wait_for_child(Wait::INTERRUPTIBLE, look) {
        Ok(result) => result,
        Err(WaitError::TimedOut | WaitError::Interrupted) => Err(Fail::Interrupted),
    }
}

/// The children that the options mean.
fn meant(cx: &Cx<'_>, options: Flags) -> Wanted {
    let kinds = if options.0 & wait::WALL != 0 {
        Kinds::All
    } else if options.0 & wait::WCLONE != 0 {
        Kinds::Clone
    } else {
        Kinds::Normal
    };
    let made_by = (options.0 & wait::WNOTHREAD != 0).then(|| cx.thread().tid());
    Wanted { made_by, kinds, ..Wanted::ENDS }
}

/// wait4(2).
pub fn wait4(cx: &mut Cx<'_>, pid: Pid, status: Out<i32>, options: Flags, usage: Out<Rusage>) -> Res<u32> {
    let known = wait::WNOHANG | wait::WUNTRACED | wait::WCONTINUED;
    let known = known | wait::WNOTHREAD | wait::WALL | wait::WCLONE;
    if options.0 & !known != 0 {
        return Err(Errno::EINVAL.into());
    }
    let which = match pid.0 {
        i32::MIN => return Err(Errno::ESRCH.into()),
        -1 => Which::Any,
        0 => Which::Group(registry::group_and_session(cx.process().pid()).ok_or(Errno::ECHILD)?.0),
        pid if pid < 0 => Which::Group(pid.unsigned_abs()),
        pid => Which::Pid(pid.cast_unsigned()),
    };
    let wanted = Wanted {
        exited: true,
        stopped: options.0 & wait::WUNTRACED != 0,
        continued: options.0 & wait::WCONTINUED != 0,
        keep: false,
        ..meant(cx, options)
    };
    let Some(event) = wait_for(cx, which, wanted, options.0 & wait::WNOHANG != 0)? else { return Ok(0) };
    status.write_opt(cx, &event.status.0)?;
    usage.write_opt(cx, &rusage(&event.usage))?;
    Ok(event.process.pid())
}

/// waitid(2). The kernel's call has a fifth argument, for the usage. The information is written even when the call
/// fails, as zeros.
pub fn waitid(
    cx: &mut Cx<'_>,
    kind: UInt,
    id: Pid,
    info: UserAddr,
    options: Flags,
    usage: Out<Rusage>,
) -> Res<()> {
    let result = wait_id(cx, kind, id, options);
    if matches!(result, Err(Fail::Interrupted)) {
        return result.map(drop);
    }
    let event = result.as_ref().ok().and_then(Option::as_ref);
    let filled = match event {
        None => Siginfo::new(0, 0),
        Some(event) => {
            let (why, value) = meaning(event.status);
            let uid = event.process.credentials().user.real;
            Siginfo::child(why, event.process.pid(), uid, value, 0, 0)
        }
    };
    if let Some(event) = event {
        usage.write_opt(cx, &rusage(&event.usage))?;
    }
    if !info.is_null() {
        // Only the fields that waitid defines.
        osv_abi::UserMemory::write_bytes(cx, info, &zerocopy::IntoBytes::as_bytes(&filled)[..28])?;
    }
    result.map(drop)
}

fn wait_id(cx: &Cx<'_>, kind: UInt, id: Pid, options: Flags) -> Res<Option<ChildEvent>> {
    let events = wait::WEXITED | wait::WUNTRACED | wait::WCONTINUED;
    let known = events | wait::WNOHANG | wait::WNOWAIT | wait::WNOTHREAD | wait::WALL | wait::WCLONE;
    if options.0 & !known != 0 || options.0 & events == 0 {
        return Err(Errno::EINVAL.into());
    }
    let number = u32::try_from(id.0).map_err(|_| Errno::EINVAL);
    let which = match kind.0 {
        wait::P_ALL => Which::Any,
        wait::P_PID => Which::Pid(number.and_then(|n| if n == 0 { Err(Errno::EINVAL) } else { Ok(n) })?),
        wait::P_PGID => match number? {
            0 => Which::Group(registry::group_and_session(cx.process().pid()).ok_or(Errno::ECHILD)?.0),
            group => Which::Group(group),
        },
        wait::P_PIDFD => Which::Pid(super::pidfd::process(cx, Fd(id.0))?.pid()),
        _ => return Err(Errno::EINVAL.into()),
    };
    let wanted = Wanted {
        exited: options.0 & wait::WEXITED != 0,
        stopped: options.0 & wait::WUNTRACED != 0,
        continued: options.0 & wait::WCONTINUED != 0,
        keep: options.0 & wait::WNOWAIT != 0,
        ..meant(cx, options)
    };
    wait_for(cx, which, wanted, options.0 & wait::WNOHANG != 0)
}

fn meaning(status: Status) -> (i32, i32) {
    if status == Status::CONTINUED {
        return (code::CLD_CONTINUED, osv_abi::uapi::signal::sig::CONT as i32);
    }
    if status.0 & 0xff == 0x7f {
        return (code::CLD_STOPPED, status.0 >> 8);
    }
    match status.signal() {
        Some(signo) => (code::CLD_KILLED, signo as i32),
        None => (code::CLD_EXITED, i32::from(status.code())),
    }
}
