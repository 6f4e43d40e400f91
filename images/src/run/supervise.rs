//! Moves bytes between the guest and us while a [`Session`] decides.
//!
//! One thread for each source that can only be waited for: the channel (which also writes the application's output, so
//! that a slow reader holds up the guest and not our memory), standard input (within the guest's credit), what is to be
//! sent, the serial port, QEMU's own messages, and signals. They tell the main thread, which alone owns the session
//! and the process. All end with the process; those that wait on our own input or signals end with us.

use super::child::Qemu;
use super::qemu::{self, Boot, Kernel, find_qemu};
use super::session::{Action, Event, Message, Outcome, Session};
use super::tail::Tail;
use super::{Accel, Options};
use crate::error::{Error, Result};
use osv_abi::channel::{Decoder, Exit, Frame, HEADER_LEN, Item, MAX_PAYLOAD, WindowSize};
use rustix::fs::MemfdFlags;
use rustix::io::FdFlags;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGWINCH};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the guest may take for what should take no time: a power-off, a report.
const MOMENT: Duration = Duration::from_secs(3);

/// An image to run.
pub enum Source<'a> {
    /// A file.
    File(&'a Path),
    /// Bytes that were never written anywhere.
    Bytes(&'a [u8]),
}

/// What the threads tell the main one.
enum News {
    /// A frame that isn't output.
    Frame(Vec<u8>),
    /// The guest's end of the channel is closed: QEMU has ended.
    Closed,
    Signal(i32),
}

/// What went by, for reports of failure.
#[derive(Default)]
struct Heard {
    serial: Tail,
    kernel: Tail,
    qemu: Tail,
}

type SharedHeard = Arc<Mutex<Heard>>;

/// Bytes of standard input that the guest has room for.
#[derive(Default)]
struct Credit {
    bytes: Mutex<u64>,
    more: Condvar,
}

/// Runs the image until the guest ends; the status for our own exit.
pub fn run(source: &Source<'_>, options: &Options, boot: &Boot) -> Result<u8> {
    let program = find_qemu()?;
    let accel = options.accel.decide()?;
    options.ports.iter().try_for_each(|port| port.require_free())?;
    let (image, _keep_open) = image_path(source)?;
    let (ours, theirs) = UnixStream::pair().map_err(|error| Error::io("make", "a socket pair", error))?;
    inherit(&theirs)?;
    let kernel = Kernel { image, channel: Some(theirs.as_raw_fd()) };
    let args = qemu::command(options, accel, &kernel, boot);

    let (news, inbox) = channel();
    // Before QEMU starts, so that no signal finds us without a handler.
    watch_signals(news.clone())?;
    let mut qemu = Qemu::start(&program, &args)?;
    drop(theirs);
    let heard = SharedHeard::default();
    let credit = Arc::new(Credit::default());
    let outbox = send_frames(&ours)?;
    let listeners = [
        listen(qemu.take_serial(), &heard, options.verbose, |heard| &mut heard.serial),
        listen(qemu.take_messages(), &heard, false, |heard| &mut heard.qemu),
    ];
    receive_frames(ours, news, &heard, options.verbose);
    send_stdin(Arc::clone(&credit), outbox.clone());

    let supervisor = Supervisor { session: Session::default(), outbox, credit, inbox };
    let session = supervisor.converse(&mut qemu, options.timeout);
    let status = qemu.try_wait();
    drop(qemu);
    for listener in listeners.into_iter().flatten() {
        // A panic there has been printed; its tail is merely shorter.
        let _ = listener.join();
    }
    let heard = std::mem::take(&mut *lock(&heard));
    conclude(session, heard, options, accel, status.map(|status| status.to_string()))
}

struct Supervisor {
    session: Session,
    outbox: Sender<Vec<u8>>,
    credit: Arc<Credit>,
    inbox: Receiver<News>,
}

impl Supervisor {
    /// Until QEMU is gone.
    fn converse(mut self, qemu: &mut Qemu, timeout: Option<Duration>) -> Session {
        let mut timeout = timeout.map(|timeout| Instant::now() + timeout);
        let mut moment: Option<Instant> = None;
        if let Some(size) = window_size() {
            self.session.on(Event::WindowSize(size));
        }
        loop {
            let next = [timeout, moment].into_iter().flatten().min();
            let news = match next {
                Some(next) => self.inbox.recv_timeout(next.saturating_duration_since(Instant::now())),
                None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let actions = match news {
                Ok(News::Closed) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(News::Frame(bytes)) => match Decoder::new().feed(&mut bytes.as_slice()) {
                    Some(Item::Frame(frame)) => self.session.on(Event::Frame(frame)),
                    _ => Vec::new(),
                },
                Ok(News::Signal(SIGWINCH)) => {
                    window_size().map(|size| self.session.on(Event::WindowSize(size))).unwrap_or_default()
                }
                Ok(News::Signal(SIGPIPE)) => send(Message::Signal(SIGPIPE as u8)),
                Ok(News::Signal(signal)) => self.session.on(Event::Signal(u8::try_from(signal).unwrap_or(0))),
                Err(RecvTimeoutError::Timeout) if moment.is_some_and(|moment| moment <= Instant::now()) => {
                    self.session.on(Event::Overdue)
                }
                Err(RecvTimeoutError::Timeout) => {
                    timeout = None;
                    self.session.on(Event::Timeout)
                }
            };
            for action in actions {
                match action {
                    Action::Send(message) => {
                        // The sender is gone only when the guest is.
                        let _ = self.outbox.send(encode(message.frame()));
                    }
                    Action::GrantStdin(bytes) => self.credit.grant(bytes),
                    Action::AllowMoment => moment = Some(Instant::now() + MOMENT),
                    Action::Kill => {
                        qemu.kill();
                        return self.session;
                    }
                }
            }
        }
        // The channel closes a moment before the process is gone.
        let patience = Instant::now() + MOMENT;
        while qemu.try_wait().is_none() && Instant::now() < patience {
            thread::sleep(Duration::from_millis(2));
        }
        self.session
    }
}

fn send(message: Message) -> Vec<Action> {
    vec![Action::Send(message)]
}

/// What the end means for us.
fn conclude(
    session: Session,
    heard: Heard,
    options: &Options,
    accel: Accel,
    status: Option<String>,
) -> Result<u8> {
    let was_connected = session.is_connected();
    let Heard { serial, kernel, qemu } = heard;
    let console = [kernel.lines(), serial.lines(), qemu.lines()].concat();
    match session.outcome() {
        Outcome::Exit(exit) => {
            match exit {
                Exit::OutOfMemory => eprintln!(
                    "osv-pack: the guest ran out of memory and the program was killed; it had {} MiB, give it more with -m",
                    options.memory.mebibytes
                ),
                Exit::NotStarted(_) if !options.verbose => {
                    eprintln!(
                        "osv-pack: the program could not be started; the kernel said:\n{}",
                        console.join("\n")
                    );
                }
                _ => {}
            }
            Ok(exit.status())
        }
        Outcome::Interrupted(signal) => Ok(128 + signal),
        Outcome::Timeout(report) if report.trim().is_empty() => {
            let help = match was_connected {
                true => "the guest gave no report of its threads; the last of its console:",
                false => "the guest had not come up; the last of its console:",
            };
            Err(timed_out(options, help, console))
        }
        Outcome::Timeout(report) => {
            let lines = report.trim_end().lines().map(String::from).collect();
            Err(timed_out(options, "what each thread was waiting for:", lines))
        }
        Outcome::WrongVersion(version) => Err(Error::Guest {
            what: format!("the image speaks version {version} of the supervisor channel, osv-pack another"),
            help: "pack it again with this osv-pack".into(),
            console: Vec::new(),
        }),
        Outcome::Vanished => {
            let status = status.map_or_else(String::new, |status| format!(" (QEMU's {status})"));
            let what = match (was_connected, accel) {
                (true, _) => format!("the guest powered off without saying how the program ended{status}"),
                (false, Accel::Kvm) => {
                    format!("the guest ended before it came up{status}; does --accel tcg help?")
                }
                (false, Accel::Tcg) => format!("the guest ended before it came up{status}"),
            };
            let help = if console.is_empty() {
                "its console is empty; -vv shows more"
            } else {
                "the last of its console:"
            };
            Err(Error::Guest { what, help: help.into(), console })
        }
    }
}

fn timed_out(options: &Options, help: &'static str, lines: Vec<String>) -> Error {
    Error::Timeout { seconds: options.timeout.unwrap_or_default().as_secs_f64(), help, lines }
}

/// A path at which QEMU finds the image, and what must stay open meanwhile.
fn image_path(source: &Source<'_>) -> Result<(PathBuf, Option<File>)> {
    let bytes = match source {
        Source::File(path) => return Ok(((*path).into(), None)),
        Source::Bytes(bytes) => bytes,
    };
    let made = rustix::fs::memfd_create("osv-image", MemfdFlags::empty()).map_err(std::io::Error::from);
    let mut file = made.map(File::from).map_err(|error| Error::io("make", "a file in memory", error))?;
    file.write_all(bytes).map_err(|error| Error::io("write", "a file in memory", error))?;
    Ok((format!("/proc/self/fd/{}", file.as_raw_fd()).into(), Some(file)))
}

/// Lets the descriptor survive exec.
fn inherit(descriptor: &impl AsFd) -> Result<()> {
    let set = rustix::io::fcntl_setfd(descriptor, FdFlags::empty());
    set.map_err(|error| Error::io("hand over", "the supervisor channel", error.into()))
}

fn watch_signals(news: Sender<News>) -> Result<()> {
    let wanted = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH];
    let signals = signal_hook::iterator::Signals::new(wanted);
    let mut signals = signals.map_err(|error| Error::io("watch", "signals", error))?;
    thread::spawn(move || signals.forever().try_for_each(|signal| news.send(News::Signal(signal))));
    Ok(())
}

/// Sends what is put into the returned queue, so that nobody else ever waits for the guest to read.
fn send_frames(stream: &UnixStream) -> Result<Sender<Vec<u8>>> {
    let mut stream =
        stream.try_clone().map_err(|error| Error::io("share", "the supervisor channel", error))?;
    let (outbox, frames) = channel::<Vec<u8>>();
    thread::spawn(move || frames.iter().try_for_each(|frame| stream.write_all(&frame)));
    Ok(outbox)
}

fn receive_frames(mut stream: UnixStream, news: Sender<News>, heard: &SharedHeard, verbose: bool) {
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        let (mut decoder, mut buffer) = (Decoder::new(), vec![0; 64 << 10]);
        let mut stdout = Output::new(std::io::stdout());
        let mut stderr = Output::new(std::io::stderr());
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
                    Item::Frame(Frame::Log(text)) | Item::Garbage(text) => {
                        lock(&heard).kernel.push(text);
                        if verbose {
                            stderr.write(text);
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

fn send_stdin(credit: Arc<Credit>, outbox: Sender<Vec<u8>>) {
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
    fn grant(&self, bytes: u32) {
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
fn listen(
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
                let _ = std::io::stderr().write_all(&buffer[..len]);
            }
        }
    }))
}

fn window_size() -> Option<WindowSize> {
    let stdout = std::io::stdout();
    let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok())??;
    let (rows, columns, x_pixels, y_pixels) = (size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
    Some(WindowSize { rows, columns, x_pixels, y_pixels })
}

fn encode(frame: Frame<'_>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN + MAX_PAYLOAD];
    // What was decoded, or read into a buffer of MAX_PAYLOAD, fits.
    let len = frame.encode(&mut bytes).unwrap_or(0);
    bytes.truncate(len);
    bytes
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
