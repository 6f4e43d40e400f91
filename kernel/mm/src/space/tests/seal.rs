use super::*;

fn mapped(space: &AddressSpace, pages: u64, prot: Prot) -> u64 {
    space.map(0, pages * PAGE, prot, ANON, None).unwrap()
}

#[test]
fn what_is_sealed_stays_mapped_and_protected() {
    let space = space();
    let at = mapped(&space, 4, Prot::READ);
    space.seal(at + PAGE, 2 * PAGE).unwrap();
    let fixed = ANON | MapFlags::FIXED;
    assert_eq!(errno(space.unmap(at, 4 * PAGE)), Errno::EPERM);
    assert_eq!(errno(space.protect(at + 2 * PAGE, PAGE, RW)), Errno::EPERM);
    assert_eq!(errno(space.map(at + 2 * PAGE, 2 * PAGE, RW, fixed, None)), Errno::EPERM);
    assert_eq!(errno(space.remap(at + PAGE, PAGE, 2 * PAGE, RemapFlags::MAYMOVE, 0)), Errno::EPERM);
    assert_eq!(errno(space.advise(at, 4 * PAGE, Advice::DONTNEED)), Errno::EPERM);
    assert_eq!(space.read(at, &mut [1; 4 * PAGE as usize]), 4 * PAGE as usize);
    // Around it all goes on as before; and sealing twice changes nothing.
    space.seal(at + PAGE, PAGE).unwrap();
    space.unmap(at, PAGE).unwrap();
    space.protect(at + 3 * PAGE, PAGE, RW).unwrap();
    // A child's is sealed, too.
    let child = space.fork().unwrap();
    assert_eq!(errno(child.unmap(at + PAGE, PAGE)), Errno::EPERM);
}

#[test]
fn a_hole_is_not_sealed_and_nothing_else_either() {
    let space = space();
    let at = mapped(&space, 3, RW);
    space.unmap(at + PAGE, PAGE).unwrap();
    assert_eq!(errno(space.seal(at, 3 * PAGE)), Errno::ENOMEM);
    assert_eq!(errno(space.seal(at + 1, PAGE)), Errno::EINVAL);
    assert_eq!(errno(space.seal(at, 1 << 50)), Errno::ENOMEM);
    assert_eq!(errno(space.seal(at, u64::MAX - PAGE)), Errno::EINVAL);
    assert_eq!(errno(space.seal(at, u64::MAX)), Errno::EINVAL);
    space.seal(at, 0).unwrap();
    space.unmap(at, 3 * PAGE).unwrap();
}

#[test]
fn sealed_memory_that_can_be_written_may_be_emptied() {
    let space = space();
    let at = mapped(&space, 1, RW);
    space.write_all(at, b"x").unwrap();
    space.seal(at, PAGE).unwrap();
    space.advise(at, PAGE, Advice::DONTNEED).unwrap();
    let mut byte = [1];
    space.read_all(at, &mut byte).unwrap();
    assert_eq!(byte, [0]);
}

#[test]
fn a_policy_is_told_where_it_was_set() {
    let space = space();
    let at = mapped(&space, 3, RW);
    space.set_policy(at + PAGE..at + 2 * PAGE, 0x102).unwrap();
    assert_eq!([0, 1, 2].map(|page| space.policy_at(at + page * PAGE)), [Ok(0), Ok(0x102), Ok(0)]);
    space.set_policy(at..at + 3 * PAGE, 0).unwrap();
    assert_eq!(space.policies(at..at + 3 * PAGE), [0]);
    space.unmap(at, PAGE).unwrap();
    assert_eq!(space.policy_at(at), Err(Errno::EFAULT));
    assert_eq!(errno(space.set_policy(at..at + PAGE, 1)), Errno::EFAULT);
}

#[test]
fn pages_of_a_shared_mapping_change_places() {
    let space = space();
    let numbers = Numbered::new(4);
    let at = space.map(0, 4 * PAGE, RW, MapFlags::SHARED, object(&numbers, 0, RW)).unwrap();
    let numbers_at = || {
        [0, 1, 2, 3].map(|page| {
            let mut byte = [9];
            space.read_all(at + page * PAGE, &mut byte).unwrap();
            byte[0]
        })
    };
    space.remap_pages(at, PAGE, 3).unwrap();
    space.remap_pages(at + 2 * PAGE, 2 * PAGE, 0).unwrap();
    assert_eq!(numbers_at(), [3, 1, 0, 1]);
    // All of it again, though it is several areas now.
    space.remap_pages(at, 4 * PAGE, 0).unwrap();
    assert_eq!(numbers_at(), [0, 1, 2, 3]);
    assert_eq!(errno(space.remap_pages(at, 5 * PAGE, 0)), Errno::EINVAL);
    let private = mapped(&space, 1, RW);
    assert_eq!(errno(space.remap_pages(private, PAGE, 0)), Errno::EINVAL);
    assert_eq!(errno(space.remap_pages(at, PAGE, u64::MAX / PAGE + 1)), Errno::EINVAL);
}
