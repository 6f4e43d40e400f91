//! Open files. A [`File`] is what an open file description refers to: a regular file, a pipe end, a socket, an
//! epoll instance. [`OpenFile`] is the description itself: status flags and the offset, shared by the
//! descriptors that dup(2) and fork(2) made.

use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicU32, Ordering};
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_mm::pager::Pager;
use osv_sync::{Events, Mutex, Readiness};

/// How one read or write is to behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Io {
    /// Return EAGAIN where the call would sleep (O_NONBLOCK, MSG_DONTWAIT, RWF_NOWAIT).
    pub nonblock: bool,
    /// Write at the end (O_APPEND).
    pub append: bool,
}

/// Where in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// At this offset: seekable files.
    Offset(u64),
    /// The stream's own order: files without an offset.
    Stream,
}

/// Anything that a descriptor can refer to. Reads and writes go through cursors that do not fault (see
/// [`osv_base::io`]); a short transfer with `faulted()` set is continued by `sys`.
pub trait File: Send + Sync + Any {
    /// Reads into `to`; 0 at the end of the file. May sleep unless `io.nonblock`.
    fn read(&self, at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        let _ = (at, to, io);
        Err(Errno::EINVAL.into())
    }
    /// Writes from `from`. May sleep unless `io.nonblock`. With `io.append` returns the end offset through
    /// [`File::size`] afterwards.
    fn write(&self, at: At, from: &mut dyn Source, io: Io) -> Res<usize> {
        let _ = (at, from, io);
        Err(Errno::EINVAL.into())
    }
    /// Whether the file has an offset (lseek works).
    fn seekable(&self) -> bool {
        false
    }
    /// Length in bytes, for SEEK_END and O_APPEND.
    fn size(&self) -> u64 {
        0
    }
    /// What holds now. Files that are always ready (regular files) need not override it.
    fn poll(&self) -> Events {
        Events::IN | Events::OUT | Events::RDNORM | Events::WRNORM
    }
    /// Where to wait for a change; `None` for files that are always ready: epoll refuses those with EPERM.
    fn readiness(&self) -> Option<&Readiness> {
        None
    }
    /// ioctl(2) beyond those that `sys` handles for every file.
    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        let _ = (request, arg);
        Err(Errno::ENOTTY.into())
    }
    /// What mmap(2) maps; `None`: ENODEV.
    fn pager(&self) -> Option<Arc<dyn Pager>> {
        None
    }
    /// The last descriptor of this description was closed.
    fn released(&self) {}
    /// For downcasts to sockets, epoll, pipes.
    fn as_any(&self) -> &dyn Any;
}

/// The third argument of ioctl(2): a value, or a pointer that only `sys` may follow.
pub trait IoctlArg {
    /// The argument as a number.
    fn value(&self) -> u64;
    /// Copies in the structure that the argument points to. Not under a lock.
    fn read(&self, to: &mut [u8]) -> Result<(), Errno>;
    /// Copies out to where the argument points. Not under a lock.
    fn write(&mut self, from: &[u8]) -> Result<(), Errno>;
}

/// An open file description.
pub struct OpenFile {
    file: Arc<dyn File>,
    status: AtomicU32,
    offset: Mutex<u64>,
}

impl OpenFile {
    /// Describes `file`, opened with the access mode and status flags `flags` (O_*).
    pub fn new(file: Arc<dyn File>, flags: u32) -> Self {
        OpenFile { file, status: AtomicU32::new(flags), offset: Mutex::new(0) }
    }
    /// What it refers to.
    pub fn file(&self) -> &Arc<dyn File> {
        &self.file
    }
    /// Access mode and status flags, as fcntl(F_GETFL) returns them.
    pub fn status(&self) -> u32 {
        self.status.load(Ordering::Relaxed)
    }
    /// Changes the status flags in `mask` to those of `flags`.
    pub fn set_status(&self, mask: u32, flags: u32) {
        let _ = self
            .status
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some((old & !mask) | (flags & mask)));
    }
    /// The file offset. Held over a read or write so that those of one description do not mix (POSIX 2.9.7).
    pub fn offset(&self) -> &Mutex<u64> {
        &self.offset
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.file.released();
    }
}
