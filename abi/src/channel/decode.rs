//! Bytes to frames, as they come.

use super::{Exit, Frame, HEADER_LEN, Kind, MAX_PAYLOAD, SYNC, WindowSize};
use alloc::vec::Vec;

/// What a [`Decoder`] found in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// Bytes between frames, or a frame whose payload does not fit its kind (the frame's bytes, then).
    Garbage(&'a [u8]),
}

/// Finds the frames in a stream that arrives in pieces. Holds at most one frame.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The frame in the making, or garbage that hasn't been reported yet.
    buffer: Vec<u8>,
    /// How much of `buffer` was handed out by the last call.
    done: usize,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub const fn new() -> Self {
        Self { buffer: Vec::new(), done: 0 }
    }

    /// Takes bytes from the front of `input` up to the end of the next item. `None`: all of `input` is taken and
    /// more is needed. Call it until then.
    pub fn feed(&mut self, input: &mut &[u8]) -> Option<Item<'_>> {
        self.buffer.drain(..self.done);
        self.done = 0;
        loop {
            match parse(&self.buffer) {
                Parsed::Garbage(len) => {
                    self.done = len;
                    return Some(Item::Garbage(&self.buffer[..len]));
                }
                Parsed::Frame(kind, len) => {
                    self.done = len;
                    let frame = &self.buffer[..len];
                    let parsed = Frame::from_payload(kind, &frame[HEADER_LEN..]);
                    return Some(parsed.map_or(Item::Garbage(frame), Item::Frame));
                }
                Parsed::Incomplete(missing) => {
                    let (taken, rest) = input.split_at(missing.min(input.len()));
                    if taken.is_empty() {
                        return None;
                    }
                    self.buffer.extend_from_slice(taken);
                    *input = rest;
                }
            }
        }
    }

    /// Whether the stream stopped in the middle of something.
    pub fn is_mid_frame(&self) -> bool {
        self.buffer.len() > self.done
    }
}

/// What the front of a stream is.
enum Parsed {
    /// At least so many bytes are missing.
    Incomplete(usize),
    /// So many bytes cannot be the start of a frame.
    Garbage(usize),
    /// A whole frame of this length.
    Frame(Kind, usize),
}

fn parse(bytes: &[u8]) -> Parsed {
    match (0..bytes.len()).find(|&at| may_be_header(&bytes[at..])) {
        Some(0) => {}
        Some(garbage) => return Parsed::Garbage(garbage),
        None if bytes.is_empty() => {}
        None => return Parsed::Garbage(bytes.len()),
    }
    let Some((&[_, _, kind, _, len @ ..], payload)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Parsed::Incomplete(HEADER_LEN - bytes.len());
    };
    let len = payload_len(len).unwrap_or(MAX_PAYLOAD);
    match (len.checked_sub(payload.len()), Kind::from_byte(kind)) {
        (None | Some(0), Some(kind)) => Parsed::Frame(kind, HEADER_LEN + len),
        (None | Some(0), None) => Parsed::Garbage(HEADER_LEN),
        (Some(missing), _) => Parsed::Incomplete(missing),
    }
}

/// Whether `bytes` begin as a header does, as far as they go.
fn may_be_header(bytes: &[u8]) -> bool {
    let Some(&head) = bytes.first_chunk::<HEADER_LEN>() else {
        let synced = bytes.iter().zip(SYNC).all(|(byte, sync)| *byte == sync);
        return synced && bytes.get(2).is_none_or(|kind| Kind::from_byte(*kind).is_some());
    };
    let [s0, s1, kind, _, len @ ..] = head;
    let whole = head.iter().fold(0, |sum, byte| sum ^ byte) == 0;
    [s0, s1] == SYNC && Kind::from_byte(kind).is_some() && whole && payload_len(len).is_some()
}

fn payload_len(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes)).ok().filter(|len| *len <= MAX_PAYLOAD)
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| *kind as u8 == byte)
    }
}

impl<'a> Frame<'a> {
    /// The frame of this kind and payload; `None` when the payload does not fit.
    fn from_payload(kind: Kind, payload: &'a [u8]) -> Option<Self> {
        let none = payload.is_empty();
        match kind {
            Kind::Stdin => Some(Self::Stdin(payload)),
            Kind::Stdout => Some(Self::Stdout(payload)),
            Kind::Stderr => Some(Self::Stderr(payload)),
            Kind::Log => Some(Self::Log(payload)),
            Kind::Trace => Some(Self::Trace(payload)),
            Kind::Report => Some(Self::Report(payload)),
            Kind::StdinEof => none.then_some(Self::StdinEof),
            Kind::ExitAck => none.then_some(Self::ExitAck),
            Kind::ReportRequest => none.then_some(Self::ReportRequest),
            Kind::PowerOff => none.then_some(Self::PowerOff),
            Kind::Hello => {
                let &[v0, v1, credit @ ..] = <&[u8; 6]>::try_from(payload).ok()?;
                let version = u16::from_le_bytes([v0, v1]);
                Some(Self::Hello { version, stdin_credit: u32::from_le_bytes(credit) })
            }
            Kind::StdinCredit => payload.try_into().ok().map(u32::from_le_bytes).map(Self::StdinCredit),
            Kind::Signal => <[u8; 1]>::try_from(payload).ok().map(|[signal]| Self::Signal(signal)),
            Kind::WindowSize => {
                let fields = <&[u8; 8]>::try_from(payload).ok()?;
                let field = |at: usize| u16::from_le_bytes([fields[at], fields[at + 1]]);
                let (rows, columns, x_pixels, y_pixels) = (field(0), field(2), field(4), field(6));
                Some(Self::WindowSize(WindowSize { rows, columns, x_pixels, y_pixels }))
            }
            Kind::Exit => Exit::from_bytes(payload.try_into().ok()?).map(Self::Exit),
        }
    }
}
