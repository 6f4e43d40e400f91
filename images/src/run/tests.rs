use super::session::{Action, Event, Message, Outcome, Session};
use super::tail::Tail;
use super::*;
use osv_abi::channel::{Exit, Frame, VERSION, WindowSize};

const HELLO: Event<'_> = Event::Frame(Frame::Hello { version: VERSION, stdin_credit: 10 });

#[test]
fn forwards_are_read() {
    let forward: Forward = "8080:80".parse().expect("well formed");
    assert_eq!(forward.to_string(), "127.0.0.1:8080:80/tcp");
    let forward: Forward = "0.0.0.0:53:5353/udp".parse().expect("well formed");
    assert_eq!(forward.argument(), "hostfwd=udp:0.0.0.0:53-:5353");
    for bad in ["", "80", "0:80", "1:2:3", "a:b", "70000:1", "1:2/sctp", "1.2.3.4:1:2:3"] {
        assert!(bad.parse::<Forward>().is_err(), "{bad}");
    }
}

#[test]
fn kvm_needs_the_processor_and_the_device() {
    let (with, without) = ("flags : fpu vmx sse", "flags : fpu sse\nmodel name: vmx");
    let denied = || Err("Permission denied".to_string());
    assert_eq!(AccelChoice::Auto.decide_from(with, Ok(())).ok(), Some(Accel::Kvm));
    assert_eq!(AccelChoice::Auto.decide_from(without, Ok(())).ok(), Some(Accel::Tcg));
    assert_eq!(AccelChoice::Auto.decide_from(with, denied()).ok(), Some(Accel::Tcg));
    assert_eq!(AccelChoice::Tcg.decide_from(with, Ok(())).ok(), Some(Accel::Tcg));
    assert!(AccelChoice::Kvm.decide_from(without, Ok(())).is_err());
    let error = AccelChoice::Kvm.decide_from(with, denied()).expect_err("no permission");
    assert!(error.to_string().contains("/dev/kvm: Permission denied"));
}

#[test]
fn cpus_take_turns_where_qemu_reads_halves_of_instructions() {
    let (accel, note) = accel::taking_turns("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\n");
    assert_eq!(accel, Accel::TcgSingle);
    assert!(note.is_some_and(|note| note.starts_with("QEMU 7.2.22 may") && note.contains("--accel tcg ")));
    assert_eq!(accel::taking_turns("QEMU emulator version 8.0.0\n"), (Accel::Tcg, None));
    assert_eq!(accel::taking_turns("QEMU emulator version 10.1.0"), (Accel::Tcg, None));
    assert_eq!(accel::taking_turns("").0, Accel::TcgSingle);
}

#[test]
fn a_signal_that_comes_too_early_waits_for_the_guest() {
    let mut session = Session::default();
    let size = WindowSize { rows: 24, columns: 80, ..WindowSize::default() };
    assert_eq!(session.on(Event::WindowSize(size)), []);
    assert_eq!(session.on(Event::Signal(15)), []);
    let sent = [Message::WindowSize(size), Message::Signal(15)].map(Action::Send);
    assert_eq!(session.on(HELLO), [&sent[..], &[Action::GrantStdin(10)]].concat());
}

#[test]
fn an_exit_is_acknowledged_and_wins_over_what_follows() {
    let mut session = Session::default();
    session.on(HELLO);
    let actions = session.on(Event::Frame(Frame::Exit(Exit::Exited(255))));
    assert_eq!(actions, [Action::Send(Message::ExitAck), Action::AllowMoment]);
    assert_eq!(session.on(Event::Overdue), [Action::Kill]);
    assert_eq!(session.outcome(), Outcome::Exit(Exit::Exited(255)));
}

#[test]
fn a_timeout_asks_for_a_report_and_takes_it_in_pieces() {
    let mut session = Session::default();
    session.on(HELLO);
    assert_eq!(session.on(Event::Timeout), [Action::Send(Message::ReportRequest), Action::AllowMoment]);
    assert_eq!(session.on(Event::Frame(Frame::Report(b"a"))), []);
    assert_eq!(session.on(Event::Frame(Frame::Report(b"b"))), []);
    assert_eq!(session.on(Event::Frame(Frame::Report(b""))), [Action::Kill]);
    assert_eq!(session.outcome(), Outcome::Timeout("ab".into()));
}

#[test]
fn a_tail_keeps_the_last_lines_and_no_escapes() {
    let mut tail = Tail::default();
    for n in 0..100 {
        tail.push(format!("line {n}\r\n").as_bytes());
    }
    tail.push(b"\x1b[31mlast");
    let lines = tail.lines();
    assert_eq!(lines.len(), 24);
    assert_eq!(lines[0], "line 77");
    assert_eq!(lines[23], "[31mlast");
}

#[test]
fn shell_lines_are_quoted() {
    let line = shell_line("/usr/bin/qemu".as_ref(), &["-append".into(), "a b'c".into(), "".into()]);
    assert_eq!(line, r"/usr/bin/qemu -append 'a b'\''c' ''");
}
