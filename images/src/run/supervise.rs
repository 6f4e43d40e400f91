//! Moves bytes between the guest and us while a [`Session`] decides.
//!
//! The threads of `pumps` tell the main one, which alone owns the session and the process.

use super::child::Qemu;
use super::crash;
use super::debugger::Debugger;
use super::pumps::{
    Credit, Heard, News, SharedHeard, encode, listen, lock, receive_frames, send_frames, send_stdin,
    watch_signals,
};
use super::qemu::{self, Boot, Kernel, find_qemu};
use super::session::{Action, Event, Message, Outcome, Session};
use super::terminal::{RawTerminal, window_size};
use super::{Accel, Options};
use crate::error::{Error, Result};
use osv_abi::channel::{Decoder, Exit, Item};
use rustix::fs::MemfdFlags;
use rustix::io::FdFlags;
use signal_hook::consts::{SIGCONT, SIGPIPE, SIGTSTP, SIGWINCH};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
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

/// Runs the image until the guest ends; the status for our own exit.
pub fn run(source: &Source<'_>, options: &Options, boot: &Boot) -> Result<u8> {
    let program = find_qemu()?;
    let (accel, note) = options.decide_accel()?;
    note.iter().for_each(|note| eprintln!("osv-pack: {note}"));
    options.ports.iter().try_for_each(|port| port.require_free())?;
    let (image, _keep_open) = image_path(source)?;
    let (ours, theirs) = UnixStream::pair().map_err(|error| Error::io("make", "a socket pair", error))?;
    inherit(&theirs)?;
    let kernel = Kernel { image, channel: Some(theirs.as_raw_fd()) };
    let mut args = qemu::command(options, accel, &kernel, boot);
    let debugger =
        options.debugged.as_deref().map(|program| debugger(source, options, program)).transpose()?;
    if let Some(debugger) = &debugger {
        args.extend(debugger.arguments());
        eprintln!("osv-pack: the machine waits for a debugger:\n{}", debugger.command());
    }

    let trace = options
        .trace_output
        .as_deref()
        .map(|path| File::create(path).map_err(|error| Error::io("write", path, error)));
    let trace = trace.transpose()?;

    let (news, inbox) = channel();
    // Before QEMU starts, so that no signal finds us without a handler.
    watch_signals(news.clone(), options.terminal)?;
    let terminal = (options.terminal && options.stdin).then(RawTerminal::enter).transpose()?;
    let mut qemu = Qemu::start(&program, &args)?;
    drop(theirs);
    let heard = SharedHeard::default();
    let credit = Arc::new(Credit::default());
    let outbox = send_frames(&ours)?;
    let listeners = [
        listen(qemu.take_serial(), &heard, options.verbose, |heard| &mut heard.serial),
        listen(qemu.take_messages(), &heard, false, |heard| &mut heard.qemu),
    ];
    receive_frames(ours, news, &heard, options.verbose, trace);
    if options.stdin {
        send_stdin(Arc::clone(&credit), outbox.clone());
    }

    let supervisor =
        Supervisor { session: Session::default(), outbox, credit, inbox, terminal: terminal.as_ref() };
    let session = supervisor.converse(&mut qemu, options.timeout);
    let status = qemu.try_wait();
    drop(qemu);
    for listener in listeners.into_iter().flatten() {
        // A panic there has been printed; its tail is merely shorter.
        let _ = listener.join();
    }
    drop(terminal);
    let heard = std::mem::take(&mut *lock(&heard));
    conclude(source, session, heard, options, accel, status.map(|status| status.to_string()))
}

fn debugger(source: &Source<'_>, options: &Options, program: &Path) -> Result<Debugger> {
    let disk = options.root_disk.as_deref();
    match source {
        Source::File(path) => {
            let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
            Debugger::prepare(&bytes, disk, program)
        }
        Source::Bytes(bytes) => Debugger::prepare(bytes, disk, program),
    }
}

struct Supervisor<'a> {
    /// Our terminal, while the guest has it.
    terminal: Option<&'a RawTerminal>,
    session: Session,
    outbox: Sender<Vec<u8>>,
    credit: Arc<Credit>,
    inbox: Receiver<News>,
}

impl Supervisor<'_> {
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
                Ok(News::Signal(SIGTSTP)) => {
                    self.terminal.into_iter().for_each(RawTerminal::stop_ourselves);
                    Vec::new()
                }
                Ok(News::Signal(SIGCONT)) => {
                    self.terminal.into_iter().for_each(RawTerminal::resume);
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

/// Does something with the image, empty where it cannot be read any more.
fn with_bytes<R>(source: &Source<'_>, then: impl FnOnce(&[u8]) -> R) -> R {
    match source {
        Source::File(path) => then(&std::fs::read(path).unwrap_or_default()),
        Source::Bytes(bytes) => then(bytes),
    }
}

/// What the end means for us.
fn conclude(
    source: &Source<'_>,
    session: Session,
    heard: Heard,
    options: &Options,
    accel: Accel,
    status: Option<String>,
) -> Result<u8> {
    let was_connected = session.is_connected();
    let Heard { serial, kernel, qemu } = heard;
    // What -v has shown already is not said again.
    let guests = if options.verbose { Vec::new() } else { last_words(kernel.lines(), serial.lines()) };
    let console = [guests, qemu.lines()].concat();
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
                Exit::Killed(_) if !options.verbose => {
                    // Its own fault: what a kill from elsewhere leaves nothing of.
                    let lines = with_bytes(source, |bytes| {
                        crash::report(&console, bytes, options.root_disk.as_deref())
                    });
                    lines.iter().for_each(|line| eprintln!("osv-pack: {line}"));
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
                (false, Accel::Tcg | Accel::TcgSingle) => {
                    format!("the guest ended before it came up{status}")
                }
            };
            let help = match (console.is_empty(), options.verbose) {
                (false, _) => "the last of its console:",
                (true, false) => "it said nothing; -vv makes the kernel say more",
                (true, true) => "what it said stands above",
            };
            Err(Error::Guest { what, help: help.into(), console })
        }
    }
}

/// One screen of both. What comes by the serial port is a boot that failed or a panic, and matters more.
fn last_words(mut log: Vec<String>, serial: Vec<String>) -> Vec<String> {
    const BEFORE: usize = 6;
    if !serial.is_empty() {
        log.drain(..log.len().saturating_sub(BEFORE));
    }
    log.extend(serial);
    log
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
