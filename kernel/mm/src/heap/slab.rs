//! Slabs of one size class: a frame each.

use crate::frame::record::Record;
use crate::frame::{self, Frame, Use, direct};
use core::ptr;
use core::sync::atomic::Ordering;
use osv_base::{PAGE_SHIFT, PAGE_SIZE, PhysAddr};

/// Object sizes. Powers of two are aligned to themselves.
pub(super) const CLASSES: [u16; 22] = [
    16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 672, 816, 1024, 1360, 2048,
];

/// The first of a chain of free objects; each holds the address of the next in its first word.
pub(super) struct Link(*mut u8);

// SAFETY: a chain is owned by whoever owns its head.
unsafe impl Send for Link {}

impl Link {
    pub(super) const NONE: Link = Link(ptr::null_mut());

    /// Takes the first object off.
    ///
    /// # Safety
    /// The chain is not empty, and every object in it is free, mapped, and reached by this chain only.
    #[inline(always)]
    pub(super) unsafe fn pop(&mut self) -> *mut u8 {
        let at = self.0;
        // SAFETY: a free object's first word is the chain's.
        self.0 = unsafe { at.cast::<*mut u8>().read() };
        at
    }

    /// Puts an object in front.
    ///
    /// # Safety
    /// `at` is a free object of at least 16 bytes, aligned to 16, that nothing else refers to.
    #[inline(always)]
    pub(super) unsafe fn push(&mut self, at: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { at.cast::<*mut u8>().write(self.0) };
        self.0 = at;
    }
}

/// A frame cut into objects. What is known of it stands in the frame's record, guarded by its class's lock:
/// `count` is the number of free objects and the offset of the first, `link` the neighbours in the class's list, as
/// frame numbers.
struct Slab {
    number: u32,
    record: &'static Record,
}

impl Slab {
    fn numbered(number: u32) -> Slab {
        let record = frame::record_of(PhysAddr(u64::from(number) << PAGE_SHIFT));
        Slab { number, record: record.expect("a slab is the allocator's frame") }
    }
    fn of(object: *mut u8) -> Slab {
        Slab::numbered(direct::physical(object.addr()).page() as u32)
    }
    fn base(&self) -> *mut u8 {
        direct::pointer(PhysAddr(u64::from(self.number) << PAGE_SHIFT))
    }
    fn clear(&self) {
        self.record.count.store(0, Ordering::Relaxed);
        self.record.link.store(0, Ordering::Relaxed);
    }
    fn free(&self) -> u32 {
        self.record.count.load(Ordering::Relaxed) >> 16
    }
    fn next(&self) -> u32 {
        self.record.link.load(Ordering::Relaxed) as u32
    }
    fn prev(&self) -> u32 {
        (self.record.link.load(Ordering::Relaxed) >> 32) as u32
    }
    fn set_links(&self, prev: u32, next: u32) {
        self.record.link.store(u64::from(prev) << 32 | u64::from(next), Ordering::Relaxed);
    }

    /// Takes a free object.
    ///
    /// # Safety
    /// The class's lock is held, and there is one.
    unsafe fn pop(&self) -> *mut u8 {
        let count = self.record.count.load(Ordering::Relaxed);
        let object = self.base().wrapping_add((count & 0xffff) as usize);
        // SAFETY: the first free object's first word is the offset of the next.
        let next = unsafe { object.cast::<u32>().read() };
        self.record.count.store(((count >> 16) - 1) << 16 | next & 0xffff, Ordering::Relaxed);
        object
    }

    /// Puts a free object back.
    ///
    /// # Safety
    /// The class's lock is held; the object is this slab's and nothing refers to it.
    unsafe fn push(&self, object: *mut u8) {
        let count = self.record.count.load(Ordering::Relaxed);
        // SAFETY: as the caller promises; objects have at least 16 bytes.
        unsafe { object.cast::<u32>().write(count & 0xffff) };
        let offset = (object.addr() & (PAGE_SIZE - 1)) as u32;
        self.record.count.store(((count >> 16) + 1) << 16 | offset, Ordering::Relaxed);
    }
}

/// All slabs of one class. Those with room are in a list.
pub(super) struct Class {
    size: u16,
    /// Frame number of the first slab with room; 0: none.
    head: u32,
    slabs: usize,
}

impl Class {
    pub(super) const fn new(size: u16) -> Class {
        Class { size, head: 0, slabs: 0 }
    }

    pub(super) fn frames(&self) -> usize {
        self.slabs
    }

    fn per_slab(&self) -> u32 {
        (PAGE_SIZE / usize::from(self.size)) as u32
    }

    /// Takes up to `count` objects, as a chain and its length.
    pub(super) fn take(&mut self, count: u32) -> (Link, u32) {
        let (mut chain, mut len) = (Link::NONE, 0);
        while len < count {
            if self.head == 0 && !self.grow() {
                break;
            }
            let slab = Slab::numbered(self.head);
            while len < count && slab.free() != 0 {
                // SAFETY: the slab has a free object, this class's lock is held (`&mut self`), and each object
                // moves from the slab's chain to ours.
                unsafe { chain.push(slab.pop()) };
                len += 1;
            }
            if slab.free() == 0 {
                self.unlink(&slab);
            }
        }
        (chain, len)
    }

    /// Puts an object back.
    ///
    /// # Safety
    /// It came from `take` of this class, and nothing refers to it any more.
    pub(super) unsafe fn put(&mut self, object: *mut u8) {
        let slab = Slab::of(object);
        let before = slab.free();
        // SAFETY: as the caller promises, and `&mut self` is the lock.
        unsafe { slab.push(object) };
        if before == 0 {
            self.link(&slab);
        }
        let last_with_room = self.head == slab.number && slab.next() == 0;
        if before + 1 == self.per_slab() && !last_with_room {
            self.unlink(&slab);
            self.slabs -= 1;
            // SAFETY: `grow` gave this frame up; all its objects are free and in no chain but its own.
            drop(unsafe { Frame::from_phys(PhysAddr(u64::from(slab.number) << PAGE_SHIFT)) });
        }
    }

    fn link(&mut self, slab: &Slab) {
        slab.set_links(0, self.head);
        if self.head != 0 {
            let head = Slab::numbered(self.head);
            head.set_links(slab.number, head.next());
        }
        self.head = slab.number;
    }

    fn unlink(&mut self, slab: &Slab) {
        let (prev, next) = (slab.prev(), slab.next());
        if prev == 0 {
            self.head = next;
        } else {
            let prev = Slab::numbered(prev);
            prev.set_links(prev.prev(), next);
        }
        if next != 0 {
            let next = Slab::numbered(next);
            next.set_links(prev, next.next());
        }
    }

    #[cold]
    fn grow(&mut self) -> bool {
        let Ok(frame) = Frame::alloc(Use::Kernel) else { return false };
        let slab = Slab::numbered(frame.into_phys().page() as u32);
        slab.clear();
        for i in (0..self.per_slab() as usize).rev() {
            // SAFETY: distinct objects within the new frame, which only we know.
            unsafe { slab.push(slab.base().add(i * usize::from(self.size))) };
        }
        self.link(&slab);
        self.slabs += 1;
        crate::pressure::after_kernel_allocation();
        true
    }
}
