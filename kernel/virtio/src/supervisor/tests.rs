use super::*;
use std::vec::Vec;

fn bytes(frame: Frame<'_>) -> Vec<u8> {
    let mut out = std::vec![0; HEADER_LEN + MAX_PAYLOAD];
    let n = frame.encode(&mut out).expect("fits");
    out.truncate(n);
    out
}

/// Everything that waits to go out, in pieces of `step`, as (kind, payload text).
fn drain(endpoint: &mut Endpoint, step: usize) -> Vec<(Kind, usize)> {
    let (mut decoder, mut frames) = (Decoder::new(), Vec::new());
    while !endpoint.output().is_empty() {
        let piece = endpoint.output();
        let piece = piece[..step.min(piece.len())].to_vec();
        endpoint.sent(piece.len());
        let mut input = &piece[..];
        while let Some(item) = decoder.feed(&mut input) {
            let Item::Frame(frame) = item else { panic!("garbage") };
            let len = match frame {
                Frame::Stdout(data) | Frame::Stderr(data) | Frame::Log(data) | Frame::Report(data) => {
                    data.len()
                }
                Frame::StdinCredit(credit) => credit as usize,
                Frame::Hello { stdin_credit, .. } => stdin_credit as usize,
                Frame::Exit(exit) => exit.status().into(),
                _ => 0,
            };
            frames.push((frame.kind(), len));
        }
    }
    assert!(!decoder.is_mid_frame());
    frames
}

fn events(endpoint: &mut Endpoint, bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    endpoint.receive(bytes, |event| events.push(event));
    events
}

#[test]
fn greets_first() {
    assert_eq!(drain(&mut Endpoint::new(), 3), [(Kind::Hello, STDIN_CAPACITY)]);
}

#[test]
fn standard_input_flows_under_credit() {
    let mut endpoint = Endpoint::new();
    drain(&mut endpoint, 100);
    let mut out = std::vec![0; 1 << 17];
    assert_eq!(endpoint.read_stdin(&mut out), Stdin::Empty);
    assert_eq!(events(&mut endpoint, &bytes(Frame::Stdin(b"abc"))), [Event::Stdin]);
    assert_eq!(endpoint.read_stdin(&mut out[..2]), Stdin::Bytes(2));
    assert!(drain(&mut endpoint, 100).is_empty(), "small portions wait");
    assert_eq!(endpoint.read_stdin(&mut out), Stdin::Bytes(1));
    assert_eq!(drain(&mut endpoint, 100), [(Kind::StdinCredit, 3)], "all read: the host may be waiting");
    for _ in 0..4 {
        events(&mut endpoint, &bytes(Frame::Stdin(&[1; MAX_PAYLOAD])));
    }
    assert_eq!((endpoint.stdin_len(), endpoint.violations()), (STDIN_CAPACITY, 0));
    assert!(events(&mut endpoint, &bytes(Frame::Stdin(b"x"))).is_empty(), "beyond the credit");
    assert_eq!(endpoint.violations(), 1);
    assert_eq!(events(&mut endpoint, &bytes(Frame::StdinEof)), [Event::Stdin]);
    assert!(events(&mut endpoint, &bytes(Frame::Stdin(b"x"))).is_empty(), "after the end");
    assert_eq!(endpoint.read_stdin(&mut out), Stdin::Bytes(STDIN_CAPACITY));
    assert!(endpoint.stdin_ready());
    assert_eq!(endpoint.read_stdin(&mut out), Stdin::End);
    assert!(drain(&mut endpoint, 100).is_empty(), "no credit after the end");
}

#[test]
fn output_is_bounded_but_the_exit_gets_through() {
    let mut endpoint = Endpoint::new();
    let taken = endpoint.write(Stream::Stdout, &[b'x'; 1 << 20]);
    assert!((OUTPUT_CAPACITY - 200..OUTPUT_CAPACITY).contains(&taken), "{taken}");
    assert_eq!((endpoint.write(Stream::Stderr, b"y"), endpoint.output_room()), (0, 0));
    endpoint.exit(Exit::Exited(200));
    let frames = drain(&mut endpoint, 1000);
    assert_eq!(
        frames.iter().filter(|(kind, _)| *kind == Kind::Stdout).map(|(_, len)| len).sum::<usize>(),
        taken
    );
    assert_eq!(frames.last(), Some(&(Kind::Exit, 200)));
    assert_eq!(endpoint.write(Stream::Stderr, b"y"), 1);
    assert_eq!(events(&mut endpoint, &bytes(Frame::ExitAck)), [Event::ExitAcknowledged]);
}

#[test]
fn wishes_of_the_supervisor_become_events() {
    let mut endpoint = Endpoint::new();
    let size = WindowSize { rows: 24, columns: 80, ..WindowSize::default() };
    let stream = [
        bytes(Frame::Signal(15)),
        b"noise".to_vec(),
        bytes(Frame::WindowSize(size)),
        bytes(Frame::Stdout(b"not yours")),
        bytes(Frame::ReportRequest),
        bytes(Frame::PowerOff),
    ]
    .concat();
    let mut seen = Vec::new();
    for byte in stream {
        seen.extend(events(&mut endpoint, &[byte]));
    }
    assert_eq!(seen, [Event::Signal(15), Event::WindowSize(size), Event::ReportRequest, Event::PowerOff]);
    assert!(endpoint.violations() >= 2);
    drain(&mut endpoint, 100);
    endpoint.report(&[b'r'; MAX_PAYLOAD + 1]);
    assert_eq!(
        drain(&mut endpoint, 999),
        [(Kind::Report, MAX_PAYLOAD), (Kind::Report, 1), (Kind::Report, 0)]
    );
}
