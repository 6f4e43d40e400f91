//! Shared memory without a file: MAP_SHARED|MAP_ANONYMOUS, and the bytes of whatever lives in RAM (tmpfs, memfd).

use crate::frame::{Frame, Use};
use crate::pager::{Mappings, ObjectId, Pager};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::{Errno, PAGE_SIZE, Res};
use osv_sync::Mutex;

/// Pages by index, made on first touch.
pub struct SharedMemory {
    object: ObjectId,
    len: AtomicU64,
    pages: Mutex<BTreeMap<u64, Frame>>,
    mappings: Mappings,
}

impl SharedMemory {
    /// `len` bytes of zeros.
    pub fn new(len: u64) -> Arc<SharedMemory> {
        Arc::new(SharedMemory {
            object: ObjectId::unique(),
            len: AtomicU64::new(len),
            pages: Mutex::new(BTreeMap::new()),
            mappings: Mappings::new(),
        })
    }

    /// Frames that it holds.
    pub fn held(&self) -> usize {
        self.pages.lock().len()
    }

    /// Changes the length; what lies behind the new end is dropped, from mappings too, and reads as zeros when it comes
    /// back.
    pub fn resize(&self, len: u64) {
        let mut pages = self.pages.lock();
        let old = self.len.swap(len, Ordering::AcqRel);
        if len < old {
            let dropped = pages.split_off(&len.div_ceil(PAGE_SIZE as u64));
            if let Some(last) = pages.get(&(len / PAGE_SIZE as u64)) {
                last.zero((len % PAGE_SIZE as u64) as usize..PAGE_SIZE);
            }
            drop(pages);
            self.mappings.revoke(self.object, len.div_ceil(PAGE_SIZE as u64), u64::MAX, true);
            drop(dropped);
        }
    }

    /// Drops the pages `range`, wholly: they read as zeros again.
    pub fn punch(&self, range: Range<u64>) {
        let mut pages = self.pages.lock();
        let mut rest = pages.split_off(&range.start);
        let mut kept = rest.split_off(&range.end);
        pages.append(&mut kept);
        drop(pages);
        self.mappings.revoke(self.object, range.start, range.end, false);
        drop(rest);
    }

    /// The page at `index` if it was ever touched.
    pub fn touched(&self, index: u64) -> Option<Frame> {
        self.pages.lock().get(&index).cloned()
    }
}

impl Pager for SharedMemory {
    fn object(&self) -> ObjectId {
        self.object
    }
    fn page(&self, index: u64, _write: bool) -> Res<Frame> {
        let mut pages = self.pages.lock();
        if index >= self.len.load(Ordering::Acquire).div_ceil(PAGE_SIZE as u64) {
            return Err(Errno::ENXIO.into());
        }
        if let Some(frame) = pages.get(&index) {
            return Ok(frame.clone());
        }
        let frame = Frame::zeroed(Use::User)?;
        pages.insert(index, frame.clone());
        Ok(frame)
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        self.pages.try_lock()?.get(&index).cloned()
    }
    fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }
    fn mappings(&self) -> Option<&Mappings> {
        Some(&self.mappings)
    }
    fn name(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        to.write_str("/dev/zero (deleted)")
    }
    fn device_inode(&self) -> (u64, u64) {
        (1, self.object.0)
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedMemory({:?}, {} bytes)", self.object, self.len())
    }
}
