use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn pops_in_order_of_virtual_run_time_then_arrival(times in proptest::collection::vec(0u64..50, 0..200)) {
        let mut queue = RunQueue::new();
        for (i, &time) in times.iter().enumerate() {
            queue.push(i, time);
        }
        let mut expected: Vec<_> = times.iter().copied().enumerate().map(|(i, t)| (t, i)).collect();
        expected.sort_unstable();
        for (time, i) in expected {
            prop_assert_eq!(queue.pop(), Some((i, time)));
        }
        prop_assert!(queue.is_empty());
    }

    #[test]
    fn taking_one_for_another_cpu_keeps_the_order_of_the_rest(
        times in proptest::collection::vec(0u64..50, 1..100), wanted in 0usize..100
    ) {
        let mut queue = RunQueue::new();
        for (i, &time) in times.iter().enumerate() {
            queue.push(i, time);
        }
        let taken = queue.pop_for_other(|&i| i == wanted);
        prop_assert_eq!(taken.is_some(), wanted < times.len());
        let mut last = 0;
        while let Some((i, time)) = queue.pop() {
            prop_assert!(time >= last && i != wanted);
            last = time;
        }
    }
}

#[test]
fn the_floor_never_falls() {
    let mut queue = RunQueue::new();
    queue.push('a', 100);
    queue.raise_floor(Some(150));
    assert_eq!(queue.floor(), 100);
    queue.push('b', 50);
    queue.raise_floor(None);
    assert_eq!(queue.floor(), 100);
}
