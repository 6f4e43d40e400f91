//! The tree of areas against a plain list.

use super::*;
use crate::space::area::{Area, AreaFlags, Backing};
use proptest::prelude::*;

fn area(start: u64, pages: u64, grows: bool) -> Area {
    Area {
        range: start..start + pages * PAGE,
        prot: RW,
        max_prot: RW,
        flags: if grows { AreaFlags::GROWSDOWN } else { AreaFlags::empty() },
        backing: Backing::Anonymous,
    }
}

/// The starts of all holes of `len` bytes, by looking at every page. An area's claim ends at the area below it.
fn holes(list: &[Area], len: u64, bounds: &Range<u64>, align: u64) -> Vec<u64> {
    let taken: Vec<Range<u64>> = list
        .iter()
        .enumerate()
        .map(|(i, a)| a.claimed_start().max(if i == 0 { 0 } else { list[i - 1].range.end })..a.range.end)
        .collect();
    (bounds.start..bounds.end)
        .step_by(PAGE as usize)
        .filter(|at| at.is_multiple_of(align) && at + len <= bounds.end)
        .filter(|at| taken.iter().all(|a| at + len <= a.start || *at >= a.end))
        .collect()
}

proptest! {
    #[test]
    fn holes_are_found_and_are_the_outermost(
        steps in proptest::collection::vec((0u64..600, 1u64..40, any::<bool>(), any::<bool>()), 1..80),
        wants in proptest::collection::vec((1u64..60, 0u64..600, 0u64..600, 0u32..6), 1..20),
    ) {
        let mut tree = Areas::new();
        let mut list: Vec<Area> = Vec::new();
        for (page, pages, grows, remove) in steps {
            let start = page * PAGE;
            if remove {
                if let Some(i) = list.iter().position(|a| a.range.end > start) {
                    let gone = list.remove(i);
                    prop_assert_eq!(tree.remove(gone.range.start).unwrap().range, gone.range);
                }
            } else {
                let new = area(start, pages, grows && page % 7 == 0);
                if list.iter().all(|a| a.range.end <= new.range.start || a.range.start >= new.range.end) {
                    tree.reserve(1).unwrap();
                    tree.insert(new.clone());
                    list.push(new);
                    list.sort_by_key(|a| a.range.start);
                }
            }
        }
        prop_assert_eq!(tree.len(), list.len());
        let seen: Vec<_> = tree.overlapping(0..u64::MAX).map(|a| a.range.clone()).collect();
        prop_assert_eq!(seen, list.iter().map(|a| a.range.clone()).collect::<Vec<_>>());
        for (pages, a, b, align) in wants {
            let (len, bounds, align) = (pages * PAGE, a.min(b) * PAGE..a.max(b) * PAGE, PAGE << align);
            let all = holes(&list, len, &bounds, align);
            prop_assert_eq!(tree.highest_hole(len, bounds.clone(), align), all.last().copied());
            prop_assert_eq!(tree.lowest_hole(len, bounds, align), all.first().copied());
        }
        for page in 0..650 {
            let at = page * PAGE;
            let by_list = list.iter().find(|a| a.range.contains(&at)).map(|a| a.range.start);
            prop_assert_eq!(tree.find(at).map(|a| a.range.start), by_list);
            let before = list.iter().rfind(|a| a.range.start < at).map(|a| a.range.start);
            prop_assert_eq!(tree.before(at).map(|a| a.range.start), before);
        }
    }
}
