//! io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2).
//!
//! A transfer is done while it is submitted, as Linux does with what needs no device; its event waits in the context.
//! A context is known by the address of a page in the application, as libaio expects: it looks there for a ring that
//! it may read by itself, finds none, and makes the call.

use super::io::{read_at, read_here, with_flags, write_at, write_here};
use crate::cursor::{Segments, UserSink, UserSource};
use crate::cx::{Cx, MAX_RW_COUNT};
use crate::event::masked;
use crate::time::timeout_instant;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use osv_abi::arg::{Fd, Flags, In, InOut, Long, Size, Timespec, UInt};
use osv_abi::uapi::IoVec;
use osv_abi::uapi::file::aio::{self, AioSigset, IoEvent, Iocb};
use osv_abi::uapi::memory::{MapFlags, Prot};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{Fail, Instant, PAGE_SIZE, Res};
use osv_event::EventFd;
use osv_sync::{Mutex, Wait, WaitError, WaitQueue};
use osv_task::Process;
use osv_vfs::OpenFile;
use zerocopy::IntoBytes;

/// Events of all contexts at most (fs.aio-max-nr).
const EVENTS_MAX: u32 = 65_536;
/// Twice as many as are asked for must not take more bytes than this; Linux multiplies without a look at overflow.
const RING_MAX: u32 = 0x1000_0000 / size_of::<IoEvent>() as u32;

/// Events that wait for their reader, and how many may.
struct Context {
    owner: u32,
    room: usize,
    events: Mutex<VecDeque<IoEvent>>,
    arrived: WaitQueue,
}

/// Contexts by address space and address.
static CONTEXTS: Mutex<BTreeMap<(u64, u64), Arc<Context>>> = Mutex::new(BTreeMap::new());

fn find(cx: &Cx<'_>, id: u64) -> Result<Arc<Context>, Errno> {
    let space = cx.space()?.id();
    CONTEXTS.lock().get(&(space, id)).cloned().ok_or(Errno::EINVAL)
}

/// The contexts of a process go with it.
pub(crate) fn process_ended(process: &Process) {
    let mut contexts = CONTEXTS.lock();
    if !contexts.is_empty() {
        contexts.retain(|_, context| context.owner != process.pid());
    }
}

/// io_setup(2)
pub fn io_setup(cx: &mut Cx<'_>, count: UInt, context: InOut<u64>) -> Res<()> {
    if context.read(cx)? != 0 || count.0 == 0 || count.0.wrapping_mul(2) > RING_MAX {
        return Err(Errno::EINVAL.into());
    }
    let used: usize = CONTEXTS.lock().values().map(|context| context.room).sum();
    if used.saturating_add(count.0 as usize) > EVENTS_MAX as usize {
        return Err(Errno::EAGAIN.into());
    }
    let space = cx.space()?;
    let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS;
    let at = space.map(0, PAGE_SIZE as u64, Prot::READ | Prot::WRITE, flags, None)?;
    let made = Context {
        owner: cx.process().pid(),
        room: count.0 as usize,
        events: Mutex::new(VecDeque::new()),
        arrived: WaitQueue::new(),
    };
    if let Err(errno) = context.write(cx, &at) {
        space.unmap(at, PAGE_SIZE as u64)?;
        return Err(errno.into());
    }
    CONTEXTS.lock().insert((space.id(), at), Arc::new(made));
    Ok(())
}

/// io_destroy(2)
pub fn io_destroy(cx: &mut Cx<'_>, context: UserAddr) -> Res<()> {
    let space = cx.space()?;
    let gone = CONTEXTS.lock().remove(&(space.id(), context.0)).ok_or(Errno::EINVAL)?;
    gone.arrived.wake_all();
    // The page may be gone already.
    let _ = space.unmap(context.0, PAGE_SIZE as u64);
    Ok(())
}

/// Where a transfer's event is told as well.
fn event_fd(cx: &Cx<'_>, iocb: &Iocb) -> Result<Option<Arc<OpenFile>>, Errno> {
    if iocb.flags & aio::FLAG_RESFD == 0 {
        return Ok(None);
    }
    let open = cx.file(Fd(iocb.resfd.cast_signed()))?;
    if open.file().as_any().is::<EventFd>() { Ok(Some(open)) } else { Err(Errno::EINVAL) }
}

/// Does what `iocb` says, which was found to be right.
fn transfer(cx: &Cx<'_>, open: &OpenFile, iocb: &Iocb, buffers: &[IoVec]) -> Res<usize> {
    let (mut sink, mut source) =
        (UserSink::new(Segments::many(buffers)), UserSource::new(Segments::many(buffers)));
    let io = with_flags(open.io(), Flags(iocb.rw_flags))?;
    let place = open.seekable().then_some(iocb.offset.cast_unsigned());
    match (iocb.opcode, place) {
        (aio::PREAD | aio::PREADV, Some(at)) => read_at(cx, open, &mut sink, at, io),
        (aio::PREAD | aio::PREADV, None) => read_here(cx, open, &mut sink, io),
        (aio::PWRITE | aio::PWRITEV, Some(at)) => write_at(cx, open, &mut source, at, io),
        (aio::PWRITE | aio::PWRITEV, None) => write_here(cx, open, &mut source, io),
        _ => open.file().sync().map(|()| 0),
    }
}

/// Submits one; what is wrong with it is told at once, what goes wrong with its transfer in its event.
fn submit(cx: &Cx<'_>, context: &Context, at: UserAddr) -> Res<()> {
    let iocb: Iocb = In::at(at).read(cx)?;
    if iocb.reserved != 0 || iocb.nbytes.cast_signed() < 0 {
        return Err(Errno::EINVAL.into());
    }
    if context.events.lock().len() >= context.room {
        return Err(Errno::EAGAIN.into());
    }
    let open = cx.file(Fd(iocb.fildes.cast_signed()))?;
    let told = event_fd(cx, &iocb)?;
    // The key that io_cancel(2) asks for.
    cx.write_bytes(at.add(8), &[0; 4])?;
    let file = open.file();
    let reads = matches!(iocb.opcode, aio::PREAD | aio::PREADV);
    let buffers = match iocb.opcode {
        aio::PREAD | aio::PWRITE | aio::PREADV | aio::PWRITEV => {
            with_flags(open.io(), Flags(iocb.rw_flags))?;
            if !(if reads { open.readable() } else { open.writable() }) {
                return Err(Errno::EBADF.into());
            }
            if !(if reads { file.can_read() } else { file.can_write() }) {
                return Err(Errno::EINVAL.into());
            }
            if matches!(iocb.opcode, aio::PREADV | aio::PWRITEV) {
                cx.read_iovecs(UserAddr(iocb.buf), iocb.nbytes as u32 as usize)?
            } else {
                let len = (iocb.nbytes as usize).min(MAX_RW_COUNT);
                if !UserAddr(iocb.buf).range_ok(len) {
                    return Err(Errno::EFAULT.into());
                }
                alloc::vec![IoVec { base: iocb.buf, len: len as u64 }]
            }
        }
        aio::FSYNC | aio::FDSYNC => {
            file.sync()?;
            alloc::vec::Vec::new()
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    if open.seekable() && iocb.offset < 0 && !buffers.is_empty() {
        return Err(Errno::EINVAL.into());
    }
    let result = match transfer(cx, &open, &iocb, &buffers) {
        Ok(n) => n as i64,
        Err(Fail::Errno(errno)) => errno.to_ret() as i64,
        Err(Fail::Interrupted) => Errno::EINTR.to_ret() as i64,
    };
    context.events.lock().push_back(IoEvent { data: iocb.data, obj: at.0, res: result, res2: 0 });
    context.arrived.wake_all();
    if let Some(counter) = told.as_ref().and_then(|told| told.file().as_any().downcast_ref::<EventFd>()) {
        counter.signal();
    }
    Ok(())
}

/// io_submit(2)
pub fn io_submit(cx: &mut Cx<'_>, context: UserAddr, count: Long, list: UserAddr) -> Res<usize> {
    if count.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    let context = find(cx, context.0)?;
    let count = (count.0 as usize).min(context.room);
    for at in 0..count {
        let submitted = In::<u64>::at(list.add(at * 8))
            .read(cx)
            .map_err(Fail::Errno)
            .and_then(|iocb| submit(cx, &context, UserAddr(iocb)));
        match submitted {
            Ok(()) => {}
            Err(_) if at > 0 => return Ok(at),
            Err(fail) => return Err(fail),
        }
    }
    Ok(count)
}

/// io_cancel(2): what was submitted is done.
pub fn io_cancel(cx: &mut Cx<'_>, context: UserAddr, iocb: UserAddr, _result: UserAddr) -> Res<()> {
    let key: u32 = In::at(iocb.add(8)).read(cx)?;
    if key == 0 {
        find(cx, context.0)?;
    }
    Err(Errno::EINVAL.into())
}

/// Takes up to `most` events, waiting until there are `least`.
fn events(
    cx: &Cx<'_>,
    context: UserAddr,
    least: Long,
    most: Long,
    to: UserAddr,
    deadline: Option<Instant>,
) -> Res<usize> {
    let context = find(cx, context.0)?;
    if least.0 < 0 || least.0 > most.0 {
        return Err(Errno::EINVAL.into());
    }
    let (least, most) = (least.0 as usize, most.0 as usize);
    let mut taken = 0;
    while taken < most {
        let next = || context.events.lock().pop_front();
        let event = if taken >= least {
            next()
        } else {
            match context.arrived.wait_until(Wait::until(deadline), next) {
                Ok(event) => Some(event),
                Err(WaitError::TimedOut) => None,
                Err(WaitError::Interrupted) if taken > 0 => None,
                Err(WaitError::Interrupted) => return Err(Fail::Interrupted),
            }
        };
        let Some(event) = event else { break };
        if let Err(fault) = cx.write_bytes(to.add(taken * size_of::<IoEvent>()), event.as_bytes()) {
            context.events.lock().push_front(event);
            return if taken > 0 { Ok(taken) } else { Err(Errno::from(fault).into()) };
        }
        taken += 1;
    }
    Ok(taken)
}

fn deadline(cx: &Cx<'_>, timeout: In<Timespec>) -> Res<Option<Instant>> {
    // As Linux: a time that is none is one that has passed.
    match timeout.read_opt(cx)? {
        Some(time) => Ok(Some(timeout_instant(time).unwrap_or(Instant::ZERO))),
        None => Ok(None),
    }
}

/// io_getevents(2)
pub fn io_getevents(
    cx: &mut Cx<'_>,
    context: UserAddr,
    least: Long,
    most: Long,
    to: UserAddr,
    timeout: In<Timespec>,
) -> Res<usize> {
    let deadline = deadline(cx, timeout)?;
    crate::event::not_restarted(events(cx, context, least, most, to, deadline))
}

/// io_pgetevents(2)
pub fn io_pgetevents(
    cx: &mut Cx<'_>,
    context: UserAddr,
    least: Long,
    most: Long,
    to: UserAddr,
    timeout: In<Timespec>,
    mask: In<AioSigset>,
) -> Res<usize> {
    let deadline = deadline(cx, timeout)?;
    let mask = mask.read_opt(cx)?.unwrap_or_default();
    let (set, size) = (In::at(UserAddr(mask.mask)), Size(mask.size as usize));
    masked(cx, set, size, |cx| events(cx, context, least, most, to, deadline))
}
