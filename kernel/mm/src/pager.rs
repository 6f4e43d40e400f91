//! What stands behind a file mapping: upper crates (vfs, fs) implement it, address spaces call it.
//!
//! A mapping keeps its own reference to every frame that it maps, so an object may drop a page that is still
//! mapped. A frame that does not come from the frame allocator (the root image in RAM) is [`Frame::immortal`].

use crate::frame::Frame;
use core::fmt;
use osv_base::Res;

/// Names an object for shared futex keys and for the page cache: unique for the life of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectId(pub u64);

impl ObjectId {
    /// A name that no other object has.
    pub fn unique() -> ObjectId {
        use core::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        ObjectId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Supplies pages of an object by index.
pub trait Pager: Send + Sync {
    /// The object's identity.
    fn object(&self) -> ObjectId;
    /// The page at `index` (offset / 4096), read in if need be; may sleep, so no spin lock is held. `write` says
    /// that a shared mapping will write it: it is dirty from now on. What lies behind the end of the object within
    /// its last page is zero. A page wholly past the end: `Errno::ENXIO`, which becomes SIGBUS.
    fn page(&self, index: u64, write: bool) -> Res<Frame>;
    /// As [`Pager::page`] for reading, but only when it needs no waiting: called under the address space's lock,
    /// and for the neighbours of a page that faulted.
    fn cached(&self, index: u64) -> Option<Frame> {
        let _ = index;
        None
    }
    /// Length in bytes now.
    fn len(&self) -> u64;
    /// Whether it has no bytes now.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Makes pages `first..end` durable: msync(MS_SYNC). Nothing to do for what lives in RAM.
    fn sync(&self, first: u64, end: u64) -> Res<()> {
        let _ = (first, end);
        Ok(())
    }
    /// What /proc/self/maps shows as path.
    fn name(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        let _ = to;
        Ok(())
    }
    /// What /proc/self/maps shows as device (as st_dev) and inode.
    fn device_inode(&self) -> (u64, u64) {
        (0, 0)
    }
}
