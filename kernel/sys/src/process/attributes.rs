//! Attributes of threads and processes: prctl(2), arch_prctl(2), set_tid_address(2), personality(2).

use crate::cx::Cx;
use core::sync::atomic::Ordering;
use osv_abi::arg::{Flags, Int, UInt, ULong};
use osv_abi::uapi::process::{CAP_LAST_CAP, arch_prctl as a, prctl as p};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_task::rseq::{self, Registration};
use osv_task::thread::name_of;

/// set_tid_address(2).
pub fn set_tid_address(cx: &mut Cx<'_>, addr: UserAddr) -> Res<u32> {
    osv_task::current().own().clear_child_tid.set(addr.0);
    Ok(cx.thread().tid())
}

/// arch_prctl(2): the fs base. gs is the kernel's, so asking for it is EPERM.
pub fn arch_prctl(cx: &mut Cx<'_>, code: Int, addr: UserAddr) -> Res<usize> {
    match code.0 {
        a::SET_FS => {
            if !addr.range_ok(1) {
                return Err(Errno::EPERM.into());
            }
            osv_hw::context::set_fs_base(addr.0);
            Ok(0)
        }
        a::GET_FS => {
            cx.write_bytes(addr, &osv_hw::context::current_fs_base().to_le_bytes())?;
            Ok(0)
        }
        a::SET_GS | a::GET_GS => Err(Errno::EPERM.into()),
        // CPUID is not faulted on.
        a::GET_CPUID => Ok(1),
        a::SET_CPUID => Err(Errno::ENODEV.into()),
        _ => Err(Errno::EINVAL.into()),
    }
}

/// rseq(2)
pub fn rseq(_cx: &mut Cx<'_>, area: UserAddr, len: UInt, flags: Flags, signature: UInt) -> Res<()> {
    const UNREGISTER: u32 = 1;
    let given = Registration { addr: area.0, len: len.0, signature: signature.0 };
    match flags.0 {
        0 => rseq::register(given)?,
        UNREGISTER => rseq::unregister(given)?,
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(())
}

/// personality(2): remembered; only ADDR_NO_RANDOMIZE would change anything, and does not yet.
pub fn personality(cx: &mut Cx<'_>, persona: ULong) -> Res<u32> {
    let old = &cx.process().flags.personality;
    if persona.0 as u32 == u32::MAX {
        return Ok(old.load(Ordering::Relaxed));
    }
    Ok(old.swap(persona.0 as u32, Ordering::Relaxed))
}

/// prctl(2).
pub fn prctl(cx: &mut Cx<'_>, option: Int, arg2: ULong, arg3: ULong, arg4: ULong, arg5: ULong) -> Res<u64> {
    let process = cx.process();
    let flags = &process.flags;
    let none = |args: &[ULong]| if args.iter().all(|a| a.0 == 0) { Ok(()) } else { Err(Errno::EINVAL) };
    let flag = || if arg2.0 <= 1 { Ok(arg2.0 == 1) } else { Err(Errno::EINVAL) };
    match option.0 {
        p::SET_NAME => {
            let mut name = [0; 15];
            let mut len = 0;
            while len < name.len() {
                let mut byte = [0];
                cx.read_bytes(UserAddr(arg2.0).add(len), &mut byte)?;
                if byte[0] == 0 {
                    break;
                }
                name[len] = byte[0];
                len += 1;
            }
            cx.thread().set_name(name_of(&name[..len]));
        }
        p::GET_NAME => cx.write_bytes(UserAddr(arg2.0), &cx.thread().name())?,
        p::SET_PDEATHSIG => {
            if arg2.0 > 64 {
                return Err(Errno::EINVAL.into());
            }
            process.parent_death_signal.store(arg2.0 as u32, Ordering::Relaxed);
        }
        p::GET_PDEATHSIG => {
            let signo = process.parent_death_signal.load(Ordering::Relaxed);
            cx.write_bytes(UserAddr(arg2.0), &signo.to_le_bytes())?;
        }
        p::SET_DUMPABLE => flags.dumpable.store(u32::from(flag()?), Ordering::Relaxed),
        p::GET_DUMPABLE => return Ok(flags.dumpable.load(Ordering::Relaxed).into()),
        p::SET_KEEPCAPS => flags.keep_caps.store(flag()?, Ordering::Relaxed),
        p::GET_KEEPCAPS => return Ok(flags.keep_caps.load(Ordering::Relaxed).into()),
        p::SET_NO_NEW_PRIVS => {
            none(&[arg3, arg4, arg5])?;
            if arg2.0 != 1 {
                return Err(Errno::EINVAL.into());
            }
            flags.no_new_privs.store(true, Ordering::Relaxed);
        }
        p::GET_NO_NEW_PRIVS => {
            none(&[arg2, arg3, arg4, arg5])?;
            return Ok(flags.no_new_privs.load(Ordering::Relaxed).into());
        }
        p::SET_CHILD_SUBREAPER => flags.subreaper.store(arg2.0 != 0, Ordering::Relaxed),
        p::GET_CHILD_SUBREAPER => {
            let value = u32::from(flags.subreaper.load(Ordering::Relaxed));
            cx.write_bytes(UserAddr(arg2.0), &value.to_le_bytes())?;
        }
        p::SET_TIMERSLACK => {
            let slack = if arg2.0 == 0 { 50_000 } else { arg2.0 };
            flags.timer_slack.store(slack, Ordering::Relaxed);
        }
        p::GET_TIMERSLACK => return Ok(flags.timer_slack.load(Ordering::Relaxed)),
        p::SET_THP_DISABLE => {
            none(&[arg3, arg4, arg5])?;
            flags.no_huge_pages.store(arg2.0 != 0, Ordering::Relaxed);
        }
        p::GET_THP_DISABLE => {
            none(&[arg2, arg3, arg4, arg5])?;
            return Ok(flags.no_huge_pages.load(Ordering::Relaxed).into());
        }
        // No seccomp filter is ever in force.
        p::GET_SECCOMP => return Ok(0),
        p::CAPBSET_READ => {
            return if arg2.0 <= CAP_LAST_CAP.into() { Ok(1) } else { Err(Errno::EINVAL.into()) };
        }
        p::CAPBSET_DROP => {
            if arg2.0 > CAP_LAST_CAP.into() {
                return Err(Errno::EINVAL.into());
            }
            // What is dropped could never be regained by exec anyway: set-user-ID bits are not honoured.
            if !process.credentials().is_privileged() {
                return Err(Errno::EPERM.into());
            }
        }
        // PR_SET_VMA names anonymous memory; Linux without CONFIG_ANON_VMA_NAME says the same.
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(0)
}
