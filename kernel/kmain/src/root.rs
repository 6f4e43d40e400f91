//! The root file system's image: a range of physical memory that the loader filled.

use osv_base::{PAGE_SIZE, PhysAddr};
use osv_fs::erofs::Image;
use osv_hw::boot::memory::PhysRange;
use osv_hw::layout::direct;
use osv_mm::frame::Frame;

/// An image in RAM, for ever.
#[derive(Debug)]
pub struct RamImage(PhysRange);

impl RamImage {
    /// # Safety
    /// The range is RAM that nobody writes and that the direct map shows.
    pub unsafe fn new(range: PhysRange) -> RamImage {
        RamImage(range)
    }
}

impl Image for RamImage {
    fn bytes(&self) -> &[u8] {
        let at = direct(self.0.start()).0 as usize;
        // SAFETY: the promise of `new`. Mappings of its frames are private or read-only, so nobody writes.
        unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at), self.0.len() as usize) }
    }

    fn frame(&self, index: u64) -> Option<Frame> {
        let start = self.0.start.checked_add(index.checked_mul(PAGE_SIZE as u64)?)?;
        let whole = start % PAGE_SIZE as u64 == 0 && start + PAGE_SIZE as u64 <= self.0.end;
        // SAFETY: a page inside the image, which stays for ever and was never handed to the allocator.
        whole.then(|| unsafe { Frame::immortal(PhysAddr(start)) })
    }
}
