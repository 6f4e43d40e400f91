mod crowd;
mod holes;
mod model;
mod seal;

use super::*;
use crate::frame::Frame;
use crate::pager::{Mappings, ObjectId, Pager};
use core::fmt::Write;
use osv_abi::Errno;
use osv_abi::uapi::memory::{Advice, MapFlags, Prot, RemapFlags, SyncFlags};
use osv_base::Fail;
use osv_sync::Mutex;
use std::string::String;
use std::vec::Vec;

pub(super) const RW: Prot = Prot::READ.union(Prot::WRITE);
pub(super) const ANON: MapFlags = MapFlags::PRIVATE.union(MapFlags::ANONYMOUS);

pub(super) fn space() -> Arc<AddressSpace> {
    AddressSpace::with_layout(Layout::fixed()).unwrap()
}

pub(super) fn errno<T: core::fmt::Debug>(result: osv_base::Res<T>) -> Errno {
    match result {
        Err(Fail::Errno(errno)) => errno,
        other => panic!("expected an errno, got {other:?}"),
    }
}

/// An object whose page n is filled with n, and that must be asked before it has pages at hand.
struct Numbered {
    object: ObjectId,
    pages: u64,
    cache: Mutex<std::collections::BTreeMap<u64, Frame>>,
    mappings: Mappings,
}

impl Numbered {
    fn new(pages: u64) -> Arc<Numbered> {
        let (object, mappings) = (ObjectId::unique(), Mappings::new());
        Arc::new(Numbered { object, pages, cache: Mutex::new(Default::default()), mappings })
    }
}

impl Pager for Numbered {
    fn object(&self) -> ObjectId {
        self.object
    }
    fn page(&self, index: u64, _write: bool) -> osv_base::Res<Frame> {
        if index >= self.pages {
            return Err(Errno::ENXIO.into());
        }
        let mut cache = self.cache.lock();
        if let Some(frame) = cache.get(&index) {
            return Ok(frame.clone());
        }
        let frame = Frame::alloc(frame::Use::User)?;
        frame.copy_in(0, &[index as u8; 4096]);
        cache.insert(index, frame.clone());
        Ok(frame)
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        self.cache.lock().get(&index).cloned()
    }
    fn len(&self) -> u64 {
        self.pages * PAGE - 100
    }
    fn mappings(&self) -> Option<&Mappings> {
        Some(&self.mappings)
    }
    fn name(&self, to: &mut dyn Write) -> core::fmt::Result {
        to.write_str("/bin/numbered")
    }
    fn device_inode(&self) -> (u64, u64) {
        (0x803, 42)
    }
}

fn object(pager: &Arc<Numbered>, offset: u64, max_prot: Prot) -> Option<Object> {
    Some(Object { pager: pager.clone(), offset, max_prot })
}

#[test]
fn untouched_memory_reads_as_zeros_and_takes_no_frames() {
    let space = space();
    let at = space.map(0, 1 << 40, Prot::READ, ANON | MapFlags::NORESERVE, None).unwrap();
    let mut bytes = [1; 10];
    space.read_all(at + 12345, &mut bytes).unwrap();
    assert_eq!(bytes, [0; 10]);
    assert_eq!(space.counts().resident(), 0);
    assert_eq!(space.counts().mapped, 1 << 28);
}

#[test]
fn mappings_go_top_down_and_join() {
    let space = space();
    let a = space.map(0, 4096, RW, ANON, None).unwrap();
    let b = space.map(0, 8192, RW, ANON, None).unwrap();
    assert_eq!(a + 4096, Layout::fixed().mmap_top);
    assert_eq!(b + 8192, a);
    assert_eq!(space.counts().areas, 1);
    space.protect(b, 4096, Prot::READ).unwrap();
    assert_eq!(space.counts().areas, 2);
    space.protect(b, 4096, RW).unwrap();
    assert_eq!(space.counts().areas, 1);
}

#[test]
fn the_hole_of_an_unmapped_area_is_used_again() {
    let space = space();
    let a = space.map(0, 0x10000, RW, ANON, None).unwrap();
    space.map(0, 0x1000, Prot::READ, ANON, None).unwrap();
    space.unmap(a + 0x4000, 0x2000).unwrap();
    assert_eq!(space.map(0, 0x2000, RW, ANON, None).unwrap(), a + 0x4000);
}

#[test]
fn protection_is_obeyed() {
    let space = space();
    let at = space.map(0, 0x3000, Prot::READ, ANON, None).unwrap();
    assert_eq!(space.fault(at, Access::Write), Outcome::Forbidden);
    assert_eq!(space.fault(at, Access::Execute), Outcome::Forbidden);
    assert_eq!(space.fault(at, Access::Read), Outcome::Done);
    space.protect(at, 0x1000, RW).unwrap();
    space.write_all(at, b"kept").unwrap();
    space.protect(at, 0x1000, Prot::empty()).unwrap();
    assert_eq!(space.fault(at, Access::Read), Outcome::Forbidden);
    space.protect(at, 0x1000, Prot::READ).unwrap();
    let mut bytes = [0; 4];
    space.read_all(at, &mut bytes).unwrap();
    assert_eq!(&bytes, b"kept");
    assert_eq!(space.fault(at - 1, Access::Read), Outcome::Unmapped);
    assert_eq!(space.fault(0, Access::Read), Outcome::Unmapped);
    assert_eq!(space.fault(u64::MAX, Access::Read), Outcome::Unmapped);
}

#[test]
fn a_private_file_mapping_copies_on_write() {
    let file = Numbered::new(40);
    let space = space();
    let at = space.map(0, 40 * PAGE, RW, MapFlags::PRIVATE, object(&file, 0, RW)).unwrap();
    let mut byte = [0];
    space.read_all(at + 7 * PAGE, &mut byte).unwrap();
    assert_eq!(byte, [7]);
    space.write_all(at + 7 * PAGE, &[99]).unwrap();
    space.read_all(at + 7 * PAGE, &mut byte).unwrap();
    assert_eq!(byte, [99]);
    assert_eq!(file.page(7, false).unwrap().bytes()[0], 7);
    assert_eq!(space.counts().anonymous, 1);
}

#[test]
fn pages_at_hand_come_with_their_neighbour() {
    let file = Numbered::new(64);
    for i in 0..64 {
        file.page(i, false).unwrap();
    }
    let space = space();
    let at = space.map(0x10_0000, 64 * PAGE, Prot::READ, MapFlags::PRIVATE, object(&file, 0, RW)).unwrap();
    assert_eq!(space.fault(at + 20 * PAGE, Access::Read), Outcome::Done);
    assert_eq!(space.counts().object, 16);
}

#[test]
fn behind_the_end_of_the_object_is_a_bus_error() {
    let file = Numbered::new(2);
    let space = space();
    let at = space.map(0, 4 * PAGE, Prot::READ, MapFlags::PRIVATE, object(&file, 0, RW)).unwrap();
    assert_eq!(space.fault(at + PAGE, Access::Read), Outcome::Done);
    assert_eq!(space.fault(at + 2 * PAGE, Access::Read), Outcome::PastEnd);
}

#[test]
fn shared_mappings_see_each_other_and_their_futexes_are_one() {
    let file = Numbered::new(4);
    let (a, b) = (space(), space());
    let at = a.map(0, 4 * PAGE, RW, MapFlags::SHARED, object(&file, 0, RW)).unwrap();
    let bt = b.map(0, PAGE, RW, MapFlags::SHARED, object(&file, PAGE, RW)).unwrap();
    a.write_all(at + PAGE + 8, b"hello").unwrap();
    let mut bytes = [0; 5];
    b.read_all(bt + 8, &mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
    assert_eq!(a.futex_key(at + PAGE + 8, true).unwrap(), b.futex_key(bt + 8, true).unwrap());
    assert_ne!(a.futex_key(at + PAGE + 8, false).unwrap(), b.futex_key(bt + 8, false).unwrap());
    assert_eq!(errno(a.futex_key(at + 2, true)), Errno::EINVAL);
}

#[test]
fn a_read_only_descriptor_cannot_be_made_writable() {
    let file = Numbered::new(4);
    let space = space();
    assert_eq!(errno(space.map(0, PAGE, RW, MapFlags::SHARED, object(&file, 0, Prot::READ))), Errno::EACCES);
    let at = space.map(0, PAGE, Prot::READ, MapFlags::SHARED, object(&file, 0, Prot::READ)).unwrap();
    assert_eq!(errno(space.protect(at, PAGE, RW)), Errno::EACCES);
}

#[test]
fn a_forked_child_has_a_copy() {
    let parent = space();
    let at = parent.map(0, 4 * PAGE, RW, ANON, None).unwrap();
    let shared = parent.map(0, PAGE, RW, MapFlags::SHARED | MapFlags::ANONYMOUS, None).unwrap();
    parent.write_all(at, b"before").unwrap();
    parent.write_all(shared, b"before").unwrap();
    let child = parent.fork().unwrap();
    parent.write_all(at, b"parent").unwrap();
    child.write_all(shared, b"child!").unwrap();
    let mut bytes = [0; 6];
    child.read_all(at, &mut bytes).unwrap();
    assert_eq!(&bytes, b"before");
    parent.read_all(shared, &mut bytes).unwrap();
    assert_eq!(&bytes, b"child!");
    child.write_all(at, b"child!").unwrap();
    parent.read_all(at, &mut bytes).unwrap();
    assert_eq!(&bytes, b"parent");
}

#[test]
fn large_areas_get_huge_pages_and_can_be_cut() {
    let space = space();
    let at = space.map(0, 32 << 20, RW, ANON, None).unwrap();
    assert!(at.is_multiple_of(HUGE));
    space.write_all(at + HUGE + 5, b"x").unwrap();
    assert_eq!(space.counts().anonymous, 512);
    space.unmap(at + HUGE + PAGE, PAGE).unwrap();
    assert_eq!(space.counts().anonymous, 511);
    let mut byte = [0];
    space.read_all(at + HUGE + 5, &mut byte).unwrap();
    assert_eq!(byte, *b"x");
    let child = space.fork().unwrap();
    child.write_all(at + HUGE + 5, b"y").unwrap();
    space.read_all(at + HUGE + 5, &mut byte).unwrap();
    assert_eq!(byte, *b"x");
}

#[test]
fn what_is_committed_out_of_a_large_reservation_gets_huge_pages() {
    let space = space();
    let reserved = space.map(0, 64 << 20, Prot::empty(), ANON | MapFlags::NORESERVE, None).unwrap();
    assert!(reserved.is_multiple_of(HUGE));
    let huge = |at: u64| {
        let lines = space.report(true).unwrap();
        let line = lines.iter().find(|line| line.range.contains(&at)).unwrap();
        (line.is_huge_eligible, line.huge)
    };
    // By mmap(2) in the middle, and by mprotect(2).
    let middle = reserved + 16 * HUGE;
    space.map(middle, 2 * HUGE, RW, ANON | MapFlags::FIXED, None).unwrap();
    space.write_all(middle + HUGE + 5, b"x").unwrap();
    assert_eq!(huge(middle), (true, 512));
    space.protect(reserved, HUGE + PAGE, RW).unwrap();
    space.write_all(reserved + 5, b"x").unwrap();
    space.write_all(reserved + HUGE + 5, b"x").unwrap();
    assert_eq!(huge(reserved), (true, 512));
    assert_eq!(space.counts().anonymous, 512 + 512 + 1);
    // Code begins small, and so does memory that is no part of something large.
    let code = reserved + 24 * HUGE;
    space.protect(code, 2 * HUGE, RW | Prot::EXEC).unwrap();
    space.write_all(code, b"x").unwrap();
    assert_eq!(huge(code), (false, 0));
    let small = space.map(0, 2 * HUGE, RW, ANON, None).unwrap();
    space.write_all(small, b"x").unwrap();
    assert_eq!(huge(small), (false, 0));
}

#[test]
fn a_heap_that_grows_by_little_becomes_huge_pages() {
    let space = space();
    let reserved = space.map(0, 64 << 20, Prot::empty(), ANON | MapFlags::NORESERVE, None).unwrap();
    let step = 48 * PAGE;
    for at in (reserved..reserved + 3 * HUGE).step_by(step as usize) {
        space.map(at, step, RW, ANON | MapFlags::FIXED, None).unwrap();
        for page in (at..at + step).step_by(PAGE as usize) {
            space.write_all(page, &page.to_le_bytes()).unwrap();
        }
    }
    let lines = space.report(true).unwrap();
    let line = lines.iter().find(|line| line.range.contains(&reserved)).unwrap();
    assert_eq!((line.huge, line.resident), (3 * 512, 3 * 512));
    assert_eq!(space.counts().anonymous, 3 * 512);
    for page in (reserved..reserved + 3 * HUGE).step_by(PAGE as usize) {
        let mut bytes = [0; 8];
        space.read_all(page, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), page);
        space.write_all(page, b"y").unwrap();
    }
}

#[test]
fn pages_that_a_child_shares_stay_small() {
    let space = space();
    let at = space.map(0, 32 << 20, RW, ANON, None).unwrap();
    // Small, since reading comes first; all but the last page.
    let mut byte = [0];
    for page in (at..at + HUGE - PAGE).step_by(PAGE as usize) {
        space.read_all(page, &mut byte).unwrap();
        space.write_all(page, b"a").unwrap();
    }
    let child = space.fork().unwrap();
    space.write_all(at + HUGE - PAGE, b"a").unwrap();
    space.write_all(at, b"b").unwrap();
    child.read_all(at, &mut byte).unwrap();
    assert_eq!(byte, *b"a");
    let huge = |space: &AddressSpace| space.report(true).unwrap().iter().map(|line| line.huge).sum::<usize>();
    assert_eq!((huge(&space), huge(&child)), (0, 0));
    // Alone again, the next time it is filled.
    drop(child);
    space.advise(at + HUGE - PAGE, PAGE, Advice::DONTNEED).unwrap();
    for page in (at..at + HUGE).step_by(PAGE as usize) {
        space.write_all(page, b"c").unwrap();
    }
    assert_eq!(huge(&space), 512);
    space.read_all(at + 7 * PAGE, &mut byte).unwrap();
    assert_eq!(byte, *b"c");
}

#[test]
fn a_stack_grows_to_its_limit() {
    let space = space();
    let top = 0x7fff_0000_0000;
    let flags = ANON | MapFlags::GROWSDOWN | MapFlags::FIXED;
    space.map(top - 0x21000, 0x21000, RW, flags, None).unwrap();
    assert_eq!(space.fault(top - (1 << 20), Access::Write), Outcome::Done);
    assert_eq!(space.fault(top - (8 << 20), Access::Write), Outcome::Done);
    assert_eq!(space.fault(top - (8 << 20) - 1, Access::Write), Outcome::Unmapped);
    // A hint in the stack's gap is not taken.
    let hint = top - (8 << 20) - 0x10000;
    assert_ne!(space.map(hint, 0x1000, RW, ANON, None).unwrap(), hint);
}

#[test]
fn the_heap_moves_and_returns_what_it_cannot() {
    let space = space();
    space.set_brk_start(0x40_0123);
    assert_eq!(space.brk(0), 0x40_1000);
    assert_eq!(space.brk(0x40_3010), 0x40_3010);
    space.write_all(0x40_300f, b"z").unwrap();
    assert_eq!(space.brk(0x40_1800), 0x40_1800);
    assert_eq!(space.fault(0x40_3000, Access::Read), Outcome::Unmapped);
    space.map(0x41_0000, PAGE, RW, ANON | MapFlags::FIXED, None).unwrap();
    assert_eq!(space.brk(0x41_0001), 0x40_1800);
    assert_eq!(space.brk(0x1000), 0x40_1800);
}

#[test]
fn hostile_arguments_get_linux_errors() {
    let s = space();
    assert_eq!(errno(s.map(0, 0, RW, ANON, None)), Errno::EINVAL);
    assert_eq!(errno(s.map(0, u64::MAX, RW, ANON, None)), Errno::ENOMEM);
    assert_eq!(errno(s.map(0, 1 << 47, RW, ANON, None)), Errno::ENOMEM);
    assert_eq!(errno(s.map(0, PAGE, RW, MapFlags::ANONYMOUS, None)), Errno::EINVAL);
    assert_eq!(errno(s.map(1, PAGE, RW, ANON | MapFlags::FIXED, None)), Errno::EINVAL);
    assert_eq!(errno(s.map(0, PAGE, RW, ANON | MapFlags::FIXED, None)), Errno::EPERM);
    assert_eq!(errno(s.map(USER_END, PAGE, RW, ANON | MapFlags::FIXED, None)), Errno::ENOMEM);
    assert_eq!(errno(s.map(!0xfff, PAGE, RW, ANON | MapFlags::FIXED, None)), Errno::ENOMEM);
    assert_eq!(errno(s.map(0, PAGE, RW, ANON | MapFlags::HUGETLB, None)), Errno::ENOMEM);
    let file = Numbered::new(1);
    assert_eq!(errno(s.map(0, PAGE, RW, MapFlags::SHARED, object(&file, !0xfff, RW))), Errno::EOVERFLOW);
    let at = s.map(0, PAGE, RW, ANON, None).unwrap();
    assert_eq!(errno(s.map(at, PAGE, RW, ANON | MapFlags::FIXED_NOREPLACE, None)), Errno::EEXIST);
    for (addr, len) in [(1, PAGE), (0, 0), (!0xfff, PAGE), (0, u64::MAX), (USER_END, PAGE)] {
        assert_eq!(errno(s.unmap(addr, len)), Errno::EINVAL, "{addr:x} {len:x}");
    }
    assert_eq!(errno(s.protect(1, PAGE, RW)), Errno::EINVAL);
    assert_eq!(errno(s.protect(!0xfff, PAGE * 2, RW)), Errno::ENOMEM);
    assert_eq!(errno(s.protect(at, 2 * PAGE, RW)), Errno::ENOMEM);
    assert_eq!(errno(s.protect(at, PAGE, Prot::from_bits_retain(0x80))), Errno::EINVAL);
    assert!(s.protect(0x5000_0000, 0, RW).is_ok());
    assert_eq!(errno(s.remap(at, PAGE, 0, RemapFlags::empty(), 0)), Errno::EINVAL);
    assert_eq!(errno(s.remap(at + 1, PAGE, PAGE, RemapFlags::empty(), 0)), Errno::EINVAL);
    assert_eq!(errno(s.remap(0x5000_0000, PAGE, PAGE, RemapFlags::empty(), 0)), Errno::EFAULT);
    // A shrink to far beyond the address space, which must not be walked.
    assert_eq!(errno(s.remap(at, 1 << 62, PAGE, RemapFlags::empty(), 0)), Errno::EINVAL);
    assert_eq!(errno(s.remap(at, u64::MAX, u64::MAX, RemapFlags::MAYMOVE, 0)), Errno::EINVAL);
    assert_eq!(errno(s.remap(at, PAGE, USER_END + PAGE, RemapFlags::MAYMOVE, 0)), Errno::EINVAL);
    // Of the type's four bits only three values are known, and a length that is too much comes first.
    assert_eq!(errno(s.map(0, PAGE, RW, ANON | MapFlags::from_bits_retain(4), None)), Errno::EINVAL);
    assert_eq!(errno(s.map(0, USER_END + PAGE, RW, MapFlags::ANONYMOUS, None)), Errno::ENOMEM);
    // Lengths that wrap to nothing when they are rounded up are none.
    assert!(s.sync(at, u64::MAX, SyncFlags::SYNC).is_ok());
    assert!(s.lock(at, u64::MAX, false, u64::MAX).is_ok() && s.unlock(at, u64::MAX).is_ok());
    assert_eq!(errno(s.advise(at, PAGE, Advice(77))), Errno::EINVAL);
    assert_eq!(errno(s.advise(at, 2 * PAGE, Advice::DONTNEED)), Errno::ENOMEM);
    assert_eq!(errno(s.resident(at, 2)), Errno::ENOMEM);
}

#[test]
fn more_than_all_memory_is_refused_unless_not_reserved() {
    let s = space();
    assert_eq!(errno(s.map(0, 8 << 30, RW, ANON, None)), Errno::ENOMEM);
    assert!(s.map(0, 8 << 30, RW, ANON | MapFlags::NORESERVE, None).is_ok());
    assert!(s.map(0, 8 << 30, Prot::empty(), ANON, None).is_ok());
}

#[test]
fn a_mapping_moves_with_its_bytes() {
    let s = space();
    let at = s.map(0, 3 * PAGE, RW, ANON, None).unwrap();
    s.map(at + 3 * PAGE, PAGE, Prot::READ, ANON | MapFlags::FIXED, None).unwrap();
    s.write_all(at + PAGE, b"moved").unwrap();
    assert_eq!(errno(s.remap(at, 3 * PAGE, 600 * PAGE, RemapFlags::empty(), 0)), Errno::ENOMEM);
    let to = s.remap(at, 3 * PAGE, 600 * PAGE, RemapFlags::MAYMOVE, 0).unwrap();
    assert_ne!(at, to);
    let mut bytes = [0; 5];
    s.read_all(to + PAGE, &mut bytes).unwrap();
    assert_eq!(&bytes, b"moved");
    assert_eq!(s.fault(at, Access::Read), Outcome::Unmapped);
    assert_eq!(s.remap(to, 600 * PAGE, 2 * PAGE, RemapFlags::empty(), 0).unwrap(), to);
    assert_eq!(s.counts().mapped, 3);
    // Room above: grows where it stands.
    assert_eq!(s.remap(to, 2 * PAGE, 5 * PAGE, RemapFlags::empty(), 0).unwrap(), to);
}

#[test]
fn maps_look_like_linux() {
    let s = space();
    let file = Numbered::new(4);
    s.map(
        0x40_0000,
        2 * PAGE,
        Prot::READ | Prot::EXEC,
        MapFlags::PRIVATE | MapFlags::FIXED,
        object(&file, PAGE, Prot::all()),
    )
    .unwrap();
    s.set_brk_start(0x50_0000);
    s.brk(0x50_1000);
    let mut text = String::new();
    for line in s.report(true).unwrap() {
        line.write_maps(&mut text).unwrap();
    }
    let expected = "00400000-00402000 r-xp 00001000 08:03 42                                 /bin/numbered\n\
                    00500000-00501000 rw-p 00000000 00:00 0                                  [heap]\n";
    assert_eq!(text, expected);
}

#[test]
fn everything_is_given_back() {
    let file = Numbered::new(16);
    // Other tests run beside this one, so look at the frames themselves.
    let s = space();
    let at = s.map(0, 16 * PAGE, RW, MapFlags::PRIVATE, object(&file, 0, RW)).unwrap();
    assert_eq!(s.populate(at, at + 16 * PAGE, Access::Read), Outcome::Done);
    let held: Vec<Frame> = (0..16).map(|i| file.page(i, false).unwrap()).collect();
    assert!(held.iter().all(|f| frame::holders(f.phys()) == Some(3)));
    drop(s);
    assert!(held.iter().all(|f| frame::holders(f.phys()) == Some(2)));
}

#[test]
fn nothing_remembers_an_address_space_that_ended() {
    let file = Numbered::new(16);
    let s = space();
    s.map(0, 16 * PAGE, RW, MapFlags::PRIVATE, object(&file, 0, RW)).unwrap();
    let (parent, child) = (Arc::downgrade(&s), s.fork().unwrap());
    let child_memory = Arc::downgrade(&child);
    for space in [&parent, &child_memory] {
        assert!(forget::is_noted(space) && file.mappings.holds(space));
    }
    drop(s);
    assert!(!forget::is_noted(&parent) && !file.mappings.holds(&parent));
    assert!(forget::is_noted(&child_memory) && file.mappings.holds(&child_memory));
    drop(child);
    assert!(!forget::is_noted(&child_memory) && !file.mappings.holds(&child_memory));
}

#[test]
fn protection_that_comes_back_does_not_reach_shared_frames() {
    let file = Numbered::new(2);
    let s = space();
    let at = s.map(0, PAGE, Prot::READ, MapFlags::PRIVATE, object(&file, PAGE, RW)).unwrap();
    let mut byte = [0];
    s.read_all(at, &mut byte).unwrap();
    s.protect(at, PAGE, RW).unwrap();
    s.write_all(at, b"x").unwrap();
    assert_eq!(file.page(1, false).unwrap().bytes()[0], 1);

    let child = s.fork().unwrap();
    for one in [&s, &child] {
        one.protect(at, PAGE, Prot::empty()).unwrap();
        one.protect(at, PAGE, RW).unwrap();
    }
    child.write_all(at, b"y").unwrap();
    s.read_all(at, &mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn pages_behind_a_new_end_are_taken_back() {
    let memory = SharedMemory::new(4 * PAGE);
    let (s, private) = (space(), space());
    let object = || Some(Object { pager: memory.clone(), offset: PAGE, max_prot: RW });
    let at = s.map(0, 3 * PAGE, RW, MapFlags::SHARED, object()).unwrap();
    let copy = private.map(0, 3 * PAGE, RW, MapFlags::PRIVATE, object()).unwrap();
    let child = {
        for page in 0..3 {
            s.write_all(at + page * PAGE, b"old").unwrap();
            private.write_all(copy + page * PAGE, b"own").unwrap();
        }
        s.fork().unwrap()
    };
    memory.resize(2 * PAGE + 5);
    let mut bytes = [0; 3];
    for one in [&s, &child] {
        assert_eq!(one.fault(at + 2 * PAGE, Access::Read), Outcome::PastEnd);
        one.read_all(at + PAGE, &mut bytes).unwrap();
        assert_eq!(&bytes, b"old");
    }
    assert_eq!(private.fault(copy + 2 * PAGE, Access::Read), Outcome::PastEnd);
    private.read_all(copy + PAGE, &mut bytes).unwrap();
    assert_eq!(&bytes, b"own");
    memory.resize(4 * PAGE);
    s.read_all(at + 2 * PAGE, &mut bytes).unwrap();
    assert_eq!(bytes, [0; 3]);
}

#[test]
fn threads_fault_map_and_unmap_at_once() {
    let s = space();
    let common = s.map(0, 256 * PAGE, RW, ANON, None).unwrap();
    let threads: Vec<_> = (0..4u64)
        .map(|t| {
            let s = s.clone();
            std::thread::spawn(move || {
                for i in 0..300u64 {
                    let at = s.map(0, 8 * PAGE, RW, ANON, None).unwrap();
                    for page in 0..8 {
                        s.write_all(at + page * PAGE, &[t as u8; 16]).unwrap();
                    }
                    let mut bytes = [0; 16];
                    s.read_all(at + (i % 8) * PAGE, &mut bytes).unwrap();
                    assert_eq!(bytes, [t as u8; 16]);
                    s.write_all(common + (t + 4 * (i % 64)) * PAGE, &[t as u8]).unwrap();
                    s.protect(common + (i % 64) * 4 * PAGE, 4 * PAGE, RW).unwrap();
                    s.unmap(at, 8 * PAGE).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(s.counts().anonymous, 256);
    for page in 0..256 {
        let mut byte = [9];
        s.read_all(common + page * PAGE, &mut byte).unwrap();
        assert_eq!(u64::from(byte[0]), page % 4);
    }
}
