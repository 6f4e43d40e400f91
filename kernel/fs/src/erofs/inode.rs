//! An inode of an image: also its open file, and its pager.

use super::layout::{DirBlock, Inode as Raw, Layout};
use super::medium::View;
use super::{CORRUPT, Erofs, Mounted};
use crate::cache::Ahead;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::cmp::Ordering;
use core::fmt;
use core::ops::Range;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Fail, PAGE_SIZE, Res};
use osv_mm::frame::{Frame, Use};
use osv_mm::pager::{ObjectId, Pager};
use osv_sync::Mutex;
use osv_vfs::inode::{DirEntry, LINK_MAX, LinkTarget};
use osv_vfs::{At, Attr, File, FileSystem, Inode, Io, Kind};

/// An inode.
pub(crate) struct ErofsInode {
    this: Weak<ErofsInode>,
    fs: Arc<Erofs>,
    raw: Raw,
    object: ObjectId,
    /// How its data is read.
    ahead: Ahead,
    /// Pages that do not lie aligned in an image in memory, such as tails behind the inode.
    copies: Mutex<BTreeMap<u64, Frame>>,
}

const PAGE: u64 = PAGE_SIZE as u64;

impl ErofsInode {
    pub(super) fn new(fs: Arc<Erofs>, raw: Raw) -> Arc<ErofsInode> {
        Arc::new_cyclic(|this| ErofsInode {
            this: this.clone(),
            fs,
            raw,
            object: ObjectId::unique(),
            ahead: Ahead::new(),
            copies: Mutex::new(BTreeMap::new()),
        })
    }

    fn data(&self, offset: u64, max: usize) -> Res<View<'_>> {
        self.fs.superblock.data(&self.fs.medium, &self.raw, offset, max, &self.ahead)
    }

    fn dir_block(&self, index: u64) -> Res<DirBlock<'_>> {
        self.fs.superblock.dir_block(&self.fs.medium, &self.raw, index, &self.ahead)
    }

    /// The inode number of the entry called `name`: blocks and entries are sorted, so both are searched by halves.
    fn find(&self, name: &[u8]) -> Res<u64> {
        let (mut low, mut high) = (0, self.fs.superblock.dir_blocks(&self.raw));
        // The last block whose first name is not behind `name`.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.dir_block(middle)?.entry(0)?.name <= name {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(index) = low.checked_sub(1) else { return Err(Errno::ENOENT.into()) };
        let block = self.dir_block(index)?;
        let (mut low, mut high) = (0, block.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = block.entry(middle)?;
            match entry.name.cmp(name) {
                Ordering::Equal => return Ok(entry.nid),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Err(Errno::ENOENT.into())
    }

    /// The image's page that is page `index` of the file, and the pages that follow each other with it there, when all
    /// of it lies aligned in the image.
    fn aligned(&self, index: u64) -> Res<Option<(u64, Range<u64>)>> {
        let offset = index * PAGE;
        let (Some(at), len) = self.fs.superblock.extent(&self.fs.medium, &self.raw, offset)? else {
            return Ok(None);
        };
        let needed = PAGE.min(self.raw.size - offset);
        if !at.is_multiple_of(PAGE) || len < needed || at.saturating_add(PAGE) > self.fs.medium.len() {
            return Ok(None);
        }
        // A file in a row on the disk is read ahead from its first page on.
        let start = match self.raw.layout {
            Layout::Plain { start } | Layout::Inline { start, .. } => start / PAGE,
            Layout::Chunks { .. } => at / PAGE,
        };
        let end = at.saturating_add(len).min(self.fs.medium.len()).div_ceil(PAGE);
        Ok(Some((at / PAGE, start..end)))
    }

    /// Whether page `index`, in `frame`, is zero behind the end of the file.
    fn ends_in_zeros(&self, index: u64, frame: &Frame) -> bool {
        let needed = PAGE.min(self.raw.size - index * PAGE);
        frame.bytes()[needed as usize..].iter().all(|&b| b == 0)
    }

    /// The image's own frame for page `index`, when all of the page lies aligned in the image and is zero behind the
    /// end of the file.
    fn in_place(&self, index: u64) -> Res<Option<Frame>> {
        let Some((page, run)) = self.aligned(index)? else { return Ok(None) };
        let frame = self.fs.medium.frame(page, run, &self.ahead)?;
        Ok(frame.filter(|frame| self.ends_in_zeros(index, frame)))
    }

    fn copy(&self, index: u64) -> Res<Frame> {
        if let Some(frame) = self.copies.lock().get(&index) {
            return Ok(frame.clone());
        }
        let frame = Frame::zeroed(Use::User)?;
        let start = index * PAGE;
        let end = self.raw.size.min(start + PAGE);
        let mut at = start;
        while at < end {
            let piece = self.data(at, (end - at) as usize)?;
            if piece.is_empty() {
                return Err(CORRUPT.into());
            }
            frame.copy_in((at - start) as usize, &piece);
            at += piece.len() as u64;
        }
        if self.fs.medium.sleeps() {
            // It can be had again, so it goes with its last mapping.
            return Ok(frame);
        }
        Ok(self.copies.lock().entry(index).or_insert(frame).clone())
    }
}

/// A page that cannot be read is EIO, whatever the reason, but for want of memory.
fn unreadable(fail: Fail) -> Fail {
    if fail == Errno::ENOMEM.into() { fail } else { Errno::EIO.into() }
}

fn kind_of_entry(kind: u8) -> Res<Kind> {
    Ok(match kind {
        1 => Kind::Regular,
        2 => Kind::Directory,
        3 => Kind::CharDevice,
        4 => Kind::BlockDevice,
        5 => Kind::Fifo,
        6 => Kind::Socket,
        7 => Kind::Symlink,
        _ => return Err(CORRUPT.into()),
    })
}

impl Inode for ErofsInode {
    fn fs(&self) -> Arc<dyn FileSystem> {
        Arc::new(Mounted(self.fs.clone()))
    }
    fn kind(&self) -> Kind {
        self.raw.kind
    }

    fn attr(&self) -> Attr {
        let raw = &self.raw;
        Attr {
            dev: self.fs.dev,
            ino: raw.nid,
            nlink: raw.nlink,
            mode: raw.kind.mode() | raw.mode,
            uid: raw.uid,
            gid: raw.gid,
            rdev: raw.rdev,
            size: raw.size,
            blksize: 4096,
            blocks: raw.size.div_ceil(512),
            atime: raw.mtime,
            mtime: raw.mtime,
            ctime: raw.mtime,
        }
    }

    fn lookup(&self, name: &[u8]) -> Res<Arc<dyn Inode>> {
        if self.raw.kind != Kind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        Ok(self.fs.inode(self.find(name)?)?)
    }

    /// A position is a block number and, in the low 12 bits, an entry in it.
    fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        if self.raw.kind != Kind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        let mut first = (from & 0xfff) as usize;
        for index in from >> 12..self.fs.superblock.dir_blocks(&self.raw) {
            let block = self.dir_block(index)?;
            for at in first..block.count {
                let entry = block.entry(at)?;
                if matches!(entry.name, b"." | b"..") {
                    continue;
                }
                let next =
                    if at + 1 < block.count { index << 12 | (at as u64 + 1) } else { (index + 1) << 12 };
                let (ino, kind) = (entry.nid, kind_of_entry(entry.kind)?);
                if !emit(DirEntry { ino, kind, next, name: entry.name }) {
                    return Ok(());
                }
            }
            first = 0;
        }
        Ok(())
    }

    fn link_target(&self) -> Res<LinkTarget> {
        if self.raw.kind != Kind::Symlink {
            return Err(Errno::EINVAL.into());
        }
        if self.raw.size > LINK_MAX as u64 {
            return Err(CORRUPT.into());
        }
        let mut target = Vec::new();
        while (target.len() as u64) < self.raw.size {
            let piece = self.data(target.len() as u64, LINK_MAX)?;
            if piece.is_empty() {
                return Err(CORRUPT.into());
            }
            target.extend_from_slice(&piece);
        }
        if target.contains(&0) { Err(CORRUPT.into()) } else { Ok(LinkTarget::Path(target)) }
    }

    fn open(self: Arc<Self>, _flags: u32) -> Res<Arc<dyn File>> {
        if self.raw.kind == Kind::Regular { Ok(self) } else { Err(Errno::ENXIO.into()) }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl File for ErofsInode {
    fn read(&self, at: At, to: &mut dyn Sink, _io: Io) -> Res<usize> {
        let At::Offset(offset) = at else { return Err(Errno::ESPIPE.into()) };
        let mut done = 0;
        while to.remaining() > 0 && !to.faulted() {
            let Some(at) = offset.checked_add(done as u64) else { break };
            match self.data(at, to.remaining()) {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => done += to.put(&piece),
                Err(_) if done > 0 => break,
                Err(fail) => return Err(unreadable(fail)),
            }
        }
        Ok(done)
    }
    fn write(&self, _at: At, _from: &mut dyn Source, _io: Io) -> Res<usize> {
        Err(Errno::EROFS.into())
    }
    fn seekable(&self) -> bool {
        true
    }
    fn size(&self) -> u64 {
        self.raw.size
    }
    fn pager(&self) -> Option<Arc<dyn Pager>> {
        Some(self.this.upgrade()?)
    }
    fn inode(&self) -> Option<Arc<dyn Inode>> {
        Some(self.this.upgrade()?)
    }
    fn sync(&self) -> Res<()> {
        Ok(())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Pager for ErofsInode {
    fn object(&self) -> ObjectId {
        self.object
    }
    fn page(&self, index: u64, write: bool) -> Res<Frame> {
        if write {
            return Err(Errno::EROFS.into());
        }
        if index >= self.raw.size.div_ceil(PAGE) {
            return Err(Errno::ENXIO.into());
        }
        match self.in_place(index) {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => self.copy(index),
            Err(fail) => Err(fail),
        }
        .map_err(unreadable)
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        // A table of chunks may have to be read first.
        let waits = self.fs.medium.sleeps() && matches!(self.raw.layout, Layout::Chunks { .. });
        if waits || index >= self.raw.size.div_ceil(PAGE) {
            return None;
        }
        let (page, _) = self.aligned(index).ok()??;
        self.fs.medium.cached_frame(page).filter(|frame| self.ends_in_zeros(index, frame))
    }
    fn is_backed(&self) -> bool {
        self.fs.medium.sleeps()
    }
    fn len(&self) -> u64 {
        self.raw.size
    }
    fn device_inode(&self) -> (u64, u64) {
        (self.fs.dev, self.raw.nid)
    }
}

impl fmt::Debug for ErofsInode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErofsInode({})", self.raw.nid)
    }
}
