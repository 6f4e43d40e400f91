use super::*;
use crate::locks::{Lock, Owner};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicUsize, Ordering};
use osv_base::Errno;
use proptest::prelude::*;

struct Nothing;

impl File for Nothing {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn open() -> Arc<OpenFile> {
    Arc::new(OpenFile::new(Arc::new(Nothing), 0))
}

const PLAIN: FdFlags = FdFlags { cloexec: false };
const CLOEXEC: FdFlags = FdFlags { cloexec: true };

proptest! {
    #[test]
    fn the_table_is_a_map_with_the_lowest_free_key(steps in proptest::collection::vec((0u8..6, 0i32..200), 1..300)) {
        const LIMIT: u64 = 150;
        let table = FdTable::new();
        let mut model: BTreeMap<i32, (Arc<OpenFile>, bool)> = BTreeMap::new();
        for (what, n) in steps {
            let lowest = |from: i32, model: &BTreeMap<i32, _>| (from..).find(|fd| !model.contains_key(fd)).unwrap();
            match what {
                0 | 1 => {
                    let from = if what == 0 { 0 } else { n };
                    let file = open();
                    let fd = lowest(from, &model);
                    let got = table.insert(file.clone(), CLOEXEC, from as u32, LIMIT);
                    if (fd as u64) < LIMIT {
                        prop_assert_eq!(got, Ok(fd));
                        model.insert(fd, (file, true));
                    } else {
                        prop_assert_eq!(got, Err(Errno::EMFILE.into()));
                    }
                }
                2 => {
                    let expected = model.remove(&n).is_some();
                    prop_assert_eq!(table.close(n).is_ok(), expected);
                }
                3 => {
                    let file = open();
                    let got = table.replace(n, file.clone(), PLAIN, LIMIT);
                    prop_assert_eq!(got.is_ok(), (n as u64) < LIMIT);
                    if got.is_ok() {
                        model.insert(n, (file, false));
                    }
                }
                4 => {
                    let expected = model.get_mut(&n).map(|slot| slot.1 = false).is_some();
                    prop_assert_eq!(table.set_flags(n, PLAIN).is_ok(), expected);
                }
                _ => match model.get(&n) {
                    Some((file, cloexec)) => {
                        prop_assert!(Arc::ptr_eq(file, &table.get(n).unwrap()));
                        prop_assert_eq!(table.flags(n), Ok(FdFlags { cloexec: *cloexec }));
                    }
                    None => prop_assert_eq!(table.get(n).err(), Some(Errno::EBADF)),
                },
            }
        }
        let copy = table.fork();
        prop_assert_eq!(copy.list(0, 1000), model.keys().copied().collect::<Vec<_>>());
        let (closed, kept): (Vec<_>, Vec<_>) = model.iter().partition(|(_, (_, cloexec))| *cloexec);
        prop_assert_eq!(copy.close_on_exec().len(), closed.len());
        prop_assert_eq!(copy.list(0, 1000).len(), kept.len());
        prop_assert_eq!(table.list(0, 1000).len(), model.len());
    }

    #[test]
    fn record_locks_are_what_each_byte_says(steps in proptest::collection::vec((0u32..3, 0u8..3, 0u64..20, 1u64..20), 1..60)) {
        static FILE: AtomicUsize = AtomicUsize::new(0);
        let file = (1, FILE.fetch_add(1, Ordering::Relaxed) as u64);
        // Who holds each byte how: exclusive or not.
        let mut bytes: Vec<BTreeMap<u32, bool>> = alloc::vec![BTreeMap::new(); 40];
        for (who, what, start, len) in steps {
            let (owner, end) = (Owner::Process(who), start + len);
            let range = start as usize..end as usize;
            if what == 0 {
                locks::clear(file, owner, start, end);
                for byte in &mut bytes[range] {
                    byte.remove(&who);
                }
                continue;
            }
            let exclusive = what == 1;
            let wanted = Lock { owner, exclusive, start, end };
            let free = bytes[range.clone()].iter().all(|byte| byte.iter().all(|(&other, &held)| other == who || !held && !exclusive));
            prop_assert_eq!(locks::conflict(file, &wanted).is_none(), free);
            prop_assert_eq!(locks::set(file, &wanted, false).is_ok(), free);
            if free {
                for byte in &mut bytes[range] {
                    byte.insert(who, exclusive);
                }
            }
        }
    }
}

/// A file that no other test locks.
fn file_to_lock() -> locks::FileId {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    (2, NEXT.fetch_add(1, Ordering::Relaxed) as u64)
}

fn byte(pid: u32, start: u64) -> Lock {
    Lock { owner: Owner::Process(pid), exclusive: true, start, end: start + 1 }
}

#[test]
fn the_locks_of_a_process_that_ended_are_free() {
    let (file, other) = (file_to_lock(), file_to_lock());
    for (file, start) in [(file, 0), (file, 5), (other, 0)] {
        locks::set(file, &byte(101, start), false).unwrap();
    }
    let waiter = std::thread::spawn(move || locks::set(file, &byte(102, 5), true));
    locks::forget(Owner::Process(101));
    waiter.join().unwrap().unwrap();
    assert_eq!(locks::conflict(file, &byte(103, 0)), None);
    assert_eq!(locks::conflict(other, &byte(103, 0)), None);
    locks::forget(Owner::Process(102));
}

#[test]
fn who_would_wait_for_itself_by_way_of_others_is_told() {
    let file = file_to_lock();
    for pid in 0..3 {
        locks::set(file, &byte(200 + pid, u64::from(pid)), false).unwrap();
    }
    // Each of two wants what the next one holds, and the last what the first does.
    let waiters = [0, 1]
        .map(|pid| std::thread::spawn(move || locks::set(file, &byte(200 + pid, u64::from(pid) + 1), true)));
    while locks::waiting(file) < 2 {
        std::thread::yield_now();
    }
    assert_eq!(locks::set(file, &byte(202, 0), true), Err(Errno::EDEADLK.into()));
    assert_eq!(locks::set(file, &byte(202, 0), false), Err(Errno::EAGAIN.into()));
    for pid in [202, 201, 200] {
        locks::forget(Owner::Process(pid));
    }
    for waiter in waiters {
        waiter.join().unwrap().unwrap();
    }
    for pid in [200, 201] {
        locks::forget(Owner::Process(pid));
    }
}

#[test]
fn a_reserved_descriptor_is_open_for_nobody_until_it_is_filled() {
    let table = FdTable::new();
    let flags = FdFlags { cloexec: true };
    let reserved = table.reserve(flags, 1).unwrap();
    assert_eq!(reserved.fd(), 0);
    assert_eq!(table.get(0).map(drop), Err(Errno::EBADF));
    assert_eq!(table.close(0).map(drop), Err(Errno::EBADF));
    assert_eq!(table.reserve(flags, 1).map(drop), Err(Errno::EMFILE.into()));
    // A child does not inherit what only its parent will fill.
    let child = table.fork();
    assert_eq!(child.reserve(flags, 1).map(drop), Ok(()));
    drop(reserved);
    let reserved = table.reserve(flags, 1).unwrap();
    assert_eq!(reserved.fill(open()), 0);
    assert!(table.get(0).is_ok());
    assert_eq!(table.flags(0), Ok(flags));
}

#[test]
fn negative_descriptors_are_bad() {
    let table = FdTable::new();
    assert_eq!(table.get(-1).err(), Some(Errno::EBADF));
    assert_eq!(table.close(i32::MIN).err(), Some(Errno::EBADF));
    assert!(table.replace(-5, open(), PLAIN, 100).is_err());
}

#[test]
fn closing_tells_those_who_watch() {
    struct Count(AtomicUsize);
    impl file::CloseWatcher for Count {
        fn closed(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (watcher, file) = (Arc::new(Count(AtomicUsize::new(0))), open());
    let weak: alloc::sync::Weak<Count> = Arc::downgrade(&watcher);
    file.watch_close(weak);
    let again = file.clone();
    drop(file);
    assert_eq!(watcher.0.load(Ordering::Relaxed), 0);
    drop(again);
    assert_eq!(watcher.0.load(Ordering::Relaxed), 1);
}

#[test]
fn permissions_go_by_class() {
    let attr = Attr { mode: 0o100640, uid: 10, gid: 20, ..Attr::default() };
    let creds = |uid, gid, groups: &[u32]| Creds { uid, gid, groups: groups.into() };
    let may = |creds: Creds, wanted| creds.may(&attr, wanted).is_ok();
    assert!(may(creds(10, 0, &[]), 6) && !may(creds(10, 0, &[]), 1));
    assert!(may(creds(11, 20, &[]), 4) && !may(creds(11, 20, &[]), 2));
    assert!(may(creds(11, 0, &[7, 20]), 4) && !may(creds(11, 0, &[7]), 4));
    assert!(may(Creds::root(), 6) && !may(Creds::root(), 1), "nobody may execute it");
}
