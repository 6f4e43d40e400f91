use super::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::collection::vec as bytes;
use proptest::prelude::*;

/// A frame that owns its payload.
#[derive(Debug, Clone)]
enum Made {
    Small(Frame<'static>),
    Data(Kind, Vec<u8>),
}

impl Made {
    fn frame(&self) -> Frame<'_> {
        match self {
            Self::Small(frame) => *frame,
            Self::Data(Kind::Stdin, data) => Frame::Stdin(data),
            Self::Data(Kind::Stdout, data) => Frame::Stdout(data),
            Self::Data(Kind::Log, data) => Frame::Log(data),
            Self::Data(Kind::Report, data) => Frame::Report(data),
            Self::Data(Kind::Trace, data) => Frame::Trace(data),
            Self::Data(_, data) => Frame::Stderr(data),
        }
    }

    fn encoded(&self) -> Vec<u8> {
        let mut out = vec![0; HEADER_LEN + MAX_PAYLOAD];
        let len = self.frame().encode(&mut out).expect("it fits");
        out.truncate(len);
        out
    }
}

fn made() -> impl Strategy<Value = Made> {
    let exit = (0..4, any::<u8>()).prop_map(|(how, byte)| match how {
        0 => Exit::Exited(byte),
        1 => Exit::Killed(byte),
        2 => Exit::OutOfMemory,
        _ => Exit::NotStarted(byte),
    });
    const KINDS: &[Kind] = &[Kind::Stdin, Kind::Stdout, Kind::Stderr, Kind::Log, Kind::Report, Kind::Trace];
    prop_oneof![
        (any::<u16>(), any::<u32>())
            .prop_map(|(version, stdin_credit)| Made::Small(Frame::Hello { version, stdin_credit })),
        any::<u32>().prop_map(|credit| Made::Small(Frame::StdinCredit(credit))),
        any::<u8>().prop_map(|signal| Made::Small(Frame::Signal(signal))),
        any::<[u16; 4]>().prop_map(|[rows, columns, x_pixels, y_pixels]| Made::Small(Frame::WindowSize(
            WindowSize { rows, columns, x_pixels, y_pixels }
        ))),
        exit.prop_map(|exit| Made::Small(Frame::Exit(exit))),
        prop::sample::select(&[Frame::StdinEof, Frame::ExitAck, Frame::ReportRequest, Frame::PowerOff][..])
            .prop_map(Made::Small),
        (prop::sample::select(KINDS), bytes(any::<u8>(), 0..300))
            .prop_map(|(kind, data)| Made::Data(kind, data)),
    ]
}

/// Feeds `stream` in pieces; the frames found, as bytes again, and how much was garbage.
fn decode(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, usize) {
    let (mut decoder, mut frames, mut garbage) = (Decoder::new(), Vec::new(), 0);
    for mut input in stream.chunks(piece) {
        while let Some(item) = decoder.feed(&mut input) {
            match item {
                Item::Frame(frame) => {
                    let mut out = vec![0; HEADER_LEN + MAX_PAYLOAD];
                    let len = frame.encode(&mut out).expect("it fits");
                    frames.push(out[..len].to_vec());
                }
                Item::Garbage(bytes) => garbage += bytes.len(),
            }
        }
        assert!(input.is_empty(), "None means that all input was taken");
    }
    (frames, garbage)
}

proptest! {
    #[test]
    fn frames_survive_any_cutting(frames in bytes(made(), 0..8), piece in 1usize..400) {
        let encoded: Vec<_> = frames.iter().map(Made::encoded).collect();
        prop_assert_eq!(decode(&encoded.concat(), piece), (encoded, 0));
    }

    #[test]
    fn frames_are_found_between_garbage(frames in bytes((bytes(any::<u8>(), 0..40), made()), 1..6), piece in 1usize..100) {
        // Noise in which no header can begin.
        let noise = |bytes: &[u8]| bytes.iter().map(|byte| if *byte == SYNC[0] { 0 } else { *byte }).collect::<Vec<_>>();
        let stream: Vec<_> = frames.iter().flat_map(|(bytes, frame)| [noise(bytes), frame.encoded()].concat()).collect();
        let expected: Vec<_> = frames.iter().map(|(_, frame)| frame.encoded()).collect();
        let garbage: usize = frames.iter().map(|(bytes, _)| bytes.len()).sum();
        prop_assert_eq!(decode(&stream, piece), (expected, garbage));
    }

    #[test]
    fn no_stream_makes_it_panic_or_lose_bytes(mut stream in bytes(prop_oneof![any::<u8>(), Just(b'O'), Just(0xf5), 0u8..15], 0..400), piece in 1usize..50) {
        // Enough zeros behind it end whatever a header in the noise may have announced.
        let noise = stream.len();
        stream.extend(vec![0; HEADER_LEN + MAX_PAYLOAD]);
        let (frames, garbage) = decode(&stream, piece);
        let found = garbage + frames.iter().map(Vec::len).sum::<usize>();
        prop_assert!(noise <= found && found <= stream.len());
    }
}

#[test]
fn a_frame_needs_its_room() {
    let mut out = [0; HEADER_LEN + 4];
    assert_eq!(Frame::Stdout(b"abcd").encode(&mut out), Ok(12));
    assert_eq!(Frame::Stdout(b"abcde").encode(&mut out), Err(NoRoom));
    assert_eq!(Frame::Stdout(b"").encode(&mut out[..7]), Err(NoRoom));
    assert_eq!(header(Kind::Log, MAX_PAYLOAD + 1), Err(NoRoom));
}

#[test]
fn a_payload_that_does_not_fit_its_kind_is_garbage() {
    let mut stream = header(Kind::Exit, 3).expect("short").to_vec();
    stream.extend([0, 7, 7]);
    stream.extend(Made::Small(Frame::ExitAck).encoded());
    let mut input = stream.as_slice();
    let mut decoder = Decoder::new();
    assert_eq!(decoder.feed(&mut input), Some(Item::Garbage(&stream[..11])));
    assert_eq!(decoder.feed(&mut input), Some(Item::Frame(Frame::ExitAck)));
    assert_eq!(decoder.feed(&mut input), None);
    assert!(!decoder.is_mid_frame());
}

#[test]
fn a_status_has_eight_bits_and_a_signal_its_128() {
    assert_eq!(Exit::Exited(255).status(), 255);
    assert_eq!(Exit::Killed(15).status(), 143);
    assert_eq!(Exit::OutOfMemory.status(), 137);
}
