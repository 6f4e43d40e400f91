//! Copies between files: sendfile(2), copy_file_range(2), splice(2).

use super::io::{positioned, readable, writable};
use super::pipes::{READABLE, WRITABLE, pipe, wait_for};
use crate::cx::{Cx, MAX_RW_COUNT};
use osv_abi::Errno;
use osv_abi::arg::{Fd, Flags, InOut, Size};
use osv_abi::uapi::file::{mode, open as o};
use osv_base::Res;
use osv_base::io::{SliceSink, SliceSource};
use osv_event::{EventFd, Pipe};
use osv_sync::Events;
use osv_vfs::directory::Directory;
use osv_vfs::{At, File, Io, Kind, OpenFile};

/// Bytes that a copy between files moves at once.
const COPY_CHUNK: usize = 16 << 10;

/// Copies up to `count` bytes through a buffer. `from` and `to` say where; `None` is the description's own offset.
/// A stream gives what it holds: only for the first of it is waited.
fn copy(
    input: &OpenFile,
    mut from: Option<&mut u64>,
    output: &OpenFile,
    mut to: Option<&mut u64>,
    count: usize,
) -> Res<usize> {
    let mut buffer = alloc::vec![0; COPY_CHUNK.min(count)];
    let mut total = 0;
    while total < count {
        let want = buffer.len().min(count - total);
        // Read at a position that does not move until it is known how much went out.
        let start = match &from {
            Some(at) => Some(**at),
            None if input.seekable() => Some(*input.offset().lock()),
            None => None,
        };
        let mut sink = SliceSink::new(&mut buffer[..want]);
        let at = start.map_or(At::Stream, At::Offset);
        let io = input.io();
        let io = Io { nonblock: io.nonblock || start.is_none() && total > 0, ..io };
        let got = match input.file().read(at, &mut sink, io) {
            Ok(0) => break,
            Ok(n) => n,
            Err(_) if total > 0 => break,
            Err(fail) => return Err(fail),
        };
        // What was taken out of a stream cannot go back: it is written, if need be waiting for room.
        let io = Io { nonblock: output.io().nonblock && start.is_some(), ..output.io() };
        let mut sent = 0;
        while sent < got {
            let mut source = SliceSource::new(&buffer[sent..got]);
            let written = match &to {
                Some(at) => output.file().write(At::Offset(**at), &mut source, io),
                None if output.seekable() => {
                    let mut offset = output.offset().lock();
                    let n = output.file().write(At::Offset(*offset), &mut source, io);
                    *offset += *n.as_ref().unwrap_or(&0) as u64;
                    n
                }
                None => output.file().write(At::Stream, &mut source, io),
            };
            match written {
                Ok(0) => break,
                Ok(n) => {
                    sent += n;
                    if let Some(at) = &mut to {
                        **at += n as u64;
                    }
                }
                Err(_) if total + sent > 0 => break,
                Err(fail) => return Err(fail),
            }
        }
        total += sent;
        match &mut from {
            Some(at) => **at += sent as u64,
            None if input.seekable() => *input.offset().lock() += sent as u64,
            None => {}
        }
        if sent < got {
            break;
        }
    }
    Ok(total)
}

/// sendfile(2)
pub fn sendfile(cx: &mut Cx<'_>, out_fd: Fd, in_fd: Fd, offset: InOut<i64>, count: Size) -> Res<usize> {
    let start = offset.read_opt(cx)?;
    let input = readable(cx, in_fd)?;
    let mut from = start.map(|at| positioned(&input, at)).transpose()?;
    let output = writable(cx, out_fd)?;
    if isize::try_from(count.0).is_err() || input.file().as_any().is::<Directory>() {
        return Err(Errno::EINVAL.into());
    }
    if count.0 == 0 && input.file().ignores_offset() {
        return Ok(0);
    }
    if !input.seekable() || output.file().as_any().is::<EventFd>() || output.status() & o::APPEND != 0 {
        return Err(Errno::EINVAL.into());
    }
    let count = count.0.min(MAX_RW_COUNT);
    let result = cx.broken_pipe(copy(&input, from.as_mut(), &output, None, count));
    if let Some(from) = from {
        offset.write(cx, &(from as i64))?;
    }
    result
}

/// copy_file_range(2)
pub fn copy_file_range(
    cx: &mut Cx<'_>,
    in_fd: Fd,
    in_offset: InOut<i64>,
    out_fd: Fd,
    out_offset: InOut<i64>,
    count: Size,
    flags: Flags,
) -> Res<usize> {
    let (input, output) = (cx.file(in_fd)?, cx.file(out_fd)?);
    let offset = |at: InOut<i64>| if at.is_null() { Ok(None) } else { at.read(cx).map(Some) };
    let (from, to) = (offset(in_offset)?, offset(out_offset)?);
    if flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    for open in [&input, &output] {
        match open.inode().map(|inode| inode.kind()) {
            Some(Kind::Regular) => {}
            Some(Kind::Directory) => return Err(Errno::EISDIR.into()),
            _ => return Err(Errno::EINVAL.into()),
        }
    }
    if !input.readable() || !output.writable() || output.status() & o::APPEND != 0 {
        return Err(Errno::EBADF.into());
    }
    let mut from = from.map(|at| positioned(&input, at)).transpose()?;
    let mut to = to.map(|at| positioned(&output, at)).transpose()?;
    if input.attr().dev != output.attr().dev {
        return Err(Errno::EXDEV.into());
    }
    let same = input.attr();
    if (same.dev, same.ino) == (output.attr().dev, output.attr().ino) {
        let start = |at: Option<u64>, open: &OpenFile| at.unwrap_or_else(|| *open.offset().lock());
        let (a, b) = (start(from, &input), start(to, &output));
        if a < b.saturating_add(count.0 as u64) && b < a.saturating_add(count.0 as u64) {
            return Err(Errno::EINVAL.into());
        }
    }
    let done = copy(&input, from.as_mut(), &output, to.as_mut(), count.0.min(MAX_RW_COUNT))?;
    if let Some(from) = from {
        in_offset.write(cx, &(from as i64))?;
    }
    if let Some(to) = to {
        out_offset.write(cx, &(to as i64))?;
    }
    Ok(done)
}

const SPLICE_F_NONBLOCK: u32 = 2;

/// Whether a file is one of bytes that may be moved: not a directory, and no file without a type (an eventfd).
fn holds_bytes(open: &OpenFile) -> bool {
    let kind = open.attr().mode & mode::IFMT;
    matches!(kind, mode::IFREG | mode::IFCHR | mode::IFBLK | mode::IFIFO | mode::IFSOCK)
}

/// splice(2): one side is a pipe. Bytes are copied.
pub fn splice(
    cx: &mut Cx<'_>,
    in_fd: Fd,
    in_offset: InOut<i64>,
    out_fd: Fd,
    out_offset: InOut<i64>,
    count: Size,
    flags: Flags,
) -> Res<usize> {
    if count.0 == 0 {
        return Ok(0);
    }
    if flags.0 & !0xf != 0 {
        return Err(Errno::EINVAL.into());
    }
    let (input, output) = (cx.file(in_fd)?, cx.file(out_fd)?);
    let (from_pipe, to_pipe) = (pipe(&input).is_some(), pipe(&output).is_some());
    // A pipe has no offsets; that comes before whether the other side may be read or written.
    if from_pipe && !in_offset.is_null() || to_pipe && !out_offset.is_null() {
        return Err(Errno::ESPIPE.into());
    }
    let (from, to) = (in_offset.read_opt(cx)?, out_offset.read_opt(cx)?);
    if !input.readable() || !output.writable() {
        return Err(Errno::EBADF.into());
    }
    if isize::try_from(count.0).is_err() {
        return Err(Errno::EINVAL.into());
    }
    if !from_pipe && !to_pipe || output.status() & o::APPEND != 0 {
        return Err(Errno::EINVAL.into());
    }
    if !holds_bytes(&input) || !holds_bytes(&output) {
        return Err(Errno::EINVAL.into());
    }
    if let (Some(from), Some(to)) = (pipe(&input), pipe(&output))
        && from.is_same(to)
    {
        return Err(Errno::EINVAL.into());
    }
    let place = |open: &OpenFile, at: Option<i64>| at.map(|at| positioned(open, at)).transpose();
    let (mut from, mut to) = (place(&input, from)?, place(&output, to)?);
    let mut count = count.0.min(MAX_RW_COUNT);
    // A pipe is waited for until there is something in it, or some room; what there is then is enough.
    let wait = |open: &OpenFile, end: &Pipe, events| {
        wait_for(end, events, flags.0 & SPLICE_F_NONBLOCK != 0 || open.io().nonblock)
    };
    if let Some(end) = pipe(&input) {
        wait(&input, end, READABLE)?;
    }
    if let Some(end) = pipe(&output) {
        wait(&output, end, WRITABLE)?;
        if end.poll().contains(Events::ERR) {
            return cx.broken_pipe(Err(Errno::EPIPE.into()));
        }
        count = count.min(end.room().max(1));
    }
    let done = cx.broken_pipe(copy(&input, from.as_mut(), &output, to.as_mut(), count))?;
    if let Some(from) = from {
        in_offset.write(cx, &(from as i64))?;
    }
    if let Some(to) = to {
        out_offset.write(cx, &(to as i64))?;
    }
    Ok(done)
}
