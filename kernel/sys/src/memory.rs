//! Memory: mmap(2) and kin, over `osv_mm::space`.

mod policy;
mod segments;

pub use policy::*;
pub use segments::*;

use crate::cx::Cx;
use osv_abi::arg::{Fd, Int, Size, ULong};
use osv_abi::uapi::memory::{Advice, LockAllFlags, LockFlags, MapFlags, Prot, RemapFlags, SyncFlags};
use osv_abi::uapi::process::rlimit;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Fail, PAGE_SIZE, Res};
use osv_mm::space::{AddressSpace, Object, SharedMemory};

/// Runs `call` on the caller's address space, with the process's limits.
#[inline]
fn with_space<R>(call: impl FnOnce(&AddressSpace) -> Res<R>) -> Res<R> {
    let current = osv_task::current();
    // Only threads of the kernel have none, and they make no system calls.
    call(current.space().ok_or(Errno::ENOMEM)?)
}

/// mmap(2).
pub fn mmap(
    cx: &mut Cx<'_>,
    addr: UserAddr,
    len: Size,
    prot: Prot,
    flags: MapFlags,
    fd: Fd,
    offset: ULong,
) -> Res<UserAddr> {
    if !offset.0.is_multiple_of(PAGE_SIZE as u64) {
        return Err(Errno::EINVAL.into());
    }
    let object = if flags.contains(MapFlags::ANONYMOUS) {
        None
    } else {
        // EBADF comes before everything that mmap checks of the rest.
        let open = cx.file(fd)?;
        if len.0 as u64 > osv_abi::mem::USER_END {
            return Err(Errno::ENOMEM.into());
        }
        if len.0 == 0 || flags.bits() & 3 == 0 {
            return Err(Errno::EINVAL.into());
        }
        let shared = flags.contains(MapFlags::SHARED);
        let mut writable = !shared || open.writable();
        if !open.readable() || prot.contains(Prot::WRITE) && !writable {
            return Err(Errno::EACCES.into());
        }
        if shared && open.file().is_sealed() {
            if prot.contains(Prot::WRITE) {
                return Err(Errno::EPERM.into());
            }
            writable = false;
        }
        let mut max_prot = Prot::READ | Prot::EXEC;
        max_prot.set(Prot::WRITE, writable);
        if !open.file().maps_zeros() {
            let pager = open.pager().ok_or(Errno::ENODEV)?;
            Some(Object { pager, offset: offset.0, max_prot })
        } else if shared {
            let pager = SharedMemory::new(len.0.next_multiple_of(PAGE_SIZE) as u64);
            Some(Object { pager, offset: 0, max_prot })
        } else {
            None
        }
    };
    with_space(|space| space.map(addr.0, len.0 as u64, prot, flags, object)).map(UserAddr)
}

/// munmap(2).
pub fn munmap(_cx: &mut Cx<'_>, addr: UserAddr, len: Size) -> Res<()> {
    with_space(|space| space.unmap(addr.0, len.0 as u64))
}

/// mprotect(2).
pub fn mprotect(_cx: &mut Cx<'_>, addr: UserAddr, len: Size, prot: Prot) -> Res<()> {
    with_space(|space| space.protect(addr.0, len.0 as u64, prot))
}

/// mseal(2).
pub fn mseal(_cx: &mut Cx<'_>, addr: UserAddr, len: Size, flags: ULong) -> Res<()> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    with_space(|space| space.seal(addr.0, len.0 as u64))
}

/// remap_file_pages(2): what is remapped becomes a mapping of its own.
pub fn remap_file_pages(
    _cx: &mut Cx<'_>,
    addr: UserAddr,
    len: Size,
    prot: ULong,
    page: ULong,
    _flags: ULong,
) -> Res<()> {
    if prot.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    with_space(|space| space.remap_pages(addr.0, len.0 as u64, page.0))
}

/// pkey_mprotect(2): as mprotect(2) for the key -1, which is none; no other was ever given out.
pub fn pkey_mprotect(cx: &mut Cx<'_>, addr: UserAddr, len: Size, prot: Prot, key: Int) -> Res<()> {
    if key.0 == -1 || len.0 == 0 {
        return mprotect(cx, addr, len, prot);
    }
    let page = PAGE_SIZE as u64;
    let end = (len.0 as u64).checked_next_multiple_of(page).and_then(|len| addr.0.checked_add(len));
    if addr.0.is_multiple_of(page) && end.is_none() {
        return Err(Errno::ENOMEM.into());
    }
    Err(Errno::EINVAL.into())
}

/// pkey_alloc(2), a stub: the CPU's protection keys are not switched on, so there are none to give out.
pub fn pkey_alloc(_cx: &mut Cx<'_>, flags: ULong, rights: ULong) -> Res<()> {
    const RIGHTS: u64 = 3;
    if flags.0 == 0 && rights.0 & !RIGHTS == 0 { Ok(()) } else { Err(Errno::EINVAL.into()) }
}

/// brk(2): where the heap ends afterwards, moved or not.
pub fn brk(_cx: &mut Cx<'_>, addr: UserAddr) -> Res<UserAddr> {
    with_space(|space| Ok(UserAddr(space.brk(addr.0))))
}

/// mremap(2).
pub fn mremap(
    _cx: &mut Cx<'_>,
    old: UserAddr,
    old_len: Size,
    new_len: Size,
    flags: RemapFlags,
    new: UserAddr,
) -> Res<UserAddr> {
    with_space(|space| space.remap(old.0, old_len.0 as u64, new_len.0 as u64, flags, new.0)).map(UserAddr)
}

/// msync(2).
pub fn msync(_cx: &mut Cx<'_>, addr: UserAddr, len: Size, flags: SyncFlags) -> Res<()> {
    with_space(|space| space.sync(addr.0, len.0 as u64, flags))
}

/// madvise(2).
pub fn madvise(_cx: &mut Cx<'_>, addr: UserAddr, len: Size, advice: Advice) -> Res<()> {
    with_space(|space| space.advise(addr.0, len.0 as u64, advice))
}

/// mincore(2): the vector is written piece by piece, as Linux does.
pub fn mincore(cx: &mut Cx<'_>, addr: UserAddr, len: Size, vec: UserAddr) -> Res<()> {
    const PIECE: usize = 4096;
    if !addr.0.is_multiple_of(PAGE_SIZE as u64) {
        return Err(Errno::EINVAL.into());
    }
    if !addr.range_ok(len.0) {
        return Err(Errno::ENOMEM.into());
    }
    let pages = len.0.div_ceil(PAGE_SIZE);
    if !vec.range_ok(pages) {
        return Err(Errno::EFAULT.into());
    }
    let mut done = 0;
    while done < pages {
        let count = PIECE.min(pages - done);
        let at = addr.add(done * PAGE_SIZE);
        let bytes = with_space(|space| space.resident(at.0, count))?;
        cx.write_bytes(vec.add(done), &bytes)?;
        done += count;
    }
    Ok(())
}

/// RLIMIT_MEMLOCK, for those whom it binds.
fn lock_limit(cx: &Cx<'_>) -> u64 {
    let process = cx.process();
    if process.credentials().is_privileged() { u64::MAX } else { process.limits.soft(rlimit::MEMLOCK) }
}

/// mlock(2).
pub fn mlock(cx: &mut Cx<'_>, addr: UserAddr, len: Size) -> Res<()> {
    mlock2(cx, addr, len, LockFlags::empty())
}

/// mlock2(2).
pub fn mlock2(cx: &mut Cx<'_>, addr: UserAddr, len: Size, flags: LockFlags) -> Res<()> {
    if !LockFlags::ONFAULT.contains(flags) {
        return Err(Errno::EINVAL.into());
    }
    let limit = lock_limit(cx);
    with_space(|space| space.lock(addr.0, len.0 as u64, flags.contains(LockFlags::ONFAULT), limit))
}

/// munlock(2).
pub fn munlock(_cx: &mut Cx<'_>, addr: UserAddr, len: Size) -> Res<()> {
    with_space(|space| space.unlock(addr.0, len.0 as u64))
}

/// mlockall(2).
pub fn mlockall(cx: &mut Cx<'_>, flags: LockAllFlags) -> Res<()> {
    let known = LockAllFlags::CURRENT | LockAllFlags::FUTURE | LockAllFlags::ONFAULT;
    if flags.is_empty() || !known.contains(flags) || flags == LockAllFlags::ONFAULT {
        return Err(Errno::EINVAL.into());
    }
    let limit = lock_limit(cx);
    if limit == 0 {
        return Err(Fail::Errno(Errno::EPERM));
    }
    with_space(|space| {
        space.lock_all(
            flags.contains(LockAllFlags::CURRENT),
            flags.contains(LockAllFlags::FUTURE),
            flags.contains(LockAllFlags::ONFAULT),
            limit,
        )
    })
}

/// munlockall(2).
pub fn munlockall(_cx: &mut Cx<'_>) -> Res<()> {
    with_space(AddressSpace::unlock_all)
}
