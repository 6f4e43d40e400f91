//! sched_setattr(2), sched_getattr(2).

use super::scheduling::{check_pid, check_policy, set_policy};
use super::with_thread;
use crate::cx::Cx;
use core::sync::atomic::Ordering;
use osv_abi::arg::{Flags, Pid, UInt};
use osv_abi::uapi::process::{SchedAttr, sched};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use zerocopy::{FromZeros, IntoBytes};

/// Length of the first version of the structure.
const FIRST: usize = 48;
const LONGEST: usize = 4096;

const RESET_ON_FORK: u64 = 1;
const KEEP_POLICY: u64 = 8;
const KEEP_PARAMS: u64 = 0x10;
/// All flags that Linux knows.
const KNOWN: u64 = 0x7f;
/// Those that ask for bounds of a CPU's speed, which nobody sets here.
const UTIL_CLAMP: u64 = 0x60;

/// Copies in a structure that may be of another version: E2BIG where it holds what is not known here.
fn read(cx: &Cx<'_>, at: UserAddr) -> Res<SchedAttr> {
    let mut attr = SchedAttr::new_zeroed();
    cx.read_bytes(at, &mut attr.as_mut_bytes()[..4])?;
    let size = match attr.size as usize {
        0 => FIRST,
        size => size,
    };
    let known = size_of::<SchedAttr>();
    let refuse = |cx: &Cx<'_>| {
        cx.write_bytes(at, &(known as u32).to_ne_bytes())?;
        Err(Errno::E2BIG)
    };
    if !(FIRST..=LONGEST).contains(&size) {
        return Ok(refuse(cx)?);
    }
    let mut done = known.min(size);
    cx.read_bytes(at, &mut attr.as_mut_bytes()[..done])?;
    let mut rest = [0; 64];
    while done < size {
        let n = rest.len().min(size - done);
        cx.read_bytes(at.add(done), &mut rest[..n])?;
        if rest[..n].iter().any(|&byte| byte != 0) {
            return Ok(refuse(cx)?);
        }
        done += n;
    }
    if attr.flags & UTIL_CLAMP != 0 && size < known {
        return Err(Errno::EINVAL.into());
    }
    Ok(attr)
}

/// sched_setattr(2): as sched_setscheduler(2), and the nice value.
pub fn sched_setattr(cx: &mut Cx<'_>, pid: Pid, attr: UserAddr, flags: Flags) -> Res<()> {
    if attr.is_null() || pid.0 < 0 || flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let attr = read(cx, attr)?;
    if attr.policy.cast_signed() < 0 && attr.flags & KEEP_POLICY == 0 {
        return Err(Errno::EINVAL.into());
    }
    let nice = attr.nice.clamp(-20, 19);
    let privileged = cx.process().credentials().is_privileged();
    with_thread(cx.thread(), pid.0, |thread| {
        let (now, _) = thread.attributes.policy();
        let policy = if attr.flags & KEEP_POLICY != 0 { now } else { attr.policy.cast_signed() };
        if attr.flags & !KNOWN != 0 {
            return Err(Errno::EINVAL);
        }
        if attr.flags & UTIL_CLAMP != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        // A deadline takes a budget, which nobody keeps.
        if policy == sched::DEADLINE {
            return Err(Errno::EPERM);
        }
        check_policy(policy, attr.priority.cast_signed())?;
        let process = thread.process();
        let keeps_nice = attr.flags & KEEP_PARAMS != 0;
        if !keeps_nice && nice < process.nice.load(Ordering::Relaxed) && !privileged {
            return Err(Errno::EPERM);
        }
        set_policy(cx, thread, policy, attr.flags & RESET_ON_FORK != 0)?;
        if !keeps_nice {
            process.nice.store(nice, Ordering::Relaxed);
            for thread in process.threads() {
                thread.attributes.weigh(&thread.entity, nice);
            }
        }
        Ok(())
    })?
    .map_err(Into::into)
}

/// sched_getattr(2)
pub fn sched_getattr(cx: &mut Cx<'_>, pid: Pid, to: UserAddr, size: UInt, flags: Flags) -> Res<()> {
    let size = size.0 as usize;
    if to.is_null() || !(FIRST..=LONGEST).contains(&size) || flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    check_pid(pid)?;
    let attr = with_thread(cx.thread(), pid.0, |thread| {
        let (policy, reset) = thread.attributes.policy();
        SchedAttr {
            size: size.min(size_of::<SchedAttr>()) as u32,
            policy: policy.cast_unsigned(),
            flags: if reset { RESET_ON_FORK } else { 0 },
            nice: thread.process().nice.load(Ordering::Relaxed),
            ..SchedAttr::default()
        }
    })?;
    let known = size.min(size_of::<SchedAttr>());
    cx.write_bytes(to, &attr.as_bytes()[..known])?;
    // Zeros for what a later version may hold.
    for at in known..size {
        cx.write_bytes(to.add(at), &[0])?;
    }
    Ok(())
}
