//! Open files. A [`File`] is what an open file description refers to: a regular file, a pipe end, a socket, an
//! epoll instance. [`OpenFile`] is the description itself: status flags and the offset, shared by the
//! descriptors that dup(2) and fork(2) made.

use crate::entry::Entry;
use crate::inode::{Attr, Inode};
use crate::leases;
use crate::locks::{self, Owner};
use crate::notify;
use crate::text::Writing;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::fmt::{self, Write};
use core::mem;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use osv_abi::uapi::event::inotify;
use osv_abi::uapi::file::open;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Instant, Res};
use osv_mm::frame::Frame;
use osv_mm::pager::{ObjectId, Pager};
use osv_sync::{Events, Mutex, Readiness, SpinLock};
use spin::Once;

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
    /// Whether [`File::read`] does anything for some arguments: readv(2) asks before it looks at its buffers.
    fn can_read(&self) -> bool {
        true
    }
    /// As [`File::can_read`], for writing.
    fn can_write(&self) -> bool {
        true
    }
    /// Whether the file has an offset (lseek works).
    fn seekable(&self) -> bool {
        false
    }
    /// Whether offsets are taken and mean nothing: lseek(2) gives 0, pread(2) reads (null(4), random(4)).
    fn ignores_offset(&self) -> bool {
        false
    }
    /// Whether each transfer is one whole (a datagram): [`File::read`] and [`File::write`] move all of it or, when
    /// the cursor faulted, nothing, and are called again from the first byte.
    fn whole(&self) -> bool {
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
    /// Whether readiness changes by itself with time, as [`File::next_change`] says.
    fn is_timed(&self) -> bool {
        false
    }
    /// When that is next.
    fn next_change(&self) -> Option<Instant> {
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
    /// Whether nobody may write through a shared mapping, now or later: a file sealed against that.
    fn is_sealed(&self) -> bool {
        false
    }
    /// Whether a mapping of it is memory of the mapping's own, full of zeros (/dev/zero).
    fn maps_zeros(&self) -> bool {
        false
    }
    /// The inode, of files that have one: fstat(2), ftruncate(2), fchmod(2) and kin go to it. A description that
    /// was opened by name has it through [`OpenFile::entry`] as well.
    fn inode(&self) -> Option<Arc<dyn Inode>> {
        None
    }
    /// What fstat(2) shows of a file without an inode.
    fn attr(&self) -> Attr {
        Attr { mode: 0o600, nlink: 1, ..Attr::default() }
    }
    /// Makes room for `start..end`, without changing what can be read unless `zero` (fallocate(2)).
    fn allocate(&self, start: u64, end: u64, how: Allocate) -> Res<()> {
        let _ = (start, end, how);
        Err(Errno::EOPNOTSUPP.into())
    }
    /// Makes what was written durable (fsync(2)): EINVAL for files that cannot. Nothing to do for what lives in RAM.
    fn sync(&self) -> Res<()> {
        Err(Errno::EINVAL.into())
    }
    /// The next offset at or after `from` where there is data, or a hole: SEEK_DATA, SEEK_HOLE. ENXIO past the end.
    fn seek_data(&self, from: u64, data: bool) -> Res<u64> {
        let size = self.size();
        if from >= size {
            return Err(Errno::ENXIO.into());
        }
        Ok(if data { from } else { size })
    }
    /// Name in /proc/self/fd of a file without an entry: `pipe:[7]`, `anon_inode:[eventfd]`.
    fn describe(&self) -> Vec<u8> {
        b"anon_inode:[file]".to_vec()
    }
    /// What /proc/PID/fdinfo says of it beyond what it says of every file, in whole lines.
    fn details(&self, to: &mut dyn Write) -> fmt::Result {
        let _ = to;
        Ok(())
    }
    /// The last descriptor of this description was closed.
    fn released(&self) {}
    /// For downcasts to sockets, epoll, pipes.
    fn as_any(&self) -> &dyn Any;
}

/// What fallocate(2) does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allocate {
    /// Reserves space; the file grows unless `keep_size`.
    Reserve {
        /// Space past the end does not make the file longer.
        keep_size: bool,
    },
    /// Gives space back: reads as zeros.
    PunchHole,
    /// Reads as zeros; the file grows unless `keep_size`.
    Zero {
        /// See [`Allocate::Reserve`].
        keep_size: bool,
    },
}

/// The third argument of ioctl(2): a value, or a pointer that only `sys` may follow.
pub trait IoctlArg {
    /// The argument as a number.
    fn value(&self) -> u64;
    /// Copies in the structure that the argument points to. Not under a lock.
    fn read(&self, to: &mut [u8]) -> Result<(), Errno>;
    /// Copies out to where the argument points. Not under a lock.
    fn write(&mut self, from: &[u8]) -> Result<(), Errno>;
    /// Copies out to an address that a structure holds. Not under a lock.
    fn write_at(&mut self, address: u64, from: &[u8]) -> Result<(), Errno> {
        let _ = (address, from);
        Err(Errno::EFAULT)
    }
}

/// Told when a description is closed for good; epoll's item is one.
pub trait CloseWatcher: Send + Sync {
    /// The last descriptor was closed.
    fn closed(&self);
}

static OPEN_FILES: AtomicUsize = AtomicUsize::new(0);

/// How many descriptions are open in the machine.
pub fn open_files() -> usize {
    OPEN_FILES.load(Ordering::Relaxed)
}

/// An open file description.
pub struct OpenFile {
    file: Arc<dyn File>,
    seekable: bool,
    whole: bool,
    status: AtomicU32,
    offset: Mutex<u64>,
    entry: Option<Arc<Entry>>,
    writing: Option<Writing>,
    watched: AtomicBool,
    locked: AtomicBool,
    watchers: SpinLock<Vec<Weak<dyn CloseWatcher>>>,
    signals: Once<Arc<dyn SignalOwner>>,
}

/// Who gets signals for a description's input and output (F_SETOWN, O_ASYNC); a layer above knows processes.
pub trait SignalOwner: Any + Send + Sync {
    /// For the downcast of the layer that made it.
    fn as_any(&self) -> &dyn Any;
}

impl OpenFile {
    /// Describes `file`, opened with the access mode and status flags `flags` (O_*).
    pub fn new(file: Arc<dyn File>, flags: u32) -> Self {
        OPEN_FILES.fetch_add(1, Ordering::Relaxed);
        OpenFile {
            seekable: file.seekable(),
            whole: file.whole(),
            file,
            status: AtomicU32::new(flags & open::STATUS),
            offset: Mutex::new(0),
            entry: None,
            writing: None,
            watched: AtomicBool::new(false),
            locked: AtomicBool::new(false),
            watchers: SpinLock::new(Vec::new()),
            signals: Once::new(),
        }
    }
    /// As [`OpenFile::new`], opened by the name `entry`.
    pub fn with_entry(file: Arc<dyn File>, flags: u32, entry: Arc<Entry>) -> Self {
        let mut open = Self::new(file, flags);
        open.entry = Some(entry);
        open
    }
    /// Keeps the file from being run as long as it is open.
    pub(crate) fn set_writing(&mut self, writing: Writing) {
        self.writing = Some(writing);
    }
    /// What it refers to.
    pub fn file(&self) -> &Arc<dyn File> {
        &self.file
    }
    /// The name that it was opened by.
    pub fn entry(&self) -> Option<&Arc<Entry>> {
        self.entry.as_ref()
    }
    /// Its inode, if it has one.
    pub fn inode(&self) -> Option<Arc<dyn Inode>> {
        match &self.entry {
            Some(entry) => Some(entry.inode().clone()),
            None => self.file.inode(),
        }
    }
    /// What fstat(2) shows.
    pub fn attr(&self) -> Attr {
        self.inode().map_or_else(|| self.file.attr(), |inode| inode.attr())
    }
    /// What mmap(2) maps, with the file's name for /proc/PID/maps; `None`: ENODEV.
    pub fn pager(&self) -> Option<Arc<dyn Pager>> {
        let pager = self.file.pager()?;
        Some(match &self.entry {
            Some(entry) => Arc::new(Named { pager, entry: entry.clone() }),
            None => pager,
        })
    }
    /// Whether the file has an offset.
    pub fn seekable(&self) -> bool {
        self.seekable
    }
    /// Whether each transfer is one whole ([`File::whole`]).
    pub fn whole(&self) -> bool {
        self.whole
    }
    /// Access mode and status flags, as fcntl(F_GETFL) returns them.
    pub fn status(&self) -> u32 {
        self.status.load(Ordering::Relaxed)
    }
    /// Whether it may be read.
    pub fn readable(&self) -> bool {
        matches!(self.status() & (open::ACCMODE | open::PATH), open::RDONLY | open::RDWR)
    }
    /// Whether it may be written.
    pub fn writable(&self) -> bool {
        matches!(self.status() & (open::ACCMODE | open::PATH), open::WRONLY | open::RDWR)
    }
    /// Whether it only names a place in the tree (O_PATH).
    pub fn is_path(&self) -> bool {
        self.status() & open::PATH != 0
    }
    /// How its status flags say that reads and writes behave.
    pub fn io(&self) -> Io {
        let status = self.status();
        Io { nonblock: status & open::NONBLOCK != 0, append: status & open::APPEND != 0 }
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
    /// It took an advisory lock or a lease, so closing it gives them up.
    pub fn mark_locked(&self) {
        self.locked.store(true, Ordering::Relaxed);
    }
    #[cold]
    fn unlock(&self) {
        let Some(inode) = self.inode() else { return };
        let attr = inode.attr();
        let address = core::ptr::from_ref(self) as usize;
        let _ = leases::remove(address);
        for owner in [Owner::Description(address), Owner::Flock(address)] {
            locks::clear((attr.dev, attr.ino), owner, 0, u64::MAX);
        }
    }
    /// Who gets its signals, once somebody asked for some.
    pub fn signal_owner(&self) -> Option<&Arc<dyn SignalOwner>> {
        self.signals.get()
    }
    /// As [`OpenFile::signal_owner`], made by `make` if there is none.
    pub fn signal_owner_or(&self, make: impl FnOnce() -> Arc<dyn SignalOwner>) -> &Arc<dyn SignalOwner> {
        self.signals.call_once(make)
    }
    /// Has `watcher` told when the description is closed.
    pub fn watch_close(&self, watcher: Weak<dyn CloseWatcher>) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|w| w.strong_count() > 0);
        watchers.push(watcher);
        self.watched.store(true, Ordering::Release);
    }
}

/// A pager that knows by which name it was reached.
struct Named {
    pager: Arc<dyn Pager>,
    entry: Arc<Entry>,
}

impl Pager for Named {
    fn object(&self) -> ObjectId {
        self.pager.object()
    }
    fn page(&self, index: u64, write: bool) -> Res<Frame> {
        self.pager.page(index, write)
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        self.pager.cached(index)
    }
    fn len(&self) -> u64 {
        self.pager.len()
    }
    fn is_sealed(&self) -> bool {
        self.pager.is_sealed()
    }
    fn sync(&self, first: u64, end: u64) -> Res<()> {
        self.pager.sync(first, end)
    }
    fn mappings(&self) -> Option<&osv_mm::pager::Mappings> {
        self.pager.mappings()
    }
    fn is_backed(&self) -> bool {
        self.pager.is_backed()
    }
    fn name(&self, to: &mut dyn Write) -> fmt::Result {
        to.write_str(&String::from_utf8_lossy(&self.entry.path()))
    }
    fn device_inode(&self) -> (u64, u64) {
        self.pager.device_inode()
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        OPEN_FILES.fetch_sub(1, Ordering::Relaxed);
        if self.watched.load(Ordering::Acquire) {
            let watchers = mem::take(&mut *self.watchers.lock());
            for watcher in watchers.iter().filter_map(Weak::upgrade) {
                watcher.closed();
            }
        }
        if self.locked.load(Ordering::Relaxed) {
            self.unlock();
        }
        if notify::any()
            && let Some(entry) = &self.entry
            && !self.is_path()
        {
            let mask = if self.writable() { inotify::CLOSE_WRITE } else { inotify::CLOSE_NOWRITE };
            notify::on_entry(entry, mask);
            // It holds the entry as well.
            self.writing = None;
            notify::removed(entry, 1);
        }
        self.file.released();
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenFile({:#o}, {:?})", self.status(), self.entry)
    }
}
