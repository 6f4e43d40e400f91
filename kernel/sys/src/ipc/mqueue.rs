//! mq_open(2) and kin.

use crate::cx::Cx;
use crate::file::Path;
use crate::process::realtime_instant;
use alloc::sync::Arc;
use core::any::Any;
use osv_abi::arg::{CStrPtr, Fd, Flags, In, Mode, MqAttr, Out, Sigevent, Size, Timespec, UInt};
use osv_abi::uapi::file::open as o;
use osv_abi::uapi::process::rlimit;
use osv_abi::uapi::signal::{Siginfo, code, sig};
use osv_abi::uapi::time::{SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Instant, Res};
use osv_ipc::mqueue::{self, New, Notice, Queue};
use osv_net::socket::{Family, Socket};
use osv_sync::Wait;
use osv_task::registry;
use osv_task::signal::send;
use osv_vfs::OpenFile;

/// mq_open(2)
pub fn mq_open(cx: &mut Cx<'_>, name: CStrPtr, flags: Flags, mode: Mode, attr: In<MqAttr>) -> Res<Fd> {
    let attr = attr.read_opt(cx)?;
    let name = Path::read(cx, name)?;
    let limit = cx.process().limits.soft(rlimit::MSGQUEUE);
    let mode = mode.0 & 0o777 & !cx.fs().umask();
    let new = New { flags: flags.0, mode, attr: attr.as_ref(), limit };
    let queue = mqueue::open(&name, &new, &cx.creds())?;
    // Close-on-exec, always.
    cx.install_new(queue, flags.0 & (o::ACCMODE | o::NONBLOCK), true)
}

/// mq_unlink(2)
pub fn mq_unlink(cx: &mut Cx<'_>, name: CStrPtr) -> Res<()> {
    let name = Path::read(cx, name)?;
    mqueue::unlink(&name, &cx.creds())
}

/// The queue behind `fd`: EBADF.
struct Opened(Arc<OpenFile>);

impl Opened {
    fn of(cx: &Cx<'_>, fd: Fd) -> Result<Opened, Errno> {
        let open = cx.file(fd)?;
        if open.file().as_any().is::<Queue>() { Ok(Opened(open)) } else { Err(Errno::EBADF) }
    }

    fn queue(&self) -> Result<Arc<Queue>, Errno> {
        let file: Arc<dyn Any + Send + Sync> = self.0.file().clone();
        file.downcast().map_err(|_| Errno::EBADF)
    }
}

/// Until when to wait: an absolute time of the wall clock.
fn deadline(cx: &Cx<'_>, timeout: In<Timespec>) -> Res<Option<Instant>> {
    match timeout.read_opt(cx)? {
        Some(time) => Ok(Some(realtime_instant(time.duration()?))),
        None => Ok(None),
    }
}

/// mq_timedsend(2)
pub fn mq_timedsend(
    cx: &mut Cx<'_>,
    fd: Fd,
    text: UserAddr,
    size: Size,
    priority: UInt,
    timeout: In<Timespec>,
) -> Res<()> {
    let deadline = deadline(cx, timeout)?;
    if priority.0 >= mqueue::PRIO_MAX {
        return Err(Errno::EINVAL.into());
    }
    let opened = Opened::of(cx, fd)?;
    if !opened.0.writable() {
        return Err(Errno::EBADF.into());
    }
    let queue = opened.queue()?;
    if size.0 > queue.longest() {
        return Err(Errno::EMSGSIZE.into());
    }
    let mut bytes = alloc::vec![0; size.0];
    cx.read_bytes(text, &mut bytes)?;
    let notice = queue.send(bytes.into(), priority.0, opened.0.io().nonblock, Wait::until(deadline))?;
    if let Some(teller) = notice.as_ref().and_then(|notice| notice.teller.as_ref()) {
        teller.tell(true);
    }
    if let Some(notice) = notice.filter(|notice| notice.signo != 0)
        && let Some(process) = registry::process(notice.pid)
    {
        let uid = cx.process().credentials().user.real;
        let from = cx.process().pid();
        let info = Siginfo::sent(notice.signo, code::SI_MESGQ, from, uid, notice.value);
        send::to_process(&process, info);
    }
    Ok(())
}

/// mq_timedreceive(2)
pub fn mq_timedreceive(
    cx: &mut Cx<'_>,
    fd: Fd,
    text: UserAddr,
    size: Size,
    priority: Out<u32>,
    timeout: In<Timespec>,
) -> Res<usize> {
    let deadline = deadline(cx, timeout)?;
    let opened = Opened::of(cx, fd)?;
    if !opened.0.readable() {
        return Err(Errno::EBADF.into());
    }
    let queue = opened.queue()?;
    if size.0 < queue.longest() {
        return Err(Errno::EMSGSIZE.into());
    }
    let (bytes, priority_of) = queue.receive(opened.0.io().nonblock, Wait::until(deadline))?;
    priority.write_opt(cx, &priority_of)?;
    cx.write_bytes(text, &bytes)?;
    Ok(bytes.len())
}

/// What a libc gets through its netlink socket, by which it makes a thread: its own bytes, the last of them saying why.
#[derive(Debug)]
struct Cookie {
    socket: Arc<OpenFile>,
    bytes: [u8; 32],
}

const WOKEN: u8 = 1;
const REMOVED: u8 = 2;

impl Cookie {
    /// EFAULT, EBADF, ENOTSOCK; EINVAL for a socket of another family.
    fn of(cx: &Cx<'_>, event: &Sigevent) -> Result<Cookie, Errno> {
        let mut bytes = [0; 32];
        cx.read_bytes(UserAddr(event.value), &mut bytes)?;
        let socket = cx.file(Fd(event.signo))?;
        let family = socket.file().as_any().downcast_ref::<Socket>().ok_or(Errno::ENOTSOCK)?.family();
        if family == Family::Netlink { Ok(Cookie { socket, bytes }) } else { Err(Errno::EINVAL) }
    }
}

impl mqueue::Tell for Cookie {
    fn tell(&self, arrived: bool) {
        let mut bytes = self.bytes;
        bytes[31] = if arrived { WOKEN } else { REMOVED };
        if let Some(socket) = self.socket.file().as_any().downcast_ref::<Socket>() {
            socket.tell(&bytes);
        }
    }
}

/// mq_notify(2): by a signal, silently, or through a netlink socket as libcs do for SIGEV_THREAD.
pub fn mq_notify(cx: &mut Cx<'_>, fd: Fd, event: In<Sigevent>) -> Res<()> {
    let event = event.read_opt(cx)?;
    let (signo, cookie) = match event {
        None => (0, None),
        Some(event) => match (event.notify, u32::try_from(event.signo)) {
            (SIGEV_NONE, _) => (0, None),
            (SIGEV_SIGNAL, Ok(signo @ 0..=sig::MAX)) => (signo, None),
            (SIGEV_THREAD, _) => (0, Some(Cookie::of(cx, &event)?)),
            _ => return Err(Errno::EINVAL.into()),
        },
    };
    let teller = cookie.map(|cookie| Arc::new(cookie) as Arc<dyn mqueue::Tell>);
    let queue = Opened::of(cx, fd)?.queue()?;
    let pid = cx.process().pid();
    match event {
        None => queue.forget(pid),
        Some(event) => queue.notify(Notice { pid, signo, value: event.value, teller })?,
    }
    Ok(())
}

/// mq_getsetattr(2)
pub fn mq_getsetattr(cx: &mut Cx<'_>, fd: Fd, new: In<MqAttr>, old: Out<MqAttr>) -> Res<()> {
    const NONBLOCK: i64 = o::NONBLOCK as i64;
    let new = new.read_opt(cx)?;
    if new.is_some_and(|new| new.flags & !NONBLOCK != 0) {
        return Err(Errno::EINVAL.into());
    }
    let opened = Opened::of(cx, fd)?;
    let flags = i64::from(opened.0.status() & o::NONBLOCK);
    let before = MqAttr { flags, ..opened.queue()?.limits() };
    if let Some(new) = new {
        opened.0.set_status(o::NONBLOCK, new.flags as u32);
    }
    Ok(old.write_opt(cx, &before)?)
}
