//! What stands behind a file mapping: upper crates (vfs, fs) implement it, address spaces call it.

use osv_base::{PhysAddr, Res};

/// Names an object for shared futex keys and for the page cache: unique for the life of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectId(pub u64);

/// A page of an object, held in memory while this value lives.
pub trait HeldPage: Send + Sync {
    /// The page's frame.
    fn phys(&self) -> PhysAddr;
}

/// Supplies pages of an object by index.
pub trait Pager: Send + Sync {
    /// The object's identity.
    fn object(&self) -> ObjectId;
    /// The page at `index` (offset / 4096), read in if need be; may block, so no spin lock is held. `write` says
    /// that a shared mapping will write it. Past the end of the object: `Errno::ENXIO`, which becomes SIGBUS.
    fn page(&self, index: u64, write: bool) -> Res<alloc::sync::Arc<dyn HeldPage>>;
    /// Length in bytes now.
    fn len(&self) -> u64;
    /// Whether it has no bytes now.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
