//! ioctl_tty(2): the requests that both sides of a terminal take.

use crate::jobs::jobs;
use crate::terminal::{READABLE, State, Tty, WRITABLE, sane};
use osv_abi::uapi::signal::sig;
use osv_abi::uapi::termios::request as r;
use osv_abi::uapi::termios::{Termio, Termios, Termios2, Winsize, cc, cflag, iflag, lflag, packet};
use osv_base::{Errno, Res};
use osv_sync::Wait;
use osv_vfs::IoctlArg;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const TCOOFF: u64 = 0;
const TCOON: u64 = 1;
const TCIOFF: u64 = 2;
const TCION: u64 = 3;

/// Bits per second by their number in the control modes, those of the first sixteen and those with CBAUDEX.
const SPEEDS: [u32; 16] =
    [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19_200, 38_400];
const HIGH_SPEEDS: [u32; 15] = [
    57_600, 115_200, 230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000,
    2_500_000, 3_000_000, 3_500_000, 4_000_000,
];

/// The speed that the control modes name; `None`: another one (BOTHER).
fn speed(cflags: u32) -> Option<u32> {
    let number = (cflags & cflag::CBAUD & !cflag::CBAUDEX) as usize;
    match (cflags & cflag::CBAUDEX != 0, number) {
        (false, number) => SPEEDS.get(number).copied(),
        (true, 0) => None,
        (true, number) => HIGH_SPEEDS.get(number - 1).copied(),
    }
}

/// What a caller wants: settings, and the speeds where it names them in numbers.
type Settings = (Termios, Option<(u32, u32)>);

/// How a change of settings waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    /// When output is done.
    Drained,
    /// Then, and without the input that waits.
    Flushed,
}

fn read<T: FromBytes + IntoBytes + KnownLayout>(arg: &dyn IoctlArg, mut value: T) -> Result<T, Errno> {
    arg.read(value.as_mut_bytes())?;
    Ok(value)
}

fn write(arg: &mut dyn IoctlArg, value: &(impl IntoBytes + Immutable)) -> Result<(), Errno> {
    arg.write(value.as_bytes())
}

fn int(arg: &dyn IoctlArg) -> Result<i32, Errno> {
    read(arg, 0i32)
}

impl Tty {
    /// What either side may ask; `from_far`: the master does.
    pub(crate) fn ioctl(&self, number: u32, arg: &mut dyn IoctlArg, from_far: bool) -> Res<usize> {
        match number {
            r::TCGETS => {
                let termios = *self.state.lock().line.termios();
                write(arg, &termios)?;
            }
            r::TCGETS2 => {
                let termios = {
                    let state = self.state.lock();
                    let (ispeed, ospeed) = state.speeds;
                    Termios2 { termios: *state.line.termios(), ispeed, ospeed }
                };
                write(arg, &termios)?;
            }
            r::TCGETA => {
                let old = short(self.state.lock().line.termios());
                write(arg, &old)?;
            }
            r::TCSETS => self.set_termios(&mut || plain(arg), When::Now)?,
            r::TCSETSW => self.set_termios(&mut || plain(arg), When::Drained)?,
            r::TCSETSF => self.set_termios(&mut || plain(arg), When::Flushed)?,
            r::TCSETS2 => self.set_termios(&mut || with_speeds(arg), When::Now)?,
            r::TCSETSW2 => self.set_termios(&mut || with_speeds(arg), When::Drained)?,
            r::TCSETSF2 => self.set_termios(&mut || with_speeds(arg), When::Flushed)?,
            r::TCSETA => self.set_termios(&mut || self.of_short(arg), When::Now)?,
            r::TCSETAW => self.set_termios(&mut || self.of_short(arg), When::Drained)?,
            r::TCSETAF => self.set_termios(&mut || self.of_short(arg), When::Flushed)?,
            // There is no line whose break could be seen; tcdrain(3) is a break of another length than none.
            r::TCSBRK | r::TCSBRKP | r::TIOCSBRK => {
                self.check_from(from_far)?;
                self.drain()?;
            }
            r::TIOCCBRK => self.check_from(from_far)?,
            r::TCXONC => {
                self.check_from(from_far)?;
                self.flow(arg.value())?;
            }
            r::TCFLSH => {
                self.check_from(from_far)?;
                self.flush(arg.value(), from_far)?;
            }
            r::TIOCGWINSZ => {
                let window = self.state.lock().window;
                write(arg, &window)?;
            }
            r::TIOCSWINSZ => self.set_window(read(arg, Winsize::default())?),
            r::TIOCGPGRP => {
                let group = self.foreground_for(from_far)?;
                write(arg, &group)?;
            }
            r::TIOCSPGRP => self.set_foreground(|| int(arg))?,
            r::TIOCGSID => {
                let session = self.session_for(from_far)?;
                write(arg, &session)?;
            }
            // The master is nobody's terminal.
            r::TIOCNOTTY => return Err(Errno::ENOTTY.into()),
            r::TIOCINQ => {
                let waiting = {
                    let line = &self.state.lock().line;
                    if from_far { line.output_len() } else { line.waiting() }
                };
                write(arg, &(waiting as i32))?;
            }
            r::TIOCOUTQ => {
                let waiting = if self.device.is_some() { self.state.lock().line.output_len() } else { 0 };
                write(arg, &(waiting as i32))?;
            }
            // Input that nobody typed: refused, as Linux does with dev.tty.legacy_tiocsti off.
            r::TIOCSTI => return Err(Errno::EIO.into()),
            r::TIOCEXCL => self.state.lock().exclusive = true,
            r::TIOCNXCL => self.state.lock().exclusive = false,
            r::TIOCGEXCL => {
                let exclusive = i32::from(self.state.lock().exclusive);
                write(arg, &exclusive)?;
            }
            r::TIOCGLCKTRMIOS => {
                let fixed = self.state.lock().fixed;
                write(arg, &fixed)?;
            }
            r::TIOCSLCKTRMIOS => {
                if !jobs().caller().is_privileged {
                    return Err(Errno::EPERM.into());
                }
                let fixed = read(arg, Termios::default())?;
                self.state.lock().fixed = fixed;
            }
            r::TIOCGETD => write(arg, &0i32)?,
            r::TIOCSETD => {
                if int(arg)? != 0 {
                    return Err(Errno::EINVAL.into());
                }
            }
            r::TIOCGDEV => write(arg, &(self.number as u32))?,
            r::TIOCVHANGUP => {
                if !jobs().caller().is_privileged {
                    return Err(Errno::EPERM.into());
                }
                self.hang_up();
            }
            _ => return Err(Errno::ENOTTY.into()),
        }
        Ok(0)
    }

    fn check_from(&self, from_far: bool) -> Res<()> {
        if from_far { Ok(()) } else { self.check(sig::TTOU) }
    }

    /// Waits until the console's device has taken what was written; a master need not read.
    fn drain(&self) -> Res<()> {
        if self.device.is_none() {
            return Ok(());
        }
        let empty = || self.output_is_empty().then_some(());
        let waited = self.near.waiters.wait_until(Wait::INTERRUPTIBLE, empty);
        waited.map_err(|error| error.or_timeout(Errno::EIO))
    }

    fn set_termios(&self, wanted: &mut dyn FnMut() -> Result<Settings, Errno>, when: When) -> Res<()> {
        self.check(sig::TTOU)?;
        let (mut termios, speeds) = wanted()?;
        if when != When::Now {
            self.drain()?;
        }
        if self.pty.is_some() {
            // There is no line whose characters could have another size or parity.
            termios.cflag = termios.cflag & !(cflag::CSIZE | cflag::PARENB) | cflag::CS8 | cflag::CREAD;
        }
        self.change(|state, after| {
            if when == When::Flushed {
                state.line.flush_input();
                state.pending.clear();
                state.tell(packet::FLUSHREAD, 0, after);
            }
            let old = *state.line.termios();
            let termios = held(&state.fixed, &old, &termios);
            state.speeds = match (speed(termios.cflag), speeds) {
                (Some(speed), _) => (speed, speed),
                (None, Some(speeds)) => speeds,
                (None, None) => state.speeds,
            };
            let effect = state.line.set_termios(termios);
            state.note(effect, after);
            state.tell_flow(&old, &termios, after);
            state.pump(after);
            after.near |= READABLE | WRITABLE;
        });
        Ok(())
    }

    /// The settings with what `struct termio` changes of them.
    fn of_short(&self, arg: &dyn IoctlArg) -> Result<Settings, Errno> {
        let wanted = read(arg, Termio::default())?;
        let mut termios = *self.state.lock().line.termios();
        let low = |old: u32, new: u16| old & 0xffff_0000 | u32::from(new);
        termios.iflag = low(termios.iflag, wanted.iflag);
        termios.oflag = low(termios.oflag, wanted.oflag);
        termios.cflag = low(termios.cflag, wanted.cflag);
        termios.lflag = low(termios.lflag, wanted.lflag);
        termios.line = wanted.line;
        termios.cc[..8].copy_from_slice(&wanted.cc[..8]);
        Ok((termios, None))
    }

    /// tcflow(3).
    fn flow(&self, action: u64) -> Res<()> {
        self.change(|state, after| {
            let effect = match action {
                TCOOFF => state.line.stop(),
                TCOON => state.line.start(),
                TCIOFF | TCION => {
                    let which = if action == TCIOFF { cc::VSTOP } else { cc::VSTART };
                    let b = state.line.termios().cc[which];
                    if b != 0 {
                        state.line.send(b);
                    }
                    None
                }
                _ => return Err(Errno::EINVAL.into()),
            };
            state.note(effect, after);
            Ok(())
        })
    }

    /// tcflush(3). The master's input is the terminal's output, and the other way around.
    fn flush(&self, queue: u64, from_far: bool) -> Res<()> {
        let (input, output) = match queue {
            0 => (true, false),
            1 => (false, true),
            2 => (true, true),
            _ => return Err(Errno::EINVAL.into()),
        };
        self.change(|state, after| {
            if from_far {
                if input {
                    state.line.flush_output();
                    after.near |= WRITABLE;
                }
                if output {
                    state.pending.clear();
                    after.far |= WRITABLE;
                }
                return;
            }
            if input {
                state.line.flush_input();
                state.tell(packet::FLUSHREAD, 0, after);
                state.pump(after);
                after.far |= WRITABLE;
            }
            if output {
                if self.device.is_some() {
                    state.line.flush_output();
                }
                state.tell(packet::FLUSHWRITE, 0, after);
            }
        });
        Ok(())
    }
}

impl State {
    /// Tells a master in packet mode whether Ctrl-S and Ctrl-Q are what they were.
    fn tell_flow(&mut self, old: &Termios, new: &Termios, after: &mut crate::terminal::After) {
        let usual =
            |t: &Termios| t.iflag & iflag::IXON != 0 && (t.cc[cc::VSTOP], t.cc[cc::VSTART]) == (0x13, 0x11);
        match (usual(old), usual(new)) {
            (false, true) => self.tell(packet::DOSTOP, packet::NOSTOP, after),
            (true, false) => self.tell(packet::NOSTOP, packet::DOSTOP, after),
            _ => {}
        }
        if (old.lflag | new.lflag) & lflag::EXTPROC != 0 {
            self.tell(packet::IOCTL, 0, after);
        }
    }
}

/// `new` settings, but for those that are fixed.
fn held(fixed: &Termios, old: &Termios, new: &Termios) -> Termios {
    let flags = |fixed: u32, old: u32, new: u32| new & !fixed | old & fixed;
    let byte = |fixed: u8, old: u8, new: u8| if fixed == 0 { new } else { old };
    Termios {
        iflag: flags(fixed.iflag, old.iflag, new.iflag),
        oflag: flags(fixed.oflag, old.oflag, new.oflag),
        cflag: flags(fixed.cflag, old.cflag, new.cflag),
        lflag: flags(fixed.lflag, old.lflag, new.lflag),
        line: byte(fixed.line, old.line, new.line),
        cc: core::array::from_fn(|i| byte(fixed.cc[i], old.cc[i], new.cc[i])),
    }
}

fn plain(arg: &dyn IoctlArg) -> Result<Settings, Errno> {
    Ok((read(arg, sane())?, None))
}

fn with_speeds(arg: &dyn IoctlArg) -> Result<Settings, Errno> {
    let all = read(arg, Termios2::default())?;
    Ok((all.termios, Some((all.ispeed, all.ospeed))))
}

fn short(termios: &Termios) -> Termio {
    let mut cc = [0; 9];
    cc[..8].copy_from_slice(&termios.cc[..8]);
    Termio {
        iflag: termios.iflag as u16,
        oflag: termios.oflag as u16,
        cflag: termios.cflag as u16,
        lflag: termios.lflag as u16,
        line: termios.line,
        cc,
    }
}
