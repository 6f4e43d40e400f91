//! unshare(2), setns(2): there is one namespace of each kind, as in a Linux that was configured without them.

use crate::cx::Cx;
use alloc::sync::Arc;
use osv_abi::Errno;
use osv_abi::arg::{Fd, Flags, ULong};
use osv_abi::uapi::process::clone as flag;
use osv_base::Res;

/// CLONE_NEWTIME, which clone(2) has no bit for.
const NEWTIME: u64 = 0x80;
const NAMESPACES: u64 = flag::NAMESPACES | flag::NEWNS | NEWTIME;

/// unshare(2): what nobody shares needs no copy. What is shared with other threads or processes stays so: EINVAL.
pub fn unshare(cx: &mut Cx<'_>, flags: ULong) -> Res<()> {
    let known = NAMESPACES | flag::THREAD | flag::FS | flag::SIGHAND | flag::VM | flag::FILES | flag::SYSVSEM;
    if flags.0 & !known != 0 {
        return Err(Errno::EINVAL.into());
    }
    if flags.0 & NAMESPACES != 0 {
        let privileged = cx.process().credentials().is_privileged();
        return Err(if privileged { Errno::EINVAL } else { Errno::EPERM }.into());
    }
    let process = cx.process();
    let threads = process.thread_count() > 1;
    let has = |bits| flags.0 & bits != 0;
    let shared = has(flag::THREAD | flag::SIGHAND | flag::VM) && threads
        || has(flag::FS) && (threads || Arc::strong_count(process.fs()) > 1)
        || has(flag::FILES) && (threads || Arc::strong_count(process.fds()) > 1)
        || has(flag::SIGHAND | flag::VM) && Arc::strong_count(&process.actions) > 1
        || has(flag::SYSVSEM) && threads;
    if shared { Err(Errno::EINVAL.into()) } else { Ok(()) }
}

/// setns(2), a stub: no descriptor refers to a namespace.
pub fn setns(cx: &mut Cx<'_>, fd: Fd, _kinds: Flags) -> Res<()> {
    Ok(cx.file(fd).map(drop)?)
}
