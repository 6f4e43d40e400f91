use super::*;
use proptest::prelude::*;
use std::cell::Cell;
use std::rc::Rc;

#[derive(Clone, Debug)]
struct Entry(Rc<Cell<Option<usize>>>, u64);

impl Placed for Entry {
    fn set_place(&self, place: Option<usize>) {
        self.0.set(place);
    }
    fn place(&self) -> Option<usize> {
        self.0.get()
    }
}

proptest! {
    #[test]
    fn what_was_not_cancelled_comes_in_order(
        deadlines in proptest::collection::vec((0u64..1000, any::<bool>()), 0..100)
    ) {
        let mut timers = Timers::new();
        let entries: Vec<_> = deadlines.iter().map(|&(d, _)| Entry(Rc::default(), d)).collect();
        for entry in &entries {
            timers.insert(Instant(entry.1), entry.clone());
        }
        for (entry, (_, cancel)) in entries.iter().zip(&deadlines) {
            if *cancel {
                let removed = entry.place().and_then(|place| timers.remove(place));
                prop_assert!(removed.is_some_and(|r| Rc::ptr_eq(&r.0, &entry.0)));
            }
        }
        let mut expected: Vec<_> = deadlines.iter().filter(|(_, c)| !c).map(|&(d, _)| d).collect();
        expected.sort_unstable();
        let mut seen = Vec::new();
        for now in 0..1000 {
            while let Some(entry) = timers.pop_due(Instant(now)) {
                prop_assert!(entry.place().is_none() && entry.1 <= now);
                seen.push(entry.1);
            }
        }
        prop_assert_eq!(seen, expected);
    }
}
