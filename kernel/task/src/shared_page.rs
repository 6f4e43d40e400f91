//! The page that the kernel shares, read-only, with an application: time without a system call, and its pid.
//!
//! Each program gets a page of its own, because it names the process; the clock in all of them is a copy of
//! [`osv_hw::clock::shared`], made again whenever that changes.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use osv_abi::Errno;
use osv_abi::shared::SharedPage;
use osv_base::Res;
use osv_mm::frame::{Frame, Use};
use osv_mm::pager::{ObjectId, Pager};
use osv_sync::Mutex;

static LIVE: Mutex<Vec<Weak<SharedPageObject>>> = Mutex::new(Vec::new());

/// One program's page.
#[derive(Debug)]
pub struct SharedPageObject {
    id: ObjectId,
    frame: Frame,
    pid: u32,
}

impl SharedPageObject {
    /// A page for a program that process `pid` will run.
    pub fn new(pid: u32) -> Res<Arc<Self>> {
        let frame = Frame::zeroed(Use::Kernel)?;
        Ok(Arc::new(SharedPageObject { id: ObjectId::unique(), frame, pid }))
    }

    /// Fills it, and keeps its clock right from now on.
    pub(crate) fn publish(self: &Arc<Self>) {
        let mut live = LIVE.lock();
        let page = SharedPage::new();
        page.pid.store(self.pid, core::sync::atomic::Ordering::Relaxed);
        page.cpus.store(osv_sched::online() as u32, core::sync::atomic::Ordering::Relaxed);
        if let Some(clock) = osv_hw::clock::shared().clock() {
            page.publish(clock);
        }
        self.frame.copy_in(0, bytes_of(&page));
        live.retain(|page| page.strong_count() > 0);
        live.push(Arc::downgrade(self));
    }

    fn page(&self) -> &SharedPage {
        let at: *const SharedPage = self.frame.bytes().as_ptr().cast();
        // SAFETY: the frame is page aligned, lives as long as `self`, and holds nothing but atomics; everyone else
        // reads it.
        unsafe { &*at }
    }
}

fn bytes_of(page: &SharedPage) -> &[u8] {
    // SAFETY: a page is integers without padding, and nobody changes this one.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(page).cast(), size_of::<SharedPage>()) }
}

impl Pager for SharedPageObject {
    fn object(&self) -> ObjectId {
        self.id
    }
    fn page(&self, index: u64, write: bool) -> Res<Frame> {
        if index != 0 || write { Err(Errno::ENXIO.into()) } else { Ok(self.frame.clone()) }
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        (index == 0).then(|| self.frame.clone())
    }
    fn len(&self) -> u64 {
        4096
    }
    fn name(&self, to: &mut dyn core::fmt::Write) -> core::fmt::Result {
        to.write_str("[osv]")
    }
}

/// The process is about to have a child that sees the same page, by fork or vfork: the page no longer tells the pid.
pub(crate) fn forget_pid(pid: u32) {
    for page in LIVE.lock().iter().filter_map(Weak::upgrade).filter(|page| page.pid == pid) {
        page.page().pid.store(0, core::sync::atomic::Ordering::Relaxed);
    }
}

/// The clock was set: all programs see it.
pub fn refresh() {
    let Some(clock) = osv_hw::clock::shared().clock() else { return };
    for page in LIVE.lock().iter().filter_map(Weak::upgrade) {
        page.page().publish(clock);
    }
}
