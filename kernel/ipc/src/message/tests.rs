use super::*;
use alloc::vec::Vec;
use osv_abi::uapi::ipc::{CREAT, PRIVATE};

fn message(kind: i64, text: &[u8]) -> Message {
    Message { kind, text: text.into() }
}

fn filled(kinds: &[i64]) -> State {
    let mut state = State::new(Perm::default(), 1);
    for &kind in kinds {
        assert_eq!(state.put(&mut Some(message(kind, b"text")), 1, 1), Some(Ok(())));
    }
    state
}

fn kind_of(state: &mut State, wanted: Wanted) -> Option<i64> {
    state.take(wanted, 100, false, 2, 3).map(|taken| taken.expect("fits").kind)
}

#[test]
fn a_receiver_gets_the_first_of_what_it_wants() {
    let kinds = [3, 5, 2, 5, 1];
    assert_eq!(kind_of(&mut filled(&kinds), Wanted::Any), Some(3));
    assert_eq!(kind_of(&mut filled(&kinds), Wanted::Equal(5)), Some(5));
    assert_eq!(kind_of(&mut filled(&kinds), Wanted::Equal(4)), None);
    assert_eq!(kind_of(&mut filled(&kinds), Wanted::Other(3)), Some(5));
    assert_eq!(kind_of(&mut filled(&kinds), Wanted::AtMost(4)), Some(1));
    assert_eq!(kind_of(&mut filled(&[9, 8]), Wanted::AtMost(4)), None);
    let mut state = filled(&kinds);
    assert_eq!(kind_of(&mut state, Wanted::Copy(2)), Some(2));
    assert_eq!(kind_of(&mut state, Wanted::Copy(5)), None);
    assert_eq!((state.ds.qnum, state.ds.cbytes, state.ds.lrpid), (5, 20, 0));
    let order: Vec<_> = core::iter::from_fn(|| kind_of(&mut state, Wanted::AtMost(i64::MAX))).collect();
    assert_eq!(order, [1, 2, 3, 5, 5]);
    assert_eq!((state.ds.qnum, state.ds.cbytes, state.ds.lrpid), (0, 0, 2));
}

#[test]
fn types_and_flags_say_what_is_wanted() {
    assert_eq!(Wanted::decode(0, msg::EXCEPT, false), Ok(Wanted::Any));
    assert_eq!(Wanted::decode(4, msg::EXCEPT, false), Ok(Wanted::Other(4)));
    assert_eq!(Wanted::decode(-4, msg::EXCEPT, false), Ok(Wanted::AtMost(4)));
    assert_eq!(Wanted::decode(i64::MIN, 0, false), Ok(Wanted::AtMost(i64::MAX)));
    assert_eq!(Wanted::decode(4, msg::COPY, true), Ok(Wanted::Copy(4)));
    assert_eq!(Wanted::decode(4, msg::COPY, false), Err(Errno::EINVAL));
    assert_eq!(Wanted::decode(4, msg::COPY | msg::EXCEPT, true), Err(Errno::EINVAL));
}

#[test]
fn what_does_not_fit_stays_or_waits() {
    let mut state = filled(&[1]);
    assert_eq!(state.take(Wanted::Any, 3, false, 1, 1), Some(Err(Errno::E2BIG)));
    assert_eq!(state.ds.qnum, 1);
    let whole = state.take(Wanted::Any, 3, true, 1, 1).expect("there").expect("cut by who copies it");
    assert_eq!(whole.text.len(), 4);
    let mut state = filled(&[]);
    state.ds.qbytes = 10;
    assert_eq!(state.put(&mut Some(message(1, &[0; 8])), 1, 1), Some(Ok(())));
    let mut late = Some(message(1, &[0; 3]));
    assert_eq!(state.put(&mut late, 1, 1), None);
    assert!(late.is_some());
    assert!(state.take(Wanted::Any, 10, false, 1, 1).is_some());
    assert_eq!(state.put(&mut late, 1, 1), Some(Ok(())));
    // Messages without text are counted, too.
    let mut state = filled(&[]);
    state.ds.qbytes = 2;
    for _ in 0..2 {
        assert_eq!(state.put(&mut Some(message(1, b"")), 1, 1), Some(Ok(())));
    }
    assert_eq!(state.put(&mut Some(message(1, b"")), 1, 1), None);
}

#[test]
fn sender_and_receiver_wait_for_each_other_and_for_the_end() {
    let creds = Creds::root();
    let id = get(PRIVATE, CREAT | 0o600, &creds, 1).expect("room");
    let queue = find(id).expect("there");
    let nowait = How { creds: &creds, pid: 1, nowait: true, now: || 1 };
    assert_eq!(queue.receive(Wanted::Any, 9, false, nowait), Err(Errno::ENOMSG.into()));
    let receiver = {
        let queue = queue.clone();
        std::thread::spawn(move || {
            let creds = Creds::root();
            let how = How { creds: &creds, pid: 2, nowait: false, now: || 1 };
            let first = queue.receive(Wanted::Equal(2), 9, false, how);
            (first, queue.receive(Wanted::Equal(2), 9, false, how))
        })
    };
    for kind in 1..=2 {
        assert_eq!(queue.send(message(kind, b"hi"), nowait), Ok(()));
    }
    while queue.ds().qnum > 1 {
        std::thread::yield_now();
    }
    remove(id, &creds).expect("removed");
    let (first, second) = receiver.join().expect("ends");
    assert_eq!(first, Ok(message(2, b"hi")));
    assert_eq!(second, Err(Errno::EIDRM.into()));
}
