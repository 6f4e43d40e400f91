//! Other processes' memory and what they share: process_vm_readv(2), process_madvise(2), process_mrelease(2), kcmp(2).

use super::pidfd;
use crate::cx::Cx;
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::ptr;
use osv_abi::arg::{Advice, Fd, Flags, Int, Pid, Size, ULong};
use osv_abi::uapi::IoVec;
use osv_abi::uapi::process::kcmp as k;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_mm::space::AddressSpace;
use osv_sync::Wait;
use osv_task::{Process, registry};
use osv_vfs::OpenFile;

/// The process of the thread `pid`: ESRCH, and EPERM where its memory is not the caller's to see.
fn accessible(cx: &Cx<'_>, pid: i32) -> Result<Arc<Process>, Errno> {
    let tid = u32::try_from(pid).map_err(|_| Errno::ESRCH)?;
    let process =
        registry::process(tid).or_else(|| registry::thread(tid).map(|thread| thread.process().clone()));
    let process = process.ok_or(Errno::ESRCH)?;
    may_access(cx, &process)?;
    Ok(process)
}

fn may_access(cx: &Cx<'_>, process: &Process) -> Result<(), Errno> {
    let same = process.pid() == cx.process().pid();
    let may = same || cx.process().credentials().may_signal(&process.credentials());
    if may && process.pid() != registry::INIT { Ok(()) } else { Err(Errno::EPERM) }
}

/// Bytes that are moved at once.
const CHUNK: usize = 16 << 10;

/// Walks through two lists of buffers in step; `step` moves bytes between the two addresses and says how many.
fn in_step(local: &[IoVec], remote: &[IoVec], mut step: impl FnMut(UserAddr, u64, usize) -> usize) -> usize {
    let (mut local, mut remote) = (local.iter().copied(), remote.iter().copied());
    let (mut here, mut there) = (IoVec::default(), IoVec::default());
    let mut done = 0;
    loop {
        while here.len == 0 {
            let Some(next) = local.next() else { return done };
            here = next;
        }
        while there.len == 0 {
            let Some(next) = remote.next() else { return done };
            there = next;
        }
        let want = (here.len.min(there.len) as usize).min(CHUNK);
        let moved = step(UserAddr(here.base), there.base, want);
        done += moved;
        if moved < want {
            return done;
        }
        for vector in [&mut here, &mut there] {
            vector.base += moved as u64;
            vector.len -= moved as u64;
        }
    }
}

/// The other's buffers: their addresses are looked at when their turn comes.
fn read_remote(cx: &Cx<'_>, addr: UserAddr, count: usize) -> Res<alloc::vec::Vec<IoVec>> {
    use zerocopy::IntoBytes;
    if count > osv_abi::uapi::UIO_MAXIOV {
        return Err(Errno::EINVAL.into());
    }
    let mut vectors = alloc::vec![IoVec::default(); count];
    cx.read_bytes(addr, vectors.as_mut_slice().as_mut_bytes())?;
    if vectors.iter().any(|vector| vector.len.cast_signed() < 0) {
        return Err(Errno::EINVAL.into());
    }
    Ok(vectors)
}

fn process_vm(
    cx: &Cx<'_>,
    pid: Pid,
    local: (UserAddr, ULong),
    remote: (UserAddr, ULong),
    flags: ULong,
    mut step: impl FnMut(&Cx<'_>, &AddressSpace, UserAddr, u64, usize, &mut [u8]) -> usize,
) -> Res<usize> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let mine = cx.read_iovecs(local.0, local.1.0 as u32 as usize)?;
    if mine.iter().all(|vector| vector.len == 0) {
        return Ok(0);
    }
    let theirs = read_remote(cx, remote.0, remote.1.0 as usize)?;
    if theirs.iter().all(|vector| vector.len == 0) {
        return Ok(0);
    }
    let space = accessible(cx, pid.0)?.space().ok_or(Errno::ESRCH)?;
    let mut buffer = alloc::vec![0; CHUNK];
    match in_step(&mine, &theirs, |here, there, len| step(cx, &space, here, there, len, &mut buffer)) {
        0 => Err(Errno::EFAULT.into()),
        done => Ok(done),
    }
}

/// process_vm_readv(2)
pub fn process_vm_readv(
    cx: &mut Cx<'_>,
    pid: Pid,
    local: UserAddr,
    local_count: ULong,
    remote: UserAddr,
    remote_count: ULong,
    flags: ULong,
) -> Res<usize> {
    process_vm(
        cx,
        pid,
        (local, local_count),
        (remote, remote_count),
        flags,
        |cx, space, here, there, len, buffer| {
            let got = space.read(there, &mut buffer[..len]);
            if cx.write_bytes(here, &buffer[..got]).is_ok() { got } else { 0 }
        },
    )
}

/// process_vm_writev(2)
pub fn process_vm_writev(
    cx: &mut Cx<'_>,
    pid: Pid,
    local: UserAddr,
    local_count: ULong,
    remote: UserAddr,
    remote_count: ULong,
    flags: ULong,
) -> Res<usize> {
    process_vm(
        cx,
        pid,
        (local, local_count),
        (remote, remote_count),
        flags,
        |cx, space, here, there, len, buffer| match cx.read_bytes(here, &mut buffer[..len]) {
            Ok(()) => space.write(there, &buffer[..len]),
            Err(_) => 0,
        },
    )
}

/// process_madvise(2): of another process only advice that takes nothing away.
pub fn process_madvise(
    cx: &mut Cx<'_>,
    fd: Fd,
    vectors: UserAddr,
    count: Size,
    advice: Advice,
    flags: Flags,
) -> Res<usize> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let vectors = cx.read_iovecs(vectors, count.0 as u32 as usize)?;
    let process = pidfd::process(cx, fd)?;
    may_access(cx, &process)?;
    let space = process.space().ok_or(Errno::ESRCH)?;
    let own = process.pid() == cx.process().pid();
    if !own && !matches!(advice, Advice::COLD | Advice::PAGEOUT | Advice::WILLNEED) {
        return Err(Errno::EINVAL.into());
    }
    if !own && !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    let mut done = 0;
    for vector in vectors.iter().filter(|vector| vector.len > 0) {
        match space.advise(vector.base, vector.len, advice) {
            Ok(()) => done += vector.len as usize,
            Err(_) if done > 0 => break,
            Err(fail) => return Err(fail),
        }
    }
    Ok(done)
}

/// process_mrelease(2): of a process that is on its way to its end, which is what frees its memory.
pub fn process_mrelease(cx: &mut Cx<'_>, fd: Fd, flags: Flags) -> Res<()> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let process = pidfd::process(cx, fd)?;
    if process.ended().is_some() {
        return Err(Errno::ESRCH.into());
    }
    if process.ending().is_none() {
        return Err(Errno::EINVAL.into());
    }
    let released = || process.space().is_none().then_some(());
    let waited = process.end.waiters.wait_until(Wait::INTERRUPTIBLE, released);
    waited.map_err(|error| error.or_timeout(Errno::EINTR))
}

/// The order that kcmp(2) gives.
fn order<T: ?Sized>(a: *const T, b: *const T) -> i32 {
    match a.cast::<u8>().cmp(&b.cast::<u8>()) {
        Ordering::Equal => 0,
        Ordering::Less => 1,
        Ordering::Greater => 2,
    }
}

/// kcmp(2)
pub fn kcmp(cx: &mut Cx<'_>, first: Pid, second: Pid, kind: Int, a: ULong, b: ULong) -> Res<i32> {
    let [one, other] = [first, second].map(|pid| {
        let tid = u32::try_from(pid.0).map_err(|_| Errno::ESRCH)?;
        let thread = || registry::thread(tid).map(|thread| thread.process().clone());
        registry::process(tid).or_else(thread).ok_or(Errno::ESRCH)
    });
    let (one, other) = (one?, other?);
    may_access(cx, &one)?;
    may_access(cx, &other)?;
    Ok(match kind.0 {
        k::FILE => {
            let open = |process: &Process, fd: ULong| {
                let fd = i32::try_from(fd.0 as u32).map_err(|_| Errno::EBADF)?;
                process.fds().get(fd)
            };
            let (a, b): (Arc<OpenFile>, Arc<OpenFile>) = (open(&one, a)?, open(&other, b)?);
            order(Arc::as_ptr(&a), Arc::as_ptr(&b))
        }
        k::VM => {
            let space = |process: &Process| process.space().map_or(ptr::null(), |space| Arc::as_ptr(&space));
            order(space(&one), space(&other))
        }
        k::FILES => order(Arc::as_ptr(one.fds()), Arc::as_ptr(other.fds())),
        k::FS => order(Arc::as_ptr(one.fs()), Arc::as_ptr(other.fs())),
        k::SIGHAND => order(Arc::as_ptr(&one.actions), Arc::as_ptr(&other.actions)),
        // Nothing is kept for the input and output of a process.
        k::IO => 0,
        // There is a list of what semaphores are to get back only once it was asked for.
        k::SYSVSEM => {
            let list = |process: &Arc<Process>| {
                let asked = osv_ipc::semaphore::has_undo(process.pid());
                if asked { Arc::as_ptr(process) } else { ptr::null() }
            };
            order(list(&one), list(&other))
        }
        _ => return Err(Errno::EINVAL.into()),
    })
}
