//! An inode in RAM.

mod content;

use super::RamFs;
use super::data::Data;
use super::dir::Names;
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::any::Any;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use osv_abi::uapi::event::memfd;
use osv_abi::uapi::file::open;
use osv_base::{Errno, PAGE_SIZE, Res};
use osv_mm::pager::{Mappings, ObjectId};
use osv_sync::{Mutex, MutexGuard, SpinLock};
use osv_vfs::inode::{DirEntry, LinkTarget, NewNode};
use osv_vfs::xattr::Xattrs;
use osv_vfs::{Attr, File, FileSystem, Inode, Kind, SetAttr, Time, clock};

/// Seals after which nothing new may write.
const WRITE_SEALS: u32 = memfd::SEAL_WRITE | memfd::SEAL_FUTURE_WRITE;

/// An inode in RAM.
pub struct Node {
    this: Weak<Node>,
    fs: Arc<RamFs>,
    ino: u64,
    /// Whether it is one of the inodes that the file system's limit is about.
    counted: bool,
    kind: Kind,
    rdev: u64,
    object: ObjectId,
    mappings: Mappings,
    /// It has a seal against writing, or is about to: for who asks under the lock of an address space.
    write_sealed: AtomicBool,
    /// Length of a file, for who must not wait for its contents.
    len: AtomicU64,
    meta: SpinLock<Meta>,
    xattrs: Xattrs,
    body: Body,
}

struct Meta {
    mode: u32,
    uid: u32,
    gid: u32,
    nlink: u32,
    atime: Time,
    mtime: Time,
    ctime: Time,
}

struct Identity {
    ino: u64,
    counted: bool,
}

enum Body {
    File(Mutex<Data>),
    Dir(Mutex<Names>),
    Link(Box<[u8]>),
    Special,
}

impl Node {
    /// A new inode: ENOSPC when the file system has enough of them.
    pub(super) fn new(fs: &Arc<RamFs>, new: &NewNode<'_>) -> Res<Arc<Node>> {
        if let Some(budget) = &fs.budget {
            budget.take_inode()?;
        }
        Ok(Self::make_new(fs, new, fs.budget.is_some()))
    }

    /// As [`Node::new`], of what every file system has, or has no part in.
    pub(super) fn uncounted(fs: &Arc<RamFs>, new: &NewNode<'_>) -> Arc<Node> {
        Self::make_new(fs, new, false)
    }

    fn make_new(fs: &Arc<RamFs>, new: &NewNode<'_>, counted: bool) -> Arc<Node> {
        let now = clock::now();
        let body = match new.kind {
            Kind::Regular => Body::File(Mutex::new(Data::empty(fs.budget.clone().filter(|_| counted)))),
            Kind::Directory => Body::Dir(Mutex::default()),
            Kind::Symlink => Body::Link(new.target.into()),
            _ => Body::Special,
        };
        let nlink = if new.kind == Kind::Directory { 2 } else { 0 };
        let meta = Meta {
            mode: new.mode & 0o7777,
            uid: new.uid,
            gid: new.gid,
            nlink,
            atime: now,
            mtime: now,
            ctime: now,
        };
        Self::make(fs, Identity { ino: fs.ino(), counted }, new.kind, new.rdev, meta, body)
    }

    pub(super) fn of_lower(fs: &Arc<RamFs>, lower: Arc<dyn Inode>) -> Res<Arc<Node>> {
        let attr = lower.attr();
        let kind = lower.kind();
        let body = match kind {
            Kind::Regular => Body::File(Mutex::new(Data::of_lower(lower.open(open::RDONLY)?)?)),
            Kind::Directory => Body::Dir(Mutex::new(Names::of_lower(lower))),
            Kind::Symlink => Body::Link(lower.read_link()?.into()),
            _ => Body::Special,
        };
        let meta = Meta {
            mode: attr.mode & 0o7777,
            uid: attr.uid,
            gid: attr.gid,
            nlink: attr.nlink,
            atime: attr.atime,
            mtime: attr.mtime,
            ctime: attr.ctime,
        };
        let identity = Identity { ino: attr.ino, counted: false };
        Ok(Self::make(fs, identity, kind, attr.rdev, meta, body))
    }

    fn make(fs: &Arc<RamFs>, identity: Identity, kind: Kind, rdev: u64, meta: Meta, body: Body) -> Arc<Node> {
        let len = match &body {
            Body::File(data) => data.lock().size(),
            _ => 0,
        };
        Arc::new_cyclic(|this| Node {
            this: this.clone(),
            fs: fs.clone(),
            ino: identity.ino,
            counted: identity.counted,
            kind,
            rdev,
            object: ObjectId::unique(),
            mappings: Mappings::new(),
            write_sealed: AtomicBool::new(false),
            len: AtomicU64::new(len),
            meta: SpinLock::new(meta),
            xattrs: Xattrs::default(),
            body,
        })
    }

    /// Unlocks the contents, then takes pages that have another frame now out of the mappings.
    fn unlock(&self, mut data: MutexGuard<'_, Data>) {
        self.len.store(data.size(), Ordering::Release);
        let moved = data.take_moved();
        drop(data);
        if let Some(moved) = moved {
            self.mappings.revoke(self.object, moved.start, moved.end, false);
        }
    }

    pub(super) fn ino(&self) -> u64 {
        self.ino
    }

    fn arc(&self) -> Res<Arc<Node>> {
        self.this.upgrade().ok_or(Errno::EIO.into())
    }

    fn data(&self) -> Res<&Mutex<Data>> {
        match &self.body {
            Body::File(data) => Ok(data),
            Body::Dir(_) => Err(Errno::EISDIR.into()),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    fn names(&self) -> Res<&Mutex<Names>> {
        match &self.body {
            Body::Dir(names) => Ok(names),
            _ => Err(Errno::ENOTDIR.into()),
        }
    }

    /// The contents changed.
    fn modified(&self) {
        let now = clock::now();
        let mut meta = self.meta.lock();
        (meta.mtime, meta.ctime) = (now, now);
    }

    fn relink(&self, by: i32) {
        let now = clock::now();
        let mut meta = self.meta.lock();
        meta.nlink = meta.nlink.saturating_add_signed(by);
        meta.ctime = now;
    }

    fn child(&self, name: &[u8]) -> Res<Option<Arc<Node>>> {
        self.names()?.lock().get(name, |lower| self.fs.node_of(lower))
    }

    fn add(&self, name: &[u8], node: &Arc<Node>) -> Res<()> {
        self.names()?.lock().put(name, node.clone());
        node.relink(if node.kind == Kind::Directory { 0 } else { 1 });
        if node.kind == Kind::Directory {
            self.relink(1);
        }
        self.modified();
        Ok(())
    }

    /// Seals of memfd_create(2); a file that was not made sealable has F_SEAL_SEAL.
    pub fn seals(&self) -> Res<u32> {
        Ok(self.data()?.lock().seals)
    }

    /// Adds seals: EPERM when sealed against that, EBUSY when what may not be written any more is mapped for writing.
    pub fn add_seals(&self, seals: u32) -> Res<()> {
        // One at a time: an address space is searched under its own lock, so not under that of the contents.
        static SEALING: Mutex<()> = Mutex::new(());
        let _sealing = SEALING.lock();
        let old = self.seals()?;
        if old & memfd::SEAL_SEAL != 0 {
            return Err(Errno::EPERM.into());
        }
        // From here on nobody maps it anew for writing.
        self.write_sealed.store((old | seals) & WRITE_SEALS != 0, Ordering::SeqCst);
        if seals & !old & memfd::SEAL_WRITE != 0 && self.mappings.may_write(self.object) {
            self.write_sealed.store(old & WRITE_SEALS != 0, Ordering::SeqCst);
            return Err(Errno::EBUSY.into());
        }
        self.data()?.lock().seals |= seals;
        Ok(())
    }
}

impl Inode for Node {
    fn fs(&self) -> Arc<dyn FileSystem> {
        self.fs.clone()
    }
    fn kind(&self) -> Kind {
        self.kind
    }

    fn attr(&self) -> Attr {
        let (size, blocks) = match &self.body {
            Body::File(data) => {
                let data = data.lock();
                (data.size(), data.blocks())
            }
            Body::Link(target) => (target.len() as u64, 0),
            Body::Dir(_) => (4096, 8),
            Body::Special => (0, 0),
        };
        let meta = self.meta.lock();
        Attr {
            dev: self.fs.dev,
            ino: self.ino,
            nlink: meta.nlink,
            mode: self.kind.mode() | meta.mode,
            uid: meta.uid,
            gid: meta.gid,
            rdev: self.rdev,
            size,
            blksize: 4096,
            blocks,
            atime: meta.atime,
            mtime: meta.mtime,
            ctime: meta.ctime,
        }
    }

    fn set_attr(&self, change: &SetAttr) -> Res<()> {
        let mut meta = self.meta.lock();
        meta.mode = change.mode.map_or(meta.mode, |mode| mode & 0o7777);
        meta.uid = change.uid.unwrap_or(meta.uid);
        meta.gid = change.gid.unwrap_or(meta.gid);
        meta.atime = change.atime.unwrap_or(meta.atime);
        meta.mtime = change.mtime.unwrap_or(meta.mtime);
        meta.ctime = change.now;
        Ok(())
    }

    fn xattrs(&self) -> Option<&Xattrs> {
        Some(&self.xattrs)
    }

    fn truncate(&self, len: u64) -> Res<()> {
        {
            let mut data = self.data()?.lock();
            let blocked = match len.cmp(&data.size()) {
                core::cmp::Ordering::Less => memfd::SEAL_SHRINK,
                core::cmp::Ordering::Greater => memfd::SEAL_GROW,
                core::cmp::Ordering::Equal => 0,
            };
            if data.seals & blocked != 0 {
                return Err(Errno::EPERM.into());
            }
            let shrinks = len < data.size();
            data.truncate(len)?;
            self.unlock(data);
            if shrinks {
                self.mappings.revoke(self.object, len.div_ceil(PAGE_SIZE as u64), u64::MAX, true);
            }
        }
        self.modified();
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Res<Arc<dyn Inode>> {
        match self.child(name)? {
            Some(node) => Ok(node),
            None => Err(Errno::ENOENT.into()),
        }
    }

    fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        self.names()?.lock().list(from, emit)
    }

    fn create(&self, name: &[u8], new: &NewNode<'_>) -> Res<Arc<dyn Inode>> {
        if self.child(name)?.is_some() {
            return Err(Errno::EEXIST.into());
        }
        let node = Node::new(&self.fs, new)?;
        self.add(name, &node)?;
        Ok(node)
    }

    fn create_unnamed(&self, new: &NewNode<'_>) -> Res<Arc<dyn Inode>> {
        Ok(Node::new(&self.fs, new)?)
    }

    fn link(&self, name: &[u8], inode: &Arc<dyn Inode>) -> Res<()> {
        let node = inode.as_any().downcast_ref::<Node>().ok_or(Errno::EXDEV)?.arc()?;
        if self.child(name)?.is_some() {
            return Err(Errno::EEXIST.into());
        }
        self.add(name, &node)
    }

    fn unlink(&self, name: &[u8]) -> Res<()> {
        let node = self.child(name)?.ok_or(Errno::ENOENT)?;
        if node.kind == Kind::Directory {
            return Err(Errno::EISDIR.into());
        }
        self.names()?.lock().remove(name);
        node.relink(-1);
        self.modified();
        Ok(())
    }

    fn rmdir(&self, name: &[u8]) -> Res<()> {
        let node = self.child(name)?.ok_or(Errno::ENOENT)?;
        if !node.names()?.lock().is_empty() {
            return Err(Errno::ENOTEMPTY.into());
        }
        self.names()?.lock().remove(name);
        node.relink(-2);
        self.relink(-1);
        self.modified();
        Ok(())
    }

    fn rename(&self, name: &[u8], to: &Arc<dyn Inode>, to_name: &[u8], exchange: bool) -> Res<()> {
        let to = to.as_any().downcast_ref::<Node>().ok_or(Errno::EXDEV)?;
        let source = self.child(name)?.ok_or(Errno::ENOENT)?;
        let target = to.child(to_name)?;
        let is_dir = |node: &Node| i32::from(node.kind == Kind::Directory);
        if exchange {
            let target = target.ok_or(Errno::ENOENT)?;
            let moves_dirs = is_dir(&source) - is_dir(&target);
            to.names()?.lock().put(to_name, source);
            self.names()?.lock().put(name, target);
            self.relink(-moves_dirs);
            to.relink(moves_dirs);
        } else {
            if let Some(target) = &target {
                if let Ok(names) = target.names()
                    && !names.lock().is_empty()
                {
                    return Err(Errno::ENOTEMPTY.into());
                }
                target.relink(-1 - is_dir(target));
                to.relink(-is_dir(target));
            }
            self.names()?.lock().remove(name);
            let dirs = is_dir(&source);
            to.names()?.lock().put(to_name, source.clone());
            self.relink(-dirs);
            to.relink(dirs);
            source.relink(0);
        }
        self.modified();
        to.modified();
        Ok(())
    }

    fn link_target(&self) -> Res<LinkTarget> {
        match &self.body {
            Body::Link(target) => Ok(LinkTarget::Path(target.to_vec())),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    fn open(self: Arc<Self>, _flags: u32) -> Res<Arc<dyn File>> {
        match &self.body {
            Body::File(_) => Ok(self),
            _ => Err(Errno::ENXIO.into()),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(budget) = self.fs.budget.as_ref().filter(|_| self.counted) {
            budget.give_inode();
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({:?} {})", self.kind, self.ino)
    }
}
