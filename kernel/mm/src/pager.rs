//! What stands behind a file mapping: upper crates (vfs, fs) implement it, address spaces call it.
//!
//! A mapping keeps its own reference to every frame that it maps, so an object may drop a page that is still
//! mapped. A frame that does not come from the frame allocator (the root image in RAM) is [`Frame::immortal`].

use crate::OutOfMemory;
use crate::frame::Frame;
use crate::space::AddressSpace;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use osv_base::Res;
use osv_sync::Mutex;

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

/// Who maps an object.
#[derive(Default)]
pub struct Mappings(Mutex<Vec<Weak<AddressSpace>>>);

impl Mappings {
    /// Nobody.
    pub const fn new() -> Mappings {
        Mappings(Mutex::new(Vec::new()))
    }

    /// `space` maps it from now on.
    pub(crate) fn add(&self, space: &Weak<AddressSpace>) -> Result<(), OutOfMemory> {
        let mut spaces = self.0.lock();
        if spaces.iter().any(|s| s.ptr_eq(space)) {
            return Ok(());
        }
        spaces.retain(|s| s.strong_count() > 0);
        spaces.try_reserve(1)?;
        spaces.push(space.clone());
        Ok(())
    }

    /// Whether `space` is remembered.
    #[cfg(test)]
    pub(crate) fn holds(&self, space: &Weak<AddressSpace>) -> bool {
        self.0.lock().iter().any(|s| s.ptr_eq(space))
    }

    /// `space` maps it no more.
    pub(crate) fn remove(&self, space: &Weak<AddressSpace>) {
        let mut spaces = self.0.lock();
        if let Some(at) = spaces.iter().position(|s| s.ptr_eq(space)) {
            spaces.swap_remove(at);
        }
    }

    /// Takes the pages `first..end` of `object` out of every address space, after the object itself gave them up: the
    /// next access asks the pager again. `truncated`: they lie behind the end now, so private copies go as well
    /// (and SIGBUS follows). No lock may be held that the pager's methods wait for.
    pub fn revoke(&self, object: ObjectId, first: u64, end: u64, truncated: bool) {
        // Not under the lock: an address space is searched under its own.
        let spaces: Vec<Arc<AddressSpace>> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        for space in spaces {
            space.revoke(object, first, end, truncated);
        }
    }

    /// Whether `object` may be written through a shared mapping, now or after mprotect(2).
    pub fn may_write(&self, object: ObjectId) -> bool {
        let spaces: Vec<Arc<AddressSpace>> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        spaces.iter().any(|space| space.may_write(object))
    }
}

impl fmt::Debug for Mappings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mappings")
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
    /// The address spaces that map it, if it ever takes pages back: a file that can shrink, or whose pages are put
    /// elsewhere (copy-up). Whoever does so calls [`Mappings::revoke`] afterwards.
    fn mappings(&self) -> Option<&Mappings> {
        None
    }
    /// Whether pages that were not written can be had again at any time, at the cost of a read: then mappings let go
    /// of them when memory is short ([`crate::space::forget_backed`]).
    fn is_backed(&self) -> bool {
        false
    }
    /// Whether no new shared mapping may come to write it: a file sealed against that. Asked under the address space's
    /// lock.
    fn is_sealed(&self) -> bool {
        false
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
