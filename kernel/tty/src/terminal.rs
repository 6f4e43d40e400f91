//! A terminal: what its open files, its session and its far side share.

use crate::discipline::{Discipline, Effect};
use crate::jobs::jobs;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use osv_abi::uapi::signal::sig;
use osv_abi::uapi::termios::{Termios, Winsize, cc, cflag, iflag, lflag, packet};
use osv_base::io::Sink;
use osv_sync::{Events, Mutex, Readiness};

/// Bytes from the far side that may wait until the discipline has room for them.
pub const PENDING_MAX: usize = 8 << 10;

pub(crate) const READABLE: Events = Events::IN.union(Events::RDNORM);
pub(crate) const WRITABLE: Events = Events::OUT.union(Events::WRNORM);

/// What carries a terminal that is no pseudo-terminal: the machine's console.
pub trait Device: Send + Sync {
    /// There is output to take ([`Tty::take_output`]). Must not block.
    fn output(&self);
    /// So many bytes of input have left the queue in front of the discipline.
    fn room(&self, bytes: usize);
}

pub(crate) struct State {
    pub(crate) line: Discipline,
    /// What the far side sent and the discipline has no room for.
    pub(crate) pending: VecDeque<u8>,
    pub(crate) window: Winsize,
    /// Speeds that the control modes have no number for.
    pub(crate) speeds: (u32, u32),
    /// 0: none.
    pub(crate) session: u32,
    /// 0: none.
    pub(crate) foreground: u32,
    /// Open files of the near side.
    pub(crate) opens: u32,
    /// Grows when it is hung up: what was opened before is dead.
    pub(crate) generation: u32,
    /// TIOCEXCL.
    pub(crate) exclusive: bool,
    /// TIOCSLCKTRMIOS: what of the settings stays as it is.
    pub(crate) fixed: Termios,
    /// TIOCSPTLCK.
    pub(crate) locked: bool,
    /// The near side was open and is no more.
    pub(crate) near_closed: bool,
    /// The master is gone.
    pub(crate) far_closed: bool,
    /// TIOCPKT, with what is to be told.
    pub(crate) packet: Option<u8>,
}

/// What is to be done once the lock is let go.
#[derive(Default)]
pub(crate) struct After {
    signals: Vec<u32>,
    pub(crate) near: Events,
    pub(crate) far: Events,
    taken: usize,
}

/// A terminal.
pub struct Tty {
    pub(crate) number: u64,
    pub(crate) device: Option<Arc<dyn Device>>,
    pub(crate) state: Mutex<State>,
    /// Of the files of the near side.
    pub(crate) near: Readiness,
    /// Of the master.
    pub(crate) far: Readiness,
    pub(crate) pty: Option<crate::pty::Node>,
}

/// What `stty sane` shows: cooked, echo, 38400 baud.
pub fn sane() -> Termios {
    let mut chars = [0; 19];
    chars[..13].copy_from_slice(&[3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18]);
    (chars[13], chars[cc::VLNEXT], chars[cc::VWERASE]) = (15, 22, 23);
    let lflag = lflag::ISIG
        | lflag::ICANON
        | lflag::ECHO
        | lflag::ECHOE
        | lflag::ECHOK
        | lflag::ECHOCTL
        | lflag::ECHOKE
        | lflag::IEXTEN;
    Termios {
        iflag: iflag::ICRNL | iflag::IXON,
        oflag: 5,
        cflag: cflag::B38400 | cflag::CS8 | cflag::CREAD,
        lflag,
        line: 0,
        cc: chars,
    }
}

impl Tty {
    /// The machine's console, as device `number`.
    pub fn console(number: u64, device: Arc<dyn Device>) -> Arc<Tty> {
        // Who sits there types UTF-8.
        let termios = Termios { iflag: iflag::ICRNL | iflag::IXON | iflag::IUTF8, ..sane() };
        Self::make(number, Some(device), None, termios, Winsize { rows: 24, cols: 80, ..Winsize::default() })
    }

    pub(crate) fn make(
        number: u64,
        device: Option<Arc<dyn Device>>,
        pty: Option<crate::pty::Node>,
        termios: Termios,
        window: Winsize,
    ) -> Arc<Tty> {
        let state = State {
            line: Discipline::new(termios),
            pending: VecDeque::new(),
            window,
            speeds: (38_400, 38_400),
            session: 0,
            foreground: 0,
            opens: 0,
            generation: 0,
            exclusive: false,
            fixed: Termios::default(),
            locked: pty.is_some(),
            near_closed: false,
            far_closed: false,
            packet: None,
        };
        Arc::new(Tty {
            number,
            device,
            state: Mutex::new(state),
            near: Readiness::new(),
            far: Readiness::new(),
            pty,
        })
    }

    /// What /dev/pts shows of it, if it is a pseudo-terminal.
    pub fn node(&self) -> Option<&crate::pty::Node> {
        self.pty.as_ref()
    }

    /// Its device number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The session whose controlling terminal it is; 0: none.
    pub fn session(&self) -> u32 {
        self.state.lock().session
    }

    /// The foreground process group; 0: none.
    pub fn foreground(&self) -> u32 {
        self.state.lock().foreground
    }

    /// Becomes the terminal of `session`, which is about to start with one process group of the same number.
    pub fn start_session(&self, session: u32) {
        let mut state = self.state.lock();
        (state.session, state.foreground) = (session, session);
    }

    /// Changes the state, then does what follows from it.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut State, &mut After) -> R) -> R {
        let mut after = After::default();
        let (result, foreground) = {
            let mut state = self.state.lock();
            let result = change(&mut state, &mut after);
            if state.line.output_len() > 0 {
                after.far |= READABLE;
            }
            (result, state.foreground)
        };
        for &signo in after.signals.iter().filter(|_| foreground != 0) {
            jobs().signal_group(foreground, signo);
        }
        if !after.near.is_empty() {
            self.near.changed(after.near);
        }
        if let Some(device) = &self.device {
            if after.taken > 0 {
                device.room(after.taken);
            }
            if after.far.intersects(READABLE) {
                device.output();
            }
        } else if !after.far.is_empty() {
            self.far.changed(after.far);
        }
        result
    }

    /// Takes what comes from the far side; gives how much of it. A master has as much room as [`Tty::input_room`]
    /// says; a console's device keeps to what [`Device::room`] gave back.
    pub fn receive(&self, bytes: &[u8]) -> usize {
        self.change(|state, after| {
            let room = if self.device.is_some() { usize::MAX } else { state.input_room() };
            let n = bytes.len().min(room);
            state.pending.extend(&bytes[..n]);
            state.pump(after);
            n
        })
    }

    /// Copies output to `to` and takes what was copied: for a console's device.
    pub fn take_output(&self, to: &mut [u8]) -> usize {
        let mut sink = osv_base::io::SliceSink::new(to);
        self.change(|state, after| state.drain_output(&mut sink, after))
    }

    /// Whether all output was taken.
    pub fn output_is_empty(&self) -> bool {
        self.state.lock().line.output_len() == 0
    }

    /// Lets output go on that Ctrl-S stopped: nobody is left to do it.
    pub fn release_output(&self) {
        self.change(|state, after| {
            let effect = state.line.start();
            state.note(effect, after);
        });
    }

    /// The window has another size; the foreground hears of it.
    pub fn set_window(&self, window: Winsize) {
        self.change(|state, after| {
            if state.window != window {
                state.window = window;
                after.signals.push(sig::WINCH);
            }
        });
    }

    /// The far side has hung up, or vhangup(2): what is open is dead, and the session has no terminal any more.
    pub fn hang_up(&self) {
        let session = self.change(|state, after| {
            state.generation += 1;
            if core::mem::take(&mut state.opens) > 0 {
                state.near_closed = true;
            }
            state.line.flush_input();
            if self.device.is_some() {
                state.line.flush_output();
            }
            let effect = state.line.start();
            state.note(effect, after);
            state.pending.clear();
            state.exclusive = false;
            let iflag = state.line.termios().iflag & iflag::IUTF8;
            state.line.set_termios(Termios { iflag: sane().iflag | iflag, ..sane() });
            after.near |= READABLE | WRITABLE | Events::HUP | Events::ERR;
            after.far |= READABLE | Events::HUP;
            state.session
        });
        self.leave_session(session, true);
    }
}

impl State {
    /// Room for a master's write.
    pub(crate) fn input_room(&self) -> usize {
        PENDING_MAX.saturating_sub(self.pending.len())
    }

    /// Moves what waits into the discipline, as far as that has room.
    pub(crate) fn pump(&mut self, after: &mut After) {
        while !self.pending.is_empty() {
            let mut effects = Vec::new();
            let (front, _) = self.pending.as_slices();
            let n = self.line.receive(front, &mut |effect| effects.push(effect));
            self.pending.drain(..n);
            after.taken += n;
            after.near |= READABLE;
            effects.into_iter().for_each(|effect| self.note(Some(effect), after));
            if n == 0 {
                break;
            }
        }
    }

    /// What an effect means for both sides.
    pub(crate) fn note(&mut self, effect: Option<Effect>, after: &mut After) {
        match effect {
            None => {}
            Some(Effect::Signal(signo)) => after.signals.push(signo),
            Some(Effect::Flushed) => self.tell(packet::FLUSHREAD | packet::FLUSHWRITE, 0, after),
            Some(Effect::Stopped) => self.tell(packet::STOP, packet::START, after),
            Some(Effect::Started) => {
                self.tell(packet::START, packet::STOP, after);
                after.near |= WRITABLE;
            }
        }
    }

    /// Tells a master in packet mode.
    pub(crate) fn tell(&mut self, set: u8, clear: u8, after: &mut After) {
        if let Some(status) = &mut self.packet {
            *status = *status & !clear | set;
            after.far |= READABLE | Events::PRI;
        }
    }

    /// Gives output to the far side.
    pub(crate) fn drain_output(&mut self, to: &mut dyn Sink, after: &mut After) -> usize {
        let (front, back) = self.line.output();
        let mut n = to.put(front);
        if n == front.len() && !back.is_empty() && !to.faulted() {
            n += to.put(back);
        }
        self.line.take_output(n);
        if n > 0 {
            after.near |= WRITABLE;
        }
        n
    }
}

impl fmt::Debug for Tty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tty({:#x})", self.number)
    }
}
