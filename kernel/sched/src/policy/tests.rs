//! The policy driven by a simulated CPU: threads that compute, threads that sleep, random mixtures.
use super::*;
use crate::queue::RunQueue;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

#[derive(Clone, Debug)]
struct Thread {
    weight: u32,
    /// Runs so long (ns), then sleeps so long (ns); no sleep: computes for ever.
    burst: u64,
    sleep: u64,
    // State.
    left: u64,
    lag: i64,
    floor: u64,
    slept_at: u64,
    ran: u64,
    runnable_since: u64,
    longest_wait: u64,
}

impl Thread {
    fn new(nice: i32, burst: u64, sleep: u64) -> Thread {
        Thread {
            weight: weight(nice),
            burst,
            sleep,
            left: burst,
            lag: 0,
            floor: 0,
            slept_at: 0,
            ran: 0,
            runnable_since: 0,
            longest_wait: 0,
        }
    }
}

/// Runs `threads` on one CPU for `total` ns.
fn simulate(threads: &mut [Thread], total: u64) {
    let mut queue = RunQueue::new();
    let mut asleep: Vec<(u64, usize)> = Vec::new();
    let mut now = 0u64;
    for i in 0..threads.len() {
        queue.push(i, 0);
    }
    while now < total {
        asleep.sort_unstable();
        while let Some(&(at, i)) = asleep.first()
            && at <= now
        {
            asleep.remove(0);
            let slept = Duration::from_nanos(now - threads[i].slept_at);
            threads[i].runnable_since = now;
            let progress = queue.floor() - threads[i].floor;
            queue.push(i, woken(queue.floor(), threads[i].lag, slept, progress));
        }
        let Some((i, vruntime)) = queue.pop() else {
            now = asleep.first().map_or(total, |&(at, _)| at);
            continue;
        };
        let thread = &mut threads[i];
        if thread.ran > 0 {
            thread.longest_wait = thread.longest_wait.max(now - thread.runnable_since);
        }
        let mut run = slice(queue.len()).as_nanos() as u64;
        if thread.sleep > 0 {
            run = run.min(thread.left);
        }
        if let Some(&(at, _)) = asleep.first() {
            // A wake may preempt; the simulated CPU looks at each wake.
            run = run.min((at - now).max(1));
        }
        now += run;
        thread.ran += run;
        let vruntime = vruntime.wrapping_add(scaled(run, thread.weight));
        queue.raise_floor(Some(vruntime));
        thread.left = thread.left.saturating_sub(run);
        if thread.sleep > 0 && thread.left == 0 {
            thread.left = thread.burst;
            thread.floor = queue.floor();
            thread.lag = lag(vruntime, thread.floor);
            thread.slept_at = now;
            asleep.push((now + thread.sleep, i));
        } else {
            thread.runnable_since = now;
            queue.push(i, vruntime);
        }
    }
}

const MS: u64 = 1_000_000;

#[test]
fn two_computing_threads_share_evenly() {
    let mut threads = vec![Thread::new(0, MS, 0), Thread::new(0, MS, 0)];
    simulate(&mut threads, 1_000 * MS);
    let (a, b) = (threads[0].ran, threads[1].ran);
    assert!(a.abs_diff(b) <= 2 * LATENCY.as_nanos() as u64, "{a} {b}");
}

#[test]
fn a_nicer_thread_runs_less_but_runs() {
    let mut threads = vec![Thread::new(0, MS, 0), Thread::new(5, MS, 0)];
    simulate(&mut threads, 2_000 * MS);
    let ratio = threads[0].ran as f64 / threads[1].ran as f64;
    assert!((2.5..3.6).contains(&ratio), "{ratio}");
}

#[test]
fn a_thread_that_mostly_sleeps_hardly_waits_for_those_that_compute() {
    let mut threads = vec![Thread::new(0, MS, 0), Thread::new(0, MS, 0), Thread::new(0, MS / 10, 5 * MS)];
    simulate(&mut threads, 2_000 * MS);
    // The simulation preempts only at wakes, and then the sleeper is first: its lead puts it ahead.
    assert!(threads[2].longest_wait <= MS, "{}", threads[2].longest_wait);
}

#[test]
fn excess_is_forgotten_by_sleeping() {
    let excess = 100 * MS as i64;
    let soon = woken(0, excess, Duration::from_millis(1), 0);
    let later = woken(0, excess, Duration::from_millis(100), 0);
    assert!(lag(soon, 0) > 90 * MS as i64);
    assert!(lag(later, 0) < MS as i64);
}

#[test]
fn who_just_began_is_not_preempted_yet() {
    let behind = WAKEUP_GRANULARITY.as_nanos() as u64 + 1;
    assert_eq!(preempts_in(0, behind, STINT), Some(Duration::ZERO));
    assert_eq!(preempts_in(0, behind, Duration::ZERO), Some(STINT));
    assert_eq!(preempts_in(0, behind - 1, STINT), None);
}

#[test]
fn virtual_run_times_may_wrap() {
    assert!(before(u64::MAX - 5, 10));
    assert!(!before(10, u64::MAX - 5));
    assert_eq!(later(u64::MAX, 3), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nobody_starves(
        mix in proptest::collection::vec((-5i32..10, 1u64..20, prop_oneof![Just(0u64), 1u64..30]), 1..12)
    ) {
        let mut threads: Vec<_> =
            mix.iter().map(|&(nice, burst, sleep)| Thread::new(nice, burst * MS, sleep * MS)).collect();
        simulate(&mut threads, 5_000 * MS);
        let weights: u64 = threads.iter().map(|t| u64::from(t.weight)).sum();
        for thread in &threads {
            // A full round at the thread's weight, with room for the leads of those that woke.
            let round = slice(threads.len()).as_nanos() as u64 * weights / u64::from(thread.weight);
            let bound = 4 * round + 200 * MS;
            prop_assert!(thread.longest_wait <= bound, "{thread:?} waited longer than {bound}");
            prop_assert!(thread.ran > 0);
        }
    }

    #[test]
    fn those_that_compute_get_shares_by_weight(nices in proptest::collection::vec(-5i32..10, 2..8)) {
        let mut threads: Vec<_> = nices.iter().map(|&nice| Thread::new(nice, MS, 0)).collect();
        let total = 20_000 * MS;
        simulate(&mut threads, total);
        let weights: u64 = threads.iter().map(|t| u64::from(t.weight)).sum();
        for thread in &threads {
            let share = total * u64::from(thread.weight) / weights;
            prop_assert!(thread.ran.abs_diff(share) <= share / 10 + 50 * MS, "{thread:?} should have {share}");
        }
    }
}

#[test]
fn only_what_others_ran_earns_a_lead() {
    let slept = Duration::from_millis(2);
    assert_eq!(woken(1_000_000, 0, slept, 0), 1_000_000);
    assert!(before(woken(1_000_000, 0, slept, 1), 1_000_000));
    assert_eq!(woken(100 * MS, 0, slept, 90 * MS), 97 * MS);
}

/// Two that sleep a little and run a little more, together more than a CPU has, beside five that compute.
#[test]
fn sleepers_that_use_up_the_cpu_leave_the_others_their_share() {
    let mut threads = vec![Thread::new(-4, 4 * MS, 2 * MS), Thread::new(-5, 7 * MS, 3 * MS)];
    threads.extend((0..5).map(|_| Thread::new(0, MS, 0)));
    simulate(&mut threads, 5_000 * MS);
    for thread in &threads[2..] {
        assert!(thread.longest_wait < 100 * MS, "{thread:?}");
        assert!(thread.ran > 300 * MS, "{thread:?}");
    }
}
