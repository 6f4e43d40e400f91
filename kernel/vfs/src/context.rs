//! Where walks start and who walks: root, working directory, umask, credentials.

use crate::entry::Entry;
use crate::inode::{Attr, Kind};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use osv_abi::uapi::file::mode;
use osv_base::{Errno, Res};
use osv_sync::SpinLock;

/// On whose behalf a file operation is done: the file-system ids of credentials(7). User 0 may do everything.
#[derive(Clone, Debug, Default)]
pub struct Creds {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
}

/// Permission to read.
pub const MAY_READ: u32 = 4;
/// Permission to write.
pub const MAY_WRITE: u32 = 2;
/// Permission to execute, or to search a directory.
pub const MAY_EXEC: u32 = 1;

impl Creds {
    /// The superuser.
    pub fn root() -> Creds {
        Creds::default()
    }

    /// Whether they are those of the superuser.
    pub const fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether `group` is one of theirs.
    pub fn in_group(&self, group: u32) -> bool {
        self.gid == group || self.groups.contains(&group)
    }

    /// Whether a file with `attr` may be used as `wanted` (MAY_*) says: EACCES.
    pub fn may(&self, attr: &Attr, wanted: u32) -> Res<()> {
        let class = if self.uid == attr.uid {
            attr.mode >> 6
        } else if self.in_group(attr.gid) {
            attr.mode >> 3
        } else {
            attr.mode
        };
        let missing = wanted & !class & 7;
        if missing == 0 {
            return Ok(());
        }
        // The superuser needs an execute bit somewhere to execute a file, and nothing else.
        let allowed = self.is_root()
            && (missing & MAY_EXEC == 0
                || attr.mode & 0o111 != 0
                || Kind::of_mode(attr.mode) == Some(Kind::Directory));
        if allowed { Ok(()) } else { Err(Errno::EACCES.into()) }
    }

    /// Whether they own the file or are the superuser's: EPERM.
    pub fn owns(&self, attr: &Attr) -> Res<()> {
        if self.is_root() || self.uid == attr.uid { Ok(()) } else { Err(Errno::EPERM.into()) }
    }

    /// Whether the sticky bit of the directory `dir` lets them remove or rename `victim`: EPERM.
    pub fn may_remove(&self, dir: &Attr, victim: &Attr) -> Res<()> {
        if dir.mode & mode::ISVTX == 0 || self.is_root() || self.uid == victim.uid || self.uid == dir.uid {
            Ok(())
        } else {
            Err(Errno::EPERM.into())
        }
    }
}

/// Root, working directory and umask of a process; threads and CLONE_FS share one.
#[derive(Debug)]
pub struct FsContext {
    places: SpinLock<Places>,
    umask: AtomicU32,
}

#[derive(Clone, Debug)]
struct Places {
    root: Arc<Entry>,
    cwd: Arc<Entry>,
}

impl FsContext {
    /// Starts at `root`, with umask 022.
    pub fn new(root: Arc<Entry>) -> Self {
        FsContext { places: SpinLock::new(Places { cwd: root.clone(), root }), umask: AtomicU32::new(0o022) }
    }
    /// A copy of its own, as fork(2) makes.
    pub fn fork(&self) -> Self {
        FsContext { places: SpinLock::new(self.places.lock().clone()), umask: AtomicU32::new(self.umask()) }
    }
    /// Where absolute paths start.
    pub fn root(&self) -> Arc<Entry> {
        self.places.lock().root.clone()
    }
    /// Where relative paths start.
    pub fn cwd(&self) -> Arc<Entry> {
        self.places.lock().cwd.clone()
    }
    /// Changes the working directory; the caller checked that it is a directory that may be searched.
    pub fn set_cwd(&self, cwd: Arc<Entry>) {
        let old = core::mem::replace(&mut self.places.lock().cwd, cwd);
        drop(old);
    }
    /// Changes the root; the caller checked as for [`FsContext::set_cwd`].
    pub fn set_root(&self, root: Arc<Entry>) {
        let old = core::mem::replace(&mut self.places.lock().root, root);
        drop(old);
    }
    /// Mode bits that new files don't get.
    pub fn umask(&self) -> u32 {
        self.umask.load(Ordering::Relaxed)
    }
    /// Changes the umask and returns the old one.
    pub fn set_umask(&self, umask: u32) -> u32 {
        self.umask.swap(umask & 0o777, Ordering::Relaxed)
    }
}
