//! The mounts of the one tree that all processes see.

use crate::entry::Entry;
use crate::inode::FileSystem;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_base::{Errno, Res};
use osv_sync::SpinLock;

/// A mounted file system.
#[derive(Clone)]
pub struct Mount {
    /// Number, as statx and mountinfo show it.
    pub id: u64,
    /// The file system.
    pub fs: Arc<dyn FileSystem>,
    /// What was given as its source.
    pub source: &'static str,
    /// The entry of its root.
    pub root: Arc<Entry>,
    covered: Option<Arc<Entry>>,
}

/// The mount table: the root mount first.
pub struct Mounts {
    root: Arc<Entry>,
    list: SpinLock<Vec<Mount>>,
}

impl Mounts {
    /// A tree with `fs` as its root.
    pub fn new(fs: Arc<dyn FileSystem>, source: &'static str) -> Mounts {
        let root = Entry::root(fs.root());
        let first = Mount { id: 1, fs, source, root: root.clone(), covered: None };
        Mounts { root, list: SpinLock::new(alloc::vec![first]) }
    }

    /// The root of the tree.
    pub fn root(&self) -> &Arc<Entry> {
        &self.root
    }

    /// Mounts `fs` over the directory `at`: ENOTDIR; EBUSY over the root of the tree.
    pub fn mount(&self, at: &Arc<Entry>, fs: Arc<dyn FileSystem>, source: &'static str) -> Res<Arc<Entry>> {
        if !at.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        let root = at.cover(fs.root()).ok_or(Errno::EBUSY)?;
        let mut list = self.list.lock();
        let id = list.last().map_or(1, |last| last.id + 1);
        list.push(Mount { id, fs, source, root: root.clone(), covered: Some(at.clone()) });
        Ok(root)
    }

    /// Takes away what is mounted at `root`: EINVAL when nothing is; EBUSY when another mount is inside.
    pub fn unmount(&self, root: &Arc<Entry>) -> Res<()> {
        let mount = {
            let mut list = self.list.lock();
            let at = list.iter().position(|m| Arc::ptr_eq(&m.root, root)).ok_or(Errno::EINVAL)?;
            let inside = list.iter().any(|m| !Arc::ptr_eq(&m.root, root) && root.contains(&m.root));
            if list[at].covered.is_none() || inside {
                return Err(Errno::EBUSY.into());
            }
            list.remove(at)
        };
        if let Some(covered) = mount.covered {
            mount.root.uncover(covered);
        }
        Ok(())
    }

    /// The table now, in the order of mounting.
    pub fn list(&self) -> Vec<Mount> {
        self.list.lock().clone()
    }
}

impl core::fmt::Debug for Mounts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.list.lock().iter().map(|m| (m.fs.name(), m.root.path()))).finish()
    }
}
