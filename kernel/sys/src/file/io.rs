//! read(2), write(2) and kin.

use crate::cursor::{Segments, UserSink, UserSource};
use crate::cx::{Cx, MAX_RW_COUNT};
use alloc::sync::Arc;
use osv_abi::Errno;
use osv_abi::arg::{Fd, Flags, InBuf, Int, Long, OutBuf, Size, UserAddr};
use osv_abi::uapi::event::inotify;
use osv_abi::uapi::process::{RLIM_INFINITY, rlimit};
use osv_base::io::{Sink, Source};
use osv_base::{PAGE_SIZE, Res};
use osv_event::pipe::PIPE_BUF;
use osv_ipc::mqueue;
use osv_vfs::file::Allocate;
use osv_vfs::{At, Io, Kind, OpenFile, locks, notify, ops};

pub(super) fn readable(cx: &Cx<'_>, fd: Fd) -> Result<Arc<OpenFile>, Errno> {
    let open = cx.description(fd)?;
    if open.readable() { Ok(open) } else { Err(Errno::EBADF) }
}

pub(super) fn writable(cx: &Cx<'_>, fd: Fd) -> Result<Arc<OpenFile>, Errno> {
    let open = cx.description(fd)?;
    if open.writable() { Ok(open) } else { Err(Errno::EBADF) }
}

/// A buffer outside the application's half is EFAULT before anything else, as is one too long to be in it.
fn out_buf(buf: OutBuf) -> Result<OutBuf, Errno> {
    if !buf.addr.range_ok(buf.len) {
        return Err(Errno::EFAULT);
    }
    Ok(OutBuf { len: buf.len.min(MAX_RW_COUNT), ..buf })
}

fn in_buf(buf: InBuf) -> Result<InBuf, Errno> {
    if !buf.addr.range_ok(buf.len) {
        return Err(Errno::EFAULT);
    }
    Ok(InBuf { len: buf.len.min(MAX_RW_COUNT), ..buf })
}

/// Tells who watches the file of bytes that were moved.
#[inline]
fn moved(open: &OpenFile, event: u32, result: Res<usize>) -> Res<usize> {
    if notify::any()
        && result.is_ok_and(|n| n > 0)
        && let Some(entry) = open.entry()
    {
        notify::on_entry(entry, event);
    }
    result
}

/// Reads at the description's offset.
pub(super) fn read_here(cx: &Cx<'_>, open: &OpenFile, to: &mut UserSink<'_>, io: Io) -> Res<usize> {
    let file = open.file();
    if open.seekable() {
        let read = cx.transfer_out(to, |to, _| {
            let mut offset = open.offset().lock();
            let n = file.read(At::Offset(*offset), to, io)?;
            *offset += n as u64;
            Ok(n)
        });
        return moved(open, inotify::ACCESS, read);
    }
    if open.whole() {
        return cx.whole_out(&to.0, |to| file.read(At::Stream, to, io));
    }
    cx.transfer_out(to, |to, done| file.read(At::Stream, to, Io { nonblock: io.nonblock || done > 0, ..io }))
}

/// Writes at the description's offset, or at the end.
pub(super) fn write_here(cx: &Cx<'_>, open: &OpenFile, from: &mut UserSource<'_>, io: Io) -> Res<usize> {
    let file = open.file();
    if open.seekable() {
        let limit = size_limit(cx, open);
        let written = cx.transfer_in(from, |from, _| {
            let mut offset = open.offset().lock();
            if let Some(limit) = limit {
                keep_within(cx, limit, if io.append { file.size() } else { *offset }, from)?;
            }
            let n = file.write(At::Offset(*offset), from, io)?;
            *offset = if io.append { file.size() } else { *offset + n as u64 };
            Ok(n)
        });
        return moved(open, inotify::MODIFY, written);
    }
    if open.whole() {
        // Who sends messages learns of a peer that is gone by the error alone.
        return cx.whole_in(&from.0, |from| file.write(At::Stream, from, io));
    }
    let result = cx.transfer_in(from, |from, _| file.write(At::Stream, from, io));
    cx.broken_pipe(result)
}

pub(super) fn positioned(open: &OpenFile, offset: i64) -> Result<u64, Errno> {
    // Files without a name that take any offset take it from lseek(2) only.
    let anywhere = open.file().ignores_offset() && open.entry().is_some();
    if !open.seekable() && !anywhere {
        return Err(Errno::ESPIPE);
    }
    u64::try_from(offset).map_err(|_| Errno::EINVAL)
}

/// The description behind `fd` for a transfer at `offset`: that it has offsets at all comes before what it may do.
/// A transfer that would end behind the last offset there is: EINVAL.
fn placed(cx: &Cx<'_>, fd: Fd, offset: i64) -> Result<(Arc<OpenFile>, u64), Errno> {
    let open = cx.file(fd)?;
    let offset = positioned(&open, offset)?;
    Ok((open, offset))
}

fn ends_within(offset: u64, len: usize) -> Result<(), Errno> {
    let end = offset.checked_add(len as u64);
    if end.is_some_and(|end| end <= i64::MAX as u64) { Ok(()) } else { Err(Errno::EINVAL) }
}

pub(super) fn read_at(
    cx: &Cx<'_>,
    open: &OpenFile,
    to: &mut UserSink<'_>,
    offset: u64,
    io: Io,
) -> Res<usize> {
    let read = cx.transfer_out(to, |to, done| {
        open.file().read(At::Offset(offset.saturating_add(done as u64)), to, io)
    });
    moved(open, inotify::ACCESS, read)
}

pub(super) fn write_at(
    cx: &Cx<'_>,
    open: &OpenFile,
    from: &mut UserSource<'_>,
    offset: u64,
    io: Io,
) -> Res<usize> {
    let limit = size_limit(cx, open);
    let written = cx.transfer_in(from, |from, done| {
        let at = offset.saturating_add(done as u64);
        if let Some(limit) = limit {
            keep_within(cx, limit, if io.append { open.file().size() } else { at }, from)?;
        }
        open.file().write(At::Offset(at), from, io)
    });
    moved(open, inotify::MODIFY, written)
}

/// RLIMIT_FSIZE, where it is set and `open` is a file that has a size.
fn size_limit(cx: &Cx<'_>, open: &OpenFile) -> Option<u64> {
    let limit = cx.process().limits.soft(rlimit::FSIZE);
    let is_regular = || open.inode().is_some_and(|inode| inode.kind() == Kind::Regular);
    (limit != RLIM_INFINITY && is_regular()).then_some(limit)
}

/// Lets a write at `at` go up to `limit`; at or behind that it is EFBIG, with a signal.
fn keep_within(cx: &Cx<'_>, limit: u64, at: u64, from: &mut UserSource<'_>) -> Res<()> {
    match limit.checked_sub(at) {
        Some(room) if room > 0 => {
            from.limit(usize::try_from(room).unwrap_or(usize::MAX));
            Ok(())
        }
        _ if from.remaining() == 0 => Ok(()),
        _ => Err(cx.file_too_large().into()),
    }
}

/// A file of `now` bytes is to have `len`: more than RLIMIT_FSIZE is EFBIG, with a signal.
fn may_grow(cx: &Cx<'_>, now: u64, len: u64) -> Result<(), Errno> {
    if len > now && len > cx.process().limits.soft(rlimit::FSIZE) {
        return Err(cx.file_too_large());
    }
    Ok(())
}

/// Small transfers on streams are one whole (PIPE_BUF, an eventfd's eight bytes): a page that is not there must not
/// cut them in the middle. What starts a page stops before anything is moved, so only the second page is touched.
#[inline]
fn settle(cx: &Cx<'_>, open: &OpenFile, addr: UserAddr, len: usize, write: bool) -> Result<(), Errno> {
    let crosses = (addr.0 as usize % PAGE_SIZE) + len > PAGE_SIZE;
    if crosses && len <= PIPE_BUF && !open.seekable() {
        cx.fault_in(addr.add(len - 1), write)
    } else {
        Ok(())
    }
}

/// read(2)
pub fn read(cx: &mut Cx<'_>, fd: Fd, buf: OutBuf) -> Res<usize> {
    let open = readable(cx, fd)?;
    let buf = out_buf(buf)?;
    // What is there to read may fit before a page that cannot be had.
    let _ = settle(cx, &open, buf.addr, buf.len, true);
    read_here(cx, &open, &mut UserSink::of(buf), open.io())
}

/// write(2)
pub fn write(cx: &mut Cx<'_>, fd: Fd, buf: InBuf) -> Res<usize> {
    let open = writable(cx, fd)?;
    let buf = in_buf(buf)?;
    settle(cx, &open, buf.addr, buf.len, false)?;
    write_here(cx, &open, &mut UserSource::of(buf), open.io())
}

/// pread(2)
pub fn pread64(cx: &mut Cx<'_>, fd: Fd, buf: OutBuf, offset: Long) -> Res<usize> {
    if offset.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    let (open, offset) = placed(cx, fd, offset.0)?;
    if !open.readable() {
        return Err(Errno::EBADF.into());
    }
    let buf = out_buf(buf)?;
    ends_within(offset, buf.len)?;
    read_at(cx, &open, &mut UserSink::of(buf), offset, open.io())
}

/// pwrite(2)
pub fn pwrite64(cx: &mut Cx<'_>, fd: Fd, buf: InBuf, offset: Long) -> Res<usize> {
    if offset.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    let (open, offset) = placed(cx, fd, offset.0)?;
    if !open.writable() {
        return Err(Errno::EBADF.into());
    }
    let buf = in_buf(buf)?;
    ends_within(offset, buf.len)?;
    write_at(cx, &open, &mut UserSource::of(buf), offset, open.io())
}

/// readv(2)
pub fn readv(cx: &mut Cx<'_>, fd: Fd, vectors: UserAddr, count: Size) -> Res<usize> {
    preadv2(cx, fd, vectors, count, Long(-1), Long(0), Flags(0))
}

/// writev(2)
pub fn writev(cx: &mut Cx<'_>, fd: Fd, vectors: UserAddr, count: Size) -> Res<usize> {
    pwritev2(cx, fd, vectors, count, Long(-1), Long(0), Flags(0))
}

/// preadv(2)
pub fn preadv(cx: &mut Cx<'_>, fd: Fd, vectors: UserAddr, count: Size, low: Long, high: Long) -> Res<usize> {
    if low.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    preadv2(cx, fd, vectors, count, low, high, Flags(0))
}

/// pwritev(2)
pub fn pwritev(cx: &mut Cx<'_>, fd: Fd, vectors: UserAddr, count: Size, low: Long, high: Long) -> Res<usize> {
    if low.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    pwritev2(cx, fd, vectors, count, low, high, Flags(0))
}

const RWF_HIPRI: u32 = 1;
const RWF_DSYNC: u32 = 2;
const RWF_SYNC: u32 = 4;
const RWF_NOWAIT: u32 = 8;
const RWF_APPEND: u32 = 16;

pub(super) fn with_flags(io: Io, flags: Flags) -> Result<Io, Errno> {
    if flags.0 & !(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND) != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    Ok(Io {
        nonblock: io.nonblock || flags.0 & RWF_NOWAIT != 0,
        append: io.append || flags.0 & RWF_APPEND != 0,
    })
}

/// Linux counts buffers by an unsigned int.
pub(super) fn vector_count(count: Size) -> usize {
    count.0 as u32 as usize
}

/// preadv2(2): an offset of -1 is the description's. The high half of the offset is unused on 64 bits.
pub fn preadv2(
    cx: &mut Cx<'_>,
    fd: Fd,
    vectors: UserAddr,
    count: Size,
    low: Long,
    _high: Long,
    flags: Flags,
) -> Res<usize> {
    if low.0 < -1 {
        return Err(Errno::EINVAL.into());
    }
    let (open, offset) = if low.0 == -1 { (cx.file(fd)?, 0) } else { placed(cx, fd, low.0)? };
    if !open.readable() {
        return Err(Errno::EBADF.into());
    }
    if !open.file().can_read() {
        return Err(Errno::EINVAL.into());
    }
    let vectors = cx.read_iovecs(vectors, vector_count(count))?;
    let mut sink = UserSink::new(Segments::many(&vectors));
    if sink.remaining() == 0 {
        return Ok(0);
    }
    let io = with_flags(open.io(), flags)?;
    if low.0 == -1 {
        return read_here(cx, &open, &mut sink, io);
    }
    ends_within(offset, sink.remaining())?;
    read_at(cx, &open, &mut sink, offset, io)
}

/// pwritev2(2): as [`preadv2`].
pub fn pwritev2(
    cx: &mut Cx<'_>,
    fd: Fd,
    vectors: UserAddr,
    count: Size,
    low: Long,
    _high: Long,
    flags: Flags,
) -> Res<usize> {
    if low.0 < -1 {
        return Err(Errno::EINVAL.into());
    }
    let (open, offset) = if low.0 == -1 { (cx.file(fd)?, 0) } else { placed(cx, fd, low.0)? };
    if !open.writable() {
        return Err(Errno::EBADF.into());
    }
    if !open.file().can_write() {
        return Err(Errno::EINVAL.into());
    }
    let vectors = cx.read_iovecs(vectors, vector_count(count))?;
    let mut source = UserSource::new(Segments::many(&vectors));
    if source.remaining() == 0 {
        return Ok(0);
    }
    let io = with_flags(open.io(), flags)?;
    if low.0 == -1 {
        return write_here(cx, &open, &mut source, io);
    }
    ends_within(offset, source.remaining())?;
    write_at(cx, &open, &mut source, offset, io)
}

/// lseek(2)
pub fn lseek(cx: &mut Cx<'_>, fd: Fd, offset: Long, whence: Int) -> Res<i64> {
    let open = cx.file(fd)?;
    let file = open.file();
    if !open.seekable() {
        return if file.ignores_offset() { Ok(0) } else { Err(Errno::ESPIPE.into()) };
    }
    let mut here = open.offset().lock();
    let base = match whence.0 {
        0 => 0,
        1 => *here as i64,
        2 => file.size() as i64,
        3 | 4 => {
            let from = u64::try_from(offset.0).map_err(|_| Errno::ENXIO)?;
            *here = file.seek_data(from, whence.0 == 3)?;
            return Ok(*here as i64);
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    let to = base.checked_add(offset.0).ok_or(Errno::EOVERFLOW)?;
    *here = u64::try_from(to).map_err(|_| Errno::EINVAL)?;
    Ok(to)
}

/// fsync(2)
pub fn fsync(cx: &mut Cx<'_>, fd: Fd) -> Res<()> {
    cx.file(fd)?.file().sync()
}

/// sync(2): what is there lives in RAM.
pub fn sync(_cx: &mut Cx<'_>) -> Res<()> {
    Ok(())
}

/// syncfs(2)
pub fn syncfs(cx: &mut Cx<'_>, fd: Fd) -> Res<()> {
    cx.file(fd)?;
    Ok(())
}

/// ftruncate(2)
pub fn ftruncate(cx: &mut Cx<'_>, fd: Fd, len: Long) -> Res<()> {
    let len = u64::try_from(len.0).map_err(|_| Errno::EINVAL)?;
    let open = cx.file(fd)?;
    let inode = open.inode().ok_or(Errno::EINVAL)?;
    if !open.writable() || inode.kind() != Kind::Regular {
        return Err(Errno::EINVAL.into());
    }
    may_grow(cx, open.file().size(), len)?;
    inode.truncate(len)?;
    notify::on_inode(&inode, inotify::MODIFY);
    Ok(())
}

const FALLOC_KEEP_SIZE: i32 = 1;
const FALLOC_PUNCH_HOLE: i32 = 2;
const FALLOC_ZERO_RANGE: i32 = 16;

/// fallocate(2)
pub fn fallocate(cx: &mut Cx<'_>, fd: Fd, mode: Int, offset: Long, len: Long) -> Res<()> {
    let open = cx.file(fd)?;
    if offset.0 < 0 || len.0 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    let end = offset.0.checked_add(len.0).ok_or(Errno::EFBIG)?;
    let keep_size = mode.0 & FALLOC_KEEP_SIZE != 0;
    let how = match mode.0 & !FALLOC_KEEP_SIZE {
        0 => Allocate::Reserve { keep_size },
        FALLOC_PUNCH_HOLE if keep_size => Allocate::PunchHole,
        FALLOC_ZERO_RANGE => Allocate::Zero { keep_size },
        _ => return Err(Errno::EOPNOTSUPP.into()),
    };
    if !open.writable() {
        return Err(Errno::EBADF.into());
    }
    match open.inode().map(|inode| inode.kind()) {
        Some(Kind::Regular) => {}
        Some(Kind::Directory) => return Err(Errno::EISDIR.into()),
        Some(Kind::Fifo) => return Err(Errno::ESPIPE.into()),
        None if super::is_pipe(&open) => return Err(Errno::ESPIPE.into()),
        _ => return Err(Errno::ENODEV.into()),
    }
    if !keep_size {
        may_grow(cx, open.file().size(), end as u64)?;
    }
    open.file().allocate(offset.0 as u64, end as u64, how)?;
    if let Some(inode) = open.inode() {
        notify::on_inode(&inode, inotify::MODIFY);
    }
    Ok(())
}

/// posix_fadvise(2): advice is taken, and changes nothing.
pub fn fadvise64(cx: &mut Cx<'_>, fd: Fd, _offset: Long, len: Long, advice: Int) -> Res<()> {
    let open = cx.file(fd)?;
    if super::is_pipe(&open) || open.inode().is_some_and(|inode| inode.kind() == Kind::Fifo) {
        return Err(Errno::ESPIPE.into());
    }
    if len.0 < 0 || !(0..=5).contains(&advice.0) {
        return Err(Errno::EINVAL.into());
    }
    Ok(())
}

/// readahead(2)
pub fn readahead(cx: &mut Cx<'_>, fd: Fd, _offset: Long, count: Size) -> Res<()> {
    let open = readable(cx, fd)?;
    if isize::try_from(count.0).is_err() {
        return Err(Errno::EINVAL.into());
    }
    match open.inode().map(|inode| inode.kind()) {
        Some(Kind::Regular) => Ok(()),
        _ => Err(Errno::EINVAL.into()),
    }
}

/// sync_file_range(2): what is there lives in RAM.
pub fn sync_file_range(cx: &mut Cx<'_>, fd: Fd, offset: Long, len: Long, flags: Flags) -> Res<()> {
    let open = cx.file(fd)?;
    if flags.0 & !7 != 0 || offset.0 < 0 || len.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    match open.inode().map(|inode| inode.kind()) {
        Some(Kind::Regular | Kind::BlockDevice | Kind::Directory) => Ok(()),
        _ => Err(Errno::ESPIPE.into()),
    }
}

/// close(2)
pub fn close(cx: &mut Cx<'_>, fd: Fd) -> Res<()> {
    let open = cx.process().fds().close(fd.0)?;
    closed(cx, &open);
    Ok(())
}

/// What closing any descriptor of a file does: the process's record locks on it go (fcntl(2)), and its wish to be told
/// of messages (mq_notify(3)).
pub(super) fn closed(cx: &Cx<'_>, open: &OpenFile) {
    if locks::any()
        && let Some(inode) = open.inode()
    {
        let attr = inode.attr();
        locks::clear((attr.dev, attr.ino), locks::Owner::Process(cx.process().pid()), 0, u64::MAX);
    }
    if mqueue::any_notified()
        && let Some(queue) = open.file().as_any().downcast_ref::<mqueue::Queue>()
    {
        queue.forget(cx.process().pid());
    }
}

/// truncate(2), by path.
pub fn truncate(cx: &mut Cx<'_>, path: osv_abi::arg::CStrPtr, len: Long) -> Res<()> {
    let len = u64::try_from(len.0).map_err(|_| Errno::EINVAL)?;
    let path = super::Path::read(cx, path)?;
    let creds = cx.creds();
    let entry = ops::find(&cx.start(Fd::CWD, &path, &creds)?, &path, true)?;
    if entry.mount().is_read_only() && entry.kind() == Kind::Regular {
        return Err(Errno::EROFS.into());
    }
    may_grow(cx, entry.inode().attr().size, len)?;
    ops::truncate(&entry, len, &creds)
}
