//! Limits and usage: getrlimit(2), prlimit(2), getrusage(2).

use super::process_of;
use crate::cx::Cx;
use core::sync::atomic::Ordering;
use core::time::Duration;
use osv_abi::Errno;
use osv_abi::arg::{In, Int, Out, Pid, UInt};
use osv_abi::uapi::process::{Rlimit, Rusage, rlimit};
use osv_base::Res;
use osv_task::Process;
use osv_task::usage::Usage;

/// getrlimit(2).
pub fn getrlimit(cx: &mut Cx<'_>, resource: UInt, limit: Out<Rlimit>) -> Res<()> {
    let value = cx.process().limits.get(resource.0 as usize)?;
    Ok(limit.write(cx, &value)?)
}

fn set(process: &Process, resource: usize, limit: Rlimit, privileged: bool) -> Result<(), Errno> {
    process.limits.set(resource, limit, privileged)?;
    if resource == rlimit::CPU {
        process.timers.follow_limit(process);
    }
    if let Some(space) = process.space() {
        let which = match resource {
            rlimit::AS => &space.limits.address_space,
            rlimit::DATA => &space.limits.data,
            rlimit::STACK => &space.limits.stack,
            _ => return Ok(()),
        };
        which.store(limit.cur, Ordering::Relaxed);
    }
    Ok(())
}

/// setrlimit(2).
pub fn setrlimit(cx: &mut Cx<'_>, resource: UInt, limit: In<Rlimit>) -> Res<()> {
    let privileged = cx.process().credentials().is_privileged();
    let limit = limit.read(cx)?;
    Ok(set(cx.process(), resource.0 as usize, limit, privileged)?)
}

/// prlimit(2).
pub fn prlimit64(cx: &mut Cx<'_>, pid: Pid, resource: UInt, new: In<Rlimit>, old: Out<Rlimit>) -> Res<()> {
    let new = new.read_opt(cx)?;
    let process = process_of(cx.thread(), pid.0)?;
    let credentials = cx.process().credentials();
    if process.pid() != cx.process().pid() && !credentials.may_signal(&process.credentials()) {
        return Err(Errno::EPERM.into());
    }
    let before = process.limits.get(resource.0 as usize)?;
    if let Some(new) = new {
        set(&process, resource.0 as usize, new, credentials.is_privileged())?;
    }
    Ok(old.write_opt(cx, &before)?)
}

const RUSAGE_SELF: i32 = 0;
const RUSAGE_CHILDREN: i32 = -1;
const RUSAGE_THREAD: i32 = 1;

/// As the application sees it. Time is not divided into user and system time: all of it is user time.
pub(super) fn rusage(usage: &Usage) -> Rusage {
    Rusage {
        utime: Duration::from_nanos(usage.ran_ns).into(),
        maxrss: usage.resident_peak as i64 * 4,
        minflt: usage.faults as i64,
        nvcsw: usage.voluntary as i64,
        nivcsw: usage.involuntary as i64,
        ..Rusage::default()
    }
}

/// getrusage(2).
pub fn getrusage(cx: &mut Cx<'_>, who: Int, usage: Out<Rusage>) -> Res<()> {
    let value = match who.0 {
        RUSAGE_SELF => Usage::of_process(cx.process()),
        RUSAGE_CHILDREN => cx.process().children_usage(),
        RUSAGE_THREAD => {
            let resident_peak = cx.space()?.counts().resident_peak;
            Usage { resident_peak, ..Usage::of_thread(cx.thread()) }
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    Ok(usage.write(cx, &rusage(&value))?)
}
