use super::*;

fn make(name: &[u8], maxmsg: i64, msgsize: i64) -> Res<Arc<Queue>> {
    let attr = MqAttr { maxmsg, msgsize, ..MqAttr::default() };
    let new = New { flags: o::CREAT | o::RDWR, mode: 0o600, attr: Some(&attr), limit: 819_200 };
    open(name, &new, &Creds::root())
}

/// Gives the process that is to be told.
fn put(queue: &Queue, text: &[u8], priority: u32) -> Res<Option<u32>> {
    let notice = queue.send(text.into(), priority, true, Wait::INTERRUPTIBLE)?;
    Ok(notice.map(|notice| notice.pid))
}

fn get(queue: &Queue) -> Res<(Box<[u8]>, u32)> {
    queue.receive(true, Wait::INTERRUPTIBLE)
}

#[test]
fn messages_leave_by_priority_then_by_age() {
    let queue = make(b"order", 4, 8).expect("made");
    for (text, priority) in [(b"a", 1), (b"b", 9), (b"c", 1), (b"d", 9)] {
        assert_eq!(put(&queue, text, priority), Ok(None));
    }
    assert_eq!(put(&queue, b"e", 0), Err(Errno::EAGAIN.into()));
    assert!(!queue.poll().contains(Events::OUT));
    let order: Vec<u8> = core::iter::from_fn(|| get(&queue).ok()).map(|(text, _)| text[0]).collect();
    assert_eq!(order, *b"bdac");
    assert_eq!(get(&queue), Err(Errno::EAGAIN.into()));
    unlink(b"order", &Creds::root()).expect("there");
}

#[test]
fn names_and_limits_are_checked() {
    for (name, errno) in [
        (b"".as_slice(), Errno::ENOENT),
        (b"a/b", Errno::EACCES),
        (b"..", Errno::EACCES),
        (&[b'n'; 256], Errno::ENAMETOOLONG),
    ] {
        assert_eq!(make(name, 1, 1).err(), Some(errno.into()));
    }
    for (maxmsg, msgsize) in [(0, 1), (1, 0), (-1, 1), (65_537, 1), (1, (16 << 20) + 1)] {
        assert_eq!(make(b"limits", maxmsg, msgsize).err(), Some(Errno::EINVAL.into()));
    }
    assert_eq!(make(b"limits", 65_536, 8192).err(), Some(Errno::EMFILE.into()));
    let plain = Creds { uid: 7, gid: 7, ..Creds::default() };
    let attr = MqAttr { maxmsg: 11, msgsize: 1, ..MqAttr::default() };
    let new = New { flags: o::CREAT, mode: 0o600, attr: Some(&attr), limit: u64::MAX };
    assert_eq!(open(b"limits", &new, &plain).err(), Some(Errno::EINVAL.into()));
    let queue = make(b"limits", 1, 1).expect("made");
    let again = New { flags: o::CREAT | o::EXCL, mode: 0, attr: None, limit: 0 };
    assert_eq!(open(b"limits", &again, &plain).err(), Some(Errno::EEXIST.into()));
    let existing = New { flags: 0, ..again };
    assert_eq!(open(b"limits", &existing, &plain).err(), Some(Errno::EACCES.into()));
    assert_eq!(unlink(b"limits", &plain), Err(Errno::EPERM.into()));
    assert_eq!(unlink(b"limits", &Creds::root()), Ok(()));
    assert_eq!(unlink(b"limits", &Creds::root()), Err(Errno::ENOENT.into()));
    // It lives on for those who have it open.
    assert_eq!(put(&queue, b"x", 0), Ok(None));
}

#[test]
fn a_queue_gives_back_what_it_was_charged() {
    let attr = MqAttr { maxmsg: 1, msgsize: 4, ..MqAttr::default() };
    let new = New { flags: o::CREAT, mode: 0o600, attr: Some(&attr), limit: 150 };
    let creds = Creds { uid: 11, ..Creds::default() };
    for _ in 0..3 {
        let queue = open(b"charged", &new, &creds).expect("made");
        assert_eq!(open(b"charged-2", &new, &creds).err(), Some(Errno::EMFILE.into()));
        unlink(b"charged", &creds).expect("there");
        drop(queue);
    }
}

#[test]
fn one_process_is_told_once_of_a_message_to_the_empty_queue() {
    let queue = make(b"notice", 4, 8).expect("made");
    let notice = || Notice { pid: 4, signo: 10, value: 5, teller: None };
    assert_eq!(queue.notify(notice()), Ok(()));
    assert!(any_notified());
    assert_eq!(queue.notify(notice()), Err(Errno::EBUSY));
    assert_eq!(put(&queue, b"a", 0), Ok(Some(4)));
    assert_eq!(queue.notify(notice()), Ok(()));
    // Not empty.
    assert_eq!(put(&queue, b"b", 0), Ok(None));
    forget_process(4);
    assert_eq!(queue.notify(Notice { pid: 5, ..notice() }), Ok(()));
    queue.forget(5);
    unlink(b"notice", &Creds::root()).expect("there");
}

#[test]
fn who_is_told_another_way_hears_of_the_end_as_well() {
    #[derive(Debug, Default)]
    struct Heard(std::sync::Mutex<Vec<bool>>);
    impl Tell for Heard {
        fn tell(&self, arrived: bool) {
            self.0.lock().expect("whole").push(arrived);
        }
    }
    let queue = make(b"tell", 4, 8).expect("made");
    let heard = Arc::new(Heard::default());
    let notice = || Notice { pid: 8, signo: 0, value: 0, teller: Some(heard.clone()) };
    queue.notify(notice()).expect("free");
    let told = queue.send(b"a".as_slice().into(), 0, true, Wait::INTERRUPTIBLE).expect("room");
    told.and_then(|notice| notice.teller).expect("it waits").tell(true);
    queue.notify(notice()).expect("free");
    queue.forget(9);
    queue.forget(8);
    assert_eq!(*heard.0.lock().expect("whole"), [true, false]);
    unlink(b"tell", &Creds::root()).expect("there");
}

#[test]
fn a_receiver_that_waits_gets_the_message_and_nobody_is_told() {
    let queue = make(b"waits", 1, 8).expect("made");
    let receiver = {
        let queue = queue.clone();
        std::thread::spawn(move || queue.receive(false, Wait::INTERRUPTIBLE))
    };
    while queue.state.lock().receivers == 0 {
        std::thread::yield_now();
    }
    queue.notify(Notice { pid: 6, signo: 10, value: 0, teller: None }).expect("free");
    assert_eq!(put(&queue, b"hello", 3), Ok(None));
    assert_eq!(receiver.join().expect("ends"), Ok((b"hello".as_slice().into(), 3)));
    assert_eq!(queue.state.lock().receivers, 0);
    let sender = {
        let queue = queue.clone();
        put(&queue, b"one", 0).expect("room");
        std::thread::spawn(move || queue.send(b"two".as_slice().into(), 0, false, Wait::INTERRUPTIBLE))
    };
    assert_eq!(queue.receive(false, Wait::INTERRUPTIBLE).map(|(text, _)| text.len()), Ok(3));
    assert_eq!(sender.join().expect("ends").map(|_| ()), Ok(()));
    assert_eq!(get(&queue), Ok((b"two".as_slice().into(), 0)));
    forget_process(6);
    unlink(b"waits", &Creds::root()).expect("there");
}
