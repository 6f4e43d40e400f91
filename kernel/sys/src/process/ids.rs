//! Numbers and credentials: getpid(2), setuid(2), setpgid(2), getgroups(2), capget(2).

use super::{NO_SUCH, process_of};
use crate::cx::Cx;
use alloc::vec::Vec;
use osv_abi::arg::{In, InOut, Int, Out, Pid, UInt};
use osv_abi::uapi::process::{CAP_LAST_CAP, CAP_VERSION_1, CAP_VERSION_2, CAP_VERSION_3, CapData, CapHeader};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_task::creds::{Credentials, Ids};
use osv_task::registry;
use zerocopy::IntoBytes;

/// getpid(2).
pub fn getpid(cx: &mut Cx<'_>) -> Res<u32> {
    Ok(cx.process().pid())
}

/// gettid(2).
pub fn gettid(cx: &mut Cx<'_>) -> Res<u32> {
    Ok(cx.thread().tid())
}

/// getppid(2).
pub fn getppid(cx: &mut Cx<'_>) -> Res<u32> {
    Ok(registry::parent_of(cx.process().pid()))
}

/// getuid(2).
pub fn getuid(cx: &mut Cx<'_>) -> Res<u32> {
    Ok(cx.process().credentials().user.real)
}

/// geteuid(2).
pub fn geteuid(cx: &mut Cx<'_>) -> Res<u32> {
    Ok(cx.process().credentials().user.effective)
}

/// getgid(2).
pub fn getgid(cx: &mut Cx<'_>) -> Res<u32> {
    Ok(cx.process().credentials().group.real)
}

/// getegid(2).
pub fn getegid(cx: &mut Cx<'_>) -> Res<u32> {
    Ok(cx.process().credentials().group.effective)
}

/// An id that a call may leave out by giving -1.
fn optional(id: UInt) -> Option<u32> {
    (id.0 != u32::MAX).then_some(id.0)
}

fn change(cx: &Cx<'_>, change: impl FnOnce(&mut Credentials, bool) -> Result<(), Errno>) -> Res<()> {
    Ok(cx.process().change_credentials(|ids| {
        let privileged = ids.is_privileged();
        change(ids, privileged)
    })?)
}

/// setuid(2).
pub fn setuid(cx: &mut Cx<'_>, id: UInt) -> Res<()> {
    optional(id).ok_or(Errno::EINVAL)?;
    change(cx, |ids, privileged| ids.user.set(id.0, privileged))
}

/// setgid(2).
pub fn setgid(cx: &mut Cx<'_>, id: UInt) -> Res<()> {
    optional(id).ok_or(Errno::EINVAL)?;
    change(cx, |ids, privileged| ids.group.set(id.0, privileged))
}

/// setreuid(2).
pub fn setreuid(cx: &mut Cx<'_>, real: UInt, effective: UInt) -> Res<()> {
    change(cx, |ids, privileged| ids.user.set_two(optional(real), optional(effective), privileged))
}

/// setregid(2).
pub fn setregid(cx: &mut Cx<'_>, real: UInt, effective: UInt) -> Res<()> {
    change(cx, |ids, privileged| ids.group.set_two(optional(real), optional(effective), privileged))
}

/// setresuid(2).
pub fn setresuid(cx: &mut Cx<'_>, real: UInt, effective: UInt, saved: UInt) -> Res<()> {
    change(cx, |ids, privileged| {
        ids.user.set_all(optional(real), optional(effective), optional(saved), privileged)
    })
}

/// setresgid(2).
pub fn setresgid(cx: &mut Cx<'_>, real: UInt, effective: UInt, saved: UInt) -> Res<()> {
    change(cx, |ids, privileged| {
        ids.group.set_all(optional(real), optional(effective), optional(saved), privileged)
    })
}

fn write_three(cx: &Cx<'_>, ids: Ids, real: Out<u32>, effective: Out<u32>, saved: Out<u32>) -> Res<()> {
    real.write(cx, &ids.real)?;
    effective.write(cx, &ids.effective)?;
    Ok(saved.write(cx, &ids.saved)?)
}

/// getresuid(2).
pub fn getresuid(cx: &mut Cx<'_>, real: Out<u32>, effective: Out<u32>, saved: Out<u32>) -> Res<()> {
    write_three(cx, cx.process().credentials().user, real, effective, saved)
}

/// getresgid(2).
pub fn getresgid(cx: &mut Cx<'_>, real: Out<u32>, effective: Out<u32>, saved: Out<u32>) -> Res<()> {
    write_three(cx, cx.process().credentials().group, real, effective, saved)
}

/// setfsuid(2).
pub fn setfsuid(cx: &mut Cx<'_>, id: UInt) -> Res<u32> {
    Ok(cx.process().change_credentials(|ids| {
        let privileged = ids.is_privileged();
        ids.user.set_fs(id.0, privileged)
    }))
}

/// setfsgid(2).
pub fn setfsgid(cx: &mut Cx<'_>, id: UInt) -> Res<u32> {
    Ok(cx.process().change_credentials(|ids| {
        let privileged = ids.is_privileged();
        ids.group.set_fs(id.0, privileged)
    }))
}

/// Most supplementary groups (NGROUPS_MAX).
const GROUPS_MAX: usize = 65_536;

/// getgroups(2).
pub fn getgroups(cx: &mut Cx<'_>, size: Int, list: UserAddr) -> Res<usize> {
    let groups = cx.process().credentials().groups;
    let room = usize::try_from(size.0).map_err(|_| Errno::EINVAL)?;
    if room == 0 {
        return Ok(groups.len());
    }
    if groups.len() > room {
        return Err(Errno::EINVAL.into());
    }
    cx.write_bytes(list, groups.as_bytes())?;
    Ok(groups.len())
}

/// setgroups(2).
pub fn setgroups(cx: &mut Cx<'_>, size: UInt, list: UserAddr) -> Res<()> {
    if !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    let count = size.0 as usize;
    if count > GROUPS_MAX {
        return Err(Errno::EINVAL.into());
    }
    let mut groups: Vec<u32> = alloc::vec![0; count];
    cx.read_bytes(list, groups.as_mut_slice().as_mut_bytes())?;
    cx.process().change_credentials(|ids| ids.groups = groups.into());
    Ok(())
}

/// setpgid(2).
pub fn setpgid(cx: &mut Cx<'_>, pid: Pid, group: Pid) -> Res<()> {
    let caller = cx.process().pid();
    // A group left out is the process's number, which makes a negative one EINVAL, too.
    let group = if group.0 == 0 { pid.0 } else { group.0 };
    let group = u32::try_from(group).map_err(|_| Errno::EINVAL)?;
    let pid = u32::try_from(pid.0).map_err(|_| NO_SUCH)?;
    let pid = if pid == 0 { caller } else { pid };
    Ok(registry::set_group(caller, pid, if group == 0 { pid } else { group })?)
}

/// getpgid(2).
pub fn getpgid(cx: &mut Cx<'_>, pid: Pid) -> Res<u32> {
    let process = process_of(cx.thread(), pid.0)?;
    Ok(registry::group_and_session(process.pid()).ok_or(NO_SUCH)?.0)
}

/// getpgrp(2).
pub fn getpgrp(cx: &mut Cx<'_>) -> Res<u32> {
    getpgid(cx, Pid(0))
}

/// getsid(2).
pub fn getsid(cx: &mut Cx<'_>, pid: Pid) -> Res<u32> {
    let process = process_of(cx.thread(), pid.0)?;
    Ok(registry::group_and_session(process.pid()).ok_or(NO_SUCH)?.1)
}

/// setsid(2).
pub fn setsid(cx: &mut Cx<'_>) -> Res<u32> {
    Ok(registry::new_session(cx.process().pid())?)
}

/// How many [`CapData`] a version has; for an unknown one, the preferred version is written back.
fn cap_words(cx: &Cx<'_>, header: InOut<CapHeader>) -> Result<(CapHeader, usize), Errno> {
    let mut value = header.read(cx)?;
    match value.version {
        CAP_VERSION_1 => Ok((value, 1)),
        CAP_VERSION_2 | CAP_VERSION_3 => Ok((value, 2)),
        _ => {
            value.version = CAP_VERSION_3;
            header.write(cx, &value)?;
            Err(Errno::EINVAL)
        }
    }
}

/// capget(2): user 0 has all capabilities, others have none.
pub fn capget(cx: &mut Cx<'_>, header: InOut<CapHeader>, data: Out<CapData>) -> Res<()> {
    let (value, words) = match cap_words(cx, header) {
        // Asking for the version with no place for the answer is allowed.
        Err(Errno::EINVAL) if data.is_null() => return Ok(()),
        other => other?,
    };
    if value.pid < 0 {
        return Err(Errno::EINVAL.into());
    }
    let process = process_of(cx.thread(), value.pid)?;
    let all = if process.credentials().is_privileged() { (1u64 << (CAP_LAST_CAP + 1)) - 1 } else { 0 };
    for word in 0..words {
        let bits = (all >> (32 * word)) as u32;
        data.index(word).write(cx, &CapData { effective: bits, permitted: bits, inheritable: 0 })?;
    }
    Ok(())
}

/// capset(2): succeeds when it asks for no more than the caller has; what it gives up is not taken away.
pub fn capset(cx: &mut Cx<'_>, header: InOut<CapHeader>, data: In<CapData>) -> Res<()> {
    let (value, words) = cap_words(cx, header)?;
    if value.pid != 0 && value.pid.cast_unsigned() != cx.process().pid() {
        return Err(Errno::EPERM.into());
    }
    let privileged = cx.process().credentials().is_privileged();
    for word in 0..words {
        let wanted = data.index(word).read(cx)?;
        if wanted.effective & !wanted.permitted != 0 || wanted.permitted != 0 && !privileged {
            return Err(Errno::EPERM.into());
        }
    }
    Ok(())
}
