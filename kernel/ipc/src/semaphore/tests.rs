use super::*;
use osv_abi::uapi::ipc::{CREAT, PRIVATE};

fn state(count: usize) -> State {
    State::new(Perm::default(), count, 1).expect("memory")
}

fn operation(num: u16, op: i16, flags: i16) -> Sembuf {
    Sembuf { num, op, flags }
}

fn values(state: &State) -> Vec<i32> {
    state.semaphores.iter().map(|semaphore| semaphore.value).collect()
}

#[test]
fn operations_are_done_together_or_not_at_all() {
    let mut state = state(3);
    assert_eq!(state.attempt(&[operation(0, 2, 0), operation(1, 1, 0)], 5, 9), Attempt::Done);
    let blocked = state.attempt(&[operation(0, -1, 0), operation(1, -2, 0)], 6, 10);
    assert_eq!(blocked, Attempt::Blocked(Blocked { number: 1, for_zero: false }));
    assert_eq!(values(&state), [2, 1, 0]);
    assert_eq!(state.semaphores[0].pid, 5);
    let refused = state.attempt(&[operation(2, 1, 0), operation(0, 0, sem::NOWAIT)], 6, 10);
    assert_eq!(refused, Attempt::Failed(Errno::EAGAIN));
    assert_eq!(values(&state), [2, 1, 0]);
    assert_eq!(state.attempt(&[operation(3, 1, 0)], 6, 10), Attempt::Failed(Errno::EFBIG));
}

#[test]
fn a_value_has_a_largest_one() {
    let mut state = state(1);
    assert_eq!(state.attempt(&[operation(0, 32_767, 0)], 1, 1), Attempt::Done);
    assert_eq!(state.attempt(&[operation(0, 1, 0)], 1, 1), Attempt::Failed(Errno::ERANGE));
}

#[test]
fn what_a_process_asked_to_undo_is_undone_and_no_more() {
    let mut state = state(2);
    let undo = sem::UNDO;
    assert_eq!(state.attempt(&[operation(0, 5, 0), operation(1, 5, 0)], 1, 1), Attempt::Done);
    assert_eq!(state.attempt(&[operation(0, -2, undo), operation(1, -1, 0)], 7, 1), Attempt::Done);
    // What fails leaves no adjustment either.
    let blocked = state.attempt(&[operation(0, -1, undo), operation(1, -9, 0)], 7, 1);
    assert!(matches!(blocked, Attempt::Blocked(_)));
    assert_eq!(state.attempt(&[operation(1, 3, undo)], 8, 1), Attempt::Done);
    state.undo(7, 2);
    assert_eq!(values(&state), [5, 7]);
    assert_eq!(state.semaphores[0].pid, 7);
    // Never below zero.
    assert_eq!(state.attempt(&[operation(1, -6, 0)], 1, 1), Attempt::Done);
    state.undo(8, 2);
    assert_eq!(values(&state), [5, 0]);
    state.undo(8, 3);
    assert_eq!(values(&state), [5, 0]);
}

#[test]
fn one_waits_until_another_has_added_enough() {
    let creds = Creds::root();
    let id = get(PRIVATE, 1, CREAT | 0o600, &creds, 1).expect("room");
    let set = find(id).expect("there");
    let waiter = {
        let set = set.clone();
        std::thread::spawn(move || set.operate(&[operation(0, -2, 0)], 11, Wait::UNINTERRUPTIBLE, || 1))
    };
    while set.query(0, Query::GetNcnt) != Ok(1) {
        std::thread::yield_now();
    }
    for _ in 0..2 {
        assert_eq!(set.operate(&[operation(0, 1, 0)], 12, Wait::UNINTERRUPTIBLE, || 1), Ok(()));
    }
    assert_eq!(waiter.join().expect("ends"), Ok(()));
    assert_eq!(set.query(0, Query::GetVal), Ok(0));
    assert_eq!(set.query(0, Query::GetNcnt), Ok(0));
    assert_eq!(set.query(0, Query::GetPid), Ok(11));
    assert_eq!(set.query(1, Query::GetVal), Err(Errno::EINVAL));
    remove(id, &creds).expect("removed");
}

#[test]
fn who_waits_for_a_set_that_is_removed_is_told() {
    let creds = Creds::root();
    let id = get(PRIVATE, 2, CREAT | 0o600, &creds, 1).expect("room");
    let set = find(id).expect("there");
    set.set_value(1, 1, 1, &creds, 1).expect("set");
    let waiter = {
        let set = set.clone();
        std::thread::spawn(move || set.operate(&[operation(1, 0, 0)], 11, Wait::UNINTERRUPTIBLE, || 1))
    };
    while set.query(1, Query::GetZcnt) != Ok(1) {
        std::thread::yield_now();
    }
    remove(id, &creds).expect("removed");
    assert_eq!(waiter.join().expect("ends"), Err(Errno::EIDRM.into()));
    assert_eq!(find(id).err(), Some(Errno::EINVAL));
}

#[test]
fn the_end_of_a_process_wakes_who_waits_for_what_it_held() {
    let creds = Creds::root();
    let id = get(PRIVATE, 1, CREAT | 0o600, &creds, 1).expect("room");
    let set = find(id).expect("there");
    set.set_value(0, 1, 1, &creds, 1).expect("set");
    assert_eq!(set.operate(&[operation(0, -1, sem::UNDO)], 900, Wait::UNINTERRUPTIBLE, || 1), Ok(()));
    let waiter = {
        let set = set.clone();
        std::thread::spawn(move || set.operate(&[operation(0, -1, 0)], 901, Wait::UNINTERRUPTIBLE, || 1))
    };
    undo_all(900, || 2);
    assert_eq!(waiter.join().expect("ends"), Ok(()));
    remove(id, &creds).expect("removed");
}
