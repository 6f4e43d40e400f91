//! The threads of a running guest: one for each source that can only be waited for.
//!
//! The channel's reader also writes the application's output, so that a slow reader of ours holds up the guest and
//! does not fill our memory; its writer is a queue, so that nobody else ever waits for the guest to read; standard
//! input goes as far as the guest's credit. All end with QEMU, but for those that wait for our own input or signals,
//! which end with us.

use super::tail::Tail;
use super::terminal::is_raw;
use crate::error::{Error, Result};
use osv_abi::channel::{Decoder, Frame, HEADER_LEN, Item, MAX_PAYLOAD};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use std::borrow::Cow;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What the threads tell the main one.
pub(super) enum News {
    /// A frame that isn't output.
    Frame(Vec<u8>),
    /// The guest's end of the channel is closed: QEMU has ended.
    Closed,
    /// We got this signal.
    Signal(i32),
}

/// What went by, for reports of failure.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) serial: Tail,
    pub(super) kernel: Tail,
    pub(super) qemu: Tail,
}

pub(super) type SharedHeard = Arc<Mutex<Heard>>;

/// Bytes of standard input that the guest has room for.
#[derive(Default)]
pub(super) struct Credit {
    bytes: Mutex<u64>,
    more: Condvar,
}

/// Tells of signals; with the terminal lent to the guest also of those that stop and continue us.
pub(super) fn watch_signals(news: Sender<News>, terminal: bool) -> Result<()> {
    let mut wanted = vec![SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH];
    if terminal {
        wanted.extend([SIGTSTP, SIGCONT]);
    }
    let signals = signal_hook::iterator::Signals::new(wanted);
    let mut signals = signals.map_err(|error| Error::io("watch", "signals", error))?;
    thread::spawn(move || signals.forever().try_for_each(|signal| news.send(News::Signal(signal))));
    Ok(())
}

/// Sends what is put into the returned queue, so that nobody else ever waits for the guest to read.
pub(super) fn send_frames(stream: &UnixStream) -> Result<Sender<Vec<u8>>> {
    let mut stream =
        stream.try_clone().map_err(|error| Error::io("share", "the supervisor channel", error))?;
    let (outbox, frames) = channel::<Vec<u8>>();
    thread::spawn(move || frames.iter().try_for_each(|frame| stream.write_all(&frame)));
    Ok(outbox)
}

/// A trace goes to `trace`, or to standard error.
pub(super) fn receive_frames(
    mut stream: UnixStream,
    news: Sender<News>,
    heard: &SharedHeard,
    verbose: bool,
    trace: Option<File>,
) {
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        let (mut decoder, mut buffer) = (Decoder::new(), vec![0; 64 << 10]);
        let mut stdout = Output::new(std::io::stdout());
        let mut stderr = Output::new(std::io::stderr());
        let mut trace = trace.map(Output::new);
        loop {
            let len = match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let mut input = &buffer[..len];
            while let Some(item) = decoder.feed(&mut input) {
                match item {
                    Item::Frame(Frame::Stdout(data)) if !stdout.write(data) => {
                        // As a process that writes into a closed pipe would be told.
                        let _ = news.send(News::Signal(SIGPIPE));
                    }
                    Item::Frame(Frame::Stderr(data)) if !stderr.write(data) => {
                        let _ = news.send(News::Signal(SIGPIPE));
                    }
                    Item::Frame(Frame::Stdout(_) | Frame::Stderr(_)) => {}
                    Item::Frame(Frame::Trace(text)) => {
                        // A trace that nobody can read ends nothing.
                        let _ = match &mut trace {
                            Some(file) => file.write(text),
                            None => stderr.write(&own_lines(text)),
                        };
                    }
                    Item::Frame(Frame::Log(text)) | Item::Garbage(text) => {
                        lock(&heard).kernel.push(text);
                        if verbose {
                            stderr.write(&own_lines(text));
                        }
                    }
                    Item::Frame(frame) => drop(news.send(News::Frame(encode(frame)))),
                }
            }
        }
        // Nobody listens only when we are on our way out.
        let _ = news.send(News::Closed);
    });
}

/// Text of ours for a terminal that may be raw.
fn own_lines(text: &[u8]) -> Cow<'_, [u8]> {
    if !is_raw() {
        return text.into();
    }
    text.iter().flat_map(|&b| if b == b'\n' { vec![b'\r', b] } else { vec![b] }).collect::<Vec<_>>().into()
}

/// A standard stream of ours that may be closed.
struct Output<W> {
    stream: W,
    closed: bool,
}

impl<W: Write> Output<W> {
    fn new(stream: W) -> Self {
        Self { stream, closed: false }
    }

    /// False when it turned out to be closed, once.
    fn write(&mut self, data: &[u8]) -> bool {
        if self.closed {
            return true;
        }
        self.closed = self.stream.write_all(data).and_then(|()| self.stream.flush()).is_err();
        !self.closed
    }
}

pub(super) fn send_stdin(credit: Arc<Credit>, outbox: Sender<Vec<u8>>) {
    thread::spawn(move || {
        let mut buffer = vec![0; MAX_PAYLOAD];
        loop {
            let room = credit.wait(MAX_PAYLOAD);
            match std::io::stdin().lock().read(&mut buffer[..room]) {
                Ok(0) => break,
                Ok(len) => {
                    credit.spend(len);
                    if outbox.send(encode(Frame::Stdin(&buffer[..len]))).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What cannot be read has ended, as far as the guest is concerned.
                Err(_) => break,
            }
        }
        // The sender is gone only when the guest is.
        let _ = outbox.send(encode(Frame::StdinEof));
    });
}

impl Credit {
    pub(super) fn grant(&self, bytes: u32) {
        *lock(&self.bytes) += u64::from(bytes);
        self.more.notify_one();
    }

    /// Waits for some; at most `most` of it.
    fn wait(&self, most: usize) -> usize {
        let bytes = self.more.wait_while(lock(&self.bytes), |bytes| *bytes == 0);
        usize::try_from(*bytes.unwrap_or_else(PoisonError::into_inner)).map_or(most, |bytes| bytes.min(most))
    }

    fn spend(&self, bytes: usize) {
        let mut left = lock(&self.bytes);
        *left = left.saturating_sub(bytes as u64);
    }
}

/// Keeps the tail of a stream, and shows it all with `verbose`.
pub(super) fn listen(
    stream: Option<impl Read + Send + 'static>,
    heard: &SharedHeard,
    verbose: bool,
    tail: impl Fn(&mut Heard) -> &mut Tail + Send + 'static,
) -> Option<thread::JoinHandle<()>> {
    let (mut stream, heard) = (stream?, Arc::clone(heard));
    Some(thread::spawn(move || {
        let mut buffer = vec![0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            tail(&mut lock(&heard)).push(&buffer[..len]);
            if verbose {
                // Nothing can be done about a standard error that is closed.
                let _ = std::io::stderr().write_all(&own_lines(&buffer[..len]));
            }
        }
    }))
}

pub(super) fn encode(frame: Frame<'_>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN + MAX_PAYLOAD];
    // What was decoded, or read into a buffer of MAX_PAYLOAD, fits.
    let len = frame.encode(&mut bytes).unwrap_or(0);
    bytes.truncate(len);
    bytes
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
