//! New threads and processes, new programs, and the end: clone(2), execve(2), exit(2).

use crate::cx::Cx;
use alloc::vec::Vec;
use osv_abi::arg::{CStrPtr, Fd, Flags, In, Int, PATH_MAX, Size, ULong};
use osv_abi::uapi::process::{CloneArgs, clone as flag};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_task::clone::Request;
use osv_task::{Status, exec, exit as ending};
use osv_vfs::FdFlags;
use zerocopy::{FromZeros, IntoBytes};

/// clone(2), with the argument order of x86-64.
pub fn clone(
    cx: &mut Cx<'_>,
    flags: ULong,
    stack: UserAddr,
    parent_tid: UserAddr,
    child_tid: UserAddr,
    tls: UserAddr,
) -> Res<u32> {
    let request = Request {
        flags: flags.0 & !flag::CSIGNAL & 0xffff_ffff,
        stack: stack.0,
        parent_tid: parent_tid.0,
        child_tid: child_tid.0,
        tls: tls.0,
        exit_signal: (flags.0 & flag::CSIGNAL) as u32,
    };
    if request.flags & flag::PIDFD == 0 {
        return osv_task::clone::clone(cx.frame, &request);
    }
    // It is stored where the TID would be.
    if request.flags & flag::PARENT_SETTID != 0 {
        return Err(Errno::EINVAL.into());
    }
    with_pidfd(cx, &request, parent_tid)
}

/// CLONE_PIDFD: a descriptor of the new process, stored at `to` before the process runs.
fn with_pidfd(cx: &mut Cx<'_>, request: &Request, to: UserAddr) -> Res<u32> {
    if request.flags & (flag::THREAD | flag::DETACHED) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let maker = cx.thread().process().clone();
    let reserved = maker.fds().reserve(FdFlags { cloexec: true }, maker.nofile_limit())?;
    cx.write_bytes(to, &reserved.fd().to_ne_bytes())?;
    let request = Request { flags: request.flags & !flag::PIDFD, ..*request };
    let (pid, process) = osv_task::clone::clone_process(cx.frame, &request)?;
    reserved.fill(super::pidfd::open(process));
    Ok(pid)
}

/// clone3(2).
pub fn clone3(cx: &mut Cx<'_>, args: UserAddr, size: Size) -> Res<u32> {
    // The first version had 64 bytes.
    if size.0 < 64 {
        return Err(Errno::EINVAL.into());
    }
    if size.0 > 4096 {
        return Err(Errno::E2BIG.into());
    }
    let mut request = CloneArgs::new_zeroed();
    let known = size_of::<CloneArgs>().min(size.0);
    cx.read_bytes(args, &mut request.as_mut_bytes()[..known])?;
    let mut rest = [0; 64];
    let mut at = known;
    while at < size.0 {
        // What is not known must be zero.
        let n = rest.len().min(size.0 - at);
        cx.read_bytes(args.add(at), &mut rest[..n])?;
        if rest[..n].iter().any(|&b| b != 0) {
            return Err(Errno::E2BIG.into());
        }
        at += n;
    }
    let threads = flag::THREAD | flag::PARENT;
    if request.flags & (flag::CSIGNAL | flag::DETACHED) != 0
        || request.exit_signal > 64
        || request.flags & threads != 0 && request.exit_signal != 0
        || (request.stack == 0) != (request.stack_size == 0)
        || request.set_tid_size != 0
    {
        return Err(Errno::EINVAL.into());
    }
    let pidfd = request.pidfd;
    let request = Request {
        flags: request.flags,
        stack: request.stack.wrapping_add(request.stack_size),
        parent_tid: request.parent_tid,
        child_tid: request.child_tid,
        tls: request.tls,
        exit_signal: request.exit_signal as u32,
    };
    if request.flags & flag::PIDFD != 0 {
        return with_pidfd(cx, &request, UserAddr(pidfd));
    }
    osv_task::clone::clone(cx.frame, &request)
}

/// fork(2).
pub fn fork(cx: &mut Cx<'_>) -> Res<u32> {
    let request = Request { exit_signal: osv_abi::uapi::signal::sig::CHLD, ..Request::default() };
    osv_task::clone::clone(cx.frame, &request)
}

/// vfork(2).
pub fn vfork(cx: &mut Cx<'_>) -> Res<u32> {
    let exit_signal = osv_abi::uapi::signal::sig::CHLD;
    let request = Request { flags: flag::VM | flag::VFORK, exit_signal, ..Request::default() };
    osv_task::clone::clone(cx.frame, &request)
}

/// Most bytes of arguments and environment that are copied in before the stack's limit is known.
const ARGUMENTS_MAX: usize = 6 << 20;
/// Longest argument (MAX_ARG_STRLEN).
const STRING_MAX: usize = 128 << 10;

/// Copies in an array of strings that ends with NULL.
fn read_strings(cx: &Cx<'_>, array: In<u64>, room: &mut usize) -> Res<Vec<Vec<u8>>> {
    let mut strings = Vec::new();
    if array.is_null() {
        return Ok(strings);
    }
    for at in 0.. {
        let pointer = array.index(at).read(cx)?;
        if pointer == 0 {
            break;
        }
        let mut text = Vec::new();
        let mut from = UserAddr(pointer);
        loop {
            // To the end of the page: what lies behind it need not be mapped.
            let chunk = 4096 - (from.0 & 4095) as usize;
            let old = text.len();
            text.try_reserve(chunk).map_err(|_| Errno::ENOMEM)?;
            text.resize(old + chunk, 0);
            cx.read_bytes(from, &mut text[old..])?;
            if let Some(nul) = text[old..].iter().position(|&b| b == 0) {
                text.truncate(old + nul);
                break;
            }
            if text.len() >= STRING_MAX {
                return Err(Errno::E2BIG.into());
            }
            from = from.add(chunk);
        }
        *room = room.checked_sub(text.len() + 9).ok_or(Errno::E2BIG)?;
        strings.push(text);
    }
    Ok(strings)
}

/// execve(2). Set-user-ID bits are not honoured.
pub fn execve(cx: &mut Cx<'_>, path: CStrPtr, args: In<u64>, env: In<u64>) -> Res<()> {
    execveat(cx, Fd::CWD, path, args, env, Flags(0))
}

const AT_EMPTY_PATH: u32 = 0x1000;
const AT_SYMLINK_NOFOLLOW: u32 = 0x100;

/// execveat(2).
pub fn execveat(
    cx: &mut Cx<'_>,
    dir: Fd,
    path: CStrPtr,
    args: In<u64>,
    env: In<u64>,
    flags: Flags,
) -> Res<()> {
    let program = {
        let mut buf = alloc::vec![0; PATH_MAX];
        let path = path.read(cx, &mut buf)?;
        if flags.0 & !(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 {
            return Err(Errno::EINVAL.into());
        }
        let mut room = ARGUMENTS_MAX;
        let args = read_strings(cx, args, &mut room)?;
        let env = read_strings(cx, env, &mut room)?;
        if path.is_empty() && flags.0 & AT_EMPTY_PATH != 0 {
            let open = cx.process().fds().get(dir.0)?;
            let entry = open.entry().ok_or(Errno::EACCES)?;
            exec::with_caller(cx.process(), |caller| exec::load_entry(caller, entry, &args, &env))?
        } else if path.is_empty() {
            return Err(Errno::ENOENT.into());
        } else {
            let dir = match path.first() {
                Some(b'/') => None,
                _ if dir == Fd::CWD => None,
                _ => Some(cx.process().fds().get(dir.0)?.entry().cloned().ok_or(Errno::ENOTDIR)?),
            };
            let follow = flags.0 & AT_SYMLINK_NOFOLLOW == 0;
            exec::with_caller(cx.process(), |caller| {
                exec::load(caller, dir.as_ref(), path, follow, &args, &env)
            })?
        }
    };
    Err(exec::replace(program))
}

/// exit(2): the calling thread.
pub fn exit(_cx: &mut Cx<'_>, code: Int) -> Res<()> {
    ending::thread(code.0)
}

/// exit_group(2): the process.
pub fn exit_group(_cx: &mut Cx<'_>, code: Int) -> Res<()> {
    ending::group(Status::exited(code.0))
}
