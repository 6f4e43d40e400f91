//! fcntl(2), ioctl(2), flock(2).

use super::{dnotify, lease, signals};
use crate::cx::Cx;
use alloc::sync::Arc;
use osv_abi::arg::{Fd, In, InOut, Int, Out, UInt, ULong};
use osv_abi::uapi::event::memfd;
use osv_abi::uapi::file::{Flock, fcntl as f, ioctl as i, open as o, owner};
use osv_abi::uapi::termios::request;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_event::Pipe;
use osv_fs::ram::Node;
use osv_tty::{Master, TtyFile};
use osv_vfs::locks::{self, Lock, Owner};
use osv_vfs::ops::{self, How};
use osv_vfs::path::From;
use osv_vfs::{Creds, FdFlags, IoctlArg, OpenFile};

/// fcntl(2)
pub fn fcntl(cx: &mut Cx<'_>, fd: Fd, command: UInt, arg: ULong) -> Res<usize> {
    let open = cx.description(fd)?;
    let allowed_on_path = matches!(command.0, f::DUPFD | f::DUPFD_CLOEXEC | f::GETFD | f::SETFD | f::GETFL);
    if open.is_path() && !allowed_on_path {
        return Err(Errno::EBADF.into());
    }
    match command.0 {
        f::DUPFD | f::DUPFD_CLOEXEC => {
            // An int, whatever else the register holds.
            let from = arg.0 as u32;
            if u64::from(from) >= cx.nofile_limit() {
                return Err(Errno::EINVAL.into());
            }
            cx.install_from(open, command.0 == f::DUPFD_CLOEXEC, from).map(|fd| fd.0 as usize)
        }
        f::GETFD => Ok(usize::from(cx.process().fds().flags(fd.0)?.cloexec)),
        f::SETFD => {
            let cloexec = arg.0 as u32 & f::FD_CLOEXEC != 0;
            cx.process().fds().set_flags(fd.0, FdFlags { cloexec })?;
            Ok(0)
        }
        f::GETFL => Ok(open.status() as usize),
        f::SETFL => {
            open.set_status(o::SETTABLE, arg.0 as u32);
            signals::set_async(&open, fd, arg.0 as u32 & o::ASYNC != 0);
            Ok(0)
        }
        f::GETLK | f::SETLK | f::SETLKW | f::OFD_GETLK | f::OFD_SETLK | f::OFD_SETLKW => {
            record_lock(cx, &open, command.0, InOut::at(UserAddr(arg.0)))
        }
        f::SETOWN => {
            signals::set_owner(cx, &open, signals::Owner::from_number(arg.0 as i32)?)?;
            Ok(0)
        }
        f::SETOWN_EX => {
            let owner = signals::Owner::from_pair(In::at(UserAddr(arg.0)).read(cx)?)?;
            signals::set_owner(cx, &open, owner)?;
            Ok(0)
        }
        f::GETOWN => Ok(signals::owner(&open).map_or(0, signals::Owner::number) as isize as usize),
        f::GETOWN_EX => {
            let owner = signals::owner(&open).map_or([owner::PID, 0], signals::Owner::pair);
            Out::at(UserAddr(arg.0)).write(cx, &owner)?;
            Ok(0)
        }
        f::SETSIG => {
            signals::set_signal(&open, arg.0)?;
            Ok(0)
        }
        f::GETSIG => Ok(signals::signal(&open) as usize),
        f::SETPIPE_SZ | f::GETPIPE_SZ => {
            let pipe = open.file().as_any().downcast_ref::<Pipe>().ok_or(Errno::EBADF)?;
            if command.0 == f::SETPIPE_SZ {
                pipe.set_capacity(u32::try_from(arg.0).map_err(|_| Errno::EINVAL)? as usize)?;
            }
            Ok(pipe.capacity())
        }
        f::ADD_SEALS | f::GET_SEALS => {
            let node = open.file().as_any().downcast_ref::<Node>().ok_or(Errno::EINVAL)?;
            if command.0 == f::GET_SEALS {
                return Ok(node.seals()? as usize);
            }
            let known = memfd::SEAL_SEAL
                | memfd::SEAL_SHRINK
                | memfd::SEAL_GROW
                | memfd::SEAL_WRITE
                | memfd::SEAL_FUTURE_WRITE;
            let seals = u32::try_from(arg.0).map_err(|_| Errno::EINVAL)?;
            if seals & !known != 0 {
                return Err(Errno::EINVAL.into());
            }
            if !open.writable() {
                return Err(Errno::EPERM.into());
            }
            node.add_seals(seals)?;
            Ok(0)
        }
        f::NOTIFY => {
            dnotify::watch(cx, &open, fd, arg.0 as u32)?;
            Ok(0)
        }
        f::SETLEASE => {
            lease::set(cx, &open, fd, arg.0)?;
            Ok(0)
        }
        f::GETLEASE => Ok(lease::get(&open) as usize),
        _ => Err(Errno::EINVAL.into()),
    }
}

const F_RDLCK: i16 = 0;
const F_WRLCK: i16 = 1;
const F_UNLCK: i16 = 2;

fn record_lock(cx: &Cx<'_>, open: &Arc<OpenFile>, command: u32, arg: InOut<Flock>) -> Res<usize> {
    let mut request = arg.read(cx)?;
    let of_description = matches!(command, f::OFD_GETLK | f::OFD_SETLK | f::OFD_SETLKW);
    if of_description && request.pid != 0 {
        return Err(Errno::EINVAL.into());
    }
    let inode = open.inode().ok_or(Errno::EINVAL)?;
    let attr = inode.attr();
    let file = (attr.dev, attr.ino);
    let owner = if of_description {
        Owner::Description(Arc::as_ptr(open) as usize)
    } else {
        Owner::Process(cx.process().pid())
    };
    let base = match request.whence {
        0 => 0,
        1 => *open.offset().lock() as i64,
        2 => open.file().size() as i64,
        _ => return Err(Errno::EINVAL.into()),
    };
    let start = base.checked_add(request.start).ok_or(Errno::EOVERFLOW)?;
    let (start, end) = match request.len {
        0 => (start, i64::MAX),
        len if len > 0 => (start, start.checked_add(len).ok_or(Errno::EOVERFLOW)?),
        len => (start.checked_add(len).ok_or(Errno::EINVAL)?, start),
    };
    let start = u64::try_from(start).map_err(|_| Errno::EINVAL)?;
    let end = if request.len == 0 { u64::MAX } else { end as u64 };
    let wanted = Lock { owner, exclusive: request.kind == F_WRLCK, start, end };
    match (command, request.kind) {
        (f::GETLK | f::OFD_GETLK, F_RDLCK | F_WRLCK) => {
            match locks::conflict(file, &wanted) {
                None => request.kind = F_UNLCK,
                Some(held) => {
                    request.kind = if held.exclusive { F_WRLCK } else { F_RDLCK };
                    request.whence = 0;
                    request.start = held.start as i64;
                    request.len = if held.end == u64::MAX { 0 } else { (held.end - held.start) as i64 };
                    request.pid = match held.owner {
                        Owner::Process(pid) => pid as i32,
                        _ => -1,
                    };
                }
            }
            arg.write(cx, &request)?;
        }
        (f::SETLK | f::OFD_SETLK | f::SETLKW | f::OFD_SETLKW, F_UNLCK) => {
            locks::clear(file, owner, start, end)
        }
        (f::SETLK | f::OFD_SETLK | f::SETLKW | f::OFD_SETLKW, F_RDLCK | F_WRLCK) => {
            let allowed = if request.kind == F_WRLCK { open.writable() } else { open.readable() };
            if !allowed {
                return Err(Errno::EBADF.into());
            }
            open.mark_locked();
            locks::set(file, &wanted, matches!(command, f::SETLKW | f::OFD_SETLKW))?;
        }
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(0)
}

const LOCK_SH: i32 = 1;
const LOCK_EX: i32 = 2;
const LOCK_NB: i32 = 4;
const LOCK_UN: i32 = 8;
const LOCK_MAND: i32 = 32;

/// flock(2)
pub fn flock(cx: &mut Cx<'_>, fd: Fd, operation: Int) -> Res<()> {
    if operation.0 & LOCK_MAND != 0 {
        // Mandatory locks were never more than a wish; Linux takes the call and does nothing.
        return Ok(());
    }
    let exclusive = match operation.0 & !LOCK_NB {
        LOCK_UN => None,
        LOCK_SH => Some(false),
        LOCK_EX => Some(true),
        _ => return Err(Errno::EINVAL.into()),
    };
    let open = cx.file(fd)?;
    let attr = open.inode().ok_or(Errno::EINVAL)?.attr();
    let file = (attr.dev, attr.ino);
    let owner = Owner::Flock(Arc::as_ptr(&open) as usize);
    let Some(exclusive) = exclusive else {
        locks::clear(file, owner, 0, u64::MAX);
        return Ok(());
    };
    open.mark_locked();
    let wanted = Lock { owner, exclusive, start: 0, end: u64::MAX };
    locks::set(file, &wanted, operation.0 & LOCK_NB == 0)
}

/// The third argument of ioctl(2), through the call's context.
struct Arg<'a, 'b> {
    cx: &'a Cx<'b>,
    value: u64,
}

impl IoctlArg for Arg<'_, '_> {
    fn value(&self) -> u64 {
        self.value
    }
    fn read(&self, to: &mut [u8]) -> Result<(), Errno> {
        Ok(self.cx.read_bytes(UserAddr(self.value), to)?)
    }
    fn write(&mut self, from: &[u8]) -> Result<(), Errno> {
        Ok(self.cx.write_bytes(UserAddr(self.value), from)?)
    }
    fn write_at(&mut self, address: u64, from: &[u8]) -> Result<(), Errno> {
        Ok(self.cx.write_bytes(UserAddr(address), from)?)
    }
}

/// The block size of the file's file system: that of a page, for all of them.
const FIGETBSZ: u32 = 2;

/// TIOCGPTPEER: opens the other side of a pseudo-terminal by its name, which ttyname(3) is to find again.
fn terminal_peer(cx: &mut Cx<'_>, open: &OpenFile, flags: u32) -> Res<usize> {
    let master = open.file().as_any().downcast_ref::<Master>().ok_or(Errno::ENOTTY)?;
    let creds = Creds::root();
    let root = osv_task::registry::kernel_process().fs().root();
    let start = From { root: root.clone(), dir: root, creds: &creds };
    let flags_of_open = flags & (o::ACCMODE | o::NOCTTY | o::NONBLOCK);
    let how = How { flags: flags_of_open, mode: 0, umask: 0, resolve: Default::default() };
    let path = alloc::format!("/dev/pts/{}", master.index());
    let found = ops::open(&start, path.as_bytes(), how).ok().filter(|found| {
        let side = found.file().as_any().downcast_ref::<TtyFile>();
        side.is_some_and(|side| Arc::ptr_eq(side.tty(), master.tty()))
    });
    let peer = match found {
        Some(peer) => peer,
        None => OpenFile::new(master.open_peer(flags)?, how.flags),
    };
    cx.install(peer, flags & o::CLOEXEC != 0).map(|fd| fd.0 as usize)
}

/// ioctl(2)
pub fn ioctl(cx: &mut Cx<'_>, fd: Fd, request: UInt, arg: ULong) -> Res<usize> {
    let open = cx.file(fd)?;
    let int = || InOut::<i32>::at(UserAddr(arg.0)).read(cx);
    match request.0 {
        i::FIOCLEX | i::FIONCLEX => {
            cx.process().fds().set_flags(fd.0, FdFlags { cloexec: request.0 == i::FIOCLEX })?;
            Ok(0)
        }
        FIGETBSZ => {
            InOut::at(UserAddr(arg.0)).write(cx, &4096i32)?;
            Ok(0)
        }
        i::FIONBIO => {
            open.set_status(o::NONBLOCK, if int()? != 0 { o::NONBLOCK } else { 0 });
            Ok(0)
        }
        i::FIOASYNC => {
            let on = int()? != 0;
            open.set_status(o::ASYNC, if on { o::ASYNC } else { 0 });
            signals::set_async(&open, fd, on);
            Ok(0)
        }
        i::FIONREAD if open.inode().is_some_and(|inode| inode.kind() == osv_vfs::Kind::Regular) => {
            let left = open.file().size().saturating_sub(*open.offset().lock());
            InOut::at(UserAddr(arg.0)).write(cx, &(left.min(i32::MAX as u64) as i32))?;
            Ok(0)
        }
        request::TIOCGPTPEER => terminal_peer(cx, &open, arg.0 as u32),
        _ => open.file().ioctl(request.0, &mut Arg { cx, value: arg.0 }),
    }
}
