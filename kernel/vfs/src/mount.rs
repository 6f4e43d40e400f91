//! The mounts of the one tree that all processes see.
//!
//! A mount is a subtree of a file system in a place of the tree: its root's entry takes the place of the entry that it
//! covers. Every entry knows the [`MountPoint`] that it belongs to, and with it what may not be done there.

use crate::entry::Entry;
use crate::inode::{FileSystem, Inode};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use osv_abi::uapi::file::mount as ms;
use osv_base::{Errno, Res};
use osv_sync::{Mutex, SpinLock};

/// Flags that belong to a mount, not to its file system.
pub const FLAGS: u32 = ms::RDONLY
    | ms::NOSUID
    | ms::NODEV
    | ms::NOEXEC
    | ms::NOATIME
    | ms::NODIRATIME
    | ms::RELATIME
    | ms::STRICTATIME
    | ms::NOSYMFOLLOW;

/// What the entries of a mount share.
#[derive(Debug)]
pub struct MountPoint {
    /// Number, as statx and mountinfo show it.
    pub id: u64,
    /// What was given as its source.
    pub source: Box<[u8]>,
    /// Path of its root in the file system.
    pub base: Box<[u8]>,
    flags: AtomicU32,
}

impl MountPoint {
    fn new(source: &[u8], base: &[u8], flags: u32) -> Arc<MountPoint> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(MountPoint {
            id,
            source: source.into(),
            base: base.into(),
            flags: AtomicU32::new(flags & FLAGS),
        })
    }
    /// The flags: MS_RDONLY and those like it.
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }
    /// Whether one of `flags` is set.
    pub fn has(&self, flags: u32) -> bool {
        self.flags() & flags != 0
    }
    /// Whether nothing may be changed by way of it.
    pub fn is_read_only(&self) -> bool {
        self.has(ms::RDONLY)
    }
    /// Options as /proc/mounts shows them; `fs_read_only`: the file system takes no change from anybody.
    pub fn options(&self, fs_read_only: bool) -> String {
        let mut text = String::from(if self.is_read_only() || fs_read_only { "ro" } else { "rw" });
        for (flag, name) in [
            (ms::NOSUID, ",nosuid"),
            (ms::NODEV, ",nodev"),
            (ms::NOEXEC, ",noexec"),
            (ms::NOATIME, ",noatime"),
            (ms::NODIRATIME, ",nodiratime"),
            (ms::NOSYMFOLLOW, ",nosymfollow"),
        ] {
            if self.has(flag) {
                text += name;
            }
        }
        if !self.has(ms::NOATIME | ms::STRICTATIME) {
            text += ",relatime";
        }
        text
    }
}

/// A mount.
#[derive(Clone)]
pub struct Mount {
    /// What its entries share.
    pub point: Arc<MountPoint>,
    /// The file system.
    pub fs: Arc<dyn FileSystem>,
    /// The entry of its root.
    pub root: Arc<Entry>,
    covered: Option<Arc<Entry>>,
}

/// The mount table: the root mount first.
pub struct Mounts {
    root: SpinLock<Arc<Entry>>,
    list: SpinLock<Vec<Mount>>,
    /// File systems of which there is one: mounting the type again shows the same.
    single: SpinLock<BTreeMap<&'static str, Arc<dyn FileSystem>>>,
    /// One change of the table at a time.
    changing: Mutex<()>,
}

static TREE: spin::Once<Arc<Mounts>> = spin::Once::new();

/// Makes `mounts` what mount(2) works on. The first registration stays.
pub fn register(mounts: &Arc<Mounts>) {
    TREE.call_once(|| mounts.clone());
}

/// The tree of all processes: ENOSYS before there is one.
pub fn tree() -> Res<&'static Arc<Mounts>> {
    TREE.get().ok_or(Errno::ENOSYS.into())
}

impl Mounts {
    /// A tree with `fs` as its root.
    pub fn new(fs: Arc<dyn FileSystem>, source: &str) -> Mounts {
        let point = MountPoint::new(source.as_bytes(), b"/", 0);
        let root = Entry::root(fs.root(), point.clone());
        let first = Mount { point, fs, root: root.clone(), covered: None };
        Mounts {
            root: SpinLock::new(root),
            list: SpinLock::new(alloc::vec![first]),
            single: SpinLock::new(BTreeMap::new()),
            changing: Mutex::new(()),
        }
    }

    /// The root of the tree.
    pub fn root(&self) -> Arc<Entry> {
        self.root.lock().clone()
    }

    /// Keeps `fs` as the only one of its type.
    pub fn keep_single(&self, fs: &Arc<dyn FileSystem>) {
        self.single.lock().insert(fs.name(), fs.clone());
    }

    /// The only file system of type `name`, if it is such a type.
    pub fn single(&self, name: &[u8]) -> Option<Arc<dyn FileSystem>> {
        let name = core::str::from_utf8(name).ok()?;
        self.single.lock().get(name).cloned()
    }

    /// Mounts `fs` over the directory `at`: ENOTDIR; EBUSY over the root of the tree.
    pub fn mount(
        &self,
        at: &Arc<Entry>,
        fs: Arc<dyn FileSystem>,
        source: &[u8],
        flags: u32,
    ) -> Res<Arc<Entry>> {
        let inode = fs.root();
        self.put(at, fs, &inode, MountPoint::new(source, b"/", flags))
    }

    fn put(
        &self,
        at: &Arc<Entry>,
        fs: Arc<dyn FileSystem>,
        inode: &Arc<dyn Inode>,
        point: Arc<MountPoint>,
    ) -> Res<Arc<Entry>> {
        if at.is_dir() != (inode.kind() == crate::Kind::Directory) {
            return Err(Errno::ENOTDIR.into());
        }
        if at.is_removed() {
            return Err(Errno::ENOENT.into());
        }
        let _changing = self.changing.lock();
        let root = at.cover(inode.clone(), point.clone()).ok_or(Errno::EBUSY)?;
        self.list.lock().push(Mount { point, fs, root: root.clone(), covered: Some(at.clone()) });
        Ok(root)
    }

    /// Shows `from`, a file or directory, at `at` as well; with `all`, the mounts below it too.
    pub fn bind(&self, from: &Arc<Entry>, at: &Arc<Entry>, all: bool) -> Res<()> {
        let below: Vec<Mount> = if all { self.below(from) } else { Vec::new() };
        let top = self.bind_one(from, at)?;
        for mount in below {
            // A place that is gone by now has nothing bound to it.
            let Some(path) = mount.root.path_from(from) else { continue };
            let mut place = top.clone();
            for name in path.split(|&b| b == b'/').filter(|name| !name.is_empty()) {
                place = place.lookup(name)?;
            }
            self.bind_one(&mount.root, &place)?;
        }
        Ok(())
    }

    fn bind_one(&self, from: &Arc<Entry>, at: &Arc<Entry>) -> Res<Arc<Entry>> {
        let theirs = from.mount();
        let mount =
            self.list().into_iter().find(|mount| Arc::ptr_eq(&mount.point, theirs)).ok_or(Errno::EINVAL)?;
        let within = from.path_from(&mount.root).ok_or(Errno::EINVAL)?;
        let mut base = theirs.base.to_vec();
        if within != b"/" {
            if base == b"/" {
                base.clear();
            }
            base.extend_from_slice(&within);
        }
        let point = MountPoint::new(&theirs.source, &base, theirs.flags());
        self.put(at, mount.fs, from.inode(), point)
    }

    /// The mounts below `entry`, but not at it.
    fn below(&self, entry: &Arc<Entry>) -> Vec<Mount> {
        let inside = |m: &Mount| !Arc::ptr_eq(&m.root, entry) && entry.contains(&m.root);
        self.list().into_iter().filter(inside).collect()
    }

    fn position(&self, root: &Arc<Entry>) -> Res<Mount> {
        let found = self.list.lock().iter().find(|m| Arc::ptr_eq(&m.root, root)).cloned();
        found.ok_or(Errno::EINVAL.into())
    }

    /// Takes away what is mounted at `root`: EINVAL when nothing is; EBUSY when another mount is inside, or something
    /// of it is in use and `detach` does not say that this does not matter.
    pub fn unmount(&self, root: &Arc<Entry>, detach: bool) -> Res<()> {
        let _changing = self.changing.lock();
        let mount = self.position(root)?;
        let Some(covered) = mount.covered.clone() else { return Err(Errno::EBUSY.into()) };
        let inside = self.below(root);
        if !detach {
            // Held by: the caller, the copy here, the table, the directory that it stands in.
            const KNOWN: usize = 4;
            if !inside.is_empty() || root.prune() || Arc::strong_count(root) > KNOWN {
                return Err(Errno::EBUSY.into());
            }
        }
        for mount in inside.into_iter().rev().chain([mount]) {
            self.list.lock().retain(|m| !Arc::ptr_eq(&m.root, &mount.root));
            let covered = if Arc::ptr_eq(&mount.root, root) { Some(covered.clone()) } else { mount.covered };
            if let Some(covered) = covered {
                mount.root.uncover(covered);
            }
        }
        Ok(())
    }

    /// Changes the flags of the mount whose root `root` is: EINVAL for what is no such root.
    pub fn remount(&self, root: &Arc<Entry>, flags: u32) -> Res<Arc<dyn FileSystem>> {
        let mount = self.position(root)?;
        mount.point.flags.store(flags & FLAGS, Ordering::Relaxed);
        Ok(mount.fs)
    }

    /// Moves the mount whose root `root` is to `at` (MS_MOVE).
    pub fn move_to(&self, root: &Arc<Entry>, at: &Arc<Entry>) -> Res<()> {
        let _changing = self.changing.lock();
        let mount = self.position(root)?;
        let Some(covered) = mount.covered else { return Err(Errno::EINVAL.into()) };
        if root.is_dir() != at.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        if root.contains(at) {
            return Err(Errno::ELOOP.into());
        }
        if Arc::ptr_eq(&at.parent(), at) {
            return Err(Errno::EBUSY.into());
        }
        root.uncover(covered);
        at.cover_with(root);
        self.note_covered(root, Some(at.clone()));
        Ok(())
    }

    /// Makes the mount at `new_root` the root of the tree, and shows the old one at `put_old`, which is below it
    /// (pivot_root(2)); returns the old one.
    pub fn pivot(&self, new_root: &Arc<Entry>, put_old: &Arc<Entry>) -> Res<Arc<Entry>> {
        let _changing = self.changing.lock();
        let mount = self.position(new_root)?;
        let old_root = self.root();
        if !new_root.contains(put_old) {
            return Err(Errno::EINVAL.into());
        }
        let Some(covered) = mount.covered else { return Err(Errno::EBUSY.into()) };
        new_root.uncover(covered);
        // Over the new root itself, as pivot_root(".", ".") wants it: the old one stands nowhere then.
        let stands = !Arc::ptr_eq(new_root, put_old) && put_old.cover_with(&old_root);
        self.note_covered(new_root, None);
        self.note_covered(&old_root, stands.then(|| put_old.clone()));
        if !stands {
            self.list.lock().retain(|m| !Arc::ptr_eq(&m.root, &old_root));
        }
        *self.root.lock() = new_root.clone();
        Ok(old_root)
    }

    fn note_covered(&self, root: &Arc<Entry>, covered: Option<Arc<Entry>>) {
        let mut list = self.list.lock();
        let old = list
            .iter_mut()
            .find(|m| Arc::ptr_eq(&m.root, root))
            .map(|m| core::mem::replace(&mut m.covered, covered));
        drop(list);
        drop(old);
    }

    /// The table now, in the order of mounting.
    pub fn list(&self) -> Vec<Mount> {
        self.list.lock().clone()
    }
}

impl core::fmt::Debug for Mounts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.list().iter().map(|m| (m.fs.name(), m.root.path()))).finish()
    }
}
