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

/// getrlimit(2).
pub fn getrlimit(cx: &mut Cx<'_>, resource: UInt, limit: Out<Rlimit>) -> Res<()> {
    let value = cx.process().limits.get(resource.0 as usize)?;
    Ok(limit.write(cx, &value)?)
}

fn set(process: &Process, resource: usize, limit: Rlimit, privileged: bool) -> Result<(), Errno> {
    process.limits.set(resource, limit, privileged)?;
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

/// The usage of a process. Time is not divided into user and system time: all of it is user time.
pub(super) fn usage_of(process: &Process) -> Rusage {
    let mut usage = Rusage { utime: Duration::from_nanos(process.ran_ns()).into(), ..Rusage::default() };
    for thread in process.threads() {
        let (voluntary, involuntary) = thread.entity.switches();
        usage.nvcsw += voluntary as i64;
        usage.nivcsw += involuntary as i64;
    }
    if let Some(space) = process.space() {
        usage.maxrss = space.counts().resident() as i64 * 4;
    }
    usage
}

/// getrusage(2).
pub fn getrusage(cx: &mut Cx<'_>, who: Int, usage: Out<Rusage>) -> Res<()> {
    let value = match who.0 {
        RUSAGE_SELF => usage_of(cx.process()),
        RUSAGE_CHILDREN => {
            Rusage { utime: Duration::from_nanos(cx.process().children_ran_ns()).into(), ..Rusage::default() }
        }
        RUSAGE_THREAD => {
            let entity = &cx.thread().entity;
            let (voluntary, involuntary) = entity.switches();
            Rusage {
                utime: Duration::from_nanos(entity.ran_ns()).into(),
                nvcsw: voluntary as i64,
                nivcsw: involuntary as i64,
                ..Rusage::default()
            }
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    Ok(usage.write(cx, &value)?)
}
