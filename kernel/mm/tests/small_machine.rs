//! A machine with 12 MiB that runs out of memory: who is refused, who is not, and that everything comes back.
//! One test in a process of its own, since memory is handed over once.

use osv_abi::Errno;
use osv_abi::uapi::memory::{MapFlags, Prot};
use osv_base::{Fail, Pages, PhysAddr};
use osv_mm::frame::{self, Frame, Use};
use osv_mm::heap::KernelHeap;
use osv_mm::pressure::{self, Shrinker};
use osv_mm::space::{Access, AddressSpace, Layout, Outcome};
use std::alloc::{GlobalAlloc, Layout as Block, alloc_zeroed};
use std::sync::{Arc, Mutex};

const RAM: usize = 12 << 20;
const PAGE: u64 = 4096;

/// Hands over 12 MiB less a kernel of 2 MiB and a bit at 1 MiB, as a small machine's map looks.
fn boot() -> usize {
    let block = Block::from_size_align(RAM, 2 << 20).unwrap();
    // SAFETY: the layout is not empty.
    let at = unsafe { alloc_zeroed(block) };
    assert!(!at.is_null());
    let offset = at.expose_provenance() as u64;
    let free = [PhysAddr(0)..PhysAddr(0x9_fc00), PhysAddr(0x31_2345)..PhysAddr(RAM as u64 - 0x2_0000)];
    // SAFETY: the block is ours for ever; `offset` maps physical address 0 to its start.
    unsafe { frame::init(&free, offset) }
}

/// Frames that it gives back when asked.
struct Cache(Mutex<Vec<Frame>>);

impl Shrinker for Cache {
    fn shrink(&self, pages: Pages) -> Pages {
        let mut frames = self.0.lock().unwrap();
        let keep = frames.len().saturating_sub(pages.0);
        Pages(frames.drain(keep..).count())
    }
}

fn fill(space: &AddressSpace, at: u64) -> (u64, Outcome) {
    for page in 0.. {
        match space.fault(at + page * PAGE, Access::Write) {
            Outcome::Done => {}
            other => return (page, other),
        }
    }
    unreachable!()
}

#[test]
fn twelve_megabytes_run_out_and_come_back() {
    let handed_over = boot();
    let total = frame::total();
    assert!(handed_over > total - 32, "{handed_over} of {total}: the records take little");

    let space = AddressSpace::with_layout(Layout::fixed()).unwrap();
    let rw = Prot::READ | Prot::WRITE;
    let anonymous = MapFlags::PRIVATE | MapFlags::ANONYMOUS;
    // More than there is: refused, unless it says that it does not mean it.
    assert_eq!(space.map(0, 16 << 20, rw, anonymous, None), Err(Fail::Errno(Errno::ENOMEM)));
    let at = space.map(0, 16 << 20, rw, anonymous | MapFlags::NORESERVE, None).unwrap();
    let before = frame::counts().free;

    // Touching it ends in "no memory", with the reserve untouched.
    let (touched, outcome) = fill(&space, at);
    assert_eq!(outcome, Outcome::OutOfMemory);
    let counts = frame::counts();
    assert!(counts.free <= counts.reserve + 64, "{counts:?}");
    assert!(touched as usize + counts.free + 32 > before, "{touched} of {before} could be used");

    // The door is shut, but not for the kernel.
    assert_eq!(space.map(0, PAGE, rw, anonymous, None), Err(Fail::Errno(Errno::ENOMEM)));
    assert!(space.fork().is_err());
    assert!(Frame::alloc(Use::User).is_err());
    let block = Block::from_size_align(1024, 16).unwrap();
    let kept: Vec<*mut u8> = (0..20)
        // SAFETY: the layout is not empty.
        .map(|_| unsafe { KernelHeap.alloc(block) })
        .inspect(|at| assert!(!at.is_null()))
        .collect();
    for at in kept {
        // SAFETY: allocated above with this layout.
        unsafe { KernelHeap.dealloc(at, block) };
    }

    // Unmapping half lets go of it.
    space.unmap(at, touched / 2 * PAGE).unwrap();
    assert!(frame::counts().free >= touched as usize / 2);
    space.map(0, PAGE, rw, anonymous, None).unwrap();

    // A cache takes it; the next fault gets it back through the shrinkers' thread.
    let cache = Arc::new(Cache(Mutex::new(Vec::new())));
    while let Ok(frame) = Frame::alloc(Use::User) {
        cache.0.lock().unwrap().push(frame);
    }
    let held = cache.0.lock().unwrap().len();
    pressure::register(cache.clone()).unwrap();
    std::thread::spawn(|| pressure::run_shrinkers());
    pressure::wake_shrinkers();
    while cache.0.lock().unwrap().len() == held {
        std::thread::yield_now();
    }
    while cache.0.lock().unwrap().len() > touched as usize / 4 {
        let at = space.map(0, 64 * PAGE, rw, anonymous | MapFlags::NORESERVE, None).unwrap();
        assert_eq!(space.populate(at, at + 64 * PAGE, Access::Write), Outcome::Done);
    }
    assert!(cache.0.lock().unwrap().len() <= touched as usize / 4);

    // In the end all is free again.
    drop(space);
    cache.0.lock().unwrap().clear();
    let free = frame::counts().free;
    assert!(free + 64 > handed_over, "{free} of {handed_over} are free again");
}
