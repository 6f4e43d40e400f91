//! Scheduling: sched_yield(2), sched_setaffinity(2), nice(2) and what is known of policies.

use super::{process_of, with_thread};
use crate::cx::Cx;
use core::sync::atomic::Ordering;
use osv_abi::arg::{Flags, In, Int, Out, Pid, Size, UInt};
use osv_abi::uapi::process::{membarrier as m, sched};
use osv_abi::uapi::time::Timespec;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_task::{Thread, registry};

/// sched_yield(2).
pub fn sched_yield(_cx: &mut Cx<'_>) -> Res<()> {
    osv_sched::yield_now();
    Ok(())
}

/// sched_setaffinity(2).
pub fn sched_setaffinity(cx: &mut Cx<'_>, pid: Pid, len: Size, mask: UserAddr) -> Res<()> {
    let mut bytes = [0; 8];
    // Linux takes an unsigned int.
    let known = (len.0 as u32 as usize).min(bytes.len());
    cx.read_bytes(mask, &mut bytes[..known])?;
    let wanted = u64::from_le_bytes(bytes) & osv_sched::online_mask();
    with_thread(cx.thread(), pid.0, |_| ())?;
    if wanted == 0 {
        return Err(Errno::EINVAL.into());
    }
    with_thread(cx.thread(), pid.0, |thread| thread.entity.set_affinity(wanted))?;
    if wanted & (1 << cx.thread().entity.cpu()) == 0 {
        osv_sched::yield_now();
    }
    Ok(())
}

/// sched_getaffinity(2): gives the bytes written.
pub fn sched_getaffinity(cx: &mut Cx<'_>, pid: Pid, len: Size, mask: UserAddr) -> Res<usize> {
    // Linux takes an unsigned int, of which eight times must have a bit for each CPU.
    let len = len.0 as u32;
    if len.wrapping_mul(8) == 0 || !len.is_multiple_of(8) {
        return Err(Errno::EINVAL.into());
    }
    let cpus = with_thread(cx.thread(), pid.0, |thread| thread.entity.affinity())? & osv_sched::online_mask();
    cx.write_bytes(mask, &cpus.to_le_bytes())?;
    Ok(8)
}

/// The scheduling policy is SCHED_OTHER, SCHED_BATCH or SCHED_IDLE.
pub(super) fn check_policy(policy: i32, priority: i32) -> Result<(), Errno> {
    match policy {
        sched::OTHER | sched::BATCH | sched::IDLE if priority == 0 => Ok(()),
        // Real-time policies are not offered, not even to root.
        sched::FIFO | sched::RR if (1..=99).contains(&priority) => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// Whether the caller may change how `thread` is scheduled: EPERM.
pub(super) fn may_schedule(cx: &Cx<'_>, thread: &Thread) -> Result<(), Errno> {
    let (mine, theirs) = (cx.process().credentials(), thread.process().credentials());
    let same = [theirs.user.real, theirs.user.effective].contains(&mine.user.effective);
    if same || mine.is_privileged() { Ok(()) } else { Err(Errno::EPERM) }
}

/// Changes policy and weight of `thread`: EPERM where it may not be the caller's to change.
pub(super) fn set_policy(cx: &Cx<'_>, thread: &Thread, policy: i32, reset: bool) -> Result<(), Errno> {
    may_schedule(cx, thread)?;
    let (_, had_reset) = thread.attributes.policy();
    if had_reset && !reset && !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM);
    }
    thread.attributes.set_policy(policy, reset);
    thread.attributes.weigh(&thread.entity, thread.process().nice.load(Ordering::Relaxed));
    Ok(())
}

/// sched_setscheduler(2).
pub fn sched_setscheduler(cx: &mut Cx<'_>, pid: Pid, policy: Int, param: In<i32>) -> Res<()> {
    check_pid(pid)?;
    if param.is_null() || policy.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    let priority = param.read(cx)?;
    with_thread(cx.thread(), pid.0, |_| ())?;
    let reset = policy.0 & sched::RESET_ON_FORK != 0;
    let policy = policy.0 & !sched::RESET_ON_FORK;
    check_policy(policy, priority)?;
    Ok(with_thread(cx.thread(), pid.0, |thread| set_policy(cx, thread, policy, reset))??)
}

/// These calls take no negative numbers.
pub(super) fn check_pid(pid: Pid) -> Result<(), Errno> {
    if pid.0 < 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

/// sched_getscheduler(2).
pub fn sched_getscheduler(cx: &mut Cx<'_>, pid: Pid) -> Res<i32> {
    check_pid(pid)?;
    let (policy, reset) = policy_of(cx, pid)?;
    Ok(policy | if reset { sched::RESET_ON_FORK } else { 0 })
}

/// The policy of a thread, or of a process that ended and was not waited for.
pub(super) fn policy_of(cx: &Cx<'_>, pid: Pid) -> Res<(i32, bool)> {
    match with_thread(cx.thread(), pid.0, |thread| thread.attributes.policy()) {
        Err(_) => Ok(process_of(cx.thread(), pid.0)?.last_attributes.policy()),
        found => found,
    }
}

/// sched_setparam(2): of the policy that the thread has.
pub fn sched_setparam(cx: &mut Cx<'_>, pid: Pid, param: In<i32>) -> Res<()> {
    check_pid(pid)?;
    if param.is_null() {
        return Err(Errno::EINVAL.into());
    }
    let priority = param.read(cx)?;
    with_thread(cx.thread(), pid.0, |thread| {
        check_policy(thread.attributes.policy().0, priority)?;
        may_schedule(cx, thread)
    })?
    .map_err(Into::into)
}

/// sched_getparam(2).
pub fn sched_getparam(cx: &mut Cx<'_>, pid: Pid, param: Out<i32>) -> Res<()> {
    check_pid(pid)?;
    if param.is_null() {
        return Err(Errno::EINVAL.into());
    }
    policy_of(cx, pid)?;
    Ok(param.write(cx, &0)?)
}

/// The policy of schedulers loaded at run time; its priorities are known even where there is none.
const SCHED_EXT: i32 = 7;

fn priority_range(policy: i32) -> Result<(i32, i32), Errno> {
    match policy {
        sched::FIFO | sched::RR => Ok((1, 99)),
        sched::OTHER | sched::BATCH | sched::IDLE | sched::DEADLINE | SCHED_EXT => Ok((0, 0)),
        _ => Err(Errno::EINVAL),
    }
}

/// sched_get_priority_max(2).
pub fn sched_get_priority_max(_cx: &mut Cx<'_>, policy: Int) -> Res<i32> {
    Ok(priority_range(policy.0)?.1)
}

/// sched_get_priority_min(2).
pub fn sched_get_priority_min(_cx: &mut Cx<'_>, policy: Int) -> Res<i32> {
    Ok(priority_range(policy.0)?.0)
}

/// sched_rr_get_interval(2): the slice of a thread that competes with one other.
pub fn sched_rr_get_interval(cx: &mut Cx<'_>, pid: Pid, interval: Out<Timespec>) -> Res<()> {
    check_pid(pid)?;
    policy_of(cx, pid)?;
    Ok(interval.write(cx, &osv_sched::policy::slice(1).into())?)
}

const PRIO_PROCESS: i32 = 0;
const PRIO_PGRP: i32 = 1;
const PRIO_USER: i32 = 2;

/// The processes that getpriority(2) means.
pub(super) fn priority_targets(
    cx: &Cx<'_>,
    which: i32,
    who: i32,
) -> Res<alloc::vec::Vec<alloc::sync::Arc<osv_task::Process>>> {
    let list = match which {
        PRIO_PROCESS => alloc::vec![process_of(cx.thread(), who)?],
        PRIO_PGRP => {
            let own = registry::group_and_session(cx.process().pid()).ok_or(Errno::ESRCH)?.0;
            registry::group_members(if who == 0 { own } else { who.cast_unsigned() })
        }
        PRIO_USER => {
            let uid = if who == 0 { cx.process().credentials().user.real } else { who.cast_unsigned() };
            let mut all = registry::processes();
            all.retain(|p| p.pid() != registry::INIT && p.credentials().user.real == uid);
            all
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    if list.is_empty() { Err(Errno::ESRCH.into()) } else { Ok(list) }
}

/// getpriority(2): 20 minus the nice value, as the kernel's call gives it.
pub fn getpriority(cx: &mut Cx<'_>, which: Int, who: Int) -> Res<i32> {
    let targets = priority_targets(cx, which.0, who.0)?;
    let lowest = targets.iter().map(|p| p.nice.load(Ordering::Relaxed)).min();
    Ok(20 - lowest.unwrap_or(0))
}

/// setpriority(2).
pub fn setpriority(cx: &mut Cx<'_>, which: Int, who: Int, nice: Int) -> Res<()> {
    let nice = nice.0.clamp(-20, 19);
    let privileged = cx.process().credentials().is_privileged();
    for process in priority_targets(cx, which.0, who.0)? {
        if nice < process.nice.load(Ordering::Relaxed) && !privileged {
            return Err(Errno::EACCES.into());
        }
        process.nice.store(nice, Ordering::Relaxed);
        for thread in process.threads() {
            thread.attributes.weigh(&thread.entity, nice);
        }
    }
    Ok(())
}

/// getcpu(2).
pub fn getcpu(cx: &mut Cx<'_>, cpu: Out<u32>, node: Out<u32>) -> Res<()> {
    // Both are tried, whatever becomes of the first.
    let first = cpu.write_opt(cx, &(osv_hw::percpu::cpu_index() as u32));
    let second = node.write_opt(cx, &0);
    Ok(first.and(second)?)
}

/// membarrier(2): the private commands interrupt every other CPU.
pub fn membarrier(_cx: &mut Cx<'_>, command: Int, flags: Flags, _cpu: UInt) -> Res<i32> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let offered = m::GLOBAL
        | m::GLOBAL_EXPEDITED
        | m::REGISTER_GLOBAL_EXPEDITED
        | m::PRIVATE_EXPEDITED
        | m::REGISTER_PRIVATE_EXPEDITED;
    match command.0 {
        m::QUERY => Ok(offered),
        m::REGISTER_GLOBAL_EXPEDITED | m::REGISTER_PRIVATE_EXPEDITED => Ok(0),
        m::GLOBAL | m::GLOBAL_EXPEDITED | m::PRIVATE_EXPEDITED => {
            // An interrupt is a barrier on the CPU that takes it.
            osv_hw::smp::call_on(osv_hw::smp::online(), |_| {}, 0);
            Ok(0)
        }
        _ => Err(Errno::EINVAL.into()),
    }
}
