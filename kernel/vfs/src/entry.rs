//! The tree of names. An [`Entry`] is a name that leads to an inode; directories keep the entries below them
//! that were looked up, so a second walk costs a hash lookup per component and asks no file system.
//!
//! Invariants:
//! * A child in `children` has this entry as its parent and its key as its name.
//! * Names change only while the directory's `changing` lock is held (two of them for a rename), so lookup,
//!   creation and removal of one name cannot cross. A hit needs only the short `children` lock.
//! * An entry that is no longer in its parent's `children` is either `removed`, or its file system's names are
//!   not stable ([`FileSystem::names_are_stable`](crate::FileSystem)) and nothing is kept.
//! * A directory that is bound to several places (mount(2)) has an entry for each of them. These share its lock and
//!   count its changes in [`Shared`]; an entry that missed some looks at its children anew.

use crate::inode::{Inode, Kind, NAME_MAX};
use crate::mount::MountPoint;
use crate::names;
use crate::text::Uses;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    mount: Arc<MountPoint>,
    children: SpinLock<HashMap<Box<[u8]>, Arc<Entry>>>,
    shared: Arc<Shared>,
    /// How many changes of the directory `children` knows of.
    seen: AtomicU64,
    uses: Uses,
}

/// What the entries of one directory share.
struct Shared {
    key: Option<(u64, u64)>,
    changing: Mutex<()>,
    changes: AtomicU64,
}

/// The directories that have entries, by device and inode number.
static DIRECTORIES: SpinLock<BTreeMap<(u64, u64), Weak<Shared>>> = SpinLock::new(BTreeMap::new());

impl Shared {
    /// That of `inode`. Names that are not kept need nothing shared.
    fn of(inode: &Arc<dyn Inode>, stable: bool) -> Arc<Shared> {
        let new = |key| Shared { key, changing: Mutex::new(()), changes: AtomicU64::new(0) };
        if !stable || inode.kind() != Kind::Directory {
            return Arc::new(new(None));
        }
        let attr = inode.attr();
        let key = (attr.dev, attr.ino);
        let mut directories = DIRECTORIES.lock();
        if let Some(shared) = directories.get(&key).and_then(Weak::upgrade) {
            return shared;
        }
        let shared = Arc::new(new(Some(key)));
        directories.insert(key, Arc::downgrade(&shared));
        shared
    }
}

/// A file system took names away from the directory `inode` of another one, by itself: entries look at it anew.
pub fn changed_below(inode: &dyn Inode) {
    let attr = inode.attr();
    let shared = DIRECTORIES.lock().get(&(attr.dev, attr.ino)).and_then(Weak::upgrade);
    if let Some(shared) = shared {
        shared.changes.fetch_add(1, Ordering::AcqRel);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut directories = DIRECTORIES.lock();
        // Another one may have taken the place.
        if directories.get(&key).is_some_and(|other| other.strong_count() == 0) {
            directories.remove(&key);
        }
    }
}

#[derive(Clone)]
struct Place {
    parent: Option<Arc<Entry>>,
    name: Box<[u8]>,
}

impl Entry {
    /// An entry without a parent: the root of the tree, or of nothing.
    pub fn root(inode: Arc<dyn Inode>, mount: Arc<MountPoint>) -> Arc<Entry> {
        Self::make(inode, Place { parent: None, name: Box::default() }, mount)
    }

    fn child(self: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Arc<Entry> {
        Self::make(inode, Place { parent: Some(self.clone()), name: name.into() }, self.mount.clone())
    }

    fn make(inode: Arc<dyn Inode>, place: Place, mount: Arc<MountPoint>) -> Arc<Entry> {
        let kind = inode.kind();
        let stable = kind != Kind::Directory || inode.fs().names_are_stable();
        let shared = Shared::of(&inode, stable);
        Arc::new(Entry {
            inode,
            kind,
            stable,
            place: SpinLock::new(place),
            removed: AtomicBool::new(false),
            mount_root: AtomicBool::new(false),
            mount,
            children: SpinLock::new(HashMap::new()),
            uses: Uses::default(),
            seen: AtomicU64::new(shared.changes.load(Ordering::Acquire)),
            shared,
        })
    }

    /// The mount that it belongs to.
    pub fn mount(&self) -> &Arc<MountPoint> {
        &self.mount
    }
    /// Whether what it leads to may not be changed by way of it.
    pub fn is_read_only(&self) -> bool {
        self.mount.is_read_only() || self.inode.fs().read_only()
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
        self.shared.changing.lock()
    }
    /// Whether both are the same directory, perhaps in different places: they share a lock.
    pub(crate) fn is_same_dir(&self, other: &Entry) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    fn is_up_to_date(&self) -> bool {
        self.seen.load(Ordering::Acquire) == self.shared.changes.load(Ordering::Acquire)
    }

    /// Forgets children that were taken away by way of another entry; `changing` is held.
    #[cold]
    fn catch_up(&self) {
        let changes = self.shared.changes.load(Ordering::Acquire);
        let children: Vec<Arc<Entry>> = self.children.lock().values().cloned().collect();
        for child in children {
            // What is mounted there stays, whatever became of the place.
            let (name, theirs) = (child.name(), child.inode.attr());
            let stays = child.is_mount_root()
                || self.inode.lookup(&name).is_ok_and(|inode| {
                    let ours = inode.attr();
                    (ours.dev, ours.ino) == (theirs.dev, theirs.ino)
                });
            if !stays {
                self.take(&name);
            }
        }
        self.seen.store(changes, Ordering::Release);
    }

    /// The directory has changed by way of this entry; `changing` is held.
    fn changed(&self) {
        let before = self.shared.changes.fetch_add(1, Ordering::AcqRel);
        // If it had missed some, it goes on missing them.
        let _ = self.seen.compare_exchange(before, before + 1, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// The entry called `name` in this directory: ENOENT, ENOTDIR. `name` is not `.` or `..`.
    pub fn lookup(self: &Arc<Self>, name: &[u8]) -> Res<Arc<Entry>> {
        if self.is_up_to_date()
            && let Some(child) = self.children.lock().get(name)
        {
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
        let _changing = self.change();
        self.lookup_locked(name)
    }

    /// As [`Entry::lookup`], with `changing` held by the caller.
    pub(crate) fn lookup_locked(self: &Arc<Self>, name: &[u8]) -> Res<Arc<Entry>> {
        if !self.is_up_to_date() {
            self.catch_up();
        }
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
        self.take(name);
        self.changed();
    }

    fn take(&self, name: &[u8]) {
        let child = names::remove(&mut self.children.lock(), name);
        if let Some(child) = child {
            child.removed.store(true, Ordering::Release);
        }
    }

    /// The file system moved `name` of `from` to `to_name` of `to`; both are locked by `changing`.
    pub(crate) fn moved(from: &Arc<Entry>, name: &[u8], to: &Arc<Entry>, to_name: &[u8], exchange: bool) {
        let source = names::remove(&mut from.children.lock(), name);
        let target = names::remove(&mut to.children.lock(), to_name);
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
        from.changed();
        if !from.is_same_dir(to) {
            to.changed();
        }
    }

    /// Puts the root of a mount in this entry's place, and returns its entry; `None` for the root of all.
    pub(crate) fn cover(
        self: &Arc<Self>,
        inode: Arc<dyn Inode>,
        mount: Arc<MountPoint>,
    ) -> Option<Arc<Entry>> {
        let place = self.place.lock().clone();
        let parent = place.parent.clone()?;
        let _changing = parent.change();
        let name = place.name.clone();
        let root = Self::make(inode, place, mount);
        root.mount_root.store(true, Ordering::Release);
        parent.children.lock().insert(name, root.clone());
        Some(root)
    }

    /// As [`Entry::cover`], with a root that stands elsewhere or nowhere; `false` for the root of all.
    pub(crate) fn cover_with(self: &Arc<Self>, root: &Arc<Entry>) -> bool {
        let place = self.place.lock().clone();
        let Some(parent) = place.parent.clone() else { return false };
        let _changing = parent.change();
        let name = place.name.clone();
        root.mount_root.store(true, Ordering::Release);
        *root.place.lock() = place;
        parent.children.lock().insert(name, root.clone());
        true
    }

    /// Undoes [`Entry::cover`]: puts `covered` back where this mounted root stands, which then stands nowhere.
    pub(crate) fn uncover(self: &Arc<Self>, covered: Arc<Entry>) {
        let nowhere = Place { parent: None, name: Box::default() };
        let place = core::mem::replace(&mut *self.place.lock(), nowhere);
        let Some(parent) = place.parent else { return };
        let _changing = parent.change();
        let mut children = parent.children.lock();
        if parent.stable || covered.is_mount_root() {
            children.insert(place.name, covered);
        } else {
            names::remove(&mut children, &place.name);
        }
    }

    /// Lets go of the entries below that nobody uses; whether anybody uses one. Nothing may be mounted below.
    pub(crate) fn prune(self: &Arc<Self>) -> bool {
        let _changing = self.change();
        let children = core::mem::take(&mut *self.children.lock());
        let mut used = false;
        for (name, child) in children {
            let below = child.is_dir() && child.prune();
            if below || Arc::strong_count(&child) > 1 {
                used = true;
                self.children.lock().entry(name).or_insert(child);
            }
        }
        used
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
