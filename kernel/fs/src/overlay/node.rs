//! An inode of an overlay.

use super::{Mounted, OPAQUE, Overlay, is_opaque, is_whiteout};
use crate::batch;
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use osv_abi::uapi::file::open as o;
use osv_base::{Errno, Res};
use osv_sync::Mutex;
use osv_vfs::entry::changed_below;
use osv_vfs::inode::{DirEntry, LinkTarget, NewNode};
use osv_vfs::xattr::Xattrs;
use osv_vfs::{Attr, File, FileSystem, Inode, Kind, SetAttr};
use spin::Once;

/// Positions of a listing from here on are those of the upper directory; below, the lower one's.
const UPPER: u64 = 1 << 62;

/// An inode.
pub(crate) struct Node {
    this: Weak<Node>,
    fs: Arc<Overlay>,
    ino: u64,
    kind: Kind,
    pub(super) upper: Once<Arc<dyn Inode>>,
    /// What it was before it was copied up; of a directory, what shines through.
    pub(super) lower: Option<Arc<dyn Inode>>,
    /// Where it is copied to. What is not in the upper directory yet was never moved.
    pub(super) place: Option<(Arc<Node>, Box<[u8]>)>,
    /// One copies it up.
    pub(super) raising: Mutex<()>,
}

fn found(result: Res<Arc<dyn Inode>>) -> Res<Option<Arc<dyn Inode>>> {
    match result {
        Ok(inode) => Ok(Some(inode)),
        Err(fail) if fail == Errno::ENOENT.into() => Ok(None),
        Err(fail) => Err(fail),
    }
}

fn is_dir(inode: &Arc<dyn Inode>) -> bool {
    inode.kind() == Kind::Directory
}

impl Node {
    pub(super) fn new(
        fs: &Arc<Overlay>,
        ino: u64,
        upper: Option<Arc<dyn Inode>>,
        lower: Option<Arc<dyn Inode>>,
        place: Option<(Arc<Node>, &[u8])>,
    ) -> Arc<Node> {
        let kind = upper.as_ref().or(lower.as_ref()).map_or(Kind::Regular, |inode| inode.kind());
        let (once, fs) = (Once::new(), fs.clone());
        if let Some(upper) = upper {
            once.call_once(|| upper);
        }
        let place = place.map(|(parent, name)| (parent, name.into()));
        Arc::new_cyclic(|this| Node {
            this: this.clone(),
            fs,
            ino,
            kind,
            upper: once,
            lower,
            place,
            raising: Mutex::new(()),
        })
    }

    /// What it is now.
    fn current(&self) -> Res<&Arc<dyn Inode>> {
        self.upper.get().or(self.lower.as_ref()).ok_or(Errno::EIO.into())
    }

    /// What the upper directory has called `name`, whiteouts included.
    fn above(&self, name: &[u8]) -> Res<Option<Arc<dyn Inode>>> {
        self.upper.get().map_or(Ok(None), |upper| found(upper.lookup(name)))
    }

    /// What the lower directory has called `name`.
    fn below(&self, name: &[u8]) -> Res<Option<Arc<dyn Inode>>> {
        self.lower.as_ref().filter(|lower| is_dir(lower)).map_or(Ok(None), |lower| found(lower.lookup(name)))
    }

    fn child(&self, name: &[u8]) -> Res<Option<Arc<Node>>> {
        let this = self.this.upgrade().ok_or(Errno::EIO)?;
        let place = Some((this, name));
        Ok(match self.above(name)? {
            Some(upper) if is_whiteout(&upper.attr()) => None,
            Some(upper) => {
                let joined = is_dir(&upper) && !is_opaque(&*upper);
                let lower = if joined { self.below(name)?.filter(is_dir) } else { None };
                Some(self.fs.node(Some(upper), lower, place))
            }
            None => self.below(name)?.map(|lower| self.fs.node(None, Some(lower), place)),
        })
    }

    /// Takes a whiteout called `name` out of the upper directory; whether there was one.
    fn uncover(&self, name: &[u8]) -> Res<bool> {
        let there = self.above(name)?.is_some_and(|inode| is_whiteout(&inode.attr()));
        if there {
            let dir = self.raised()?;
            dir.unlink(name)?;
            changed_below(&**dir);
        }
        Ok(there)
    }

    /// Hides what the lower directory has called `name`, if it has.
    fn cover(&self, name: &[u8]) -> Res<()> {
        if self.below(name)?.is_none() {
            return Ok(());
        }
        let whiteout = NewNode { kind: Kind::CharDevice, mode: 0, uid: 0, gid: 0, rdev: 0, target: b"" };
        self.raised()?.create(name, &whiteout).map(drop)
    }

    fn is_empty(&self) -> Res<bool> {
        let mut empty = true;
        self.list(0, &mut |_| {
            empty = false;
            false
        })?;
        Ok(empty)
    }

    /// Takes `name`, whose file is `child`, out of the upper directory.
    fn remove_above(&self, name: &[u8], child: &Node) -> Res<()> {
        if self.above(name)?.is_none() {
            return Ok(());
        }
        let dir = self.raised()?;
        if child.kind != Kind::Directory {
            dir.unlink(name)?;
            changed_below(&**dir);
            return Ok(());
        }
        // It looks empty and may hold whiteouts.
        if let Some(upper) = child.upper.get() {
            let mut names: Vec<Vec<u8>> = Vec::new();
            upper.list(0, &mut |entry| {
                names.push(entry.name.to_vec());
                true
            })?;
            names.iter().try_for_each(|name| upper.unlink(name))?;
        }
        dir.rmdir(name)?;
        changed_below(&**dir);
        Ok(())
    }

    fn remove(&self, name: &[u8], child: &Node) -> Res<()> {
        self.raised()?;
        self.remove_above(name, child)?;
        self.cover(name)
    }

    /// The directory hides what is below its name from now on.
    fn make_opaque(inode: &dyn Inode) -> Res<()> {
        inode.xattrs().ok_or(Errno::EOPNOTSUPP)?.put(OPAQUE, b"y");
        Ok(())
    }
}

impl Inode for Node {
    fn fs(&self) -> Arc<dyn FileSystem> {
        Arc::new(Mounted(self.fs.clone()))
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn attr(&self) -> Attr {
        let attr = self.current().map_or_else(|_| Attr::default(), |inode| inode.attr());
        Attr { dev: self.fs.dev, ino: self.ino, ..attr }
    }
    fn set_attr(&self, change: &SetAttr) -> Res<()> {
        self.raised()?.set_attr(change)
    }
    fn xattrs(&self) -> Option<&Xattrs> {
        self.current().ok()?.xattrs()
    }
    fn prepare_change(&self) -> Res<()> {
        self.raised().map(drop)
    }
    fn truncate(&self, len: u64) -> Res<()> {
        self.raised()?.truncate(len)
    }

    fn lookup(&self, name: &[u8]) -> Res<Arc<dyn Inode>> {
        match self.child(name)? {
            Some(child) => Ok(child),
            None => Err(Errno::ENOENT.into()),
        }
    }

    fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        let mut more = true;
        if let (true, Some(lower)) = (from < UPPER, self.lower.as_ref().filter(|lower| is_dir(lower))) {
            batch::list(&**lower, from, &mut |entry| {
                // What is above is listed there, or hides it.
                if matches!(self.above(entry.name), Ok(Some(_))) {
                    return true;
                }
                more = emit(DirEntry { ino: entry.ino << 1, ..entry });
                more
            })?;
        }
        let Some(upper) = self.upper.get().filter(|_| more) else { return Ok(()) };
        batch::list(&**upper, from.saturating_sub(UPPER), &mut |entry| {
            if entry.kind == Kind::CharDevice
                && upper.lookup(entry.name).is_ok_and(|inode| is_whiteout(&inode.attr()))
            {
                return true;
            }
            // As the node will have it: a copy keeps the number of what it is a copy of.
            let ino = match self.child(entry.name) {
                Ok(Some(child)) => child.ino,
                _ => entry.ino << 1 | 1,
            };
            emit(DirEntry { ino, next: entry.next.saturating_add(UPPER), ..entry })
        })
    }

    fn create(&self, name: &[u8], new: &NewNode<'_>) -> Res<Arc<dyn Inode>> {
        if self.child(name)?.is_some() {
            return Err(Errno::EEXIST.into());
        }
        let hides = self.uncover(name)?;
        let made = self.raised()?.create(name, new);
        let upper = match made {
            Ok(upper) => upper,
            Err(fail) => {
                if hides {
                    self.cover(name)?;
                }
                return Err(fail);
            }
        };
        if hides && new.kind == Kind::Directory {
            Self::make_opaque(&*upper)?;
        }
        let this = self.this.upgrade().ok_or(Errno::EIO)?;
        Ok(self.fs.node(Some(upper), None, Some((this, name))))
    }

    fn link(&self, name: &[u8], inode: &Arc<dyn Inode>) -> Res<()> {
        let node = inode.as_any().downcast_ref::<Node>().ok_or(Errno::EXDEV)?;
        if self.child(name)?.is_some() {
            return Err(Errno::EEXIST.into());
        }
        let upper = node.raised()?;
        self.uncover(name)?;
        self.raised()?.link(name, upper)
    }

    fn unlink(&self, name: &[u8]) -> Res<()> {
        let child = self.child(name)?.ok_or(Errno::ENOENT)?;
        if child.kind == Kind::Directory {
            return Err(Errno::EISDIR.into());
        }
        self.remove(name, &child)
    }

    fn rmdir(&self, name: &[u8]) -> Res<()> {
        let child = self.child(name)?.ok_or(Errno::ENOENT)?;
        if child.kind != Kind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        if !child.is_empty()? {
            return Err(Errno::ENOTEMPTY.into());
        }
        self.remove(name, &child)
    }

    fn rename(&self, name: &[u8], to: &Arc<dyn Inode>, to_name: &[u8], exchange: bool) -> Res<()> {
        let to = to.as_any().downcast_ref::<Node>().ok_or(Errno::EXDEV)?;
        let source = self.child(name)?.ok_or(Errno::ENOENT)?;
        let target = to.child(to_name)?;
        // What shines through would have to move as well.
        let joined = |node: &Node| node.kind == Kind::Directory && node.lower.is_some();
        if joined(&source) || exchange && target.as_ref().is_some_and(|target| joined(target)) {
            return Err(Errno::EXDEV.into());
        }
        source.raised()?;
        let (dir, to_dir) = (self.raised()?, to.raised()?);
        if exchange {
            target.ok_or(Errno::ENOENT)?.raised()?;
            dir.rename(name, to_dir, to_name, true)?;
            changed_below(&**dir);
            changed_below(&**to_dir);
            return Ok(());
        }
        if let Some(target) = &target {
            if target.kind == Kind::Directory && !target.is_empty()? {
                return Err(Errno::ENOTEMPTY.into());
            }
            to.remove_above(to_name, target)?;
        }
        to.uncover(to_name)?;
        dir.rename(name, to_dir, to_name, false)?;
        changed_below(&**dir);
        changed_below(&**to_dir);
        if source.kind == Kind::Directory && to.below(to_name)?.is_some() {
            Self::make_opaque(&**source.raised()?)?;
        }
        self.cover(name)
    }

    fn link_target(&self) -> Res<LinkTarget> {
        self.current()?.link_target()
    }

    fn open(self: Arc<Self>, flags: u32) -> Res<Arc<dyn File>> {
        let writes = flags & o::ACCMODE != o::RDONLY || flags & o::TRUNC != 0;
        let inode = if writes && self.kind == Kind::Regular { self.raised()? } else { self.current()? };
        inode.clone().open(flags)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
