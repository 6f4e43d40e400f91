//! The tree of names. An [`Entry`] is a name that leads to an inode; directories keep the entries below them
//! that were looked up, so a second walk costs a hash lookup per component and asks no file system.
//!
//! Invariants:
//! * A child in `children` has this entry as its parent and its key as its name.
//! * Names change only while the directory's `changing` lock is held (two of them for a rename), so lookup,
//!   creation and removal of one name cannot cross. A hit needs only the short `children` lock.
//! * An entry that is no longer in its parent's `children` is either `removed`, or its file system's names are
//!   not stable ([`FileSystem::names_are_stable`](crate::FileSystem)) and nothing is kept.

use crate::inode::{Inode, Kind, NAME_MAX};
use crate::text::Uses;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use hashbrown::HashMap;
use osv_base::{Errno, Res};
use osv_sync::{Mutex, MutexGuard, SpinLock};

/// A name in the tree, with the inode that it leads to.
pub struct Entry {
    inode: Arc<dyn Inode>,
    kind: Kind,
    stable: bool,
    place: SpinLock<Place>,
    removed: AtomicBool,
    mount_root: AtomicBool,
    children: SpinLock<HashMap<Box<[u8]>, Arc<Entry>>>,
    changing: Mutex<()>,
    uses: Uses,
}

#[derive(Clone)]
struct Place {
    parent: Option<Arc<Entry>>,
    name: Box<[u8]>,
}

impl Entry {
    /// An entry without a parent: the root of the tree, or of nothing.
    pub fn root(inode: Arc<dyn Inode>) -> Arc<Entry> {
        Self::make(inode, Place { parent: None, name: Box::default() })
    }

    fn child(self: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Arc<Entry> {
        Self::make(inode, Place { parent: Some(self.clone()), name: name.into() })
    }

    fn make(inode: Arc<dyn Inode>, place: Place) -> Arc<Entry> {
        let kind = inode.kind();
        let stable = kind != Kind::Directory || inode.fs().names_are_stable();
        Arc::new(Entry {
            inode,
            kind,
            stable,
            place: SpinLock::new(place),
            removed: AtomicBool::new(false),
            mount_root: AtomicBool::new(false),
            children: SpinLock::new(HashMap::new()),
            changing: Mutex::new(()),
            uses: Uses::default(),
        })
    }

    /// Where it leads.
    pub fn inode(&self) -> &Arc<dyn Inode> {
        &self.inode
    }
    /// The inode's type.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// Who writes to it or runs it.
    pub(crate) fn uses(&self) -> &Uses {
        &self.uses
    }
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Directory
    }
    /// Its last name component; empty for the root.
    pub fn name(&self) -> Box<[u8]> {
        self.place.lock().name.clone()
    }
    /// The directory that it stands in; itself for a root.
    pub fn parent(self: &Arc<Self>) -> Arc<Entry> {
        self.place.lock().parent.clone().unwrap_or_else(|| self.clone())
    }
    /// Whether the name was removed while something still uses it.
    pub fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
    }
    /// Whether a file system is mounted here.
    pub fn is_mount_root(&self) -> bool {
        self.mount_root.load(Ordering::Acquire)
    }
    /// Keeps other changes of this directory out.
    pub(crate) fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock()
    }

    /// The entry called `name` in this directory: ENOENT, ENOTDIR. `name` is not `.` or `..`.
    pub fn lookup(self: &Arc<Self>, name: &[u8]) -> Res<Arc<Entry>> {
        if let Some(child) = self.children.lock().get(name) {
            return Ok(child.clone());
        }
        self.lookup_slow(name)
    }

    #[cold]
    fn lookup_slow(self: &Arc<Self>, name: &[u8]) -> Res<Arc<Entry>> {
        if !self.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let _changing = self.changing.lock();
        self.lookup_locked(name)
    }

    /// As [`Entry::lookup`], with `changing` held by the caller.
    pub(crate) fn lookup_locked(self: &Arc<Self>, name: &[u8]) -> Res<Arc<Entry>> {
        if let Some(child) = self.children.lock().get(name) {
            return Ok(child.clone());
        }
        if self.is_removed() {
            return Err(Errno::ENOENT.into());
        }
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let inode = self.inode.lookup(name)?;
        Ok(self.adopt(name, inode))
    }

    /// Makes an entry for an inode that the file system has under `name`; `changing` is held.
    pub(crate) fn adopt(self: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Arc<Entry> {
        let child = self.child(name, inode);
        if self.stable {
            self.children.lock().insert(name.into(), child.clone());
        }
        child
    }

    /// The file system removed `name`; `changing` is held.
    pub(crate) fn forget(&self, name: &[u8]) {
        let child = self.children.lock().remove(name);
        if let Some(child) = child {
            child.removed.store(true, Ordering::Release);
        }
    }

    /// The file system moved `name` of `from` to `to_name` of `to`; both are locked by `changing`.
    pub(crate) fn moved(from: &Arc<Entry>, name: &[u8], to: &Arc<Entry>, to_name: &[u8], exchange: bool) {
        let source = from.children.lock().remove(name);
        let target = to.children.lock().remove(to_name);
        let put = |dir: &Arc<Entry>, name: &[u8], child: Arc<Entry>| {
            *child.place.lock() = Place { parent: Some(dir.clone()), name: name.into() };
            dir.children.lock().insert(name.into(), child);
        };
        if let Some(source) = source {
            put(to, to_name, source);
        }
        match target {
            Some(target) if exchange => put(from, name, target),
            Some(target) => target.removed.store(true, Ordering::Release),
            None => {}
        }
    }

    /// Puts the root of a file system in this entry's place, and returns its entry; `None` for the root of all.
    pub(crate) fn cover(self: &Arc<Self>, inode: Arc<dyn Inode>) -> Option<Arc<Entry>> {
        let place = self.place.lock().clone();
        let parent = place.parent.clone()?;
        let _changing = parent.changing.lock();
        let name = place.name.clone();
        let root = Self::make(inode, place);
        root.mount_root.store(true, Ordering::Release);
        parent.children.lock().insert(name, root.clone());
        Some(root)
    }

    /// Undoes [`Entry::cover`]: puts `covered` back where this mounted root stands.
    pub(crate) fn uncover(self: &Arc<Self>, covered: Arc<Entry>) {
        let place = self.place.lock().clone();
        if let Some(parent) = place.parent {
            let _changing = parent.changing.lock();
            parent.children.lock().insert(place.name, covered);
            self.removed.store(true, Ordering::Release);
        }
    }

    /// Whether `self` is `below` or an ancestor of it.
    pub fn contains(self: &Arc<Self>, below: &Arc<Entry>) -> bool {
        let mut at = below.clone();
        loop {
            if Arc::ptr_eq(self, &at) {
                return true;
            }
            let Some(parent) = at.place.lock().parent.clone() else { return false };
            at = parent;
        }
    }

    /// By which of its names that were looked up this directory knows `inode`.
    pub fn name_of(&self, inode: &Arc<dyn Inode>) -> Option<Box<[u8]>> {
        let children = self.children.lock();
        children.iter().find(|(_, child)| Arc::ptr_eq(&child.inode, inode)).map(|(name, _)| name.clone())
    }

    /// Its absolute path from the root of the tree.
    pub fn path(self: &Arc<Self>) -> Vec<u8> {
        let mut path = self.path_below(None).unwrap_or_default();
        if self.is_removed() {
            path.extend_from_slice(b" (deleted)");
        }
        path
    }

    /// Its path as a process with the root directory `root` sees it; `None` when it lies outside.
    pub fn path_from(self: &Arc<Self>, root: &Arc<Entry>) -> Option<Vec<u8>> {
        self.path_below(Some(root))
    }

    fn path_below(self: &Arc<Self>, root: Option<&Arc<Entry>>) -> Option<Vec<u8>> {
        // Built from the end, reversed once.
        let mut reversed = Vec::new();
        let mut at = self.clone();
        while !root.is_some_and(|root| Arc::ptr_eq(root, &at)) {
            let Place { parent, name } = at.place.lock().clone();
            let Some(parent) = parent else {
                if root.is_some() {
                    return None;
                }
                break;
            };
            reversed.extend(name.iter().rev());
            reversed.push(b'/');
            at = parent;
        }
        if reversed.is_empty() {
            reversed.push(b'/');
        }
        reversed.reverse();
        Some(reversed)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({} {:?})", self.place.lock().name.escape_ascii(), self.kind)
    }
}
