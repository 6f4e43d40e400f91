//! Files in RAM: tmpfs, and a writable view of a read-only file system.
//!
//! A [`RamFs`] without a lower file system is tmpfs. With one, a node that was never changed shows the lower inode:
//! a file's pages come from it until they are written, a directory's names until they are removed or replaced. So
//! there is no copy of a whole file, and who had the file open or mapped before it was changed sees the change: when
//! a page is copied up, or a file shrinks, mappings are made to ask again ([`osv_mm::pager::Mappings`]).
//!
//! [`node`] is an inode, [`data`] a file's contents, [`dir`] a directory's names.

mod budget;
mod data;
mod dir;
mod node;
#[cfg(test)]
pub(crate) mod tests;

pub use budget::Options;
pub use node::Node;

use crate::anonymous_dev;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use budget::Budget;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::{Errno, Res};
use osv_mm::{frame, pressure};
use osv_sync::{Mutex, SpinLock};
use osv_vfs::inode::{FsStat, NewNode};
use osv_vfs::{FileSystem, Inode, Kind};

/// Inode numbers of nodes that the lower file system does not have start here.
const FIRST_OWN_INO: u64 = 1 << 40;

/// A file system in RAM.
pub struct RamFs {
    dev: u64,
    name: &'static str,
    magic: u32,
    next_ino: AtomicU64,
    lower: Option<Arc<dyn FileSystem>>,
    /// What may be taken, of a file system of its own.
    budget: Option<Arc<Budget>>,
    /// Nodes made for lower inodes with several names, by lower inode number.
    shared: Mutex<BTreeMap<u64, Weak<Node>>>,
    root: SpinLock<Option<Arc<Node>>>,
}

impl RamFs {
    /// An empty file system (tmpfs), whose root directory has the permission bits `mode`.
    pub fn tmpfs(mode: u32) -> Arc<RamFs> {
        Self::empty("tmpfs", &Options { mode, ..Options::default() })
    }

    /// As [`RamFs::tmpfs`], as mount(2) says.
    pub fn mounted(options: &Options) -> Arc<RamFs> {
        Self::empty("tmpfs", options)
    }

    /// As [`RamFs::tmpfs`], for /dev.
    pub(crate) fn devtmpfs() -> Arc<RamFs> {
        Self::empty("devtmpfs", &Options { mode: 0o755, ..Options::default() })
    }

    fn empty(name: &'static str, options: &Options) -> Arc<RamFs> {
        let fs = Self::make(name, 0x0102_1994, 1, None, Some(Arc::new(Budget::new(options))));
        let Options { mode, uid, gid, .. } = *options;
        let new = NewNode { kind: Kind::Directory, mode, uid, gid, rdev: 0, target: b"" };
        *fs.root.lock() = Some(Node::uncounted(&fs, &new));
        fs
    }

    /// A writable view of `lower`.
    pub fn over(lower: Arc<dyn FileSystem>) -> Res<Arc<RamFs>> {
        let fs = Self::make("overlay", 0x794c_7630, FIRST_OWN_INO, Some(lower.clone()), None);
        let root = Node::of_lower(&fs, lower.root())?;
        *fs.root.lock() = Some(root);
        Ok(fs)
    }

    fn make(
        name: &'static str,
        magic: u32,
        first_ino: u64,
        lower: Option<Arc<dyn FileSystem>>,
        budget: Option<Arc<Budget>>,
    ) -> Arc<RamFs> {
        Arc::new(RamFs {
            dev: anonymous_dev(),
            name,
            magic,
            next_ino: AtomicU64::new(first_ino),
            lower,
            budget,
            shared: Mutex::new(BTreeMap::new()),
            root: SpinLock::new(None),
        })
    }

    /// A regular file without a name (memfd_create, O_TMPFILE, shared anonymous memory).
    pub fn unnamed_file(self: &Arc<Self>, mode: u32) -> Arc<Node> {
        let new = NewNode { kind: Kind::Regular, mode, uid: 0, gid: 0, rdev: 0, target: b"" };
        Node::uncounted(self, &new)
    }

    fn ino(&self) -> u64 {
        self.next_ino.fetch_add(1, Ordering::Relaxed)
    }

    /// The node of a lower inode; the same one for each name of it.
    fn node_of(self: &Arc<Self>, lower: Arc<dyn Inode>) -> Res<Arc<Node>> {
        let attr = lower.attr();
        if lower.kind() == Kind::Directory || attr.nlink < 2 {
            return Node::of_lower(self, lower);
        }
        let mut shared = self.shared.lock();
        if let Some(node) = shared.get(&attr.ino).and_then(Weak::upgrade) {
            return Ok(node);
        }
        let node = Node::of_lower(self, lower)?;
        shared.insert(attr.ino, Arc::downgrade(&node));
        Ok(node)
    }
}

/// The file system of files that never had a name.
static UNNAMED: SpinLock<Option<Arc<RamFs>>> = SpinLock::new(None);

/// A file for memfd_create(2).
pub fn memfd(mode: u32) -> Arc<Node> {
    let fs = UNNAMED.lock().clone();
    let fs = fs.unwrap_or_else(|| UNNAMED.lock().get_or_insert_with(|| RamFs::tmpfs(0o700)).clone());
    fs.unnamed_file(mode)
}

impl FileSystem for RamFs {
    fn name(&self) -> &'static str {
        self.name
    }
    fn dev(&self) -> u64 {
        self.dev
    }
    fn root(&self) -> Arc<dyn Inode> {
        let root = self.root.lock().clone();
        root.expect("both constructors make a root")
    }
    fn options(&self) -> String {
        self.budget.as_ref().map_or(String::new(), |budget| budget.text())
    }
    fn set_options(&self, options: &[u8]) -> Res<()> {
        match &self.budget {
            Some(budget) => budget.change(options),
            None if options.is_empty() => Ok(()),
            None => Err(Errno::EINVAL.into()),
        }
    }
    fn stat(&self) -> FsStat {
        if let Some(budget) = &self.budget {
            return budget.stat(self.magic);
        }
        let counts = frame::counts();
        let lower = self.lower.as_ref().map_or(FsStat::default(), |lower| lower.stat());
        FsStat {
            magic: self.magic,
            block_size: 4096,
            blocks: counts.total as u64 + lower.blocks,
            free: counts.free.saturating_sub(pressure::low()) as u64,
            files: counts.total as u64 + lower.files,
            files_free: counts.free as u64,
        }
    }
}

impl core::fmt::Debug for RamFs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RamFs({} {:#x})", self.name, self.dev)
    }
}
