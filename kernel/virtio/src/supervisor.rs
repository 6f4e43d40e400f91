//! The guest's end of the supervisor channel (see [`osv_abi::channel`]), without I/O of its own.
//!
//! Bytes from the console go into [`Endpoint::receive`], which hands out what asks for action as [`Event`]s;
//! standard input waits in a ring until the application reads. What goes out waits in a bounded buffer from which
//! [`Endpoint::output`] and [`Endpoint::sent`] feed the console. The application's output is refused beyond
//! that bound (its writer blocks); frames of the channel itself are few and small and always find room.

mod ring;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use osv_abi::channel::{
    Decoder, Exit, Frame, HEADER_LEN, Item, Kind, MAX_PAYLOAD, VERSION, WindowSize, header,
};
use ring::Ring;

/// Bytes of standard input that may wait.
pub const STDIN_CAPACITY: usize = 64 << 10;
/// Bytes of output that may wait before writers block.
pub const OUTPUT_CAPACITY: usize = 64 << 10;
/// Credit is returned in portions of at least this much, to spare frames.
const CREDIT_STEP: usize = STDIN_CAPACITY / 4;

/// Something that the supervisor wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// [`Endpoint::read_stdin`] has something new: bytes or the end.
    Stdin,
    /// Send the application this signal.
    Signal(u8),
    /// The terminal has this size.
    WindowSize(WindowSize),
    /// The exit status has arrived there; power off.
    ExitAcknowledged,
    /// Say what each thread does, by [`Endpoint::report`].
    ReportRequest,
    /// Power off at once.
    PowerOff,
}

/// What a read of standard input finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdin {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Empty,
    /// Nothing any more.
    End,
}

/// A stream of text or bytes towards the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The application's standard output.
    Stdout,
    /// The application's standard error.
    Stderr,
    /// The kernel's log.
    Log,
    /// What was asked for by `--strace` and `--summary`.
    Trace,
}

/// The guest's end of the channel.
#[derive(Debug)]
pub struct Endpoint {
    decoder: Decoder,
    stdin: Ring,
    stdin_ended: bool,
    /// Bytes read by the application for which no credit was given yet.
    credit_due: usize,
    output: Ring,
    violations: u64,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::new()
    }
}

impl Endpoint {
    /// An endpoint whose first output is the greeting.
    pub fn new() -> Endpoint {
        let mut endpoint = Endpoint {
            decoder: Decoder::new(),
            stdin: Ring::new(STDIN_CAPACITY),
            stdin_ended: false,
            credit_due: 0,
            output: Ring::new(OUTPUT_CAPACITY),
            violations: 0,
        };
        endpoint.control(Frame::Hello { version: VERSION, stdin_credit: STDIN_CAPACITY as u32 });
        endpoint
    }

    /// Takes bytes that came from the supervisor.
    pub fn receive(&mut self, mut bytes: &[u8], mut on_event: impl FnMut(Event)) {
        while let Some(item) = self.decoder.feed(&mut bytes) {
            let event = match item {
                Item::Frame(Frame::Stdin(data)) => {
                    let fits = !self.stdin_ended && data.len() <= self.stdin.room();
                    if fits {
                        self.stdin.push(data);
                    }
                    fits.then_some(Event::Stdin)
                }
                Item::Frame(Frame::StdinEof) => {
                    self.stdin_ended = true;
                    Some(Event::Stdin)
                }
                Item::Frame(Frame::Signal(signal)) => Some(Event::Signal(signal)),
                Item::Frame(Frame::WindowSize(size)) => Some(Event::WindowSize(size)),
                Item::Frame(Frame::ExitAck) => Some(Event::ExitAcknowledged),
                Item::Frame(Frame::ReportRequest) => Some(Event::ReportRequest),
                Item::Frame(Frame::PowerOff) => Some(Event::PowerOff),
                // A frame that only a guest sends, or no frame at all.
                Item::Frame(_) | Item::Garbage(_) => None,
            };
            match event {
                Some(event) => on_event(event),
                None => self.violations = self.violations.saturating_add(1),
            }
        }
    }

    /// Frames that came and should not have: input beyond the credit, garbage. They were dropped.
    pub fn violations(&self) -> u64 {
        self.violations
    }

    /// Takes standard input.
    pub fn read_stdin(&mut self, out: &mut [u8]) -> Stdin {
        let n = self.stdin.pop(out);
        self.credit_due += n;
        let all_read = self.stdin.is_empty();
        // Also when the host may have run out of credit, however little that was.
        if !self.stdin_ended && (self.credit_due >= CREDIT_STEP || (all_read && self.credit_due > 0)) {
            let granted = u32::try_from(self.credit_due).unwrap_or(u32::MAX);
            self.credit_due = 0;
            self.control(Frame::StdinCredit(granted));
        }
        match n {
            0 if out.is_empty() => Stdin::Bytes(0),
            0 if self.stdin_ended => Stdin::End,
            0 => Stdin::Empty,
            n => Stdin::Bytes(n),
        }
    }

    /// Whether a read of standard input would not wait.
    pub fn stdin_ready(&self) -> bool {
        self.stdin_ended || !self.stdin.is_empty()
    }

    /// Bytes of standard input that wait.
    pub fn stdin_len(&self) -> usize {
        self.stdin.len()
    }

    /// Bytes of output that would be taken now.
    pub fn output_room(&self) -> usize {
        match OUTPUT_CAPACITY.checked_sub(self.output.len()) {
            // Not worth a frame: the writer waits until there is more.
            None | Some(0..=HEADER_LEN) => 0,
            Some(room) => (room - HEADER_LEN).min(MAX_PAYLOAD),
        }
    }

    /// Queues output and says how many bytes it took; 0 means that there is no room (or nothing to write).
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let n = self.output_room().min(bytes.len() - done);
            if n == 0 {
                break;
            }
            let kind = match stream {
                Stream::Stdout => Kind::Stdout,
                Stream::Stderr => Kind::Stderr,
                Stream::Log => Kind::Log,
                Stream::Trace => Kind::Trace,
            };
            let Ok(header) = header(kind, n) else { break };
            self.output.push(&header);
            self.output.push(&bytes[done..done + n]);
            done += n;
        }
        done
    }

    /// Answers [`Event::ReportRequest`], whatever the length.
    pub fn report(&mut self, text: &[u8]) {
        for piece in text.chunks(MAX_PAYLOAD) {
            self.control(Frame::Report(piece));
        }
        self.control(Frame::Report(&[]));
    }

    /// Says how the application ended: the last frame.
    pub fn exit(&mut self, exit: Exit) {
        self.control(Frame::Exit(exit));
    }

    /// What is to be sent next: a piece of what waits.
    pub fn output(&self) -> &[u8] {
        self.output.front()
    }

    /// Takes note that so many bytes of [`Endpoint::output`] went out.
    pub fn sent(&mut self, len: usize) {
        self.output.consume(len);
    }

    /// Bytes that wait to be sent.
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    fn control(&mut self, frame: Frame<'_>) {
        let mut bytes = [0; HEADER_LEN + 16];
        if let Ok(n) = frame.encode(&mut bytes) {
            self.output.push(&bytes[..n]);
            return;
        }
        let mut bytes: Vec<u8> = alloc::vec![0; HEADER_LEN + MAX_PAYLOAD];
        if let Ok(n) = frame.encode(&mut bytes) {
            self.output.push(&bytes[..n]);
        }
    }
}
