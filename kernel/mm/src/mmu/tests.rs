use super::*;
use crate::frame::{Frame, Use};
use proptest::prelude::*;
use std::collections::BTreeMap;

const HUGE: u64 = 2 << 20;

proptest! {
    /// The tree agrees with a map from page to frame, through splits and removals, and frees its tables.
    #[test]
    fn the_tree_agrees_with_a_map(
        steps in proptest::collection::vec((0u8..6, 0u64..4096, 1u64..1200, 0u64..3), 1..60)
    ) {
        let mut table = host::HostMmu.new_table().unwrap();
        let mut model: BTreeMap<u64, (u64, Pte)> = BTreeMap::new();
        let bases = [0x40_0000u64, 0x7f00_0000_0000, 0x7ffe_ff00_0000];
        for (op, page, len, base) in steps {
            let base = bases[base as usize];
            let at = base + page * 4096;
            let end = at + len * 4096;
            match op {
                0 => for at in (at..end).step_by(4096) {
                    if let std::collections::btree_map::Entry::Vacant(vacant) = model.entry(at) {
                        let entry = Entry { phys: PhysAddr((at & 0xffff_f000) | 1 << 32), size: Size::Small, flags: Pte::READ };
                        table.map(at, entry).unwrap();
                        vacant.insert((entry.phys.0, entry.flags));
                    }
                },
                1 => {
                    let at = at & !(HUGE - 1);
                    let vacant = model.range(at..at + HUGE).next().is_none();
                    if vacant && table.is_vacant(at) {
                        let entry = Entry { phys: PhysAddr(page << 21), size: Size::Huge, flags: Pte::READ | Pte::WRITE };
                        table.map(at, entry).unwrap();
                        for i in 0..512 { model.insert(at + i * 4096, (entry.phys.0 + i * 4096, entry.flags)); }
                    }
                }
                2 | 3 => {
                    table.split(at).unwrap();
                    table.split(end).unwrap();
                    let remove = op == 2;
                    table.update(at..end, &mut |_, e| {
                        (!remove).then_some(Entry { flags: Pte::ANON, ..e })
                    });
                    let keys: std::vec::Vec<u64> = model.range(at..end).map(|(k, _)| *k).collect();
                    for k in keys {
                        if remove { model.remove(&k); } else { model.get_mut(&k).unwrap().1 = Pte::ANON; }
                    }
                    table.reap();
                }
                4 => {
                    let at = at & !(HUGE - 1);
                    let small = table.query(at).is_some_and(|entry| entry.size == Size::Small);
                    let held = model.range(at..at + HUGE).count();
                    // A huge entry has no table, so it is not full of small ones.
                    prop_assert_eq!(table.is_full(at), small && held == 512);
                    if table.is_full(at) {
                        let entry = Entry { phys: PhysAddr(page << 21), size: Size::Huge, flags: Pte::READ };
                        table.join(at, entry);
                        prop_assert!(table.has_emptied());
                        table.reap();
                        for i in 0..512 { model.insert(at + i * 4096, (entry.phys.0 + i * 4096, entry.flags)); }
                    }
                }
                _ => {
                    let mut seen = std::vec::Vec::new();
                    table.visit(0..1 << 47, &mut |at, e| {
                        for i in 0..e.size.frames() as u64 {
                            seen.push((at + i * 4096, (e.phys.0 + i * 4096, e.flags)));
                        }
                    });
                    let expected: std::vec::Vec<_> = model.iter().map(|(k, v)| (*k, *v)).collect();
                    prop_assert_eq!(seen, expected);
                }
            }
        }
        table.update(0..1 << 47, &mut |_, _| None);
        table.reap();
        prop_assert_eq!(table.tables(), 1);
    }
}

#[test]
fn a_dropped_tree_frees_its_tables() {
    let mut table = host::HostMmu.new_table().unwrap();
    let frame = Frame::zeroed(Use::User).unwrap();
    for i in 0..10 {
        table.map(i << 30, Entry { phys: frame.phys(), size: Size::Small, flags: Pte::READ }).unwrap();
    }
    assert_eq!(table.tables(), 1 + 1 + 10 + 10);
}
