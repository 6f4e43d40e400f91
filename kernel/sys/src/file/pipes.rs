//! tee(2), vmsplice(2): what pipes hold, copied.

use super::io::vector_count;
use crate::cursor::{Segments, UserSink, UserSource};
use crate::cx::Cx;
use osv_abi::arg::{Fd, Flags, Size};
use osv_abi::{Errno, UserAddr};
use osv_base::Res;
use osv_base::io::{Sink, SliceSource, Source};
use osv_event::Pipe;
use osv_sync::{Events, Wait};
use osv_vfs::{At, File, Io, OpenFile};

const NONBLOCK: u32 = 2;
/// SPLICE_F_MOVE, NONBLOCK, MORE, GIFT.
const KNOWN: u32 = 0xf;
/// Bytes that tee(2) copies at once.
const CHUNK: usize = 16 << 10;

/// Sleeps until `pipe` shows one of `events`: EAGAIN where it must not.
pub(super) fn wait_for(pipe: &Pipe, events: Events, nonblock: bool) -> Res<()> {
    let ready = || pipe.poll().intersects(events).then_some(());
    if ready().is_some() {
        return Ok(());
    }
    if nonblock {
        return Err(Errno::EAGAIN.into());
    }
    let Some(readiness) = pipe.readiness() else { return Ok(()) };
    let waited = readiness.waiters.wait_until(Wait::INTERRUPTIBLE, ready);
    waited.map_err(|error| error.or_timeout(Errno::EAGAIN))
}

/// The pipe that a description is, if it is one.
pub(super) fn pipe(open: &OpenFile) -> Option<&Pipe> {
    open.file().as_any().downcast_ref()
}

pub(super) const READABLE: Events = Events::IN.union(Events::HUP);
pub(super) const WRITABLE: Events = Events::OUT.union(Events::ERR);

/// tee(2): what is in one pipe goes into another and stays.
pub fn tee(cx: &mut Cx<'_>, in_fd: Fd, out_fd: Fd, count: Size, flags: Flags) -> Res<usize> {
    if flags.0 & !KNOWN != 0 {
        return Err(Errno::EINVAL.into());
    }
    if count.0 == 0 {
        return Ok(0);
    }
    let (input, output) = (cx.file(in_fd)?, cx.file(out_fd)?);
    if !input.readable() || !output.writable() {
        return Err(Errno::EBADF.into());
    }
    let (Some(from), Some(to)) = (pipe(&input), pipe(&output)) else { return Err(Errno::EINVAL.into()) };
    if from.is_same(to) {
        return Err(Errno::EINVAL.into());
    }
    let nonblock = flags.0 & NONBLOCK != 0 || input.io().nonblock || output.io().nonblock;
    wait_for(from, READABLE, nonblock)?;
    wait_for(to, WRITABLE, nonblock)?;
    let bytes = from.peek(count.0.min(CHUNK).min(to.room()))?;
    if bytes.is_empty() {
        return Ok(0);
    }
    let io = Io { nonblock: true, ..Io::default() };
    cx.broken_pipe(to.write(At::Stream, &mut SliceSource::new(&bytes), io))
}

/// vmsplice(2): buffers into a pipe, or out of one; always copied, so SPLICE_F_GIFT gives nothing away.
pub fn vmsplice(cx: &mut Cx<'_>, fd: Fd, vectors: UserAddr, count: Size, flags: Flags) -> Res<usize> {
    if flags.0 & !KNOWN != 0 {
        return Err(Errno::EINVAL.into());
    }
    let open = cx.file(fd)?;
    if !open.readable() && !open.writable() {
        return Err(Errno::EBADF.into());
    }
    let vectors = cx.read_iovecs(vectors, vector_count(count))?;
    let segments = Segments::many(&vectors);
    let (mut sink, mut source) = (UserSink::new(segments.clone()), UserSource::new(segments));
    if sink.remaining() == 0 {
        return Ok(0);
    }
    let pipe = pipe(&open).ok_or(Errno::EBADF)?;
    let nonblock = flags.0 & NONBLOCK != 0 || open.io().nonblock;
    if open.writable() {
        wait_for(pipe, WRITABLE, nonblock)?;
        let fits = source.remaining().min(pipe.room().max(1));
        let io = Io { nonblock: true, ..Io::default() };
        let result = cx.transfer_in(&mut source, |from, before| {
            // What there was room for at first, and not what a reader makes room for meanwhile.
            let left = fits.saturating_sub(before);
            if left == 0 { Ok(0) } else { pipe.write(At::Stream, &mut Limited { from, left }, io) }
        });
        return cx.broken_pipe(result);
    }
    wait_for(pipe, READABLE, nonblock)?;
    let io = Io { nonblock: true, ..Io::default() };
    cx.transfer_out(&mut sink, |to, _| match pipe.read(At::Stream, to, io) {
        // Taken by another, or nobody writes any more.
        Err(fail) if fail == Errno::EAGAIN.into() => Ok(0),
        other => other,
    })
}

/// The first bytes of a source.
struct Limited<'s> {
    from: &'s mut dyn Source,
    left: usize,
}

impl Source for Limited<'_> {
    fn remaining(&self) -> usize {
        self.left.min(self.from.remaining())
    }
    fn take(&mut self, bytes: &mut [u8]) -> usize {
        let want = bytes.len().min(self.left);
        let taken = self.from.take(&mut bytes[..want]);
        self.left -= taken;
        taken
    }
    fn faulted(&self) -> bool {
        self.from.faulted()
    }
}
