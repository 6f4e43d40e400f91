//! The standard streams: stdin, stdout and stderr of the supervisor, as files.
//!
//! Bring-up makes one [`Streams`] over a [`Console`], which sends bytes out, and feeds it with what comes in.
//! Whether a stream is a terminal is what the supervisor says of its own; the terminal itself (line editing, echo)
//! is on its side. Or the console is a terminal of the machine's own ([`osv_tty`]), and all three streams are it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use osv_abi::boot::Terminals;
use osv_abi::uapi::file::{makedev, mode};
use osv_abi::uapi::termios::{Termios, Winsize, request};
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_sync::{Events, Mutex, Readiness, SpinLock, Wait};
use osv_tty::Tty;
use osv_vfs::{At, Attr, File, Io, IoctlArg};
use zerocopy::{FromBytes, IntoBytes};

/// Where output goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Output {
    Stdout,
    Stderr,
}

/// What carries the streams: a virtio-console port, a serial port.
pub trait Console: Send + Sync {
    /// Sends all of `bytes`; may sleep.
    fn write(&self, stream: Output, bytes: &[u8]) -> Res<()>;
    /// Input was taken out of the buffer, so that there is room for this many bytes again.
    fn room(&self, bytes: usize) {
        let _ = bytes;
    }
    /// The console's terminal has output to take ([`Streams::take_output`]). Must not block.
    fn output(&self) {}
}

/// Bytes of input that wait to be read at most; the supervisor is told of room.
pub const INPUT_MAX: usize = 64 << 10;

#[derive(Default)]
struct Input {
    bytes: VecDeque<u8>,
    ended: bool,
}

/// The three standard streams.
pub struct Streams {
    console: Arc<dyn Console>,
    terminals: Terminals,
    tty: Option<Arc<Tty>>,
    input: SpinLock<Input>,
    readiness: Readiness,
    /// One write at a time, so that lines of several threads do not mix.
    writing: Mutex<()>,
    termios: SpinLock<Termios>,
    winsize: SpinLock<Winsize>,
}

impl Streams {
    /// Streams over `console`.
    pub fn new(console: Arc<dyn Console>, terminals: Terminals) -> Arc<Streams> {
        let port = || -> Arc<dyn osv_tty::Device> { Arc::new(Port(console.clone())) };
        let tty = terminals.console.then(|| Tty::console(CONSOLE, port()));
        Arc::new(Streams {
            console,
            terminals,
            tty,
            input: SpinLock::default(),
            readiness: Readiness::new(),
            writing: Mutex::new(()),
            termios: SpinLock::new(osv_tty::terminal::sane()),
            winsize: SpinLock::new(Winsize { rows: 24, cols: 80, ..Winsize::default() }),
        })
    }

    /// Input arrived: returns how much of it was taken (see [`INPUT_MAX`]).
    pub fn feed(&self, bytes: &[u8]) -> usize {
        if let Some(tty) = &self.tty {
            return tty.receive(bytes);
        }
        let taken = {
            let mut input = self.input.lock();
            let room = INPUT_MAX.saturating_sub(input.bytes.len()).min(bytes.len());
            input.bytes.extend(&bytes[..room]);
            room
        };
        self.readiness.changed(Events::IN | Events::RDNORM);
        taken
    }

    /// Input ended: once read, reads return 0.
    pub fn end_input(&self) {
        if self.tty.is_some() {
            // Nobody types any more, and yet the terminal is there.
            return;
        }
        self.input.lock().ended = true;
        self.readiness.changed(Events::IN | Events::RDNORM | Events::HUP);
    }

    /// The window changed its size. `true`: whom that concerns was told; else the caller sends SIGWINCH.
    pub fn set_window(&self, window: Winsize) -> bool {
        match &self.tty {
            Some(tty) => tty.set_window(window),
            None => *self.winsize.lock() = window,
        }
        self.tty.is_some()
    }

    /// The machine's own terminal, if the console is one.
    pub fn tty(&self) -> Option<&Arc<Tty>> {
        self.tty.as_ref()
    }

    /// Takes output of the console's terminal; gives how much.
    pub fn take_output(&self, to: &mut [u8]) -> usize {
        self.tty.as_ref().map_or(0, |tty| tty.take_output(to))
    }

    /// Whether there is none.
    pub fn output_is_empty(&self) -> bool {
        self.tty.as_ref().is_none_or(|tty| tty.output_is_empty())
    }

    /// Standard input, output and error as files, for descriptors 0, 1, 2.
    pub fn files(self: &Arc<Self>) -> [Arc<dyn File>; 3] {
        let t = self.terminals;
        [(None, t.stdin), (Some(Output::Stdout), t.stdout), (Some(Output::Stderr), t.stderr)].map(
            |(output, is_terminal)| -> Arc<dyn File> {
                Arc::new(Stream { streams: self.clone(), output, is_terminal })
            },
        )
    }

    /// The terminal, if any stream is one: /dev/tty. Reads stdin, writes stdout.
    pub fn terminal(self: &Arc<Self>) -> Option<Arc<dyn File>> {
        let t = self.terminals;
        let output = if t.stdout || !t.stderr { Output::Stdout } else { Output::Stderr };
        (t.stdin || t.stdout || t.stderr).then(|| -> Arc<dyn File> {
            Arc::new(Stream { streams: self.clone(), output: Some(output), is_terminal: true })
        })
    }

    /// /dev/console: as the terminal, but there even when no stream is one.
    pub fn console(self: &Arc<Self>) -> Arc<dyn File> {
        Arc::new(Stream {
            streams: self.clone(),
            output: Some(Output::Stdout),
            is_terminal: self.terminals.stdout,
        })
    }
}

impl core::fmt::Debug for Streams {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Streams({:?})", self.terminals)
    }
}

/// The device number of /dev/console.
pub(crate) const CONSOLE: u64 = makedev(5, 1);

/// A terminal's way to the console.
struct Port(Arc<dyn Console>);

impl osv_tty::Device for Port {
    fn output(&self) {
        self.0.output();
    }
    fn room(&self, bytes: usize) {
        self.0.room(bytes);
    }
}

struct Stream {
    streams: Arc<Streams>,
    output: Option<Output>,
    is_terminal: bool,
}

impl Stream {
    fn reads(&self) -> bool {
        self.output.is_none() || self.is_terminal
    }
}

impl File for Stream {
    fn read(&self, _at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        if !self.reads() {
            return Err(Errno::EBADF.into());
        }
        if to.remaining() == 0 {
            return Ok(0);
        }
        let streams = &self.streams;
        let mut attempt = || {
            let mut input = streams.input.lock();
            if input.bytes.is_empty() {
                return input.ended.then_some(0);
            }
            let (front, back) = input.bytes.as_slices();
            let mut n = to.put(front);
            if n == front.len() && !to.faulted() {
                n += to.put(back);
            }
            input.bytes.drain(..n);
            Some(n)
        };
        let n = if io.nonblock {
            attempt().ok_or(Errno::EAGAIN)?
        } else {
            let waited = streams.readiness.waiters.wait_until(Wait::INTERRUPTIBLE, attempt);
            waited.map_err(|error| error.or_timeout(Errno::EAGAIN))?
        };
        if n > 0 {
            streams.console.room(n);
        }
        Ok(n)
    }

    fn write(&self, _at: At, from: &mut dyn Source, _io: Io) -> Res<usize> {
        let Some(output) = self.output else { return Err(Errno::EBADF.into()) };
        let _writing = self.streams.writing.lock();
        let mut chunk = [0; 1024];
        let mut done = 0;
        loop {
            let n = from.take(&mut chunk);
            if n == 0 {
                return Ok(done);
            }
            match self.streams.console.write(output, &chunk[..n]) {
                Ok(()) => done += n,
                Err(_) if done > 0 => return Ok(done),
                Err(fail) => return Err(fail),
            }
            if from.faulted() {
                return Ok(done);
            }
        }
    }

    fn poll(&self) -> Events {
        let mut events = Events::empty();
        if self.reads() {
            let input = self.streams.input.lock();
            if !input.bytes.is_empty() || input.ended {
                events |= Events::IN | Events::RDNORM;
            }
            if input.bytes.is_empty() && input.ended && !self.is_terminal {
                events |= Events::HUP;
            }
        }
        if self.output.is_some() {
            events |= Events::OUT | Events::WRNORM;
        }
        events
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.streams.readiness)
    }

    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        if request == request::TIOCINQ && self.reads() {
            let waiting = self.streams.input.lock().bytes.len() as i32;
            arg.write(&waiting.to_ne_bytes())?;
            return Ok(0);
        }
        if !self.is_terminal {
            return Err(Errno::ENOTTY.into());
        }
        match request {
            request::TCGETS => {
                let termios = *self.streams.termios.lock();
                arg.write(termios.as_bytes())?;
            }
            request::TCSETS | request::TCSETSW | request::TCSETSF => {
                let mut bytes = [0; size_of::<Termios>()];
                arg.read(&mut bytes)?;
                if let Ok(termios) = Termios::read_from_bytes(&bytes) {
                    *self.streams.termios.lock() = termios;
                }
            }
            request::TIOCGWINSZ => {
                let winsize = *self.streams.winsize.lock();
                arg.write(winsize.as_bytes())?;
            }
            request::TIOCSWINSZ => {
                let mut bytes = [0; size_of::<Winsize>()];
                arg.read(&mut bytes)?;
                if let Ok(winsize) = Winsize::read_from_bytes(&bytes) {
                    *self.streams.winsize.lock() = winsize;
                }
            }
            request::TCFLSH => {
                if matches!(arg.value(), 0 | 2) {
                    self.streams.input.lock().bytes.clear();
                }
            }
            _ => return Err(Errno::ENOTTY.into()),
        }
        Ok(0)
    }

    fn attr(&self) -> Attr {
        let (kind, rdev) =
            if self.is_terminal { (mode::IFCHR | 0o620, makedev(136, 0)) } else { (mode::IFIFO | 0o600, 0) };
        let ino = 1 + self.output.map_or(0, |output| output as u64 + 1);
        Attr { mode: kind, rdev, ino, nlink: 1, blksize: 4096, ..Attr::default() }
    }

    fn describe(&self) -> Vec<u8> {
        match (self.is_terminal, self.output) {
            (true, _) => b"/dev/console".to_vec(),
            (_, None) => b"pipe:[1]".to_vec(),
            (_, Some(Output::Stdout)) => b"pipe:[2]".to_vec(),
            (_, Some(Output::Stderr)) => b"pipe:[3]".to_vec(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
